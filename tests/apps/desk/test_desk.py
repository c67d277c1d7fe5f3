"""The desk shows what the account said, says what it cannot read, and commands through the operator alone."""

import asyncio
import math
import pathlib
from typing import get_args

import numpy as np
import pytest

from alpha_panda.apps.desk import histories, looking
from alpha_panda.apps.desk.desk import Desk
from alpha_panda.apps.desk.history_models import Kind
from alpha_panda.apps.desk.models import Decision, Fill, Order
from alpha_panda.errors import ConfigurationError, LogError
from alpha_panda.kernels.records import CLOCK
from alpha_panda.live import messages
from alpha_panda.live.build import Options, new_status, open_log, planned, trade
from tests.apps.desk_at_work import at_work, seen, surroundings_of, traded_morning
from tests.live.trading import PAPER, PAPER_TOML, SYMBOLS, market, messages_of, morning, replayed


async def test_a_session_is_shown_as_its_account_ended(tmp_path: pathlib.Path):
    state = await traded_morning(tmp_path / "s1")
    account, books = replayed(morning()).account, replayed(morning()).books

    async with at_work(state) as desk:
        picture = await seen(desk, lambda picture: bool(picture.positions) and picture.account is not None)

    assert picture.session is not None
    assert (picture.session.name, picture.session.mode) == ("s1", "paper")
    assert picture.phase == "ended"
    assert picture.account is not None
    assert picture.account.equity_e4 == account["equity_e4"]
    assert picture.account.cash_e4 == account["cash_e4"]
    assert picture.account.fills == account["fills"]
    assert sum(position.realised_e4 for position in picture.positions) == account["realised_e4"]
    assert sum(position.charges_e4 for position in picture.positions) == account["charges"]["total_e4"]
    assert sum(position.quantity for position in picture.positions) == books["quantity"].sum()
    assert len(picture.orders) == account["orders_made"]
    assert sum(refusals.count for refusals in picture.refusals) == account["refused"]
    assert sum(strategy.signals or 0 for strategy in picture.strategies) == account["signals"]
    assert all(source.well for source in picture.sources)
    assert picture.troubles == ()


async def test_the_tape_and_the_curve_are_what_the_log_says(tmp_path: pathlib.Path):
    state = await traded_morning(tmp_path / "s1")
    async with open_log(state, read_only=True) as log:
        filled = [each.data for each in await messages_of(log, PAPER.orders_filled)]
        snapshots = await messages_of(log, PAPER.pnl_snapshots)

    async with at_work(state) as desk:
        picture = await seen(desk, lambda picture: len(picture.curve) == len(snapshots) and bool(picture.happenings))

    assert [point.equity_e4 for point in picture.curve] == [message.data.equity_e4 for message in snapshots]
    fills = [line for line in picture.happenings if isinstance(line, Fill)]
    assert [(fill.time_ns, fill.price_e4) for fill in reversed(fills)] == [
        (fill.time_ns, fill.price_e4) for fill in filled if isinstance(fill, messages.Fill)
    ]
    times_ns = [line.updated_ns if isinstance(line, Order) else line.time_ns for line in picture.happenings]
    assert times_ns == sorted(times_ns, reverse=True)
    assert all(isinstance(decision, Decision) and decision.symbol in SYMBOLS for decision in picture.decisions)


async def test_minutes_are_added_up_from_the_events_that_the_session_saw(tmp_path: pathlib.Path):
    state = await traded_morning(tmp_path / "s1")
    events = morning()
    mine = events[(events["kind"] != CLOCK) & (events["instrument"] == 1)]
    symbol = market()[0].symbols[1]

    async with at_work(state) as desk:
        await seen(desk, lambda picture: picture.feed is not None and picture.feed.market_ns == events["time_ns"][-1])
        bars = desk.bars(symbol)
        with pytest.raises(ConfigurationError, match="does not trade NSE:NOBODY"):
            desk.bars("NSE:NOBODY")

    assert sum(bar.volume for bar in bars) == mine["volume"].sum()
    assert (bars[0].open_e4, bars[-1].close_e4) == (mine["open_e4"][0], mine["close_e4"][-1])
    assert max(bar.high_e4 for bar in bars) == mine["high_e4"].max()
    assert np.all(np.diff([bar.time_ns for bar in bars]) > 0)


async def test_the_fills_of_a_position_are_all_that_the_log_has_or_it_is_said_how_far_back(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    state = await traded_morning(tmp_path / "s1")
    async with at_work(state) as desk:
        picture = await seen(desk, lambda picture: bool(picture.positions))
        every = [fill for fill in (await desk.history("fills", None, 1_000)).rows if isinstance(fill, Fill)]
        monkeypatch.setattr(histories, "LIMIT_MAX", 2)
        for position in picture.positions:
            found = await desk.fills_of(position.symbol, position.strategy)
            mine = [fill for fill in every if (fill.strategy, fill.symbol) == (position.strategy, position.symbol)]
            assert (list(found.rows), found.all, len(found.rows)) == (mine, True, position.fills)
        of_all = await desk.fills_of(SYMBOLS[0])
        monkeypatch.setattr(histories, "LOOKED_MAX", 2)
        oldest = await desk.fills_of(every[-1].symbol, every[-1].strategy)

    assert list(of_all.rows) == [fill for fill in every if fill.symbol == SYMBOLS[0]]
    assert (oldest.looked, oldest.all) == (2, False)


async def test_signals_that_were_not_all_read_are_not_counted(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(looking, "_SIGNALS_RECORDS", 3)
    async with at_work(await traded_morning(tmp_path / "s1")) as desk:
        picture = await seen(desk, lambda picture: bool(picture.strategies) and bool(picture.happenings))

    assert {strategy.signals for strategy in picture.strategies} == {None}


async def test_before_a_session_has_begun_the_desk_waits_and_says_so(tmp_path: pathlib.Path):
    async with at_work(tmp_path / "s1") as desk:
        waiting = await seen(desk, lambda picture: picture.number > 0)
        assert waiting.phase == "waiting"
        assert waiting.account is None
        with pytest.raises(LogError, match="cannot be read now"):
            await desk.lineage(1)
        await traded_morning(tmp_path / "s1")
        begun = await seen(desk, lambda picture: picture.account is not None)

    assert begun.phase in ("ended", "trading")


async def test_a_kill_is_seen_at_once_and_needs_no_session(tmp_path: pathlib.Path):
    state = await traded_morning(tmp_path / "s1")
    async with at_work(state) as desk:
        await seen(desk, lambda picture: picture.account is not None)
        killing = asyncio.create_task(desk.command("kill", "", "asha", "the price feed looks wrong"))
        killed = await seen(desk, lambda picture: picture.latch is not None)
        receipt = await killing

    assert killed.killed
    assert killed.latch is not None
    assert (killed.latch.who, killed.latch.reason) == ("asha", "the price feed looks wrong")
    assert killed.troubles[0] == "the kill latch is engaged by asha: the price feed looks wrong"
    assert receipt.latch == "engaged"


async def test_a_slow_viewer_sees_the_latest_picture_and_holds_up_nobody(tmp_path: pathlib.Path):
    async with at_work(tmp_path / "s1") as desk, desk.watch() as slow:
        await seen(desk, lambda picture: picture.number >= 3)
        latest = await anext(slow)

    assert latest.number >= 3
    assert slow.dropped >= 2


async def test_what_happened_before_anybody_looked_is_no_news(tmp_path: pathlib.Path):
    state = await traded_morning(tmp_path / "s1")
    desk = Desk(surroundings_of(state))
    async with desk.watch_happenings() as news:
        looking = asyncio.create_task(desk.run())
        await seen(desk, lambda picture: bool(picture.happenings) and bool(picture.positions))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await anext(news)
        looking.cancel()
        await asyncio.wait([looking])


async def test_what_happens_in_a_session_that_begins_meanwhile_is_news_each_once(tmp_path: pathlib.Path):
    state = tmp_path / "s1"
    options = Options(profile=PAPER_TOML, instruments=SYMBOLS, speed=math.inf, state=state)
    fills: list[Fill] = []
    async with at_work(state) as desk, desk.watch_happenings() as news:
        await trade(planned(options), new_status(), asyncio.Event())
        ended = await seen(desk, lambda picture: picture.account is not None and picture.phase == "ended")
        assert ended.account is not None
        async with asyncio.timeout(60):
            while len(fills) < (ended.account.fills or 0):
                fills += [line for line in await anext(news) if isinstance(line, Fill)]

    assert len({(fill.order_id, fill.time_ns, fill.quantity) for fill in fills}) == len(fills) == ended.account.fills


async def test_at_the_end_of_a_day_the_books_add_up_to_the_account(tmp_path: pathlib.Path):
    options = Options(profile=PAPER_TOML, instruments=SYMBOLS, speed=math.inf, state=tmp_path / "s1")
    await trade(planned(options), new_status(), asyncio.Event())
    async with at_work(tmp_path / "s1") as desk:
        day = await seen(desk, lambda picture: picture.account is not None and bool(picture.positions))

    account, books = day.account, day.positions
    assert account is not None
    assert account.fills == sum(book.fills for book in books) > 0
    assert account.realised_e4 == sum(book.realised_e4 for book in books)
    assert account.charges_e4 == sum(book.charges_e4 for book in books)
    assert account.unrealised_e4 == sum(book.unrealised_e4 or 0 for book in books)
    assert account.day_pnl_e4 == account.realised_e4 + account.unrealised_e4 - account.charges_e4
    assert day.curve[-1].equity_e4 == account.equity_e4
    times_ns = [line.updated_ns if isinstance(line, Order) else line.time_ns for line in day.happenings]
    assert times_ns == sorted(times_ns, reverse=True)


async def test_what_is_listened_to_ends_when_the_listener_leaves(tmp_path: pathlib.Path):
    heard: list[int] = []
    async with at_work(tmp_path / "s1") as desk:
        leave = desk.listen(lambda picture: heard.append(picture.number))
        await seen(desk, lambda picture: picture.number >= 1)
        leave()
        count = len(heard)
        await seen(desk, lambda picture: picture.number >= count + 2)

    assert len(heard) == count > 0


async def test_an_order_shows_its_way_and_a_refusal_its_figures(tmp_path: pathlib.Path):
    state = await traded_morning(tmp_path / "s1")
    async with at_work(state) as desk:
        picture = await seen(desk, lambda picture: bool(picture.orders) and bool(picture.decisions))
        order = picture.orders[-1]
        lineage = await desk.lineage(order.order_id)
        with pytest.raises(ConfigurationError, match="has made no order 999999"):
            await desk.lineage(999_999)
        for forged in (
            "paper.journal:0",
            "paper.signals.rejected:-1",
            "paper.signals.rejected:99999999999999999999",
            "",
        ):
            with pytest.raises(ConfigurationError, match="names no refusal"):
                await desk.lineage_of(forged)

    assert [step.says.what for step in lineage.steps] == ["event", "signal", "decision", "order", "fill", "order"]
    assert lineage.finished
    assert lineage.reason == f"a signal of {order.strategy}"
    said = [step.says for step in lineage.steps]
    assert isinstance(said[-1], Order)
    assert said[-1].status == order.status == "complete"


async def test_the_sessions_beside_it_are_listed(tmp_path: pathlib.Path):
    state = await traded_morning(tmp_path / "s1")
    await traded_morning(tmp_path / "s2")
    (tmp_path / "s2" / "kill").touch()
    async with at_work(state) as desk:
        listed = {listing.name: listing for listing in desk.sessions()}

    assert set(listed) == {"s1", "s2"}
    assert listed["s1"].shown
    assert not listed["s2"].shown
    assert listed["s2"].killed
    assert (listed["s1"].log, listed["s1"].running) == ("embedded", False)


async def test_what_the_account_says_with_a_command_is_shown_before_its_next_report(tmp_path: pathlib.Path):
    stop, state = asyncio.Event(), tmp_path / "s1"
    options = Options(profile=PAPER_TOML, instruments=SYMBOLS, speed=60.0, state=state)
    trading = asyncio.create_task(trade(planned(options), new_status(), stop))
    async with at_work(state) as desk:
        running = await seen(desk, lambda picture: picture.account is not None and picture.phase == "trading")
        receipt = await desk.command("kill", "", "asha", "enough")
        killed = await seen(desk, lambda picture: picture.account is not None and picture.account.state == "killed")
        stop.set()
        await trading

    assert running.account is not None
    assert running.account.state == "running"
    assert receipt.account == "killed"
    assert killed.happenings[0].what == "command"


@pytest.mark.parametrize("kind", get_args(Kind))
async def test_a_history_read_page_by_page_has_all_of_it_once_and_newest_first(tmp_path: pathlib.Path, kind: Kind):
    state = await traded_morning(tmp_path / "s1")
    async with at_work(state) as desk:
        await seen(desk, lambda picture: bool(picture.positions))
        whole = await desk.history(kind, None, 1_000)
        rows: list[object] = []
        cursor, first = None, True
        while first or cursor is not None:
            page = await desk.history(kind, cursor, 3)
            rows += page.rows
            cursor, first = page.following, False

    assert tuple(rows) == whole.rows
    assert whole.following is None
    assert bool(rows) == (kind not in ("refusals", "commands"))
