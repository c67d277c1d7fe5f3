"""What tests of metrics, health and logs have in common: clocks that stand still, and messages of one tick."""

import dataclasses
import json
import pathlib

from prometheus_client.parser import text_string_to_metric_families

from alpha_panda.live import messages
from alpha_panda.live.envelope import Envelope
from alpha_panda.live.log.base import Record
from alpha_panda.live.messages import Payload, Phase, StageReport
from alpha_panda.live.watch.metric_table import METRICS
from alpha_panda.live.watch.metrics import Metrics
from alpha_panda.live.watchdog import FeedAge
from tests.live import samples

NOW_NS = 1_763_700_300_000_000_000
CANARY = "c4n4ry-S3cret-value"
"""A secret that must turn up nowhere."""


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


def sampled(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """Return every sample of a scrape."""
    return samples_in(metrics.exposition()[1].decode())


def samples_in(text: str) -> dict[tuple[str, ...], float]:
    """Return every sample of a scrape's text: its value under its name and its labels' values, in the table's order."""
    order = {metric.name: metric.labels for metric in METRICS}
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = order.get(sample.name) or order.get(sample.name.rpartition("_")[0], ())
            rest = [value for label, value in sample.labels.items() if label not in labels]
            found[sample.name, *(sample.labels[label] for label in labels), *rest] = sample.value
    return found


def lines(folder: pathlib.Path, channel: str) -> list[dict]:
    """Return what a channel of the logs in `folder` says."""
    path = folder / "logs" / f"{channel}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
