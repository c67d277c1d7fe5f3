"""Exchange sessions as data: when each calendar trades, per date.

The facts, and how far each can be trusted, stand in `calendars.toml` beside this file. Holidays are known for 2019 to
2026: in any other year every weekday counts as a session. A date has no session, one, or two (drills at the disaster
recovery site, the outage of 2021-02-24). A session is continuous trading; what surrounds it, auctions above all, are
`phases`. Every calendar names the calendar of days to which its daily bars belong.
"""

import datetime
import functools
import pathlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from alpha_panda.errors import DataError
from alpha_panda.kernels.records import SESSION, Records
from alpha_panda.units import DAY_NS, IST_OFFSET_NS, ist_date, ist_time_ns, parse_clock

Days = npt.NDArray[np.int64]  # days since 1970-01-01
SessionArray = Records  # of dtype SESSION

CONTINUOUS = "continuous"
"""The phase in which orders meet as they come: the sessions of the kernels."""

_FILE = pathlib.Path(__file__).with_name("calendars.toml")
_EPOCH = datetime.date(1970, 1, 1)
_THURSDAY = 3  # the weekday of the epoch, Monday being 0
_SATURDAY = 5
_ODD_DAYS_MAX = 15  # more days in a row than the exchange was ever closed


class Phase(NamedTuple):
    """A part of a trading day, from and until instants in nanoseconds UTC, with what there is to know of it."""

    name: str
    open_ns: int
    close_ns: int
    note: str


class Day(NamedTuple):
    """What a date is to an exchange, its sessions as opens and closes in nanoseconds UTC, and why it is so."""

    date: datetime.date
    kind: Literal["session", "special session", "holiday", "weekend", "hours not known"]
    sessions: tuple[tuple[int, int], ...]
    reason: str


def sessions(calendar: str, first: datetime.date, last: datetime.date) -> SessionArray:
    """Return the sessions of `calendar` on the dates from `first` to `last`, both included.

    An array of dtype SESSION in time order, opens and closes in nanoseconds UTC. Raises DataError for an unknown
    calendar, for dates before its first known hours, and when `last` lies before `first`.
    """
    found = _calendar(calendar)
    if last < first:
        raise DataError(f"no sessions lie between {first} and {last}: the last date comes before the first")
    if _day(first) < found.hours_from[0]:
        earliest = _EPOCH + datetime.timedelta(days=int(found.hours_from[0]))
        raise DataError(f"the hours of {calendar} before {earliest} are not known: {first} is too early")
    days = np.arange(_day(first), _day(last) + 1, dtype=np.int64)
    normal = _normal_sessions(found, days[found.trades_normally(days)])
    special = found.special[(found.special_days >= days[0]) & (found.special_days <= days[-1])]
    both = np.concatenate([normal, special])
    return both[np.argsort(both["open_ns"])]


def session_of(calendar: str, date: datetime.date) -> tuple[int, int] | None:
    """Return when `calendar` first opens and last closes on `date`, in nanoseconds UTC; None without trading."""
    rows = sessions(calendar, date, date)
    return (int(rows["open_ns"][0]), int(rows["close_ns"][-1])) if len(rows) else None


def is_session(calendar: str, date: datetime.date) -> bool:
    """Return whether `calendar` trades on `date`."""
    return session_of(calendar, date) is not None


def next_session(calendar: str, date: datetime.date) -> datetime.date:
    """Return the first date after `date` on which `calendar` trades."""
    rows = sessions(calendar, date + datetime.timedelta(days=1), date + datetime.timedelta(days=_ODD_DAYS_MAX))
    return ist_date(int(rows["open_ns"][0]))


def previous_session(calendar: str, date: datetime.date) -> datetime.date:
    """Return the last date before `date` on which `calendar` traded."""
    rows = sessions(calendar, date - datetime.timedelta(days=_ODD_DAYS_MAX), date - datetime.timedelta(days=1))
    return ist_date(int(rows["open_ns"][-1]))


def days(calendar: str, first: datetime.date, last: datetime.date) -> tuple[Day, ...]:
    """Return what each date from `first` to `last` is to `calendar`, both included; raises as `sessions` does."""
    spans: dict[datetime.date, tuple[tuple[int, int], ...]] = {}
    for opens_ns, closes_ns in sessions(calendar, first, last).tolist():
        spans[ist_date(opens_ns)] = (*spans.get(ist_date(opens_ns), ()), (opens_ns, closes_ns))
    dates = (first + datetime.timedelta(days=count) for count in range((last - first).days + 1))
    return tuple(_day_of(date, spans.get(date, ())) for date in dates)


def phases(calendar: str, date: datetime.date) -> tuple[Phase, ...]:
    """Return the phases of `calendar` on `date` in order of time, as far as they are known; none without trading.

    Auctions are not sessions: no order of ours meets them. A random close is given as the latest possible.
    """
    rows = sessions(calendar, date, date).tolist()
    name = "whole day" if day_calendar(calendar) == calendar else CONTINUOUS
    found = [Phase(name, opens_ns, closes_ns, "") for opens_ns, closes_ns in rows]
    for table in _facts()["phases"] if rows else ():
        if calendar in table["calendars"] and _in_force(calendar, table, date):
            found += [_phase(date, *part) for part in table["parts"]]
    return tuple(sorted(found, key=lambda phase: phase.open_ns))


def day_calendar(calendar: str) -> str:
    """Return the calendar of days to which the daily bars of `calendar` belong."""
    return _calendar(calendar).day


def at_day_close(calendar: str, times_ns: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return when the day of each instant is over, which is when its daily bar is known.

    That is the last close of its IST date on the calendar of days; an instant of a day without a session stays.
    """
    if not len(times_ns):
        return times_ns
    table = sessions(day_calendar(calendar), ist_date(int(times_ns.min())), ist_date(int(times_ns.max())))
    if not len(table):
        return times_ns
    close_days, own_days = ((times + IST_OFFSET_NS) // DAY_NS for times in (table["close_ns"], times_ns))
    row = np.searchsorted(close_days, own_days, side="right") - 1
    return np.where((row >= 0) & (close_days[row] == own_days), table["close_ns"][row], times_ns)


def inside(table: SessionArray, times_ns: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return which instants lie in a session of `table`: at or after its open and before its close."""
    if not len(table):
        return np.zeros(len(times_ns), dtype=np.bool_)
    row = np.searchsorted(table["open_ns"], times_ns, side="right") - 1
    return (row >= 0) & (times_ns < table["close_ns"][row])


def known_years() -> tuple[datetime.date, datetime.date]:
    """Return the first and the last day of the years of which the holidays are known."""
    years = {datetime.date.fromisoformat(date).year for date in _facts()["holidays"]}
    return datetime.date(min(years), 1, 1), datetime.date(max(years), 12, 31)


def calendars() -> tuple[str, ...]:
    """Return the names of all calendars, sorted."""
    return tuple(sorted(_facts()["calendars"]))


@dataclass(frozen=True)
class _Calendar:
    """The rules of one calendar, as arrays."""

    day: str  # the calendar of its daily bars
    hours_from: Days  # the day on which each row of hours comes into force
    hours: SessionArray  # opens and closes since IST midnight
    closed: Days  # holidays and days whose sessions are all special
    extra: Days  # Saturdays and Sundays with the hours of a normal day
    special: SessionArray
    special_days: Days  # of each row of `special`

    def trades_normally(self, days: Days) -> npt.NDArray[np.bool_]:
        """Return which of `days` have the hours of a normal day."""
        weekday = (days + _THURSDAY) % 7 < _SATURDAY
        return (weekday & ~np.isin(days, self.closed)) | np.isin(days, self.extra)


def _normal_sessions(calendar: _Calendar, days: Days) -> SessionArray:
    in_force = np.searchsorted(calendar.hours_from, days, side="right") - 1
    rows = calendar.hours[in_force]
    midnights_ns = days * DAY_NS - IST_OFFSET_NS
    rows["open_ns"] += midnights_ns
    rows["close_ns"] += midnights_ns
    return rows


@functools.cache
def _facts() -> dict[str, Any]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


@functools.cache
def _calendar(name: str) -> _Calendar:
    facts = _facts()
    if name not in facts["calendars"]:
        raise DataError(f"{name!r} is not a calendar that we have: choose one of {', '.join(calendars())}")
    hours = facts["calendars"][name]["hours"]
    holidays = [_day(datetime.date.fromisoformat(date)) for date in facts["holidays"]]
    timed = [day for day in facts["special"] if "hours" in day]
    day_name = facts["calendars"][name]["day"]
    special = [(_day(day["date"]), row) for day in timed for row in _parts(day["hours"], whole=name == day_name)]
    return _Calendar(
        day=day_name,
        hours_from=np.array([_day(row["from"]) for row in hours], dtype=np.int64),
        hours=_session_rows([(0, (row["open"], row["close"])) for row in hours]),
        closed=np.array([*holidays, *(_day(day["date"]) for day in timed)], dtype=np.int64),
        extra=np.array([_day(day["date"]) for day in facts["special"] if "hours" not in day], dtype=np.int64),
        special=_session_rows([(day * DAY_NS - IST_OFFSET_NS, row) for day, row in special]),
        special_days=np.array([day for day, _ in special], dtype=np.int64),
    )


def _parts(hours: list[tuple[str, str]], whole: bool) -> list[tuple[str, str]]:
    """Return the sessions of a special day; the `whole` day is one, for its daily bar meets the orders of all parts."""
    return [(hours[0][0], hours[-1][1])] if hours and whole else hours


def _in_force(calendar: str, table: Mapping[str, Any], date: datetime.date) -> bool:
    """Return whether phases are those of `date`: of that day alone, or of the days with normal hours in their range."""
    if "on" in table:
        return table["on"] == date
    normal = bool(_calendar(calendar).trades_normally(np.array([_day(date)]))[0])
    return normal and table["from"] <= date < table.get("until", datetime.date.max)


def _phase(date: datetime.date, name: str, opens: str, closes: str, note: str) -> Phase:
    return Phase(name, ist_time_ns(date, parse_clock(opens)), ist_time_ns(date, parse_clock(closes)), note)


def _day_of(date: datetime.date, spans: tuple[tuple[int, int], ...]) -> Day:
    facts = _facts()
    special = next((day["reason"] for day in facts["special"] if day["date"] == date), "")
    if special:
        return Day(date, "special session" if spans else "hours not known", spans, special)
    if date.weekday() >= _SATURDAY:
        return Day(date, "weekend", (), "")
    return Day(date, "session" if spans else "holiday", spans, facts["holidays"].get(str(date), ""))


def _session_rows(rows: list[tuple[int, tuple[str, str]]]) -> SessionArray:
    """Return sessions from (origin in nanoseconds, open and close as `HH:MM`) pairs."""
    return np.array(
        [(at + parse_clock(opens), at + parse_clock(closes)) for at, (opens, closes) in rows], dtype=SESSION
    )


def _day(date: datetime.date) -> int:
    return (date - _EPOCH).days
