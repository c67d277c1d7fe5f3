"""Markets made up from a seed, for tests, benchmarks and a first evening without data: the same bytes on every machine.

Only integers are drawn and computed with, since the last bit of a logarithm or of a float sum differs between machines.
The companies do not exist, nor does the exchange SIM; their tokens are negative, so that no order could ever name them.
"""

import datetime
import math
import zlib

import numpy as np
import numpy.typing as npt
from numpy.random import Generator, default_rng

from alpha_panda.data.events import EventArray, bars, in_order, ticks, with_clocks
from alpha_panda.errors import DataError
from alpha_panda.instruments import Instrument, Universe, share_tick_e4, unlisted_token
from alpha_panda.sessions import SessionArray, sessions
from alpha_panda.units import DAY_NS, E4, IST_OFFSET_NS, MINUTE_NS, SECOND_NS

Integers = npt.NDArray[np.int64]

SYMBOLS = (
    "SIM:BAMBOO",
    "SIM:BANYAN",
    "SIM:LOTUS",
    "SIM:MONSOON",
    "SIM:PANDA",
    "SIM:PEACOCK",
    "SIM:SAFFRON",
    "SIM:TIGER",
)
"""Eight companies that do not exist."""

CALENDAR = "NSE_EQ"

_NANO = 1_000_000_000  # returns are integers, in billionths
_DAY_MOVE_NANO = 15_000_000  # the standard deviation of a day, 1.5 %
_FROM_MARKET, _FROM_ITSELF = 6, 8  # tenths of an instrument's movement; their squares add up to one
_BAND_NANO = 180_000_000  # no day leaves the 20 % price band
_GAP_NANO = 8_000_000  # the largest gap at the open, 0.8 % for the market and for an instrument itself
_JUMP_NANO = (2_000_000, 6_000_000)
_TICKS_A_SECOND_MAX = 2.0
_TURNOVER_E4 = 3_000 * E4  # shares traded at once are worth about the same, whatever their price


def synthetic_day(
    date: datetime.date, seed: int, symbols: tuple[str, ...] = SYMBOLS, ticks_a_second: float = 1.0
) -> tuple[Universe, EventArray]:
    """Return one trading day of ticks with quotes at NSE's hours, and a clock each second.

    Each instrument ticks about `ticks_a_second` (at most 2) at irregular times: busiest, most volatile and widest
    quoted near open and close. One market moves all of them, each has noise of its own, an opening gap and a few
    jumps. Prices lie on the tick. Raises DataError where `date` has no session or an argument is out of range.
    """
    if not 0 < ticks_a_second <= _TICKS_A_SECOND_MAX:
        raise DataError(f"{ticks_a_second} ticks a second cannot be made: ask for at most {_TICKS_A_SECOND_MAX}")
    table = sessions(CALENDAR, date, date)
    if not len(table):
        raise DataError(f"{date} is no trading day: choose another date")
    universe = _universe(symbols, date, seed)
    seconds = np.concatenate([_every(SECOND_NS, opens, closes) for opens, closes in table.tolist()])
    activity = _activity(len(seconds))
    market = _returns(_generator(seed, date, "market"), activity, jumps=1)
    made: list[EventArray] = []
    for index, instrument in enumerate(universe):
        generator = _generator(seed, date, instrument.symbol)
        own = _returns(generator, activity, jumps=3)
        moved = np.cumsum((_FROM_MARKET * market + _FROM_ITSELF * own) // 10)
        fair_e4 = _scaled(_reference_e4(instrument.symbol, seed), np.clip(moved, -_BAND_NANO, _BAND_NANO))
        second, time_ns = _arrivals(generator, seconds, activity, ticks_a_second)
        made.append(_trades(generator, universe, index, time_ns, fair_e4[second], activity[second]))
    return universe, with_clocks(in_order(np.concatenate(made)), table)


def synthetic_bars(
    first: datetime.date, last: datetime.date, seed: int, symbols: tuple[str, ...] = SYMBOLS, resolution: str = "1m"
) -> tuple[Universe, EventArray]:
    """Return every one-minute (`1m`) or daily (`1d`) bar from `first` to `last`, with clocks.

    Laid out by (time_ns, instrument). Raises DataError for dates without a session and for another resolution.
    """
    table = sessions(CALENDAR, first, last)
    if not len(table) or resolution not in ("1m", "1d"):
        raise DataError(f"no {resolution} bars can be made from {first} to {last}: give 1m or 1d and a trading day")
    universe = _universe(symbols, first, seed)
    days = _closes_by_day(table, resolution)
    columns = _bar_columns(universe, [len(day) for day in days], seed)
    time_ns = np.repeat(np.concatenate(days), len(universe))
    instrument = np.tile(np.arange(len(universe)), len(time_ns) // len(universe))
    return universe, with_clocks(bars(universe, time_ns, instrument, *(column.reshape(-1) for column in columns)))


def synthetic_symbols(count: int) -> tuple[str, ...]:
    """Return `count` symbols of companies that do not exist, `SIM:C0000` and on."""
    return tuple(f"SIM:C{number:04d}" for number in range(count))


# ── Companies and chance ─────────────────────────────────────────────────────────────────────────────────────────────


def _universe(symbols: tuple[str, ...], date: datetime.date, seed: int) -> Universe:
    if seed < 0:
        raise DataError(f"{seed} cannot be a seed: give 0 or a positive integer")
    ticks_e4 = (share_tick_e4(_reference_e4(symbol, seed), date) for symbol in symbols)
    return Universe(
        Instrument(symbol, unlisted_token(symbol), tick_e4, calendar=CALENDAR, name="fictional")
        for symbol, tick_e4 in zip(symbols, ticks_e4, strict=True)
    )


def _reference_e4(symbol: str, seed: int) -> int:
    """Return the price around which a company trades, 100 to 3,000 rupees."""
    return int(_generator(seed, datetime.date.min, symbol).integers(100, 3_000)) * E4


def _generator(seed: int, date: datetime.date, label: str) -> Generator:
    """Return a stream of its own for each (seed, date, label), so that nothing drawn elsewhere shifts it."""
    return default_rng([seed, date.toordinal(), zlib.crc32(label.encode())])


def _activity(length: int) -> Integers:
    """Return how lively the market is over a day, in thousandths: 1,000 in the middle, 4,000 at open and close."""
    from_middle = np.abs(2 * np.arange(length, dtype=np.int64) - (length - 1))
    return 1_000 + 3_000 * from_middle**2 // max(length - 1, 1) ** 2


def _noise(generator: Generator, shape: tuple[int, ...]) -> Integers:
    """Return bell-shaped integers, the sum of four uniform ones, of standard deviation 1,000."""
    return sum((generator.integers(-866, 867, shape) for _ in range(4)), start=np.zeros(shape, dtype=np.int64))


def _every(step_ns: int, first_ns: int, stop_ns: int) -> Integers:
    return np.arange(first_ns, stop_ns, step_ns, dtype=np.int64)


def _scaled(price_e4: int | Integers, return_nano: Integers) -> Integers:
    return price_e4 * (_NANO + return_nano) // _NANO


# ── One day of ticks ─────────────────────────────────────────────────────────────────────────────────────────────────


def _returns(generator: Generator, activity: Integers, jumps: int) -> Integers:
    """Return what happens in each second of a day: noise, the gap at the open, and some jumps."""
    second_move = _DAY_MOVE_NANO // math.isqrt(len(activity))
    returns = _noise(generator, activity.shape) * second_move // 1_000 * (activity + 2_000) // 4_000
    returns[0] += generator.integers(-_GAP_NANO, _GAP_NANO + 1)
    sides = 2 * generator.integers(0, 2, jumps) - 1
    np.add.at(returns, generator.integers(0, len(activity), jumps), sides * generator.integers(*_JUMP_NANO, jumps))
    return returns


def _arrivals(
    generator: Generator, seconds: Integers, activity: Integers, ticks_a_second: float
) -> tuple[Integers, Integers]:
    """Return the second of the day and the time of each tick: up to four in a second, each at a random microsecond."""
    chance = round(ticks_a_second * 1_000) * activity  # in eight millionths: the activity of a day is 2,000 on average
    arrived = generator.integers(0, 8_000_000, (len(seconds), 4)) < chance[:, None]
    second = np.repeat(np.arange(len(seconds)), arrived.sum(axis=1))
    time_ns = np.sort(seconds[second] + generator.integers(0, 1_000_000, len(second)) * 1_000)
    return second, time_ns


def _trades(
    generator: Generator,
    universe: Universe,
    index: int,
    time_ns: Integers,
    fair_e4: Integers,
    activity: Integers,
) -> EventArray:
    """Return the ticks of one instrument: a quote around its fair price, and a trade at the bid or at the ask."""
    tick_e4, count = universe[index].tick_e4, len(time_ns)
    spread = 1 + (generator.integers(0, 8_000, count) < activity)
    bid_e4 = np.maximum(fair_e4 // tick_e4 - generator.integers(0, spread + 1), 1) * tick_e4
    ask_e4 = bid_e4 + spread * tick_e4
    price_e4 = np.where(generator.integers(0, 2, count) == 1, ask_e4, bid_e4)
    return ticks(
        universe, time_ns, np.full(count, index), price_e4, _volumes(generator, price_e4, activity), bid_e4, ask_e4
    )


def _volumes(generator: Generator, price_e4: Integers, activity: Integers) -> Integers:
    """Return quantities with a long tail: most trades are small, a few are a hundred times the usual."""
    tail = generator.integers(1, 100, price_e4.shape) * generator.integers(1, 100, price_e4.shape)
    return 1 + tail * activity * _TURNOVER_E4 // price_e4 // 500_000


# ── Many bars ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _closes_by_day(table: SessionArray, resolution: str) -> list[Integers]:
    """Return, for each trading day, when its bars close."""
    minutes = [_every(MINUTE_NS, opens, closes) + MINUTE_NS for opens, closes in table.tolist()]
    days = (table["close_ns"] + IST_OFFSET_NS) // DAY_NS
    by_day = [np.concatenate([minutes[row] for row in np.flatnonzero(days == day)]) for day in np.unique(days)]
    return by_day if resolution == "1m" else [closes[-1:] for closes in by_day]


def _bar_columns(universe: Universe, lengths: list[int], seed: int) -> list[Integers]:
    """Return open, high, low, close and volume, each (bars, instruments), of days with so many bars."""
    generator = default_rng([seed, len(lengths), len(universe)])
    shape = (sum(lengths), len(universe))
    activity = np.concatenate([_activity(length) for length in lengths])[:, None]
    bar_move = _DAY_MOVE_NANO // math.isqrt(max(lengths))
    market, own = _noise(generator, (shape[0], 1)), _noise(generator, shape)
    returns = (_FROM_MARKET * market + _FROM_ITSELF * own) // 10 * bar_move // 1_000
    starts = np.cumsum([0, *lengths])
    opens, closes = np.empty(shape, dtype=np.int64), np.empty(shape, dtype=np.int64)
    base_e4 = np.array([_reference_e4(instrument.symbol, seed) for instrument in universe])
    for start, stop in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        # Within a day returns add up, from day to day they compound, so that no path can reach zero.
        base_e4 = _scaled(base_e4, generator.integers(-_GAP_NANO, _GAP_NANO + 1, len(universe)))
        moved = np.clip(np.cumsum(returns[start:stop], axis=0), -_BAND_NANO, _BAND_NANO)
        closes[start:stop] = _scaled(base_e4, moved)
        opens[start] = base_e4
        opens[start + 1 : stop] = closes[start : stop - 1]
        base_e4 = closes[stop - 1]
    highs = _scaled(np.maximum(opens, closes), generator.integers(0, bar_move, shape))
    lows = _scaled(np.minimum(opens, closes), -generator.integers(0, bar_move, shape))
    tick_e4 = np.array([instrument.tick_e4 for instrument in universe])
    prices = [np.maximum(price_e4 // tick_e4, 1) * tick_e4 for price_e4 in (opens, highs, lows, closes)]
    return [*prices, _volumes(generator, prices[3], activity) * (15_000 // max(lengths))]
