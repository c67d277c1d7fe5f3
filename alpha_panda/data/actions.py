"""Corporate actions: read from files, found where prices tell of them, and kept in the catalog.

Two comparisons find them. A vendor's adjusted daily bars against the raw ones of the catalog: their ratio steps on each
ex-date. And the previous close that a bhavcopy prints against the raw close of the session before: they differ where
the exchange adjusted it, as the old `cm` bhavcopies did; `sec_bhavdata_full` does not, so nothing is found in it.
"""

import pathlib
import re
from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from alpha_panda.data import adjust, series
from alpha_panda.data.catalog import Catalog
from alpha_panda.data.files import DAY
from alpha_panda.errors import DataError
from alpha_panda.sessions import previous_session
from alpha_panda.units import E4

STEP_MIN = 0.015
"""The smallest step, as a fraction, that is called an action: below it lie a vendor's rounding and repairs."""

SAME_FACTOR = 0.005
"""How far two factors of one action may differ, as a fraction, and still be the same."""

_FACTOR_MAX = 1_000.0
_TICK_E4 = 500  # to which vendors round adjusted prices
_AROUND = 5  # bars on either side of an ex-date that must tell of it too, so that one wrong price is no action
_KEY = ("symbol", "ex_date")

_NAMES = {
    "symbol": ("symbol", "tckrsymb"),
    "date": ("date", "date1", "timestamp", "traddt"),
    "prev_close": ("prevclose", "prvsclsgpric"),
    "series": ("series", "sctysrs"),
}
_DATE_FORMATS = ("%Y-%m-%d", "%d-%b-%y", "%d-%b-%Y")  # in this order, since `%Y` takes 24 for the year 24


# ── Supplied ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def read_actions(path: pathlib.Path) -> pl.DataFrame:
    """Return the corporate actions of a CSV or Parquet file, as a frame of ACTIONS by symbol and ex-date.

    It has the columns `symbol`, `ex_date` and `price_factor`, perhaps `volume_factor` and `source`; others are left
    aside. Without a volume factor volumes move against prices, so that turnover stays what it was. A symbol without an
    exchange is one of NSE. Raises DataError naming the file and the first row that cannot be.
    """
    frame = _read(path)
    missing = {"symbol", "ex_date", "price_factor"} - set(frame.columns)
    if missing:
        raise DataError(f"{path} holds no corporate actions: it has no column {' nor '.join(sorted(missing))}")
    factors = {
        name: pl.col(name).cast(pl.Float64, strict=False) for name in ("price_factor", "volume_factor") if name in frame
    }
    rows = frame.select(
        symbol=_with_exchange(frame["symbol"]),
        ex_date=_dates(frame["ex_date"]),
        price_factor=factors["price_factor"],
        volume_factor=pl.coalesce(factors.get("volume_factor", pl.lit(None)), factors["price_factor"]),
        source=pl.col("source").cast(pl.String) if "source" in frame.columns else pl.lit(path.name),
    )
    possible = pl.all_horizontal(
        pl.col("symbol", "ex_date").is_not_null(),
        pl.col("price_factor", "volume_factor").is_between(1 / _FACTOR_MAX, _FACTOR_MAX),
    )
    wrong = rows.with_row_index("row", 1).filter(~possible.fill_null(value=False))
    if len(wrong):
        found = frame.row(wrong["row"][0] - 1, named=True)
        shown = ", ".join(f"{name} {found[name]}" for name in frame.columns if name in adjust.ACTIONS)
        raise DataError(
            f"row {wrong['row'][0]} of {path} is no corporate action ({shown}): it needs a symbol, an ex-date as "
            "2024-10-28 and factors between 0.001 and 1,000"
        )
    repeated = rows.filter(pl.struct(_KEY).is_duplicated())
    if len(repeated):
        symbol, date = repeated.select(_KEY).row(0)
        raise DataError(f"{path} has two actions of {symbol} on {date}: multiply them into one")
    return rows.cast(adjust.ACTIONS).sort(_KEY)


class Added(NamedTuple):
    """What became of actions given to the catalog: how many are new, how many it had, and which contradict it."""

    written: int
    present: int
    conflicts: pl.DataFrame  # with `held_price` and `held_volume`, the factors of the catalog


def add(catalog: Catalog, actions: pl.DataFrame) -> Added:
    """Store corporate actions; what is there first stays, and what contradicts it is handed back as conflicts."""
    before = catalog.actions()
    after = pl.concat([before, actions]).unique(_KEY, keep="first", maintain_order=True)
    fresh = after.join(before, on=_KEY, how="anti", maintain_order="left")
    if len(fresh):
        catalog.store_actions(fresh)
    held = after.select(*_KEY, held_price="price_factor", held_volume="volume_factor")
    rows = actions.join(held, on=_KEY, how="left", maintain_order="left")
    same = pl.all_horizontal(
        (pl.col(f"{name}_factor") / pl.col(f"held_{name}") - 1).abs() <= SAME_FACTOR for name in ("price", "volume")
    )
    return Added(len(fresh), len(rows.filter(same)) - len(fresh), rows.filter(~same))


# ── Found ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def detect(catalog: Catalog, symbols: Sequence[str] = ()) -> pl.DataFrame:
    """Return the actions that the catalog's raw daily bars show against the vendors' adjusted ones, a frame of ACTIONS.

    Of `symbols`, or of all that have both, by each of their vendors, who disagree on demergers. Raises CatalogError for
    a symbol without raw bars.
    """
    asked = symbols or [symbol for symbol in catalog.symbols("1d") if catalog.adjusted_sources(symbol)]
    found = [
        from_adjusted(symbol, _raw_days(catalog, symbol), catalog.adjusted_bars(symbol, source), source)
        for symbol in asked
        for source in catalog.adjusted_sources(symbol)
    ]
    return pl.concat([pl.DataFrame(schema=adjust.ACTIONS), *found]).sort(*_KEY, "source")


def from_adjusted(symbol: str, raw: pl.DataFrame, vendor: pl.DataFrame, source: str = "vendor") -> pl.DataFrame:
    """Return the actions of one instrument that its raw daily bars show against those that `source` adjusted.

    The factor is the ratio of adjusted to raw close before the ex-date, over that on it. Volumes are whole and large
    and tell it to seven digits, prices only to a tick: where both agree within a tick, the factor of the volumes is
    taken for both. Where a day between is missing at the vendor, the `source` says after which day the action was.
    """
    days = raw.with_columns(DAY).join(vendor.with_columns(DAY), on="day", how="left", suffix="_vendor")
    seen = days.with_row_index("row").filter(pl.col("close_e4_vendor").is_not_null())
    seen = seen.with_columns(
        ratio=pl.col("close_e4_vendor") / pl.col("close_e4"), volumes=pl.col("volume_vendor") / pl.col("volume")
    )
    rising = pl.col("close_e4_vendor")
    steps = seen.select(
        ex_date=pl.from_epoch("day", time_unit="d"),
        before=pl.from_epoch(pl.col("day").shift(), time_unit="d"),
        adjacent=pl.col("row").diff() == 1,
        price=pl.col("ratio").shift() / pl.col("ratio"),
        volume=pl.col("volumes") / pl.col("volumes").shift(),
        around=pl.col("ratio").rolling_median(_AROUND, min_samples=1).shift()
        / pl.col("ratio").reverse().rolling_median(_AROUND, min_samples=1).reverse(),
        tick=_TICK_E4 / rising + _TICK_E4 / rising.shift(),
    )
    found = steps.filter(_step("price") > STEP_MIN, _step("around") > STEP_MIN / 2)
    agree = ((pl.col("volume") / pl.col("price") - 1).abs() <= pl.col("tick")).fill_null(value=False)
    unmoved = ((pl.col("volume") - 1).abs() <= SAME_FACTOR).fill_null(value=False)
    unsure = pl.format(f"raw against adjusted by {source}, some day after {{}}", "before")
    factor = pl.when(agree).then("volume").otherwise("price")
    return found.select(
        pl.lit(symbol).alias("symbol"),
        "ex_date",
        price_factor=factor,
        volume_factor=pl.when(unmoved).then(1.0).otherwise(factor),
        source=pl.when("adjacent").then(pl.lit(f"raw against adjusted by {source}")).otherwise(unsure),
    )


def _raw_days(catalog: Catalog, symbol: str) -> pl.DataFrame:
    """Return the raw daily bars of an instrument; CatalogError, saying what there is, where it has none."""
    catalog.span(symbol, "1d")
    return series.read(series.path_of(catalog.root, symbol, "1d"), "1d")


def _step(name: str) -> pl.Expr:
    """Return how far a ratio lies from 1, alike for a half and for a double."""
    return pl.col(name).log().abs()


def read_previous_closes(path: pathlib.Path) -> pl.DataFrame:
    """Return `symbol`, `date` and `prev_close` in rupees of a file that prints it: a bhavcopy of any format.

    Only shares of the series EQ where the file names series. Raises DataError for a file that prints none.
    """
    frame = _read(path)
    letters = {re.sub("[^a-z0-9]", "", name.lower()): name for name in frame.columns}
    found = {ours: next((letters[name] for name in names if name in letters), None) for ours, names in _NAMES.items()}
    if None in (found["symbol"], found["date"], found["prev_close"]):
        raise DataError(f"{path} prints no previous close: name a bhavcopy, with its symbol, date and previous close")
    if found["series"]:
        frame = frame.filter(pl.col(found["series"]).str.strip_chars() == "EQ")
    return frame.select(
        symbol=_with_exchange(frame[str(found["symbol"])]),
        date=_dates(frame[str(found["date"])]),
        prev_close=pl.col(str(found["prev_close"])).cast(pl.String).str.strip_chars().cast(pl.Float64, strict=False),
    )


def from_previous_close(catalog: Catalog, printed: pl.DataFrame, source: str = "previous close") -> pl.DataFrame:
    """Return the actions where a printed previous close differs from the raw close of the session before.

    `printed` has `symbol`, `date` and `prev_close` in rupees. Only what can be seen is claimed: where the catalog has
    no raw daily bar of the session before, nothing is. Prices tell nothing of volumes, which are taken to move against
    them.
    """
    rows = printed.drop_nulls().unique(maintain_order=True)
    known = set(catalog.symbols("1d"))
    closes = [
        _raw_days(catalog, symbol).select(pl.lit(symbol).alias("symbol"), DAY, "close_e4")
        for symbol in rows["symbol"].unique(maintain_order=True)
        if symbol in known
    ]
    if not closes:
        return pl.DataFrame(schema=adjust.ACTIONS)
    before = {date: previous_session("NSE_EQ", date) for date in rows["date"].unique()}
    day = pl.col("date").replace_strict(before, return_dtype=pl.Date).to_physical().cast(pl.Int64)
    compared = rows.with_columns(day=day).join(pl.concat(closes), on=["symbol", "day"], how="inner")
    factor = pl.col("prev_close") * E4 / pl.col("close_e4")
    found = compared.with_columns(factor=factor).filter(_step("factor") > STEP_MIN)
    return found.select(
        "symbol",
        pl.col("date").alias("ex_date"),
        price_factor="factor",
        volume_factor="factor",
        source=pl.lit(source),
    ).sort(_KEY)


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _read(path: pathlib.Path) -> pl.DataFrame:
    try:
        if path.suffix == ".parquet":
            return pl.read_parquet(path)
        frame = pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{path} cannot be read as CSV or Parquet: {error}") from error
    return frame.rename(str.strip)


def _with_exchange(symbols: pl.Series) -> pl.Series:
    """Return symbols as `EXCHANGE:NAME`, those of NSE where the file names no exchange."""
    names = pl.col("symbol").cast(pl.String).str.strip_chars()
    named = pl.when(names.str.contains(":", literal=True)).then(names).otherwise("NSE:" + names)
    return symbols.alias("symbol").to_frame().select(named).to_series()


def _dates(column: pl.Series) -> pl.Series:
    if column.dtype == pl.Date or isinstance(column.dtype, pl.Datetime):
        return column.cast(pl.Date)
    text = column.cast(pl.String).str.strip_chars()
    read = [text.str.to_titlecase().str.to_date(form, strict=False).alias(form) for form in _DATE_FORMATS]
    return pl.DataFrame(read).select(pl.coalesce(_DATE_FORMATS)).to_series()
