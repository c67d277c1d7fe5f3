"""`alpha-panda causality`: whether anything that a strategy or a signal says of the past depends on the future."""

from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from alpha_panda.backtest.causality.prove import causality
from alpha_panda.backtest.causality.report import Check
from alpha_panda.cli.options import DataOfStudy, First, Instruments, Json, Last, Resolution
from alpha_panda.errors import CatalogError
from alpha_panda.terminal import print_json, progress, show, table

_HELP_TARGET = "A strategy by name or file, a function of frames as FILE.py:function, or a profile as live/paper.toml."


def prove_causality(
    target: Annotated[str, Parameter(name="TARGET", help=_HELP_TARGET)],
    /,
    *,
    data: DataOfStudy = None,
    first: First = None,
    last: Last = None,
    instruments: Instruments = (),
    resolution: Resolution = None,
    json: Json = False,
) -> None:
    """Try whether a strategy or a signal knows the future: on prefixes, under other futures, in other blocks.

    Exit code 10 says that it does. Where the catalog is empty, it is tried on a synthetic market.
    """
    if data is not None and not data.exists():
        raise CatalogError(f"there is no folder {data}: leave --data out to try the target on a synthetic market")
    with progress("causality", shown=not json) as tell:
        report = causality(
            target,
            data=data,
            first=first,
            last=last,
            instruments=instruments,
            resolution=resolution,
            progress=tell,
        )
    if json:
        first_found = report.first
        print_json(
            {
                "target": report.target,
                "holds": report.holds,
                "markets": list(report.markets),
                "first": None if first_found is None else vars(first_found),
                "checks": report.frame.rows(named=True),
            }
        )
    else:
        columns = ("on", "check", "compared>", "")
        show(table(f"Causality of {report.target}", columns, map(_row, report.checks)), *report.markets)
    report.check()


def _row(check: Check) -> tuple[str, str, str, Text]:
    verdict = Text("holds", "green") if check.finding is None else Text(str(check.finding), "bold red")
    return check.market, check.name, f"{check.compared:,}", verdict
