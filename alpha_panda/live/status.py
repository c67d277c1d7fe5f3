"""How a session is doing, as its stages publish it while they work: for the screen, never for a decision."""

import collections
import dataclasses
import heapq
from collections.abc import Callable, Sequence

from alpha_panda.chain import AccountStage
from alpha_panda.live.envelope import Envelope
from alpha_panda.live.messages import Decision, Payload, Signal
from alpha_panda.live.session import Blueprint

COMPILING = "compiling the kernels, half a minute where they are new"
RECOVERING, TRADING, STOPPED, ENDED = "recovering", "trading", "stopped", "ended"
"""The phases of a session; it is stopped when somebody stopped it, and ended when its feed had no more."""

_LATEST = 8


@dataclasses.dataclass
class Status:
    """What a session did so far; `monotonic` is the clock that feed age is counted on."""

    monotonic: Callable[[], float]
    blueprint: Blueprint | None = None
    account: AccountStage | None = None
    phase: str = COMPILING
    notes: list[str] = dataclasses.field(default_factory=list[str])
    time_ns: int = 0
    events: int = 0
    kept_out: int = 0
    framed_s: float = 0.0
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

    def on_recovered(
        self, blueprint: Blueprint, account: AccountStage, frames: int, signals_next: int, account_next: int
    ) -> None:
        """Note where the session goes on."""
        self.blueprint, self.account = blueprint, account
        self.frames, self.signals_next, self.account_next = frames, signals_next, account_next
        self.events = int(account.account.events)
        self.framed_s = self.monotonic()
        self.phase = TRADING

    def on_frame(self, offset: int, events: int, kept_out: int, time_ns: int) -> None:
        """Note that the feed put a frame at `offset` of the ticks."""
        self.frames = offset + 1
        self.events += events
        self.kept_out += kept_out
        self.time_ns = time_ns
        self.framed_s = self.monotonic()

    def on_feed_over(self, stopped: bool) -> None:
        """Note that the feed says no more, since it was stopped or has ended."""
        self.phase = STOPPED if stopped else ENDED

    def on_signals(self, next_frame: int, messages: Sequence[Envelope]) -> None:
        """Note that the signals stage finished the frames before `next_frame`."""
        self.signals_next = next_frame
        self.signals.extendleft(
            (message.time_ns, message.data) for message in messages if isinstance(message.data, Signal)
        )

    def on_step(self, next_frame: int, steps: int) -> None:
        """Note that the account applied the frames before `next_frame`."""
        self.account_next, self.published = next_frame, steps

    def on_message(self, data: Payload | None) -> None:
        """Note what the account said."""
        if isinstance(data, Decision):
            self.decisions = heapq.nlargest(_LATEST, [data, *self.decisions], key=lambda decision: decision.time_ns)
            if data.verdict == "refused":
                self.refusals[data.code] += 1
