"""Charts of many runs: parameters against each other, the walk forward, and the fan of a Monte Carlo."""

import itertools
from collections.abc import Sequence

import altair as alt
import polars as pl

from alpha_panda.apps.charts import prepare
from alpha_panda.apps.charts.marks import (
    TradingAxis,
    figure,
    inline,
    layered,
    level,
    nothing,
    rupee_axis,
    spread,
)
from alpha_panda.apps.charts.theme import LIGHT, Chart, Theme, themed
from alpha_panda.apps.charts.trading_time import thinned

_TALL = 340
_TEXTS_MAX = 12  # cells in a row that can hold a number

_FRACTIONS = ("total_return", "cagr", "charges_of_turnover", "win_rate", "max_drawdown", "volatility", "exposure")


# ── Parameters ───────────────────────────────────────────────────────────────────────────────────────────────────────


def parameter_heat_map(
    frame: pl.DataFrame,
    x: str,
    y: str,
    by: str = "sharpe",
    *,
    slider: str | None = None,
    at: float | None = None,
    title: str = "",
    theme: Theme = LIGHT,
) -> Chart:
    """Draw a figure of a sweep over two parameters: the stronger the further from zero, the highest outlined.

    Other parameters are put together by the median, except the one that `slider` names: without `at` the chart brings
    a slider of its own, for a page; `at` one of its values only that is drawn, for a notebook that has sliders already.
    Raises ConfigurationError for a column, or a value of the slider, that the frame does not have.
    """
    title = title or f"{by[:1].upper()}{by[1:].replace('_', ' ')} over {x} and {y}"
    if slider is not None and at is not None:
        frame, slider, title = prepare.at_value(frame, slider, at), None, f"{title}, {slider} {at:g}"
    cells = prepare.parameter_cells(frame, x, y, by, slider)
    if not len(cells):
        return nothing(title, f"No combination has a defined {by}.", theme, _TALL)
    pattern = ".1%" if by in _FRACTIONS else ".2f"
    layers = _cells(_weighed(cells), (x, y, by), pattern, theme)
    best = cells.sort("value", descending=True).row(0, named=True)
    subtitle = f"highest {best['value']:{pattern}} at {x} {best['x']:g}, {y} {best['y']:g}"
    values = cells["z"].unique().sort().to_list()
    if slider is not None and len(values) > 1:
        layers = _sliding(layers, slider, values, best["z"])
        subtitle += f", {slider} {best['z']:g}"
    if cells["combinations"].max() != 1:
        subtitle += " · medians of the combinations in a cell"
    return themed(layered(*layers), theme, title, subtitle, _TALL)


def _weighed(cells: pl.DataFrame) -> pl.DataFrame:
    """Return cells with how strong to draw them, over all places of a slider, and which is the highest at each."""
    low, high = float(cells["value"].min() or 0), float(cells["value"].max() or 0)  # pyright: ignore[reportArgumentType]  # numbers
    one_sided = low >= 0 or high <= 0
    nearest = min(abs(low), abs(high)) if one_sided else 0.0
    reach = max(abs(low), abs(high)) - nearest or 1.0
    return cells.with_columns(
        weight=(pl.col("value").abs() - nearest) / reach,
        best=pl.col("value").rank("ordinal", descending=True).over("z") == 1,
    )


def _cells(weighed: pl.DataFrame, names: tuple[str, str, str], pattern: str, theme: Theme) -> list[alt.Chart]:
    x, y, by = names
    plain = alt.Axis(labelAngle=0, labelOverlap="greedy", domain=False, ticks=False, title=x)
    base = alt.Chart(inline(weighed)).encode(
        alt.X("x:O", axis=plain), alt.Y("y:O", sort="descending", axis=alt.Axis(title=y))
    )
    colour = alt.when("datum.value < 0").then(alt.value(theme.down)).otherwise(alt.value(theme.buy))
    weight = alt.FillOpacity("weight:Q", legend=None, scale=alt.Scale(domain=[0, 1], range=[0.05, 0.9]))
    told = [figure("x", x, ",.6~r"), figure("y", y, ",.6~r"), figure("value", by.replace("_", " "), pattern)]
    cells = base.mark_rect().encode(color=colour, fillOpacity=weight, tooltip=told)
    highest = base.transform_filter("datum.best").mark_rect(filled=False, stroke=theme.text, strokeWidth=2)
    layers: list[alt.Chart] = [cells, highest]
    if weighed["x"].n_unique() <= _TEXTS_MAX:
        layers.append(base.mark_text(color=theme.text).encode(text=alt.Text("value:Q", format=pattern)))
    return layers


def _sliding(layers: Sequence[alt.Chart], name: str, values: Sequence[float], shown: float) -> list[alt.Chart]:
    """Return layers that show one value of a parameter: by a slider where its values are evenly spaced."""
    step = values[1] - values[0]
    if all(abs(late - early - step) < step * 1e-6 for early, late in itertools.pairwise(values)):
        bind = alt.binding_range(min=values[0], max=values[-1], step=step, name=f"{name} ")
        chosen = f"abs(datum.z - chosen) < {step / 2}"
    else:
        bind = alt.binding_select(options=list(values), name=f"{name} ")
        chosen = "datum.z == chosen"
    first, *others = (layer.transform_filter(chosen) for layer in layers)
    return [first.add_params(alt.param(name="chosen", value=shown, bind=bind)), *others]


# ── Walk forward and Monte Carlo ─────────────────────────────────────────────────────────────────────────────────────


def walk_forward_equity(
    equity: pl.DataFrame, windows: pl.DataFrame, *, title: str = "Walk forward", theme: Theme = LIGHT
) -> Chart:
    """Draw the equity stitched from the parts that the parameters had not seen, over the windows they were tested in.

    `equity` has time and equity; `windows` have test_from, test_to (dates), train_sharpe, test_sharpe and test_return.
    """
    if not len(equity) or not len(windows):
        return nothing(title, "No window was tested.", theme, _TALL)
    axis = TradingAxis(equity["time"])
    readings = prepare.equity_readings(equity, None)
    line = prepare.equity_lines(readings)
    height = alt.Scale(domain=spread(line["value"]), nice=False, zero=False)
    told = [
        alt.Tooltip("window:N", title="Tested"),
        figure("train_sharpe", "Sharpe in training"),
        figure("test_sharpe", "Sharpe when tested"),
        figure("test_return", "Return when tested", "+.2%"),
    ]
    bands = (
        alt.Chart(inline(prepare.tested_windows(equity, windows)))
        .mark_rect(opacity=0.5)
        .encode(
            axis.at("from"),
            alt.X2("to:Q"),
            color=alt.when("datum.number % 2 == 0").then(alt.value(theme.border)).otherwise(alt.value(theme.surface)),
            tooltip=told,
        )
    )
    curve = (
        alt.Chart(inline(line))
        .mark_line(color=theme.buy)
        .encode(axis.at(), alt.Y("value:Q", scale=height, axis=rupee_axis()))
    )
    subtitle = f"rupees, {len(windows)} windows, each traded with parameters chosen before it"
    return themed(layered(bands, curve), theme, title, subtitle, _TALL)


def monte_carlo_fan(
    fan: pl.DataFrame,
    actual: pl.DataFrame | None = None,
    initial: float = 1.0,
    *,
    title: str = "Monte Carlo",
    theme: Theme = LIGHT,
) -> Chart:
    """Draw where the drawn histories lead: their median, half and nine tenths of them, and what happened.

    `fan` is that of a `MonteCarlo`: day or trade, and the quantiles p05, p25, p50, p75 and p95 of the equity, which
    began with `initial`; `actual` has day and value.
    """
    if not len(fan):
        return nothing(title, "There are too few days to draw from.", theme, _TALL)
    step, bounded = fan.columns[0], prepare.fan(fan)
    seen = actual if actual is not None and len(actual) else pl.DataFrame({"day": [0], "value": [initial]})
    ends = spread(pl.concat([bounded["p05"], bounded["p95"], seen["value"]]), initial)
    height, money = alt.Scale(domain=ends, nice=False, zero=False), rupee_axis()
    along = alt.X("step:Q", axis=alt.Axis(title=f"{step}s", format=",.0f", tickCount=8), scale=alt.Scale(nice=False))
    base = alt.Chart(inline(bounded)).encode(along)
    bands = [
        base.mark_area(color=theme.buy, opacity=opacity).encode(
            alt.Y(f"{low}:Q", scale=height, axis=money), alt.Y2(f"{high}:Q")
        )
        for low, high, opacity in (("p05", "p95", 0.14), ("p25", "p75", 0.22))
    ]
    median = base.mark_line(color=theme.buy).encode(alt.Y("p50:Q", scale=height, axis=money))
    happened = alt.Chart(inline(thinned(seen.select(pl.col("day").alias("step"), "value"), "value")))
    line = happened.mark_line(color=theme.text, strokeWidth=1.2)
    line = line.encode(along, alt.Y("value:Q", scale=height, axis=money))
    subtitle = "the median, half and nine tenths of the histories drawn"
    subtitle += "" if actual is None else " · the thin line is what happened"
    return themed(layered(*bands, level(initial, theme), median, line), theme, title, subtitle, _TALL)
