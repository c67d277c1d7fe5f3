"""What is traded: one instrument, the instruments of one run, and NSE's tick sizes."""

import datetime
import difflib
import functools
import hashlib
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from alpha_panda.errors import DataError, EventError
from alpha_panda.kernels.records import CLOCK, EQUITY, FUTURE, INSTRUMENT, OPTION, SESSION, Records
from alpha_panda.sessions import SessionArray, calendars, sessions
from alpha_panda.units import E4

INSTRUMENTS_MAX = 2**15 - 1  # an event names its instrument in 16 bits

_TOKEN_MAX = 2**31 - 1
SYMBOL = re.compile(r"[A-Z]{2,8}:[A-Z0-9][A-Z0-9 &.-]{0,99}")


Kind = Literal["EQ", "INDEX", "FUT", "CE", "PE"]
"""A share, an index (which has prices and which nobody can trade), a future, a call or a put."""

SEGMENTS: dict[str, int] = {"EQ": EQUITY, "INDEX": EQUITY, "FUT": FUTURE, "CE": OPTION, "PE": OPTION}
"""The segment whose charges and rules each kind of instrument has."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """One instrument as it trades on some day; raises DataError for what no exchange lists.

    A future may lack its expiry, where it was recorded without one; an option never lacks expiry or strike.
    """

    symbol: str  # exchange and trading symbol, `NSE:RELIANCE`
    instrument_token: int  # the broker's; negative for one that no broker lists
    tick_e4: int
    segment: int = EQUITY  # or FUTURE, OPTION
    lot: int = 1
    freeze_quantity: int = 0  # the largest single order the exchange takes; 0 is no limit
    calendar: str = "NSE_EQ"
    name: str = ""
    underlying: str = ""  # of a contract, as the exchange names it: NIFTY, RELIANCE
    kind: Kind | Literal[""] = ""  # when left out, EQ or FUT by its segment
    expiry: datetime.date | None = None
    strike_e4: int = 0

    def __post_init__(self) -> None:
        """Refuse fields that would surface as wrong numbers far from here."""
        if not self.kind and self.segment in (EQUITY, FUTURE):
            object.__setattr__(self, "kind", "FUT" if self.segment == FUTURE else "EQ")
        for holds, rule in (
            (SYMBOL.fullmatch(self.symbol), "its symbol reads EXCHANGE:NAME in capitals"),
            (0 < abs(self.instrument_token) <= _TOKEN_MAX, "its token is not 0 and fits 32 bits"),
            (self.tick_e4 > 0, "its tick is positive"),
            (self.lot > 0, "its lot is positive"),
            (self.freeze_quantity >= 0, "its freeze quantity is not negative"),
            (self.segment in (EQUITY, FUTURE, OPTION), "its segment is EQUITY, FUTURE or OPTION"),
            (self.calendar in calendars(), f"its calendar is one of {', '.join(calendars())}"),
            (SEGMENTS.get(self.kind) == self.segment, f"its kind is of its segment: one of {', '.join(SEGMENTS)}"),
            (self.segment == OPTION or self.strike_e4 == 0, "only an option has a strike"),
            (self.segment != OPTION or (self.strike_e4 > 0 and self.expiry), "an option has a strike and an expiry"),
            (self.segment != EQUITY or not self.expiry, "only a contract expires"),
        ):
            if not holds:
                raise DataError(f"{self.symbol!r} cannot be an instrument: {rule}; this one is {self}")

    @property
    def tradable(self) -> bool:
        """Whether anybody can buy it; an index has prices, and only contracts on it trade."""
        return self.kind != "INDEX"


class Universe:
    """The instruments of one run: sorted by symbol, each once; an instrument's position here is its index in events."""

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self.instruments = tuple(sorted(instruments, key=lambda instrument: instrument.symbol))
        self.symbols = tuple(instrument.symbol for instrument in self.instruments)
        if not 0 < len(self) <= INSTRUMENTS_MAX:
            raise DataError(f"a run needs 1 to {INSTRUMENTS_MAX} instruments, not {len(self)}")
        _refuse_repeats(self.instruments)

    def __len__(self) -> int:
        return len(self.instruments)

    def __iter__(self) -> Iterator[Instrument]:
        return iter(self.instruments)

    def __getitem__(self, index: int) -> Instrument:
        return self.instruments[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Universe) and self.instruments == other.instruments

    def __hash__(self) -> int:
        return hash(self.instruments)

    def __repr__(self) -> str:
        return f"Universe({', '.join(self.symbols)})"

    def index_of(self, symbol: str) -> int:
        """Return the position of `symbol`; DataError, with close matches, if it is not of this universe."""
        if symbol not in self._places:
            raise DataError(f"{symbol} is not of this run{close_matches(symbol, self.symbols)}")
        return self._places[symbol]

    @functools.cached_property
    def _places(self) -> dict[str, int]:
        """The position of each symbol."""
        return {symbol: index for index, symbol in enumerate(self.symbols)}

    @functools.cached_property
    def tokens(self) -> npt.NDArray[np.int64]:
        """The instrument tokens, in the order of the universe."""
        tokens = np.array([instrument.instrument_token for instrument in self.instruments], dtype=np.int64)
        tokens.setflags(write=False)
        return tokens

    def resolve(self, events: Records) -> None:
        """Fill `instrument` of every event from its `instrument_token`, in place; clocks have neither.

        Raises EventError naming the first token that is not of this universe.
        """
        order = np.argsort(self.tokens)
        wanted = events["instrument_token"]
        place = np.minimum(np.searchsorted(self.tokens[order], wanted), len(self) - 1)
        index = order[place]
        unknown = (self.tokens[index] != wanted) & (events["kind"] != CLOCK)
        if unknown.any():
            row = int(np.argmax(unknown))
            raise EventError(f"row {row} is of instrument token {wanted[row]}, which is not of this run: {self}")
        events["instrument"] = np.where(events["kind"] == CLOCK, 0, index)

    def records(self, first: datetime.date, last: datetime.date) -> tuple[Records, SessionArray]:
        """Return what the kernels must know from `first` to `last`: INSTRUMENT (n,) and SESSION arrays.

        The sessions of each calendar lie together; `sessions_start` and `sessions_stop` of an instrument say where.
        """
        tables = {name: sessions(name, first, last) for name in sorted({item.calendar for item in self.instruments})}
        stops = dict(zip(tables, np.cumsum([len(table) for table in tables.values()]), strict=True))
        rows = np.zeros(len(self), dtype=INSTRUMENT)
        for field in ("instrument_token", "segment", "tick_e4", "lot", "freeze_quantity"):
            rows[field] = [getattr(instrument, field) for instrument in self.instruments]
        rows["sessions_stop"] = [stops[instrument.calendar] for instrument in self.instruments]
        rows["sessions_start"] = [stops[item.calendar] - len(tables[item.calendar]) for item in self.instruments]
        return rows, np.concatenate(list(tables.values()), dtype=SESSION)

    def digest(self) -> str:
        """Return the SHA-256 of all that is known of these instruments, in hexadecimal."""
        return hashlib.sha256(repr([astuple(instrument) for instrument in self.instruments]).encode()).hexdigest()


def unlisted_token(symbol: str) -> int:
    """Return the token of an instrument for which no broker gave one: negative, so that no order can ever name it."""
    return -max(zlib.crc32(symbol.encode()) & _TOKEN_MAX, 1)


# Each table: in force from, then rows of (highest price, tick). A share of exactly 250 rupees is in the second band.
_TICKS_E4: tuple[tuple[datetime.date, tuple[tuple[int, int], ...]], ...] = (
    (datetime.date.min, ((10**18, 500),)),
    # NSE circular of 2024-05-24: one paisa below 250 rupees (futures followed on 2024-07-08).
    (datetime.date(2024, 6, 10), ((250 * E4 - 1, 100), (10**18, 500))),
    # In force since 2025-04-15, for shares and their futures.
    (
        datetime.date(2025, 4, 15),
        (
            (250 * E4 - 1, 100),
            (1_000 * E4, 500),
            (5_000 * E4, 1_000),
            (10_000 * E4, 5_000),
            (20_000 * E4, 10_000),
            (10**18, 50_000),
        ),
    ),
)


def share_tick_e4(price_e4: int, date: datetime.date) -> int:
    """Return NSE's tick of a share or its future by the price bands in force on `date`.

    NSE moves a share between bands once a month, by its last close of the month; a price seen since then that lies in
    another band gives another tick, so what the broker's instrument list says always wins.
    """
    bands = next(bands for since, bands in reversed(_TICKS_E4) if since <= date)
    return next(tick_e4 for highest_e4, tick_e4 in bands if price_e4 <= highest_e4)


NSE_INDICES = frozenset({"NIFTY", "BANKNIFTY", "FINNIFTY", "MIDCPNIFTY", "NIFTYNXT50"})
"""The indices on which NSE lists futures and options, as its files name them."""


def contract_tick_e4(kind: Kind, underlying: str, price_e4: int, date: datetime.date) -> int:
    """Return NSE's tick of a future or option, by the price of what it is written on, as of `date`.

    Futures of shares have the tick of the share. Since 2025-04-15, futures of indices have five, ten or twenty paise by
    the level of the index, and options of shares below 250 rupees one paisa; everything else has five paise. (NSE's
    files only show that options changed between 2025-02-27 and 2025-11-14.)
    """
    banded = date >= datetime.date(2025, 4, 15)
    if underlying in NSE_INDICES:
        coarse = kind == "FUT" and banded
        return 500 if not coarse or price_e4 < 15_000 * E4 else 1_000 if price_e4 <= 30_000 * E4 else 2_000
    if kind == "FUT":
        return share_tick_e4(price_e4, date) if date >= datetime.date(2024, 7, 8) else 500
    return 100 if banded and price_e4 < 250 * E4 else 500


def _refuse_repeats(instruments: Iterable[Instrument]) -> None:
    """Raise DataError where two instruments share a symbol or a token, which would then stand for either."""
    symbols: set[str] = set()
    tokens: dict[int, str] = {}
    for instrument in instruments:
        if instrument.symbol in symbols:
            raise DataError(f"{instrument.symbol} is named twice: name each instrument once")
        other = tokens.setdefault(instrument.instrument_token, instrument.symbol)
        if other != instrument.symbol:
            raise DataError(f"{instrument.symbol} and {other} have the same token, {instrument.instrument_token}")
        symbols.add(instrument.symbol)


def close_matches(symbol: str, known: Iterable[str]) -> str:
    """Return the end of a sentence that says which known symbols were perhaps meant; the exchange does not count."""
    by_name = {name.partition(":")[2]: name for name in known}
    close = difflib.get_close_matches(symbol.upper().rpartition(":")[2], by_name, n=3, cutoff=0.7)
    return f"; did you mean {' or '.join(by_name[name] for name in close)}?" if close else ""
