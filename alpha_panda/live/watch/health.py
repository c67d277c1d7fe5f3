"""Whether a process is alive, and whether it is ready: each check by name, with the reason where it fails.

Alive is a process whose event loop turns; one that does not is best started anew. Ready is one that does its work:
it has recovered, reaches the log, all its stages report, nothing is missing, and the feed is not silent while the
market is open.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from alpha_panda.live.messages import StageReport
from alpha_panda.live.observer import FEED, REPORTS_MISSED_S, Observer
from alpha_panda.live.watchdog import FeedAge
from alpha_panda.units import SECOND_NS

LOOP_STUCK_S = 5.0
"""An event loop that has not turned for so long is stuck: what it awaits at most is a disk, or another machine."""

FEED_STALE_S = 10.0
"""A market that is open says something at least so often, by its own clock."""

# A market that is played fast is silent for long as well, by its own clock, and heard again at the next look.
_UNSURE_S = 3.0

_HEARTBEAT_S = 0.5
_OVER = ("ended", "stopped")
"""The phases of a stage that did its work; it says no more, and nobody waits for it to."""


class Check(NamedTuple):
    """How one check came out."""

    passes: bool
    reason: str


class Health(Observer):
    """What the stages of a process said last, judged when somebody asks; it may be asked from any thread."""

    def __init__(self, monotonic: Callable[[], float], stages: Sequence[str]) -> None:
        self._monotonic = monotonic
        self._stages = tuple(stages)
        self._beaten_s = monotonic()
        self._reports: dict[str, tuple[float, StageReport]] = {}
        self._log_error = ""
        self._told: dict[str, bool] = {}
        self._age: FeedAge | None = None  # of the feed when the watchdog looked last
        self._fresh_s = 0.0  # when it last found nothing wrong

    def live(self) -> dict[str, Check]:
        """Return the checks of a process that is alive."""
        return {"loop": self._loop()}

    def ready(self) -> dict[str, Check]:
        """Return the checks of a process that does its work."""
        checks = {**self.live(), "log": Check(not self._log_error, self._log_error or "is reachable")}
        for stage in self._stages:
            checks[stage] = self._stage(stage)
        if FEED in self._stages and not self._over(FEED):
            checks["market"] = self._market()
        return checks

    def changes(self) -> dict[str, Check]:
        """Return the checks that come out otherwise than when this was asked last."""
        checks = self.ready()
        changed = {name: check for name, check in checks.items() if check.passes != self._told.get(name, check.passes)}
        self._told = {name: check.passes for name, check in checks.items()}
        return changed

    def _loop(self) -> Check:
        age_s = self._monotonic() - self._beaten_s
        return Check(age_s < LOOP_STUCK_S, f"the event loop turned {age_s:.1f} s ago")

    def _stage(self, stage: str) -> Check:
        said = self._reports.get(stage)
        if said is None:
            return Check(False, "has not reported yet")
        (reported_s, report), now_s = said, self._monotonic()
        if report.phase not in _OVER and now_s - reported_s >= REPORTS_MISSED_S:
            return Check(False, f"last reported {now_s - reported_s:.1f} s ago, as {report.phase}")
        reason = f"{report.phase}: {report.note}" if report.note else report.phase
        return Check(report.phase in ("running", *_OVER), reason)

    def _over(self, stage: str) -> bool:
        said = self._reports.get(stage)
        return said is not None and said[1].phase in _OVER

    def _market(self) -> Check:
        if self._age is None:
            return Check(False, "nobody has looked at the feed yet")
        unsure_s = self._monotonic() - self._fresh_s
        heard = f"open, and silent for {self._age.silent_ns / SECOND_NS:.1f} s" if self._age.market_open else "closed"
        return Check(unsure_s < _UNSURE_S, f"the market is {heard}; the feed was fresh {unsure_s:.1f} s ago")

    # ── What the stages say ──────────────────────────────────────────────────────────────────────────────────────────

    def on_heartbeat(self) -> None:
        """Note that the event loop turns."""
        self._beaten_s = self._monotonic()

    def on_report(self, report: StageReport) -> None:
        """Keep what a stage says of itself; since it said so on the log, that can be reached."""
        self._reports[report.stage] = self._monotonic(), report
        self._log_error = ""

    def on_log_error(self, stage: str, error: Exception) -> None:
        """Note that the log could not be reached."""
        self._log_error = str(error)

    def on_watched(self, age: FeedAge) -> None:
        """Keep what the watchdog of the feed saw."""
        if self._age is None or not age.market_open or age.silent_ns < FEED_STALE_S * SECOND_NS:
            self._fresh_s = self._monotonic()
        self._age = age


async def beat(observer: Observer, health: Health) -> None:
    """Tell `observer` twice a second that the event loop turns, and what has changed in `health`, until cancelled."""
    while True:
        observer.on_heartbeat()
        for name, check in health.changes().items():
            observer.on_health_check(name, *check)
        await asyncio.sleep(_HEARTBEAT_S)
