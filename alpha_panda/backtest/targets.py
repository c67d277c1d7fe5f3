"""What a frame's rows ask for, entries and exits or weights, as the signals of the chain: targets by event.

A row's answer becomes known with its bar, so its signal stands at the clock that follows all bars of its time; what it
orders meets the next bar. Within one instant, what reduces comes before what adds.
"""

from typing import cast

import numpy as np
import numpy.typing as npt
import polars as pl

from alpha_panda.backtest.frame_market import FrameMarket
from alpha_panda.data.columns import Integers, column, from_first, rows_by_symbol, shown
from alpha_panda.errors import DataError
from alpha_panda.kernels.records import SIGNAL, Records

Asked = str | pl.Expr | pl.Series
"""A figure for each row: a column by its name, an expression, evaluated for each symbol by itself, or a Series.

An expression with windows (`.over`) of its own is evaluated over the whole frame, as it is written.
"""

Booleans = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

_ROUNDING = 1e-9
"""By how much weights may add up to more than 1."""


# ── Entries and exits ────────────────────────────────────────────────────────────────────────────────────────────────


def entry_targets(
    frame: pl.DataFrame, entries: Asked, exits: Asked | None, short_entries: Asked | None, short_exits: Asked | None
) -> Floats:
    """Return the target of each row, 1 long, -1 short, 0 flat; NaN where it is that of the row before.

    An entry stands until its exit or an entry to the other side. A row that says both an entry and its exit, or both
    entries, says neither. Raises DataError for what is not a Boolean for each row.
    """
    long_in, long_out = _flags(frame, "entries", entries), _flags(frame, "exits", exits)
    short_in, short_out = _flags(frame, "short_entries", short_entries), _flags(frame, "short_exits", short_exits)
    long_in, long_out = long_in & ~long_out, long_out & ~long_in
    short_in, short_out = short_in & ~short_out, short_out & ~short_in
    long_in, short_in = long_in & ~short_in, short_in & ~long_in
    targets = np.full(len(frame), np.nan)
    for _, rows in rows_by_symbol(frame):
        long = _held(long_in[rows], (long_out | short_in)[rows])
        short = _held(short_in[rows], (short_out | long_in)[rows])
        held = long.astype(np.float64) - short
        changed = np.diff(held, prepend=0.0) != 0.0
        targets[rows[changed]] = held[changed]
    return targets


def _held(begins: Booleans, ends: Booleans) -> Booleans:
    """Return whether the last thing that was said up to each row is that it begins."""
    said = np.where(begins | ends, np.arange(len(begins)), -1)
    latest = np.maximum.accumulate(said)
    return (latest >= 0) & begins[latest]


def _flags(frame: pl.DataFrame, name: str, asked: Asked | None) -> Booleans:
    if asked is None:
        return np.zeros(len(frame), np.bool_)
    answers = _answers(frame, name, asked)
    if answers.dtype != pl.Boolean:
        raise DataError(f"{name} are {answers.dtype}: give true or false for each row, such as pl.col('close') > 100")
    known = answers.is_not_null().to_numpy()
    for symbol, rows in rows_by_symbol(frame):
        try:
            from_first(symbol, rows, known[rows])
        except DataError as error:
            raise DataError(f"{name}: {error}") from None
    return answers.fill_null(value=False).to_numpy()


# ── Weights ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def weight_targets(frame: pl.DataFrame, weights: Asked | pl.DataFrame) -> Floats:
    """Return the weight that each row gives its instrument, NaN where it gives none.

    Raises DataError for what is not a share between -1 and 1.
    """
    answers = _joined(frame, weights) if isinstance(weights, pl.DataFrame) else _answers(frame, "weights", weights)
    if not answers.dtype.is_numeric():
        raise DataError(f"weights are {answers.dtype}: give a share of the equity for each row")
    given = answers.is_not_null().to_numpy()
    targets = answers.cast(pl.Float64).to_numpy()
    wrong = given & ~(np.abs(targets) <= 1.0)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(f"weights: row {row} has {targets[row]}: give a share from -1 to 1, or null to keep the last")
    return targets


def refuse_borrowing(market: FrameMarket, weights: Floats) -> None:
    """Raise DataError naming the first time at which the weights that stand are more than 1 in all, signs aside.

    That would be borrowed money.
    """
    given = np.flatnonzero(~np.isnan(weights))
    by_instrument = given[np.lexsort((market.time_ns[given], market.instrument[given]))]
    sizes = np.abs(weights[by_instrument])
    times_ns, changes = market.time_ns[by_instrument], sizes - _before(sizes, market.instrument[by_instrument])
    order = np.argsort(times_ns, kind="stable")
    totals, times_ns = np.cumsum(changes[order]), times_ns[order]
    settled = np.append(times_ns[1:] > times_ns[:-1], np.ones(min(len(order), 1), np.bool_))
    over = settled & (totals > 1.0 + _ROUNDING)
    if over.any():
        first = int(np.argmax(over))
        time = shown(int(times_ns[first]))
        raise DataError(f"the weights that stand at {time} add up to {totals[first]:.6g}: keep them within 1 in all")


def _joined(frame: pl.DataFrame, weights: pl.DataFrame) -> pl.Series:
    """Return the weight of each row from a frame of weights; DataError for a weight of no bar, or of one twice."""
    keys = [name for name in ("symbol", "time", "date") if name in frame.columns]
    for name in (*keys, "weight"):
        column(weights, name)
    try:
        rows = frame.select(keys).join(
            weights.with_columns(_of_bar=pl.lit(value=True)), on=keys, how="left", maintain_order="left", validate="m:1"
        )
    except pl.exceptions.PolarsError as error:
        raise DataError(f"weights: {error}") from None
    strays = weights.join(frame, on=keys, how="anti")
    if len(strays):
        raise DataError(f"weights: there is no bar of {', '.join(str(strays[name][0]) for name in keys)}")
    return rows["weight"]


# ── Both ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def signals_of(market: FrameMarket, targets: Floats) -> Records:
    """Return a signal for each row that has a target, in the order in which the account hears them."""
    said = np.flatnonzero(~np.isnan(targets))
    signals = np.zeros(len(said), SIGNAL)
    signals["time_ns"] = market.time_ns[said]
    signals["event_index"] = market.clock[said]
    signals["instrument"] = market.instrument[said]
    signals["target"] = targets[said]
    adds = _adds(signals)
    return signals[np.lexsort((signals["instrument"], adds, signals["event_index"]))]


def _adds(signals: Records) -> Booleans:
    """Return which signals ask for more than the last of their instrument, or for the other side."""
    order = np.lexsort((signals["event_index"], signals["instrument"]))
    targets, instruments = signals["target"][order], signals["instrument"][order]
    before = _before(targets, instruments)
    adds = np.empty(len(signals), np.bool_)
    adds[order] = (np.abs(targets) > np.abs(before)) | (targets * before < 0)
    return adds


def _before(figures: Floats, instruments: Integers) -> Floats:
    """Return the figure before each, 0 for the first of an instrument; those of one instrument stand together."""
    return np.where(np.diff(instruments, prepend=-1) == 0, np.roll(figures, 1), 0.0)


def _answers(frame: pl.DataFrame, name: str, asked: Asked) -> pl.Series:
    """Return one value for each row; DataError for another number of them, and for an expression that fails."""
    if isinstance(asked, str):
        return column(frame, asked)
    if isinstance(asked, pl.Expr):
        return _evaluated(frame, name, asked)
    if not isinstance(cast(object, asked), pl.Series):
        raise DataError(f"{name} are a {type(asked).__name__}: give a column's name, an expression or a Series")
    if len(asked) != len(frame):
        raise DataError(f"{name} have {len(asked)} values for {len(frame)} bars: give one for each row")
    return asked


def _evaluated(frame: pl.DataFrame, name: str, asked: pl.Expr) -> pl.Series:
    windowed = ".over(" in str(asked)
    each = asked.over("symbol") if "symbol" in frame.columns and not windowed else asked
    try:
        return frame.with_columns(each.alias(name))[name]
    except (pl.exceptions.PolarsError, DataError) as error:
        raise DataError(f"{name} cannot be evaluated: {str(error).splitlines()[0]}") from None
