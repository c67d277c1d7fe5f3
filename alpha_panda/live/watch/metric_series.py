"""The series of the metric table, in a registry of one process's own."""

from collections.abc import Callable
from typing import Any

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder

from alpha_panda.live.watch.metric_table import LATENCY_BUCKETS_S, METRICS, Metric


class MetricSeries:
    """All series, each named by its metric and the values of that one's labels; ages are counted by `monotonic`."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        # Each counter would come with a second series that says since when it counts.
        prometheus_client.disable_created_metrics()
        self._registry = CollectorRegistry()
        prometheus_client.ProcessCollector(registry=self._registry)
        prometheus_client.PlatformCollector(registry=self._registry)
        self._families = {metric.name: _family(metric, self._registry) for metric in METRICS}
        self._monotonic = monotonic
        self._series: dict[tuple[str, ...], Any] = {}
        self._since_s: dict[tuple[str, ...], float] = {}

    def of(self, *key: str) -> Any:
        """Return one series, to be counted up, set or observed; the library would look it up more slowly."""
        series = self._series.get(key)
        if series is None:
            name, *labels = key
            series = self._series[key] = self._families[name].labels(*labels) if labels else self._families[name]
        return series

    def age(self, age_s: float, *key: str) -> None:
        """Let an age count on from `age_s`, so that it also grows while nobody says anything."""
        known = key in self._since_s
        self._since_s[key] = self._monotonic() - age_s
        if not known:
            self.of(*key).set_function(lambda: self._monotonic() - self._since_s[key])

    def since(self, *key: str) -> float:
        """Return how old what is counted as an age is now."""
        return self._monotonic() - self._since_s[key]

    def exposition(self, accept: str) -> tuple[str, bytes]:
        """Return the type and the text of all series, in the form that a scraper accepts."""
        encode, content_type = choose_encoder(accept)
        return content_type, encode(self._registry)


def _family(metric: Metric, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    name, about, labels, unit = metric.name, metric.help, metric.labels, metric.unit
    if metric.kind == "histogram":
        return Histogram(name, about, labels, unit=unit, registry=registry, buckets=LATENCY_BUCKETS_S)
    made_as = Counter if metric.kind == "counter" else Gauge
    return made_as(name, about, labels, unit=unit, registry=registry)
