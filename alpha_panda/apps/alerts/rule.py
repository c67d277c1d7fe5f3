"""A rule of alarms: what it measures, and what a person is told of it."""

import dataclasses
from collections.abc import Callable, Iterable
from typing import NamedTuple

from alpha_panda.apps.alerts.looks import Look
from alpha_panda.apps.alerts.measures import Measure
from alpha_panda.apps.alerts.models import Priority


def id_of(rule: str, key: str) -> str:
    """Return what the alarm of a rule about `key` is called everywhere."""
    return f"{rule}:{key}" if key else rule


@dataclasses.dataclass(frozen=True)
class Rule:
    """A rule with what a person is told; `{key}` in its title stands for what it is about."""

    name: str  # also of its section in live/RUNBOOK.md
    priority: Priority
    title: str
    consequence: str
    action: str
    measure: Callable[[Look], Iterable[Measure]]
    on_delay_s: float = 0.0  # it must have been so for so long
    off_delay_s: float = 10.0  # and be otherwise for so long
    roots: tuple[str, ...] = ()  # ids of the alarms that explain it
    settled_by_hand: bool = False  # it is so until somebody says that it is dealt with

    def id_of(self, key: str) -> str:
        """Return the id of its alarm about `key`."""
        return id_of(self.name, key)

    def title_of(self, key: str) -> str:
        """Return what is wrong about `key`, in a few words."""
        return self.title.replace("{key}", key)

    def roots_of(self, key: str) -> tuple[str, ...]:
        """Return the ids of the alarms that explain the one about `key`."""
        return tuple(root.replace("{key}", key) for root in self.roots)


class Found(NamedTuple):
    """What a rule found."""

    rule: Rule
    measure: Measure

    @property
    def id(self) -> str:
        """The id of the alarm."""
        return self.rule.id_of(self.measure.key)


LOG_AWAY = "SourceAway:log"
FEED_DEAD = ("StageDown:feed", "StageSilent:feed", "StageFailed:feed")
"""Alarms that explain others, by their ids."""
