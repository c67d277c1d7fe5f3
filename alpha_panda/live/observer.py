"""What a session can be watched doing: one method for everything that happens, named after it.

The stages call the methods of one observer, which hands on to all others. None of them decides anything, none of them
waits, none can make a stage fail, and a session that nobody watches does exactly the same.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol, Self

from alpha_panda.chain import AccountStage
from alpha_panda.live.envelope import Envelope
from alpha_panda.live.log.base import Record
from alpha_panda.live.messages import Control, Gap, Payload, StageReport, Ticks
from alpha_panda.live.session import Blueprint
from alpha_panda.live.store.base import Portfolio
from alpha_panda.live.watchdog import FeedAge

FEED, SIGNALS, ACCOUNT, PORTFOLIO = "feed", "signals", "account", "portfolio"
"""The stages, as everything that is shown calls them."""

SESSION = "session"
"""What is said of all stages of a process together, such as that their log is away."""

REPORTS_MISSED_S = 5.0
"""A stage that has not reported for so long is taken to be down; it reports once a second."""


class Read(Protocol):
    """A record that a stage has read, with its message."""

    @property
    def record(self) -> Record:
        """The record."""
        ...

    @property
    def message(self) -> Envelope:
        """Its message."""
        ...


class Inputs(NamedTuple):
    """What a stage took up for one step, for those who measure it."""

    began_s: float  # when it took it up, by the monotonic clock
    events: int
    appended_ns: Mapping[str, int]  # when each frame came to stand on the log, by its id; 0 where the log says nothing

    @classmethod
    def of(cls, began_s: float, read: Iterable[Read]) -> Self:
        """Return what these records are, taken up at `began_s`."""
        frames = [each for each in read if isinstance(each.message.data, Ticks)]
        events = sum(frame.message.data.count for frame in frames if isinstance(frame.message.data, Ticks))
        return cls(began_s, events, {frame.message.id: frame.record.appended_ns for frame in frames})


class Observer:
    """Told what happens; what it does not care for, it hands on to the observers in `also`."""

    also: Sequence["Observer"] = ()

    def _tell(self, say: Callable[["Observer"], None]) -> None:
        for each in self.also:
            try:
                say(each)
            except Exception:  # trading does not stop because who only looks on has a fault
                logging.getLogger(__name__).exception("%s does not understand what it was told", type(each).__name__)

    # ── What the stages do ───────────────────────────────────────────────────────────────────────────────────────────

    def on_began(self, blueprint: Blueprint) -> None:
        """Note what the process works on."""
        self._tell(lambda each: each.on_began(blueprint))

    def on_recovered(
        self, blueprint: Blueprint, account: AccountStage, frames: int, signals_next: int, account_next: int
    ) -> None:
        """Note where the session goes on."""
        self._tell(lambda each: each.on_recovered(blueprint, account, frames, signals_next, account_next))

    def on_frame(self, offset: int, events: int, kept_out: int, time_ns: int) -> None:
        """Note that the feed put a frame at `offset` of the ticks."""
        self._tell(lambda each: each.on_frame(offset, events, kept_out, time_ns))

    def on_feed_over(self, stopped: bool) -> None:
        """Note that the feed says no more, since it was stopped or has ended."""
        self._tell(lambda each: each.on_feed_over(stopped))

    def on_signals(self, next_frame: int, messages: Sequence[Envelope], inputs: Inputs | None = None) -> None:
        """Note that the signals stage finished the frames before `next_frame` and put `messages` on the log."""
        self._tell(lambda each: each.on_signals(next_frame, messages, inputs))

    def on_step(
        self, next_frame: int, steps: int, messages: Sequence[Envelope] = (), inputs: Inputs | None = None
    ) -> None:
        """Note that the account applied the frames before `next_frame` and put `messages` on the log."""
        self._tell(lambda each: each.on_step(next_frame, steps, messages, inputs))

    def on_message(self, data: Payload | None) -> None:
        """Note what the account said, from the log, and the portfolio stage has folded."""
        self._tell(lambda each: each.on_message(data))

    def on_portfolio(self, portfolio: Portfolio) -> None:
        """Note what the portfolio store shows as the portfolio stage begins."""
        self._tell(lambda each: each.on_portfolio(portfolio))

    def on_command(self, command: Control, time_ns: int) -> None:
        """Note that the account took a person's command."""
        self._tell(lambda each: each.on_command(command, time_ns))

    # ── What happens to the feed ─────────────────────────────────────────────────────────────────────────────────────

    def on_watched(self, age: FeedAge) -> None:
        """Note how old the watchdog finds the feed, once a second."""
        self._tell(lambda each: each.on_watched(age))

    def on_gap(self, gap: Gap) -> None:
        """Note a silence that was recorded."""
        self._tell(lambda each: each.on_gap(gap))

    def on_reconnected(self, reason: str) -> None:
        """Note that the feed was connected anew, and why it had to be."""
        self._tell(lambda each: each.on_reconnected(reason))

    def on_conflated(self, ticks: int) -> None:
        """Note that so many ticks were given up for later ones."""
        self._tell(lambda each: each.on_conflated(ticks))

    # ── What happens to records ──────────────────────────────────────────────────────────────────────────────────────

    def on_set_aside(self, stage: str, record: Record, reason: str) -> None:
        """Note that a stage did not apply a record, and why: a word of `streams`, perhaps with more behind a colon."""
        self._tell(lambda each: each.on_set_aside(stage, record, reason))

    def on_dead_letter(self, topic: str, reason: str) -> None:
        """Note that a record of `topic` was given up."""
        self._tell(lambda each: each.on_dead_letter(topic, reason))

    def on_lag(self, stage: str, topic: str, partition: int, records: int) -> None:
        """Note how many records of a partition a stage has still to read."""
        self._tell(lambda each: each.on_lag(stage, topic, partition, records))

    def on_queue(self, queue: str, depth: int, capacity: int) -> None:
        """Note how full a queue of the process is."""
        self._tell(lambda each: each.on_queue(queue, depth, capacity))

    # ── What happens to a stage ──────────────────────────────────────────────────────────────────────────────────────

    def on_stage_recovered(self, stage: str) -> None:
        """Note that a stage has recovered, at its start or after the log was lost."""
        self._tell(lambda each: each.on_stage_recovered(stage))

    def on_takeover(self, stage: str, partition: int, epoch: int) -> None:
        """Note that a stage writes a partition from now on, with this epoch."""
        self._tell(lambda each: each.on_takeover(stage, partition, epoch))

    def on_snapshot(self, stage: str) -> None:
        """Note that a stage put a snapshot on the log."""
        self._tell(lambda each: each.on_snapshot(stage))

    def on_report(self, report: StageReport) -> None:
        """Note what a stage says of itself."""
        self._tell(lambda each: each.on_report(report))

    def on_log_error(self, stage: str, error: Exception) -> None:
        """Note that a call of the event log failed."""
        self._tell(lambda each: each.on_log_error(stage, error))

    def on_store_error(self, stage: str, error: Exception) -> None:
        """Note that a call of the portfolio store failed."""
        self._tell(lambda each: each.on_store_error(stage, error))

    # ── What happens to the process ──────────────────────────────────────────────────────────────────────────────────

    def on_heartbeat(self) -> None:
        """Note that the event loop turns."""
        self._tell(lambda each: each.on_heartbeat())

    def on_health_check(self, check: str, passes: bool, reason: str) -> None:
        """Note how a check of the process's health comes out now, where it came out otherwise before."""
        self._tell(lambda each: each.on_health_check(check, passes, reason))
