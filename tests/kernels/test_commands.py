"""What people command an account: what each command stops, what takes it back, and what it leaves as it was."""

from typing import Any

import pytest

from alpha_panda.kernels import risk
from alpha_panda.kernels.commands import COMMANDS
from alpha_panda.kernels.records import (
    BUY,
    CANCELLED,
    HALT_EXIT,
    HALTED,
    KILLED,
    NO_GUARD,
    PAUSED,
    REDUCING,
    RUNNING,
    SELL,
    SQUARE_OFF,
    STOP_LOSS,
)
from alpha_panda.units import to_e4
from tests.market import (
    TUESDAY,
    Command,
    Desk,
    at,
    clock,
    path,
    profile,
    rows,
    shares,
    strategy_terms,
    tick,
)

TEN = {"size": {"mode": "units", "value": 10}}
NO_SNAPSHOTS = {"equity_every": "1d"}
"""Leaves only those that answer a command."""

PATIENT = {"order_type": "LIMIT", "offset_ticks": 20}
"""An entry one rupee better than the last price, which waits."""


def desk(
    prices: tuple[float, ...],
    *wanted: Any,
    commands: list[Command],
    limits: dict[str, Any] | None = None,
    **terms: Any,
) -> Desk:
    """Return an account that trades ten units for a full target at these prices, one a second from 10:00 on."""
    mandate = strategy_terms(**{**TEN, **terms})
    return Desk(
        path("10:00", *prices), *wanted, terms=profile(mandate, risk=limits, market=NO_SNAPSHOTS), commands=commands
    )


def states(account: Desk) -> list[int]:
    """Return the states that the account showed, one after each command."""
    return account.work.snapshots["state"].tolist()


# ── Pause and resume ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_paused_account_opens_nothing_and_lets_positions_go():
    account = desk((100,) * 5, (0, 1.0), (2, 0.5), (3, 1.0), commands=[(2, "pause", "")])
    assert account.decisions("side", "granted", "code") == [
        (BUY, 10, risk.NONE),
        (SELL, 5, risk.NONE),
        (BUY, 0, risk.ON_PAUSE),
    ]
    assert (account.account["state"], account.book()["quantity"]) == (PAUSED, 5)


def test_a_pause_cancels_what_would_open_and_keeps_what_closes():
    two = strategy_terms("two", **TEN, entry=PATIENT)
    slow = {"latency_seconds": 5}
    terms = profile(strategy_terms("one", **TEN), two, market=slow)
    events = [*path("10:00", 100), *path("10:00:10", 100, 100)]
    account = Desk(events, (0, 1.0, 0, 0), (1, 0.0, 0, 0), (1, 1.0, 0, 1), terms=terms, commands=[(2, "pause", "")])
    assert (3, CANCELLED) in rows(account.work.orders, "order_id", "status")
    assert account.account["orders_working"] == 1
    assert account.stage.arrays()["orders"][0, 0]["order_id"] == 2


def test_a_pause_keeps_the_exit_of_an_order_that_would_also_have_opened():
    account = Desk(
        path("10:00", 100, 100, 100, 100),
        (0, 1.0),
        (2, -1.0),
        terms=profile(strategy_terms(**TEN)),
        commands=[(3, "pause", "")],
    )
    assert account.decisions("side", "asked", "granted")[1:] == [(SELL, 20, 20), (SELL, 10, 10)]
    assert account.fills("side", "quantity")[1:] == [(SELL, 10)]
    assert account.book()["quantity"] == 0


def test_guards_go_on_in_a_paused_account():
    account = desk((100, 100, 94, 93), (0, 1.0), commands=[(2, "pause", "")], guards={"stop_loss": 0.05})
    assert account.fills("guard", "quantity")[1:] == [(STOP_LOSS, 10)]


def test_the_square_off_goes_on_in_a_paused_account():
    events = [*path("10:00", 100, 100), clock("15:25"), tick("15:26", 101)]
    terms = profile(strategy_terms(**TEN, product="MIS"))
    account = Desk(events, (0, 1.0), terms=terms, commands=[(2, "pause", "")])
    assert account.fills("guard", "time_ns")[1:] == [(SQUARE_OFF, at("15:26"))]


def test_one_strategy_is_paused_and_the_other_goes_on():
    terms = profile(strategy_terms("one", entry=PATIENT), strategy_terms("two", entry=PATIENT))
    first, again = [(0, 1.0, 0, 0), (0, 1.0, 0, 1)], [(1, -1.0, 0, 0), (1, -1.0, 0, 1)]
    account = Desk(path("10:00", 100, 100), *first, *again, terms=terms, commands=[(1, "pause", "two")])
    assert account.decisions("strategy", "code")[2:] == [(0, risk.NONE), (1, risk.ON_PAUSE)]
    assert rows(account.work.orders, "strategy", "status").count((1, CANCELLED)) == 1
    assert account.account["state"] == RUNNING


@pytest.mark.parametrize(
    ("commands", "code"),
    [
        ([(1, "pause", ""), (1, "resume", "")], risk.NONE),
        ([(1, "pause", "one"), (1, "resume", "one")], risk.NONE),
        ([(1, "pause", "one"), (1, "resume", "")], risk.ON_PAUSE),
        ([(1, "pause", ""), (1, "resume", "one")], risk.ON_PAUSE),
        ([(1, "pause", ""), (1, "pause", "one"), (1, "resume", "")], risk.ON_PAUSE),
        ([(1, "pause", ""), (1, "kill", ""), (1, "reset", "")], risk.ON_PAUSE),
        ([(1, "pause", "one"), (1, "reset", "")], risk.ON_PAUSE),
    ],
)
def test_a_resume_takes_back_the_pause_of_the_same_name_and_nothing_else_does(commands: list[Command], code: int):
    assert desk((100, 100), (1, 1.0), commands=commands).decisions("code") == [code]


def test_a_target_refused_in_a_pause_is_not_asked_for_again_after_it():
    account = desk((100,) * 4, (1, 1.0), (2, 1.0), (3, 0.5), commands=[(1, "pause", ""), (2, "resume", "")])
    assert account.decisions("code", "granted") == [(risk.ON_PAUSE, 0), (risk.NONE, 5)]


# ── Kill ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_kill_cancels_all_that_is_at_work_at_once():
    two = strategy_terms("two", **TEN, entry=PATIENT)
    terms = profile(strategy_terms("one", **TEN), two, market={"latency_seconds": 5})
    events = [*path("10:00", 100), *path("10:00:10", 100, 100)]
    account = Desk(events, (0, 1.0, 0, 0), (1, 0.0, 0, 0), (1, 1.0, 0, 1), terms=terms, commands=[(2, "kill", "")])
    assert rows(account.work.orders, "order_id", "status", "updated_ns")[-2:] == [
        (2, CANCELLED, at("10:00:10")),
        (3, CANCELLED, at("10:00:10")),
    ]
    assert account.account["orders_working"] == 0
    assert account.stage.books[:, 0]["quantity"].tolist() == [10, 0]


def test_nothing_leaves_a_killed_account_not_even_an_exit():
    account = desk((100,) * 6, (0, 1.0), (3, 0.5), (4, 0.0), (5, -1.0), commands=[(2, "kill", "")])
    assert account.decisions("code", "granted", "order_id")[1:] == [(risk.AFTER_KILL, 0, 0)] * 3
    assert account.book()["quantity"] == 10


@pytest.mark.parametrize("guards", [{"stop_loss": 0.05}, {"take_profit": 0.05}, {"holding_seconds": 2}])
def test_a_guard_of_a_killed_account_is_refused_once_and_not_at_every_price(guards: dict[str, float]):
    price = 120 if "take_profit" in guards else 90
    account = desk((100, 100, price, price, price, price), (0, 1.0), commands=[(2, "kill", "")], guards=guards)
    (said,) = account.decisions("code", "asked", "granted")[1:]
    assert said == (risk.AFTER_KILL, 10, 0)


def test_an_exit_that_the_kill_cancelled_is_refused_once():
    account = Desk(
        path("10:00", 100, 100, 94, 94, 94, 94),
        (0, 1.0),
        terms=profile(strategy_terms(**TEN, guards={"stop_loss": 0.05}), market={"latency_seconds": 0.5}),
        commands=[(3, "kill", "")],
    )
    assert account.decisions("guard", "code") == [
        (NO_GUARD, risk.NONE),
        (STOP_LOSS, risk.NONE),
        (STOP_LOSS, risk.AFTER_KILL),
    ]


def test_a_loss_of_a_killed_account_closes_nothing():
    account = desk(
        (100, 100, 90, 90), (0, 1.0), commands=[(2, "kill", "")], capital=1_000, limits={"day_loss_halt": 0.03}
    )
    assert (account.account["state"], account.account["halt_code"]) == (KILLED, risk.DAY_LOSS_HALT)
    assert account.decisions("guard", "code")[1:] == [(HALT_EXIT, risk.AFTER_KILL)]
    assert account.book()["quantity"] == 10


def test_a_kill_again_changes_nothing():
    once = desk((100, 100, 100), (0, 1.0), commands=[(2, "kill", "")])
    twice = desk((100, 100, 100), (0, 1.0), commands=[(2, "kill", ""), (2, "kill", "")])
    assert once.stage.ledger_hash() == twice.stage.ledger_hash()
    assert rows(once.work.orders, "order_id", "status") == rows(twice.work.orders, "order_id", "status")


@pytest.mark.parametrize(("command", "state"), [("pause", PAUSED), ("kill", KILLED)])
def test_a_later_day_takes_nothing_back(command: str, state: int):
    events = [*path("10:00", 100, 100), clock("00:00", TUESDAY), tick("10:00", 100, date=TUESDAY)]
    account = Desk(events, (3, 1.0), terms=profile(strategy_terms(**TEN)), commands=[(1, command, "")])
    assert account.account["state"] == state
    assert not len(account.work.orders)


# ── Reset ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_reset_takes_back_a_kill_and_a_resume_does_not():
    account = desk((100, 100), (1, 1.0), commands=[(1, "kill", ""), (1, "resume", ""), (1, "reset", "")])
    assert states(account) == [KILLED, KILLED, RUNNING]
    assert account.decisions("granted") == [10]


def test_after_a_reset_the_guards_make_the_exits_that_the_kill_held_back():
    account = desk(
        (100, 100, 94, 96, 96, 97), (0, 1.0), commands=[(2, "kill", ""), (4, "reset", "")], guards={"stop_loss": 0.05}
    )
    # The stop was passed at 94; after the reset it is made with the next price and meets the one after it.
    assert account.fills("guard", "quantity", "price_e4")[1:] == [(STOP_LOSS, 10, to_e4(97))]


def test_after_a_reset_what_the_last_targets_want_closed_is_closed_and_nothing_opened():
    universe, terms = shares(2), profile(strategy_terms(**TEN))
    events = [*path("10:00", 100, 100), *path("10:00:02", 100, 100, index=1), *path("10:00:05", 100, 100)]
    wanted = [(0, 1.0, 0), (2, 1.0, 1), (4, 0.5, 0), (4, 0.7, 1)]
    account = Desk(events, *wanted, terms=terms, universe=universe, commands=[(3, "kill", ""), (5, "reset", "")])
    assert account.decisions("instrument", "side", "granted")[-1] == (0, SELL, 5)
    assert account.stage.books[0]["quantity"].tolist() == [5, 0]


def test_a_wish_cannot_turn_around_the_exit_that_a_guard_of_a_killed_account_is_owed():
    account = desk(
        (100, 100, 94, 99, 99, 99),
        (0, 1.0),
        (3, 0.9),
        commands=[(2, "kill", ""), (4, "reset", "")],
        guards={"stop_loss": 0.05},
    )
    assert account.decisions("code", "figure")[2] == (risk.AFTER_KILL, STOP_LOSS)
    assert account.fills("guard", "quantity")[1:] == [(STOP_LOSS, 10)]


def fallen(*prices: float, commands: list[Command], limits: dict[str, float]) -> Desk:
    """Return an account whose thousand rupees are ten units at a hundred, which then trade at `prices`."""
    return desk((100, 100, *prices), (0, 1.0), commands=commands, capital=1_000, limits=limits)


@pytest.mark.parametrize(
    ("limit", "fraction", "price"),
    [("day_loss_reduce", 0.02, 97), ("day_loss_halt", 0.03, 96), ("drawdown_halt", 0.2, 79)],
)
def test_a_reset_takes_back_a_halt_and_losses_count_anew_from_there(limit: str, fraction: float, price: float):
    def after(*prices: float) -> Desk:
        wanted = [(0, 1.0), (5, 0.9), (6, 0.8)]
        limits, commands = {limit: fraction}, [(4, "reset", "")]
        return desk((100, 100, *[price] * 5, *prices), *wanted, commands=commands, capital=1_000, limits=limits)

    running = after()
    assert running.account["state"] == RUNNING
    assert running.account["day_base_e4"] == running.account["drawdown_base_e4"] == running.work.snapshots["equity_e4"]
    assert risk.CODES[after(price * (1 - 2 * fraction)).account["halt_code"]] == limit


def test_a_reset_of_a_kill_alone_measures_losses_as_before():
    limits = {"day_loss_reduce": 0.02}
    account = fallen(99, 99, 97.5, commands=[(3, "kill", ""), (4, "reset", "")], limits=limits)
    assert account.account["state"] == REDUCING


def test_a_reset_keeps_the_counters_of_the_day_and_the_figures_of_the_drawdown():
    account = fallen(79, 79, 90, 70, 70, commands=[(4, "reset", "")], limits={"drawdown_halt": 0.2})
    assert account.account["orders_today"] == 2
    assert account.account["day_start_equity_e4"] == to_e4(1_000)
    assert account.account["peak_e4"] == to_e4(1_000)
    assert account.account["trough_e4"] == account.account["equity_e4"]


def test_a_new_high_since_the_reset_raises_what_a_drawdown_is_measured_from():
    limits = {"drawdown_halt": 0.2}
    # Ten at 90 of what was 1,000 less 20 per cent; the highest equity before stays the peak of the figures.
    events = (100, 100, 79, 79, 79, 79, 90, 71)
    account = desk(events, (0, 1.0), (4, 0.9), commands=[(4, "reset", "")], capital=1_000, limits=limits)
    assert account.account["halt_code"] == risk.NONE
    assert account.account["peak_e4"] == to_e4(1_000)
    assert account.account["drawdown_base_e4"] > account.work.snapshots["equity_e4"][0]


def test_a_reset_enables_a_strategy_that_was_disabled():
    limits = {"collar": 0.02, "rejects": 2}
    wild = {"order_type": "LIMIT", "offset_ticks": 60}
    wanted = [(0, 0.1), (1, 0.2), (2, 0.3), (3, 0.4)]
    for strategy in ("", "one"):
        account = desk((100,) * 4, *wanted, commands=[(3, "reset", strategy)], limits=limits, entry=wild)
        assert account.decisions("code") == [risk.COLLAR, risk.COLLAR, risk.STRATEGY_DISABLED, risk.COLLAR]


def test_a_reset_of_one_strategy_leaves_the_account_as_it_is():
    account = desk((100, 100), commands=[(1, "kill", ""), (1, "reset", "one")])
    assert states(account) == [KILLED, KILLED]


# ── What is said ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_answered_with_how_the_account_stands(command: str):
    account = desk((100, 110), (0, 1.0), commands=[(2, command, "")])
    (said,) = account.work.snapshots
    assert (said["time_ns"], said["state"]) == (at("10:00:01"), account.account["state"])
    assert said["equity_e4"] == account.account["equity_e4"]


def test_the_most_severe_state_is_the_one_that_shows():
    limits = {"day_loss_reduce": 0.02, "day_loss_halt": 0.03}
    prices = (100, 100, 97.5, 97.5, 96, 96)
    shown = desk(
        prices,
        (0, 1.0),
        commands=[(2, "pause", ""), (3, "resume", ""), (3, "pause", ""), (5, "resume", ""), (6, "kill", "")],
        capital=1_000,
        limits=limits,
    )
    assert states(shown) == [PAUSED, REDUCING, PAUSED, HALTED, KILLED]
