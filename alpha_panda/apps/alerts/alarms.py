"""One alarm: how it is raised, returns, chatters, and what a person does to it."""

import collections
import dataclasses
import math
from collections.abc import Mapping
from typing import NamedTuple

from alpha_panda.apps.alerts.measures import Measure
from alpha_panda.apps.alerts.models import AlertState, Priority
from alpha_panda.apps.alerts.rule import Found, Rule
from alpha_panda.units import SECOND_NS

CHATTER, CHATTER_S = 3, 60.0
"""An alarm that was raised so often in so many seconds is held until it is quiet for as long."""

SEEN_BY_ALL_S = 30.0
"""By then every process that looks at a session has found what is so of it."""

SENT_AGAIN_S: Mapping[Priority, float] = {"critical": 300.0, "high": 900.0}
"""After how long a message is sent again that nobody acknowledged; each further one waits twice as long."""


class Moment(NamedTuple):
    """Now: `time_ns` is what people are told, `monotonic_s` what delays are counted on."""

    time_ns: int
    monotonic_s: float


@dataclasses.dataclass
class Episode:
    """One row of the database, from when an alarm is raised until it is closed, with what was last written there.

    Its number comes with the writing.
    """

    number: int | None = None
    figure: float = 0.0
    count: int = 0
    returned: bool = False


@dataclasses.dataclass(frozen=True)
class Adopted:
    """What the database knows of an alarm of this session that is not resolved."""

    number: int
    rule: str
    key: str
    cause: str
    figure: float
    count: int
    raised_ns: int
    returned_ns: int  # 0 while it is so
    acknowledged_ns: int
    acknowledged_by: str
    told: int  # messages that have arrived
    told_ns: int


@dataclasses.dataclass(frozen=True)
class Shelf:
    """Until when somebody does not want to see an alarm."""

    until_ns: int
    who: str
    reason: str


@dataclasses.dataclass
class Alarm:
    """What a rule found about one thing, from the first time that it was so until somebody knew and it was over."""

    rule: Rule
    measure: Measure
    present: bool = False
    count: int = 0  # how often it was raised since it was last closed; 0 while there is nothing to show
    chattering: bool = False
    root: str = ""
    episode: Episode = dataclasses.field(default_factory=Episode)
    raised_ns: int = 0
    returned_ns: int = 0
    acknowledged_ns: int = 0
    acknowledged_by: str = ""
    shelf: Shelf | None = None
    owed: bool = False  # people are to be told of it, even if it has returned before they could be
    sent: int = 0
    sent_s: float = -math.inf
    _held_since_s: float | None = None
    _gone_since_s: float | None = None
    _raised_s: collections.deque[float] = dataclasses.field(default_factory=lambda: collections.deque(maxlen=CHATTER))

    @property
    def id(self) -> str:
        """What it is called everywhere."""
        return self.rule.id_of(self.measure.key)

    @property
    def priority(self) -> Priority:
        """How soon a person must act."""
        return self.measure.priority or self.rule.priority

    @property
    def active(self) -> bool:
        """Whether there is anything to show of it."""
        return self.count > 0

    def shelf_at(self, now_ns: int) -> Shelf | None:
        """Return until when it is shelved; None where it is not, or no longer."""
        return self.shelf if self.shelf is not None and now_ns < self.shelf.until_ns else None

    def state(self, now_ns: int) -> AlertState:
        """Return what has become of it."""
        if self.shelf_at(now_ns) is not None:
            return "shelved"
        if self.root:
            return "suppressed"
        if self.acknowledged_ns:
            return "acknowledged" if self.present else "resolved"
        return "unacknowledged" if self.present else "returned"

    # ── What is found ────────────────────────────────────────────────────────────────────────────────────────────────

    def look(self, found: Found | None, root: str, moment: Moment) -> bool:
        """Take in what its rule found now, if anything, and which alarm explains it; return whether it was raised.

        What returns while another alarm explains it is over: nobody needs to have known.
        """
        held = self._is_held(found)
        new = self._note(held, root, moment.monotonic_s)
        explained = root or self.root  # what explained it may have ended in this very look
        self.root = root if self.present else ""
        if self.present:
            if self._returns(moment.monotonic_s):
                self.present, self.chattering, self.returned_ns = False, False, moment.time_ns
                self.root = explained
            elif new and self.chattering:
                self.count += 1
            return False
        if not held or root or not self._has_lasted(moment.monotonic_s):
            return False
        self._raise(moment)
        return True

    def _is_held(self, found: Found | None) -> bool:
        if found is None:
            return False
        self.measure = found.measure
        return self.measure.figure >= (self.measure.release if self.present else self.measure.limit)

    def _note(self, held: bool, root: str, now_s: float) -> bool:
        """Note since when it is so, or is not; return whether it has just become so."""
        new = held and self._held_since_s is None
        if not held:
            self._held_since_s = None
        elif new or (root and not self.present):
            self._held_since_s = now_s  # where another alarm explained it, its delay begins with the end of that one
        if held:
            self._gone_since_s = None
        elif self._gone_since_s is None:
            self._gone_since_s = now_s
        return new

    def _has_lasted(self, now_s: float) -> bool:
        return self._held_since_s is not None and now_s - self._held_since_s >= self.rule.on_delay_s

    def _returns(self, now_s: float) -> bool:
        if self._gone_since_s is None:
            return False
        delay_s = max(self.rule.off_delay_s, CHATTER_S) if self.chattering else self.rule.off_delay_s
        return now_s - self._gone_since_s >= delay_s

    def _raise(self, moment: Moment) -> None:
        self._raised_s.append(moment.monotonic_s)
        often = len(self._raised_s) == CHATTER
        self.chattering = often and moment.monotonic_s - self._raised_s[0] < CHATTER_S
        self.present = True
        self.owed = self.owed or self.shelf_at(moment.time_ns) is None
        self.count += 1
        self.raised_ns = self.raised_ns if self.count > 1 else moment.time_ns

    # ── What was known before ────────────────────────────────────────────────────────────────────────────────────────

    def adopt(self, kept: Adopted, moment: Moment) -> None:
        """Take over what the database knows of it: what another process, or this one before, found and told."""
        if not self.active:
            self.returned_ns, self.owed = kept.returned_ns, not kept.told
        self.present = self.present or not kept.returned_ns
        self.count, self.raised_ns = kept.count, kept.raised_ns
        self.episode = Episode(kept.number, kept.figure, kept.count, bool(kept.returned_ns))
        if kept.told:
            ago_s = max(moment.time_ns - kept.told_ns, 0) / SECOND_NS
            self.sent, self.sent_s = max(self.sent, kept.told), max(self.sent_s, moment.monotonic_s - ago_s)
        if kept.acknowledged_ns:
            self.acknowledge(kept.acknowledged_by, kept.acknowledged_ns)

    # ── What people do ───────────────────────────────────────────────────────────────────────────────────────────────

    def acknowledge(self, who: str, now_ns: int) -> None:
        """Note that somebody knows; the first who did so stands."""
        if not self.acknowledged_ns:
            self.acknowledged_ns, self.acknowledged_by = now_ns, who

    @property
    def over(self) -> bool:
        """Whether it can be closed: it is no longer so, and somebody knew or nobody needed to."""
        return self.active and not self.present and bool(self.acknowledged_ns or self.root)

    def seen_here_alone(self, moment: Moment) -> bool:
        """Return whether it has been over for so long that whoever sends messages would have known of it by now."""
        over = self.active and not self.present and self.episode.number is None
        return over and moment.time_ns - self.returned_ns >= SEEN_BY_ALL_S * SECOND_NS

    def close(self) -> None:
        """Forget what was shown; how often it was raised lately is remembered, and that it is shelved."""
        self.present, self.chattering, self.count, self.root, self.episode = False, False, 0, "", Episode()
        self.raised_ns = self.returned_ns = self.acknowledged_ns = self.sent = 0
        self.acknowledged_by, self.owed = "", False
        self._held_since_s = None

    @property
    def idle(self) -> bool:
        """Whether nothing at all is to be remembered of it."""
        quiet = self._gone_since_s is not None and not self._raised_s and self.shelf is None
        return quiet and not self.active

    # ── Who is told ──────────────────────────────────────────────────────────────────────────────────────────────────

    def is_due(self, moment: Moment) -> bool:
        """Return whether people are to be told, for the first time or again."""
        wait_s, state = self._wait_s(), self.state(moment.time_ns)
        if wait_s is None:
            return False
        if not self.sent:
            return state == "unacknowledged" or (state == "returned" and self.owed)
        return state == "unacknowledged" and moment.monotonic_s - self.sent_s >= wait_s

    def was_sent(self, moment: Moment) -> None:
        """Note that people were told now."""
        self.sent += 1
        self.sent_s = moment.monotonic_s

    def deadline_ns(self, moment: Moment) -> int:
        """Return when people are told again, 0 where they are not."""
        wait_s = self._wait_s()
        if wait_s is None or not self.sent or not self.present or self.state(moment.time_ns) != "unacknowledged":
            return 0
        left_s = max(self.sent_s + wait_s - moment.monotonic_s, 0.0)
        return moment.time_ns + int(left_s * SECOND_NS)

    def _wait_s(self) -> float | None:
        wait_s = SENT_AGAIN_S.get(self.priority)
        return None if wait_s is None else wait_s * 2 ** max(self.sent - 1, 0)
