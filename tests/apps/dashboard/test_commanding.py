"""A button is off only where it is known that it would change nothing."""

import pytest

from alpha_panda.apps.dashboard.commanding import acts
from alpha_panda.apps.desk import models
from tests.apps.dashboard.example import NOW_NS, FakeDesk, empty_picture


def on(desk: FakeDesk) -> list[str]:
    return [command.label for command in acts(desk.picture) if not command.off]


@pytest.mark.parametrize(
    ("state", "offered"),
    [
        ("running", ["Pause", "Flatten"]),
        ("reducing", ["Pause", "Flatten"]),
        ("paused", ["Resume", "Flatten"]),
        ("halted", ["Pause", "Resume", "Flatten", "Reset"]),
        ("killed", ["Pause", "Resume", "Flatten", "Reset"]),
    ],
)
def test_what_is_offered_follows_what_the_account_says(state: str, offered: list[str]):
    desk = FakeDesk()
    desk.change_account(state=state)
    assert on(desk) == offered


def test_a_latch_that_the_account_has_not_heeded_yet_can_be_reset():
    desk = FakeDesk()
    desk.change(latch=models.Latch(who="asha", reason="", time_ns=NOW_NS))
    assert "Reset" in on(desk)


@pytest.mark.parametrize(("state", "leaves"), [("running", True), ("killed", False)])
def test_a_flatten_under_a_kill_does_not_promise_that_anything_leaves(state: str, leaves: bool):
    desk = FakeDesk()
    desk.change_account(state=state)
    [flatten] = [command for command in acts(desk.picture) if command.label == "Flatten"]
    assert ("no exit leaves before" not in flatten.act["detail"]) is leaves


def test_a_disabled_strategy_can_be_reset():
    desk = FakeDesk()
    desk.change(strategies=(desk.shown.strategies[0].model_copy(update={"state": "disabled"}),))
    assert "Reset" in on(desk)


def test_an_account_that_says_nothing_is_no_reason_to_switch_a_button_off():
    desk = FakeDesk()
    desk.change(account=None)
    assert on(desk) == ["Pause", "Resume", "Flatten", "Reset"]


def test_without_a_session_there_is_nothing_to_command():
    assert on(FakeDesk(empty_picture())) == []
