"""The price of an instrument as it moves, minute by minute, with what was bought and sold on it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, Protocol, cast

import numpy as np
from bokeh.models import CategoricalColorMapper, ColumnDataSource, HoverTool, PanTool, Range1d, WheelZoomTool

from alpha_panda.apps.charts.live import bare_figure, in_rupees, ist_milliseconds, rupee_ticks, wear
from alpha_panda.apps.charts.theme import Theme
from alpha_panda.units import MINUTE_NS

_BODY_MS = 0.7 * MINUTE_NS / 1e6
_VOLUME_SHARE = 6  # the volume takes a sixth of the height
_MARGIN = 0.06

_MARKERS: Mapping[str, Literal["triangle", "inverted_triangle"]] = {"BUY": "triangle", "SELL": "inverted_triangle"}
_BARS_TOLD = [
    ("Time", "@time{%H:%M}"),
    *((name.title(), f"@{name}{{0,0.00}}") for name in ("open", "high", "low", "close")),
    ("Volume", "@volume{0,0}"),
]
_FILLS_TOLD = [("Time", "@time{%H:%M:%S}"), ("", "@what"), ("Strategy", "@strategy")]


class BarShown(Protocol):
    """A minute of an instrument, in E4."""

    time_ns: int
    open_e4: int
    high_e4: int
    low_e4: int
    close_e4: int
    volume: int


class FillShown(Protocol):
    """A fill on an instrument: a price in E4, and the position that it left."""

    time_ns: int
    strategy: str
    side: Any
    quantity: int
    price_e4: int
    position: int


class PriceChart:
    """Candles of a minute each; triangles where something was filled, hollow where it left a position."""

    def __init__(self, theme: Theme) -> None:
        self._bars: Sequence[BarShown] = ()
        self._fills: Sequence[FillShown] = ()
        self._end_ms = 1.0  # as far as the axis was last set; where it ends elsewhere, a person has moved it
        self._source = ColumnDataSource(_bar_columns(()))
        self._sense = CategoricalColorMapper(factors=["up", "down"], palette=[theme.up, theme.down])
        self._times, self._prices, self._volumes = (Range1d(start=0, end=1) for _ in range(3))
        self.figure = bare_figure(
            x_range=self._times,
            y_range=self._prices,
            extra_y_ranges={"volume": self._volumes},
            y_axis_location="right",
        )
        self.figure.yaxis.formatter = rupee_ticks()
        sense: Any = {"field": "sense", "transform": self._sense}
        places: dict[str, Any] = {"source": self._source, "width": _BODY_MS}
        self.figure.vbar(
            "time", top="volume", y_range_name="volume", color=sense, line_color=None, fill_alpha=0.22, **places
        )
        self.figure.segment("time", "high", "time", "low", source=self._source, line_color=sense)
        # The outline gives a height to a minute that closed where it opened.
        body = self.figure.vbar("time", top="close", bottom="open", color=sense, **places)
        self._filled = {side: ColumnDataSource(_fill_columns(())) for side in _MARKERS}
        self._marks = {
            side: self.figure.scatter(
                "time", "price", source=self._filled[side], marker=marker, size=11, fill_alpha="alpha"
            )
            for side, marker in _MARKERS.items()
        }
        clock: dict[str, Any] = {"formatters": {"@time": "datetime"}}
        zoom = WheelZoomTool(dimensions="width")
        self.figure.add_tools(
            HoverTool(renderers=[body], mode="vline", tooltips=_BARS_TOLD, **clock),
            HoverTool(renderers=list(self._marks.values()), tooltips=_FILLS_TOLD, **clock),
            PanTool(dimensions="width"),
            zoom,
        )
        self.figure.toolbar.active_scroll = zoom
        self.wear(theme)
        self.show((), ())

    def wear(self, theme: Theme) -> None:
        """Take the colours of a theme."""
        wear(self.figure, theme)
        self._sense.palette = [theme.up, theme.down]
        for side, colour in (("BUY", theme.buy), ("SELL", theme.sell)):
            self._marks[side].glyph.update(fill_color=colour, line_color=colour, line_width=1.5)

    def show(self, bars: Sequence[BarShown], fills: Sequence[FillShown]) -> None:
        """Show the minutes of an instrument and the fills on it; only what is new or has changed is sent."""
        before, self._bars = self._bars, bars
        begun = len(before) - 1  # the last one may still have been growing
        held = len(cast(Sequence[float], self._source.data["time"]))
        if begun < 0 or held != len(before) or len(bars) <= begun or list(bars[:begun]) != list(before[:begun]):
            self._source.data = _bar_columns(bars)
        elif bars != before:
            last = _bar_columns(bars[begun : begun + 1])
            self._source.patch({name: [(begun, values[0])] for name, values in last.items()})
            if len(bars) > len(before):
                self._source.stream(_bar_columns(bars[len(before) :]))
        if list(fills) != list(self._fills):
            self._fills = fills
            for side, source in self._filled.items():
                source.data = _fill_columns([fill for fill in fills if fill.side == side])
        self._fit(bars)

    def follow(self) -> None:
        """Show the whole day next time, however a person has moved the axis."""
        self._end_ms = self._times.end

    def _fit(self, bars: Sequence[BarShown]) -> None:
        """Set the axes to what is shown; a person who looks at a part of the day keeps looking at it."""
        for part in (*self.figure.axis, *self.figure.ygrid):
            part.visible = bool(bars)
        if not bars:
            return
        first_ms, last_ms = ist_milliseconds((bars[0].time_ns - MINUTE_NS, bars[-1].time_ns + 2 * MINUTE_NS))
        if self._times.end == self._end_ms:
            self._times.update(start=first_ms, end=last_ms)
            self._end_ms = last_ms
        low, high = in_rupees((min(bar.low_e4 for bar in bars), max(bar.high_e4 for bar in bars)))
        margin = max((high - low) * _MARGIN, 0.05)
        foot = (high - low) / (_VOLUME_SHARE - 1)
        self._prices.update(start=low - foot - margin, end=high + margin)
        self._volumes.end = max(*(bar.volume for bar in bars), 1) * _VOLUME_SHARE


def _bar_columns(bars: Sequence[BarShown]) -> dict[str, Any]:
    return {
        "time": ist_milliseconds([bar.time_ns + MINUTE_NS // 2 for bar in bars]),
        **{name: in_rupees([getattr(bar, f"{name}_e4") for bar in bars]) for name in ("open", "high", "low", "close")},
        "volume": np.array([bar.volume for bar in bars], dtype=np.float64),
        "sense": ["up" if bar.close_e4 >= bar.open_e4 else "down" for bar in bars],
    }


def _fill_columns(fills: Iterable[FillShown]) -> dict[str, Any]:
    shown = list(fills)
    return {
        "time": ist_milliseconds([fill.time_ns for fill in shown]),
        "price": in_rupees([fill.price_e4 for fill in shown]),
        "alpha": [1.0 if _enters(fill) else 0.0 for fill in shown],
        "what": [f"{fill.side} {fill.quantity:,} at {in_rupees([fill.price_e4])[0]:,.2f}" for fill in shown],
        "strategy": [fill.strategy for fill in shown],
    }


def _enters(fill: FillShown) -> bool:
    """Return whether a fill left more of a position than there was."""
    change = fill.quantity if fill.side == "BUY" else -fill.quantity
    return abs(fill.position) > abs(fill.position - change)
