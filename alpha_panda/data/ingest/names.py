"""Names of contracts as Kite writes them, and of the indices on which they are written.

NIFTY26FEBFUT        a future
NIFTY26FEB24500CE    an option that expires last in its month
NIFTY2622424500CE    one that expires earlier: year, month (1 to 9, O, N, D) and day
"""

import calendar
import datetime

import numpy as np
import polars as pl

from alpha_panda.sessions import is_session
from alpha_panda.units import E4

INDICES = {
    "NIFTY": "NIFTY 50",
    "NIFTY50": "NIFTY 50",
    "NIFTY 50": "NIFTY 50",
    "BANKNIFTY": "NIFTY BANK",
    "NIFTY BANK": "NIFTY BANK",
    "NIFTY_BANK": "NIFTY BANK",
    "FINNIFTY": "NIFTY FIN SERVICE",
    "NIFTY FIN SERVICE": "NIFTY FIN SERVICE",
    "MIDCPNIFTY": "NIFTY MID SELECT",
    "NIFTY MID SELECT": "NIFTY MID SELECT",
    "NIFTYNXT50": "NIFTY NEXT 50",
    "NIFTY NEXT 50": "NIFTY NEXT 50",
    "INDIA VIX": "INDIA VIX",
    "SENSEX": "SENSEX",
}
"""What recorders call an index, in capitals, and what Kite calls it; no share has one of these names."""

INDEX_NAMES = frozenset(INDICES.values())

_MONTHS = tuple(name.upper() for name in calendar.month_abbr[1:])
_WEEKLY_MONTHS = "123456789OND"
_MONTHLY = rf"^(.+?)(\d{{2}})({'|'.join(_MONTHS)})(?:FUT|(\d+(?:\.\d+)?)(CE|PE))$"
_WEEKLY = rf"^([A-Z]+)(\d{{2}})([{_WEEKLY_MONTHS}])(\d{{2}})(\d+(?:\.\d+)?)(CE|PE)$"

CONTRACT = rf"{_MONTHLY}|{_WEEKLY}"
"""What matches the name of a contract, and of nothing else that trades."""

_HOLIDAYS_KNOWN = range(2019, 2027)  # the years of which `calendars.toml` has them
_TUESDAYS_FROM = (2025, 9)  # NSE moved expiries from Thursday to Tuesday for contracts that end after 2025-08


def index_names(names: pl.Expr) -> pl.Expr:
    """Return the names of NSE's cash segment as Kite writes them: an index by its full name."""
    return names.str.to_uppercase().replace(INDICES)


def contract_names(is_last_of_month: pl.Expr) -> pl.Expr:
    """Return Kite's trading symbols from `underlying`, `expiry`, `kind` and `strike_e4`; null where not told.

    An unknown last would else pass for an earlier one, and a monthly contract bear the name of a weekly.
    """
    year = pl.col("expiry").dt.strftime("%y")
    month = pl.col("expiry").dt.month() - 1
    monthly = month.replace_strict(dict(enumerate(_MONTHS)), return_dtype=pl.String, default=None)
    weekly = month.replace_strict(dict(enumerate(_WEEKLY_MONTHS)), return_dtype=pl.String, default=None)
    weekly = weekly + pl.col("expiry").dt.strftime("%d")
    when = year + pl.when(is_last_of_month).then(monthly).when(~is_last_of_month).then(weekly)
    option = pl.col("kind") != "FUT"
    return pl.col("underlying") + when + pl.when(option).then(_strikes()).otherwise(pl.lit("")) + pl.col("kind")


def last_of_month() -> pl.Expr:
    """Return which contracts of a whole market expire last of their underlying in their month."""
    expiry = pl.col("expiry")
    return expiry == expiry.max().over("underlying", expiry.dt.year(), expiry.dt.month())


def expires_last(contracts: pl.DataFrame) -> pl.Expr:
    """Return the same for contracts of which the others of their month are not known: null where it cannot be told.

    Contracts on shares all expire last in their month; of an index `monthly_expiry` tells.
    """
    of_index = pl.col("underlying").is_in(list(INDICES))
    found = contracts.filter(of_index).select("underlying", "expiry").unique().drop_nulls()
    last = {
        (underlying, expiry): monthly_expiry(underlying, expiry.year, expiry.month)
        for underlying, expiry in found.rows()
    }
    told = [(*key, None if day is None else day == key[1]) for key, day in last.items()]
    by_index = {f"{underlying} {expiry}": is_last for underlying, expiry, is_last in told}
    key = pl.col("underlying") + " " + pl.col("expiry").cast(pl.String)
    return (
        pl.when(of_index)
        .then(key.replace_strict(by_index, default=None, return_dtype=pl.Boolean))
        .otherwise(pl.lit(value=True))
    )


def _strikes() -> pl.Expr:
    """Return strikes in rupees as text without needless zeros: 24500, 197.5."""
    rupees, rest = pl.col("strike_e4") // E4, pl.col("strike_e4") % E4
    decimals = rest.cast(pl.String).str.zfill(4).str.strip_chars_end("0")
    return rupees.cast(pl.String) + pl.when(rest > 0).then("." + decimals).otherwise(pl.lit(""))


def parsed(symbols: pl.Series) -> pl.DataFrame:
    """Return `underlying`, `kind`, `expiry` and `strike_e4` of Kite's trading symbols, null where one says nothing.

    The day on which a month's last contract expires is not in its name: it is `monthly_expiry`, or null.
    """
    name = pl.col("name")
    monthly, weekly = name.str.extract_groups(_MONTHLY), name.str.extract_groups(_WEEKLY)
    parts = pl.DataFrame({"name": symbols}).select("name", monthly=monthly, weekly=weekly)
    rows = [_terms(month, week) for month, week in parts.select("monthly", "weekly").iter_rows()]
    columns = {"underlying": pl.String, "kind": pl.String, "expiry": pl.Date, "strike_e4": pl.Int64}
    return pl.DataFrame(rows, schema=columns, orient="row")


def _terms(monthly: dict[str, str | None], weekly: dict[str, str | None]) -> tuple[object, ...]:
    underlying, year, month, strike, kind = monthly.values()
    if underlying and year and month:
        expiry = monthly_expiry(underlying, 2000 + int(year), _MONTHS.index(month) + 1)
        return underlying, kind or "FUT", expiry, _e4(strike)
    underlying, year, month, day, strike, kind = weekly.values()
    if underlying and year and month and day:
        return underlying, kind, _date(2000 + int(year), _WEEKLY_MONTHS.index(month) + 1, int(day)), _e4(strike)
    return None, None, None, None


def _e4(strike: str | None) -> int:
    return int(np.rint(float(strike or 0) * E4))


def _date(year: int, month: int, day: int) -> datetime.date | None:
    return datetime.date(year, month, day) if 1 <= day <= calendar.monthrange(year, month)[1] else None


def monthly_expiry(underlying: str, year: int, month: int) -> datetime.date | None:
    """Return the day on which the month's last contracts of NIFTY or of a share expire at NSE; None where not known.

    It is not for another index, nor in years whose holidays are not known. It is the last Thursday of the month, from
    September 2025 on the last Tuesday, and the session before where that day is none. Contracts listed before a change
    of rule were moved, so what a file of NSE says comes first.
    """
    if year not in _HOLIDAYS_KNOWN or (underlying in INDICES and underlying != "NIFTY"):
        return None
    weekday = calendar.TUESDAY if (year, month) >= _TUESDAYS_FROM else calendar.THURSDAY
    last = datetime.date(year, month, calendar.monthrange(year, month)[1])
    day = last - datetime.timedelta(days=(last.weekday() - weekday) % 7)
    while not is_session("NFO", day):
        day -= datetime.timedelta(days=1)
    return day
