"""Bars in a Polars frame as the events of a run, and where each row's decisions enter it."""

import datetime
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import polars as pl

from alpha_panda.data.columns import Integers, counts, prices_e4, rows_by_symbol, times_ns
from alpha_panda.data.events import EventArray, bars, in_order, sessions_around, validate, with_clocks
from alpha_panda.errors import DataError
from alpha_panda.instruments import Instrument, Universe, share_tick_e4, unlisted_token
from alpha_panda.kernels.records import CLOCK
from alpha_panda.sessions import at_day_close, day_calendar
from alpha_panda.units import DAY_NS, ist_date, ist_time_ns

_ALONE = "NSE:SHARE"
"""What bars without a symbol are of."""

_ADVICE = "the time of a bar is its close, so add its length to times at which bars open, and leave out the rest"


class FrameMarket(NamedTuple):
    """The rows of a frame as events."""

    universe: Universe
    events: EventArray
    instrument: Integers  # of each row, its position in the universe
    time_ns: Integers  # of each row
    clock: Integers  # of each row, the clock that follows all bars of its time
    daily: bool


def market_of(frame: pl.DataFrame, universe: Universe | None) -> FrameMarket:
    """Return the bars of a frame as events, with clocks.

    The frame has `open`, `high`, `low` and `close` in rupees, perhaps `volume`, perhaps `symbol` (without an exchange
    NSE's), and either `time`, when each bar closed, or `date`, which stands for the end of the exchange's day. Symbols
    that `universe` does not hold are refused; without one they are shares whose tick follows from their last price.
    Raises DataError or EventError for what no events can be made of.
    """
    if not len(frame):
        raise DataError("the frame of bars has no row")
    daily = _is_daily(frame)
    symbols, rows_of = _rows_of(frame, universe)
    open_e4, high_e4, low_e4, close_e4 = (prices_e4(frame, name) for name in ("open", "high", "low", "close"))
    volume = counts(frame, "volume") if "volume" in frame.columns else np.zeros(len(frame), np.int64)
    known = universe or Universe(_share(symbol, frame, rows) for symbol, rows in zip(symbols, rows_of, strict=True))
    if daily:
        known = Universe(replace(item, calendar=day_calendar(item.calendar)) for item in known)
    instrument = np.empty(len(frame), np.int64)
    for symbol, own in zip(symbols, rows_of, strict=True):
        instrument[own] = known.index_of(symbol)
    time_ns = _day_closes(frame, known, instrument) if daily else times_ns(frame)
    rows = in_order(bars(known, time_ns, instrument, open_e4, high_e4, low_e4, close_e4, volume))
    validate(rows, known)
    sessions_around(known, rows, _ADVICE)
    events = with_clocks(rows)
    clocks = np.flatnonzero(events["kind"] == CLOCK)
    clock = clocks[np.searchsorted(events["time_ns"][clocks], time_ns)]
    return FrameMarket(known, events, instrument, time_ns, clock, daily)


def _is_daily(frame: pl.DataFrame) -> bool:
    if ("time" in frame.columns) == ("date" in frame.columns):
        raise DataError(f"the frame of bars needs one of time and date: it has {', '.join(frame.columns)}")
    if "time" in frame.columns:
        return False
    dates = frame["date"]
    if dates.dtype != pl.Date:
        raise DataError(f"column date is {dates.dtype}: it holds days, as Date")
    if dates.has_nulls():
        raise DataError(f"column date: row {dates.is_null().arg_max()} has no value: leave out the row")
    return True


def _rows_of(frame: pl.DataFrame, universe: Universe | None) -> tuple[list[str], list[Integers]]:
    """Return the symbols of a frame as instruments have them, and the rows of each."""
    found = list(rows_by_symbol(frame))
    alone = universe.symbols[0] if universe is not None and len(universe) == 1 else _ALONE
    symbols = [symbol if ":" in symbol else f"NSE:{symbol}" if symbol else alone for symbol, _ in found]
    return symbols, [rows for _, rows in found]


def _share(symbol: str, frame: pl.DataFrame, rows: Integers) -> Instrument:
    """Return a share of which nothing is known but its bars."""
    last = int(rows[-1])
    one = frame[last : last + 1]
    date = one["date"][0] if "date" in frame.columns else ist_date(int(times_ns(one)[0]))
    return Instrument(symbol, unlisted_token(symbol), share_tick_e4(int(prices_e4(one, "close")[0]), date))


def _day_closes(frame: pl.DataFrame, universe: Universe, instrument: Integers) -> Integers:
    """Return when the day of each row ends; DataError for a day on which its exchange does not trade."""
    dates = frame["date"]
    midnight_ns = ist_time_ns(datetime.date(1970, 1, 1)) + dates.to_physical().cast(pl.Int64).to_numpy() * DAY_NS
    closes_ns = midnight_ns.copy()
    for index, item in enumerate(universe):
        own = instrument == index
        closes_ns[own] = at_day_close(item.calendar, midnight_ns[own])
        closed = own & (closes_ns == midnight_ns)
        if closed.any():
            raise DataError(
                f"{item.symbol} has a bar of {dates[int(np.argmax(closed))]}, when {item.calendar} is closed"
            )
    return closes_ns
