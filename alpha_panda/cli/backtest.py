"""`alpha-panda backtest`: a profile or a study over past events, and what came of it."""

import datetime
import itertools
import pathlib
from collections.abc import Iterable
from typing import Annotated, Any

import polars as pl
from cyclopts import Parameter
from rich.console import RenderableType

from alpha_panda.backtest.result import Result
from alpha_panda.backtest.run import run
from alpha_panda.backtest.stats import FIGURES, text
from alpha_panda.backtest.stats.figure import Statistic
from alpha_panda.cli.options import Adjusted, DataOfStudy, First, Instruments, Json, Last, Resolution
from alpha_panda.terminal import print_json, progress, show, table


def backtest(
    question: Annotated[pathlib.Path, Parameter(name="PROFILE", help="A profile or a study, as live/paper.toml.")],
    /,
    *,
    data: DataOfStudy = None,
    first: First = None,
    last: Last = None,
    instruments: Instruments = (),
    resolution: Resolution = None,
    adjusted: Adjusted = None,
    json: Json = False,
) -> None:
    """Run a profile or a study over past events."""
    with progress("backtest", shown=not json) as tell:
        result = run(
            question,
            data=data,
            first=first,
            last=last,
            instruments=instruments,
            resolution=resolution,
            adjusted=adjusted,
            progress=tell,
        )
    if json:
        print_json(as_json(result))
    else:
        show(*_report(result))


def as_json(result: Result) -> dict[str, Any]:
    """Return the figures that live reports too, under the same names, and those that only a backtest has.

    `names` has the machine name of each label in `stats`; durations are in seconds.
    """
    return {
        **result.summary,
        "stats": {label: _plain(value) for label, value in result.stats.items()},
        "names": {figure.label: figure.name for figure in FIGURES},
        "notes": result.notes,
        "refusals": dict(_counted(result.refusals, "code")),
        "exits": dict(_counted(result.trades, "exit_reason")),
        "charges_itemised": result.charges.rows(named=True),
    }


def _report(result: Result) -> Iterable[RenderableType]:
    """Yield the parts of the report: figures, trades, refusals, charges and the hash."""
    title = f"{', '.join(result.names.strategies)} on {len(result.universe):,} instruments"
    counted = [(name, f"{result.summary[name]:,}") for name in ("events", "signals", "approved")]
    yield table(title, ("passed", "times>"), counted)
    for group, figures in itertools.groupby(FIGURES, lambda figure: figure.group):
        rows = [text.row(figure.label, result.stats[figure.label]) for figure in figures]
        yield table(group, ("figure", "value>"), rows)
    if len(result.trades):
        columns = ("strategy", "trades>", "won>", "net>", "best>", "worst>", "median held>")
        yield table("Closed trades", columns, map(_trades_row, _by_strategy(result.trades)))
    if len(result.refusals):
        rows = [(code.replace("_", " "), f"{count:,}") for code, count in _counted(result.refusals, "code")]
        yield table("Refused by risk", ("rule", "times>"), rows)
    items = [name for name in result.charges.columns if name != "strategy"]
    charged = [
        (row["strategy"], *(text.rupees(row[item]) for item in items)) for row in result.charges.rows(named=True)
    ]
    yield table("Charges", ("strategy", *(f"{item}>" for item in items)), charged)
    yield from (f"note: {note}" for note in result.notes)
    yield f"ledger {result.ledger_hash}"


def _plain(value: Statistic) -> Any:
    """Return a figure as JSON can say it."""
    return value.total_seconds() if isinstance(value, datetime.timedelta) else value


def _by_strategy(trades: pl.DataFrame) -> Iterable[dict[str, Any]]:
    figures = trades.group_by("strategy", maintain_order=True).agg(
        trades=pl.len(),
        won=(pl.col("net") > 0).sum(),
        net=pl.col("net").sum(),
        best=pl.col("net").max(),
        worst=pl.col("net").min(),
        held=pl.col("held").median(),
    )
    return figures.rows(named=True)


def _trades_row(figures: dict[str, Any]) -> tuple[str, ...]:
    money = (text.rupees(figures[name], signed=True) for name in ("net", "best", "worst"))
    return figures["strategy"], f"{figures['trades']:,}", f"{figures['won']:,}", *money, text.duration(figures["held"])


def _counted(frame: pl.DataFrame, column: str) -> list[tuple[str, int]]:
    """Return how often each value stands in a column, the most frequent first, equal ones by name."""
    counts = frame.group_by(pl.col(column).cast(pl.String)).len()
    return counts.sort("len", column, descending=[True, False]).rows()
