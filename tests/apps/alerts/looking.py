"""A session that trades as it should, second by second, for tests of what its alarms make of it."""

import dataclasses
from collections.abc import Callable
from typing import Any

from alpha_panda.apps.alerts.alarms import Moment
from alpha_panda.apps.alerts.engine import Alarms, Changes
from alpha_panda.apps.alerts.looks import Look, Memory
from alpha_panda.apps.alerts.models import Alert, Channel
from alpha_panda.apps.desk.models import Picture
from alpha_panda.units import SECOND_NS
from tests.apps.dashboard.example import NOW_NS, example_picture

Change = Callable[[Picture, int], Picture]
"""What is different in a picture that was taken at a time."""

GOOD = Channel(service="JSON", target="json://localhost", well=True, trouble="", tried_ns=0, delivered_ns=0)


_EXAMPLE = example_picture()


def unchanged(picture: Picture, now_ns: int) -> Picture:
    """Return a picture as it is."""
    return picture


def healthy(now_ns: int) -> Picture:
    """Return a session of which every figure is as it should be at `now_ns`."""
    picture = _EXAMPLE
    assert picture.account is not None
    assert picture.feed is not None
    return picture.model_copy(
        update={
            "number": max(1, (now_ns - NOW_NS) // SECOND_NS),
            "taken_ns": now_ns,
            "sources": tuple(source.model_copy(update={"read_ns": now_ns}) for source in picture.sources),
            "account": picture.account.model_copy(update={"reported_ns": now_ns, "market_ns": now_ns}),
            "feed": picture.feed.model_copy(update={"market_ns": now_ns, "heard_ns": now_ns}),
            "stages": tuple(stage.model_copy(update={"reported_ns": now_ns, "age_s": 0.0}) for stage in picture.stages),
        }
    )


def with_stage(name: str, **fields: Any) -> Change:
    """Return what changes one stage."""

    def change(picture: Picture, now_ns: int) -> Picture:
        stages = (each.model_copy(update=fields if each.stage == name else {}) for each in picture.stages)
        return picture.model_copy(update={"stages": tuple(stages)})

    return change


def with_feed(**fields: Any) -> Change:
    """Return what changes the feed."""

    def change(picture: Picture, now_ns: int) -> Picture:
        assert picture.feed is not None
        return picture.model_copy(update={"feed": picture.feed.model_copy(update=fields)})

    return change


def with_account(**fields: Any) -> Change:
    """Return what changes the account."""

    def change(picture: Picture, now_ns: int) -> Picture:
        assert picture.account is not None
        return picture.model_copy(update={"account": picture.account.model_copy(update=fields)})

    return change


def with_limit(name: str, used: float) -> Change:
    """Return what uses a limit of the account."""

    def change(picture: Picture, now_ns: int) -> Picture:
        limits = (each.model_copy(update={"used": used} if each.name == name else {}) for each in picture.limits)
        return picture.model_copy(update={"limits": tuple(limits)})

    return change


def with_source(name: str, trouble: str) -> Change:
    """Return what takes a source away."""

    def change(picture: Picture, now_ns: int) -> Picture:
        away = {"well": False, "is_read": False, "trouble": trouble, "read_ns": NOW_NS}
        sources = (each.model_copy(update=away if each.name == name else {}) for each in picture.sources)
        return picture.model_copy(update={"sources": tuple(sources)})

    return change


def having(**fields: Any) -> Change:
    """Return what changes the picture itself."""
    return lambda picture, now_ns: picture.model_copy(update=fields)


def all_of(*changes: Change) -> Change:
    """Return what makes several changes."""

    def change(picture: Picture, now_ns: int) -> Picture:
        for each in changes:
            picture = each(picture, now_ns)
        return picture

    return change


@dataclasses.dataclass
class Watched:
    """A session whose alarms are looked after; time passes in `pass_time` alone."""

    alarms: Alarms = dataclasses.field(default_factory=lambda: Alarms("2025-11-21-paper"))
    memory: Memory = dataclasses.field(default_factory=Memory)
    now_ns: int = NOW_NS
    channels: tuple[Channel, ...] = (GOOD,)
    kept: bool = True
    sends: bool = True
    changes: list[Changes] = dataclasses.field(default_factory=list[Changes])

    @property
    def moment(self) -> Moment:
        """The time on both clocks."""
        return Moment(self.now_ns, (self.now_ns - NOW_NS) / SECOND_NS)

    def look(self, picture: Picture) -> Changes:
        """Look at a picture now."""
        before = self.memory.counted(picture)
        look = Look(picture, before, self.now_ns, self.channels, self.kept, self.alarms.settled, self.sends)
        self.changes.append(self.alarms.look(look, self.moment, self.sends))
        return self.changes[-1]

    def pass_time(self, seconds: float, change: Change = unchanged, every_s: float = 0.5) -> None:
        """Let time pass, with a look at each step of it at a session that is healthy but for `change`."""
        until_ns = self.now_ns + int(seconds * SECOND_NS)
        while self.now_ns < until_ns:
            self.now_ns += int(every_s * SECOND_NS)
            self.look(change(healthy(self.now_ns), self.now_ns))

    def shown(self) -> dict[str, Alert]:
        """Return the alarms that there are, by their ids."""
        return {alert.id: alert for alert in self.alarms.shown(self.moment)}

    def present(self) -> set[str]:
        """Return the ids of what is so now."""
        return {id for id, alert in self.shown().items() if alert.present}

    def due(self) -> list[str]:
        """Return the ids of what people were told, in order."""
        return [alarm.id for changes in self.changes for alarm in changes.due]
