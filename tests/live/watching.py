"""What tests of metrics, health and logs have in common: clocks that stand still, and messages of one tick."""

import dataclasses

from alpha_panda.live import messages
from alpha_panda.live.envelope import Envelope
from alpha_panda.live.log.base import Record
from alpha_panda.live.messages import Payload, Phase, StageReport
from alpha_panda.live.watchdog import FeedAge
from tests.live import samples

NOW_NS = 1_763_700_300_000_000_000


@dataclasses.dataclass
class Clocks:
    """The clocks of a machine on which time passes only when told."""

    now_s: float = 1_000.0

    def monotonic(self) -> float:
        return self.now_s

    def time_ns(self) -> int:
        return NOW_NS + round((self.now_s - 1_000.0) * 1e9)


def frame() -> Envelope:
    """Return a frame of two ticks."""
    ticks = messages.Ticks(2, bytes(range(160)), 7)
    return Envelope.begin(ticks, origin="a test", source="feed", index=0, time_ns=NOW_NS)


def effects(of: Envelope, *payloads: Payload) -> list[Envelope]:
    """Return messages of the paper account that this one led to."""
    return [
        of.effect(data, source="account", index=index, time_ns=of.time_ns, broker="paper")
        for index, data in enumerate(payloads)
    ]


def path_of_an_order(of: Envelope) -> list[Envelope]:
    """Return the signal, the decision, the order and the fill that a frame led to, each caused by the one before."""
    path = [of]
    signal = messages.Signal("momentum", samples.RELIANCE, 0.5, 0.0123, messages.Cause(0, 41, 1))
    for data in (signal, samples.DECISION, samples.ORDER, samples.FILL):
        path += effects(path[-1], data)
    return path[1:]


def report(stage: str, phase: Phase = "running", note: str = "") -> StageReport:
    """Return what a stage says of itself once a second."""
    return StageReport(stage, (0,), "process 7 on panda", phase, NOW_NS, (), {}, note)


def watched(market_open: bool, silent_s: float, oldest_s: float) -> FeedAge:
    """Return what the watchdog of the feed sees."""
    return FeedAge(market_open, round(silent_s * 1e9), round(oldest_s * 1e9), "SIM:PANDA", ())


def record() -> Record:
    """Return a record of the ticks."""
    return Record("market.ticks", 0, 41, b"738561", b"\xc1")
