"""Charts that move: what a page shows of a session while it runs, drawn by Bokeh.

Altair draws the charts of what has been: each is a picture, made anew whenever its data are others. Bokeh keeps one
drawing and is sent only what came since, several times a second. Colours, sizes and the trading day are the same.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from bokeh.models import (
    ColumnDataSource,
    CrosshairTool,
    CustomJSHover,
    CustomJSTickFormatter,
    DatetimeTickFormatter,
    HoverTool,
    LinearAxis,
    Range1d,
)
from bokeh.plotting import figure

from alpha_panda.apps.charts.theme import FONT, LABEL_SIZE, LINE_WIDTH, Theme
from alpha_panda.units import E4, IST_OFFSET_NS, MINUTE_NS

_MILLISECOND_NS = 1_000_000
_MARGIN_E4_MIN = 50 * E4  # a day without trades is a flat line, not a mountain of paise

_TOLD = """<div style="font: 12px var(--font); color: var(--text)">
  <b>@equity{custom}</b> &nbsp; @gain{custom}<br><span style="color: var(--muted)">@time{%H:%M:%S}</span>
</div>"""


def ist_milliseconds(times_ns: Sequence[int]) -> np.ndarray:
    """Return instants as Bokeh's axes read them, moved so that what it takes for UTC is the time in India.

    Its ticks then stand at full hours of India, in whatever zone the browser is.
    """
    return (np.asarray(times_ns, dtype=np.int64) + IST_OFFSET_NS) / _MILLISECOND_NS


def in_rupees(amounts_e4: Sequence[int]) -> np.ndarray:
    """Return amounts in rupees, for drawing."""
    return np.asarray(amounts_e4, dtype=np.float64) / E4


def rupee_ticks(signed: bool = False) -> CustomJSTickFormatter:
    """Return what labels an axis in rupees: digits grouped as in India, a true minus, a plus where it is wanted."""
    sign = '(tick > 0 ? "+" : "")' if signed else '""'
    number = 'new Intl.NumberFormat("en-IN", {maximumFractionDigits: 2}).format(tick).replace("-", "−")'
    return CustomJSTickFormatter(code=f"return {sign} + {number}")


def _rupees_told(plus: str = "") -> CustomJSHover:
    """Return what writes an amount to the paisa beside the pointer."""
    number = 'new Intl.NumberFormat("en-IN", {minimumFractionDigits: 2, maximumFractionDigits: 2})'
    return CustomJSHover(code=f'return (value < 0 ? "−" : "{plus}") + "₹" + {number}.format(Math.abs(value))')


def _clock() -> DatetimeTickFormatter:
    """Return what labels an axis over time; like every model of Bokeh it is one page's, and dies with it."""
    return DatetimeTickFormatter(
        **dict.fromkeys(("milliseconds", "seconds", "minsec"), "%H:%M:%S"),
        **dict.fromkeys(("minutes", "hourmin", "hours"), "%H:%M"),
        days="%-d %b",
    )


_BARE: dict[str, Any] = {
    "x_axis_type": "datetime",
    "toolbar_location": None,
    "tools": "",
    "sizing_mode": "stretch_both",
    "min_border_left": 4,
    "min_border_right": 4,
    "outline_line_color": None,
}


def bare_figure(**terms: Any) -> figure:
    """Return an empty drawing over time as all pages have it: no tools, no frame, no vertical lines."""
    drawn = figure(**{**_BARE, **terms})
    drawn.xaxis.formatter = _clock()
    drawn.xgrid.visible = False
    return drawn


def wear(drawn: figure, theme: Theme) -> None:
    """Give a drawing the colours of a theme."""
    drawn.background_fill_color = drawn.border_fill_color = theme.surface
    for axis in drawn.axis:
        axis.update(
            axis_label_text_color=theme.muted,
            axis_line_color=None if axis in drawn.yaxis else theme.border,
            major_label_text_color=theme.muted,
            major_label_text_font=FONT,
            major_label_text_font_size=f"{LABEL_SIZE}px",
            major_tick_line_color=None,
            minor_tick_line_color=None,
        )
    drawn.ygrid.grid_line_color = theme.border
    drawn.ygrid.grid_line_alpha = 0.7


class EquityCurve:
    """The equity of the day as it grows, on the left axis; on the right one, the day's gain that it stands for."""

    def __init__(self, theme: Theme) -> None:
        self._shown: tuple[Sequence[int], Sequence[int], int] = ((), (), 0)
        self._source = ColumnDataSource(_columns((), (), 0))
        self._gains = Range1d(start=0, end=1)
        self.figure = bare_figure(
            x_range=Range1d(start=0, end=1), y_range=Range1d(start=0, end=1), extra_y_ranges={"gain": self._gains}
        )
        self._area = self.figure.varea("time", "start", "equity", source=self._source, fill_alpha=0.1)
        self._line = self.figure.line("time", "equity", source=self._source, line_width=LINE_WIDTH)
        self._start = self.figure.line("time", "start", source=self._source, line_width=1, line_dash=[3, 3])
        self.figure.yaxis.formatter = rupee_ticks()
        self.figure.add_layout(LinearAxis(y_range_name="gain"), "right")
        self.figure.right[0].update(formatter=rupee_ticks(signed=True))
        self._cross = CrosshairTool(dimensions="height")
        written: dict[str, Any] = {"@equity": _rupees_told(), "@gain": _rupees_told("+"), "@time": "datetime"}
        told = HoverTool(renderers=[self._line], mode="vline", tooltips=_TOLD, formatters=written)
        self.figure.add_tools(told, self._cross)
        self.wear(theme)
        self.show((), (), 0)

    def wear(self, theme: Theme) -> None:
        """Take the colours of a theme."""
        wear(self.figure, theme)
        self._area.glyph.fill_color = self._line.glyph.line_color = theme.buy
        self._start.glyph.line_color = self._cross.line_color = theme.muted

    def show(self, times_ns: Sequence[int], equity_e4: Sequence[int], start_e4: int) -> None:
        """Show the equity at rising times, of a day that began with `start_e4`; what is drawn already stays."""
        before_ns, before_e4, before_start_e4 = self._shown
        self._shown = (times_ns, equity_e4, start_e4)
        count = len(before_ns)
        grows = start_e4 == before_start_e4 and times_ns[:count] == before_ns and equity_e4[:count] == before_e4
        if not grows or not count:
            self._source.data = _columns(times_ns, equity_e4, start_e4)
        elif len(times_ns) > count:
            self._source.stream(_columns(times_ns[count:], equity_e4[count:], start_e4))
        self._fit(times_ns, equity_e4, start_e4)

    def _fit(self, times_ns: Sequence[int], equity_e4: Sequence[int], start_e4: int) -> None:
        """Set the axes to what is shown; a chart of nothing has none."""
        drawn = self.figure
        for part in (*drawn.axis, *drawn.ygrid):
            part.visible = bool(times_ns)
        if not times_ns:
            return
        first, last = ist_milliseconds((times_ns[0], max(times_ns[-1], times_ns[0] + MINUTE_NS)))
        drawn.x_range.update(start=first, end=last)
        low_e4, high_e4 = min((*equity_e4, start_e4)), max((*equity_e4, start_e4))
        margin_e4 = max((high_e4 - low_e4) // 12, _MARGIN_E4_MIN)
        for axis, from_e4 in ((self.figure.y_range, 0), (self._gains, start_e4)):
            axis.update(start=(low_e4 - margin_e4 - from_e4) / E4, end=(high_e4 + margin_e4 - from_e4) / E4)


def _columns(times_ns: Sequence[int], equity_e4: Sequence[int], start_e4: int) -> dict[str, Any]:
    equity = in_rupees(equity_e4)
    start = np.full(len(equity), start_e4 / E4)
    return {"time": ist_milliseconds(times_ns), "equity": equity, "start": start, "gain": equity - start}
