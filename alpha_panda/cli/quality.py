"""`alpha-panda data quality`: what is missing in the catalog, and what looks wrong."""

import pathlib
from typing import Annotated

from cyclopts import Parameter

from alpha_panda.cli.options import Data, Json, Resolution
from alpha_panda.data.catalog import Catalog
from alpha_panda.data.quality import quality
from alpha_panda.terminal import print_json, show, table


def report_quality(
    symbols: Annotated[
        tuple[str, ...], Parameter(name="SYMBOL", negative=(), help="As NSE:INFY, as many as you like; else all.")
    ] = (),
    /,
    *,
    data: Data = pathlib.Path("data"),
    resolution: Resolution = None,
    json: Json = False,
) -> None:
    """Hold what the catalog has against calendars and its own past, and say what it is worth.

    Missing days and minutes, rows refused at ingest, prices that leap and come back, steps like an unadjusted corporate
    action, bars that repeat, bars without volume.
    """
    figures = quality(Catalog(data), symbols, resolution)
    if json:
        print_json({"data": data, "quality": figures.rows(named=True)})
        return
    columns = (
        "instrument",
        "resolution",
        "from",
        "to",
        "rows>",
        "sessions>",
        "minutes missing>",
        "refused>",
        "verdict",
    )
    rows = [
        (
            row["symbol"],
            row["resolution"],
            str(row["first"]),
            str(row["last"]),
            f"{row['rows']:,}",
            f"{row['sessions_present']:,}/{row['sessions_expected']:,}",
            "" if row["minutes_missing"] is None else f"{row['minutes_missing']:,}",
            f"{sum(refused['rows'] for refused in row['refused']):,}",
            row["verdict"].partition(":")[0],
        )
        for row in figures.iter_rows(named=True)
    ]
    show(table(f"The quality of the catalog {data}", columns, rows) if rows else f"the catalog {data} is empty")
    for row in figures.iter_rows(named=True):
        _, held_against, why = row["verdict"].partition(": ")
        if held_against:
            show(f"{row['symbol']} {row['resolution']}: {why}")
    for row in figures.iter_rows(named=True) if symbols else ():
        if row["days_missing"]:
            show(f"{row['symbol']} {row['resolution']} lacks {', '.join(map(str, row['days_missing']))}")
