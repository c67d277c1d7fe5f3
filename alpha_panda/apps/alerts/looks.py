"""What the rules are given: a picture, what was counted in those before it, and how messages fare."""

import collections
import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from typing import NamedTuple, Self

from alpha_panda.apps.alerts.models import Channel
from alpha_panda.apps.desk.models import Picture, Stage
from alpha_panda.live.observer import FEED
from alpha_panda.units import HOUR_NS, MINUTE_NS, SECOND_NS

_HISTORY_NS = 12 * HOUR_NS
_KEPT_NS, _KEPT_EVERY_NS = 11 * MINUTE_NS, 5 * SECOND_NS


class Counts(NamedTuple):
    """What a picture counted, kept to be compared with."""

    taken_ns: int
    market_ns: int
    heard_ns: int
    feed_counts: bool
    reconnects: int
    kept_out: int
    refusals: Mapping[str, int]
    lags: Mapping[str, int]  # by the name of the stage
    reported_ns: Mapping[str, int]

    @classmethod
    def of(cls, picture: Picture) -> Self:
        """Return the counts of a picture."""
        feed = picture.feed
        return cls(
            taken_ns=picture.taken_ns,
            market_ns=feed.market_ns if feed else 0,
            heard_ns=feed.heard_ns if feed else 0,
            feed_counts=has_counted(picture),
            reconnects=feed.reconnects if feed else 0,
            kept_out=feed.kept_out if feed else 0,
            refusals={each.code: each.count for each in picture.refusals},
            lags={name: stage.lag for name, stage in named_stages(picture) if stage.lag is not None},
            reported_ns={name: stage.reported_ns for name, stage in named_stages(picture)},
        )


def has_counted(picture: Picture) -> bool:
    """Return whether the feed has said what it counted."""
    feeds = [stage for stage in picture.stages if stage.stage == FEED]
    return any(stage.reported_ns and stage.phase != "recovering" for stage in feeds)


def named_stages(picture: Picture) -> Iterator[tuple[str, Stage]]:
    """Yield the stages by name; where several processes share one, with what each works on."""
    shared = collections.Counter(stage.stage for stage in picture.stages)
    for stage in picture.stages:
        works_on = "-".join(map(str, stage.partitions)) or stage.holder
        yield (stage.stage if shared[stage.stage] == 1 else f"{stage.stage}-{works_on}"), stage


@dataclasses.dataclass(frozen=True)
class Look:
    """One session at one moment, as the rules see it; `before` is what was counted until then, oldest first."""

    picture: Picture
    before: tuple[Counts, ...]
    now_ns: int
    channels: tuple[Channel, ...] = ()
    kept: bool = True  # whether the database takes what happens to alarms
    settled: Mapping[str, float] = dataclasses.field(default_factory=dict[str, float])
    """By the id of an alarm, the figure at which somebody said that it is dealt with."""
    sends: bool = True  # whether this process sends messages, and not another one

    @property
    def working(self) -> bool:
        """Whether somebody trades this session, or should."""
        return self.picture.session is not None and self.picture.phase != "ended" and not self.is_history

    @property
    def is_history(self) -> bool:
        """Whether nobody has worked on this session for half a day."""
        reported_ns = max((stage.reported_ns for stage in self.picture.stages), default=0)
        return self.now_ns - reported_ns >= _HISTORY_NS

    @property
    def holding(self) -> bool:
        """Whether the account has anything at stake: a position, or an order at work."""
        account = self.picture.account
        told = account is not None and bool(account.positions or account.orders_working)
        return told or any(position.quantity for position in self.picture.positions)

    def earlier(self, seconds: float, by_feed: bool = False) -> Counts | None:
        """Return what was counted so many seconds ago, or when the looking began; None before the first time.

        Where it is the feed's count that matters, `by_feed`, only what that had counted is any.
        """
        counted = [each for each in self.before if each.feed_counts or not by_feed]
        older = [each for each in counted if self.now_ns - each.taken_ns >= seconds * SECOND_NS]
        return older[-1] if older else next(iter(counted), None)

    def since_s(self, time_ns: int) -> float:
        """Return how long ago something was by this machine's clock; negative for what is still to come."""
        return (self.now_ns - time_ns) / SECOND_NS

    @property
    def looked_s(self) -> float:
        """For how long this process has looked at the session, as far as it remembers."""
        return self.since_s(self.before[0].taken_ns) if self.before else 0.0

    @property
    def feed_counts(self) -> bool:
        """Whether the feed has said what it counted; while it recovers, it counts from nothing."""
        return has_counted(self.picture)

    def market_s(self, earlier: Counts) -> float:
        """Return how much of the market has passed since then; more than the time since in a replay that is fast."""
        market_ns = self.picture.feed.market_ns if self.picture.feed else 0
        return max(market_ns - earlier.market_ns, 0) / SECOND_NS if earlier.market_ns else 0.0

    def silent_s(self, name: str, stage: Stage) -> float:
        """Return for how long a stage has not reported, as far as that depends on no clock but this machine's."""
        unchanged_s, changed_s = self._unreported(name, stage)
        return max(unchanged_s, min(self.since_s(stage.reported_ns), changed_s))

    def was_heard(self, name: str, stage: Stage) -> bool:
        """Return whether this process has seen a stage report, and not only what it said before."""
        return any(each.reported_ns.get(name) != stage.reported_ns for each in self.before)

    def clock_s(self, name: str, stage: Stage) -> float:
        """Return how far the clock of a stage's machine is off at least, in seconds either way."""
        _, changed_s = self._unreported(name, stage)
        age_s = self.since_s(stage.reported_ns)
        return max(-age_s, age_s - changed_s)

    def _unreported(self, name: str, stage: Stage) -> tuple[float, float]:
        """Return since when its last report has surely, and since when it has perhaps, been the last; in seconds."""
        unchanged_s = 0.0
        for counts in reversed(self.before):
            if counts.reported_ns.get(name) != stage.reported_ns:
                return unchanged_s, self.since_s(counts.taken_ns)
            unchanged_s = self.since_s(counts.taken_ns)
        return unchanged_s, float("inf")

    def feed_every_s(self) -> float | None:
        """Return how often the feed says something, in seconds, as far as that was seen; None before it was.

        It is what nine in ten silences do not exceed: where little is traded they differ, and one outage is no habit.
        """
        heard_ns = sorted({each.heard_ns for each in self.before if each.heard_ns})
        apart_ns = sorted(after - before for before, after in itertools.pairwise(heard_ns))
        return apart_ns[len(apart_ns) * 9 // 10] / SECOND_NS if apart_ns else None


class Memory:
    """What was counted in the latest minutes, of the session that is shown now."""

    def __init__(self) -> None:
        self._session = ""
        self._counts: collections.deque[Counts] = collections.deque()

    def counted(self, picture: Picture) -> tuple[Counts, ...]:
        """Return what was counted before, and remember this picture; one of a source that is away tells nothing new."""
        session = picture.session.name if picture.session else ""
        if session != self._session:
            self._session = session
            self._counts.clear()
        before = tuple(self._counts)
        well = all(source.is_read for source in picture.sources)
        if well and session and (not before or picture.taken_ns - before[-1].taken_ns >= _KEPT_EVERY_NS):
            self._counts.append(Counts.of(picture))
            while picture.taken_ns - self._counts[0].taken_ns > _KEPT_NS:
                self._counts.popleft()
        return before
