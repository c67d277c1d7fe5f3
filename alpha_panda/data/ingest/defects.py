"""What is wrong with a row, decided in one place: a row with a defect goes to quarantine, never into the catalog.

The checks take frames in the terms of `sources`, bars and ticks with the calendar of each row, and add `defect`, null
for a good row; a defect that the reader found stays. A row has the first defect that applies; rules that look at other
rows look at those that are still good.
"""

import datetime
import enum

import numpy as np
import polars as pl

from alpha_panda.sessions import SessionArray, calendars, day_calendar, inside, sessions
from alpha_panda.units import DAY_NS, E4, IST_OFFSET_NS, MINUTE_NS, PRICE_E4_MAX, ist_date, ist_time_ns

HOURS_FROM_NS = ist_time_ns(datetime.date(2000, 1, 1))
"""Trading hours before this are not known."""

_DAYS = {calendar: day_calendar(calendar) for calendar in calendars()}  # to which the daily bars of each belong
_KINDS = ("FUT", "CE", "PE")


class Defect(enum.StrEnum):
    """Why a row was refused."""

    NO_DATA = "no data: a header again, a footnote or a blank line"
    SERIES = "of a series other than EQ"
    SYMBOL = "symbol missing or malformed"
    EXCHANGE = "of an exchange whose trading hours are not known"
    CONTRACT = "contract whose expiry, strike or lot nothing tells"
    TERMS = "token, tick or lot missing or impossible"
    STAMP = "stamp missing or impossible"
    EARLY = "before 2000, of which the trading hours are not known"
    PRICE = "price missing, not positive or absurd"
    VOLUME = "volume or open interest missing or negative"
    RANGE = "open or close outside low to high"
    QUOTE = "quote missing, negative or crossed"
    STALE = "repeat of the row before, outside the session"
    SESSION = "outside the session"
    MINUTE = "not on a whole minute"
    DUPLICATE = "duplicate"
    ORDER = "older than a row before it"
    VOLUME_FELL = "cumulative volume fell"
    CONFLICT = "contradicts a row kept before it"


def check_bars(rows: pl.DataFrame, resolution: str) -> pl.DataFrame:
    """Return bars by symbol and time with their `defect`; a daily bar gets the time at which its session closes."""
    if resolution == "1d":
        rows = _at_session_close(rows.with_columns(pl.col("calendar").replace(_DAYS)))
    prices = [pl.col(name) for name in ("open", "high", "low", "close")]
    rows = _flag_origin(with_defect(rows.sort("symbol", "time_ns", "row")))
    rows = flag(rows, ~pl.all_horizontal(_is_price(price) for price in prices), Defect.PRICE)
    rows = flag(rows, ~_is_count("volume"), Defect.VOLUME)
    rows = flag(rows, ~_is_nested(), Defect.RANGE)
    rows = flag(rows, ~_in_session(rows, rows["time_ns"] - 1), Defect.SESSION)
    rows = flag(rows, pl.col("time_ns") % MINUTE_NS != 0, Defect.MINUTE)
    return _flag_repeats(rows, ["symbol", "time_ns"], ["open", "high", "low", "close", "volume"])


def check_ticks(rows: pl.DataFrame) -> pl.DataFrame:
    """Return ticks in the order of their file with their `defect`."""
    traded, quoted = ("price", "volume_day"), ("bid", "ask", "open_interest")
    outside = ~_in_session(rows, rows["time_ns"])
    repeats = pl.all_horizontal(pl.col(name) == pl.col(name).shift().over("symbol") for name in traded)
    day = (pl.col("time_ns") + IST_OFFSET_NS) // DAY_NS
    rows = _flag_origin(with_defect(rows))
    rows = flag(rows, ~_is_price(pl.col("price")), Defect.PRICE)
    rows = flag(rows, ~(_is_count("volume_day") & _is_count("open_interest")), Defect.VOLUME)
    rows = flag(rows, ~_is_quote(), Defect.QUOTE)
    rows = flag(rows, repeats & outside, Defect.STALE)
    rows = flag(rows, outside, Defect.SESSION)
    rows = flag(rows, ~pl.struct("symbol", "time_ns", *traded, *quoted).is_first_distinct(), Defect.DUPLICATE)
    latest_ns = _of_good(pl.col("time_ns")).cum_max().over("symbol")
    rows = flag(rows, pl.col("time_ns") < latest_ns, Defect.ORDER)
    most = _of_good(pl.col("volume_day")).cum_max().over("symbol", day)
    return flag(rows, pl.col("volume_day") < most, Defect.VOLUME_FELL)


def check_contracts(rows: pl.DataFrame) -> pl.DataFrame:
    """Return contracts of a day in the order of their file with their `defect`.

    One that did not trade has a close of its own, the last known or a theoretical one, and no other price.
    """
    prices = [pl.col(name) for name in ("open", "high", "low", "close")]
    others = [pl.col(name).fill_null(0) for name in ("settle", "underlying_price")]
    traded = pl.col("contracts") > 0
    option = pl.col("kind") != "FUT"
    whole = pl.col("kind").is_in(_KINDS) & (pl.col("expiry") >= pl.col("date")) & (~option | (pl.col("strike_e4") > 0))
    figures = ("contracts", "lot", "open_interest", "trades")
    own = ("row", "symbol", "date", "defect")
    rows = with_defect(rows)
    rows = flag(rows, pl.col("underlying").is_null(), Defect.SYMBOL)
    rows = flag(rows, pl.col("date").is_null(), Defect.STAMP)
    rows = flag(rows, ~(whole & pl.col("symbol").is_not_null()).fill_null(value=False), Defect.CONTRACT)
    rows = flag(rows, traded & ~pl.all_horizontal(_is_price(price) for price in prices), Defect.PRICE)
    rows = flag(rows, ~pl.all_horizontal(_is_price(price) | (price == 0) for price in (*prices, *others)), Defect.PRICE)
    rows = flag(rows, ~pl.all_horizontal(_is_count(name) for name in figures), Defect.VOLUME)
    rows = flag(rows, traded & (pl.col("lot") == 0), Defect.CONTRACT)  # its units would read 0, as if none had traded
    rows = flag(rows, traded & ~_is_nested(), Defect.RANGE)
    rows = flag(rows, ~_is_trading_day(rows["date"]), Defect.SESSION)
    return _flag_repeats(rows, ["symbol", "date"], [name for name in rows.columns if name not in own])


def with_defect(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows with the column `defect`: as the reader left it, or null throughout."""
    return rows if "defect" in rows.columns else rows.with_columns(defect=pl.lit(None, pl.String))


def flag(rows: pl.DataFrame, broken: pl.Expr | pl.Series, defect: Defect) -> pl.DataFrame:
    """Give `defect` to the rows that have none yet and are `broken`, which null is not."""
    condition = pl.lit(broken) if isinstance(broken, pl.Series) else broken
    return rows.with_columns(
        defect=pl.when(pl.col("defect").is_null() & condition).then(pl.lit(str(defect))).otherwise("defect")
    )


def _flag_origin(rows: pl.DataFrame) -> pl.DataFrame:
    rows = flag(rows, pl.col("symbol").is_null(), Defect.SYMBOL)
    rows = flag(rows, pl.col("calendar").is_null(), Defect.EXCHANGE)
    rows = flag(rows, pl.col("time_ns").is_null(), Defect.STAMP)
    return flag(rows, pl.col("time_ns") < HOURS_FROM_NS, Defect.EARLY)


def _flag_repeats(rows: pl.DataFrame, key: list[str], figures: list[str]) -> pl.DataFrame:
    """Flag what has the key of a good row before it: as a duplicate if it has its figures too, else as a conflict."""
    repeated = rows.select(pl.struct(key).is_duplicated() & pl.col("defect").is_null()).to_series()
    if not repeated.any():
        return rows
    some = rows.with_row_index("place").filter(repeated)
    some = flag(some, ~pl.struct(*key, *figures).is_first_distinct(), Defect.DUPLICATE)
    some = flag(some, ~_of_good(pl.struct(key)).is_first_distinct(), Defect.CONFLICT)
    defects = rows["defect"].scatter(some["place"], some["defect"])
    return rows.with_columns(defect=defects)


def _of_good(figure: pl.Expr) -> pl.Expr:
    """Return `figure` for rows without a defect, else null."""
    return pl.when(pl.col("defect").is_null()).then(figure)


def _is_price(rupees: pl.Expr) -> pl.Expr:
    """Return whether this is a price that E4 can hold; in Polars what is not a number counts as above every number."""
    return rupees.is_between(1 / E4, PRICE_E4_MAX / E4).fill_null(value=False)


def _is_count(column: str) -> pl.Expr:
    return (pl.col(column) >= 0).fill_null(value=False)


def _is_nested() -> pl.Expr:
    """Return whether open and close lie between low and high."""
    prices = [pl.col(name) for name in ("open", "high", "low", "close")]
    return (pl.col("low") <= pl.min_horizontal(prices)) & (pl.col("high") >= pl.max_horizontal(prices))


def _is_quote() -> pl.Expr:
    """Return whether bid and ask are prices, the bid below the ask, or 0 for unknown."""
    known = [_is_price(pl.col(side)) | (pl.col(side) == 0) for side in ("bid", "ask")]
    crossed = (pl.col("bid") >= pl.col("ask")) & (pl.col("ask") > 0)
    return (pl.all_horizontal(known) & ~crossed).fill_null(value=False)


# ── Sessions ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def share_in_session(rows: pl.DataFrame, shift_ns: int = 0) -> float:
    """Return which share of the rows with a time would lie in a session of their calendar, were they so much later."""
    timed = rows.filter(pl.col("time_ns") >= HOURS_FROM_NS).with_columns(pl.col("time_ns") + shift_ns)
    return float(np.mean(_in_session(timed, timed["time_ns"]).to_numpy())) if len(timed) else 0.0


def _in_session(rows: pl.DataFrame, happened_ns: pl.Series) -> pl.Series:
    """Return which rows lie in a session of their calendar; a row without a time does not."""
    within = np.zeros(len(rows), dtype=np.bool_)
    times = happened_ns.fill_null(0).to_numpy()
    for calendar, table in _tables(rows).items():
        own = (rows["calendar"] == calendar).fill_null(value=False).to_numpy()
        within[own] = inside(table, times[own])
    return pl.Series(within)


def _is_trading_day(dates: pl.Series) -> pl.Series:
    """Return on which dates contracts trade."""
    known = dates.unique().drop_nulls().to_list()
    days = {day for day in known if len(sessions("NFO", day, day))}
    return dates.is_in(list(days)).fill_null(value=False)


def _at_session_close(rows: pl.DataFrame) -> pl.DataFrame:
    """Return daily bars with the time at which their session closes; those of other days keep their midnight."""
    tables = [
        pl.DataFrame({"close_ns": pl.Series(table["close_ns"], dtype=pl.Int64)}).with_columns(calendar=pl.lit(calendar))
        for calendar, table in _tables(rows).items()
    ]
    if not tables:
        return rows
    midnight_ns = (pl.col("close_ns") + IST_OFFSET_NS) // DAY_NS * DAY_NS - IST_OFFSET_NS
    closes = pl.concat(tables).group_by("calendar", midnight_ns.alias("time_ns")).agg(pl.col("close_ns").max())
    found = rows.join(closes, on=["calendar", "time_ns"], how="left", maintain_order="left")
    return found.with_columns(time_ns=pl.coalesce("close_ns", "time_ns")).drop("close_ns")


def _tables(rows: pl.DataFrame) -> dict[str, SessionArray]:
    """Return the sessions of each calendar over the dates of its rows, as far back as hours are known."""
    timed = rows.filter(pl.col("time_ns") >= HOURS_FROM_NS).drop_nulls("calendar")
    spans = timed.group_by("calendar").agg(first=pl.col("time_ns").min(), last=pl.col("time_ns").max())
    return {
        calendar: sessions(calendar, ist_date(first), ist_date(last))
        for calendar, first, last in spans.sort("calendar").rows()
    }
