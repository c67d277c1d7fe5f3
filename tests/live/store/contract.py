"""The promises of a portfolio store, as tests that every place it may live in inherits."""

import asyncio
import random

import numpy as np
import pytest

from alpha_panda.errors import StoreError, StoreGapError
from alpha_panda.kernels import records
from alpha_panda.kernels.ledger import apply_fill
from alpha_panda.live.messages import Charges, Payload, Place
from alpha_panda.live.store.base import DECISIONS_KEPT, ORDERS_KEPT, Change, Dump, Places, Portfolio, Store
from tests.live.samples import DECISION, FILL, INFY, ORDER, PAYLOADS, RELIANCE, SNAPSHOT, changed

FILLS, UPDATES, VERDICTS, SNAPSHOTS = (
    "paper.orders.filled",
    "paper.orders.submitted",
    "paper.signals.rejected",
    "paper.pnl.snapshots",
)
SESSION = "2026-11-20"
EMPTY = Portfolio("paper", SESSION, None, (), (), (), {})
REFUSAL = changed(DECISION, verdict="refused", code="collar", granted=0, order_id=0)


def change(topic: str, partition: int, sequence: int, payload: Payload) -> Change:
    """Return a change that stands on the log behind seven foreign records, of the third writer."""
    return Change(Place(topic, partition, sequence + 8, sequence + 1, 3), payload)


def changes(topic: str, *payloads: Payload, start: int = 0) -> list[Change]:
    return [change(topic, 0, sequence, payload) for sequence, payload in enumerate(payloads, start)]


def sequences(places: Places) -> dict[tuple[str, int], int]:
    return {partition: place.sequence for partition, place in places.items()}


def fill(side: str, quantity: int, price_e4: int, realised_e4: int, position: int, charges_e4: int = 0):
    charges = Charges(charges_e4, 0, 0, 0, 0, 0, 0, charges_e4)
    return changed(
        FILL,
        side=side,
        quantity=quantity,
        price_e4=price_e4,
        realised_e4=realised_e4,
        position=position,
        charges=charges,
    )


class StoreContract:
    """Each class gives `store`, which shows a session of which nothing was told yet, and `second`, onto the same."""

    # ── What is shown ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_a_broker_that_nothing_happened_to_is_empty(self, store: Store):
        assert await store.read_portfolio("paper") == EMPTY
        assert await store.standing("paper") == (SESSION, {})

    async def test_the_account_is_its_latest_snapshot(self, store: Store):
        latest = changed(SNAPSHOT, cash_e4=-(2**63), equity_e4=2**63 - 1, state="reducing")
        await store.apply("paper", SESSION, changes(SNAPSHOTS, SNAPSHOT, latest))
        assert (await store.read_portfolio("paper")).account == latest

    async def test_a_position_follows_from_its_fills(self, store: Store):
        """Bought 10 at ₹100 and 10 at ₹110, sold 5 at ₹120: realised 5 × (120 - 105), and 15 are left at ₹105."""
        await store.apply(
            "paper",
            SESSION,
            changes(
                FILLS,
                fill("BUY", 10, 1_000_000, 0, 10, charges_e4=7),
                fill("BUY", 10, 1_100_000, 0, 20, charges_e4=8),
                fill("SELL", 5, 1_200_000, 5 * 150_000, 15, charges_e4=9),
            ),
        )
        (position,) = (await store.read_portfolio("paper")).positions
        assert (position.strategy, position.instrument_token) == ("momentum", RELIANCE)
        assert (position.quantity, position.cost_e4) == (15, 15 * 1_050_000)
        assert (position.realised_e4, position.charges_e4, position.fills) == (750_000, 24, 3)
        assert (position.price_e4, position.updated_ns) == (1_200_000, FILL.time_ns)

    async def test_a_position_through_flat_to_short_keeps_its_signed_cost(self, store: Store):
        """Bought 10 at ₹100, sold 30 at ₹90: lost 10 × ₹10, short 20 at ₹90. Bought back at ₹80: gained 20 × ₹10."""
        await store.apply("paper", SESSION, changes(FILLS, fill("BUY", 10, 1_000_000, 0, 10)))
        await store.apply("paper", SESSION, changes(FILLS, fill("SELL", 30, 900_000, -1_000_000, -20), start=1))
        (short,) = (await store.read_portfolio("paper")).positions
        assert (short.quantity, short.cost_e4, short.realised_e4) == (-20, -20 * 900_000, -1_000_000)
        await store.apply("paper", SESSION, changes(FILLS, fill("BUY", 20, 800_000, 2_000_000, 0), start=2))
        (flat,) = (await store.read_portfolio("paper")).positions
        assert (flat.quantity, flat.cost_e4, flat.realised_e4) == (0, 0, 1_000_000)

    async def test_a_position_is_the_book_of_the_ledger_to_the_last_digit(self, store: Store):
        """Prices and quantities are drawn from a fixed seed, so that shares of the cost do not come out even."""
        chance = random.Random(1)
        account, book, quote = (np.zeros(1, dtype)[0] for dtype in (records.ACCOUNT, records.BOOK, records.QUOTE))
        for offset in range(300):
            side, quantity, price_e4 = (
                chance.choice(["BUY", "SELL"]),
                chance.randint(1, 50),
                chance.randint(900_001, 1_100_001),
            )
            signed = quantity if side == "BUY" else -quantity
            realised_e4 = apply_fill(account, book, quote, records.EQUITY, signed, price_e4, offset)
            payload = fill(side, quantity, price_e4, int(realised_e4), int(book.quantity))
            await store.apply("paper", SESSION, changes(FILLS, payload, start=offset))
            (position,) = (await store.read_portfolio("paper")).positions
            shown = (position.quantity, position.cost_e4, position.realised_e4)
            assert shown == (book.quantity, book.cost_e4, book.realised_e4)

    async def test_each_strategy_and_instrument_has_a_position_of_its_own(self, store: Store):
        fills = [FILL, changed(FILL, instrument_token=INFY), changed(FILL, strategy="rsi:fast")]
        await store.apply("paper", SESSION, changes(FILLS, *fills))
        positions = (await store.read_portfolio("paper")).positions
        assert [(position.strategy, position.instrument_token) for position in positions] == [
            ("momentum", INFY),
            ("momentum", RELIANCE),
            ("rsi:fast", RELIANCE),
        ]

    async def test_an_order_is_shown_as_it_stands(self, store: Store):
        partial = changed(ORDER, status="partial", filled=20)
        await store.apply("paper", SESSION, changes(UPDATES, ORDER, changed(ORDER, order_id=8), partial))
        assert (await store.read_portfolio("paper")).orders == (changed(ORDER, order_id=8), partial)

    @pytest.mark.parametrize("late", ["working", "triggered", "partial"])
    async def test_an_update_that_arrives_late_does_not_take_an_order_back(self, store: Store, late: str):
        complete = changed(ORDER, status="complete", filled=60)
        await store.apply("paper", SESSION, changes(FILLS, complete))
        await store.apply("paper", SESSION, changes(UPDATES, changed(ORDER, status=late, filled=20)))
        assert (await store.read_portfolio("paper")).orders == (complete,)

    async def test_all_orders_at_work_are_shown_and_the_latest_of_the_others(self, store: Store):
        count = ORDERS_KEPT + 50
        finished = [changed(ORDER, order_id=number, status="cancelled") for number in range(2, count + 1)]
        await store.apply("paper", SESSION, changes(UPDATES, changed(ORDER, order_id=1), *finished))
        orders = (await store.read_portfolio("paper")).orders
        assert [order.order_id for order in orders] == [*range(count, count - ORDERS_KEPT, -1), 1]

    async def test_the_latest_decisions_are_shown_to_the_nanosecond(self, store: Store):
        count = DECISIONS_KEPT + 50
        decisions = [changed(DECISION, time_ns=DECISION.time_ns + number) for number in range(count)]
        await store.apply("paper", SESSION, changes(VERDICTS, *reversed(decisions)))
        assert (await store.read_portfolio("paper")).decisions == tuple(reversed(decisions[50:]))

    async def test_refusals_are_counted_by_their_rule(self, store: Store):
        await store.apply(
            "paper", SESSION, changes(VERDICTS, REFUSAL, changed(REFUSAL, code="halted"), REFUSAL, DECISION)
        )
        assert (await store.read_portfolio("paper")).refusals == {"collar": 2, "halted": 1}

    async def test_other_messages_move_the_place_and_nothing_else(self, store: Store):
        others = [payload for payload in PAYLOADS if payload not in (DECISION, ORDER, FILL, SNAPSHOT)]
        assert await store.apply("paper", SESSION, changes("control", *others)) == len(others)
        assert sequences((await store.standing("paper")).places) == {("control", 0): len(others)}
        assert await store.read_portfolio("paper") == EMPTY

    # ── Exactly once ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_the_places_are_those_where_reading_goes_on(self, store: Store):
        await store.apply("paper", SESSION, [*changes(FILLS, FILL, FILL), *changes(UPDATES, ORDER)])
        await store.apply("paper", SESSION, [change(FILLS, 2, 0, FILL), *changes(UPDATES, ORDER, start=1)])
        last = (change(FILLS, 0, 1, FILL), change(UPDATES, 0, 1, ORDER), change(FILLS, 2, 0, FILL))
        places = {(each.next_place.topic, each.next_place.partition): each.next_place for each in last}
        assert (await store.standing("paper")).places == await store.begin("paper", SESSION) == places

    async def test_a_duplicate_changes_nothing(self, store: Store):
        batch = [*changes(FILLS, FILL, FILL), *changes(VERDICTS, REFUSAL)]
        assert await store.apply("paper", SESSION, batch) == 3
        before = await store.dump("paper")
        assert await store.apply("paper", SESSION, batch) == 0
        assert await store.apply("paper", SESSION, batch[1:]) == 0
        assert await store.dump("paper") == before

    async def test_only_the_new_part_of_a_batch_is_folded(self, store: Store):
        await store.apply("paper", SESSION, changes(FILLS, FILL, FILL))
        assert await store.apply("paper", SESSION, changes(FILLS, FILL, FILL, FILL)) == 1
        (position,) = (await store.read_portfolio("paper")).positions
        assert position.fills == 3

    async def test_two_that_fold_the_same_log_at_once_count_each_change_once(self, store: Store, second: Store):
        batch = changes(FILLS, *[FILL] * 50)
        folding = (each.apply("paper", SESSION, batch) for each in (store, second) for _ in range(5))
        assert sorted(await asyncio.gather(*folding)) == [0] * 9 + [50]
        (position,) = (await second.read_portfolio("paper")).positions
        assert position.fills == 50

    async def test_a_fold_that_fails_half_way_is_thrown_away(self, store: Store):
        """A cost beyond 64 bits fails within the transaction, and Redis keeps the commands around it."""
        await store.apply("paper", SESSION, changes(FILLS, fill("BUY", 1, 2**62, 0, 1)))
        with pytest.raises(StoreError, match=r"refused a change and was flushed.*overflow"):
            await store.apply("paper", SESSION, changes(FILLS, fill("BUY", 1, 2**62, 0, 2), start=1))
        assert await store.dump("paper") == Dump("", {}, {})

    async def test_a_fold_that_is_cancelled_anywhere_is_whole_or_was_not(self, store: Store):
        """It is cancelled one turn of the loop later each time, until it is done before that."""
        batch = [*changes(FILLS, FILL, FILL), *changes(VERDICTS, REFUSAL), *changes(UPDATES, ORDER)]
        nothing = await store.dump("paper")
        await store.apply("paper", SESSION, batch)
        everything = await store.dump("paper")
        turns, cancelled = 0, True
        while cancelled:
            await store.flush("paper")
            await store.begin("paper", SESSION)
            folding = asyncio.create_task(store.apply("paper", SESSION, batch))
            for _ in range(turns):
                await asyncio.sleep(0)
            cancelled = folding.cancel()
            await asyncio.wait([folding])
            assert folding.cancelled() == cancelled
            assert await store.dump("paper") in (nothing, everything)
            await store.apply("paper", SESSION, batch)
            assert await store.dump("paper") == everything
            turns += 1
        assert turns > 10

    async def test_brokers_do_not_see_each_other(self, store: Store):
        await store.begin("zerodha", SESSION)
        await store.apply("paper", SESSION, changes(FILLS, FILL))
        await store.apply("zerodha", SESSION, changes("zerodha.orders.filled", FILL, FILL))
        await store.flush("paper")
        assert (await store.read_portfolio("paper")).positions == ()
        (position,) = (await store.read_portfolio("zerodha")).positions
        assert position.fills == 2

    # ── What is missing ──────────────────────────────────────────────────────────────────────────────────────────────

    async def test_a_change_that_would_leave_a_gap_is_refused_with_its_whole_batch(self, store: Store):
        await store.apply("paper", SESSION, changes(FILLS, FILL))
        before = await store.dump("paper")
        with pytest.raises(StoreGapError, match=r"folded paper.orders.filled/0 up to sequence 2 and was given 3"):
            await store.apply("paper", SESSION, [*changes(FILLS, FILL, start=1), *changes(FILLS, FILL, start=3)])
        assert await store.dump("paper") == before

    async def test_a_partition_begins_with_sequence_0(self, store: Store):
        with pytest.raises(StoreGapError, match=r"up to sequence 0 and was given 1"):
            await store.apply("paper", SESSION, changes(FILLS, FILL, start=1))

    async def test_a_store_that_was_flushed_in_between_says_so_and_is_folded_again(self, store: Store):
        batch = [*changes(FILLS, FILL), *changes(VERDICTS, REFUSAL), *changes(UPDATES, ORDER)]
        batch += changes(SNAPSHOTS, SNAPSHOT)
        await store.apply("paper", SESSION, batch)
        before = await store.dump("paper")
        await store.flush("paper")
        assert await store.dump("paper") == Dump("", {}, {})
        with pytest.raises(StoreGapError, match="shows nothing of paper: it was flushed"):
            await store.apply("paper", SESSION, changes(FILLS, FILL, start=1))
        assert await store.begin("paper", SESSION) == {}
        await store.apply("paper", SESSION, batch)
        assert await store.dump("paper") == before

    async def test_another_session_is_shown_without_a_trace_of_the_one_before(self, store: Store):
        await store.apply("paper", SESSION, [*changes(FILLS, FILL), *changes(VERDICTS, REFUSAL)])
        assert await store.begin("paper", "2026-11-23") == {}
        assert await store.read_portfolio("paper") == changed(EMPTY, session="2026-11-23")

    async def test_a_session_that_is_shown_no_more_cannot_write(self, store: Store, second: Store):
        await store.apply("paper", SESSION, changes(FILLS, FILL))
        await second.begin("paper", "2026-11-23")
        with pytest.raises(StoreError, match="shows another session of paper by now, 2026-11-23 and not 2026-11-20"):
            await store.apply("paper", SESSION, changes(FILLS, FILL, start=1))
        assert await second.read_portfolio("paper") == changed(EMPTY, session="2026-11-23")

    # ── However it comes ─────────────────────────────────────────────────────────────────────────────────────────────

    async def test_the_bytes_are_the_same_however_the_topics_interleave_and_are_batched(self, store: Store):
        """Each topic keeps its order; which topic comes next, and how many records at once, is drawn from a seed."""
        dumps = [await dealt(store, random.Random(seed), longest) for seed, longest in enumerate((1, 7, 60, 300, 2000))]
        portfolio = await store.read_portfolio("paper")
        assert portfolio.refusals == {"collar": 300}
        assert [order.limit_e4 for order in portfolio.orders if order.status == "working"] == [2] * 100
        assert len(portfolio.decisions) == DECISIONS_KEPT
        assert dumps == [dumps[0]] * 5


async def dealt(store: Store, chance: random.Random, longest: int) -> Dump:
    """Return what a store keeps that was given some hundred changes of each kind, in batches of random sizes."""
    times = [ORDER.time_ns + number for number in range(300)]
    topics: dict[str, list[Payload]] = {
        FILLS: [
            *(changed(FILL, time_ns=time, position=number) for number, time in enumerate(times)),
            *(changed(ORDER, order_id=number, status="complete", filled=60) for number in range(0, 300, 3)),
        ],
        UPDATES: [changed(ORDER, order_id=number, limit_e4=limit) for number in range(300) for limit in (1, 3, 2)],
        "paper.orders.cancelled": [changed(ORDER, order_id=number, status="cancelled") for number in range(1, 300, 3)],
        VERDICTS: [changed(REFUSAL, time_ns=time) for time in times],
        "paper.signals.validated": [changed(DECISION, time_ns=time) for time in times],
        SNAPSHOTS: [changed(SNAPSHOT, time_ns=time) for time in times],
    }
    await store.flush("paper")
    await store.begin("paper", SESSION)
    queues = {topic: changes(topic, *payloads) for topic, payloads in topics.items()}
    while queues:
        batch: list[Change] = []
        for topic in chance.sample(sorted(queues), chance.randint(1, len(queues))):
            size = chance.randint(1, longest)
            batch += queues[topic][:size]
            queues[topic] = queues[topic][size:]
        await store.apply("paper", SESSION, batch)
        queues = {name: queue for name, queue in queues.items() if queue}
    return await store.dump("paper")
