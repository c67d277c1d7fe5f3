"""`alpha-panda walkforward`: the best parameters of the past trade the days that follow, window after window."""

import pathlib
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import RenderableType

from alpha_panda.backtest.stats.text import percent, row, swept
from alpha_panda.backtest.validate.walk_forward import WalkForward, walk_forward
from alpha_panda.backtest.validate.windows import Span
from alpha_panda.cli.options import DataOfStudy, First, Instruments, Json, Last, Resolution
from alpha_panda.cli.sweep import parse_grid
from alpha_panda.terminal import print_json, progress, show, table

Figure = Literal["sharpe", "total_return", "profit_factor", "expectancy", "win_rate"]

_HELP_SET = "Values of a parameter, fast=5:50:5 or fast=5,8,13; once for each. Else the study's grid."
_HELP_SPAN = "trading days as a number, or a stretch of the calendar as 6w, 6mo or 1y; else as the study says."
_HELP_WORKERS = "Threads; else one for each processor."


def walk(
    question: Annotated[pathlib.Path, Parameter(name="STUDY", help="A study, as backtest/ema_cross_sweep.toml.")],
    /,
    *,
    train: Annotated[str | None, Parameter(help=f"Training window: {_HELP_SPAN}")] = None,
    test: Annotated[str | None, Parameter(help=f"Test window: {_HELP_SPAN}")] = None,
    anchored: Annotated[bool | None, Parameter(help="Train on everything from the first day on.")] = None,
    by: Annotated[Figure | None, Parameter(help="The figure that chooses; else as the study says, or sharpe.")] = None,
    grid: Annotated[tuple[str, ...], Parameter("--set", negative=(), show_default=False, help=_HELP_SET)] = (),
    strategy: Annotated[str | None, Parameter(help="Which of the profile's strategies to sweep.")] = None,
    data: DataOfStudy = None,
    first: First = None,
    last: Last = None,
    instruments: Instruments = (),
    resolution: Resolution = None,
    workers: Annotated[int | None, Parameter(validator=Number(gte=1), help=_HELP_WORKERS)] = None,
    json: Json = False,
) -> None:
    """Choose parameters on one window of days and trade them on the next, through all there are."""
    with progress("walk forward", shown=not json) as tell:
        walked = walk_forward(
            question,
            train=_span(train),
            test=_span(test),
            anchored=anchored,
            by=by,
            grid=parse_grid(grid) if grid else None,
            strategy=strategy,
            data=data,
            first=first,
            last=last,
            instruments=instruments,
            resolution=resolution,
            workers=workers,
            progress=tell,
        )
    if json:
        print_json(as_json(walked))
    else:
        show(*_report(walked))


def as_json(walked: WalkForward) -> dict[str, Any]:
    """Return windows, figures out of sample, what is left of those in sample, and how stable the parameters were."""
    return {
        "windows": walked.windows.rows(named=True),
        "stats": walked.stats,
        "degradation": walked.degradation.rows(named=True),
        "stability": walked.stability.rows(named=True),
        "notes": list(walked.notes),
    }


def _span(text: str | None) -> Span | None:
    return int(text) if text is not None and text.isdecimal() else text


def _report(walked: WalkForward) -> Iterable[RenderableType]:
    columns = ("test from", "to", *(f"{name}>" for name in walked.parameters), *_WINDOW)
    yield table("Windows", columns, [_window(walked, row) for row in walked.windows.rows(named=True)])
    left = [
        (row["figure"].replace("_", " "), *(_number(row[name]) for name in ("in_sample", "out_of_sample", "ratio")))
        for row in walked.degradation.rows(named=True)
    ]
    yield table("What is left out of sample", ("figure", "in sample>", "out of sample>", "ratio>"), left)
    stability = [
        (row["parameter"], f"{row['most_frequent']:g}", f"{row['share']:.0%}", str(row["distinct"]))
        for row in walked.stability.rows(named=True)
    ]
    yield table("Stability", ("parameter", "most frequent>", "in>", "distinct>"), stability)
    yield table("Out of sample", ("figure", "value>"), [row(*figure) for figure in walked.stats.items()])
    yield from walked.notes


_WINDOW = ("train sharpe>", "test sharpe>", "train return>", "test return>", "trades>")


def _window(walked: WalkForward, row: dict[str, Any]) -> tuple[str, ...]:
    return (
        str(row["test_from"]),
        str(row["test_to"]),
        *(f"{row[name]:g}" for name in walked.parameters),
        *(swept("sharpe", row[name]) for name in ("train_sharpe", "test_sharpe")),
        *(percent(row[name], signed=False) for name in ("train_return", "test_return")),
        f"{row['test_trades']:,}",
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
