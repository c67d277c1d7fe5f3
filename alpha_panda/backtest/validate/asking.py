"""What every validation asks: one strategy of a study, its data, and the combinations to choose among."""

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

import polars as pl

from alpha_panda.backtest.grid import Axis, Condition, alone, combinations_of, with_parameters
from alpha_panda.backtest.inputs import Inputs, Question, Selection, inputs_of, study_of
from alpha_panda.backtest.result import Result
from alpha_panda.backtest.run import replay
from alpha_panda.backtest.validate.days import Days
from alpha_panda.config import Study
from alpha_panda.strategy import Strategy, Value


class Choice(NamedTuple):
    """Combinations by a condition or by chance, as `grid.combinations_of` takes them."""

    grid: Mapping[str, Axis] | None = None
    where: Condition | None = None
    sample: int | None = None
    seed: int | None = None


@dataclasses.dataclass(frozen=True)
class Asked:
    """A study of one strategy, what it works on, its days, and the combinations of its parameters."""

    study: Study
    inputs: Inputs
    days: Days
    combinations: pl.DataFrame

    def cut(self, first: int, last: int) -> Inputs:
        """Return the inputs of the days `first` to `last`, both included."""
        return self.days.cut(self.inputs, first, last)

    def traded(self, values: Mapping[str, Value], seen_from: int, first: int, last: int) -> Result:
        """Return the run of one combination over the days `first` to `last`, warmed up by those from `seen_from` on."""
        inputs = self.cut(seen_from, last)
        profile = with_parameters(inputs.profile, values)
        return replay(dataclasses.replace(inputs, profile=profile), trade_from=self.days.dates[first])


def asked_of(
    question: Question,
    strategy: str | None,
    selection: Selection,
    strategies: Mapping[str, Strategy] | None,
    choice: Choice,
) -> Asked:
    """Return what a question means, checked; raises the errors of `inputs_of` and `combinations_of`."""
    study, folders = study_of(question)
    study = alone(study, strategy)
    inputs = inputs_of(study, selection, strategies or {}, folders)
    combinations = combinations_of(study, inputs.strategies[0], *choice)
    return Asked(study, inputs, Days.of(inputs.events), combinations)
