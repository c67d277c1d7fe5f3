"""What an equity curve tells: its days, months and drawdowns, and what holding the instruments would have made."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from alpha_panda.backtest.bars import Rows
from alpha_panda.data.columns import IST_TIME
from alpha_panda.data.events import EventArray
from alpha_panda.units import DAY_NS


def daily_returns(equity: pl.DataFrame, initial: float) -> pl.DataFrame:
    """Return `date` and `return` of each IST day of an equity frame; the first is over the `initial` capital.

    A day that began with nothing left, or with debts, has no return, and no row.
    """
    # No market opens before nine, so a snapshot of the small hours still shows the day before.
    day = pl.col("time").dt.offset_by("-9h").dt.date()
    closes = equity.group_by(date=day, maintain_order=True).agg(pl.col("equity").last())
    days = closes.with_columns(before=pl.col("equity").shift(1, fill_value=initial)).filter(pl.col("before") > 0.0)
    return days.select("date", (pl.col("equity") / pl.col("before") - 1.0).alias("return"))


def monthly_returns(daily: pl.DataFrame) -> pl.DataFrame:
    """Return `year`, `month` and `return` of each month of a frame of daily returns, compounded."""
    compounded = (1.0 + pl.col("return")).product() - 1.0
    months = daily.group_by(
        pl.col("date").dt.year().alias("year"), pl.col("date").dt.month().alias("month"), maintain_order=True
    )
    return months.agg(compounded.alias("return"))


def drawdowns(equity: pl.DataFrame, initial: float, first_ns: int) -> pl.DataFrame:
    """Return every fall of an equity frame from a peak until the peak was reached again, in order of time.

    `peak`, `trough` and `recovery` are instants, the last null for a fall still open at the end. `depth` is the share
    of the peak that was lost at the trough, `days` are calendar days from the peak to the recovery or to the end. The
    curve begins with the `initial` capital at `first_ns`; what happened between two snapshots is not in it.
    """
    begin = pl.DataFrame({"time": pl.Series([first_ns]).cast(IST_TIME), "equity": [initial]})
    rows = pl.concat([begin, equity.select("time", "equity")])
    at_peak = pl.col("equity") == pl.col("equity").cum_max()
    # A row at the peak begins a stretch, and the rows below it belong to it.
    stretches = rows.group_by(stretch=at_peak.cum_sum(), maintain_order=True).agg(
        peak=pl.col("time").first(),
        trough=pl.col("time").get(pl.col("equity").arg_min()),
        depth=1.0 - pl.col("equity").min() / pl.col("equity").first(),
    )
    recovery = pl.col("peak").shift(-1)
    lasted = recovery.fill_null(rows["time"][-1]) - pl.col("peak")
    return (
        stretches.with_columns(recovery=recovery, days=lasted.dt.total_nanoseconds() / DAY_NS)
        .filter(pl.col("depth") > 0.0)
        .select("peak", "trough", "recovery", "depth", "days")
    )


def benchmark_frame(
    events: EventArray, instruments: Sequence[Rows], equity: pl.DataFrame, initial: float
) -> pl.DataFrame:
    """Return `time` and `equity`, at the times of an equity frame, of capital put into instruments and left there.

    `instruments` has the rows of each one's events. The same share of the `initial` capital goes into each at its first
    price, in fractions of a share and without charges; until then it is cash. One that never has a price is left out,
    and without any the capital stays what it is.
    """
    times_ns = equity["time"].to_physical().to_numpy()
    priced = [rows for rows in instruments if len(rows)]
    worth = np.zeros(len(times_ns)) if priced else np.ones(len(times_ns))
    for rows in priced:
        closes = events["close_e4"][rows]
        ratios = np.concatenate([[1.0], closes / closes[:1]])
        worth += ratios[np.searchsorted(events["time_ns"][rows], times_ns, side="right")]
    return equity.select("time", pl.Series("equity", initial * worth / max(len(priced), 1)))
