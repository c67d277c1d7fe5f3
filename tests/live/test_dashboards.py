"""Dashboards, alerts and scraping: whatever they ask for exists, and whoever is alerted finds what to do."""

import pathlib
import re
import shutil
import subprocess
import typing
from typing import Any

import pytest
import yaml

from alpha_panda.apps.alerts.rules import RULES
from alpha_panda.live.messages import Phase, Verdict
from alpha_panda.words import WORDS
from tests.observability import (
    DASHBOARDS,
    OBSERVABILITY,
    ROOT,
    Query,
    alerts,
    labels_of,
    load,
    panels,
    queries,
    series,
)
from tests.promql import Expression, Matcher, Selector, read

# Labels of which every value is known.
KNOWN_VALUES = {
    "stage": {"feed", "signals", "account", "portfolio"},
    "phase": set(typing.get_args(Phase)),
    "verdict": set(typing.get_args(Verdict)),
    "state": set(WORDS["state"].values()),
    "action": {"reduce", "halt"},
    "reason": {"duplicate", "stale_writer", "undecodable"},
}


@pytest.mark.parametrize("query", queries(), ids=lambda query: query.where)
def test_whatever_is_asked_for_is_exposed(query: Query):
    assert query.expression.selectors, f"{query.text} asks for nothing"
    for selector in query.expression.selectors:
        assert selector.metric in series(), f"nothing exposes {selector.metric}"
        unknown = {matcher.label for matcher in selector.matchers} - labels_of(selector)
        assert not unknown, f"{selector.metric} has no label {', '.join(unknown)}"


@pytest.mark.parametrize("query", queries(), ids=lambda query: query.where)
def test_whatever_is_grouped_or_shown_by_is_a_label(query: Query):
    labels = set().union(*map(labels_of, query.expression.selectors))
    grouped = {label for _, listed in query.expression.label_lists for label in listed}
    assert grouped <= labels, f"no series of it has a label {grouped - labels}"
    kept = query.expression.labels_kept
    assert query.shown <= (labels if kept is None else set(kept)), f"{query.shown} is not left in {query.text}"


@pytest.mark.parametrize("query", queries(), ids=lambda query: query.where)
def test_a_value_that_is_asked_for_can_occur(query: Query):
    for selector in query.expression.selectors:
        for matcher in selector.matchers:
            known = KNOWN_VALUES.get(matcher.label)
            assert known is None or matched(matcher) <= known, f"{matcher.value} is no {matcher.label}: {known}"


def test_the_reader_of_expressions_sees_every_name():
    text = """
        sum by (le, stage) (rate(a_bucket{stage!="x",broker=~"$broker"}[$__rate_interval] offset 5m)) > 1e3
          and on (instance) (b == 1) or absent(c{}) unless d:e # comment
    """
    assert read(text) == Expression(
        (
            Selector("a_bucket", (Matcher("stage", "!=", "x"), Matcher("broker", "=~", "$broker"))),
            Selector("b", ()),
            Selector("c", ()),
            Selector("d:e", ()),
        ),
        (("by", ("le", "stage")), ("on", ("instance",))),
    )


@pytest.mark.parametrize("text", ["sum(a", "a)", '{job="x"}', "a{job}", "a{job==1}", "a ; b", 'a{1="x"}'])
def test_the_reader_of_expressions_refuses_what_is_none(text: str):
    with pytest.raises(ValueError, match=r".+"):
        read(text)


# ── Alerts ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_alert_has_a_name_of_its_own():
    names = [alert["alert"] for alert in alerts()]
    assert len(names) == len(set(names)) >= 20


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_an_alert_says_how_bad_it_is_and_what_to_do(alert: dict[str, Any]):
    assert alert["labels"]["severity"] in ("critical", "warning")
    assert set(alert["annotations"]) == {"summary", "description", "runbook_url"}
    path, _, anchor = alert["annotations"]["runbook_url"].partition("#")
    assert anchor in anchors((ROOT / path).read_text(encoding="utf-8"))


def test_the_runbook_knows_every_alert_in_its_order_and_else_only_those_of_the_web_app():
    text = (ROOT / "live" / "RUNBOOK.md").read_text(encoding="utf-8")
    known, of_prometheus = re.findall(r"^### (\w+)$", text, re.MULTILINE), [alert["alert"] for alert in alerts()]
    assert [name for name in known if name in of_prometheus] == of_prometheus
    assert set(known) == {*of_prometheus, *(rule.name for rule in RULES)}


def test_prometheus_accepts_the_rules():
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("needs promtool on the path, as Debian's package prometheus installs it")
    for checked in (["config", "prometheus.yml"], ["rules", "alerts.yml"]):
        answer = subprocess.run(
            [promtool, "check", *checked], check=False, cwd=OBSERVABILITY, capture_output=True, text=True
        )
        assert answer.returncode == 0, answer.stderr


# ── Dashboards ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_there_is_a_dashboard_of_trading_and_one_of_the_pipeline():
    assert [dashboard["title"] for dashboard in map(load, DASHBOARDS)] == ["Pipeline", "Trading"]


@pytest.mark.parametrize("field", ["uid", "title"])
def test_no_two_dashboards_are_called_the_same(field: str):
    names = [load(path)[field] for path in DASHBOARDS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_panels_have_an_id_a_title_and_a_unit_of_their_own(path: pathlib.Path):
    shown = list(panels(load(path)))
    for field in ("id", "title"):
        values = [panel[field] for panel in shown]
        assert len(set(values)) == len(values)
    for panel in shown:
        assert panel["type"] == "row" or panel["fieldConfig"]["defaults"]["unit"], panel["title"]


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_no_panel_covers_another(path: pathlib.Path):
    cells = [
        (row, column)
        for place in (panel["gridPos"] for panel in panels(load(path)))
        for row in range(place["y"], place["y"] + place["h"])
        for column in range(place["x"], place["x"] + place["w"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(column for _, column in cells) == 23


def test_every_panel_asks_the_source_that_is_provided():
    provided = yaml.safe_load((OBSERVABILITY / "grafana/provisioning/datasources/prometheus.yml").read_text())
    (source,) = provided["datasources"]
    asked = {
        (panel["datasource"]["type"], panel["datasource"]["uid"])
        for path in DASHBOARDS
        for panel in panels(load(path))
        if panel["type"] != "row"
    }
    assert asked == {(source["type"], source["uid"])}
    assert "isDefault" in source


def anchors(markdown: str) -> set[str]:
    """Return what may stand behind a # in a link to this text."""
    headings = re.findall(r"^#+ (.+)$", markdown, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def matched(matcher: Matcher) -> set[str]:
    return set(matcher.value.split("|")) if matcher.operator in ("=~", "!~") else {matcher.value}
