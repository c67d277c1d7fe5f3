"""How charts look: colours by what they mean, one type scale, digits grouped as in India.

A theme is a set of colours. `LIGHT` and `DARK` are for notebooks and pictures; `PAGE` holds CSS variables instead, so
that a chart in a page follows the reader's setting, and the printer, without being drawn again.
"""

import dataclasses
from typing import Any, TypeVar

import altair as alt

Chart = alt.Chart | alt.LayerChart
AnyChart = TypeVar("AnyChart", alt.Chart, alt.LayerChart)

FONT = "Inter, Roboto, system-ui, sans-serif"
LABEL_SIZE, BODY_SIZE, TITLE_SIZE = 11, 12, 13
LINE_WIDTH = 1.6
WIDTH, HEIGHT = 760, 220
"""Pixels of a chart that is not told otherwise; in a page the width is its container's."""


@dataclasses.dataclass(frozen=True)
class Theme:
    """Colours by what they mean; bought and sold differ from gained and lost, as on Kite."""

    background: str
    surface: str
    border: str
    text: str
    muted: str
    buy: str
    sell: str
    up: str
    down: str
    warn: str


LIGHT = Theme(
    background="#f4f6f8",
    surface="#ffffff",
    border="#dfe4ea",
    text="#17212b",
    muted="#5b6875",
    buy="#1f6fd6",
    sell="#c2540a",
    up="#0b7a55",
    down="#c3322b",
    warn="#9a6700",
)
DARK = Theme(
    background="#0c1116",
    surface="#131a21",
    border="#243039",
    text="#e4eaf0",
    muted="#8e9ba8",
    buy="#5aa2ff",
    sell="#ff9a4d",
    up="#2fc48d",
    down="#ff6b61",
    warn="#e3b341",
)
PAGE = Theme(**{field.name: f"var(--{field.name})" for field in dataclasses.fields(Theme)})
"""For charts in a page whose style sheet says `variables` of a theme."""

SERIES = ["#c98a00", "#8b5cf6", "#0e9aa7", "#d4579b", "#7d8996"]
"""Lines that are neither bought nor sold, up nor down; they can be read on light and on dark."""

# d3's own locale of India: the last three digits, then twos.
_INDIA = {"decimal": ".", "thousands": ",", "grouping": [3, *[2] * 9], "currency": ["₹", ""]}


def variables(theme: Theme) -> str:
    """Return the colours of a theme as declarations of CSS variables."""
    return " ".join(f"--{name}: {colour};" for name, colour in dataclasses.asdict(theme).items())


def themed(chart: AnyChart, theme: Theme, title: str, subtitle: str = "", height: int = HEIGHT) -> AnyChart:
    """Return a finished chart: its title, its size, and everything that a theme decides."""
    heading = alt.TitleParams(text=title, subtitle=subtitle) if subtitle else alt.TitleParams(text=title)
    return chart.properties(title=heading, width=WIDTH, height=height).configure(**_configuration(theme))


def _configuration(theme: Theme) -> dict[str, Any]:
    quiet = {"labelColor": theme.muted, "titleColor": theme.muted, "labelFontSize": LABEL_SIZE}
    return {
        "background": "transparent" if theme is PAGE else theme.surface,
        "padding": {"left": 4, "right": 10, "top": 4, "bottom": 4},
        "font": FONT,
        "locale": {"number": _INDIA},
        "view": {"stroke": None},
        "title": {
            "anchor": "start",
            "frame": "bounds",
            "color": theme.text,
            "fontSize": TITLE_SIZE,
            "fontWeight": 600,
            "subtitleColor": theme.muted,
            "subtitleFontSize": LABEL_SIZE,
            "subtitlePadding": 4,
            "offset": 12,
        },
        "axis": {
            **quiet,
            "titleFontSize": LABEL_SIZE,
            "titleFontWeight": "normal",
            "gridColor": theme.border,
            "gridOpacity": 0.7,
            "domainColor": theme.border,
            "tickColor": theme.border,
            "tickSize": 4,
            "labelPadding": 4,
            "titlePadding": 8,
        },
        "axisX": {"grid": False, "labelOverlap": "greedy", "labelSeparation": 12, "labelFlush": True},
        "axisY": {"domain": False, "ticks": False, "tickCount": 5},
        "legend": {
            **quiet,
            "labelColor": theme.text,
            "orient": "top",
            "direction": "horizontal",
            "title": None,
            "symbolSize": 70,
            "symbolStrokeWidth": 2,
            "columnPadding": 16,
            "offset": 6,
        },
        "line": {"strokeWidth": LINE_WIDTH, "strokeJoin": "round"},
        "text": {"color": theme.text, "fontSize": LABEL_SIZE},
        "rule": {"color": theme.muted},
    }
