"""The portfolio store folds messages exactly once, whole, and to the same figures however they arrive."""

import asyncio
import random
from collections.abc import AsyncIterator

import fakeredis
import numpy as np
import pytest

from alpha_panda.errors import ConfigurationError, StoreError
from alpha_panda.kernels import records
from alpha_panda.kernels.ledger import apply_fill
from alpha_panda.live.messages import Charges, Payload
from alpha_panda.live.store.base import DECISIONS_KEPT, ORDERS_KEPT, Change, Portfolio
from alpha_panda.live.store.redis import RedisStore
from tests.live.samples import DECISION, FILL, INFY, ORDER, PAYLOADS, RELIANCE, SNAPSHOT, changed

FILLS, UPDATES, VERDICTS, FIGURES = (
    "paper.orders.filled",
    "paper.orders.submitted",
    "paper.signals.rejected",
    "paper.pnl.snapshots",
)
REFUSAL = changed(DECISION, verdict="refused", code="collar", granted=0, order_id=0)


@pytest.fixture
async def store() -> AsyncIterator[RedisStore]:
    async with await RedisStore.open(None) as store:
        yield store


def changes(topic: str, *payloads: Payload | None, start: int = 0) -> list[Change]:
    return [Change(topic, 0, offset, payload) for offset, payload in enumerate(payloads, start)]


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


# ── What is shown ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_broker_that_nothing_happened_to_is_empty(store: RedisStore):
    assert await store.read_portfolio("paper") == Portfolio("paper", None, (), (), (), {})
    assert await store.offsets("paper") == {}


async def test_the_account_is_its_latest_snapshot(store: RedisStore):
    latest = changed(SNAPSHOT, cash_e4=-(2**63), equity_e4=2**63 - 1, state="reducing")
    await store.apply("paper", changes(FIGURES, SNAPSHOT, latest))
    assert (await store.read_portfolio("paper")).account == latest


async def test_a_position_follows_from_its_fills(store: RedisStore):
    """Bought 10 at ₹100 and 10 at ₹110, sold 5 at ₹120: realised 5 × (120 - 105), and 15 are left at ₹105."""
    await store.apply(
        "paper",
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


async def test_a_position_through_flat_to_short_keeps_its_signed_cost(store: RedisStore):
    """Bought 10 at ₹100, sold 30 at ₹90: lost 10 × ₹10, and short 20 at ₹90. Bought back at ₹80: gained 20 × ₹10."""
    await store.apply("paper", changes(FILLS, fill("BUY", 10, 1_000_000, 0, 10)))
    await store.apply("paper", changes(FILLS, fill("SELL", 30, 900_000, -1_000_000, -20), start=1))
    (short,) = (await store.read_portfolio("paper")).positions
    assert (short.quantity, short.cost_e4, short.realised_e4) == (-20, -20 * 900_000, -1_000_000)
    await store.apply("paper", changes(FILLS, fill("BUY", 20, 800_000, 2_000_000, 0), start=2))
    (flat,) = (await store.read_portfolio("paper")).positions
    assert (flat.quantity, flat.cost_e4, flat.realised_e4) == (0, 0, 1_000_000)


async def test_a_position_is_the_book_of_the_ledger_to_the_last_digit(store: RedisStore):
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
        await store.apply("paper", changes(FILLS, payload, start=offset))
        (position,) = (await store.read_portfolio("paper")).positions
        shown = (position.quantity, position.cost_e4, position.realised_e4)
        assert shown == (book.quantity, book.cost_e4, book.realised_e4)


async def test_each_strategy_and_instrument_has_a_position_of_its_own(store: RedisStore):
    fills = [FILL, changed(FILL, instrument_token=INFY), changed(FILL, strategy="rsi:fast")]
    await store.apply("paper", changes(FILLS, *fills))
    positions = (await store.read_portfolio("paper")).positions
    assert [(position.strategy, position.instrument_token) for position in positions] == [
        ("momentum", INFY),
        ("momentum", RELIANCE),
        ("rsi:fast", RELIANCE),
    ]


async def test_an_order_is_shown_as_it_stands(store: RedisStore):
    partial = changed(ORDER, status="partial", filled=20)
    await store.apply("paper", changes(UPDATES, ORDER, changed(ORDER, order_id=8), partial))
    assert (await store.read_portfolio("paper")).orders == (changed(ORDER, order_id=8), partial)


@pytest.mark.parametrize("late", ["working", "triggered", "partial"])
async def test_an_update_that_arrives_late_does_not_take_an_order_back(store: RedisStore, late: str):
    complete = changed(ORDER, status="complete", filled=60)
    await store.apply("paper", changes(FILLS, complete))
    await store.apply("paper", changes(UPDATES, changed(ORDER, status=late, filled=20)))
    assert (await store.read_portfolio("paper")).orders == (complete,)


async def test_all_orders_at_work_are_shown_and_the_latest_of_the_others(store: RedisStore):
    count = ORDERS_KEPT + 50
    finished = [changed(ORDER, order_id=number, status="cancelled") for number in range(2, count + 1)]
    await store.apply("paper", changes(UPDATES, changed(ORDER, order_id=1), *finished))
    orders = (await store.read_portfolio("paper")).orders
    assert [order.order_id for order in orders] == [*range(count, count - ORDERS_KEPT, -1), 1]


async def test_the_latest_decisions_are_shown_to_the_nanosecond(store: RedisStore):
    count = DECISIONS_KEPT + 50
    decisions = [changed(DECISION, time_ns=DECISION.time_ns + number) for number in range(count)]
    await store.apply("paper", changes(VERDICTS, *reversed(decisions)))
    assert (await store.read_portfolio("paper")).decisions == tuple(reversed(decisions[50:]))


async def test_refusals_are_counted_by_their_rule(store: RedisStore):
    await store.apply("paper", changes(VERDICTS, REFUSAL, changed(REFUSAL, code="halted"), REFUSAL, DECISION))
    assert (await store.read_portfolio("paper")).refusals == {"collar": 2, "halted": 1}


async def test_other_messages_move_the_offset_and_nothing_else(store: RedisStore):
    others = [payload for payload in PAYLOADS if payload not in (DECISION, ORDER, FILL, SNAPSHOT)]
    assert await store.apply("paper", changes("control", *others, None)) == len(others) + 1
    assert await store.offsets("paper") == {("control", 0): len(others) + 1}
    assert await store.read_portfolio("paper") == Portfolio("paper", None, (), (), (), {})


# ── Exactly once ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_offsets_are_those_to_read_next(store: RedisStore):
    await store.apply("paper", [Change(FILLS, 2, 41, FILL), Change(FILLS, 0, 7, FILL), Change(UPDATES, 0, 0, ORDER)])
    assert await store.offsets("paper") == {(FILLS, 2): 42, (FILLS, 0): 8, (UPDATES, 0): 1}


async def test_a_duplicate_changes_nothing(store: RedisStore):
    batch = [*changes(FILLS, FILL, FILL), *changes(VERDICTS, REFUSAL)]
    assert await store.apply("paper", batch) == 3
    before = await store.read_portfolio("paper")
    assert await store.apply("paper", batch) == 0
    assert await store.apply("paper", batch[1:]) == 0
    assert await store.read_portfolio("paper") == before
    assert await store.offsets("paper") == {(FILLS, 0): 2, (VERDICTS, 0): 1}


async def test_only_the_new_part_of_a_batch_is_folded(store: RedisStore):
    await store.apply("paper", changes(FILLS, FILL, FILL))
    assert await store.apply("paper", changes(FILLS, FILL, FILL, FILL)) == 1
    (position,) = (await store.read_portfolio("paper")).positions
    assert position.fills == 3


async def test_two_that_fold_the_same_log_at_once_count_each_change_once():
    server = fakeredis.FakeServer()
    first, second = (RedisStore(fakeredis.FakeAsyncRedis(server=server), "test") for _ in range(2))
    batch = changes(FILLS, *[FILL] * 50)
    folded = await asyncio.gather(*(store.apply("paper", batch) for store in (first, second) for _ in range(5)))
    assert sorted(folded) == [0] * 9 + [50]
    (position,) = (await second.read_portfolio("paper")).positions
    assert position.fills == 50
    await first.close()
    await second.close()


async def test_a_fold_that_fails_half_way_is_thrown_away(store: RedisStore):
    """A cost beyond 64 bits fails within the transaction, and Redis keeps the commands around it."""
    await store.apply("paper", changes(FILLS, fill("BUY", 1, 2**62, 0, 1)))
    with pytest.raises(StoreError, match=r"refused a change and was flushed.*overflow"):
        await store.apply("paper", changes(FILLS, fill("BUY", 1, 2**62, 0, 2), start=1))
    assert await store.offsets("paper") == {}
    assert await store.read_portfolio("paper") == Portfolio("paper", None, (), (), (), {})


async def test_brokers_do_not_see_each_other(store: RedisStore):
    await store.apply("paper", changes(FILLS, FILL))
    await store.apply("zerodha", changes("zerodha.orders.filled", FILL, FILL))
    await store.flush("paper")
    assert (await store.read_portfolio("paper")).positions == ()
    (position,) = (await store.read_portfolio("zerodha")).positions
    assert position.fills == 2


# ── Rebuilding ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_flushing_forgets_everything_so_that_the_fold_begins_anew(store: RedisStore):
    batch = [*changes(FILLS, FILL), *changes(VERDICTS, REFUSAL), *changes(UPDATES, ORDER), *changes(FIGURES, SNAPSHOT)]
    await store.apply("paper", batch)
    before = await store.read_portfolio("paper")
    await store.flush("paper")
    assert await store.offsets("paper") == {}
    assert await store.read_portfolio("paper") == Portfolio("paper", None, (), (), (), {})
    await store.apply("paper", batch)
    assert await store.read_portfolio("paper") == before


async def test_the_fold_is_the_same_however_the_topics_interleave(store: RedisStore):
    """Each topic keeps its order; which topic comes next, and how many records at once, is drawn from a seed."""
    times = [ORDER.time_ns + number for number in range(300)]
    topics = {
        FILLS: [changed(FILL, time_ns=time, position=number) for number, time in enumerate(times)]
        + [changed(ORDER, order_id=number, status="complete", filled=60) for number in range(0, 300, 3)],
        UPDATES: [changed(ORDER, order_id=number) for number in range(300)],
        "paper.orders.cancelled": [changed(ORDER, order_id=number, status="cancelled") for number in range(1, 300, 3)],
        VERDICTS: [changed(REFUSAL, time_ns=time) for time in times],
        "paper.signals.validated": [changed(DECISION, time_ns=time) for time in times],
    }
    results = []
    for seed in range(5):
        chance = random.Random(seed)
        broker = f"paper{seed}"
        queues = {topic: changes(topic, *payloads) for topic, payloads in topics.items()}
        while queues:
            topic = chance.choice(sorted(queues))
            size = chance.randint(1, 60)
            await store.apply(broker, queues[topic][:size])
            queues[topic] = queues[topic][size:]
            queues = {name: queue for name, queue in queues.items() if queue}
        results.append(changed(await store.read_portfolio(broker), broker=""))
    assert results[0].refusals == {"collar": 300}
    assert sum(order.status == "working" for order in results[0].orders) == 100
    assert results == [results[0]] * 5


# ── Where it lives ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_store_in_this_process_dies_with_its_object():
    async with await RedisStore.open(None) as store:
        await store.apply("paper", changes(FILLS, FILL))
    async with await RedisStore.open(None) as another:
        assert await another.offsets("paper") == {}


async def test_a_server_that_is_not_there_is_an_error_that_keeps_the_password():
    with pytest.raises(StoreError, match=r"at 127\.0\.0\.1:1 does not answer") as caught:
        await RedisStore.open("redis://user:hunter2@127.0.0.1:1/0")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["localhost", "http://localhost:6379", "redis://localhost:port/0"])
async def test_what_is_no_address_is_a_matter_of_configuration(url: str):
    with pytest.raises(ConfigurationError, match="redis needs an address"):
        await RedisStore.open(url)


async def test_what_somebody_else_wrote_is_refused():
    client = fakeredis.FakeAsyncRedis()
    async with RedisStore(client, "test") as store:
        await store.apply("paper", changes(FILLS, FILL))
        await client.hset(f"alpha_panda:paper:position:momentum:{RELIANCE}", "quantity", "many")
        with pytest.raises(StoreError, match="does not hold what was written: flush it"):
            await store.read_portfolio("paper")


async def test_a_server_that_goes_away_is_an_error(monkeypatch: pytest.MonkeyPatch):
    server = fakeredis.FakeServer()
    async with RedisStore(fakeredis.FakeAsyncRedis(server=server), "test") as store:
        await store.apply("paper", changes(FILLS, FILL))
        server.connected = False
        for call in (store.apply("paper", changes(FILLS, FILL, start=1)), store.read_portfolio("paper")):
            with pytest.raises(StoreError, match="does not answer"):
                await call
        server.connected = True
        assert await store.apply("paper", changes(FILLS, FILL, start=1)) == 1
