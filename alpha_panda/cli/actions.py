"""`alpha-panda data actions`: corporate actions into the catalog, from files or found in prices."""

import pathlib
from typing import Annotated

import polars as pl
from cyclopts import Parameter
from rich.console import RenderableType

from alpha_panda.cli.options import Data, Json
from alpha_panda.data.actions import add, detect, from_previous_close, read_actions, read_previous_closes
from alpha_panda.data.adjust import ACTIONS
from alpha_panda.data.catalog import Catalog
from alpha_panda.terminal import print_json, show, table

Files = Annotated[list[pathlib.Path], Parameter(name="FILE", negative=(), help="Files, as many as you like.")]


def add_files(paths: Files, /, *, data: Data = pathlib.Path("data"), json: Json = False) -> None:
    """Add the corporate actions of CSV or Parquet files; doing it twice changes nothing.

    A file has the columns symbol, ex_date and price_factor, perhaps volume_factor and source. What the catalog has
    stays: what contradicts it is shown and left out.
    """
    catalog = Catalog(data)
    read = [(path, read_actions(path)) for path in paths]
    stored = [(path, add(catalog, actions)) for path, actions in read]
    conflicts = pl.concat([each.conflicts for _, each in stored])
    if json:
        files = [{"path": path, "written": each.written, "present": each.present} for path, each in stored]
        print_json({"files": files, "conflicts": conflicts.rows(named=True)})
        return
    rows = [(path.name, f"{each.written:,}", f"{each.present:,}", f"{len(each.conflicts):,}") for path, each in stored]
    show(table(f"Corporate actions into {data}", ("file", "new>", "present>", "contradicting>"), rows))
    for row in conflicts.iter_rows(named=True):
        show(
            f"left out: {row['symbol']} on {row['ex_date']} with the factor {row['price_factor']:.6g}, "
            f"since the catalog has {row['held_price']:.6g}; correct {data / 'actions.parquet'} if that is wrong"
        )


def detect_actions(
    bhavcopies: Annotated[
        tuple[pathlib.Path, ...],
        Parameter(name="BHAVCOPY", negative=(), help="Files that print a previous close; else adjusted bars are used."),
    ] = (),
    /,
    *,
    keep: Annotated[bool, Parameter("--keep", negative=(), help="Add what is found to the catalog.")] = False,
    data: Data = pathlib.Path("data"),
    json: Json = False,
) -> None:
    """Find corporate actions where the raw daily bars of the catalog step against a vendor's adjusted ones.

    With bhavcopies, where the previous close that they print differs from the raw close of the session before.
    """
    catalog = Catalog(data)
    found = detect(catalog) if not bhavcopies else _in_bhavcopies(catalog, bhavcopies)
    kept = add(catalog, found) if keep else None
    if json:
        print_json({"actions": found.rows(named=True), "written": kept.written if kept else 0})
        return
    show(_table("Corporate actions found", found) if len(found) else "no corporate action found")
    if kept is not None:
        show(f"added {kept.written:,}, present {kept.present:,}, contradicting {len(kept.conflicts):,}")


def list_actions(*, data: Data = pathlib.Path("data"), json: Json = False) -> None:
    """List the corporate actions of the catalog."""
    actions = Catalog(data).actions()
    if json:
        print_json({"data": data, "actions": actions.rows(named=True)})
    elif len(actions):
        show(_table(f"Corporate actions in {data}", actions))
    else:
        show(f"the catalog {data} holds no corporate actions: add them with `alpha-panda data actions add FILE`")


def _in_bhavcopies(catalog: Catalog, paths: tuple[pathlib.Path, ...]) -> pl.DataFrame:
    found = [
        from_previous_close(catalog, read_previous_closes(path), f"previous close in {path.name}") for path in paths
    ]
    return pl.concat([pl.DataFrame(schema=ACTIONS), *found]).sort("symbol", "ex_date", "source")


def _table(title: str, actions: pl.DataFrame) -> RenderableType:
    rows = [
        (symbol, str(date), f"{price:.6g}", f"{volume:.6g}", source)
        for symbol, date, price, volume, source in actions.select(ACTIONS.names()).rows()
    ]
    return table(title, ("instrument", "ex-date", "price ×>", "volume ÷>", "source"), rows)
