"""The combinations of parameters that a sweep runs: a grid or a random sample, without those that make no sense."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import polars as pl
from numpy.random import Generator, default_rng

from alpha_panda.config import Profile, Study, Sweep
from alpha_panda.errors import ConfigurationError
from alpha_panda.kernels.records import Parameter
from alpha_panda.strategy import Strategy, Value, did_you_mean

COMBINATIONS_MAX = 10_000_000
"""More combinations than this is a mistake in the grid: their figures alone would fill the memory."""

Values = npt.NDArray[np.number]

Axis = Sequence[Value] | Parameter
"""The values of one parameter; a Parameter stands for all between its bounds, of which floats can only be sampled."""

Condition = pl.Expr | str
"""What parameters must satisfy together, `pl.col("fast") < pl.col("slow")` or the SQL of it, `"fast < slow"`."""

_DRAWN_AT_ONCE = 65_536  # whatever the sample, so that a larger one continues a smaller one
_DRAWS_MAX = 64 * _DRAWN_AT_ONCE  # for a sample of one; after so many the condition leaves next to nothing


def combinations_of(
    study: Study,
    strategy: Strategy,
    grid: Mapping[str, Axis] | None = None,
    where: Condition | None = None,
    sample: int | None = None,
    seed: int | None = None,
) -> pl.DataFrame:
    """Return the combinations to run, a row for each and a column for each parameter.

    A grid is listed with its last parameter fastest. A `sample` of it holds that many combinations, each once, in an
    order that `seed` decides and a larger sample continues; without a grid it is taken of all that the strategy allows.
    Combinations against `where`, which may also name parameters that stay as they are, do not exist. What is not said
    is as the study's `[sweep]` has it. Raises ConfigurationError for what the strategy refuses, for a condition that
    cannot be read, and where there is nothing to run or too much.
    """
    said = study.sweep or Sweep(parameters={})
    if grid is None:
        grid, sample = said.parameters, said.sample if sample is None else sample
    if not grid and sample is not None:
        grid = strategy.parameters
    if not grid:
        raise ConfigurationError("there is nothing to sweep: give a grid, such as {'fast': [5, 10], 'slow': [20, 50]}")
    if sample is None and seed is not None:
        raise ConfigurationError("a seed chooses a sample, and none is asked for: say how many combinations as well")
    where = said.where if where is None else where
    made = Grid(
        {name: _checked(name, axis, strategy) for name, axis in grid.items()},
        constants_of(study.profile, strategy),
        _condition(where, strategy),
        str(where),
    )
    return made.listed() if sample is None else made.sampled(sample, said.seed if seed is None else seed)


def constants_of(profile: Profile, strategy: Strategy) -> dict[str, Value]:
    """Return the parameters of the profile's only strategy, its defaults included."""
    (terms,) = profile.strategies
    return {name: parameter.default for name, parameter in strategy.parameters.items()} | dict(terms.parameters)


@dataclasses.dataclass(frozen=True)
class Grid:
    """The axes of a sweep, the parameters that stay as they are, and the condition on all of them."""

    axes: Mapping[str, Values | Parameter]
    constants: Mapping[str, Value]
    where: pl.Expr | None = None
    said: str = ""  # the condition as it was written

    def count(self) -> int | float:
        """Return how many combinations there are before any condition; infinity where an axis is a range of floats."""
        return math.prod(_count(axis) for axis in self.axes.values())

    def listed(self) -> pl.DataFrame:
        """Return every combination; ConfigurationError where they are too many, or none."""
        count = self.count()
        if count > COMBINATIONS_MAX:
            many = "no end of" if math.isinf(count) else f"{count:,}"
            raise ConfigurationError(
                f"the grid has {many} combinations, more than {COMBINATIONS_MAX:,}: thin it out, or take a sample"
            )
        spread = np.meshgrid(*(cast(Values, axis) for axis in self.axes.values()), indexing="ij")
        rows = self._sensible({name: values.ravel() for name, values in zip(self.axes, spread, strict=True)})
        if rows.is_empty():
            raise ConfigurationError(f"no combination satisfies {self.said}: loosen it, or give other values")
        return rows

    def sampled(self, sample: int, seed: int) -> pl.DataFrame:
        """Return `sample` combinations, each once, in the order of their being drawn; ConfigurationError if too few."""
        if not 0 < sample <= COMBINATIONS_MAX or seed < 0:
            raise ConfigurationError(
                f"a sample of {sample:,} with the seed {seed} cannot be taken: ask for 1 to {COMBINATIONS_MAX:,} "
                "combinations, and seed with 0 or more"
            )
        rows = self._shuffled(seed) if self.count() <= COMBINATIONS_MAX else self._drawn(sample, seed)
        if len(rows) < sample:
            raise ConfigurationError(
                f"there are only {len(rows):,} combinations to sample: ask for as many, or for all"
            )
        return rows.head(sample)

    def _shuffled(self, seed: int) -> pl.DataFrame:
        rows = self.listed()
        # The order of random keys, for numpy promises the stream of integers more firmly than that of its shuffles.
        return rows[np.argsort(default_rng(seed).integers(0, 2**63 - 1, len(rows)), kind="stable")]

    def _drawn(self, sample: int, seed: int) -> pl.DataFrame:
        """Return at least `sample` combinations of more than can be listed, fewer if they are hard to find."""
        generator, found, draws = default_rng(seed), pl.DataFrame(), 0
        while len(found) < sample and draws < _DRAWS_MAX + 4 * sample:
            drawn = {name: _drawn(axis, generator) for name, axis in self.axes.items()}
            found = pl.concat([found, self._sensible(drawn)], how="diagonal").unique(keep="first", maintain_order=True)
            draws += _DRAWN_AT_ONCE
        return found

    def _sensible(self, columns: Mapping[str, Values]) -> pl.DataFrame:
        """Return the combinations that satisfy the condition."""
        rows = pl.DataFrame(dict(columns))
        if self.where is None:
            return rows
        constants = {name: pl.lit(value) for name, value in self.constants.items() if name not in rows.columns}
        try:
            return rows.with_columns(**constants).filter(self.where).select(rows.columns)
        except pl.exceptions.PolarsError as error:
            raise ConfigurationError(
                f"{self.said} is no condition on parameters: {str(error).splitlines()[0]}"
            ) from None


def _count(axis: Values | Parameter) -> int | float:
    if not isinstance(axis, Parameter):
        return len(axis)
    return axis.high - axis.low + 1 if isinstance(axis.default, int) else math.inf


def _drawn(axis: Values | Parameter, generator: Generator) -> Values:
    """Return random values of an axis, each as likely as another."""
    if not isinstance(axis, Parameter):
        return axis[generator.integers(0, len(axis), _DRAWN_AT_ONCE)]
    if isinstance(axis.default, int):
        return generator.integers(int(axis.low), int(axis.high), _DRAWN_AT_ONCE, endpoint=True)
    return np.minimum(axis.low + (axis.high - axis.low) * generator.random(_DRAWN_AT_ONCE), axis.high)


def _checked(name: str, axis: Axis, strategy: Strategy) -> Values | Parameter:
    """Return an axis whose every value the strategy takes, and is of the type that it takes."""
    if isinstance(axis, Parameter):
        for bound in (axis.low, axis.high):
            strategy.parameter_record({name: bound})
        whole = isinstance(strategy.parameters[name].default, int)
        if whole and _count(axis) <= COMBINATIONS_MAX:
            return np.arange(axis.low, axis.high + 1)
        return axis._replace(default=strategy.parameters[name].default)
    values = [_plain(value) for value in axis]
    if not values or len(set(values)) < len(values):
        raise ConfigurationError(f"the grid of {name!r} must hold one value or more, each once: {values}")
    return np.concatenate([strategy.parameter_record({name: value})[name] for value in values])


def _plain(value: Any) -> Value:
    """Return a number of numpy, as a notebook makes ranges of, as the plain one that the strategy checks."""
    return cast(Any, value).item() if isinstance(value, np.generic) else value


def _condition(where: Condition | None, strategy: Strategy) -> pl.Expr | None:
    """Return a condition as an expression on parameters of the strategy; ConfigurationError if it is none."""
    if where is None:
        return None
    try:
        condition = pl.sql_expr(where) if isinstance(where, str) else where
    except pl.exceptions.PolarsError:
        raise ConfigurationError(f"the condition {where!r} cannot be read: write it as 'fast < slow'") from None
    unknown = [name for name in condition.meta.root_names() if name not in strategy.parameters]
    if unknown:
        known = ", ".join(strategy.parameters) or "none"
        raise ConfigurationError(
            f"the condition names {unknown[0]!r}, which is no parameter of strategy {strategy.name}"
            f"{did_you_mean(unknown[0], strategy.parameters)}; it has: {known}"
        )
    return condition


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
