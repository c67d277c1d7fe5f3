"""Rows that were checked, on their way into the catalog: of many files at once where that spares rewriting.

A day of bars has a row for each of several thousand instruments, each of which has a file of its own. Days are
therefore gathered and every instrument's file written once for all of them, with the outcome that one file after
another has. On two busy cores a year of 246 days and 2,633 shares took 13 s so, and as long for each day by itself.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from alpha_panda.data.catalog import BAR_COLUMNS, TICK_COLUMNS, Catalog
from alpha_panda.data.contract_days import CONTRACT_COLUMNS
from alpha_panda.data.events import prices_to_e4
from alpha_panda.data.files import Stored
from alpha_panda.data.ingest.listing import Contracts, register
from alpha_panda.units import E4

BATCH_ROWS = 2_000_000
"""Good rows that may wait in memory, some 150 MB of them, until their instruments' files are written."""

_BAR_PRICES = ("open", "high", "low", "close")


@dataclass
class Outcome:
    """What became of the good rows of one file: how many are new, how many were there, and which contradict those."""

    written: int = 0
    present: int = 0
    conflicts: list[pl.DataFrame] = field(default_factory=list[pl.DataFrame])


class Batch:
    """Good bars or ticks of several files that go to one place: a resolution, or what one source has adjusted."""

    def __init__(self, resolution: str, adjusted_by: str | None) -> None:
        self.resolution = resolution
        self.adjusted_by = adjusted_by
        self._frames: list[pl.DataFrame] = []
        self._outcomes: list[Outcome] = []
        self._contracts: Contracts = {}

    def add(self, good: pl.DataFrame, contracts: Contracts) -> Outcome:
        """Take the good rows of one more file, in rupees; its outcome is known once the batch is stored."""
        number = pl.lit(len(self._frames), pl.Int32)
        self._frames.append(_in_e4(good, self.resolution).with_columns(file=number))
        self._contracts |= contracts
        self._outcomes.append(Outcome())
        return self._outcomes[-1]

    @property
    def is_full(self) -> bool:
        """Whether the batch is to be stored before more is added; ticks of two files never wait together.

        Of a tick it decides whether another file has recorded its stretch of the day before.
        """
        return self.resolution == "tick" or sum(map(len, self._frames)) >= BATCH_ROWS

    def store(self, catalog: Catalog, tell: Callable[[str], None]) -> None:
        """Write what has gathered, each instrument once, telling its symbol, and give every file its outcome."""
        rows = pl.concat(self._frames)
        if self.adjusted_by is None:
            # Instruments first: data of an unknown instrument could not be read, should the next step fail.
            register(rows, self._contracts, catalog, catalog.registry())
        for again in _by_occurrence(rows) if len(self._frames) > 1 else [rows]:
            for (symbol,), own in again.partition_by("symbol", as_dict=True, maintain_order=True).items():
                tell(str(symbol))
                self._note(self._merge(catalog, str(symbol), own), own)

    def _merge(self, catalog: Catalog, symbol: str, own: pl.DataFrame) -> Stored:
        if self.adjusted_by is None:
            return catalog.store(symbol, self.resolution, own)
        return catalog.store_adjusted(symbol, own, self.adjusted_by)

    def _note(self, stored: Stored, own: pl.DataFrame) -> None:
        """Add to each file's outcome what became of its rows."""
        files = len(self._outcomes)
        counts = (
            np.bincount(rows["file"].to_numpy(), minlength=files) for rows in (own, stored.fresh, stored.conflicts)
        )
        totals, written, conflicts = (each.tolist() for each in counts)
        for file in np.flatnonzero(totals).tolist():
            outcome = self._outcomes[file]
            outcome.written += written[file]
            outcome.present += totals[file] - written[file] - conflicts[file]
            if conflicts[file]:
                outcome.conflicts.append(stored.conflicts.filter(pl.col("file") == file).select("row", "symbol"))


def _by_occurrence(rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield bars of several files, first those of which each is the first of its time, then the second, and so on.

    So that a bar that two files have is stored from the first of them and held against it from the second.
    """
    rest = rows.sort("symbol", "time_ns", "file")
    while len(rest):
        first = rest.select(pl.struct("symbol", "time_ns").is_first_distinct()).to_series()
        yield rest.filter(first)
        rest = rest.filter(~first)


def store_contracts(catalog: Catalog, good: pl.DataFrame) -> Outcome:
    """Write good contracts, the file of each of their days at once."""
    outcome = Outcome()
    rows = _contracts_in_e4(good)
    for (date,), own in rows.partition_by("date", as_dict=True, maintain_order=True, include_key=False).items():
        stored = catalog.store_contracts("NFO", date, own)
        outcome.written += stored.written
        outcome.present += stored.present
        outcome.conflicts.append(stored.conflicts.select("row", "symbol"))
    return outcome


def _in_e4(good: pl.DataFrame, resolution: str) -> pl.DataFrame:
    """Return good rows as the catalog keeps them, with their row number and symbol."""
    prices, columns = (("price",), TICK_COLUMNS) if resolution == "tick" else (_BAR_PRICES, BAR_COLUMNS)
    converted = {f"{name}_e4": prices_to_e4(good[name].to_numpy()) for name in prices}
    if resolution == "tick":
        converted |= {f"{name}_e4": _known_to_e4(good[name]) for name in ("bid", "ask")}
    series = (pl.Series(name, values) for name, values in converted.items())
    return good.with_columns(series).select("row", "symbol", pl.col(columns).cast(pl.Int64))


def _contracts_in_e4(good: pl.DataFrame) -> pl.DataFrame:
    names = {**{name: name for name in (*_BAR_PRICES, "settle")}, "underlying_price": "underlying"}
    prices = (pl.Series(f"{own}_e4", _known_to_e4(good[name].fill_null(0.0))) for name, own in names.items())
    # It is told in paise, which a float counts exactly where E4 of a trillion rupees would be rounded.
    paise = (pl.col("turnover").fill_null(0.0) * 100).round().cast(pl.Int64)
    turnover = (paise * (E4 // 100)).alias("turnover_e4")
    return good.with_columns(*prices, turnover).select(
        "row", "date", *(pl.col(name).cast(kind) for name, kind in CONTRACT_COLUMNS.items())
    )


def _known_to_e4(rupees: pl.Series) -> npt.NDArray[np.int64]:
    """Return prices in E4, 0 for one that is not known."""
    prices = rupees.to_numpy()
    prices_e4 = np.zeros(len(prices), dtype=np.int64)
    prices_e4[prices > 0] = prices_to_e4(prices[prices > 0])
    return prices_e4
