"""Signals that know only the past, in all the ways of saying so that people use; none of them may be accused."""

import datetime
import functools

import numpy as np
import polars as pl

from alpha_panda import indicators

CLOSE = pl.col("close")
DAY = pl.col("time").dt.date()


def moving_average(bars):
    return CLOSE.rolling_mean(20).over("symbol")


def rolling_extremes(bars):
    return bars.select(
        "time",
        "symbol",
        highest=pl.col("high").rolling_max(50).over("symbol"),
        lowest=pl.col("low").rolling_min(50).over("symbol"),
    )


def rolling_z_score(bars):
    return ((CLOSE - CLOSE.rolling_mean(30)) / CLOSE.rolling_std(30)).over("symbol")


def exponential_averages(bars):
    fast, slow = (CLOSE.ewm_mean(span=span, adjust=False).over("symbol") for span in (12, 26))
    return bars.with_columns(signal=(fast > slow).cast(pl.Int8))


def exponential_average_that_adjusts(bars):
    return bars.select(CLOSE.ewm_mean(half_life=10).over("symbol"))


def highest_so_far(bars):
    return CLOSE.cum_max().over("symbol")


def drawdown_so_far(bars):
    return (CLOSE / CLOSE.cum_max() - 1.0).over("symbol")


def standardised_by_the_past(bars):
    count = pl.int_range(1, pl.len() + 1)
    mean = CLOSE.cum_sum() / count
    return bars.select(((CLOSE - mean) / CLOSE).over("symbol"))


def last_close(bars):
    return CLOSE.shift(1).over("symbol")


def return_of_a_bar(bars):
    return bars["close"].pct_change()


def filled_forward(bars):
    return pl.when(pl.col("volume") > 500).then(CLOSE).forward_fill().over("symbol")


def joined_backward(bars):
    quarter_hours = bars.filter(pl.col("time").dt.minute() % 15 == 0).select("time", "symbol", earlier="close")
    return bars.join_asof(quarter_hours, on="time", by="symbol", strategy="backward", check_sortedness=False)


def labelled_with_the_end(bars):
    return bars.group_by_dynamic("time", every="15m", group_by="symbol", closed="right", label="right").agg(
        CLOSE.last()
    )


def labelled_with_the_end_and_joined(bars):
    quarters = labelled_with_the_end(bars).rename({"close": "quarter"})
    return bars.join_asof(quarters, on="time", by="symbol", check_sortedness=False).select("time", "symbol", "quarter")


def high_of_the_day_so_far(bars):
    return pl.col("high").cum_max().over("symbol", DAY)


def mean_of_the_day_before(bars):
    days = bars.group_by(DAY.alias("day"), "symbol").agg(mean=CLOSE.mean()).sort("symbol", "day")
    before = days.with_columns(pl.col("mean").shift(1).over("symbol"))
    return bars.with_columns(DAY.alias("day")).join(before, on=["day", "symbol"], how="left", maintain_order="left")


def breakout_of_the_opening_range(bars):
    opening = pl.col("time").dt.time() <= datetime.time(9, 30)
    highest = pl.when(opening).then(pl.col("high")).cum_max().forward_fill().over("symbol", DAY)
    return pl.when(opening).then(0).otherwise((highest < CLOSE).cast(pl.Int8))


def rank_across_symbols(bars):
    growth = bars.with_columns(growth=CLOSE.pct_change(5).over("symbol"))
    return growth.select(pl.col("growth").rank().over("time"))


def volume_weighted_average_of_the_day(bars):
    traded = (CLOSE * pl.col("volume")).cum_sum() / pl.col("volume").cum_sum()
    return traded.over("symbol", DAY)


def average_of_half_an_hour(bars):
    parts = [part.with_columns(mean=CLOSE.rolling_mean_by("time", "30m")) for part in bars.partition_by("symbol")]
    return pl.concat(parts).select("time", "symbol", "mean")


def strength(bars):
    change = CLOSE.diff()
    gain, loss = (side.clip(lower_bound=0).ewm_mean(alpha=1 / 14, adjust=False) for side in (change, -change))
    return (gain / (gain + loss)).over("symbol")


def strength_of_the_kernels(bars):
    return bars.with_columns(rsi=indicators.rsi(bars, 14), average=indicators.ema(bars, 26))


def lazily(bars):
    return bars.lazy().with_columns(signal=CLOSE.diff().sign().over("symbol"))


def regression_on_the_past(bars):
    slopes = np.full(len(bars), np.nan)
    closes = bars["close"].to_numpy()
    for row in range(200, len(bars), 50):
        slopes[row] = np.polyfit(np.arange(200), closes[row - 200 : row], 1)[0]
    return slopes


def time_of_day(bars):
    return (pl.col("time").dt.hour() < 12).cast(pl.Int8)


def chance_of_one_seed(bars):
    return pl.Series("signal", np.random.default_rng(7).normal(size=len(bars)))


@functools.lru_cache
def weights(length: int) -> tuple[float, ...]:
    return tuple(1.0 / (place + 1) for place in range(length))


def weighted_by_a_cached_helper(bars):
    return CLOSE.rolling_mean(5, weights=list(weights(5))).over("symbol")


def once_there_are_enough_bars(bars):
    if len(bars) < 100:
        raise ValueError("give me a hundred bars")
    return CLOSE.rolling_mean(20)
