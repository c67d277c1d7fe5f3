"""The rules of an event array, and the only places that build one.

An event array is of dtype EVENT, in the order in which the chain sees it: times never decrease. A catalog lays events
out by (time_ns, instrument); a clock of time T comes after every event up to T.
"""

import numpy as np
import numpy.typing as npt

from alpha_panda.errors import EventError
from alpha_panda.instruments import Universe
from alpha_panda.kernels.records import BAR, CLOCK, EVENT, TICK, Records
from alpha_panda.sessions import SessionArray, inside
from alpha_panda.units import DAY_NS, E4, IST_OFFSET_NS, PRICE_E4_MAX, SECOND_NS, ist_date, ist_datetime

EventArray = Records  # of dtype EVENT
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

_CHUNK = 1 << 14  # rows checked at once, so that they stay in the processor's cache
_FIGURES = ("open_e4", "high_e4", "low_e4", "close_e4", "volume", "bid_e4", "ask_e4", "open_interest")


def validate(events: EventArray, universe: Universe | None = None) -> None:
    """Raise EventError naming a row that breaks a rule of the chain, its instrument and the rule.

    With `universe`, every event must also be of one of its instruments, under that instrument's own token.
    """
    if events.dtype != EVENT:
        raise EventError(f"an event array has the dtype EVENT, not {events.dtype}")
    times = events["time_ns"]
    backwards = times[1:] < times[:-1]
    if backwards.any():
        _refuse(events, int(np.argmax(backwards)) + 1, "its time lies before that of the row above", universe)
    for start in range(0, len(events), _CHUNK):
        for broken, rule in _offences(events[start : start + _CHUNK], universe):
            if broken.any():
                _refuse(events, start + int(np.argmax(broken)), rule, universe)
    _refuse_repeated_bars(events, universe)


def _offences(chunk: EventArray, universe: Universe | None) -> list[tuple[Booleans, str]]:
    """Return, for each rule, which rows of `chunk` break it."""
    opens, highs, lows, closes = (chunk[field].copy() for field in ("open_e4", "high_e4", "low_e4", "close_e4"))
    clock, tick = chunk["kind"] == CLOCK, chunk["kind"] == TICK
    market = ~clock
    lower, upper = np.minimum(opens, closes), np.maximum(opens, closes)
    return [
        (market & ~tick & (chunk["kind"] != BAR), "its kind is none of TICK, BAR and CLOCK"),
        (market & _elsewhere(chunk, universe), "its instrument is not of this run, or has another token"),
        (market & (np.minimum(lower, np.minimum(highs, lows)) <= 0), "a price is not positive"),
        (market & (np.maximum(upper, np.maximum(highs, lows)) > PRICE_E4_MAX), "a price is above one crore rupees"),
        (market & ((lows > lower) | (highs < upper)), "open and close do not lie between low and high"),
        (tick & (lows != highs), "a tick has one price, so its open, high, low and close are equal"),
        (chunk["volume"] < 0, "its volume is negative"),
        (_not_a_quote(chunk["bid_e4"]) | _not_a_quote(chunk["ask_e4"]), "bid or ask is not a price, nor 0 for unknown"),
        (chunk["open_interest"] < 0, "its open interest is negative"),
        (clock & _not_blank(chunk), "a clock carries only its time"),
    ]


def _not_a_quote(prices_e4: Integers) -> Booleans:
    return (prices_e4 < 0) | (prices_e4 > PRICE_E4_MAX)


def _elsewhere(chunk: EventArray, universe: Universe | None) -> Booleans:
    index = chunk["instrument"]
    if universe is None:
        return index < 0
    known = universe.tokens[np.clip(index, 0, len(universe) - 1)]
    return (index < 0) | (index >= len(universe)) | (known != chunk["instrument_token"])


def _not_blank(chunk: EventArray) -> Booleans:
    figures = (chunk[field] != 0 for field in ("instrument_token", "instrument", *_FIGURES))
    return np.logical_or.reduce(list(figures))


def _refuse_repeated_bars(events: EventArray, universe: Universe | None) -> None:
    """Raise EventError where an instrument has two bars of one time, which nothing could tell apart."""
    rows = np.flatnonzero(events["kind"] == BAR)
    times, instruments = events["time_ns"][rows], events["instrument"][rows]
    rising = (times[1:] > times[:-1]) | ((times[1:] == times[:-1]) & (instruments[1:] > instruments[:-1]))
    if rising.all():
        return
    order = np.lexsort((instruments, times))
    times, instruments = times[order], instruments[order]
    repeated = (times[1:] == times[:-1]) & (instruments[1:] == instruments[:-1])
    if repeated.any():
        _refuse(events, int(rows[order[1:][repeated].min()]), "its instrument already has a bar of this time", universe)


def _refuse(events: EventArray, row: int, rule: str, universe: Universe | None) -> None:
    event = events[row]
    index, moment = int(event["instrument"]), ist_datetime(event["time_ns"])
    known = universe is not None and 0 <= index < len(universe)
    name = universe[index].symbol if universe is not None and known else f"instrument {index}"
    if event["kind"] == CLOCK:
        name = "a clock"
    figures = ", ".join(f"{field} {event[field]}" for field in ("instrument_token", *_FIGURES))
    raise EventError(f"row {row}, {name} at {moment:%Y-%m-%d %H:%M:%S.%f} IST: {rule}; it has {figures}")


def sessions_around(universe: Universe, events: EventArray, advice: str) -> SessionArray:
    """Return the sessions of the days of these events, which are in order of time and not none.

    Raises EventError naming an event outside the sessions of its instrument, which no strategy would ever see, and
    ending in `advice`.
    """
    instruments, table = universe.records(ist_date(events["time_ns"][0]), ist_date(events["time_ns"][-1]))
    outside = _outside(instruments, table, events)
    if outside.any():
        event = events[outside][0]
        found = universe[int(event["instrument"])]
        raise EventError(
            f"{found.symbol} has an event at {ist_datetime(event['time_ns']):%Y-%m-%d %H:%M:%S} IST, "
            f"when {found.calendar} is closed: {advice}"
        )
    return table


def outside_sessions(universe: Universe, events: EventArray) -> Booleans:
    """Return which of these events, bars and ticks in order of time, lie outside the sessions of their instruments."""
    if not len(events):
        return np.zeros(0, dtype=np.bool_)
    return _outside(*universe.records(ist_date(events["time_ns"][0]), ist_date(events["time_ns"][-1])), events)


def _outside(instruments: Records, table: SessionArray, events: EventArray) -> Booleans:
    happened_ns = events["time_ns"] - (events["kind"] == BAR)  # a bar known at the close happened before it
    outside = np.zeros(len(events), dtype=np.bool_)
    for start, stop in set(zip(instruments["sessions_start"], instruments["sessions_stop"], strict=True)):
        of_calendar = (instruments["sessions_start"] == start)[events["instrument"]]
        outside |= of_calendar & ~inside(table[start:stop], happened_ns)
    return outside


def bars(
    universe: Universe,
    time_ns: npt.ArrayLike,
    instrument: npt.ArrayLike,
    open_e4: npt.ArrayLike,
    high_e4: npt.ArrayLike,
    low_e4: npt.ArrayLike,
    close_e4: npt.ArrayLike,
    volume: npt.ArrayLike,
) -> EventArray:
    """Return one BAR event per row, in the order given; `time_ns` is the bar's close."""
    events = _events(universe, time_ns, instrument, BAR)
    events["open_e4"], events["high_e4"], events["low_e4"], events["close_e4"] = open_e4, high_e4, low_e4, close_e4
    events["volume"] = volume
    return events


def ticks(
    universe: Universe,
    time_ns: npt.ArrayLike,
    instrument: npt.ArrayLike,
    price_e4: npt.ArrayLike,
    volume: npt.ArrayLike,
    bid_e4: npt.ArrayLike = 0,
    ask_e4: npt.ArrayLike = 0,
    open_interest: npt.ArrayLike = 0,
) -> EventArray:
    """Return one TICK event per row, in the order given; `volume` is what traded since the tick before."""
    events = _events(universe, time_ns, instrument, TICK)
    for field in ("open_e4", "high_e4", "low_e4", "close_e4"):
        events[field] = price_e4
    events["volume"], events["bid_e4"], events["ask_e4"] = volume, bid_e4, ask_e4
    events["open_interest"] = open_interest
    return events


def _events(universe: Universe, time_ns: npt.ArrayLike, instrument: npt.ArrayLike, kind: int) -> EventArray:
    times = np.asarray(time_ns, dtype=np.int64)
    events = np.zeros(times.shape, dtype=EVENT)
    events["time_ns"], events["kind"], events["instrument"] = times, kind, instrument
    events["instrument_token"] = universe.tokens[events["instrument"]]
    return events


def in_order(events: EventArray) -> EventArray:
    """Return `events` by (time_ns, instrument), clocks after everything of their time, otherwise as they stood."""
    order = np.lexsort((events["instrument"], events["kind"] == CLOCK, events["time_ns"]))
    return events.take(order)


def with_clocks(events: EventArray, sessions: SessionArray | None = None) -> EventArray:
    """Return `events` with the clocks that a catalog adds, each after all events up to its time.

    Bars bring one clock at each distinct time. Ticks bring one at each whole second of an IST day, from the first tick
    of that day (rounded up to a second) to the last; with `sessions`, on to the last close of that day, so that its
    last bar closes and its timers fire. Clocks that are already there stay, one for each time: applying this twice
    changes nothing. `events` must be in order of time.
    """
    clock = events["kind"] == CLOCK
    market = events[~clock] if clock.any() else events
    bar = market["kind"] == BAR
    tick_times = market["time_ns"][market["kind"] == TICK]
    times = [events["time_ns"][clock], _distinct(market["time_ns"][bar]), _seconds(tick_times, sessions)]
    clock_times = np.unique(np.concatenate(times))
    place = np.searchsorted(market["time_ns"], clock_times, side="right") + np.arange(len(clock_times))
    merged = np.zeros(len(market) + len(clock_times), dtype=EVENT)
    is_clock = np.zeros(len(merged), dtype=np.bool_)
    is_clock[place] = True
    merged[~is_clock] = market
    merged["time_ns"][place], merged["kind"][place] = clock_times, CLOCK
    return merged


def _distinct(times: Integers) -> Integers:
    """Return times that are in order without repeats, in one pass."""
    return times[np.diff(times, prepend=times[:1] - 1) != 0]


def _seconds(tick_times: Integers, sessions: SessionArray | None) -> Integers:
    """Return the whole seconds that a clock strikes over these ticks, day by day."""
    if not len(tick_times):
        return np.empty(0, dtype=np.int64)
    days, first_rows = np.unique((tick_times + IST_OFFSET_NS) // DAY_NS, return_index=True)
    first = _rounded_up(tick_times[first_rows])
    last = _rounded_up(tick_times[np.append(first_rows[1:], len(tick_times)) - 1])
    if sessions is not None and len(sessions):
        closes = np.sort(sessions["close_ns"])
        of_day = np.searchsorted((closes + IST_OFFSET_NS) // DAY_NS, days, side="right") - 1
        # Where the day has no session this is an earlier close, or with -1 none at all, and the last tick decides.
        last = np.maximum(last, np.where(of_day >= 0, closes[of_day], last))
    stretches = [_every_second(start, stop) for start, stop in zip(first.tolist(), last.tolist(), strict=True)]
    return np.concatenate(stretches)


def _every_second(first_ns: int, last_ns: int) -> Integers:
    return np.arange(first_ns, last_ns + 1, SECOND_NS, dtype=np.int64)


def _rounded_up(times_ns: Integers) -> Integers:
    return -(-times_ns // SECOND_NS) * SECOND_NS


def prices_to_e4(rupees: npt.ArrayLike) -> Integers:
    """Return prices in rupees as E4, rounded at the fourth decimal.

    Raises EventError naming the first that is not a number, not positive, or above one crore rupees.
    """
    prices = np.asarray(rupees, dtype=np.float64)
    possible = (prices > 0) & (prices <= PRICE_E4_MAX / E4)  # false for what is not a number
    if not possible.all():
        row = int(np.argmin(possible))
        raise EventError(f"row {row} has the price {prices[row]}, which is not a price between 0 and one crore rupees")
    scaled = np.rint(prices * E4).astype(np.int64)
    if (scaled == 0).any():
        row = int(np.argmin(scaled))
        raise EventError(f"row {row} has the price {prices[row]}, which is less than a hundredth of a paisa")
    return scaled
