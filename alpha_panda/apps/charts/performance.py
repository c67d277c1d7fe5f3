"""Charts of an account: its equity, its falls, its returns, what it had at stake, and its trades."""

import altair as alt
import polars as pl

from alpha_panda.apps.charts import marks, prepare
from alpha_panda.apps.charts.marks import (
    PERCENT,
    TradingAxis,
    figure,
    inline,
    layered,
    level,
    nothing,
    percent_axis,
    rupee_axis,
    signed,
    spread,
    when,
)
from alpha_panda.apps.charts.theme import LIGHT, Chart, Theme, themed
from alpha_panda.backtest.metrics import RETURN_DAYS_MIN

_TALL = 300


# ── Over time ────────────────────────────────────────────────────────────────────────────────────────────────────────


def equity(
    equity: pl.DataFrame, benchmark: pl.DataFrame | None = None, *, title: str = "Equity", theme: Theme = LIGHT
) -> Chart:
    """Draw the equity of an account, and that of its benchmark where there is one; both have time and equity."""
    if not len(equity):
        return nothing(title, "The account was never seen.", theme, _TALL)
    readings = prepare.equity_readings(equity, benchmark)
    lines = prepare.equity_lines(readings)
    axis, domain = TradingAxis(equity["time"]), spread(lines["value"])
    height = alt.Y("value:Q", scale=alt.Scale(domain=domain, nice=False, zero=False), axis=rupee_axis())
    names = lines["line"].unique(maintain_order=True).to_list()
    base = alt.Chart(inline(lines)).encode(axis.at(), height)
    area = base.transform_filter(f"datum.line == '{names[0]}'").transform_calculate(floor=str(domain[0]))
    drawn = base.mark_line().encode(
        color=alt.Color("line:N", scale=alt.Scale(domain=names, range=[theme.buy, theme.muted])),
        strokeDash=alt.StrokeDash("line:N", scale=alt.Scale(domain=names, range=[[1, 0], [4, 3]])),
    )
    told = [when(), figure("equity", "Strategy ₹"), figure("benchmark", "Buy & hold ₹")][: 1 + len(names)]
    layers = area.mark_area(color=theme.buy, opacity=0.10).encode(alt.Y2("floor:Q")), drawn
    return themed(
        layered(*layers, marks.readings(readings, axis, told, theme)), theme, title, "rupees, after charges", _TALL
    )


def underwater(
    equity: pl.DataFrame, initial: float | None = None, *, title: str = "Underwater", theme: Theme = LIGHT
) -> Chart:
    """Draw how far the equity was below its highest so far, and its deepest point; `equity` has time and equity.

    The `initial` capital counts as the first height that was reached; without it, the first equity does.
    """
    if not len(equity):
        return nothing(title, "The account was never seen.", theme)
    fallen = prepare.drawdowns(equity, initial)
    deepest = fallen.filter(pl.col("value") == pl.col("value").min()).head(1)
    low = float(deepest["value"][0])
    axis = TradingAxis(equity["time"])
    scale = alt.Scale(domain=[min(low * 1.15, -0.001), 0], nice=False)
    height = alt.Y("value:Q", scale=scale, axis=percent_axis())
    area = (
        alt.Chart(inline(fallen))
        .mark_area(color=theme.down, opacity=0.16, line={"color": theme.down, "strokeWidth": 1.2, "opacity": 1})
        .encode(axis.at(), height)
    )
    told = [when(), figure("value", "Below the peak", ".2%")]
    point = alt.Chart(inline(deepest)).encode(axis.at(), height)
    layers = [area, point.mark_point(color=theme.down, filled=True, size=34, opacity=1)] if low < 0 else [area]
    layers.append(marks.readings(fallen, axis, told, theme))
    subtitle = f"deepest {signed(low)} on {deepest['when'][0]}" if low < 0 else "never below its peak"
    return themed(layered(*layers), theme, title, subtitle)


def rolling_sharpe(
    daily: pl.DataFrame, window: int = RETURN_DAYS_MIN, *, title: str = "Rolling Sharpe ratio", theme: Theme = LIGHT
) -> Chart:
    """Draw the yearly Sharpe ratio of the last `window` days; `daily` has date and return."""
    ratios = prepare.rolling_sharpe(daily, window)
    if not len(ratios):
        short = f"It takes {window} days; there are {len(daily)}."
        return nothing(title, short if len(daily) < window else "The equity never changed.", theme)
    scale = alt.Scale(domain=spread(ratios["value"], 0.0), nice=False, zero=False)
    axis = TradingAxis(daily["date"])
    height = alt.Y("value:Q", scale=scale, axis=alt.Axis(title=None, format=".1f"))
    line = alt.Chart(inline(ratios)).mark_line(color=theme.buy).encode(axis.at(), height)
    read = marks.readings(ratios, axis, [when("Until"), figure("value", "Sharpe ratio")], theme)
    return themed(layered(level(0.0, theme), line, read), theme, title, f"annualised, of the last {window} days")


def exposure(equity: pl.DataFrame, *, title: str = "Exposure", theme: Theme = LIGHT) -> Chart:
    """Draw the gross value of the positions as a share of the equity; `equity` has time, equity and gross."""
    if not len(equity):
        return nothing(title, "The account was never seen.", theme)
    shares = prepare.exposure(equity)
    highest = max(*shares["value"].drop_nulls().to_list(), 0.01)
    axis = TradingAxis(equity["time"])
    height = alt.Y("value:Q", axis=percent_axis(), scale=alt.Scale(domain=[0, highest * 1.05], nice=False))
    edge = {"color": theme.warn, "strokeWidth": 1.1, "opacity": 1}
    area = alt.Chart(inline(shares)).mark_area(interpolate="step-after", color=theme.warn, opacity=0.18, line=edge)
    read = marks.readings(shares, axis, [when(), figure("value", "Of the equity", PERCENT)], theme)
    return themed(
        layered(area.encode(axis.at(), height), read), theme, title, "gross value of the positions, of the equity"
    )


# ── Returns ──────────────────────────────────────────────────────────────────────────────────────────────────────────

_COLUMNS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Year"]
_ROW_HEIGHT = 28


def monthly_heat_map(monthly: pl.DataFrame, *, title: str = "Monthly returns", theme: Theme = LIGHT) -> Chart:
    """Draw the return of each month and year; `monthly` has year, month and return."""
    if not len(monthly):
        return nothing(title, "No month was measured.", theme)
    cells = prepare.monthly_cells(monthly).with_columns(
        shown=pl.col("value").map_elements(lambda value: signed(value, 1), pl.String),
        weight=(pl.col("value").abs() / max(float(monthly["return"].abs().quantile(0.95) or 0), 0.005)).clip(0, 1),
    )
    colour = alt.when("datum.value < 0").then(alt.value(theme.down)).otherwise(alt.value(theme.up))
    base = alt.Chart(inline(cells)).encode(
        alt.X("column:O", sort=_COLUMNS, scale=alt.Scale(domain=_COLUMNS), axis=_heading()),
        alt.Y("year:O", sort="descending", axis=alt.Axis(title=None)),
    )
    told = ["year:O", alt.Tooltip("column:O", title="Month"), figure("value", "Return", "+.2%")]
    rectangles = base.mark_rect(cornerRadius=3, stroke=theme.surface, strokeWidth=2).encode(
        color=colour, tooltip=told, fillOpacity=alt.FillOpacity("weight:Q", legend=None, scale=_FAINT_TO_STRONG)
    )
    height = _ROW_HEIGHT * monthly["year"].n_unique()
    words = base.mark_text(fontSize=11, color=theme.text).encode(text="shown:N")
    return themed(layered(rectangles, words), theme, title, height=height)


_FAINT_TO_STRONG = alt.Scale(domain=[0, 1], range=[0.06, 0.62])


def _heading() -> alt.Axis:
    return alt.Axis(orient="top", title=None, domain=False, ticks=False, labelAngle=0, labelPadding=6)


def return_distribution(daily: pl.DataFrame, *, title: str = "Daily returns", theme: Theme = LIGHT) -> Chart:
    """Draw how often which daily return was seen, its mean and its worst twentieth; `daily` has date and return."""
    returns = daily["return"].drop_nulls().drop_nans()
    if returns.n_unique() < 2:
        seen = f"Every day returned {signed(returns[0])}." if len(returns) else "No day was measured."
        return nothing(title, seen, theme)
    changed = returns.filter(returns != 0)
    colour = alt.when("datum.from < 0").then(alt.value(theme.down)).otherwise(alt.value(theme.up))
    told = [figure("from", "From", "+.2%"), figure("to", "To", "+.2%"), figure("count", "Days", ",.0f")]
    bars = (
        alt.Chart(inline(prepare.distribution(changed)))
        .mark_bar(opacity=0.75, binSpacing=1)
        .encode(
            alt.X("from:Q", bin="binned", axis=alt.Axis(title=None, format="+.3~%", tickCount=9, labelFlush=False)),
            alt.X2("to:Q"),
            alt.Y("count:Q", axis=alt.Axis(title="days", tickMinStep=1)),
            color=colour,
            tooltip=told,
        )
    )
    mean, worst = float(returns.mean() or 0), float(returns.quantile(0.05, "linear") or 0)  # pyright: ignore[reportArgumentType]  # a number
    known = pl.DataFrame({"value": [mean, worst], "name": ["mean", "5 % quantile"]})
    rules = alt.Chart(inline(known)).mark_rule(color=theme.text, strokeDash=[3, 3]).encode(
        x="value:Q", tooltip=[alt.Tooltip("name:N", title="Line"), figure("value", "Return", "+.2%")]
    )  # fmt: skip
    idle = len(returns) - len(changed)
    days = f"{len(returns):,} days" + (f", the {idle:,} without a change not drawn" if idle else "")
    subtitle = f"{days} · mean {signed(mean)} · one day in twenty below {signed(worst)}"
    return themed(layered(bars, rules), theme, title, subtitle)


def trade_scatter(trades: pl.DataFrame, *, title: str = "Trades", theme: Theme = LIGHT) -> Chart:
    """Draw how far each closed trade went against and for itself; `trades` are a result's, with `mae` and `mfe`."""
    if not len(trades):
        return nothing(title, "No trade was closed.", theme, _TALL)
    points = prepare.trade_points(trades).select(
        pl.col("symbol"),
        pl.col("side"),
        (-pl.col("mae")).alias("against"),
        pl.col("mfe").alias("favour"),
        pl.col("return").alias("made"),
        pl.col("net"),
        pl.when(pl.col("net") > 0).then(pl.lit("won")).otherwise(pl.lit("lost")).alias("outcome"),
    )
    names = ["won", "lost"]
    chart = (
        alt.Chart(inline(points))
        .mark_point(filled=True, size=44, opacity=0.7)
        .encode(
            alt.X("against:Q", axis=alt.Axis(title="against it (MAE)", format=".2~%", tickCount=8)),
            alt.Y("favour:Q", axis=percent_axis("for it (MFE)")),
            alt.Color("outcome:N", scale=alt.Scale(domain=names, range=[theme.up, theme.down])),
            alt.Shape("outcome:N", scale=alt.Scale(domain=names, range=["circle", "triangle-down"])),
            tooltip=[
                alt.Tooltip("symbol:N", title="Instrument"),
                alt.Tooltip("side:N", title="Side"),
                figure("made", "Return", "+.2%"),
                figure("against", "Against it", ".2%"),
                figure("favour", "For it", ".2%"),
                figure("net", "Net ₹", "+,.2f"),
            ],
        )
    )
    shown = "" if len(points) == len(trades) else f"{len(points):,} of {len(trades):,}, the largest among them · "
    return themed(chart, theme, title, f"{shown}furthest against and for each, of its entry price", _TALL)
