"""What every reader has in common: what the caller said, what a reader returns, and how a column becomes a figure."""

import datetime
import pathlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import polars as pl

from alpha_panda.errors import DataError
from alpha_panda.units import DAY_NS, IST_OFFSET_NS, SECOND_NS, ist_time_ns

EARLIEST_NS, LATEST_NS = ist_time_ns(datetime.date(1994, 11, 3)), ist_time_ns(datetime.date(2100, 1, 1))
"""No stamp can be true from before NSE opened, nor from another century."""

Zone = Literal["IST", "UTC"]

_STAMPS = (
    # A year of two digits comes first, since `%Y` takes 20 for the year 20.
    *("%Y-%m-%d", "%d-%b-%y", "%d-%b-%Y", "%d-%m-%Y", "%d/%m/%Y", "%Y/%m/%d", "%Y%m%d", "%d%b%Y"),
    *("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"),
    *("%d-%m-%Y %H:%M:%S", "%d-%m-%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M"),
    *("%m/%d/%Y", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M"),
    *("%Y%m%d %H:%M:%S", "%Y%m%d %H:%M", "%d-%b-%Y %H:%M:%S", "%d-%b-%Y %H:%M"),
)
_ZONED_STAMPS = ("%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%d %H:%M:%S%.f%z", "%Y-%m-%dT%H:%M%z", "%Y-%m-%d %H:%M%z")
_SAMPLE = 1_000  # rows by which a format is chosen, before all are read with it

_MONTH = "JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC"
_DATES_IN_NAMES = (
    (r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)", "%Y-%m-%d"),
    (r"(?<!\d)(\d{4})_(\d{2})_(\d{2})(?!\d)", "%Y-%m-%d"),
    (r"(?<!\d)(\d{4})(\d{2})(\d{2})(?!\d)", "%Y-%m-%d"),
    (r"(?<!\d)(\d{2})(\d{2})(\d{4})(?!\d)", "%d-%m-%Y"),
    (rf"(?<!\d)(\d{{2}})({_MONTH})(\d{{4}})(?!\d)", "%d-%b-%Y"),
)


@dataclass(frozen=True)
class Given:
    """What the caller says of files that do not say it themselves."""

    symbol: str | None = None  # of the instrument
    adjusted: bool | None = None  # whether daily bars are after corporate actions
    on: datetime.date | None = None  # the day
    zone: Zone | None = None  # of stamps without one
    columns: Mapping[str, str] = field(default_factory=dict[str, str])  # what a file calls ours
    lot: int | None = None  # units of one contract


class Reading(NamedTuple):
    """The rows of a file in common terms, and what they are: a resolution of bars or ticks, contracts or instruments.

    `adjusted` is None for daily bars of which nobody said whether they are.
    """

    rows: pl.DataFrame
    holds: Literal["tick", "1m", "1d", "contracts", "instruments"]
    adjusted: bool | None = False


def date_of(path: pathlib.Path, given: Given) -> datetime.date:
    """Return the day of a file whose rows do not name it: as given, or as in its name; DataError if in neither."""
    if given.on is not None:
        return given.on
    found: set[datetime.date] = set()
    for pattern, form in _DATES_IN_NAMES:
        for parts in re.findall(pattern, path.name, re.IGNORECASE):
            try:
                found.add(datetime.datetime.strptime("-".join(parts), form).date())  # noqa: DTZ007  # a day has no zone
            except ValueError:
                continue
    likely = [day for day in found if EARLIEST_NS <= ist_time_ns(day) < LATEST_NS]
    if len(likely) != 1:
        raise DataError("it does not say of which day it is, nor does its name: say it with --on YYYY-MM-DD")
    return likely[0]


def prices(columns: Mapping[str, str]) -> dict[str, pl.Expr]:
    """Return figures in rupees by the name that each has in common terms; null for what is no number."""
    return {name: pl.col(column).cast(pl.Float64, strict=False) for name, column in columns.items()}


def counts(columns: Mapping[str, str]) -> dict[str, pl.Expr]:
    """Return whole numbers by the name that each has in common terms; null for what is none."""
    return {name: _count(column) for name, column in columns.items()}


def _count(column: str) -> pl.Expr:
    number = pl.col(column).cast(pl.Float64, strict=False)
    return pl.when(number == number.floor()).then(number).cast(pl.Int64, strict=False)


def dates(values: pl.Series) -> pl.Series:
    """Return text, dates or times as dates of IST; null for what is none."""
    days = (instants(values) + IST_OFFSET_NS) // DAY_NS
    return days.cast(pl.Int32).cast(pl.Date)


def instants(values: pl.Series, zone: Zone | None = None) -> pl.Series:
    """Return stamps as `time_ns`, nanoseconds UTC; a stamp that names no zone is of `zone`, or of IST.

    Null for what is no stamp, or one that cannot be true. A date is the midnight with which it begins; a whole number
    counts seconds, or thousandths, millionths or billionths of one, since 1970 UTC.
    """
    if values.dtype == pl.String:
        values = _parsed(values)
    if values.dtype.is_integer():
        times = _since_1970(values)
    else:
        moments = values.cast(pl.Datetime("us")) if values.dtype == pl.Date else values
        zoned = isinstance(values.dtype, pl.Datetime) and values.dtype.time_zone is not None
        offset_us = 0 if zoned or (zone == "UTC" and values.dtype != pl.Date) else IST_OFFSET_NS // 1_000
        times = (moments.dt.epoch("us") - offset_us).cast(pl.Int64)
        times = times.set(~times.is_between(EARLIEST_NS // 1_000, LATEST_NS // 1_000), None) * 1_000
    return times.set(~times.is_between(EARLIEST_NS, LATEST_NS), None).alias("time_ns")


def _since_1970(values: pl.Series) -> pl.Series:
    times = values.cast(pl.Int64)
    largest = times.abs().max()
    for unit_ns in (SECOND_NS, 1_000_000, 1_000, 1):
        if isinstance(largest, int) and largest * unit_ns < LATEST_NS * 2:
            return times * unit_ns
    return times


def _parsed(texts: pl.Series) -> pl.Series:
    """Return texts read by the one format that fits most of them; times of many years have one format in a file."""
    sample = texts.drop_nulls().head(_SAMPLE)
    if sample.str.contains(r"^\d{9,19}$").all():
        return texts.cast(pl.Int64, strict=False)
    if sample.str.ends_with("Z").any():
        texts, sample = (each.str.replace("Z$", "+0000") for each in (texts, sample))
    best, missing = pl.Series(texts.name, [None] * len(texts), pl.Datetime("us")), len(texts)
    for form in (*_ZONED_STAMPS, *_STAMPS):
        if not _read(sample, form).null_count() <= len(sample) // 2:
            continue
        read = _read(texts, form)
        if read.null_count() < missing:
            best, missing = read, read.null_count()
        if missing == texts.null_count():
            break
    return best


def _read(texts: pl.Series, form: str) -> pl.Series:
    if "%H" not in form:
        return texts.str.to_date(form, strict=False)
    return texts.str.to_datetime(form, time_unit="us", strict=False)
