"""Trades from fills: what happened in one book from leaving flat until flat again.

A fill that takes a book through flat ends one trade and begins another; its charges belong to the one that it ends.
Then profits add up to the ledger's: over closed books, net = realised - charges, to the last digit.
"""

from collections.abc import Sequence

import polars as pl

from alpha_panda.backtest.bars import Rows
from alpha_panda.backtest.excursions import excursions
from alpha_panda.backtest.frames import Names, named, rupees, worded
from alpha_panda.data.columns import IST_TIME
from alpha_panda.data.events import EventArray
from alpha_panda.kernels.records import NO_GUARD, Records
from alpha_panda.words import WORDS

_BOOK = ("strategy", "instrument")
_EXIT_REASONS = {**WORDS["guard"], NO_GUARD: "signal"}


def trades_frame(fills: Records, names: Names, events: EventArray, instruments: Sequence[Rows]) -> pl.DataFrame:
    """Return the closed trades, in the order in which they closed.

    `quantity` is all that was bought into the trade, or sold into a short one; `gross` is before charges, `return` is
    after them, a fraction of what was paid at the entry. `mae` and `mfe` are how far the price went against and for the
    trade, as fractions of the entry price, by the events whose rows `instruments` has. The reason of an exit is the
    guard that made it, or a signal.
    """
    closed = _closed(_legs(fills)).with_columns(net_e4=pl.col("gross_e4") - pl.col("charges_e4"))
    # Polars divides by a constant as it multiplies by the inverse, which would show 21.9 as 21.900000000000002.
    prices = [rupees(name, closed[name].to_numpy()) for name in ("entry_price", "exit_price")]
    money = [rupees(name, closed[f"{name}_e4"].to_numpy()) for name in ("gross", "charges", "net")]
    rows = closed.select(
        pl.when(pl.col("direction") > 0).then(pl.lit("long")).otherwise(pl.lit("short")).alias("side"),
        pl.col("quantity"),
        pl.col("entry_ns").cast(IST_TIME).alias("entry_time"),
        pl.col("exit_ns").cast(IST_TIME).alias("exit_time"),
        *prices,
        *money,
        (pl.col("net_e4") / (pl.col("entry_price") * pl.col("quantity"))).alias("return"),
        (pl.col("exit_ns") - pl.col("entry_ns")).cast(pl.Duration("ns")).alias("held"),
    ).hstack(excursions(closed, events, instruments))
    return rows.insert_column(0, named("strategy", closed["strategy"].to_numpy(), names.strategies)).select(
        "strategy",
        named("symbol", closed["instrument"].to_numpy(), names.symbols),
        pl.exclude("strategy"),
        worded("exit_reason", closed["guard"].to_numpy(), _EXIT_REASONS),
    )


def _legs(fills: Records) -> pl.DataFrame:
    """Return each fill as what it moved in one trade; one that crosses flat as two rows, for the two trades."""
    fields = ("time_ns", "strategy", "instrument", "price_e4", "realised_e4", "position", "guard")
    frame = pl.DataFrame({field: fills[field].copy() for field in fields}).with_columns(
        pl.Series("moved", fills["side"] * fills["quantity"]),
        pl.Series("charges_e4", fills["charges"]["total_e4"].copy()),
    )
    frame = frame.with_row_index("row").with_columns(before=pl.col("position") - pl.col("moved"))
    crosses = pl.col("before").sign() * pl.col("position").sign() < 0
    first = frame.with_columns(
        begins=pl.col("before") == 0,
        moved=pl.when(crosses).then(-pl.col("before")).otherwise("moved"),
        position=pl.when(crosses).then(0).otherwise("position"),
    )
    second = frame.filter(crosses).with_columns(
        begins=pl.lit(value=True),
        moved=pl.col("position"),
        realised_e4=pl.lit(0, pl.Int64),
        charges_e4=pl.lit(0, pl.Int64),
    )
    legs = pl.concat([first, second]).sort("row", maintain_order=True)
    return legs.with_columns(trade=pl.col("begins").cum_sum().over(_BOOK))


def _closed(legs: pl.DataFrame) -> pl.DataFrame:
    """Return one row per trade that is flat again, in the order of closing; average prices are in E4."""
    enters = pl.col("moved").sign() == pl.col("moved").first().sign()
    size, worth = pl.col("moved").abs(), pl.col("price_e4").cast(pl.Float64) * pl.col("moved").abs()
    trades = legs.group_by(*_BOOK, "trade", maintain_order=True).agg(
        direction=pl.col("moved").first().sign(),
        quantity=size.filter(enters).sum(),
        entry_ns=pl.col("time_ns").first(),
        exit_ns=pl.col("time_ns").last(),
        entry_price=worth.filter(enters).sum() / size.filter(enters).sum(),
        exit_price=worth.filter(~enters).sum() / size.filter(~enters).sum(),
        gross_e4=pl.col("realised_e4").sum(),
        charges_e4=pl.col("charges_e4").sum(),
        guard=pl.col("guard").last(),
        position=pl.col("position").last(),
        closing_row=pl.col("row").last(),
    )
    return trades.filter(pl.col("position") == 0).sort("closing_row")
