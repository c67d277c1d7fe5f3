"""Where the figures of a picture come from: how the reading of each source went, and whether it shows all there is.

A source that answers may still show what is old. The log is complete as far as it was read; the portfolio store is only
where nothing stands on the log that it lacks, so that it is held against the log, and not believed.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Literal, get_args

from alpha_panda.apps.desk.freshness import Freshness
from alpha_panda.apps.desk.models import Source, Stage
from alpha_panda.live.observer import PORTFOLIO, REPORTS_MISSED_S
from alpha_panda.units import SECOND_NS, ist_datetime

SourceName = Literal["log", "store", "folder"]
SOURCES: tuple[SourceName, ...] = get_args(SourceName)

_LATE_NS = int(REPORTS_MISSED_S * SECOND_NS)


@dataclasses.dataclass
class Reading:
    """How the reading of one source went last."""

    fit: Callable[[str], str]  # makes a sentence fit to be shown
    trouble: str = "nobody has looked yet"
    read_ns: int = 0

    def note(self, now_ns: int, trouble: str) -> None:
        """Note that it was read at `now_ns`, or what kept it from being, without a secret that this may quote."""
        self.trouble = self.fit(trouble) if trouble else ""
        if not trouble:
            self.read_ns = now_ns

    def unread(self, now_ns: int) -> str:
        """Return why it cannot be read at `now_ns`; empty where it can."""
        silent_ns = now_ns - self.read_ns
        if self.trouble or silent_ns <= _LATE_NS:
            return self.trouble
        return f"it has not answered for {silent_ns // SECOND_NS} s"


def log_source(reading: Reading, missing: str, market_ns: int, now_ns: int) -> Source:
    """Return the event log as a source; `missing` is what those who read it wait for and nobody has written."""
    unread = reading.unread(now_ns)
    waits = f"{missing}: alpha-panda dlq replay puts it back" if missing else ""
    return Source(
        name="log",
        well=not unread and not missing,
        is_read=not unread,
        trouble=unread or waits,
        read_ns=reading.read_ns,
        complete_ns=0 if missing else reading.read_ns,
        market_ns=market_ns,
    )


def folder_source(reading: Reading, now_ns: int) -> Source:
    """Return the session's folder as a source."""
    unread, read_ns = reading.unread(now_ns), reading.read_ns
    return Source(
        name="folder", well=not unread, is_read=not unread, trouble=unread, read_ns=read_ns, complete_ns=read_ns
    )


def store_source(
    reading: Reading, freshness: Freshness, stages: Sequence[Stage], log: Source, folds: bool, now_ns: int
) -> Source:
    """Return the portfolio store as a source, held against the `log`; `folds` says that no stage fills it."""
    unread = reading.unread(now_ns)
    # At the beginning the store is read first, and is held against the log that is then still being read.
    if log.read_ns and not log.is_read and not reading.trouble:
        unread = "nobody can tell how old it is while the event log is away"
    trouble = unread or _why_old(freshness, stages, log, folds, now_ns)
    return Source(
        name="store",
        well=not trouble,
        is_read=not unread,
        trouble=trouble,
        read_ns=reading.read_ns,
        complete_ns=freshness.complete_ns,
        market_ns=freshness.market_ns,
        behind=freshness.behind,
    )


def _why_old(freshness: Freshness, stages: Sequence[Stage], log: Source, folds: bool, now_ns: int) -> str:
    """Return how old what the store shows is, and why; empty where it follows the log."""
    if freshness.ahead:
        return f"it shows {freshness.ahead:,} records that are not on the log: one of the two is an older copy"
    follows = freshness.complete_ns and now_ns - freshness.lacking_ns <= _LATE_NS
    if not freshness.lacking_ns or follows:
        return ""
    came = f"until {ist_datetime(freshness.market_ns):%-d %b %H:%M:%S} of the market, " if freshness.market_ns else ""
    why = (log.trouble or "they are being folded") if folds else _why_not_folded(stages)
    return f"it shows the account {came}{freshness.behind:,} records behind the log: {why}"


def _why_not_folded(stages: Sequence[Stage]) -> str:
    stage = next((each for each in stages if each.stage == PORTFOLIO), None)
    if stage is None or stage.trouble == "silent":
        return "the portfolio stage is silent"
    if stage.trouble:
        return f"the portfolio stage has {stage.trouble}"
    if stage.phase in ("ended", "stopped"):
        return f"the portfolio stage has {stage.phase}, and alpha-panda rebuild folds them"
    return stage.note or "the portfolio stage catches up"
