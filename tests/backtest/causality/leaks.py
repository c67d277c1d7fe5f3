"""Signals that know the future, each by one mistake that people make; all of them must be caught."""

import functools

import numpy as np
import polars as pl

CLOSE = pl.col("close")
DAY = pl.col("time").dt.date()


# ── Neighbours from the future ───────────────────────────────────────────────────────────────────────────────────────


def next_close(bars):
    return bars.select(CLOSE.shift(-1).over("symbol"))


def next_return(bars):
    return CLOSE.pct_change(-1).over("symbol")


def rise_to_come(bars):
    return (CLOSE.shift(-5) > CLOSE).over("symbol").cast(pl.Int8)


def centred_average(bars):
    return CLOSE.rolling_mean(11, center=True).over("symbol")


def centred_deviation(bars):
    return CLOSE.rolling_std(21, center=True, min_samples=2).over("symbol")


def smoothed_both_ways(bars):
    forward = CLOSE.ewm_mean(span=10, adjust=False)
    return forward.reverse().ewm_mean(span=10, adjust=False).reverse().over("symbol")


def convolved_in_the_middle(bars):
    parts = [np.convolve(part["close"], np.ones(5) / 5, "same") for part in bars.partition_by("symbol")]
    return (
        pl.concat(bars.partition_by("symbol"))
        .select("time", "symbol")
        .with_columns(pl.Series("signal", np.concatenate(parts)))
    )


def low_pass_of_all_frequencies(bars):
    one = bars.filter(pl.col("symbol") == bars["symbol"][0])
    spectrum = np.fft.rfft(one["close"].to_numpy())
    spectrum[len(spectrum) // 10 :] = 0
    return one.select("time", signal=np.fft.irfft(spectrum, len(one)))


def a_trace_of_the_next_close(bars):
    return (CLOSE.cum_max() * (1.0 + 1e-13 * (CLOSE.shift(-1) > CLOSE).cast(pl.Float64))).over("symbol")


def far_ahead(bars):
    return CLOSE.shift(-300).over("symbol")


def wait_for_the_next_bar(bars):
    return pl.col("time").diff(-1).dt.total_minutes().over("symbol")


def last_bar_of_the_day(bars):
    return pl.col("time") == pl.col("time").max().over("symbol", DAY)


# ── Figures of the whole sample ──────────────────────────────────────────────────────────────────────────────────────


def standardised(bars):
    return ((CLOSE - CLOSE.mean()) / CLOSE.std()).over("symbol")


def scaled_to_range(bars):
    return ((CLOSE - CLOSE.min()) / (CLOSE.max() - CLOSE.min())).over("symbol")


def demeaned(bars):
    return (CLOSE - CLOSE.mean()).over("symbol")


def above_the_median(bars):
    return (CLOSE.median() < CLOSE).over("symbol")


def rank_of_all(bars):
    return CLOSE.rank().over("symbol")


def above_a_quantile_of_all(bars):
    return (CLOSE.quantile(0.9) < CLOSE).over("symbol")


def cut_into_quantiles(bars):
    return (CLOSE.rank() * 4 / pl.len()).floor().over("symbol")


def clipped_at_quantiles(bars):
    return CLOSE.clip(CLOSE.quantile(0.05), CLOSE.quantile(0.95)).over("symbol")


def holes_filled_with_the_mean(bars):
    return CLOSE.shift(1).over("symbol").fill_null(strategy="mean")


def share_of_all_volume(bars):
    return pl.col("volume") / pl.col("volume").sum()


def best_symbol_of_the_sample(bars):
    growth = bars.group_by("symbol").agg(growth=CLOSE.last() / CLOSE.first()).sort("growth", "symbol")
    return (pl.col("symbol") == growth["symbol"][-1]).cast(pl.Int8)


def detrended_from_first_to_last(bars):
    return bars.select((CLOSE - (CLOSE.last() - CLOSE.first()) * pl.int_range(pl.len()) / pl.len()).over("symbol"))


# ── Filled, joined and labelled backwards ────────────────────────────────────────────────────────────────────────────


def filled_backward(bars):
    return pl.when(pl.int_range(pl.len()) % 7 == 6).then(CLOSE).fill_null(strategy="backward").over("symbol")


def interpolated(bars):
    return pl.when(pl.int_range(pl.len()) % 7 == 0).then(CLOSE).interpolate().over("symbol")


def joined_forward(bars):
    quarter_hours = bars.filter(pl.col("time").dt.minute() % 15 == 0).select("time", "symbol", later="close")
    return bars.join_asof(quarter_hours, on="time", by="symbol", strategy="forward", check_sortedness=False)


def joined_to_the_nearest(bars):
    quarter_hours = bars.filter(pl.col("time").dt.minute() % 15 == 0).select("time", "symbol", near="close")
    return bars.join_asof(quarter_hours, on="time", by="symbol", strategy="nearest", check_sortedness=False)


def labelled_with_the_start(bars):
    return bars.group_by_dynamic("time", every="15m", group_by="symbol", closed="right", label="left").agg(CLOSE.last())


def labelled_with_the_start_and_joined(bars):
    quarters = bars.group_by_dynamic("time", every="15m", group_by="symbol", label="left").agg(
        high=pl.col("high").max()
    )
    joined = bars.join_asof(quarters, on="time", by="symbol", suffix="_quarter", check_sortedness=False)
    return joined.select("time", "symbol", "high_quarter")


def labelled_with_the_date(bars):
    days = bars.group_by(DAY.alias("time"), "symbol").agg(CLOSE.last())
    return days.with_columns(pl.col("time").cast(pl.Datetime("ns")).dt.replace_time_zone("Asia/Kolkata"))


def high_of_the_day_in_the_morning(bars):
    return pl.col("high").max().over("symbol", DAY)


def close_of_the_day_in_the_morning(bars):
    return (CLOSE.last().over("symbol", DAY) > CLOSE).cast(pl.Int8)


# ── From the end ─────────────────────────────────────────────────────────────────────────────────────────────────────


def highest_still_to_come(bars):
    return CLOSE.cum_max(reverse=True).over("symbol")


def sorted_the_other_way(bars):
    return bars.sort("time", descending=True).with_columns(total=pl.col("volume").cum_sum().over("symbol"))


def drawdown_to_come(bars):
    lowest = pl.col("low").cum_min(reverse=True)
    return bars.select((lowest / CLOSE - 1.0).over("symbol"))


def days_until_the_end(bars):
    return (pl.col("time").max() - pl.col("time")).dt.total_days()


def flag_of_the_last_row(bars):
    return pl.int_range(pl.len()) == pl.len() - 1


def length_of_the_frame(bars):
    return pl.lit(1.0 / len(bars)) * CLOSE


def last_row_left_out(bars):
    return bars.select("time", "symbol", signal=CLOSE).head(-1)


# ── Fitted on everything ─────────────────────────────────────────────────────────────────────────────────────────────


def regression_on_all(bars):
    features = np.column_stack([bars["open"], bars["high"], np.ones(len(bars))])
    target = bars["close"].shift(-1).fill_null(strategy="forward").to_numpy()
    weights, *_ = np.linalg.lstsq(features, target, rcond=None)
    return pl.Series("forecast", features @ weights)


def principal_component_of_all(bars):
    features = bars.select("open", "high", "low", "close").to_numpy()
    centred = features - features.mean(axis=0)
    return pl.Series("factor", centred @ np.linalg.svd(centred, full_matrices=False)[2][0])


def line_through_all(bars):
    place = np.arange(len(bars))
    return bars["close"] - pl.Series(np.polyval(np.polyfit(place, bars["close"].to_numpy(), 1), place))


# ── Chance and memory ────────────────────────────────────────────────────────────────────────────────────────────────


def drawn_by_length(bars):
    return pl.Series("signal", np.random.default_rng(len(bars)).normal(size=len(bars)))


def drawn_by_content(bars):
    seed = int(bars["close"].sum() * 100)
    return pl.Series("signal", np.random.default_rng(seed).integers(0, 2, len(bars)))


def drawn_anew(bars):
    return pl.Series("signal", np.random.default_rng().normal(size=len(bars)))


_highest: dict[str, float] = {}


def highest_close_remembered(bars):
    highest = _highest.setdefault("close", bars["close"].max())
    return CLOSE / highest


@functools.lru_cache
def first_mean(_key: str, mean: float | None = None) -> list[float]:
    return [] if mean is None else [mean]


def mean_in_a_cache(bars):
    known = first_mean("mean")
    if not known:
        known.append(bars["close"].mean())
    return CLOSE - known[0]


RECORDED = np.linspace(100.0, 200.0, 400)


def recorded_prices(bars):
    return pl.Series("signal", RECORDED[np.arange(len(bars)) % len(RECORDED)])
