"""`alpha-panda data sql`: a question to the catalog in SQL."""

import datetime
import pathlib
from typing import Annotated, Any

import polars as pl
from cyclopts import Parameter

from alpha_panda.backtest.tables import check_target, write_table
from alpha_panda.cli.options import Data, Json
from alpha_panda.data.query import query
from alpha_panda.terminal import print_json, show, table

_ROWS_SHOWN = 100


def ask(
    sql: Annotated[str, Parameter(name="SELECT", help='What to ask, as "SELECT * FROM bars_1d LIMIT 5".')],
    /,
    *,
    data: Data = pathlib.Path("data"),
    out: Annotated[
        pathlib.Path | None, Parameter(help="Write the rows to this file, .parquet, .csv or .duckdb.")
    ] = None,
    json: Json = False,
) -> None:
    """Ask the catalog in SQL; SHOW TABLES says of what, DESCRIBE bars_1d in which columns.

    Prices are rupees, times IST. Nothing can be changed or written this way, but for the file named with --out.
    """
    if out is not None:
        check_target(out)
    answer = query(sql, data)
    if out is not None:
        write_table(answer, out, "answer")
    if json:
        print_json({"rows": len(answer), "out": out, "answer": None if out else answer.rows(named=True)})
    elif out is not None:
        show(f"{len(answer):,} rows in {out}")
    else:
        _show(answer)


def _show(answer: pl.DataFrame) -> None:
    columns = [f"{name}>" if kind.is_numeric() else name for name, kind in answer.schema.items()]
    show(
        table(
            f"{len(answer):,} row{'' if len(answer) == 1 else 's'}",
            columns,
            [tuple(map(_text, row)) for row in answer.head(_ROWS_SHOWN).iter_rows()],
        )
    )
    if len(answer) > _ROWS_SHOWN:
        show(f"these are the first {_ROWS_SHOWN}: add a LIMIT, or --out FILE.parquet for all of them")


def _text(value: Any) -> str:
    """Return a value as a table shows it: a number as it is, a missing one as a dash."""
    if value is None:
        return "–"
    return f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime.datetime) else str(value)
