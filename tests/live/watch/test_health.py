"""Health means what it says: alive while the loop turns, ready while every stage does its work."""

import pytest

from alpha_panda.live.watch.health import Health
from tests.live.watching import Clocks, report, watched

STAGES = ("feed", "signals", "account")


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def health(clocks: Clocks) -> Health:
    """Return the health of a process with which all is well."""
    health = Health(clocks.monotonic, STAGES)
    for stage in STAGES:
        health.on_report(report(stage))
    health.on_watched(watched(True, 0.2, 1.0))
    return health


def failing(health: Health) -> dict[str, str]:
    """Return the reasons of the checks that fail."""
    return {name: check.reason for name, check in health.ready().items() if not check.passes}


def test_a_process_with_which_all_is_well_is_ready(health: Health):
    assert failing(health) == {}
    assert list(health.ready()) == ["loop", "log", "feed", "signals", "account", "market"]


def test_a_process_that_has_just_started_is_alive_and_not_ready(clocks: Clocks):
    health = Health(clocks.monotonic, STAGES)
    assert health.live()["loop"].passes
    assert {*failing(health)} == {*STAGES, "market"}


def test_a_loop_that_does_not_turn_is_not_alive(clocks: Clocks, health: Health):
    clocks.now_s += 4.9
    assert health.live()["loop"].passes
    clocks.now_s += 0.1
    assert not health.live()["loop"].passes
    health.on_heartbeat()
    assert health.live()["loop"].passes


@pytest.mark.parametrize("phase", ["recovering", "waiting", "failed"])
def test_a_stage_that_does_not_do_its_work_makes_the_process_unready(health: Health, phase: str):
    health.on_report(report("account", phase, "paper.journal/0 lacks sequence 7"))
    assert failing(health) == {"account": f"{phase}: paper.journal/0 lacks sequence 7"}


@pytest.mark.parametrize("phase", ["stopped", "ended"])
def test_a_stage_that_did_its_work_is_as_it_should_be_and_may_be_silent(clocks: Clocks, health: Health, phase: str):
    for stage in STAGES:
        health.on_report(report(stage, phase))
    clocks.now_s += 3600.0
    health.on_heartbeat()
    assert failing(health) == {}


def test_a_stage_that_reports_no_more_makes_the_process_unready(clocks: Clocks, health: Health):
    clocks.now_s += 4.0
    health.on_heartbeat()
    health.on_watched(watched(True, 0.2, 1.0))
    health.on_report(report("feed"))
    health.on_report(report("signals"))
    assert failing(health) == {}
    clocks.now_s += 1.0
    assert failing(health) == {"account": "last reported 5.0 s ago, as running"}


def test_a_log_that_cannot_be_reached_makes_the_process_unready_until_it_can(health: Health):
    health.on_log_error("account", OSError("no broker answers at kafka:9092"))
    assert failing(health) == {"log": "no broker answers at kafka:9092"}
    health.on_report(report("signals"))
    assert failing(health) == {}


def test_a_silent_feed_matters_only_while_the_market_is_open(clocks: Clocks, health: Health):
    for silent_s in (9.0, 10.0, 11.0):
        health.on_watched(watched(True, silent_s, 30.0))
        assert failing(health) == {}
        clocks.now_s += 1.0
    health.on_watched(watched(True, 12.0, 30.0))
    assert failing(health) == {"market": "the market is open, and silent for 12.0 s; the feed was fresh 3.0 s ago"}
    health.on_watched(watched(False, 0.0, 0.0))
    assert failing(health) == {}


def test_a_feed_at_which_nobody_looks_any_more_is_not_taken_for_fresh(clocks: Clocks, health: Health):
    clocks.now_s += 3.0
    assert failing(health) == {"market": "the market is open, and silent for 0.2 s; the feed was fresh 3.0 s ago"}


def test_a_process_without_a_feed_is_not_asked_for_one(clocks: Clocks):
    health = Health(clocks.monotonic, ["portfolio"])
    health.on_report(report("portfolio"))
    assert failing(health) == {}


def test_a_change_is_told_once(health: Health):
    assert health.changes() == {}
    health.on_report(report("account", "failed", "the disk is full"))
    assert health.changes() == {"account": (False, "failed: the disk is full")}
    assert health.changes() == {}
    health.on_report(report("account"))
    assert health.changes() == {"account": (True, "running")}
