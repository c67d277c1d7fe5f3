"""All alarms together: what explains what, when all is clear, what a flood is, and what a faulty rule costs."""

import dataclasses

import pytest

from alpha_panda.apps.alerts.alarms import Adopted, Shelf
from alpha_panda.apps.alerts.engine import FLOOD, Alarms, Known
from alpha_panda.apps.alerts.looks import Look
from alpha_panda.apps.alerts.rules import RULES
from alpha_panda.apps.desk.models import Refusals
from alpha_panda.errors import ConfigurationError, UnknownRowError
from alpha_panda.units import SECOND_NS
from tests.apps.alerts.looking import (
    Watched,
    all_of,
    having,
    with_account,
    with_feed,
    with_limit,
    with_source,
    with_stage,
)


def states(watched: Watched) -> dict[str, str]:
    return {id: alert.state for id, alert in watched.shown().items()}


def test_a_dead_feed_is_one_alarm():
    watched = Watched()
    watched.pass_time(30, every_s=5)
    began_ns = watched.now_ns
    dead = all_of(with_stage("feed", reported_ns=began_ns), with_feed(heard_ns=began_ns))
    watched.pass_time(12, dead)
    assert states(watched) == {"FeedStale": "unacknowledged"}
    watched.pass_time(100, dead)
    assert states(watched) == {
        "StageDown:feed": "unacknowledged",
        "StageSilent:feed": "suppressed",
        "FeedStale": "suppressed",
    }
    assert watched.shown()["FeedStale"].root in ("StageDown:feed", "StageSilent:feed")
    watched.pass_time(20)
    assert states(watched) == {"StageDown:feed": "returned"}


def test_a_log_that_is_away_explains_every_stage():
    watched = Watched()
    watched.pass_time(30, every_s=5)
    away_ns = watched.now_ns
    names = ("feed", "signals", "account", "portfolio")
    blind = all_of(
        with_source("log", "connection refused"),
        with_source("store", "nobody can tell how old it is while the event log is away"),
        with_feed(heard_ns=away_ns),
        having(phase="unknown"),
        *(with_stage(name, reported_ns=away_ns) for name in names),
    )
    watched.pass_time(120, blind)
    assert states(watched) == {"SourceAway:log": "unacknowledged"}
    watched.pass_time(20)
    assert states(watched) == {"SourceAway:log": "returned"}


def test_a_store_that_was_away_before_the_log_was_is_so_still():
    watched = Watched()
    watched.pass_time(10, with_source("store", "connection refused"))
    both = all_of(with_source("store", "connection refused"), with_source("log", "connection refused"))
    watched.pass_time(30, both)
    assert watched.present() == {"SourceAway:store", "SourceAway:log"}


def test_only_the_worst_of_the_loss_limits_is_told():
    watched = Watched()
    beyond = all_of(with_limit("day_loss_reduce", 0.021), with_limit("day_loss_halt", 0.021))
    watched.pass_time(10, all_of(beyond, with_account(state="halted", halt="day_loss")))
    assert watched.due() == ["DayLossHalts"]
    assert states(watched) == {"DayLossHalts": "unacknowledged"}


def test_one_all_clear_once_nothing_is_so_any_more_of_what_was_told():
    watched = Watched()
    killed, lost = with_account(state="killed"), with_limit("day_loss_reduce", 0.01)
    watched.pass_time(5, all_of(killed, lost))
    watched.pass_time(5, lost)
    assert [changes.all_clear for changes in watched.changes if changes.all_clear] == []
    watched.pass_time(200)
    clear = [changes.all_clear for changes in watched.changes if changes.all_clear]
    assert [sorted(each) for each in clear] == [["DayLossReduces", "KillEngaged"]]


def test_what_nobody_was_told_of_needs_no_all_clear():
    watched = Watched(channels=())
    watched.pass_time(5)
    assert states(watched) == {"NoAlertTarget": "unacknowledged"}
    watched.channels = Watched().channels
    watched.pass_time(60)
    assert not any(changes.all_clear for changes in watched.changes)


def test_what_only_a_process_saw_that_does_not_send_is_forgotten_soon_after_it_is_over():
    watched = Watched(sends=False)
    watched.pass_time(10, with_source("store", "connection refused"))
    watched.pass_time(30)
    assert states(watched) == {"SourceAway:store": "returned"}
    watched.pass_time(10)
    assert states(watched) == {}
    watched.sends = True
    watched.pass_time(10)
    assert watched.due() == []


def test_what_nobody_could_send_before_this_process_did_is_sent_although_it_is_over():
    watched = Watched(sends=False)
    watched.pass_time(10, with_source("store", "connection refused"))
    watched.sends = True
    watched.pass_time(10)
    assert watched.due() == ["SourceAway:store"]


def test_what_the_sender_finds_is_shown_also_where_it_is_not_found_here():
    watched = Watched(sends=False)
    watched.pass_time(10, with_source("store", "connection refused"))
    watched.pass_time(10)
    assert states(watched) == {"SourceAway:store": "returned"}
    kept = Adopted(1, "SourceAway", "store", "refused", 0.7, 1, watched.now_ns, 0, 0, "", 1, watched.now_ns)
    watched.alarms.take_over(Known([kept], {}, {}, {}), watched.moment)
    watched.pass_time(20)
    assert states(watched) == {"SourceAway:store": "unacknowledged"}
    over = dataclasses.replace(kept, returned_ns=watched.now_ns)
    watched.alarms.take_over(Known([over], {}, {}, {}), watched.moment)
    watched.pass_time(20)
    assert states(watched) == {"SourceAway:store": "returned"}
    assert watched.due() == []
    watched.alarms.take_over(Known([], {}, {}, {1: "asha"}), watched.moment)
    watched.pass_time(1)
    assert states(watched) == {}


def test_what_was_acknowledged_before_its_number_was_known_is_still_to_be_written():
    watched = Watched(sends=False)
    watched.pass_time(10, with_source("store", "connection refused"))
    watched.alarms.acknowledge("SourceAway:store", "asha", watched.now_ns)
    kept = Adopted(1, "SourceAway", "store", "refused", 1.0, 1, watched.now_ns, 0, 0, "", 1, watched.now_ns)
    (unwritten,) = watched.alarms.take_over(Known([kept], {}, {}, {}), watched.moment)
    assert (unwritten.episode.number, unwritten.acknowledged_by) == (1, "asha")
    written = dataclasses.replace(kept, acknowledged_ns=watched.now_ns, acknowledged_by="asha")
    assert watched.alarms.take_over(Known([written], {}, {}, {}), watched.moment) == []


def test_what_needs_nobody_is_closed_by_whoever_sends_alone():
    both = all_of(with_limit("day_loss_reduce", 0.012), with_limit("day_loss_halt", 0.03))
    for sends, closed in ((True, 1), (False, 0)):
        watched = Watched(sends=sends)
        watched.pass_time(5, with_limit("day_loss_reduce", 0.012))
        watched.pass_time(5, both)
        watched.pass_time(65, with_limit("day_loss_halt", 0.03))
        assert states(watched) == {"DayLossHalts": "unacknowledged"}
        assert sum(len(changes.closed) for changes in watched.changes) == closed


def test_a_flood_is_counted():
    watched = Watched()
    codes = [f"rule_{number}" for number in range(FLOOD)]
    watched.pass_time(10)
    watched.pass_time(1, having(refusals=tuple(Refusals(code=code, count=90) for code in codes)))
    assert watched.alarms.lately() == FLOOD
    watched.pass_time(700, every_s=5)
    assert watched.alarms.lately() == 0


def test_a_rule_that_fails_silences_no_other_and_lets_its_alarms_stand(caplog: pytest.LogCaptureFixture):
    failing = False

    def measure(look: Look):
        if failing:
            raise ZeroDivisionError
        return RULES[-1].measure(dataclasses.replace(look, kept=False))

    faulty = dataclasses.replace(RULES[-1], name="Faulty", measure=measure)
    watched = Watched(Alarms("2025-11-21-paper", [faulty, *RULES]))
    watched.pass_time(6)
    failing = True
    watched.pass_time(60, with_account(state="killed"))
    assert states(watched) == {"Faulty": "unacknowledged", "KillEngaged": "unacknowledged"}
    assert "the rule Faulty does not understand what it sees" in caplog.text


def test_what_needs_a_person_comes_first():
    watched = Watched(channels=())
    killed = all_of(with_account(state="killed"), with_limit("day_loss_reduce", 0.01))
    watched.pass_time(2, killed)
    watched.alarms.acknowledge("KillEngaged", "asha", watched.now_ns)
    watched.pass_time(2, killed)
    assert list(states(watched)) == ["DayLossReduces", "NoAlertTarget", "KillEngaged"]


def test_an_alarm_that_there_is_not_cannot_be_acknowledged():
    watched = Watched()
    with pytest.raises(UnknownRowError, match="there is no alarm 'KillEngaged' now"):
        watched.alarms.acknowledge("KillEngaged", "asha", watched.now_ns)


def test_what_is_still_so_cannot_be_resolved():
    watched = Watched()
    watched.pass_time(2, with_account(state="killed"))
    with pytest.raises(ConfigurationError, match="still so"):
        watched.alarms.resolve("KillEngaged", "asha", watched.now_ns)
    watched.pass_time(2)
    watched.alarms.resolve("KillEngaged", "asha", watched.now_ns)
    watched.pass_time(1)
    assert states(watched) == {}


def test_dead_letters_are_so_until_somebody_has_dealt_with_them_and_again_with_more_of_them():
    watched = Watched()
    watched.pass_time(10, having(dead_letters=2))
    watched.pass_time(1_000, having(dead_letters=2), every_s=5)
    assert states(watched) == {"DeadLetters": "unacknowledged"}
    watched.alarms.resolve("DeadLetters", "asha", watched.now_ns)
    watched.pass_time(100, having(dead_letters=2))
    assert states(watched) == {}
    watched.pass_time(10, having(dead_letters=3))
    assert states(watched) == {"DeadLetters": "unacknowledged"}


def test_letters_that_become_more_are_written_again():
    watched = Watched()
    watched.pass_time(10, having(dead_letters=2))
    alarm = watched.alarms.get("DeadLetters")
    alarm.episode.figure, alarm.episode.count = 2, 1  # as whoever writes it notes
    watched.pass_time(1, having(dead_letters=2))
    assert not any(changes.raised for changes in watched.changes[-2:])
    watched.pass_time(0.5, having(dead_letters=3))
    assert watched.changes[-1].raised == [alarm]


def test_a_shelved_alarm_is_shown_and_not_told():
    watched = Watched()
    watched.pass_time(1, with_account(state="killed"))
    watched.alarms.shelve("KillEngaged", Shelf(watched.now_ns + 900 * SECOND_NS, "asha", "I know"))
    watched.pass_time(800, with_account(state="killed"), every_s=5)
    assert states(watched) == {"KillEngaged": "shelved"}
    assert watched.due() == ["KillEngaged"]
