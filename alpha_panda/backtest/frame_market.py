"""Bars in a Polars frame as the events of a run, and where each row's decisions enter it."""

import datetime
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from alpha_panda.data.columns import Integers, counts, prices_e4, rows_by_symbol, times_ns
from alpha_panda.data.events import EventArray, bars, in_order, sessions_around, validate, with_clocks
from alpha_panda.errors import DataError
from alpha_panda.instruments import Instrument, Universe, share_tick_e4, unlisted_token
from alpha_panda.kernels.records import CLOCK
from alpha_panda.sessions import at_day_close, day_calendar, sessions
from alpha_panda.units import DAY_NS, ist_date, ist_time_ns

Booleans = npt.NDArray[np.bool_]

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
    return FrameMarket(known, events, instrument, time_ns, _clocks_after(events, time_ns), daily)


def heard(market: FrameMarket, said: Booleans) -> FrameMarket:
    """Return the market in which what some rows have `said` is heard while their instrument can be traded.

    An order ends with its session. Where the instrument's next bar lies in a later one, for it did not trade in
    between, the order would end before that bar and nobody would make it again: it is made when that session opens.
    """
    time_ns, next_ns = market.time_ns.copy(), _next_ns(market)
    calendar_of = np.array([item.calendar for item in market.universe])[market.instrument]
    for calendar in sorted({item.calendar for item in market.universe}):
        own = np.flatnonzero(said & (next_ns > 0) & (calendar_of == calendar))
        if len(own):
            known = sessions(calendar, ist_date(int(time_ns[own].min())), ist_date(int(next_ns[own].max())))
            asked, met = (np.searchsorted(known["close_ns"], at, "right") for at in (time_ns[own], next_ns[own] - 1))
            time_ns[own] = np.where(asked < met, known["open_ns"][met], time_ns[own])
    if (time_ns == market.time_ns).all():
        return market
    opens = np.zeros(len(time_ns), market.events.dtype)
    opens["time_ns"], opens["kind"] = time_ns, CLOCK
    events = with_clocks(in_order(np.concatenate([market.events, opens[time_ns > market.time_ns]])))
    return market._replace(events=events, time_ns=time_ns, clock=_clocks_after(events, time_ns))


def _next_ns(market: FrameMarket) -> Integers:
    """Return the time of the next bar of each row's instrument, 0 for none."""
    order = np.lexsort((market.time_ns, market.instrument))
    times_ns, instrument = market.time_ns[order], market.instrument[order]
    next_ns = np.zeros(len(order), np.int64)
    next_ns[order[:-1]] = np.where(instrument[1:] == instrument[:-1], times_ns[1:], 0)
    return next_ns


def _clocks_after(events: EventArray, times_ns: Integers) -> Integers:
    """Return the first clock that strikes at each time or after it."""
    clocks = np.flatnonzero(events["kind"] == CLOCK)
    return clocks[np.searchsorted(events["time_ns"][clocks], times_ns)]


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
