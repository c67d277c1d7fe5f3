"""Charts of prices: candles with what was bought and sold, and the open interest of an option chain."""

from collections.abc import Sequence

import altair as alt
import polars as pl

from alpha_panda.apps.charts import prepare
from alpha_panda.apps.charts.marks import TradingAxis, figure, inline, layered, nothing, rupee_axis, spread, when
from alpha_panda.apps.charts.theme import LIGHT, SERIES, Chart, Theme, themed
from alpha_panda.apps.charts.trading_time import on_trading_time

_HEIGHT = 380
_HALF_CANDLE = 0.36
_VOLUME_SHARE = 6  # the volume takes a sixth of the height


# ── Candles ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def candles(
    bars: pl.DataFrame,
    fills: pl.DataFrame | None = None,
    lines: Sequence[str] = (),
    *,
    title: str = "Price",
    theme: Theme = LIGHT,
) -> Chart:
    """Draw the bars of one instrument, what was bought and sold on them, and columns of the frame as lines.

    `bars` has time (when a bar became known), open, high, low, close and volume, in rupees and units; `fills` are a
    result's, of the same instrument. More bars than can be told apart become longer candles. Raises ConfigurationError
    for the fills of several instruments.
    """
    if not len(bars):
        return nothing(title, "There are no bars in this range.", theme, _HEIGHT)
    drawn, interval = prepare.candles(bars, lines)
    axis = TradingAxis(drawn["time"], margin=0.6)
    price = alt.Scale(domain=_above_volume(spread(pl.concat([drawn["low"], drawn["high"]]))), nice=False, zero=False)
    layers = _candles(_shaped(drawn), axis, price, theme)
    if lines:
        layers.append(_lines(prepare.lines_on(drawn, lines), lines, axis, price))
    parts = [f"candles of {interval}"] if interval else []
    if fills is not None and len(fills):
        layers.extend(_fills(prepare.fills_on(drawn, fills), axis, price, theme))
        parts.append("filled marks enter a position, hollow ones leave it")
    over = layered(*layers).resolve_scale(color="independent", shape="independent")
    chart = layered(_volumes(_shaped(drawn), axis, theme), over).resolve_scale(y="independent")
    return themed(chart, theme, title, " · ".join(parts), _HEIGHT)


def _above_volume(ends: list[float]) -> list[float]:
    """Return the ends of a price scale that leaves the foot of the chart to the volume."""
    low, high = ends
    return [low - (high - low) / (_VOLUME_SHARE - 1), high]


def _shaped(drawn: pl.DataFrame) -> pl.DataFrame:
    """Return candles with the edges of their bodies, and whether they rose."""
    placed = on_trading_time(drawn).with_columns(
        left=pl.col("row") - _HALF_CANDLE,
        right=pl.col("row") + _HALF_CANDLE,
        rose=pl.col("close") >= pl.col("open"),
    )
    return placed.select("row", "when", "open", "high", "low", "close", "volume", "left", "right", "rose")


def _candles(shaped: pl.DataFrame, axis: TradingAxis, price: alt.Scale, theme: Theme) -> list[alt.Chart]:
    told = [when(), *(figure(name, name.title()) for name in ("open", "high", "low", "close"))]
    told.append(figure("volume", "Volume", ",.0f"))
    colour = alt.when("datum.rose").then(alt.value(theme.up)).otherwise(alt.value(theme.down))
    base = alt.Chart(inline(shaped)).encode(color=colour, tooltip=told)
    right = rupee_axis(orient="right")
    wicks = base.mark_rule(strokeWidth=1).encode(
        axis.at(), alt.Y("low:Q", scale=price, axis=right), alt.Y2("high:Q"), opacity=alt.value(1)
    )
    # The stroke gives a height to a candle that closed where it opened.
    bodies = base.mark_bar(strokeWidth=1).encode(
        axis.at("left"), alt.X2("right:Q"), alt.Y("open:Q", scale=price, axis=right), alt.Y2("close:Q"), stroke=colour
    )
    return [wicks, bodies]


def _volumes(shaped: pl.DataFrame, axis: TradingAxis, theme: Theme) -> alt.Chart:
    top = max(*shaped["volume"].to_list(), 1) * _VOLUME_SHARE
    height = alt.Y("volume:Q", axis=None, scale=alt.Scale(domain=[0, top], nice=False))
    bars = alt.Chart(inline(shaped.with_columns(floor=pl.lit(0)))).mark_bar(color=theme.muted, opacity=0.25)
    return bars.encode(axis.at("left"), alt.X2("right:Q"), height, alt.Y2("floor:Q"))


def _lines(placed: pl.DataFrame, lines: Sequence[str], axis: TradingAxis, price: alt.Scale) -> alt.Chart:
    colour = alt.Color("line:N", scale=alt.Scale(domain=list(lines), range=SERIES), legend=alt.Legend())
    return (
        alt.Chart(inline(placed))
        .mark_line(strokeWidth=1.3, clip=True)
        .encode(axis.at(), alt.Y("value:Q", scale=price), colour, tooltip=[when(), "line:N", figure("value", "Value")])
    )


def _fills(placed: pl.DataFrame, axis: TradingAxis, price: alt.Scale, theme: Theme) -> list[alt.Chart]:
    names = ["BUY", "SELL"]
    colours = alt.Scale(domain=names, range=[theme.buy, theme.sell])
    shapes = alt.Scale(domain=names, range=["triangle-up", "triangle-down"])
    told = [
        when(),
        alt.Tooltip("side:N", title="Side"),
        figure("price", "Mean price"),
        figure("quantity", "Quantity", ",.0f"),
        figure("fills", "Fills", ",.0f"),
    ]
    base = alt.Chart(inline(placed)).encode(axis.at(), alt.Y("price:Q", scale=price), tooltip=told)
    left = base.transform_filter("datum.act == 'out'").mark_point(size=62, fill=theme.surface, opacity=1, clip=True)
    entered = base.transform_filter("datum.act == 'in'").mark_point(
        size=105, filled=True, stroke=theme.surface, strokeWidth=1, opacity=1, clip=True
    )
    return [
        left.encode(alt.Color("side:N", scale=colours, legend=None), alt.Shape("side:N", scale=shapes, legend=None)),
        entered.encode(alt.Color("side:N", scale=colours), alt.Shape("side:N", scale=shapes)),
    ]


# ── Options ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def open_interest(
    contracts: pl.DataFrame, underlying: float | None = None, *, title: str = "Open interest", theme: Theme = LIGHT
) -> Chart:
    """Draw the open interest of calls and puts by strike, around the price of the underlying.

    `contracts` has strike (rupees), kind (`CE`, `PE`) and open_interest (units); several of one strike are added up.
    """
    strikes = prepare.open_interest(contracts, underlying)
    if not len(strikes):
        return nothing(title, "There are no options here.", theme, _HEIGHT)
    names = ["PE", "CE"]
    bars = (
        alt.Chart(inline(strikes))
        .mark_bar()
        .encode(
            alt.X("strike:O", title=None, axis=alt.Axis(labelAngle=0, labelOverlap="greedy", format=",.6~r")),
            alt.Y("open_interest:Q", axis=rupee_axis(), stack=None),
            alt.XOffset("kind:N", sort=names),
            alt.Color("kind:N", scale=alt.Scale(domain=names, range=[theme.buy, theme.sell])),
            tooltip=[
                figure("strike", "Strike", ",.2f"),
                alt.Tooltip("kind:N", title="Kind"),
                figure("open_interest", "Open interest", ",.0f"),
            ],
        )
    )
    if underlying is None:
        return themed(bars, theme, title, "units, puts and calls by strike", _HEIGHT)
    nearest = min(strikes["strike"].to_list(), key=lambda strike: abs(strike - underlying))
    rule = alt.Chart(inline(pl.DataFrame({"strike": [nearest]}))).mark_rule(color=theme.muted, strokeDash=[3, 3])
    subtitle = f"units, puts and calls by strike · the underlying at {underlying:,.2f} is nearest to {nearest:,.10g}"
    return themed(layered(bars, rule.encode(x="strike:O")), theme, title, subtitle, _HEIGHT)
