"""Walk-forward: the best parameters of the past trade the days that follow, window after window.

R. Pardo, "The Evaluation and Optimization of Trading Strategies" (2nd edition, 2008), chapters 11 and 12.
"""

import dataclasses
import functools
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from alpha_panda import config
from alpha_panda.backtest.grid import Axis, Condition
from alpha_panda.backtest.inputs import Date, Progress, Question, Selection, date_of
from alpha_panda.backtest.metrics import DAYS_A_YEAR
from alpha_panda.backtest.result import Result
from alpha_panda.backtest.stats import Statistic
from alpha_panda.backtest.sweep import digest_of, sweep_inputs
from alpha_panda.backtest.trials import remember
from alpha_panda.backtest.validate.asking import Asked, Choice, asked_of
from alpha_panda.backtest.validate.choosing import best_of, refuse_names
from alpha_panda.backtest.validate.stitched import Stitched
from alpha_panda.backtest.validate.windows import Span, Window, check_spans, windows_of
from alpha_panda.data.catalog import Catalog
from alpha_panda.data.events import EventArray
from alpha_panda.errors import ConfigurationError
from alpha_panda.instruments import Universe
from alpha_panda.strategy import Strategy, Value


@dataclasses.dataclass(frozen=True)
class WalkForward:
    """What the windows chose, and what came of it on the days that nobody had seen; ratios are fractions."""

    windows: pl.DataFrame  # train_from, train_to, test_from, test_to, the parameters, and figures of both sides
    parameters: tuple[str, ...]
    stitched: Stitched

    @property
    def results(self) -> Sequence[Result]:
        """The run of each test window."""
        return self.stitched.results

    @property
    def equity(self) -> pl.DataFrame:
        """`time` and `equity` of all test windows, in rupees, carried by their returns: see stitched.py."""
        return self.stitched.equity

    @property
    def daily(self) -> pl.DataFrame:
        """The return of each day out of sample."""
        return self.stitched.daily

    @property
    def stats(self) -> dict[str, Statistic]:
        """The figures out of sample, under the labels of a single run."""
        return self.stitched.stats

    @functools.cached_property
    def degradation(self) -> pl.DataFrame:
        """What is left of a figure out of sample: `figure`, `in_sample`, `out_of_sample` and their `ratio`.

        In sample it is the mean of the windows. Returns are those of a day, compounded. The ratio of returns is Pardo's
        walk-forward efficiency; it is null where there was nothing to lose.
        """
        rows = self.windows
        # Debts are no more than a loss of everything, of which a root can be taken.
        grown = np.maximum(1.0 + rows["train_return"].to_numpy(), 0.0) ** (1.0 / rows["train_days"].to_numpy()) - 1.0
        days, figures = len(self.daily), self.stitched.figures
        inside = {"return_a_day": float(grown.mean()), "sharpe": _mean(rows["train_sharpe"])}
        outside = {
            "return_a_day": max(1.0 + figures["total_return"], 0.0) ** (1.0 / days) - 1.0,
            "sharpe": figures["sharpe"],
        }
        made = pl.DataFrame(
            {"figure": list(inside), "in_sample": list(inside.values()), "out_of_sample": list(outside.values())},
            schema_overrides={"in_sample": pl.Float64, "out_of_sample": pl.Float64},
        ).fill_nan(None)
        kept = pl.when(pl.col("in_sample") > 0).then(pl.col("out_of_sample") / pl.col("in_sample"))
        return made.with_columns(kept.alias("ratio"))

    @functools.cached_property
    def stability(self) -> pl.DataFrame:
        """How much each `parameter` moved: `distinct`, `most_frequent`, its `share`, `changed`, `mean`, `deviation`.

        `share` and `changed` are shares of the windows, the latter of those after the first. Parameters that jump about
        say that the surface is flat, or noise.
        """
        return pl.DataFrame([_stability(self.windows[name]) for name in self.parameters])

    @functools.cached_property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the figures must know, one sentence each."""
        open_at_end = self.windows.filter(pl.col("held_at_end") > 0)
        found = list[str]()
        if len(open_at_end):
            found.append(
                f"{len(open_at_end)} of {len(self.windows)} test windows ended with open positions, which are valued "
                "at their last price without the charges of leaving them"
            )
        if self.stitched.tried.note:
            found.append(self.stitched.tried.note)
        return tuple(found)


def walk_forward(
    question: Question,
    *,
    train: Span | None = None,
    test: Span | None = None,
    anchored: bool | None = None,
    by: str | None = None,
    grid: Mapping[str, Axis] | None = None,
    where: Condition | None = None,
    sample: int | None = None,
    seed: int | None = None,
    strategy: str | None = None,
    data: Catalog | str | os.PathLike[str] | None = None,
    first: Date = None,
    last: Date = None,
    instruments: Sequence[str] = (),
    resolution: str | None = None,
    events: EventArray | None = None,
    universe: Universe | None = None,
    adjusted: bool | None = None,
    strategies: Mapping[str, Strategy] | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> WalkForward:
    """Sweep each training window, let its best combination trade the test window after it, and return what came of it.

    `train` and `test` are trading days, or stretches of the calendar such as `6mo` (see windows.py); `anchored` lets
    the training window grow from the first day. The best is the one with the highest `by` (`sharpe`, `total_return`,
    `profit_factor`, `expectancy` or `win_rate`), of equal ones the first. What is not said is as the study's
    `[walkforward]` has it. Nothing of a test window is seen before it is traded: its run begins with the training days,
    which warm up the indicators and trade nothing, on a fresh account with the profile's capital.

    The whole counts as one trial, that of its days out of sample. The other arguments are those of `sweep`;
    `progress(done, total)` is told in combinations. Raises an AlphaPandaError for anything that cannot be.
    """
    selection = Selection(data, date_of(first), date_of(last), instruments, resolution, events, universe, adjusted)
    asked = asked_of(question, strategy, selection, strategies, Choice(grid, where, sample, seed))
    terms = _terms(asked.study.walkforward, train, test, anchored, by)
    refuse_names(asked.combinations.columns, _ROW)
    windows = windows_of(asked.days.dates, terms.train, terms.test, terms.anchored)
    rows, results = list[dict[str, object]](), list[Result]()
    for number, window in enumerate(windows):
        tell = _part(progress, number, len(windows), len(asked.combinations))
        best = _trained(asked, window, terms.by, workers, tell)
        values = {name: best[name] for name in asked.combinations.columns}
        results.append(asked.traded(values, window.train_from, window.test_from, window.test_to))
        rows.append(_row(asked, window, values, best, results[-1]))
    sharpe = np.array([Stitched(results).figures["sharpe"] / math.sqrt(DAYS_A_YEAR)])
    tried = remember(asked.inputs, sharpe, "walk_forward", digest_of(asked.combinations), terms)
    frame = pl.DataFrame(rows, infer_schema_length=None).cast(dict.fromkeys(_RATIOS, pl.Float64)).fill_nan(None)
    return WalkForward(frame, tuple(asked.combinations.columns), Stitched(tuple(results), tried))


def _terms(
    said: config.WalkForward | None, train: Span | None, test: Span | None, anchored: bool | None, by: str | None
) -> config.WalkForward:
    """Return the windows that were asked for, as the study says where the caller does not."""
    train = said.train if train is None and said is not None else train
    test = said.test if test is None and said is not None else test
    if train is None or test is None:
        raise ConfigurationError("there are no windows to walk: give train and test, such as train=120 and test=20")
    check_spans(train, test)
    standing = said or config.WalkForward(train=train, test=test)
    changed = {"train": train, "test": test, "by": by or standing.by}
    return standing.model_copy(update=changed | {"anchored": standing.anchored if anchored is None else anchored})


def _trained(asked: Asked, window: Window, by: str, workers: int | None, progress: Progress | None) -> dict[str, Any]:
    """Return the row of the combination that was best in the training window."""
    inputs = asked.cut(window.train_from, window.train_to)
    swept = sweep_inputs(inputs, asked.combinations, workers=workers, progress=progress, counted=False)
    dates = asked.days.dates
    return best_of(swept, by, f"from {dates[window.train_from]} to {dates[window.train_to]}")


_RATIOS = ("train_sharpe", "test_sharpe", "train_return", "test_return", "held_at_end")
_ROW = (
    *("train_from", "train_to", "test_from", "test_to", "train_days", "test_days", "train_sharpe", "test_sharpe"),
    *("train_return", "test_return", "test_trades", "held_at_end"),
)


def _row(
    asked: Asked, window: Window, values: Mapping[str, Value], best: Mapping[str, Any], result: Result
) -> dict[str, object]:
    figures, account = Stitched((result,)).figures, result.account[0]
    return {
        **{name: asked.days.dates[number] for name, number in dataclasses.asdict(window).items()},
        **values,
        "train_days": window.train_to - window.train_from + 1,
        "test_days": window.test_to - window.test_from + 1,
        "train_sharpe": best["sharpe"],
        "test_sharpe": figures["sharpe"],
        "train_return": best["total_return"],
        "test_return": figures["total_return"],
        "test_trades": int(figures["trades"]),
        "held_at_end": float(account["gross_e4"] / max(account["equity_e4"], 1)),
    }


def _part(progress: Progress | None, number: int, of: int, combinations: int) -> Progress | None:
    """Return a progress that tells of one window among all."""
    if progress is None:
        return None
    return lambda done, total: progress(number * combinations + done, of * combinations)


def _mean(values: pl.Series) -> float:
    return float(np.nanmean(values.cast(pl.Float64).to_numpy())) if values.null_count() < len(values) else math.nan


def _stability(values: pl.Series) -> dict[str, object]:
    counts = values.value_counts(sort=True)
    numbers = values.cast(pl.Float64).to_numpy()
    return {
        "parameter": values.name,
        "distinct": len(counts),
        "most_frequent": float(counts[values.name][0]),
        "share": float(counts["count"][0]) / len(values),
        "changed": float((values.diff().drop_nulls() != 0).sum() / (len(values) - 1)) if len(values) > 1 else None,
        "mean": float(numbers.mean()),
        "deviation": float(numbers.std(ddof=1)) if len(values) > 1 else None,
    }
