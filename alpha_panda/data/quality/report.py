"""One row of figures per instrument and resolution, with a verdict on it.

Days are held against the calendar of the instrument, minutes against its sessions, prices against their own history.
Between the first and the last row of an instrument everything is expected. Before and after nothing is, but how many
sessions an instrument lies behind the newest of its resolution is told.
"""

import datetime
from collections.abc import Iterable, Sequence

import polars as pl

from alpha_panda.data import series
from alpha_panda.data.catalog import Catalog
from alpha_panda.data.files import DAY, collected
from alpha_panda.data.quality.presence import presence
from alpha_panda.data.quality.prices import leaps, repeats
from alpha_panda.data.quality.verdict import verdict
from alpha_panda.sessions import day_calendar, sessions

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
"""The columns of a report: null are minutes of daily bars, bars of ticks and the volume of an index."""

_BATCH = {"1d": 400, "1m": 16, "tick": 8}  # instruments looked at together, so that memory stays small


def quality(catalog: Catalog, symbols: Sequence[str] = (), resolution: str | None = None) -> pl.DataFrame:
    """Return the quality of `symbols`, or of all there are, at `resolution` or at each that they have.

    A frame with the columns of QUALITY, by symbol and resolution. Raises CatalogError for what the catalog lacks.
    """
    for symbol in symbols:
        held = catalog.resolutions(symbol)
        if not held:
            catalog.instrument(symbol)
        catalog.span(symbol, resolution or next(iter(held), "1d"))
    reports = [pl.DataFrame(schema=QUALITY)]
    for each in series.RESOLUTIONS if resolution is None else (series.known(resolution),):
        held = series.paths(catalog.root, each)
        newest = max(catalog.spans(each)["last"], default=datetime.date.min)
        for calendar, group in _by_calendar(catalog, [name for name in symbols or held if name in held], each).items():
            starts = range(0, len(group), _BATCH[each])
            reports += [
                _report(catalog, group[start : start + _BATCH[each]], each, calendar, newest) for start in starts
            ]
    figures = pl.concat(reports, how="diagonal_relaxed").drop("refused", "verdict")
    figures = figures.join(_refused(catalog), on=["symbol", "resolution"], how="left", maintain_order="left")
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
    catalog: Catalog, symbols: Sequence[str], resolution: str, calendar: str, newest: datetime.date
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
    date = pl.from_epoch("day", time_unit="d")
    figures = rows.group_by("symbol", maintain_order=True).agg(rows=pl.len(), first=date.first(), last=date.last())
    table = sessions(calendar, min(figures["first"]), newest)
    parts = [presence(rows, table, resolution == "tick"), leaps(rows, catalog.actions())]
    if resolution == "1d":
        parts[0] = parts[0].drop("minutes_expected", "minutes_missing", "gap_minutes_max")
    if resolution != "tick":
        indices = catalog.listings().filter(pl.col("kind") == "INDEX")["symbol"].to_list()
        parts.append(repeats(rows, within_day=resolution == "1m", indices=indices))
    for part in parts:
        figures = figures.join(part, on="symbol", how="left", maintain_order="left")
    return figures.with_columns(resolution=pl.lit(resolution))


# ── At ingest ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _refused(catalog: Catalog) -> pl.DataFrame:
    """Return how many rows of each symbol and resolution were refused at ingest, by reason.

    What the reports of files count in all, this tells apart by instrument; rows that name none are left out.
    """
    keys = ["symbol", "resolution"]
    paths = sorted((catalog.root / "quarantine").glob("*.parquet"))
    schema = {**dict.fromkeys(keys, pl.String()), "reason": pl.String(), "rows": pl.Int64()}
    counted = [
        pl.scan_parquet(path).group_by(*keys, reason="defect").agg(rows=pl.len().cast(pl.Int64)) for path in paths
    ]
    found = collected(pl.concat([pl.LazyFrame(schema=schema), *counted]), paths)
    by_reason = found.drop_nulls().group_by(*keys, "reason").agg(pl.col("rows").sum()).sort(*keys, "reason")
    return by_reason.group_by(keys).agg(refused=pl.struct("reason", "rows"))
