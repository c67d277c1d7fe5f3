"""Cross-validation of a strategy's parameters over folds of days, each stretch of days with an account of its own."""

import dataclasses
import functools
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from alpha_panda.backtest.grid import Axis, Condition
from alpha_panda.backtest.inputs import Date, Progress, Question, Selection, date_of
from alpha_panda.backtest.metrics import DAYS_A_YEAR, RETURN_DAYS_MIN, annual_ratio
from alpha_panda.backtest.result import Result
from alpha_panda.backtest.sweep import digest_of
from alpha_panda.backtest.trials import remember
from alpha_panda.backtest.validate.asking import Asked, Choice, asked_of
from alpha_panda.backtest.validate.choosing import best_of, refuse_names
from alpha_panda.backtest.validate.folds import Fold, Folds, purged_folds
from alpha_panda.backtest.validate.returns import returns_of
from alpha_panda.backtest.validate.stitched import Stitched
from alpha_panda.data.catalog import Catalog
from alpha_panda.data.events import EventArray
from alpha_panda.errors import ConfigurationError
from alpha_panda.instruments import Universe
from alpha_panda.strategy import Strategy

Floats = npt.NDArray[np.float64]
OfDays = Literal["sharpe", "total_return"]

_ROW = (
    *("fold", "group", "test_from", "test_to", "train_days", "test_days"),
    *("train_sharpe", "test_sharpe", "train_return", "test_return"),
)


@dataclasses.dataclass(frozen=True)
class CrossValidation:
    """What the folds chose, and the paths through their tests; ratios are fractions."""

    folds: pl.DataFrame  # a row for each tested group: fold, group, its days, the parameters, figures of both sides
    stitched: tuple[Stitched, ...]  # one for each path

    @functools.cached_property
    def paths(self) -> pl.DataFrame:
        """`path`, `total_return`, `sharpe` and `max_drawdown` of each path, each of which tests every day once."""
        names = ("total_return", "sharpe", "max_drawdown")
        rows = [{"path": number, **{name: path.figures[name] for name in names}} for number, path in self._numbered]
        return pl.DataFrame(rows).fill_nan(None)

    @functools.cached_property
    def equity(self) -> pl.DataFrame:
        """`path`, `time` and `equity`: the stitched curve of each path."""
        numbered = [(pl.lit(number).alias("path"), path.equity) for number, path in self._numbered]
        return pl.concat([curve.select(number, "time", "equity") for number, curve in numbered])

    @property
    def _numbered(self) -> list[tuple[int, Stitched]]:
        return list(enumerate(self.stitched))


class Judged(NamedTuple):
    """What the daily returns of each combination add up to, so that stretches of days can be taken together."""

    days: int
    sums: Floats
    squares: Floats
    growth: Floats  # logarithm of the growth

    @classmethod
    def of(cls, returns: Floats) -> "Judged":
        """Return what returns (combinations, days) add up to; who lost everything grew by minus infinity."""
        with np.errstate(divide="ignore"):
            growth = np.log(np.maximum(1.0 + returns, 0.0)).sum(axis=1)
        return cls(returns.shape[1], returns.sum(axis=1), np.einsum("ij,ij->i", returns, returns), growth)

    def __or__(self, other: "Judged") -> "Judged":
        """Return both stretches together."""
        sums, squares, growth = (one + another for one, another in zip(self[1:], other[1:], strict=True))
        return Judged(self.days + other.days, sums, squares, growth)

    def figures(self) -> dict[str, Floats]:
        """Return the yearly Sharpe ratio, NaN below RETURN_DAYS_MIN days, and the total return."""
        mean = self.sums / self.days
        variance = np.maximum(self.squares - mean * self.sums, 0.0) / max(self.days - 1, 1)
        enough = self.days >= RETURN_DAYS_MIN
        sharpe = annual_ratio(mean, np.sqrt(variance)) if enough else np.full(len(mean), np.nan)
        return {"sharpe": sharpe, "total_return": np.expm1(self.growth)}


def cross_validate(
    question: Question,
    *,
    folds: Folds | int = 5,
    by: OfDays = "sharpe",
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
) -> CrossValidation:
    """Choose the best combination on the training days of each fold and let it trade each group that the fold tests.

    `folds` are those of `purged_folds` or `combinatorial_folds` over the trading days of the data, or how many plain
    ones. A stretch of training days trades from its first day on an account of its own, sees nothing outside of itself,
    and the daily returns of all stretches together decide, `by` their Sharpe ratio or total return. A tested group also
    trades on an account of its own; there the strategy has seen all days before it, as it would have live. Days after a
    test are trained on, as cross-validation does: its paths are many draws and no walk through time.

    The other arguments are those of `sweep`; `progress(done, total)` is told in combinations swept and groups traded.
    Each path counts as one trial. Raises an AlphaPandaError for anything that cannot be.
    """
    selection = Selection(data, date_of(first), date_of(last), instruments, resolution, events, universe, adjusted)
    asked = asked_of(question, strategy, selection, strategies, Choice(grid, where, sample, seed))
    refuse_names(asked.combinations.columns, _ROW)
    chosen = purged_folds(len(asked.days), folds) if isinstance(folds, int) else folds
    if chosen.days != len(asked.days):
        raise ConfigurationError(
            f"the folds are of {chosen.days} days, but the data has {len(asked.days)} trading days"
        )
    work = _Work(asked, chosen, workers, progress)
    rows, results = list[dict[str, object]](), dict[tuple[int, int], Result]()
    for number, fold in enumerate(chosen.folds):
        best = work.best(fold, by)
        values = {name: best[name] for name in asked.combinations.columns}
        for group in fold.groups:
            begin, end = chosen.groups[group]
            result = results[number, group] = asked.traded(values, 0, begin, end)
            rows.append({"fold": number, "group": group, **_tested(asked, begin, end, result), **best})
            work.tell(1)
    paths = [[results[int(fold), group] for group, fold in enumerate(path)] for path in chosen.paths]
    made = tuple(Stitched(tuple(path)) for path in paths)
    sharpes = np.array([path.figures["sharpe"] for path in made]) / math.sqrt(DAYS_A_YEAR)
    tests = [fold.test.tobytes() + fold.train.tobytes() for fold in chosen.folds]
    remember(asked.inputs, sharpes, "cross_validate", digest_of(asked.combinations), by, tests)
    columns = [*_ROW[:4], *asked.combinations.columns, *_ROW[4:]]
    frame = pl.DataFrame(rows, infer_schema_length=None).select(columns).fill_nan(None)
    return CrossValidation(frame, made)


def _tested(asked: Asked, begin: int, end: int, result: Result) -> dict[str, object]:
    figures = Stitched((result,)).figures
    return {
        "test_from": asked.days.dates[begin],
        "test_to": asked.days.dates[end],
        "test_days": end - begin + 1,
        "test_sharpe": figures["sharpe"],
        "test_return": figures["total_return"],
    }


class _Work:
    """The training of all folds: each stretch of days is swept once, however many folds share it."""

    def __init__(self, asked: Asked, folds: Folds, workers: int | None, progress: Progress | None) -> None:
        self._asked, self._workers, self._progress = asked, workers, progress
        self._judged: dict[tuple[int, int], Judged] = {}
        stretches = {stretch for fold in folds.folds for stretch in fold.segments()}
        self._total = len(stretches) * len(asked.combinations) + sum(len(fold.groups) for fold in folds.folds)
        self._done = 0

    def tell(self, done: int) -> None:
        """Tell the progress of some more work."""
        self._done += done
        if self._progress is not None:
            self._progress(self._done, self._total)

    def best(self, fold: Fold, by: OfDays) -> dict[str, Any]:
        """Return the parameters that were best on the training days of a fold, with their figures there."""
        judged = functools.reduce(lambda one, other: one | other, map(self._stretch, fold.segments()))
        swept = self._asked.combinations.hstack(pl.DataFrame(judged.figures()).fill_nan(None))
        row = best_of(swept, by, f"on the training days of the fold that tests group {fold.groups[0]}")
        values = {name: row[name] for name in self._asked.combinations.columns}
        trained = {"train_days": judged.days, "train_sharpe": row["sharpe"], "train_return": row["total_return"]}
        return values | trained

    def _stretch(self, stretch: tuple[int, int]) -> Judged:
        if stretch not in self._judged:
            inputs = self._asked.cut(*stretch)
            self._judged[stretch] = Judged.of(returns_of(inputs, self._asked.combinations, self._workers))
            self.tell(len(self._asked.combinations))
        return self._judged[stretch]
