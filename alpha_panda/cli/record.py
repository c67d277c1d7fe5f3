"""`alpha-panda record`: the ticks of a session into the catalog, to be traded again in a backtest."""

import dataclasses
import pathlib
from typing import Annotated

from cyclopts import Parameter

from alpha_panda.cli.options import Data, Json
from alpha_panda.data.catalog import Catalog
from alpha_panda.live.past.recorder import RecordReport, record
from alpha_panda.terminal import print_json, progress, show, table


def record_session(
    *,
    state: Annotated[pathlib.Path, Parameter(help="The directory of the session, live/state/….")],
    data: Data = pathlib.Path("data"),
    json: Json = False,
) -> None:
    """Merge the ticks of a session, which may be running, into the catalog; doing it twice changes nothing.

    Afterwards its day is there for `backtest --resolution tick`. What that will see otherwise than the session saw it
    is told.
    """
    with progress("record", shown=not json) as tell:
        report = record(state, Catalog(data), lambda done, total: tell(done, total, "record"))
    if json:
        print_json({**dataclasses.asdict(report), "exact": report.exact})
    else:
        _show(report)


def _show(report: RecordReport) -> None:
    days = f"{report.days[0]} to {report.days[-1]}" if report.days else "none"
    counts = (f"{count:,}" for count in (len(report.symbols), report.written, report.present, report.waiting))
    columns = ("days", "instruments>", "new>", "present>", "waiting>")
    show(table(f"The ticks of {report.state} into the catalog {report.catalog}", columns, [(days, *counts)]))
    if report.exact:
        show("a backtest over them sees what the session saw")
    for difference in report.differences:
        show(f"a backtest over them differs: {difference}")
