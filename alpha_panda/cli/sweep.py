"""`alpha-panda sweep`: combinations of parameters over past events, the best of them first."""

import decimal
import pathlib
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Literal

import polars as pl
from cyclopts import Parameter
from cyclopts.validators import Number

from alpha_panda.backtest.stats.text import swept
from alpha_panda.backtest.sweep import Engine, sweep
from alpha_panda.cli.options import Adjusted, DataOfStudy, First, Instruments, Json, Last, Resolution
from alpha_panda.errors import ConfigurationError
from alpha_panda.strategy import Value
from alpha_panda.terminal import print_json, progress, show, table

Figure = Literal["total_return", "sharpe", "profit_factor", "expectancy", "win_rate"]
"""What combinations may be sorted by: of each, more is better."""

_FIGURES = ("total_return", "equity", "sharpe", "max_drawdown", "trades", "win_rate", "profit_factor", "charges")
_VALUES_MAX = 10_000
_HELP_SET = (
    "Values of a parameter, fast=5:50:5 (both ends included) or fast=5,8,13; once for each. Else the study's grid."
)
_HELP_SAMPLE = "Run this many combinations by chance; of all that the strategy allows where there is no grid."
_HELP_OUT = "Write all of them to this file, .parquet, .csv or .duckdb: there, to the table named after the study."
_HELP_ENGINE = "Threads of this process, or tasks on the Ray cluster of RAY_ADDRESS, else on a local one."
_HELP_WORKERS = "Threads or local processes; else one for each processor."


def sweep_grid(
    question: Annotated[pathlib.Path, Parameter(name="STUDY", help="A study or a profile, as live/paper.toml.")],
    /,
    *,
    grid: Annotated[tuple[str, ...], Parameter("--set", negative=(), show_default=False, help=_HELP_SET)] = (),
    strategy: Annotated[str | None, Parameter(help="Which of the profile's strategies to sweep.")] = None,
    data: DataOfStudy = None,
    first: First = None,
    last: Last = None,
    instruments: Instruments = (),
    resolution: Resolution = None,
    adjusted: Adjusted = None,
    where: Annotated[str | None, Parameter(help="What parameters must satisfy, as 'fast < slow'.")] = None,
    sample: Annotated[int | None, Parameter(help=_HELP_SAMPLE)] = None,
    seed: Annotated[int | None, Parameter(help="Which sample: the same seed, the same combinations; else 0.")] = None,
    by: Annotated[Figure, Parameter(help="The figure that puts the best first.")] = "total_return",
    top: Annotated[int, Parameter(validator=Number(gte=1), help="How many of them to show.")] = 20,
    out: Annotated[pathlib.Path | None, Parameter(help=_HELP_OUT)] = None,
    engine: Annotated[Engine, Parameter(help=_HELP_ENGINE)] = "threads",
    workers: Annotated[int | None, Parameter(validator=Number(gte=1), help=_HELP_WORKERS)] = None,
    json: Json = False,
) -> None:
    """Run combinations of parameters over past events, each on an account of its own: a grid, or a sample of it."""
    with progress("sweep", shown=not json) as tell:
        frame = sweep(
            question,
            grid=parse_grid(grid) if grid else None,
            where=where,
            sample=sample,
            seed=seed,
            strategy=strategy,
            data=data,
            first=first,
            last=last,
            instruments=instruments,
            resolution=resolution,
            adjusted=adjusted,
            into=out,
            engine=engine,
            workers=workers,
            progress=tell,
        )
    best = frame.sort(by, descending=True, nulls_last=True, maintain_order=True).head(top)
    if json:
        print_json({"combinations": len(frame), "by": by, "out": out, "top": best.rows(named=True)})
    else:
        _show(frame, best, by)


def parse_grid(settings: Sequence[str]) -> dict[str, tuple[Value, ...]]:
    """Return the values of each `name=values`; ConfigurationError for what is none, or for a name given twice."""
    grid: dict[str, tuple[Value, ...]] = {}
    for setting in settings:
        name, equals, values = setting.partition("=")
        if not (name and equals and values):
            raise ConfigurationError(f"{setting!r} sets nothing: write a parameter and its values, as fast=5:50:5")
        if name in grid:
            raise ConfigurationError(f"{name} is set twice: give all its values at once, as {name}=5,8,13")
        grid[name] = _parse_values(setting, values)
    return grid


def _parse_values(setting: str, text: str) -> tuple[Value, ...]:
    """Return the values in `5,8,13`, or from first to last, both included, in `5:50:5`; the step is 1 if not said."""
    try:
        if ":" not in text:
            return tuple(_plain(Decimal(value)) for value in text.split(","))
        first, last, *steps = (Decimal(part) for part in text.split(":"))
        (step,) = steps or [Decimal(1)]
        steps_up = (last - first) / step
        rises = step > 0 and 0 <= steps_up < _VALUES_MAX
    except (decimal.DecimalException, ValueError, OverflowError):
        raise ConfigurationError(
            f"{setting!r} is not a range or a list of numbers: write fast=5:50:5 or 5,8,13"
        ) from None
    if not rises:
        raise ConfigurationError(
            f"{setting!r} does not rise from its first value to its last in up to {_VALUES_MAX} steps"
        )
    return tuple(_plain(first + number * step) for number in range(int(steps_up) + 1))


def _plain(value: Decimal) -> Value:
    """Return a number as it was written: 5 is whole, 5.0 is not."""
    return int(value) if value.as_tuple().exponent == 0 else float(value)


def _show(frame: pl.DataFrame, best: pl.DataFrame, by: str) -> None:
    parameters = frame.columns[: frame.columns.index("total_return")]
    figures = list(dict.fromkeys((by, *_FIGURES)))
    columns = [*parameters, *figures]
    rows = [
        (*(f"{row[name]:g}" for name in parameters), *(swept(name, row[name]) for name in figures))
        for row in best.rows(named=True)
    ]
    titles = [f"{name.replace('_', ' ')}>" for name in columns]
    show(table(f"The best {len(best):,} of {len(frame):,} combinations by {by.replace('_', ' ')}", titles, rows))
