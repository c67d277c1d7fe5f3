"""One alarm: its delays, its deadband, its chatter, its root, and what a person does to it."""

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from alpha_panda.apps.alerts.alarms import CHATTER_S, SENT_AGAIN_S, Alarm, Moment, Shelf
from alpha_panda.apps.alerts.measures import Measure
from alpha_panda.apps.alerts.rule import Found, Rule

RULE = Rule(
    name="LagGrows",
    priority="critical",
    title="The stage {key} is behind",
    consequence="Orders come late.",
    action="Look.",
    measure=lambda look: (),
    on_delay_s=3,
    off_delay_s=5,
)
AT_ONCE = dataclasses.replace(RULE, on_delay_s=0, off_delay_s=0)
SECOND_NS = 10**9


class Clocked:
    """An alarm to which time passes, a second with each look."""

    def __init__(self, rule: Rule = RULE, step_s: float = 1.0) -> None:
        self.rule, self.step_s, self.now_s = rule, step_s, 0.0
        self.alarm = Alarm(rule, Measure("signals", ""))
        self.raised = 0
        self.sent: list[float] = []

    @property
    def moment(self) -> Moment:
        return Moment(int(self.now_s * SECOND_NS) + 1, self.now_s)

    def see(self, figure: float, looks: int = 1, root: str = "") -> None:
        for _ in range(looks):
            self.now_s += self.step_s
            measure = Measure("signals", f"{figure} records", figure, limit=100, release=50)
            self.raised += self.alarm.look(Found(self.rule, measure), root, self.moment)
            if self.alarm.over:
                self.alarm.close()
            if self.alarm.is_due(self.moment):
                self.alarm.was_sent(self.moment)
                self.sent.append(self.now_s)

    @property
    def state(self) -> str:
        return self.alarm.state(self.moment.time_ns) if self.alarm.active else "none"


def test_it_is_raised_once_it_has_been_so_for_its_delay():
    seen = Clocked()
    seen.see(100, looks=3)
    assert seen.state == "none"
    seen.see(100)
    assert (seen.state, seen.raised, seen.alarm.raised_ns) == ("unacknowledged", 1, seen.moment.time_ns)


def test_a_moment_below_the_limit_begins_the_delay_anew():
    seen = Clocked()
    seen.see(100, looks=3)
    seen.see(99)
    seen.see(100, looks=3)
    assert seen.state == "none"


def test_between_release_and_limit_it_stays_what_it_was():
    seen = Clocked()
    seen.see(99, looks=100)
    assert seen.state == "none"
    seen.see(100, looks=4)
    seen.see(50, looks=100)
    assert seen.state == "unacknowledged"
    seen.see(49, looks=5)
    assert seen.state == "unacknowledged"
    seen.see(49)
    assert seen.state == "returned"


def test_what_returns_before_anybody_knew_waits_for_somebody():
    seen = Clocked(AT_ONCE)
    seen.see(100)
    seen.see(0, looks=1_000)
    assert (seen.state, seen.alarm.returned_ns > 0) == ("returned", True)
    seen.alarm.acknowledge("asha", 7)
    assert seen.state == "resolved"
    seen.see(0)
    assert seen.state == "none"


def test_what_returns_after_somebody_knew_is_over():
    seen = Clocked(AT_ONCE)
    seen.see(100)
    seen.alarm.acknowledge("asha", 7)
    assert seen.state == "acknowledged"
    seen.see(0)
    assert (seen.state, seen.alarm.acknowledged_by) == ("none", "")


def test_who_acknowledged_first_stands():
    seen = Clocked(AT_ONCE)
    seen.see(100)
    seen.alarm.acknowledge("asha", 7)
    seen.alarm.acknowledge("ravi", 9)
    assert (seen.alarm.acknowledged_by, seen.alarm.acknowledged_ns) == ("asha", 7)


def test_three_times_in_a_minute_it_is_held_and_counted():
    seen = Clocked(AT_ONCE)
    for _ in range(10):
        seen.see(100)
        seen.see(0)
    assert (seen.state, seen.alarm.chattering, seen.alarm.present) == ("unacknowledged", True, True)
    assert (seen.raised, seen.alarm.count) == (3, 10)
    seen.see(0, looks=int(CHATTER_S) - 2)
    assert seen.alarm.present
    seen.see(0, looks=2)
    assert (seen.state, seen.alarm.chattering) == ("returned", False)


def test_chatter_is_noticed_also_where_somebody_knows_each_time():
    seen = Clocked(AT_ONCE)
    for _ in range(3):
        seen.see(100)
        seen.alarm.acknowledge("asha", 7)
        seen.see(0)
    assert seen.alarm.chattering
    assert seen.sent == [1.0, 3.0, 5.0]
    for _ in range(100):
        seen.see(100)
        seen.see(0)
    assert len(seen.sent) == 3


def test_three_times_in_an_hour_is_no_chatter():
    seen = Clocked(AT_ONCE)
    for _ in range(3):
        seen.see(100)
        seen.see(0, looks=40)
    assert not seen.alarm.chattering


def test_it_is_not_raised_while_another_explains_it_and_waits_anew_after_that():
    seen = Clocked()
    seen.see(100, looks=10, root="SourceAway:log")
    assert (seen.state, seen.sent) == ("none", [])
    seen.see(100, looks=2)
    assert seen.state == "none"
    seen.see(100)
    assert seen.state == "unacknowledged"


def test_what_is_explained_later_is_suppressed_and_comes_back_with_the_end_of_that():
    seen = Clocked(AT_ONCE)
    seen.see(100)
    seen.see(100, looks=400, root="StageDown:signals")
    assert (seen.state, seen.alarm.root, len(seen.sent)) == ("suppressed", "StageDown:signals", 1)
    seen.see(100)
    assert (seen.state, len(seen.sent)) == ("unacknowledged", 2)


def test_what_returns_while_it_is_explained_is_over_without_anybody():
    seen = Clocked(AT_ONCE)
    seen.see(100)
    seen.see(0, root="StageDown:signals")
    assert seen.state == "none"


def test_what_had_returned_before_it_was_explained_still_waits_for_somebody():
    seen = Clocked(AT_ONCE)
    seen.see(100)
    seen.see(0)
    seen.see(0, looks=5, root="StageDown:signals")
    assert seen.state == "returned"


def test_people_are_told_again_later_and_later_until_somebody_knows():
    seen = Clocked(AT_ONCE)
    seen.see(100, looks=3_000)
    again_s = SENT_AGAIN_S["critical"]
    assert seen.sent == [1.0, 1.0 + again_s, 1.0 + 3 * again_s, 1.0 + 7 * again_s]
    assert seen.alarm.deadline_ns(seen.moment) == seen.moment.time_ns + int((1 + 15 * again_s - 3_000) * SECOND_NS)
    seen.alarm.acknowledge("asha", 7)
    seen.see(100, looks=3_000)
    assert (len(seen.sent), seen.alarm.deadline_ns(seen.moment)) == (4, 0)


def test_of_what_is_low_nobody_is_told():
    seen = Clocked(dataclasses.replace(AT_ONCE, priority="low"))
    seen.see(100, looks=3_000)
    assert (seen.state, seen.sent) == ("unacknowledged", [])


def test_what_comes_again_soon_after_it_returned_is_not_told_again():
    seen = Clocked(AT_ONCE)
    seen.see(100)
    seen.see(0, looks=100)
    seen.see(100)
    assert (seen.state, seen.alarm.count, seen.sent) == ("unacknowledged", 2, [1.0])


def test_of_what_is_shelved_nobody_is_told_until_its_time():
    seen = Clocked(AT_ONCE)
    seen.alarm.shelf = Shelf(until_ns=100 * SECOND_NS, who="asha", reason="")
    seen.see(100, looks=99)
    assert (seen.state, seen.sent) == ("shelved", [])
    seen.see(100, looks=2)
    assert (seen.state, seen.sent) == ("unacknowledged", [100.0])


@given(st.lists(st.tuples(st.integers(0, 150), st.booleans(), st.booleans()), max_size=200))
def test_whatever_happens_it_is_raised_only_where_it_is_so_and_closed_only_where_somebody_knew(
    happenings: list[tuple[int, bool, bool]],
):
    seen = Clocked(step_s=2.0)
    for figure, explained, acknowledged in happenings:
        was_open, was_known = seen.alarm.active, bool(seen.alarm.acknowledged_ns)
        raised = seen.raised
        seen.see(figure, root="StageDown:signals" if explained else "")
        if seen.raised > raised:
            assert figure >= 100
            assert not explained
        if was_open and not seen.alarm.active:
            assert was_known or explained
        assert seen.alarm.active == (seen.alarm.count > 0)
        assert seen.alarm.active or not seen.alarm.present
        if acknowledged and seen.alarm.active:
            seen.alarm.acknowledge("asha", 7)
