"""What the tests of charts ask of a drawing: that it can be drawn, what it holds, and that it stays at home."""

import json
import re
from collections.abc import Iterator
from typing import Any

import vl_convert

from alpha_panda.apps.charts import Chart

_NAMESPACES = ("http://www.w3.org/", "https://vega.github.io/schema/")


def svg(chart: Chart) -> str:
    """Return a chart as Vega draws it, without access to any address."""
    specification = chart.to_dict()
    assert not list(addresses(specification)), "a chart refers to no address"
    return vl_convert.vegalite_to_svg(specification, vl_version="6.4", allowed_base_urls=[])


def addresses(specification: dict[str, Any]) -> Iterator[str]:
    """Yield every address in a specification besides the names of standards."""
    text = json.dumps(specification)
    yield from (found for found in re.findall(r"\w+://[^\s\"\\]*", text) if not found.startswith(_NAMESPACES))
    assert '"url"' not in text


def texts(chart: Chart) -> list[str]:
    """Return the texts that a chart shows, from top to bottom of its drawing."""
    return re.findall(r">([^<>]+)</text>", svg(chart))


def layers(specification: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the innermost layers of a specification, those that draw marks."""
    if "layer" not in specification:
        yield specification
    for layer in specification.get("layer", []):
        yield from layers({"data": specification.get("data"), **layer})


def rows(chart: Chart, mark: str) -> list[dict[str, Any]]:
    """Return the rows that a chart's first layer of a mark is drawn from."""
    specification = chart.to_dict()
    layer = next(layer for layer in layers(specification) if layer["mark"]["type"] == mark)
    return json.loads(specification["datasets"][layer["data"]["name"]])


def heaviest(chart: Chart) -> int:
    """Return the number of rows in all data of a chart together."""
    return sum(len(json.loads(values)) for values in chart.to_dict()["datasets"].values())
