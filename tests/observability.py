"""What Prometheus and Grafana are told: the alerts, dashboards and scrapes of live/observability, for tests."""

import functools
import json
import pathlib
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml
from prometheus_client.parser import text_string_to_metric_families

from alpha_panda.apps.web.metrics import WebMetrics
from alpha_panda.live.watch.metric_table import METRICS
from alpha_panda.live.watch.metrics import Metrics
from tests.promql import Expression, Selector, read

ROOT = pathlib.Path(__file__).parents[1]
OBSERVABILITY = ROOT / "live" / "observability"
DASHBOARDS = sorted((OBSERVABILITY / "grafana" / "dashboards").glob("*.json"))

# What Prometheus itself says of every target, and of its alerts; what its node exporter says of the machine.
_FILESYSTEM = {"device", "mountpoint", "fstype", "device_error"}
OF_OTHERS = {
    "up": set[str](),
    "ALERTS": {"alertname", "alertstate", "severity"},
    "node_filesystem_avail_bytes": _FILESYSTEM,
    "node_filesystem_size_bytes": _FILESYSTEM,
    "node_timex_offset_seconds": set[str](),
    "node_timex_sync_status": set[str](),
}


class Query(NamedTuple):
    """An expression, where it stands, and the names of labels that its texts write into braces."""

    where: str
    text: str
    shown: frozenset[str]

    @property
    def expression(self) -> Expression:
        return read(self.text)


def queries() -> list[Query]:
    return [*alert_queries(), *panel_queries()]


def load(path: pathlib.Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def panels(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", [])


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load((OBSERVABILITY / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    return [alert for group in groups for alert in group["rules"]]


def alert_queries() -> Iterator[Query]:
    for alert in alerts():
        shown = re.findall(r"\$labels\.(\w+)", " ".join(alert["annotations"].values()))
        yield Query(alert["alert"], alert["expr"], frozenset(shown))


def panel_queries() -> Iterator[Query]:
    for path in DASHBOARDS:
        for panel in panels(load(path)):
            for target in panel.get("targets", []):
                shown = re.findall(r"\{\{\s*(\w+)\s*\}\}", target.get("legendFormat", ""))
                yield Query(f"{path.stem}: {panel['title']} {target['refId']}", target["expr"], frozenset(shown))


@functools.cache
def series() -> dict[str, set[str]]:
    """Return the labels of every series that a stage or the web app exposes and Prometheus stores, by its name."""
    exposed = dict(OF_OTHERS)
    for metric in METRICS:
        for ending in ("_bucket", "_sum", "_count") if metric.kind == "histogram" else ("",):
            exposed[metric.name + ending] = {*metric.labels, *(("le",) if ending == "_bucket" else ())}
    _, text = Metrics(lambda: 0.0, lambda: 0).exposition()
    for family in text_string_to_metric_families((text + _visited().exposition()).decode()):
        for sample in family.samples:  # of the process, which has them from its beginning, and of the web app
            exposed.setdefault(sample.name, set(sample.labels))
    return exposed


def _visited() -> WebMetrics:
    """Return the web app's metrics once each of them has been counted."""
    web = WebMetrics()
    web.on_visit("/", 200, 0.1, "")
    web.on_visit("/", 401, 0.1, "not_signed_in")
    web.on_sign_in("sign-in", "done")
    web.on_line("api", "info")
    web.on_lines_dropped("api", 1)
    return web


@functools.cache
def target_labels() -> set[str]:
    """Return the labels that scraping puts on every series."""
    jobs = yaml.safe_load((OBSERVABILITY / "prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"]
    given = {label for job in jobs for static in job["static_configs"] for label in static["labels"]}
    return {"job", "instance", *given}


def labels_of(selector: Selector) -> set[str]:
    return series()[selector.metric] | target_labels()
