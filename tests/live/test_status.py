"""What a process counts of its stages, as they report it."""

import pytest

from alpha_panda.live.messages import Gap
from alpha_panda.live.status import Status
from alpha_panda.live.streams import DUPLICATE, STALE, UNDECODABLE
from tests.live.watching import record


@pytest.fixture
def status() -> Status:
    return Status(lambda: 0.0)


def test_a_stage_reports_what_it_set_aside_and_what_of_it_was_given_up(status: Status):
    for reason in (DUPLICATE, STALE, f"{UNDECODABLE}: no message"):
        status.on_set_aside("account", record(), reason)
    assert status.figures("account") == {"set_aside": 3, "dead_letters": 1}
    assert status.figures("signals") == {"set_aside": 0, "dead_letters": 0}


def test_the_feed_reports_its_events_and_what_befell_them(status: Status):
    status.on_frame(0, 40, 2, 1)
    status.on_gap(Gap(0, 1, 2))
    status.on_reconnected("the socket was closed")
    status.on_conflated(17)
    assert status.figures("feed") == {
        "events": 40,
        "kept_out": 2,
        "gaps": 1,
        "reconnects": 1,
        "conflated": 17,
        "set_aside": 0,
        "dead_letters": 2,
    }


def test_a_note_is_shown_once_and_in_place_of_the_one_before(status: Status):
    status.exchange_note("", "the store is away")
    status.exchange_note("", "the store is away")
    assert status.notes == ["the store is away"]
    status.exchange_note("the store is away", "the store is full")
    assert status.notes == ["the store is full"]
    status.exchange_note("the store is full", "")
    assert status.notes == []
