"""The screen shows the account's own figures, as people in India write them, and says what is not well."""

import dataclasses
import pathlib

import numpy as np
import pytest
from rich.console import Console

from alpha_panda.kernels.records import HALTED
from alpha_panda.kernels.risk import DAY_LOSS_HALT
from alpha_panda.live.build import new_status
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.status import COMPILING, RECOVERING, TRADING, Status
from alpha_panda.live.streams import DUPLICATE, STALE, UNDECODABLE
from alpha_panda.live.watch.screen import Pace, draw, progress_line
from alpha_panda.live.watch.view import PaceMeter
from alpha_panda.units import format_rupees, ist_datetime
from tests.live.trading import ChoppedFeed, market, morning, run_on
from tests.live.watching import record, report

PACE = Pace(1_124.0, 90.0, 0.4)


def shown(status: Status, pace: Pace = PACE, width: int = 160) -> str:
    """Return the screen as a terminal shows it, without colours."""
    console = Console(width=width, force_terminal=False)
    with console.capture() as capture:
        console.print(draw(status, pace))
    return capture.get()


@pytest.fixture
async def status(tmp_path: pathlib.Path) -> Status:
    """Return the status of a session at eleven, with positions."""
    status = new_status()
    async with SqliteLog(tmp_path) as log:
        await run_on(log, ChoppedFeed(morning()), status=status)
    status.phase = TRADING
    return status


@pytest.mark.parametrize("phase", [COMPILING, RECOVERING])
def test_a_session_that_does_not_trade_yet_says_what_it_waits_for(phase: str):
    status = new_status()
    status.phase = phase
    assert phase in shown(status)
    assert "PAPER" in shown(status)


def test_nobody_can_take_paper_for_real_money(status: Status):
    assert "PAPER" in shown(status)
    assert "no real orders" in shown(status)


def test_the_figures_are_those_of_the_account(status: Status):
    assert status.account is not None
    account = status.account.account
    text = shown(status)
    for amount_e4 in (account["equity_e4"], account["cash_e4"], account["gross_e4"], account["charges"]["total_e4"]):
        assert format_rupees(amount_e4) in text
    assert format_rupees(account["equity_e4"] - account["day_start_equity_e4"], signed=True) in text
    assert f"{ist_datetime(morning()['time_ns'][-1]):%H:%M:%S} IST" in text
    assert "1,124 events/s" in text
    assert "feed 0.4 s ago" in text


def test_every_book_that_traded_has_its_row_with_signs_that_no_font_can_hide(status: Status):
    assert status.account is not None
    books = status.account.books
    text = shown(status)
    traded = np.argwhere(books["charges_e4"]).tolist()
    assert len(traded) > 1
    for strategy, instrument in traded:
        book = books[strategy, instrument]
        row = next(
            line
            for line in text.splitlines()
            if market()[0].symbols[instrument] in line
            and ("momentum", "mean_reversion")[strategy] in line
            and format_rupees(book["charges_e4"]) in line
        )
        assert f" {book['quantity']} ".replace("-", "−") in row
        assert "-" not in row


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_a_narrow_screen_leaves_columns_out_and_cuts_no_figure(status: Status, width: int):
    assert status.account is not None
    text = shown(status, width=width)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    assert format_rupees(status.account.account["equity_e4"]) in text
    for strategy, instrument in np.argwhere(status.account.books["quantity"]).tolist():
        quantity = f"{status.account.books[strategy, instrument]['quantity']:,}".replace("-", "−")
        row = next(line for line in text.splitlines() if f" {quantity} " in line)
        assert market()[0].symbols[instrument] in row
        assert format_rupees(status.account.quotes[instrument]["last_e4"]) in row


def test_what_must_not_be_missed_stands_above_what_a_low_screen_cuts_off(status: Status):
    link = f"http://127.0.0.1:8000/sign-in#link={'A' * 43}"
    status.announced = ("dashboard at http://127.0.0.1:8000", f"sign in once, within ten minutes: {link}")
    status.warnings.append("the clock of this machine goes wrong")
    lines = shown(status, width=80).splitlines()
    assert link in [line.strip() for line in lines], "it can be copied whole"
    above = next(number for number, line in enumerate(lines) if "Equity" in line)
    assert any("goes wrong" in line for line in lines[:above])


def test_a_halted_account_says_why(status: Status):
    assert status.account is not None
    assert "● RUNNING" in shown(status)
    status.account.account["state"], status.account.account["halt_code"] = HALTED, DAY_LOSS_HALT
    assert "● HALTED (day_loss_halt)" in shown(status)


def test_before_the_first_order_it_says_what_is_waited_for(status: Status):
    assert status.account is not None
    status.account.books["quantity"] = 0
    status.account.books["charges_e4"] = 0
    assert "No positions yet: 2 strategies are watching." in shown(status)


async def test_refusals_are_counted_by_their_rule_also_after_a_restart(tmp_path: pathlib.Path):
    first, again = new_status(), new_status()
    for status in (first, again):
        async with SqliteLog(tmp_path) as log:
            await run_on(log, ChoppedFeed(market()[1]), status=status)
    assert first.refusals
    assert again.refusals == first.refusals
    for code, count in first.refusals.items():
        assert f"{count}  {code}" in shown(again)


def test_a_line_says_the_same_where_there_is_no_terminal(status: Status):
    assert status.account is not None
    account = status.account.account
    line = progress_line(status, PACE)
    assert format_rupees(account["equity_e4"]) in line
    assert f"{account['orders_made']} orders" in line


def test_the_pace_is_that_of_the_last_seconds(status: Status):
    now_s = 100.0
    status = dataclasses.replace(status, monotonic=lambda: now_s)
    meter = PaceMeter(status)
    meter.pace()
    for _ in range(8):
        now_s += 1.0
        status.events += 50
        status.frames += 5
        status.framed_s = now_s - 0.25
        pace = meter.pace()
    assert pace == Pace(50.0, 5.0, 0.25)


def test_what_went_wrong_is_said(status: Status):
    assert "set aside" not in shown(status)
    for reason in (DUPLICATE, STALE, DUPLICATE, f"{UNDECODABLE}: market.ticks offset 41 ends too early"):
        status.on_set_aside("account", record(), reason)
    status.warnings.extend(f"10:15:0{number} [warning] the log is away" for number in range(6))
    text = shown(status)
    assert f"records set aside: 2 {DUPLICATE}, 1 {STALE}, 1 {UNDECODABLE}" in text
    assert "10:15:05 [warning]" in text
    assert "10:15:01 [warning]" not in text, "only the latest warnings have room"


def test_a_process_without_the_account_shows_how_its_stages_are():
    status = new_status()
    status.on_report(report("signals"))
    status.on_report(report("portfolio", "waiting", "Redis at redis:6379 does not answer"))
    status.on_lag("signals", "market.ticks", 0, 4)
    status.on_lag("signals", "market.ticks", 1, 1_000)
    lines = [" ".join(line.strip(" ┆").split()) for line in shown(status).splitlines()]
    assert "signals running 0 1,004" in lines
    assert "portfolio waiting 0 Redis at redis:6379 does not answer" in lines
