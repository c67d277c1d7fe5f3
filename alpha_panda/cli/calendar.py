"""`alpha-panda data calendar`: when the exchange trades, and why not."""

import datetime
from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import Parameter

from alpha_panda.cli.options import First, Json, Last
from alpha_panda.errors import ConfigurationError
from alpha_panda.sessions import Day, Phase, days, known_years, phases
from alpha_panda.terminal import print_json, show, table
from alpha_panda.units import ist_datetime

Calendar = Annotated[
    str, Parameter("--calendar", help="NSE_EQ, NSE_EQ_FO (shares with futures), NFO or NSE_DAY (of daily bars).")
]


def show_calendar(*, first: First = None, last: Last = None, calendar: Calendar = "NSE_EQ", json: Json = False) -> None:
    """List the days on which the exchange differs from Monday to Friday; of a single day, its phases.

    Without a range, all the years of which the holidays are known.
    """
    since, until = known_years()
    begin = first or (min(last, since) if last else since)
    end = last or max(begin, until)
    if end < begin:
        raise ConfigurationError(f"the range from {begin} to {end} is empty: its end lies before its beginning")
    found = days(calendar, begin, end)
    if json:
        listed = [_as_json(day, phases(calendar, day.date)) for day in found]
        print_json({"calendar": calendar, "from": begin, "to": end, "days": listed})
    elif begin == end:
        _show_day(calendar, found[0])
    else:
        _show_days(calendar, found)


def _as_json(day: Day, parts: Sequence[Phase]) -> dict[str, Any]:
    phrased = [{"name": part.name, **_span(part.open_ns, part.close_ns), "note": part.note} for part in parts]
    hours = [_span(*session) for session in day.sessions]
    return {"date": day.date, "kind": day.kind, "reason": day.reason, "sessions": hours, "phases": phrased}


def _span(open_ns: int, close_ns: int) -> dict[str, datetime.datetime]:
    return {"open": ist_datetime(open_ns), "close": ist_datetime(close_ns)}


def _show_day(calendar: str, day: Day) -> None:
    title = f"{calendar} on {day.date:%A, %Y-%m-%d}: {day.kind}{f', {day.reason}' if day.reason else ''}"
    rows = [(_clocks(part.open_ns, part.close_ns), part.name, part.note) for part in phases(calendar, day.date)]
    show(table(title, ("IST", "phase", "note"), rows) if rows else title)


def _show_days(calendar: str, found: Sequence[Day]) -> None:
    rows = [
        (
            str(day.date),
            f"{day.date:%a}",
            day.kind,
            ", ".join(_clocks(*session) for session in day.sessions),
            day.reason,
        )
        for day in found
        if day.kind not in ("session", "weekend")
    ]
    title = f"{calendar}, {found[0].date} to {found[-1].date}: days out of the ordinary"
    show(table(title, ("date", "", "what", "IST", "why"), rows))
    show(f"sessions on {sum(bool(day.sessions) for day in found):,} of {len(found):,} days")


def _clocks(open_ns: int, close_ns: int) -> str:
    return f"{ist_datetime(open_ns):%H:%M} to {ist_datetime(close_ns):%H:%M}"
