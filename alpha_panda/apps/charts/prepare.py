"""Frames made ready to be drawn: never more rows than a screen can show, and no extreme is lost on the way.

What comes in are the frames of a `Result` (rupees, IST, fractions), or any with the same columns; what comes out has
short fixed column names, so that no name from a user's data is ever read as part of a chart's specification.
"""

import datetime
import itertools
from collections.abc import Sequence

import numpy as np
import polars as pl

from alpha_panda.apps.charts.trading_time import BUCKETS, days, on_trading_time, rows_at, thinned
from alpha_panda.backtest.metrics import DAYS_A_YEAR
from alpha_panda.data.columns import IST_ZONE
from alpha_panda.errors import ConfigurationError

CANDLES_MAX = 260
"""A year of days."""

POINTS_MAX = 2_000
CELLS_MAX = 40
"""Distinct values of a parameter on an axis of a heat map; fewer beside a slider, whose places are all in the page."""

CELLS_BESIDE_SLIDER_MAX = 24
SLIDES_MAX = 8

_CANDLES = ("1m", "2m", "3m", "5m", "10m", "15m", "30m", "1h", "1d", "1w", "1mo", "3mo", "1y")
_OPENING = "15m"  # NSE opens at a quarter past nine, and so do its half hours and hours


# ── Prices ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def candles(bars: pl.DataFrame, lines: Sequence[str] = (), count: int = CANDLES_MAX) -> tuple[pl.DataFrame, str]:
    """Return bars as about `count` candles at most, and the interval of a candle; "" where bars are left as they are.

    `bars` has time (when a bar became known), open, high, low, close, volume and the columns named in `lines`, of which
    a candle shows the last value. The shortest interval is taken that needs no more candles.
    """
    _check_columns(bars, "time", "open", "high", "low", "close", "volume", *lines)
    if len(bars) <= count:
        return bars, ""
    interval, begin = _CANDLES[-1], _begin(bars["time"], _CANDLES[-1])
    for shorter in _CANDLES:
        shorter_begin = _begin(bars["time"], shorter)
        if shorter_begin.n_unique() <= count:
            interval, begin = shorter, shorter_begin
            break
    made = bars.group_by(begin.alias("begin"), maintain_order=True).agg(
        pl.col("time").last(),
        pl.col("open").first(),
        pl.col("high").max(),
        pl.col("low").min(),
        pl.col("close").last(),
        pl.col("volume").sum(),
        *(pl.col(line).last() for line in lines),
    )
    return made.drop("begin"), interval


def _begin(times: pl.Series, interval: str) -> pl.Series:
    """Return when the candle began in which each bar lies; a bar is known at its end, which belongs to it."""
    local = times.dt.convert_time_zone(IST_ZONE).dt.replace_time_zone(None) - datetime.timedelta(microseconds=1)
    if interval.endswith(("d", "w", "mo", "y")):
        return local.dt.truncate(interval)
    return local.dt.offset_by(f"-{_OPENING}").dt.truncate(interval)


def fills_on(candles: pl.DataFrame, fills: pl.DataFrame) -> pl.DataFrame:
    """Return where fills lie on candles: row, side, act (`in` or `out`), mean price, quantity and number of fills.

    `fills` are of one instrument; raises ConfigurationError for more, whose prices would mean nothing here.
    """
    if "symbol" in fills.columns and fills["symbol"].n_unique() > 1:
        raise ConfigurationError("the fills are of several instruments: filter them by symbol before they are drawn")
    moved = pl.when(pl.col("side") == "BUY").then("quantity").otherwise(-pl.col("quantity"))
    # The shortest step is the length of a candle; what was filled before the first one began is not on the chart.
    began = candles["time"][0] - (candles["time"].diff().min() or datetime.timedelta(days=1))
    inside = fills.with_columns(rows_at(candles["time"], fills["time"])).filter(
        pl.col("row") < len(candles), pl.col("time") > began
    )
    acts = inside.with_columns(
        pl.col("side").cast(pl.String),
        act=pl.when(moved.sign() == pl.col("position").sign()).then(pl.lit("in")).otherwise(pl.lit("out")),
    )
    worth = (pl.col("price") * pl.col("quantity")).sum() / pl.col("quantity").sum()
    together = acts.group_by("row", "side", "act", maintain_order=True).agg(
        price=worth, quantity=pl.col("quantity").sum(), fills=pl.len()
    )
    return together.join(on_trading_time(candles).select("row", "when"), on="row", how="left", maintain_order="left")


def lines_on(candles: pl.DataFrame, lines: Sequence[str]) -> pl.DataFrame:
    """Return columns of candles as row, line and value."""
    placed = on_trading_time(candles).select("row", "when", *lines)
    return placed.unpivot(lines, index=["row", "when"], variable_name="line").drop_nulls("value")


def open_interest(contracts: pl.DataFrame, near: float | None, strikes: int = CELLS_MAX) -> pl.DataFrame:
    """Return strike, kind (`CE` or `PE`) and open interest of the strikes that lie nearest to a price."""
    options = contracts.filter(pl.col("kind").cast(pl.String).is_in(["CE", "PE"]))
    together = options.group_by("strike", pl.col("kind").cast(pl.String)).agg(pl.col("open_interest").sum())
    by_strike = together.sort("strike").with_columns(below=pl.col("open_interest").cum_sum() * 2)
    halves = by_strike.filter(pl.col("below") >= pl.col("open_interest").sum())
    # Without a price, the strike that halves the open interest stands for it.
    centre = pl.lit(near) if near is not None else pl.lit(halves["strike"].first())
    nearest = together["strike"].unique().to_frame().sort((pl.col("strike") - centre).abs(), "strike").head(strikes)
    return together.join(nearest, on="strike", how="semi").sort("strike", "kind")


# ── The account over time ────────────────────────────────────────────────────────────────────────────────────────────


def equity_readings(equity: pl.DataFrame, benchmark: pl.DataFrame | None) -> pl.DataFrame:
    """Return row, when, the account's equity and, as it was known then, its benchmark's; null without one."""
    placed = on_trading_time(equity).select("row", "when", "time", "equity")
    if benchmark is None or not len(benchmark):
        return placed.with_columns(benchmark=pl.lit(None, pl.Float64)).drop("time")
    known = benchmark.select("time", pl.col("equity").alias("benchmark")).sort("time")
    return placed.sort("time").join_asof(known, on="time").drop("time")


def equity_lines(readings: pl.DataFrame) -> pl.DataFrame:
    """Return row, line and value of the two lines in `equity_readings`, the account's first."""
    names = {"equity": "strategy", "benchmark": "buy & hold"}
    kept = (
        thinned(readings.drop_nulls(column), column).select(
            "row", pl.lit(name).alias("line"), pl.col(column).cast(pl.Float64).alias("value")
        )
        for column, name in names.items()
    )
    return pl.concat(kept)


def drawdowns(equity: pl.DataFrame, initial: float | None) -> pl.DataFrame:
    """Return row, when and the fall of the equity from its highest so far, as a fraction that is never above zero."""
    highest = pl.max_horizontal(pl.col("equity").cum_max(), pl.lit(initial, pl.Float64))
    fallen = (pl.col("equity") / highest - 1.0).alias("value")
    return thinned(on_trading_time(equity).select("row", "when", fallen), "value")


def exposure(equity: pl.DataFrame) -> pl.DataFrame:
    """Return row, when and the gross value of the positions as a fraction of the equity, null where none is left."""
    share = pl.when(pl.col("equity") > 0).then(pl.col("gross") / pl.col("equity")).alias("value")
    return thinned(on_trading_time(equity).select("row", "when", share), "value")


def rolling_sharpe(daily: pl.DataFrame, window: int) -> pl.DataFrame:
    """Return row, when and the yearly Sharpe ratio of the last `window` days, from the first day that has as many."""
    change = pl.col("return")
    deviation = change.rolling_std(window)
    ratio = pl.when(deviation > 0).then(change.rolling_mean(window) / deviation) * DAYS_A_YEAR**0.5
    return thinned(on_trading_time(daily, "date").select("row", "when", ratio.alias("value")).drop_nulls(), "value")


def monthly_cells(monthly: pl.DataFrame) -> pl.DataFrame:
    """Return year, column (`Jan` to `Dec`, and `Year`) and the return of each month and year that was measured."""
    months = [f"{datetime.date(2000, number, 1):%b}" for number in range(1, 13)]
    named = monthly.select(
        pl.col("year"),
        pl.col("month")
        .cast(pl.Int64)
        .replace_strict(dict(enumerate(months, 1)), return_dtype=pl.String)
        .alias("column"),
        pl.col("return").alias("value"),
    )
    total = ((1.0 + pl.col("return")).product() - 1.0).alias("value")
    years = monthly.group_by("year", maintain_order=True).agg(total)
    return pl.concat([named, years.select("year", pl.lit("Year").alias("column"), "value")])


def distribution(returns: pl.Series, bins: int = 48) -> pl.DataFrame:
    """Return from, to and count of about so many bins; zero is an edge, so that no bin holds both gains and losses."""
    if not len(returns):
        return pl.DataFrame(schema={"from": pl.Float64, "to": pl.Float64, "count": pl.UInt32})
    width = np.ptp(returns.to_numpy()) or abs(float(returns[0])) or 0.01
    step = _round_step(float(width) / bins)
    counted = (returns / step).floor().alias("place").value_counts().sort("place")
    return counted.select((pl.col("place") * step).alias("from"), ((pl.col("place") + 1) * step).alias("to"), "count")


def _round_step(step: float) -> float:
    """Return the next of 1, 2, 2.5, 5 and 10 times a power of ten."""
    scale = 10.0 ** np.floor(np.log10(step))
    return float(scale * next(part for part in (1.0, 2.0, 2.5, 5.0, 10.0) if part * scale >= step))


# ── Trades and studies ───────────────────────────────────────────────────────────────────────────────────────────────


def trade_points(trades: pl.DataFrame, count: int = POINTS_MAX) -> pl.DataFrame:
    """Return at most `count` closed trades: those that won or lost most, and evenly many of the others."""
    if len(trades) <= count:
        return trades
    ranked = trades.with_row_index("place").sort(pl.col("net").abs(), descending=True, maintain_order=True)
    extremes, others = ranked.head(count // 4), ranked.slice(count // 4).sort("place")
    sampled = others.gather_every(-(-len(others) // (count - count // 4)))
    return pl.concat([extremes, sampled]).sort("place").drop("place")


def swept(frame: pl.DataFrame) -> list[str]:
    """Return the parameters that a frame of a sweep varies; ConfigurationError where these are not two at least."""
    names = list(itertools.takewhile(lambda name: name != "total_return", frame.columns))
    varied = [name for name in names if frame[name].n_unique() > 1]
    if len(varied) < 2 or names == frame.columns:
        raise ConfigurationError("a heat map needs the frame of a sweep in which two parameters vary")
    return varied


def at_value(frame: pl.DataFrame, name: str, value: float) -> pl.DataFrame:
    """Return the combinations in which a parameter has a value; ConfigurationError where there is none."""
    _check_columns(frame, name)
    found = frame.filter(pl.col(name) == value)
    if not len(found):
        raise ConfigurationError(f"no combination has {name} = {value}: take one of its values")
    return found


def parameter_cells(frame: pl.DataFrame, x: str, y: str, figure: str, slider: str | None = None) -> pl.DataFrame:
    """Return x, y, z, value and combinations: the median of a figure over those that share these parameters.

    z is the parameter of a slider, zero without one. Of a parameter with too many values neighbours are put together,
    under the first of them. Raises ConfigurationError for a column that the frame does not have.
    """
    asked = [name for name in (x, y, figure, slider) if name is not None]
    _check_columns(frame, *asked)
    if len(set(asked)) < len(asked):
        raise ConfigurationError("the axes, the slider and the figure of a heat map are different columns")
    most = CELLS_MAX if slider is None else CELLS_BESIDE_SLIDER_MAX
    third = pl.lit(0.0) if slider is None else _few(frame[slider].cast(pl.Float64), SLIDES_MAX)
    measured = frame.select(
        _few(frame[x], most).alias("x"),
        _few(frame[y], most).alias("y"),
        third.alias("z"),
        pl.col(figure).cast(pl.Float64).alias("value"),
    )
    finite = measured.filter(pl.col("value").is_finite())
    cells = finite.group_by("x", "y", "z").agg(pl.col("value").median(), combinations=pl.len())
    return cells.sort("z", "x", "y")


def _few(values: pl.Series, most: int) -> pl.Series:
    """Return a column with few distinct values, each the first of the neighbours it stands for."""
    known = values.unique().sort()
    size = -(-len(known) // most)
    if size <= 1:
        return values
    first = known.gather((np.arange(len(known)) // size * size).tolist())
    return values.replace_strict(known, first)


def _check_columns(frame: pl.DataFrame, *names: str) -> None:
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise ConfigurationError(f"there is no column {missing[0]!r} to draw: it is one of {', '.join(frame.columns)}")


def tested_windows(equity: pl.DataFrame, windows: pl.DataFrame) -> pl.DataFrame:
    """Return the tested windows of a walk forward on the trading time of its stitched equity, numbered."""
    dates = days(equity["time"])
    starts = dates.search_sorted(windows["test_from"], "left")
    stops = dates.search_sorted(windows["test_to"], "right")
    return windows.select(
        pl.int_range(pl.len()).alias("number"),
        pl.Series("from", starts),
        pl.Series("to", stops),
        pl.format("{} to {}", "test_from", "test_to").alias("window"),
        "train_sharpe",
        "test_sharpe",
        "test_return",
    )


def fan(fan: pl.DataFrame) -> pl.DataFrame:
    """Return the steps of a fan that a screen can tell apart; its bands bend too little to need their extremes."""
    return fan.rename({fan.columns[0]: "step"}).gather_every(-(-len(fan) // BUCKETS) or 1)
