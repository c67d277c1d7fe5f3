"""What people command an account, going on: a flatten, which is a pause whose books leave at the market."""

from typing import Any

import pytest

from alpha_panda.kernels import risk
from alpha_panda.kernels.records import (
    FLATTEN_EXIT,
    HALT_EXIT,
    HALTED,
    KILLED,
    NO_GUARD,
    PAUSED,
    RUNNING,
    SELL,
    STOP_LOSS,
)
from alpha_panda.units import to_e4
from tests.kernels.test_commands import PATIENT, TEN, desk, fallen, states
from tests.market import TUESDAY, Desk, at, clock, path, profile, strategy_terms, tick


def test_a_flattened_account_leaves_at_the_market_and_opens_nothing_until_the_resume():
    account = desk(
        (100, 100, 101, 102, 103),
        (0, 1.0),
        (3, 0.5),
        (4, 1.0),
        commands=[(2, "flatten", ""), (4, "resume", "")],
    )
    assert account.fills("guard", "quantity", "price_e4")[1:] == [(FLATTEN_EXIT, 10, to_e4(101))]
    assert account.decisions("code", "granted")[2:] == [(risk.ON_PAUSE, 0), (risk.NONE, 10)]
    assert states(account) == [PAUSED, RUNNING]


def test_a_flatten_cancels_what_is_at_work_and_asks_for_the_whole_position_once():
    wanted = [(0, 1.0), (2, -1.0)]
    account = desk((100,) * 4, *wanted, commands=[(3, "flatten", "")])
    # The turn to minus ten was at work; what is left of it is the exit, as a guard's.
    assert account.decisions("guard", "side", "granted")[1:] == [(NO_GUARD, SELL, 20), (FLATTEN_EXIT, SELL, 10)]
    assert account.fills("guard", "quantity")[1:] == [(FLATTEN_EXIT, 10)]
    assert (account.book()["quantity"], account.account["orders_working"]) == (0, 0)


@pytest.mark.parametrize("strategy", ["", "one"])
@pytest.mark.parametrize(("entry", "exits"), [({}, 1), (PATIENT, 0)], ids=["held", "at work"])
def test_what_a_flatten_ended_waits_for_a_changed_target_also_where_targets_are_sized_anew(
    entry: dict[str, Any], exits: int, strategy: str
):
    account = desk(
        (100,) * 8,
        *((0, 1.0), (4, 1.0), (5, 1.0), (6, 0.5)),
        commands=[(2, "flatten", strategy), (4, "resume", strategy)],
        size={"mode": "units", "value": 10, "rebalance": True},
        entry=entry,
    )
    assert account.decisions("asked") == [10, *[10] * exits, 5]
    assert account.decisions("code")[-1] == risk.NONE


def test_one_strategy_is_flattened_and_the_other_keeps_its_position():
    terms = profile(strategy_terms("one", **TEN), strategy_terms("two", **TEN))
    wanted = [(0, 1.0, 0, 0), (0, 1.0, 0, 1), (3, 0.5, 0, 0), (3, 2 / 5, 0, 1)]
    account = Desk(path("10:00", *[100] * 6), *wanted, terms=terms, commands=[(2, "flatten", "two")])
    assert account.stage.books[:, 0]["quantity"].tolist() == [5, 0]
    assert account.account["state"] == RUNNING
    assert account.decisions("strategy", "code")[-1] == (1, risk.ON_PAUSE)


def test_a_flatten_again_changes_nothing_more():
    once, twice = [(2, "flatten", "")], [(2, "flatten", ""), (2, "flatten", ""), (3, "flatten", "one")]
    one, two = (desk((100,) * 4, (0, 1.0), commands=commands) for commands in (once, twice))
    assert one.work.orders.tobytes() == two.work.orders.tobytes()
    assert one.stage.ledger_hash() == two.stage.ledger_hash()


def test_a_book_that_a_guard_is_closing_keeps_the_word_of_that_guard():
    account = desk((100, 100, 94, 93), (0, 1.0), commands=[(3, "flatten", "")], guards={"stop_loss": 0.05})
    assert account.fills("guard", "quantity")[1:] == [(STOP_LOSS, 10)]


def test_a_halted_account_is_already_leaving():
    account = fallen(96, 96, commands=[(3, "flatten", "")], limits={"day_loss_halt": 0.03})
    assert account.decisions("guard")[1:] == [HALT_EXIT]
    assert states(account) == [HALTED]


def test_a_killed_account_that_is_flattened_leaves_after_the_reset_and_stays_paused():
    account = desk((100,) * 6, (0, 1.0), commands=[(2, "kill", ""), (3, "flatten", ""), (4, "reset", "")])
    assert account.decisions("guard", "code")[1:] == [
        (FLATTEN_EXIT, risk.AFTER_KILL),
        (FLATTEN_EXIT, risk.NONE),
    ]
    assert account.fills("guard", "time_ns")[1:] == [(FLATTEN_EXIT, at("10:00:05"))]
    assert states(account) == [KILLED, KILLED, PAUSED]


def test_between_sessions_the_exits_of_a_flatten_wait_for_the_next_one_as_those_of_a_halt_do():
    events = [*path("10:00", 100, 100), clock("16:00"), tick("09:15", 103, date=TUESDAY)]
    account = Desk(events, (0, 1.0), terms=profile(strategy_terms(**TEN)), commands=[(3, "flatten", "")])
    assert account.fills("guard", "time_ns", "price_e4")[1:] == [(FLATTEN_EXIT, at("09:15", TUESDAY), to_e4(103))]
