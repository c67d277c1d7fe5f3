"""Futures and options as people look at them: the expiries and the chain of a day, and a future without end.

Prices are rupees, null where a contract did not trade or where the exchange gave none; quantities are units, not lots.
On the day of its expiry, the settlement price of a contract is that of what it is written on.
"""

import datetime
from typing import Literal, get_args

import numpy as np
import polars as pl

from alpha_panda.data.catalog import Catalog
from alpha_panda.data.columns import in_rupees
from alpha_panda.data.contract_days import found_in
from alpha_panda.errors import CatalogError, ConfigurationError
from alpha_panda.sessions import sessions
from alpha_panda.strategy import did_you_mean
from alpha_panda.units import DAY_NS, IST_OFFSET_NS

Roll = Literal["expiry", "open_interest", "volume"]
"""What makes a continuous future move on to the next contract."""

_CALENDAR = "NFO"
_BEGINNING = datetime.date(2000, 6, 12)
_PRICES_E4 = ("open_e4", "high_e4", "low_e4", "close_e4")
_SIDE = ("settle", "close", "volume", "open_interest", "open_interest_change")


def expiries(catalog: Catalog, underlying: str, on: datetime.date, exchange: str = "NFO") -> pl.DataFrame:
    """Return the expiries listed on a day, the nearest first: `expiry, future, strikes, volume, open_interest`.

    `future` says whether there is one, `strikes` counts those of options. Raises CatalogError, saying what there is.
    """
    of_day = _of_day(catalog, underlying, on, exchange)
    return (
        of_day.group_by("expiry")
        .agg(
            future=(pl.col("kind") == "FUT").any(),
            strikes=pl.col("strike_e4").filter(pl.col("kind") != "FUT").n_unique(),
            volume=pl.col("volume").sum(),
            open_interest=pl.col("open_interest").sum(),
        )
        .sort("expiry")
    )


def option_chain(
    catalog: Catalog, underlying: str, on: datetime.date, expiry: datetime.date | None = None, exchange: str = "NFO"
) -> pl.DataFrame:
    """Return the options of one expiry at the end of a day, by strike: calls left, puts right of it.

    Without `expiry`, the nearest that has options. On the day of the expiry itself the exchange names the price at
    which the underlying settles, and `settle` is what each option is worth at it. The columns `settle, close, volume,
    open_interest, open_interest_change` are there as `call_…` and, mirrored, as `put_…`; a side that is not listed is
    null. `lot`, `expiry` and `underlying_price` are the same in every row. Raises CatalogError, saying what there is.
    """
    options = _of_day(catalog, underlying, on, exchange).filter(pl.col("kind") != "FUT")
    listed = options["expiry"].unique().sort().to_list()
    chosen = expiry or next(iter(listed), None)
    if chosen not in listed:
        held = ", ".join(map(str, listed[:6])) + (f" and {len(listed) - 6} later" if len(listed) > 6 else "") or "none"
        raise CatalogError(f"no options on {underlying} expire on {chosen or 'any day'} as of {on}: there are {held}")
    of_expiry = in_rupees(_settled(options.filter(pl.col("expiry") == chosen)))
    calls, puts = (
        of_expiry.filter(pl.col("kind") == kind).select(
            "strike", *(pl.col(name).alias(f"{side}_{name}") for name in _SIDE)
        )
        for kind, side in (("CE", "call"), ("PE", "put"))
    )
    chain = calls.join(puts, on="strike", how="full", coalesce=True).sort("strike")
    return chain.select(
        *(f"call_{name}" for name in reversed(_SIDE)),
        "strike",
        *(f"put_{name}" for name in _SIDE),
        lot=pl.lit(of_expiry["lot"].max(), pl.Int64),
        expiry=pl.lit(chosen, pl.Date),
        underlying_price=pl.lit(of_expiry["underlying_price"].max(), pl.Float64),
    )


def continuous(
    catalog: Catalog,
    underlying: str,
    first: datetime.date | None = None,
    last: datetime.date | None = None,
    roll: Roll = "expiry",
    sessions_before: int = 0,
    back_adjusted: bool = False,
    exchange: str = "NFO",
) -> pl.DataFrame:
    """Return the futures on one underlying as one series, a row a day, each with the contract that it is of.

    With `roll="expiry"`, a day has the nearest contract that expires at least `sessions_before` sessions later; with 0
    it is held through the day of its expiry. With `open_interest` or `volume`, the series moves to the next contract on
    the day after that had more of it, and never back; at the latest on the day after the expiry. The first day has the
    nearest. So a day's contract is always known before the day begins.

    Columns: `date, symbol, expiry, open, high, low, close, settle, volume, open_interest, lot, roll_gap`. On the first
    day of a contract, `roll_gap` is its close less that of the one before, both of the session before; null where that
    is not held or did not trade. Prices are as they were paid, so that the series jumps at a roll; `back_adjusted` adds
    to every price the gaps of the rolls after it, which leaves differences right and ratios wrong.

    Raises CatalogError where there is nothing, or a gap that back-adjusting needs is not known.
    """
    if roll not in get_args(Roll) or sessions_before < 0 or (sessions_before and roll != "expiry"):
        raise ConfigurationError(
            f"roll={roll!r} with sessions_before={sessions_before} is no rule: roll by {', '.join(get_args(Roll))}, "
            "and so many sessions, 0 or more, before the expiry"
        )
    futures = catalog.contracts(exchange, first, last).filter(
        pl.col("underlying") == underlying, pl.col("kind") == "FUT"
    )
    held = _known(found_in(catalog.root, futures).sort("date", "expiry"))
    if not len(held):
        raise CatalogError(f"the catalog holds no futures on {underlying} at {exchange} in that range")
    chosen = _nearest(held, sessions_before) if roll == "expiry" else _most_of(held, roll)
    rows = _with_gaps(held.join(chosen, on=["date", "expiry"], how="semi", maintain_order="left"), held)
    if back_adjusted:
        rows = _back_adjusted(rows)
    return in_rupees(rows).select(
        *("date", "symbol", "expiry", "open", "high", "low", "close", "settle"),
        *("volume", "open_interest", "lot", "roll_gap"),
    )


# ── Rolling ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _nearest(futures: pl.DataFrame, sessions_before: int) -> pl.DataFrame:
    """Return each date with the nearest expiry that is at least so many sessions away."""
    left = _session_number(futures["expiry"]) - _session_number(futures["date"])
    return futures.filter(left >= sessions_before).group_by("date").agg(pl.col("expiry").min())


def _session_number(dates: pl.Series) -> pl.Series:
    """Return how many sessions lie before each date, counted from when the exchange began to trade futures."""
    last = dates.max()
    assert isinstance(last, datetime.date)
    opens_ns = sessions(_CALENDAR, _BEGINNING, last)["open_ns"]
    days = np.unique((opens_ns + IST_OFFSET_NS) // DAY_NS)
    return pl.Series(np.searchsorted(days, dates.to_physical().to_numpy()))


def _most_of(futures: pl.DataFrame, figure: Literal["open_interest", "volume"]) -> pl.DataFrame:
    """Return each date with the expiry that had the most of a figure on the day before, never an earlier one again."""
    chosen: dict[datetime.date, datetime.date] = {}
    earliest = futures["expiry"][0]
    for of_day in futures.partition_by("date", maintain_order=True):
        ahead = of_day.filter(pl.col("expiry") >= earliest)
        if len(ahead):
            chosen[ahead["date"][0]] = ahead["expiry"][0]
            earliest = ahead.sort(figure, descending=True, maintain_order=True)["expiry"][0]
    return pl.DataFrame({"date": chosen.keys(), "expiry": chosen.values()})


def _with_gaps(rows: pl.DataFrame, futures: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of a series with `roll_gap_e4`, what the next contract cost more on the day before a roll."""
    number = _session_number(rows["date"])
    yesterday = rows.with_columns(
        date_before=pl.when(number - number.shift() == 1).then(pl.col("date").shift()),
        close_before_e4=pl.col("close_e4").shift(),
    )
    next_close = futures.select("symbol", date_before="date", next_close_e4="close_e4")
    found = yesterday.join(next_close, on=["symbol", "date_before"], how="left", maintain_order="left")
    rolled = pl.col("symbol") != pl.col("symbol").shift()
    gap_e4 = pl.when(rolled).then(pl.col("next_close_e4") - pl.col("close_before_e4"))
    return found.with_columns(rolled.fill_null(value=False).alias("rolled"), roll_gap_e4=gap_e4)


def _back_adjusted(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of a series with the gaps of all later rolls in their prices; CatalogError for an unknown gap."""
    unknown = rows.filter(pl.col("rolled") & pl.col("roll_gap_e4").is_null())
    if len(unknown):
        symbol, date = unknown.select("symbol", "date").row(0)
        raise CatalogError(
            f"the roll into {symbol} on {date} has no known gap, as not both contracts traded in the session before: "
            "take the series as it is, or ingest the days that are missing"
        )
    gaps_e4 = pl.col("roll_gap_e4").fill_null(0)
    later_e4 = gaps_e4.sum() - gaps_e4.cum_sum()
    return rows.with_columns(pl.col(*_PRICES_E4, "settle_e4") + later_e4)


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _of_day(catalog: Catalog, underlying: str, on: datetime.date, exchange: str) -> pl.DataFrame:
    """Return the contracts on one underlying on one day; CatalogError, saying what there is, if there are none."""
    of_day = catalog.contracts(exchange, on, on)
    found = _known(found_in(catalog.root, of_day.filter(pl.col("underlying") == underlying)))
    if len(found):
        return found
    days = catalog.contract_days(exchange)
    if on in days:
        names = found_in(catalog.root, of_day.select("underlying").unique())["underlying"].to_list()
        meant = did_you_mean(underlying.upper(), names)
        raise CatalogError(f"{exchange} lists no contract on {underlying} on {on}{meant}")
    if not days:
        raise CatalogError(f"the catalog holds no contracts of {exchange}: ingest the F&O bhavcopy of {on}")
    held = f"its days are from {days[0]} to {days[-1]}, {len(days)} in all"
    raise CatalogError(f"the catalog holds no contracts of {exchange} on {on}; {held}")


def _known(contracts: pl.DataFrame) -> pl.DataFrame:
    """Return contracts with null for a price of a day without trade, or that the exchange left out."""
    traded = [pl.when(pl.col("volume") > 0).then(pl.col(name)).alias(name) for name in _PRICES_E4]
    given = [pl.when(pl.col(name) > 0).then(pl.col(name)).alias(name) for name in ("settle_e4", "underlying_e4")]
    return contracts.with_columns(*traded, *given).rename({"underlying_e4": "underlying_price_e4"})


def _settled(options: pl.DataFrame) -> pl.DataFrame:
    """Return the options of one expiry, on its own day settled at what they are worth.

    NSE's file then has the same settlement price in every row, that of the underlying.
    """
    settles = options.filter(pl.col("date") == pl.col("expiry"))["settle_e4"].drop_nulls()
    if len(settles) < 2 or settles.n_unique() > 1:
        return options
    beyond_e4 = pl.when(pl.col("kind") == "CE").then(pl.col("settle_e4") - pl.col("strike_e4"))
    worth_e4 = beyond_e4.otherwise(pl.col("strike_e4") - pl.col("settle_e4")).clip(lower_bound=0)
    return options.with_columns(settle_e4=worth_e4)
