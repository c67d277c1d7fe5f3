"""Answers kept by what they depend on, so that a slider that moves back answers at once, and one that moves on soon.

`cached_run` and `cached_sweep` take the arguments of `run` and `sweep` and return the same bytes. A run stays in the
memory of this process, within bounds. A sweep is also kept as Parquet under `backtest/results/cache` in the working
directory, combination by combination, so that only those are run that were never asked. A change of the package, the
strategy, the profile, the instruments or the events asks anew; the folder may be deleted at any time.

Events that come from a catalog are read and hashed once, until its files change. An array that is given is hashed each
time, at about 2 GB a second, for it may have been written to since.
"""

import dataclasses
import os
import pathlib
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

import polars as pl

from alpha_panda.backtest.contents import content_key, is_kept
from alpha_panda.backtest.grid import Axis, Condition, alone, combinations_of, constants_of
from alpha_panda.backtest.inputs import BLOCK, Date, Inputs, Progress, Question, Selection, date_of, inputs_of, study_of
from alpha_panda.backtest.kept import KeptCatalog, Memory, SweepRows
from alpha_panda.backtest.metrics import daily_sharpes
from alpha_panda.backtest.result import Result
from alpha_panda.backtest.run import replay, run
from alpha_panda.backtest.sweep import digest_of, name_of, sweep, sweep_inputs
from alpha_panda.backtest.tables import check_target, write_table
from alpha_panda.backtest.trials import remember
from alpha_panda.config import Study
from alpha_panda.data.catalog import Catalog
from alpha_panda.strategy import Strategy

FOLDER = pathlib.Path("backtest/results/cache")
"""Where the rows of sweeps are kept, under the working directory."""

_RUNS: Memory[Result] = Memory(1 << 29)  # 512 MiB, of records: the frames made of them come on top
_ROWS: Memory[pl.DataFrame] = Memory(1 << 28)

_Arguments = ParamSpec("_Arguments")
_Answer = TypeVar("_Answer")


def _with_arguments_of(
    function: Callable[_Arguments, _Answer],
) -> Callable[[Callable[..., _Answer]], Callable[_Arguments, _Answer]]:
    """Say that a function takes the arguments of another, so that they are written down once."""
    return lambda cached: cached


@_with_arguments_of(run)
def cached_run(
    question: Question,
    *,
    strategies: Mapping[str, Strategy] | None = None,
    trade_from: Date = None,
    block: int = BLOCK,
    progress: Progress | None = None,
    **selected: Any,
) -> Result:
    """Return what `run` returns for these arguments, without running what was run before; raises what `run` raises.

    The events of the result can only be read, for all results over a part of a catalog share them.
    """
    study, folders = study_of(question)
    inputs = inputs_of(study, _selection(study, selected), strategies or {}, folders)
    begins = date_of(trade_from)
    key = content_key(inputs, "run", begins)
    kept = _RUNS.get(key)
    result = kept or _to_be_read(replay(inputs, block, progress, begins))
    # An answer from before also says how often the data has been asked since.
    tried = remember(inputs, daily_sharpes(result.account), begins)
    if kept is None or tried != kept.trials:
        result = dataclasses.replace(result, trials=tried)
        _RUNS.put(key, result, _bytes_of(result, inputs))
    return result


@_with_arguments_of(sweep)
def cached_sweep(
    question: Question,
    *,
    grid: Mapping[str, Axis] | None = None,
    where: Condition | None = None,
    sample: int | None = None,
    seed: int | None = None,
    strategy: str | None = None,
    strategies: Mapping[str, Strategy] | None = None,
    into: str | os.PathLike[str] | None = None,
    **arguments: Any,
) -> pl.DataFrame:
    """Return what `sweep` returns for these arguments, running only combinations that were never run before.

    Progress is told of those, and they are counted as trials. Raises what `sweep` raises.
    """
    if into is not None:
        check_target(pathlib.Path(into))
    study, folders = study_of(question)
    study = alone(study, strategy)
    selected = {name: arguments.pop(name) for name in _SELECTED & arguments.keys()}
    inputs = inputs_of(study, _selection(study, selected), strategies or {}, folders)
    combinations = combinations_of(study, inputs.strategies[0], grid, where, sample, seed)
    rows = _kept_rows(inputs, combinations, arguments)
    if into is not None:
        write_table(rows, pathlib.Path(into), name_of(question, study))
    return rows


def forget() -> None:
    """Forget the answers in the memory of this process."""
    for memory in (_RUNS, _ROWS):
        memory.clear()


# ── Inputs ───────────────────────────────────────────────────────────────────────────────────────────────────────────

_SELECTED = {field.name for field in dataclasses.fields(Selection)}


def _selection(study: Study, selected: Mapping[str, Any]) -> Selection:
    """Return the selection of these arguments, from a catalog that is read once."""
    dates: dict[str, Any] = {name: date_of(selected.get(name)) for name in ("first", "last")}
    selection = Selection(**{**selected, **dates})
    if selection.events is not None:
        return selection
    data = study.study.data if selection.data is None else selection.data
    root = data.root if isinstance(data, Catalog) else pathlib.Path(data)
    return dataclasses.replace(selection, data=KeptCatalog(root))


def _to_be_read(result: Result) -> Result:
    """Return a result whose records cannot be changed, for whoever asks the same again is given the same."""
    for array in (*vars(result.work).values(), result.account, result.books, result.quotes):
        array.flags.writeable = False
    events = result.events.view()
    events.flags.writeable = False
    return dataclasses.replace(result, events=events)


def _bytes_of(result: Result, inputs: Inputs) -> int:
    """Return what a result holds in memory besides the events of a catalog, which are kept elsewhere."""
    work = result.work
    records = (work.decisions, work.orders, work.fills, work.snapshots, result.books, result.quotes)
    return sum(array.nbytes for array in records) + (0 if is_kept(inputs.events) else inputs.events.nbytes)


# ── Rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _kept_rows(inputs: Inputs, combinations: pl.DataFrame, how: Mapping[str, Any]) -> pl.DataFrame:
    """Return `combinations` with their figures, those that are not kept from `sweep_inputs`, called as `how` says."""
    key, whole = _content_of(inputs), _whole(inputs, combinations)
    names, store = whole.columns, SweepRows(FOLDER, key)
    known = _known(key, names, store)
    new = whole if known is None else whole.join(known, on=names, how="anti", maintain_order="left")
    if known is None or len(new):
        made = sweep_inputs(inputs, new, **how)
        store.write(made, digest_of(new))
        known = made if known is None else pl.concat([known, made])
    _ROWS.put((FOLDER.absolute(), key), known, int(known.estimated_size()))
    figures = [name for name in known.columns if name not in names]
    return whole.join(known, on=names, how="left", maintain_order="left").select(*combinations.columns, *figures)


def _known(key: str, names: list[str], store: SweepRows) -> pl.DataFrame | None:
    """Return the rows of one content that are kept, in memory or else on disk."""
    known = _ROWS.get((FOLDER.absolute(), key))
    if known is not None:
        return known
    parts = store.read()
    return pl.concat(parts).unique(names, keep="first", maintain_order=True) if parts else None


def _content_of(inputs: Inputs) -> str:
    """Return the key of all combinations: it knows no parameter, since each row says all of its own."""
    (terms,) = inputs.profile.strategies
    bare = inputs.profile.model_copy(update={"strategies": (terms.model_copy(update={"parameters": {}}),)})
    return content_key(dataclasses.replace(inputs, profile=bare), "sweep")


def _whole(inputs: Inputs, combinations: pl.DataFrame) -> pl.DataFrame:
    """Return combinations with every parameter of the strategy, so that it does not matter who set it."""
    (strategy,) = inputs.strategies
    constants = constants_of(inputs.profile, strategy)
    types = {int: pl.Int64(), float: pl.Float64()}
    columns = [
        pl.col(name) if name in combinations.columns else pl.lit(constants[name], types[type(each.default)]).alias(name)
        for name, each in strategy.parameters.items()
    ]
    return combinations.select(columns)
