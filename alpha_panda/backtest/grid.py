"""A grid of parameters over one strategy: its combinations by number, without ever listing them."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import polars as pl

from alpha_panda.config import Profile, Study
from alpha_panda.errors import ConfigurationError
from alpha_panda.strategy import Strategy, Value, did_you_mean

COMBINATIONS_MAX = 10_000_000
"""More combinations than this is a mistake in the grid: their figures alone would fill the memory."""


@dataclasses.dataclass(frozen=True)
class Grid:
    """The values of each parameter; combination `number` counts through them, the last parameter fastest."""

    parameters: Mapping[str, tuple[Value, ...]]

    @property
    def shape(self) -> tuple[int, ...]:
        """How many values each parameter takes."""
        return tuple(len(values) for values in self.parameters.values())

    def __len__(self) -> int:
        return math.prod(self.shape)

    def __getitem__(self, number: int) -> dict[str, Value]:
        places = np.unravel_index(number, self.shape)
        return {name: values[place] for (name, values), place in zip(self.parameters.items(), places, strict=True)}

    def frame(self) -> pl.DataFrame:
        """Return every combination as a row, in the order of their numbers."""
        places = np.unravel_index(np.arange(len(self)), self.shape)
        columns = zip(self.parameters.items(), places, strict=True)
        return pl.DataFrame({name: np.array(values)[place] for (name, values), place in columns})


def grid_of(study: Study, grid: Mapping[str, Sequence[Value]] | None, strategy: Strategy) -> Grid:
    """Return the grid that is given, else the study's; raises ConfigurationError for a value the strategy refuses."""
    given: Mapping[str, Sequence[Value]] = study.sweep.parameters if study.sweep is not None else {}
    chosen = {name: tuple(map(_plain, values)) for name, values in (given if grid is None else grid).items()}
    if not chosen:
        raise ConfigurationError("there is nothing to sweep: give a grid, such as {'fast': [5, 10], 'slow': [20, 50]}")
    for name, values in chosen.items():
        if not values or len(set(values)) < len(values):
            raise ConfigurationError(f"the grid of {name!r} must hold one value or more, each once: {list(values)}")
        for value in values:
            strategy.parameter_record({name: value})
    made = Grid(chosen)
    if len(made) > COMBINATIONS_MAX:
        raise ConfigurationError(
            f"the grid has {len(made):,} combinations, more than {COMBINATIONS_MAX:,}: thin it out"
        )
    return made


def _plain(value: Any) -> Value:
    """Return a number of numpy, as a notebook makes ranges of, as the plain one that the strategy checks."""
    return cast(Any, value).item() if isinstance(value, np.generic) else value


def alone(study: Study, name: str | None) -> Study:
    """Return the study with just the strategy `name`, else the one that its sweep names, else its only one.

    Raises ConfigurationError where that is none, or where there are several to choose from.
    """
    named = [terms.name for terms in study.profile.strategies]
    name = name or (study.sweep.strategy if study.sweep is not None else None)
    if name is None and len(named) > 1:
        raise ConfigurationError(f"the profile has several strategies: say which one to sweep, {', '.join(named)}")
    if name is not None and name not in named:
        raise ConfigurationError(f"the profile has no strategy {name!r}{did_you_mean(name, named)}: {', '.join(named)}")
    chosen = tuple(terms for terms in study.profile.strategies if name in (None, terms.name))
    return study.model_copy(update={"profile": study.profile.model_copy(update={"strategies": chosen})})


def with_parameters(profile: Profile, values: Mapping[str, Value]) -> Profile:
    """Return a profile of one strategy with these parameters in place of its own: one combination, to be run alone."""
    (terms,) = profile.strategies
    changed = terms.model_copy(update={"parameters": {**terms.parameters, **values}})
    return profile.model_copy(update={"strategies": (changed,)})
