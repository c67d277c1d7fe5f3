"""`alpha-panda data ingest`: files into the catalog, and what became of every row of them."""

import datetime
import pathlib
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from alpha_panda.cli.options import Data, Json, read_date
from alpha_panda.data.catalog import Catalog
from alpha_panda.data.ingest import IngestReport, Zone, ingest
from alpha_panda.errors import ConfigurationError
from alpha_panda.terminal import print_json, progress, show, table

_DaysAdjusted = Annotated[
    bool | None,
    Parameter(
        "--adjusted",
        negative="--raw",
        show_default=False,
        help="Whether daily bars that do not say so are adjusted for corporate actions.",
    ),
]
_HELP_ON = "The day of a list that names none, else in its name."
_HELP_COLUMN = "What a vendor calls one of our columns, as open=FIRST; repeat it for others."


def ingest_files(
    paths: Annotated[
        list[pathlib.Path], Parameter(name="PATH", negative=(), help="Files or folders, as many as you like.")
    ],
    /,
    *,
    data: Data = pathlib.Path("data"),
    adjusted: _DaysAdjusted = None,
    symbol: Annotated[str | None, Parameter(help="Of candles and bars that name no instrument, as NSE:INFY.")] = None,
    on: Annotated[datetime.date | None, Parameter(converter=read_date, help=_HELP_ON)] = None,
    zone: Annotated[Zone | None, Parameter(help="Of stamps that name none; else IST.")] = None,
    column: Annotated[tuple[str, ...], Parameter(negative=(), show_default=False, help=_HELP_COLUMN)] = (),
    lot: Annotated[
        int | None, Parameter(validator=Number(gte=1), help="Units of a contract, if nothing tells.")
    ] = None,
    json: Json = False,
) -> None:
    """Merge files, or folders of them, into the catalog; doing it twice changes nothing.

    A file's kind is told from its content: CSV, Parquet or JSON, packed or not. Rows with a defect go to the catalog's
    quarantine, each with its reason.
    """
    columns = _parse_columns(column)
    with progress("ingest", shown=not json) as tell:
        report = ingest(
            paths, Catalog(data), tell, symbol=symbol, adjusted=adjusted, on=on, zone=zone, columns=columns, lot=lot
        )
    if json:
        print_json(_as_json(report))
    else:
        _show(report, data)


def _parse_columns(settings: tuple[str, ...]) -> dict[str, str]:
    """Return what a vendor calls our columns, from `ours=theirs`; ConfigurationError for what is none."""
    columns: dict[str, str] = {}
    for setting in settings:
        ours, equals, theirs = setting.partition("=")
        if not (ours and equals and theirs):
            raise ConfigurationError(f"{setting!r} maps nothing: write our name of a column and theirs, as open=FIRST")
        if ours in columns:
            raise ConfigurationError(
                f"the column {ours} is mapped twice, to {columns[ours]} and to {theirs}: choose one"
            )
        columns[ours] = theirs
    return columns


def _as_json(report: IngestReport) -> dict[str, Any]:
    files = [
        {
            "path": file.path,
            "kind": file.source,
            "instruments": len(file.symbols),
            "rows": file.rows,
            "written": file.written,
            "present": file.present,
            "quarantined": file.quarantined,
        }
        for file in report.files
    ]
    totals = {"rows": report.rows, "written": report.written, "present": report.present}
    return {
        **totals,
        "quarantined": report.quarantined,
        "files": files,
        "passed_over": {str(path): why for path, why in report.passed_over.items()},
    }


def _show(report: IngestReport, data: pathlib.Path) -> None:
    columns = ("file", "kind", "instruments>", "rows>", "new>", "present>", "quarantined>")
    rows = [
        (
            file.path.name,
            file.source,
            *(f"{count:,}" for count in (len(file.symbols), file.rows, file.written, file.present)),
            f"{sum(file.quarantined.values()):,}",
        )
        for file in report.files
    ]
    show(table(f"Into the catalog {data}", columns, rows))
    if report.quarantined:
        reasons = [(reason, f"{count:,}") for reason, count in sorted(report.quarantined.items())]
        show(table(f"Kept out, in {data / 'quarantine'}", ("reason", "rows>"), reasons))
    for reason in report.passed_over.values():
        show(f"passed over: {reason}")
