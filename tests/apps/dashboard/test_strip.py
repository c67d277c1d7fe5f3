"""The strip says what is known, and how long ago it was known."""

from alpha_panda.apps.dashboard.strip import ages, status
from alpha_panda.apps.desk import models
from alpha_panda.units import SECOND_NS
from tests.apps.dashboard.example import NOW_NS, empty_picture, example_picture, quiet_board


def test_the_mode_is_the_accounts_and_none_before_there_is_one():
    assert status(example_picture(), quiet_board())["mode"] == "paper"
    assert status(empty_picture(), quiet_board())["mode"] == "none"


def test_the_lag_is_that_of_the_slowest_stage_and_unknown_without_any():
    picture = example_picture()
    stages = tuple(
        stage.model_copy(update={"lag": lag}) for stage, lag in zip(picture.stages, (None, 3, 7, 0), strict=True)
    )
    assert status(picture.model_copy(update={"stages": stages}), quiet_board())["lag"] == 7
    assert status(empty_picture(), quiet_board())["lag"] is None


def test_a_latch_is_a_kill_but_only_the_account_says_that_it_stopped():
    latch = models.Latch(who="asha", reason="too wild", time_ns=NOW_NS)
    said = status(example_picture().model_copy(update={"latch": latch}), quiet_board())
    assert (said["killed"], said["account_killed"]) == (True, False)
    assert said["troubles"] == ["Killed by asha at 14:15:00: too wild"]


def test_the_state_of_an_account_that_is_silent_is_unknown():
    picture = example_picture()
    known = status(picture, quiet_board())
    silent = status(picture.model_copy(update={"phase": "unknown"}), quiet_board())
    assert (known["state"], known["is_old"]) == ("running", False)
    assert (silent["state"], silent["is_old"]) == ("unknown", True)
    assert not status(empty_picture(), quiet_board())["is_old"]


def test_ages_are_counted_by_the_servers_own_clock():
    picture = example_picture()
    later_ns = NOW_NS + 3 * SECOND_NS
    assert ages(picture, later_ns) == {
        "now_ms": later_ns // 1_000_000,
        "taken_age_s": 3.0,
        "feed_age_s": 3.2,
        "read_ages_s": {"log": 3.0, "store": 3.0, "folder": 3.0},
    }


def test_a_store_that_answers_and_is_behind_has_the_age_of_what_it_shows():
    picture = example_picture()
    log, store, folder = picture.sources
    behind = store.model_copy(update={"well": False, "complete_ns": NOW_NS - 60 * SECOND_NS, "trouble": "old"})
    picture = picture.model_copy(update={"sources": (log, behind, folder)})

    assert ages(picture, NOW_NS)["read_ages_s"] == {"log": 0.0, "store": 60.0, "folder": 0.0}
    said = status(picture, quiet_board())["sources"]["store"]
    assert said == {"well": False, "read": True, "trouble": "old"}


def test_what_was_never_heard_has_no_age():
    said = ages(empty_picture(), NOW_NS)
    assert said["feed_age_s"] is None
    assert set(said["read_ages_s"].values()) == {None}


def test_open_alarms_are_counted_by_priority():
    said = status(example_picture(), quiet_board(critical=1, low=4))
    assert said["alarms"] == {"critical": 1, "high": 0, "low": 4}
