"""Kernel records as Polars frames for people: rupees, IST, and the names of strategies, instruments and codes.

Every column is converted whole. `price_e4` becomes `price` in rupees, `time_ns` becomes `time` in IST; an instant that
never comes is null. Nothing here is ever fed back into arithmetic on money.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import polars as pl

from alpha_panda.data.columns import IST_TIME
from alpha_panda.kernels import records, risk
from alpha_panda.kernels.clock import NEVER_NS
from alpha_panda.kernels.records import Records
from alpha_panda.units import E4, SECOND_NS
from alpha_panda.words import WORDS

_RULES_IN_RUPEES = (
    risk.NOTHING_TO_BUY_WITH,
    risk.ORDER_VALUE,
    risk.ORDER_EQUITY,
    risk.CONCENTRATION,
    risk.GROSS_EXPOSURE,
)
_RULES_IN_SECONDS = (risk.OUTSIDE_WINDOW, risk.AFTER_MARKET, risk.STALE_PRICE, risk.DUPLICATE)


@dataclasses.dataclass(frozen=True)
class Names:
    """What the indices in a run's records stand for."""

    strategies: tuple[str, ...]
    symbols: tuple[str, ...]


def frame_of(array: Records, names: Names) -> pl.DataFrame:
    """Return records as a frame, one column per field, in the order of the fields."""
    return pl.DataFrame([column for field in array.dtype.names or () for column in _columns(array, field, names)])


def decisions_frame(decisions: Records, names: Names) -> pl.DataFrame:
    """Return decisions; `figure` and `limit` are in rupees, seconds, or what else their rule counts in."""
    frame = frame_of(decisions, names)
    scale = np.ones(len(decisions))
    scale[np.isin(decisions["code"], _RULES_IN_RUPEES)] = E4
    scale[np.isin(decisions["code"], _RULES_IN_SECONDS)] = SECOND_NS
    return frame.with_columns(pl.col("figure") / pl.Series(scale), pl.col("limit") / pl.Series(scale))


def equity_frame(snapshots: Records, account: Records, last_ns: int) -> pl.DataFrame:
    """Return the account at each snapshot and, in the last row, at the end."""
    end = np.zeros(1, records.SNAPSHOT)
    end["time_ns"] = last_ns
    end["charges_e4"] = account["charges"]["total_e4"]
    for field in ("cash_e4", "equity_e4", "realised_e4", "unrealised_e4", "gross_e4", "state"):
        end[field] = account[field]
    return frame_of(np.concatenate([snapshots, end]), Names((), ()))


def charges_frame(fills: Records, names: Names) -> pl.DataFrame:
    """Return the itemised charges of each strategy, and of all of them in the last row."""
    strategies = len(names.strategies)
    itemised: dict[str, Any] = {"strategy": [*names.strategies, "total"]}
    for item in records.CHARGES.names or ():
        paid_e4 = np.zeros(strategies + 1, np.int64)
        np.add.at(paid_e4, fills["strategy"], fills["charges"][item])
        paid_e4[-1] = paid_e4.sum()
        itemised[item.removesuffix("_e4")] = paid_e4 / E4
    return pl.DataFrame(itemised)


def positions_frame(books: Records, quotes: Records, names: Names) -> pl.DataFrame:
    """Return the books that hold a position, at its average cost and at the last price."""
    strategy, instrument = np.nonzero(books["quantity"])
    held, last_e4 = books[strategy, instrument], quotes["last_e4"][instrument]
    return pl.DataFrame(
        [
            named("strategy", strategy, names.strategies),
            named("symbol", instrument, names.symbols),
            pl.Series("quantity", held["quantity"].copy()),
            rupees("average_price", held["cost_e4"] / np.where(held["quantity"] == 0, 1, held["quantity"])),
            rupees("last", last_e4),
            rupees("value", held["quantity"] * last_e4),
            rupees("unrealised", held["quantity"] * last_e4 - held["cost_e4"]),
            rupees("realised", held["realised_e4"]),
            rupees("charges", held["charges_e4"]),
            ist_times("entry_time", held["entry_time_ns"]),
        ]
    )


# ── Columns ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _columns(array: Records, field: str, names: Names) -> Iterator[pl.Series]:
    values = array[field]
    if field == "strategy":
        yield named(field, values, names.strategies)
    elif field == "instrument":
        yield named("symbol", values, names.symbols)
    elif field == "charges":
        for item in records.CHARGES.names or ():
            yield rupees("charges" if item == "total_e4" else item.removesuffix("_e4"), values[item])
    elif field == "opening":
        yield pl.Series(field, values == 1)
    elif field in WORDS:
        yield worded(field, values, WORDS[field])
    elif field.endswith("_e4"):
        yield rupees(field.removesuffix("_e4"), values)
    elif field.endswith("_ns"):
        yield ist_times(field.removesuffix("_ns"), values)
    else:
        yield pl.Series(field, values.copy())


def rupees(name: str, values_e4: Records) -> pl.Series:
    """Return E4 amounts in rupees."""
    return pl.Series(name, values_e4 / E4, dtype=pl.Float64)


def ist_times(name: str, times_ns: Records) -> pl.Series:
    """Return instants in IST; null for the one before all and those after all events."""
    known = (times_ns > 0) & (times_ns < NEVER_NS)
    return pl.Series(name, times_ns.copy()).set(pl.Series(~known), None).cast(IST_TIME)


def named(name: str, indices: Records, known: tuple[str, ...]) -> pl.Series:
    """Return what indices stand for."""
    return pl.Series(name, np.array(known, dtype=object)[indices], dtype=pl.String)


def worded(name: str, numbers: Records, words: Mapping[int, str]) -> pl.Series:
    """Return the words of numbers, as an Enum in the order of the numbers; Polars raises for one without a word."""
    return pl.Series(name, numbers.copy()).replace_strict(dict(words), return_dtype=pl.Enum(list(words.values())))
