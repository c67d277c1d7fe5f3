"""All alarms of a session: which are raised and which return, what explains what, and who is to be told.

Nothing here knows a clock, a database or a message: it is given a look and the moment of it, and returns what became of
that.
"""

import collections
import dataclasses
import graphlib
import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from alpha_panda.apps.alerts.alarms import Adopted, Alarm, Episode, Moment, Shelf
from alpha_panda.apps.alerts.looks import Look
from alpha_panda.apps.alerts.measures import Measure
from alpha_panda.apps.alerts.models import Alert, AlertState
from alpha_panda.apps.alerts.rule import Found, Rule, id_of
from alpha_panda.apps.alerts.rules import RULES
from alpha_panda.errors import ConfigurationError, UnknownRowError

FLOOD, FLOOD_S = 10, 600.0
"""More alarms than this in so many seconds are a flood, after EEMUA 191."""

BY_ITSELF = "itself"
"""Who closes an alarm that nobody needed to know of, since another one explained it."""

_URGENCY: Sequence[AlertState] = ("unacknowledged", "returned", "acknowledged", "suppressed", "shelved", "resolved")
_PRIORITIES = ("critical", "high", "low")


@dataclasses.dataclass
class Changes:
    """What became of one look."""

    raised: list[Alarm] = dataclasses.field(default_factory=list[Alarm])  # or worse than it was written
    returned: list[Alarm] = dataclasses.field(default_factory=list[Alarm])
    closed: list[tuple[Episode, str]] = dataclasses.field(default_factory=list[tuple[Episode, str]])  # and by whom
    due: list[Alarm] = dataclasses.field(default_factory=list[Alarm])  # people are to be told
    all_clear: tuple[str, ...] = ()  # the ids of what people were told and is so no longer


class Alarms:
    """The alarms of one session; `rules` are by default all there are."""

    def __init__(self, session: str, rules: Sequence[Rule] = RULES) -> None:
        self.session = session
        self.settled: dict[str, float] = {}
        self._rules = _roots_first(rules)
        self._rank = {rule.name: rank for rank, rule in enumerate(self._rules)}
        self._alarms: dict[str, Alarm] = {}
        self._told: dict[str, None] = {}
        self._elsewhere: frozenset[str] = frozenset()  # the ids of what is so, as the database has it
        self._raised_s: collections.deque[float] = collections.deque()

    # ── What is found ────────────────────────────────────────────────────────────────────────────────────────────────

    def look(self, look: Look, moment: Moment, sends: bool = True) -> Changes:
        """Take in what the rules find in a look, and return what becomes of it.

        Unless this process is the one that `sends`, nobody is told of anything, and what another one has written stays
        as that has it.
        """
        changes = Changes()
        found = self._found(look)
        alarms = self._alarms
        for id, each in found.items():
            if id not in alarms and each.measure.figure >= each.measure.limit:
                alarms[id] = Alarm(each.rule, each.measure)
        for alarm in sorted(alarms.values(), key=lambda alarm: self._rank[alarm.rule.name]):
            if alarm.rule.name not in self._failing:
                here = found.get(alarm.id)
                self._look_at(alarm, here if sends else self._here_or_there(alarm, here), moment)
                if alarm.over:
                    # What needed nobody is for whoever sends to say.
                    if sends or alarm.acknowledged_by:
                        changes.closed.append((alarm.episode, alarm.acknowledged_by or BY_ITSELF))
                    alarm.close()
                if sends:
                    self._say(alarm, moment, changes)
                elif alarm.seen_here_alone(moment):
                    alarm.close()
        self._alarms = {id: alarm for id, alarm in alarms.items() if not alarm.idle}
        # Where nobody works on a session any more nothing is found wrong with it, and nothing is well.
        changes.all_clear = self._all_clear() if sends and not look.is_history else ()
        while self._raised_s and moment.monotonic_s - self._raised_s[0] > FLOOD_S:
            self._raised_s.popleft()
        return changes

    def _found(self, look: Look) -> Mapping[str, Found]:
        """Return what the rules find; the alarms of a rule that fails stay as they are."""
        found: dict[str, Found] = {}
        self._failing: set[str] = set()
        for rule in self._rules:
            try:
                measures = list(rule.measure(look))
            except Exception:  # the other rules matter more than why this one fails
                logging.getLogger(__name__).exception("the rule %s does not understand what it sees", rule.name)
                self._failing.add(rule.name)
                continue
            found |= {each.id: each for each in (Found(rule, measure) for measure in measures)}
        return found

    def _look_at(self, alarm: Alarm, found: Found | None, moment: Moment) -> None:
        roots = (self._alarms.get(root) for root in alarm.rule.roots_of(alarm.measure.key))
        root = next((each.id for each in roots if each is not None and each.present), "")
        if alarm.look(found, root, moment):
            self._raised_s.append(moment.monotonic_s)

    def _here_or_there(self, alarm: Alarm, found: Found | None) -> Found | None:
        """Return what is found here; of what is so elsewhere, and not here, that it is so still."""
        if alarm.id not in self._elsewhere or (found is not None and found.measure.figure >= found.measure.release):
            return found
        return Found(alarm.rule, alarm.measure._replace(release=-math.inf))

    def _say(self, alarm: Alarm, moment: Moment, changes: Changes) -> None:
        """Note what is to be written of an alarm, and whether people are to be told."""
        episode = alarm.episode
        worse = alarm.present and alarm.rule.settled_by_hand and alarm.measure.figure > episode.figure
        if alarm.active and (alarm.count > episode.count or worse):
            changes.raised.append(alarm)
        if alarm.active and not alarm.present and not episode.returned:
            changes.returned.append(alarm)
        if alarm.is_due(moment):
            alarm.was_sent(moment)
            self._told[alarm.id] = None
            changes.due.append(alarm)

    def _all_clear(self) -> tuple[str, ...]:
        present = {id for id, alarm in self._alarms.items() if alarm.present}
        if not self._told or present & self._told.keys():
            return ()
        told = tuple(self._told)
        self._told.clear()
        return told

    # ── What people do ───────────────────────────────────────────────────────────────────────────────────────────────

    def get(self, id: str) -> Alarm:
        """Return an alarm that is shown; UnknownRowError for any other."""
        alarm = self._alarms.get(id)
        if alarm is None or not alarm.active:
            raise UnknownRowError(f"there is no alarm {id!r} now: look at those that there are")
        return alarm

    def acknowledge(self, id: str, who: str, now_ns: int) -> Alarm:
        """Note that somebody knows of an alarm; with the next look it is closed if it is no longer so."""
        alarm = self.get(id)
        alarm.acknowledge(who, now_ns)
        return alarm

    def resolve(self, id: str, who: str, now_ns: int) -> Alarm:
        """Note that somebody has dealt with an alarm.

        Raises ConfigurationError for one that is still so and ends by itself once its cause has.
        """
        alarm = self.get(id)
        if alarm.rule.settled_by_hand:
            self.settled[id] = alarm.measure.figure
            self._elsewhere -= {id}
            alarm.present = False
        if alarm.present:
            raise ConfigurationError(f"{id} is still so, and ends by itself with its cause: acknowledge or shelve it")
        alarm.acknowledge(who, now_ns)
        return alarm

    def shelve(self, id: str, shelf: Shelf) -> Alarm:
        """Put an alarm away until a time."""
        alarm = self.get(id)
        alarm.shelf = shelf
        return alarm

    # ── What was known before ────────────────────────────────────────────────────────────────────────────────────────

    def take_over(self, known: "Known", moment: Moment) -> list[Alarm]:
        """Take over what was raised before, what is shelved, and what people did in other processes.

        Return what somebody has acknowledged here before it was known under which number.
        """
        adopted = [(each, self._adopt(each, moment)) for each in known.alarms]
        self._elsewhere = frozenset(id_of(each.rule, each.key) for each in known.alarms if not each.returned_ns)
        for id, alarm in self._alarms.items():
            alarm.shelf = known.shelves.get(id)
            if alarm.episode.number is not None and (who := known.closed.get(alarm.episode.number)):
                alarm.acknowledge(who, moment.time_ns)
        for id, figure in known.settled.items():
            self.settled[id] = max(figure, self.settled.get(id, 0.0))
        return [alarm for kept, alarm in adopted if alarm and alarm.acknowledged_ns and not kept.acknowledged_ns]

    def _adopt(self, kept: Adopted, moment: Moment) -> Alarm | None:
        rule = next((rule for rule in self._rules if rule.name == kept.rule), None)
        if rule is None:
            return None
        measure = Measure(kept.key, kept.cause, kept.figure)
        alarm = self._alarms.setdefault(rule.id_of(kept.key), Alarm(rule, measure))
        alarm.adopt(kept, moment)
        if kept.told and alarm.present:
            self._told[alarm.id] = None
        return alarm

    def numbers(self) -> frozenset[int]:
        """Return the numbers in the database of what is shown."""
        numbers = (alarm.episode.number for alarm in self._alarms.values() if alarm.active)
        return frozenset(number for number in numbers if number is not None)

    # ── What is shown ────────────────────────────────────────────────────────────────────────────────────────────────

    def lately(self) -> int:
        """Return how many were raised in the latest ten minutes."""
        return len(self._raised_s)

    def shown(self, moment: Moment) -> tuple[Alert, ...]:
        """Return all that there is to show, what needs a person first."""
        shown = [self.alert(alarm, moment) for alarm in self._alarms.values() if alarm.active]
        return tuple(sorted(shown, key=_urgency))

    def alert(self, alarm: Alarm, moment: Moment) -> Alert:
        """Return an alarm as it is shown."""
        rule, measure, shelf = alarm.rule, alarm.measure, alarm.shelf_at(moment.time_ns)
        return Alert(
            id=alarm.id,
            number=alarm.episode.number,
            session=self.session,
            rule=rule.name,
            key=measure.key,
            priority=alarm.priority,
            state=alarm.state(moment.time_ns),
            present=alarm.present,
            title=rule.title_of(measure.key),
            cause=measure.cause,
            consequence=rule.consequence,
            action=rule.action,
            section=rule.name,
            figure=measure.figure,
            limit=measure.limit,
            count=alarm.count,
            chattering=alarm.chattering,
            root=alarm.root,
            raised_ns=alarm.raised_ns,
            returned_ns=alarm.returned_ns,
            deadline_ns=alarm.deadline_ns(moment),
            acknowledged_ns=alarm.acknowledged_ns,
            acknowledged_by=alarm.acknowledged_by,
            shelved_until_ns=shelf.until_ns if shelf else 0,
            shelved_by=shelf.who if shelf else "",
            shelved_reason=shelf.reason if shelf else "",
        )


class Known(NamedTuple):
    """What the database knows of a session's alarms."""

    alarms: Sequence[Adopted]
    shelves: Mapping[str, Shelf]  # by the id of the alarm
    settled: Mapping[str, float]  # likewise, the figure of the latest that was resolved
    closed: Mapping[int, str]  # by their numbers, who closed alarms that were shown here


def _urgency(alert: Alert) -> tuple[int, int, int]:
    return _URGENCY.index(alert.state), _PRIORITIES.index(alert.priority), -alert.raised_ns


def _roots_first(rules: Iterable[Rule]) -> list[Rule]:
    """Return rules so that whatever explains an alarm is looked at before it."""
    named = {rule.name: rule for rule in rules}
    roots = {name: {root.partition(":")[0] for root in rule.roots} & named.keys() for name, rule in named.items()}
    return [named[name] for name in graphlib.TopologicalSorter(roots).static_order()]
