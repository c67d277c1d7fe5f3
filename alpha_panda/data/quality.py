"""What the data of the catalog are worth: one row of figures per instrument and resolution, and a verdict in words.

Days are held against the calendar of the instrument, minutes against its sessions, prices against their own history.
Between the first and the last row of an instrument everything is expected. Before and after nothing is, but how many
sessions an instrument lies behind the newest of its resolution is told.
"""

import datetime
import re
from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl

from alpha_panda.data import series
from alpha_panda.data.catalog import Catalog
from alpha_panda.data.files import DAY
from alpha_panda.data.verdict import verdict
from alpha_panda.sessions import SessionArray, day_calendar, sessions
from alpha_panda.units import DAY_NS, IST_OFFSET_NS, MINUTE_NS, ist_date

QUALITY = pl.Schema(
    {
        "symbol": pl.String(),
        "resolution": pl.String(),
        "rows": pl.Int64(),
        "first": pl.Date(),
        "last": pl.Date(),
        "sessions_expected": pl.Int64(),
        "sessions_present": pl.Int64(),
        "days_missing": pl.List(pl.Date()),
        "sessions_behind": pl.Int64(),
        "minutes_expected": pl.Int64(),
        "minutes_missing": pl.Int64(),
        "gap_minutes_max": pl.Int64(),
        "outliers": pl.Int64(),
        "outlier_days": pl.List(pl.Date()),
        "action_suspects": pl.List(pl.Date()),
        "stale_bars": pl.Int64(),
        "stale_run_max": pl.Int64(),
        "zero_volume": pl.Float64(),
        "refused": pl.List(pl.Struct({"reason": pl.String(), "rows": pl.Int64()})),
        "verdict": pl.String(),
    }
)
"""The columns of a report; those on minutes are null for daily bars, those on bars for ticks, on volume for indices."""

OUTLIER_DEVIATIONS = 20.0
"""How many robust deviations (1.4826 median absolute deviations) an outlier leaps before it comes back."""

OUTLIER_RETURN = 0.01
"""The smallest leap, as a logarithm, that is called an outlier, however calm the instrument."""

ACTION_STEP = 0.2
"""The smallest step, as a logarithm, from a close to the open of the next day that looks like a corporate action."""

STALE_RUN = 5
"""How many equal bars in a row are stale."""

_PLAIN = re.compile("[^a-z]")
_SYMBOL_NAMES = ("symbol", "tckrsymb", "tradingsymbol")
_RETURNED = 0.25  # of a leap, at most, may be left one bar later
_NEXT_DAY_MAX = 5  # days between sessions that follow each other, over a long weekend
_MAD_TO_DEVIATION = 1.4826  # of a normal distribution
_BATCH = {"1d": 400, "1m": 16, "tick": 8}  # instruments looked at together, so that memory stays small


def quality(catalog: Catalog, symbols: Sequence[str] = (), resolution: str | None = None) -> pl.DataFrame:
    """Return the quality of `symbols`, or of all there are, at `resolution` or at each that they have.

    A frame with the columns of QUALITY, by symbol and resolution. Raises CatalogError for what the catalog lacks.
    """
    for symbol in symbols:
        catalog.span(symbol, resolution or next(iter(catalog.resolutions(symbol)), "1d"))
    reports = [pl.DataFrame(schema=QUALITY)]
    for each in series.RESOLUTIONS if resolution is None else (series.known(resolution),):
        held = series.paths(catalog.root, each)
        newest = max(catalog.spans(each)["last"], default=None)
        for calendar, group in _by_calendar(catalog, [name for name in symbols or held if name in held], each).items():
            starts = range(0, len(group), _BATCH[each])
            reports += [
                _report(catalog, group[start : start + _BATCH[each]], each, calendar, newest) for start in starts
            ]
    figures = pl.concat(reports, how="diagonal_relaxed").drop("refused", "verdict")
    figures = figures.join(_refused(catalog), on="symbol", how="left", maintain_order="left")
    words = [verdict(row) for row in figures.iter_rows(named=True)]
    told = figures.with_columns(pl.col("refused").fill_null([]), verdict=pl.Series(words, dtype=pl.String))
    return told.select(pl.col(name).cast(kind) for name, kind in QUALITY.items()).sort("symbol", "resolution")


def _by_calendar(catalog: Catalog, symbols: Iterable[str], resolution: str) -> dict[str, list[str]]:
    """Return the symbols of each calendar; daily bars keep that of the exchange's days."""
    calendars = dict(catalog.registry().listings.select("symbol", "calendar").iter_rows())
    grouped: dict[str, list[str]] = {}
    for symbol in symbols:
        calendar = calendars.get(symbol, "NSE_EQ")
        grouped.setdefault(day_calendar(calendar) if resolution == "1d" else calendar, []).append(symbol)
    return grouped


def _report(
    catalog: Catalog, symbols: Sequence[str], resolution: str, calendar: str, newest: datetime.date | None
) -> pl.DataFrame:
    """Return the figures of some instruments that trade by one calendar, of data that reach to `newest`."""
    rows = pl.concat(
        series.read(series.path_of(catalog.root, symbol, resolution), resolution).with_columns(
            pl.lit(symbol, pl.String).alias("symbol"), DAY
        )
        for symbol in symbols
    )
    if resolution == "tick":
        rows = rows.with_columns(open_e4="price_e4", close_e4="price_e4")
    reach = rows.group_by("symbol", maintain_order=True).agg(
        rows=pl.len(), first_ns=pl.col("time_ns").first(), last_ns=pl.col("time_ns").last()
    )
    last = max(newest or datetime.date.min, ist_date(max(reach["last_ns"])))
    table = sessions(calendar, ist_date(min(reach["first_ns"])), last)
    parts = [_presence(rows, reach, table, resolution), _leaps(rows, catalog.actions())]
    if resolution != "tick":
        indices = catalog.listings().filter(pl.col("kind") == "INDEX")["symbol"].to_list()
        parts.append(_repeats(rows, within_day=resolution == "1m", indices=indices))
    figures = reach.select("symbol", "rows", first=_date("first_ns"), last=_date("last_ns"))
    for part in parts:
        figures = figures.join(part, on="symbol", how="left", maintain_order="left")
    return figures.with_columns(resolution=pl.lit(resolution))


def _date(time_ns: str) -> pl.Expr:
    return pl.from_epoch((pl.col(time_ns) + IST_OFFSET_NS) // DAY_NS, time_unit="d")


# ── Days and minutes ─────────────────────────────────────────────────────────────────────────────────────────────────


def _presence(rows: pl.DataFrame, reach: pl.DataFrame, table: SessionArray, resolution: str) -> pl.DataFrame:
    """Return which sessions, and at minutes and ticks how many of their minutes, are there and are missing."""
    expected = pl.DataFrame({name: table[name] for name in ("open_ns", "close_ns")}).with_row_index("session")
    expected = reach.join(expected.with_columns(day=_date("open_ns")), how="cross")
    later = expected.filter(pl.col("day") > _date("last_ns"))
    behind = later.group_by("symbol").agg(sessions_behind=pl.col("day").n_unique())
    expected = expected.with_columns(
        pl.col("session").cast(pl.Int64),
        open_ns=pl.max_horizontal("open_ns", pl.col("first_ns") - MINUTE_NS),
        close_ns=pl.min_horizontal("close_ns", "last_ns"),
    )
    if resolution == "1d":  # a daily bar bears one instant, which need not be inside a day that was cut to it
        expected = expected.filter(pl.col("day").is_between(_date("first_ns"), _date("last_ns")))
    else:
        expected = expected.filter(pl.col("open_ns") < pl.col("close_ns"))
    minute_ns = (pl.col("time_ns") + MINUTE_NS - 1) // MINUTE_NS * MINUTE_NS
    row = np.searchsorted(table["open_ns"], rows["time_ns"].to_numpy() - 1, side="right") - 1
    seen = (
        rows.select("symbol", minute_ns.alias("minute_ns"), session=pl.Series(row))
        .group_by("symbol", "session", maintain_order=True)
        .agg(
            minutes=pl.col("minute_ns").n_unique(),
            opens_ns=pl.col("minute_ns").first(),
            closes_ns=pl.col("minute_ns").last(),
            leap_ns=pl.col("minute_ns").diff().max(),
        )
    )
    held = expected.join(seen, on=["symbol", "session"], how="left", maintain_order="left")
    present = pl.col("minutes").is_not_null().any().over("symbol", "day")
    length = (pl.col("close_ns") - pl.col("open_ns")) // MINUTE_NS
    gap_ns = pl.max_horizontal(
        pl.col("leap_ns") - MINUTE_NS,
        pl.col("opens_ns") - pl.col("open_ns") - MINUTE_NS,
        pl.col("close_ns") - pl.col("closes_ns"),
    )
    days = held.with_columns(present=present)
    minutes = (
        days.filter("present")
        .group_by("symbol")
        .agg(
            minutes_expected=length.sum(),
            minutes_missing=(length - pl.col("minutes").fill_null(0)).sum(),
            gap_minutes_max=(gap_ns // MINUTE_NS).fill_null(length).max(),
        )
    )
    counted = days.group_by("symbol", "day", maintain_order=True).agg(pl.col("present").first())
    told = counted.group_by("symbol").agg(
        sessions_expected=pl.len(),
        sessions_present=pl.col("present").sum(),
        days_missing=pl.col("day").filter(~pl.col("present")),
    )
    told = told.join(behind, on="symbol", how="left").with_columns(pl.col("sessions_behind").fill_null(0))
    return told if resolution == "1d" else told.join(minutes, on="symbol", how="left")


# ── Prices ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _leaps(rows: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Return closes that leap and come back, and overnight steps like those of a corporate action.

    A leap is measured in robust deviations of its kind of return, within a day or overnight. A step on the ex-date of a
    known action is explained.
    """
    change, nights = pl.col("close_e4").log().diff().over("symbol"), pl.col("day").diff().over("symbol").fill_null(0)
    gap = pl.col("open_e4").log() - pl.col("close_e4").log().shift().over("symbol")
    moves = rows.select("symbol", "day", change=change, nights=nights, overnight=nights > 0, gap=gap)
    spread = (pl.col("change") - pl.col("change").median()).abs().median() * _MAD_TO_DEVIATION
    widths = moves.group_by("symbol", "overnight").agg(width=spread)
    moves = moves.join(widths, on=["symbol", "overnight"], how="left", maintain_order="left")
    length, left = pl.col("change").abs(), (pl.col("change") + pl.col("change").shift(-1).over("symbol")).abs()
    wide = (length > OUTLIER_DEVIATIONS * pl.col("width")) & (length > OUTLIER_RETURN)
    steps = pl.col("overnight") & (pl.col("nights") <= _NEXT_DAY_MAX) & (pl.col("gap").abs() > ACTION_STEP)
    date = pl.from_epoch("day", time_unit="d")
    found = moves.select("symbol", date.alias("date"), leap=wide & (left < _RETURNED * length), step=steps)
    known = actions.select("symbol", date="ex_date", known=pl.lit(value=True))
    told = found.filter(pl.col("leap") | pl.col("step")).join(known, on=["symbol", "date"], how="left")
    suspect = pl.col("step") & pl.col("known").is_null()
    counted = told.group_by("symbol").agg(
        outliers=pl.col("leap").sum(),
        outlier_days=pl.col("date").filter("leap").unique().sort(),
        action_suspects=pl.col("date").filter(suspect).unique().sort(),
    )
    everyone = rows.select(pl.col("symbol").unique(maintain_order=True)).join(counted, on="symbol", how="left")
    no_days = pl.lit([], dtype=pl.List(pl.Date()))
    return everyone.with_columns(
        pl.col("outliers").fill_null(0), pl.col("outlier_days", "action_suspects").fill_null(no_days)
    )


def _repeats(rows: pl.DataFrame, within_day: bool, indices: Sequence[str]) -> pl.DataFrame:
    """Return how many bars stand in runs of equal ones, and the share without volume."""
    keys = ["symbol", "day"] if within_day else ["symbol"]
    figures = pl.struct("open_e4", "high_e4", "low_e4", "close_e4", "volume")
    new = (pl.struct(*keys, figures) != pl.struct(*keys, figures).shift()).fill_null(value=True)
    runs = (
        rows.select("symbol", "volume", run=new.cum_sum())
        .group_by("symbol", "run")
        .agg(length=pl.len(), silent=(pl.col("volume") == 0).sum())
    )
    stale = pl.col("length").filter(pl.col("length") >= STALE_RUN)
    share = pl.when(~pl.col("symbol").first().is_in(indices)).then(pl.col("silent").sum() / pl.col("length").sum())
    return runs.group_by("symbol").agg(stale_bars=stale.sum(), stale_run_max=pl.col("length").max(), zero_volume=share)


# ── At ingest ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _refused(catalog: Catalog) -> pl.DataFrame:
    """Return how many rows of each symbol were refused at ingest, by reason; rows that name no instrument are left out.

    What the reports of files count in all, this tells apart by instrument.
    """
    counted = [pl.DataFrame(schema={"symbol": pl.String(), "reason": pl.String(), "rows": pl.Int64()})]
    for path in sorted((catalog.root / "quarantine").glob("*.parquet")):
        columns = pl.read_parquet_schema(path)
        name = next((name for name in columns if _PLAIN.sub("", name.lower()) in _SYMBOL_NAMES), None)
        if name is None:
            continue
        symbol = pl.col(name).cast(pl.String).str.strip_chars()
        symbol = pl.when(symbol.str.contains(":", literal=True)).then(symbol).otherwise("NSE:" + symbol)
        refused = pl.scan_parquet(path).group_by(symbol.alias("symbol"), reason="defect").agg(rows=pl.len())
        counted.append(refused.with_columns(pl.col("rows").cast(pl.Int64)).drop_nulls().collect())
    by_reason = pl.concat(counted).group_by("symbol", "reason").agg(pl.col("rows").sum()).sort("symbol", "reason")
    return by_reason.group_by("symbol").agg(refused=pl.struct("reason", "rows"))
