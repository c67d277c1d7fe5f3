"""Prices that leap and come back, steps like those of a corporate action, bars that repeat or had no trade."""

from collections.abc import Sequence

import polars as pl

OUTLIER_DEVIATIONS = 20.0
"""How many robust deviations (1.4826 median absolute deviations) an outlier leaps before it comes back."""

OUTLIER_RETURN = 0.01
"""The smallest leap, as a logarithm, that is called an outlier, however calm the instrument."""

ACTION_STEP = 0.2
"""The smallest step, as a logarithm, from a close to the open of the next day that looks like a corporate action."""

STALE_RUN = 5
"""How many equal bars in a row are stale."""

_RETURNED = 0.25  # of a leap, at most, may be left one bar later
_NEXT_DAY_MAX = 5  # days between sessions that follow each other, over a long weekend
_MAD_TO_DEVIATION = 1.4826  # of a normal distribution


def leaps(rows: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Return closes that leap and come back, and overnight steps like those of a corporate action, by symbol.

    A leap is measured in robust deviations of its kind of return, within a day or overnight. A step on the ex-date of a
    known action is explained.
    """
    moves, length = _moves(rows), pl.col("change").abs()
    left = (pl.col("change") + pl.col("change").shift(-1).over("symbol")).abs()
    wide = (length > OUTLIER_DEVIATIONS * pl.col("deviation")) & (length > OUTLIER_RETURN)
    steps = (pl.col("nights") <= _NEXT_DAY_MAX) & (pl.col("gap").abs() > ACTION_STEP)
    found = moves.select(
        "symbol",
        pl.from_epoch("day", time_unit="d").alias("date"),
        leap=wide & (left < _RETURNED * length),
        step=pl.col("overnight") & steps,
    )
    known = actions.select("symbol", date="ex_date", known=pl.lit(value=True))
    told = found.filter(pl.col("leap") | pl.col("step")).join(known, on=["symbol", "date"], how="left")
    counted = told.group_by("symbol").agg(
        outliers=pl.col("leap").sum(),
        outlier_days=pl.col("date").filter("leap").unique().sort(),
        action_suspects=pl.col("date").filter(pl.col("step") & pl.col("known").is_null()).unique().sort(),
    )
    everyone = rows.select(pl.col("symbol").unique(maintain_order=True)).join(counted, on="symbol", how="left")
    no_days = pl.lit([], dtype=pl.List(pl.Date()))
    return everyone.with_columns(
        pl.col("outliers").fill_null(0), pl.col("outlier_days", "action_suspects").fill_null(no_days)
    )


def _moves(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the change from close to close of each row, the gap from that close to its open, and how wide is usual."""
    close = pl.col("close_e4").log()
    moves = rows.select(
        "symbol",
        "day",
        change=close.diff().over("symbol"),
        gap=pl.col("open_e4").log() - close.shift().over("symbol"),
        nights=pl.col("day").diff().over("symbol").fill_null(0),
    ).with_columns(overnight=pl.col("nights") > 0)
    deviation = (pl.col("change") - pl.col("change").median()).abs().median() * _MAD_TO_DEVIATION
    usual = moves.group_by("symbol", "overnight").agg(deviation=deviation)
    return moves.join(usual, on=["symbol", "overnight"], how="left", maintain_order="left")


def repeats(rows: pl.DataFrame, within_day: bool, indices: Sequence[str]) -> pl.DataFrame:
    """Return how many bars stand in runs of equal ones, and the share without volume."""
    keys = ["symbol", "day"] if within_day else ["symbol"]
    figures = pl.struct("open_e4", "high_e4", "low_e4", "close_e4", "volume")
    new = (pl.struct(*keys, figures) != pl.struct(*keys, figures).shift()).fill_null(value=True)
    runs = (
        rows.select("symbol", "volume", run=new.cum_sum())
        .group_by("symbol", "run")
        .agg(length=pl.len(), silent=(pl.col("volume") == 0).sum())
    )
    stale = pl.col("length").filter(pl.col("length") >= STALE_RUN)
    share = pl.when(~pl.col("symbol").first().is_in(indices)).then(pl.col("silent").sum() / pl.col("length").sum())
    return runs.group_by("symbol").agg(stale_bars=stale.sum(), stale_run_max=pl.col("length").max(), zero_volume=share)
