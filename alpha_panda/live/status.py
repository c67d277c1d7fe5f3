"""How a session is doing, as its stages publish it while they work: for the screen, never for a decision."""

import collections
import dataclasses
import heapq
from collections.abc import Callable, Sequence

from alpha_panda.chain import AccountStage
from alpha_panda.live.envelope import Envelope
from alpha_panda.live.log.base import Record
from alpha_panda.live.messages import Decision, Gap, Payload, Signal, StageReport
from alpha_panda.live.observer import FEED, Inputs, Observer
from alpha_panda.live.session import Blueprint
from alpha_panda.live.store.base import Portfolio
from alpha_panda.live.streams import UNDECODABLE

COMPILING = "compiling the kernels, half a minute where they are new"
RECOVERING, TRADING, STOPPED, ENDED = "recovering", "trading", "stopped", "ended"
"""The phases of a session; it is stopped when somebody stopped it, and ended when its feed had no more."""
WAITING = "waiting"
"""The phase of a session whose log is away, or has not been begun by the process that has the feed."""

_LATEST, _WARNINGS = 8, 4


@dataclasses.dataclass
class Status(Observer):
    """What a session did so far; `monotonic` is the clock that feed age is counted on.

    It is the one observer that the stages know: whoever else looks on stands in `also`.
    """

    monotonic: Callable[[], float]
    also: Sequence[Observer] = ()
    blueprint: Blueprint | None = None
    account: AccountStage | None = None
    phase: str = COMPILING
    notes: list[str] = dataclasses.field(default_factory=list[str])
    announced: tuple[str, ...] = ()  # where the session can be looked at
    warnings: collections.deque[str] = dataclasses.field(default_factory=lambda: collections.deque(maxlen=_WARNINGS))
    time_ns: int = 0
    events: int = 0
    kept_out: int = 0
    framed_s: float = 0.0
    heard_s: float = 0.0  # when the feed last handed on a frame, or else began to
    frames: int = 0  # offsets that each stage reads next of the ticks
    signals_next: int = 0
    account_next: int = 0
    published: int = 0  # steps of the account, and how many of them the portfolio shows
    projected: int = 0
    signals: collections.deque[tuple[int, Signal]] = dataclasses.field(
        default_factory=lambda: collections.deque(maxlen=_LATEST)
    )
    decisions: list[Decision] = dataclasses.field(default_factory=list[Decision])
    refusals: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter[str])
    set_aside: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter[str])
    gaps: int = 0
    reconnects: int = 0
    conflated: int = 0
    faults: collections.Counter[tuple[str, str]] = dataclasses.field(  # by stage: set aside, and of these given up
        default_factory=collections.Counter[tuple[str, str]]
    )
    reports: dict[str, StageReport] = dataclasses.field(default_factory=dict[str, StageReport])
    lags: dict[str, dict[tuple[str, int], int]] = dataclasses.field(
        default_factory=lambda: collections.defaultdict(dict[tuple[str, int], int])
    )

    def figures(self, stage: str) -> dict[str, float]:
        """Return what a stage of this process reports of bad records, and the feed of its events besides."""
        faults = {name: float(self.faults[stage, name]) for name in ("set_aside", "dead_letters")}
        if stage != FEED:
            return faults
        counted = ("events", "kept_out", "gaps", "reconnects", "conflated")
        # A letter is written about each event that is kept out.
        return {
            **faults,
            **{name: float(getattr(self, name)) for name in counted},
            **({"silent_s": self.monotonic() - self.heard_s} if self.heard_s else {}),
            "dead_letters": float(self.kept_out),
        }

    def exchange_note(self, before: str, after: str) -> None:
        """Show what a person should know in place of what was said before, once; nothing where either is empty."""
        self.notes[:] = [each for each in self.notes if each not in (before, after)]
        self.notes += [after] if after else []

    def on_recovered(
        self, blueprint: Blueprint, account: AccountStage, frames: int, signals_next: int, account_next: int
    ) -> None:
        """Note where the session goes on."""
        self.blueprint, self.account = blueprint, account
        self.frames, self.signals_next, self.account_next = frames, signals_next, account_next
        self.events = int(account.account.events)
        self.framed_s = self.monotonic()
        self.phase = TRADING
        super().on_recovered(blueprint, account, frames, signals_next, account_next)

    def on_frame(self, offset: int, events: int, kept_out: int, time_ns: int) -> None:
        """Note that the feed put a frame at `offset` of the ticks."""
        self.frames = offset + 1
        self.events += events
        self.kept_out += kept_out
        self.time_ns = time_ns
        self.framed_s = self.heard_s = self.monotonic()
        super().on_frame(offset, events, kept_out, time_ns)

    def on_stage_recovered(self, stage: str) -> None:
        """Note when the feed began, from when on it is silent as long as no frame comes."""
        if stage == FEED:
            self.heard_s = self.heard_s or self.monotonic()
        super().on_stage_recovered(stage)

    def on_feed_over(self, stopped: bool) -> None:
        """Note that the feed says no more, since it was stopped or has ended."""
        self.phase = STOPPED if stopped else ENDED
        super().on_feed_over(stopped)

    def on_gap(self, gap: Gap) -> None:
        """Count a silence of the feed."""
        self.gaps += 1
        super().on_gap(gap)

    def on_reconnected(self, reason: str) -> None:
        """Count a new connection of the feed."""
        self.reconnects += 1
        super().on_reconnected(reason)

    def on_conflated(self, ticks: int) -> None:
        """Count ticks given up for later ones."""
        self.conflated += ticks
        super().on_conflated(ticks)

    def on_signals(self, next_frame: int, messages: Sequence[Envelope], inputs: Inputs | None = None) -> None:
        """Note how far the signals stage is, and the latest of what it said."""
        self.signals_next = next_frame
        self.signals.extendleft(
            (message.time_ns, message.data) for message in messages if isinstance(message.data, Signal)
        )
        super().on_signals(next_frame, messages, inputs)

    def on_step(
        self, next_frame: int, steps: int, messages: Sequence[Envelope] = (), inputs: Inputs | None = None
    ) -> None:
        """Note how far the account is."""
        self.account_next, self.published = next_frame, steps
        super().on_step(next_frame, steps, messages, inputs)

    def on_message(self, data: Payload | None) -> None:
        """Note the latest decisions, and what was refused."""
        if isinstance(data, Decision):
            self.decisions = heapq.nlargest(_LATEST, [data, *self.decisions], key=lambda decision: decision.time_ns)
            if data.verdict == "refused":
                self.refusals[data.code] += 1
        super().on_message(data)

    def on_portfolio(self, portfolio: Portfolio) -> None:
        """Note what was decided and refused before this process."""
        self.decisions = list(portfolio.decisions[:_LATEST])
        self.refusals = collections.Counter(portfolio.refusals)
        super().on_portfolio(portfolio)

    def on_set_aside(self, stage: str, record: Record, reason: str) -> None:
        """Count what was not applied, by the words that its reason begins with."""
        self.set_aside[reason.split(":")[0]] += 1
        self.faults[stage, "set_aside"] += 1
        # A reader that gives a record up sets it aside with a letter.
        self.faults[stage, "dead_letters"] += reason.startswith(UNDECODABLE)
        super().on_set_aside(stage, record, reason)

    def on_report(self, report: StageReport) -> None:
        """Keep what a stage says of itself."""
        self.reports[report.stage] = report
        super().on_report(report)

    def on_lag(self, stage: str, topic: str, partition: int, records: int) -> None:
        """Keep how far a stage is behind."""
        self.lags[stage][topic, partition] = records
        super().on_lag(stage, topic, partition, records)
