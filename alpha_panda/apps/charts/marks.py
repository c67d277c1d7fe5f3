"""What all charts have in common: data inside the specification, axes that read as in India, and the empty chart."""

import json
import math
from collections.abc import Sequence
from typing import Any

import altair as alt
import polars as pl
import polars.selectors as cs

from alpha_panda.apps.charts.theme import HEIGHT, WIDTH, Theme, themed
from alpha_panda.apps.charts.trading_time import ticks

PERCENT = ".1%"
_READINGS_MAX = 300
_DIGITS = 9  # of a figure; money to the paisa up to a crore


def inline(frame: pl.DataFrame) -> alt.InlineData:
    """Return a frame as data that stand in the specification itself; what is not finite is null there.

    They are one text, whose values Altair need not copy and check one by one; as JSON, which a browser reads even where
    a page forbids to evaluate code, as it would to read CSV.
    """
    floats = cs.float()
    plain = frame.with_columns(pl.when(floats.is_finite()).then(floats.round_sig_figs(_DIGITS)))
    return alt.InlineData(values=plain.write_json(), format=alt.DataFormat({"type": "json"}))


class TradingAxis:
    """The axis of trading time over all of some rising times; the data of a chart may be a part of them."""

    def __init__(self, times: pl.Series, margin: float = 0.0) -> None:
        places = ticks(times)
        self._rows = [place.row for place in places]
        self._labels = [place.label for place in places]
        self._domain = [-margin, max(len(times) - 1, 1) + margin]

    def at(self, column: str = "row") -> alt.X:
        """Return the channel that lays a column of row numbers along this axis."""
        label = f"{json.dumps(self._labels)}[indexof({json.dumps(self._rows)}, datum.value)]"
        return alt.X(
            f"{column}:Q",
            axis=alt.Axis(values=self._rows, labelExpr=label, title=None),
            scale=alt.Scale(domain=self._domain, nice=False, zero=False),
        )


_INDIAN_MONEY = (
    "abs(datum.value) >= 1e7 ? format(datum.value / 1e7, '.4~g') + ' Cr' : "
    "abs(datum.value) >= 1e5 ? format(datum.value / 1e5, '.4~g') + ' L' : format(datum.value, ',.6~r')"
)


def rupee_axis(**how: Any) -> alt.Axis:
    """Return an axis of rupees: in lakh and crore where they are many."""
    return alt.Axis(labelExpr=_INDIAN_MONEY, title=None, **how)


def percent_axis(title: str | None = None) -> alt.Axis:
    """Return an axis of fractions, shown in per cent."""
    return alt.Axis(format=".3~%", title=title)


def when(title: str = "Time") -> alt.Tooltip:
    """Return the line of a tooltip that says when, in IST."""
    return alt.Tooltip("when:N", title=title)


def figure(column: str, title: str, pattern: str = ",.2f") -> alt.Tooltip:
    """Return a line of a tooltip with a number."""
    return alt.Tooltip(f"{column}:Q", title=title, format=pattern)


def layered(*layers: alt.Chart | alt.LayerChart) -> alt.LayerChart:
    """Return layers as one chart, the last on top."""
    return alt.LayerChart(layer=list(layers))


def readings(frame: pl.DataFrame, axis: TradingAxis, told: Sequence[alt.Tooltip], theme: Theme) -> alt.Chart:
    """Return columns, seen only under the pointer, that tell what a line is at a row; not at every one of very many.

    They overlap, so that on a wide page the pointer finds one wherever it is.
    """
    shown = frame.gather_every(-(-len(frame) // _READINGS_MAX) or 1)
    under = alt.selection_point(name="under", on="pointerover", clear="pointerout", fields=["row"])
    columns = alt.Chart(inline(shown)).mark_rule(
        color=theme.muted, strokeWidth=max(3.0 * WIDTH / max(len(shown), 1), 4.0)
    )
    faint = alt.when(under, empty=False).then(alt.value(0.25)).otherwise(alt.value(0.0))
    return columns.encode(axis.at(), opacity=faint, tooltip=list(told)).add_params(under)


def level(value: float, theme: Theme) -> alt.Chart:
    """Return a quiet horizontal line at a value."""
    line = alt.Chart(inline(pl.DataFrame({"level": [value]}))).encode(y="level:Q")
    return line.mark_rule(color=theme.muted, strokeDash=[3, 3], opacity=0.8)


def spread(values: pl.Series, *others: float, share: float = 0.06) -> list[float]:
    """Return the ends of a scale around values, with some air above and below, however few they are."""
    known = [*filter(math.isfinite, values.drop_nulls().to_list()), *others]
    low, high = min(known, default=0.0), max(known, default=1.0)
    air = (high - low) * share or abs(high) * 0.01 or 1.0
    return [low - air, high + air]


def nothing(title: str, reason: str, theme: Theme, height: int = HEIGHT) -> alt.Chart:
    """Return the chart of no data, which says why there is none."""
    words = alt.Chart(inline(pl.DataFrame({"reason": [reason]}))).mark_text(color=theme.muted, fontSize=12)
    return themed(words.encode(text="reason:N"), theme, title, height=height)


def signed(value: float, decimals: int = 2) -> str:
    """Return a fraction in per cent, with its sign."""
    text = f"{abs(value):.{decimals}%}"
    return (
        text if math.isclose(value, 0.0, abs_tol=10.0 ** -(decimals + 2) / 2) else f"{'+' if value > 0 else '−'}{text}"
    )
