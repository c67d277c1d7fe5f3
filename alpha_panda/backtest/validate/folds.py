"""Folds of trading days for cross-validation: no day trained on lies within reach of a day tested on.

The days are numbered from 0; what a number stands for is the caller's affair. Source: M. López de Prado, "Advances in
Financial Machine Learning" (2018), chapters 7 (purging, embargo) and 12 (combinatorial purged cross-validation).
"""

import dataclasses
import itertools
import math

import numpy as np
import numpy.typing as npt

from alpha_panda.errors import ConfigurationError

Integers = npt.NDArray[np.int64]

FOLDS_MAX = 10_000
"""More folds than this is a mistake in the numbers: each is a sweep of its own."""


@dataclasses.dataclass(frozen=True)
class Fold:
    """One split of the days: `groups` are the numbers of the groups tested, `train` and `test` those of the days."""

    groups: tuple[int, ...]
    train: Integers
    test: Integers

    def segments(self) -> list[tuple[int, int]]:
        """Return the stretches of days trained on, first and last included."""
        return stretches(self.train)


@dataclasses.dataclass(frozen=True)
class Folds:
    """All splits of `days` days, and the paths through them: each path tests every day once."""

    days: int
    groups: tuple[tuple[int, int], ...]  # first and last day of each group
    folds: tuple[Fold, ...]
    paths: Integers  # (paths, groups): the fold that tests a group on a path


def purged_folds(days: int, folds: int = 5, purge: int = 0, embargo: int = 0) -> Folds:
    """Return K-fold cross-validation in which each of `folds` stretches of days is tested once.

    A training day lies more than `purge` days before a test day, and more than `purge + embargo` days after it: purge
    by the days for which a position is held, and put an embargo on what still remembers the test days. Raises
    ConfigurationError where that leaves a fold nothing to train on.
    """
    return combinatorial_folds(days, groups=folds, tests=1, purge=purge, embargo=embargo)


def combinatorial_folds(days: int, groups: int = 6, tests: int = 2, purge: int = 0, embargo: int = 0) -> Folds:
    """Return combinatorial purged cross-validation: every choice of `tests` among `groups` stretches of days.

    There are C(groups, tests) folds, which make C(groups - 1, tests - 1) paths over all days. Purge and embargo are
    those of `purged_folds`. Raises ConfigurationError for numbers that cannot be.
    """
    _check(days, groups, tests, purge, embargo)
    bounds = np.rint(np.arange(groups + 1) * (days / groups)).astype(np.int64)
    chosen = list(itertools.combinations(range(groups), tests))
    made = tuple(_fold(days, bounds, choice, purge, purge + embargo) for choice in chosen)
    tested = [[number for number, choice in enumerate(chosen) if group in choice] for group in range(groups)]
    spans = tuple((int(first), int(stop) - 1) for first, stop in itertools.pairwise(bounds))
    return Folds(days, spans, made, np.array(tested, np.int64).T)


def _fold(days: int, bounds: Integers, choice: tuple[int, ...], before: int, after: int) -> Fold:
    tested, kept = np.zeros(days, np.bool_), np.ones(days, np.bool_)
    for group in choice:
        first, stop = int(bounds[group]), int(bounds[group + 1])
        tested[first:stop] = True
        kept[max(first - before, 0) : stop + after] = False
    fold = Fold(choice, np.flatnonzero(kept), np.flatnonzero(tested))
    if not len(fold.train):
        raise ConfigurationError(
            f"purge and embargo leave no day to train on where group {', '.join(map(str, choice))} is tested: "
            "make them shorter, or take more days"
        )
    return fold


def _check(days: int, groups: int, tests: int, purge: int, embargo: int) -> None:
    if not 2 <= groups <= days:
        raise ConfigurationError(
            f"{days} days cannot be split into {groups} groups: take 2 or more, and a day for each"
        )
    if not 1 <= tests < groups:
        raise ConfigurationError(
            f"{tests} of {groups} groups cannot be tested: test 1 or more, and leave 1 to train on"
        )
    if min(purge, embargo) < 0:
        raise ConfigurationError(f"a purge of {purge} and an embargo of {embargo} days: neither can be negative")
    if math.comb(groups, tests) > FOLDS_MAX:
        raise ConfigurationError(
            f"{tests} of {groups} groups make {math.comb(groups, tests):,} folds, more than {FOLDS_MAX:,}: take fewer"
        )


def stretches(numbers: Integers) -> list[tuple[int, int]]:
    """Return the unbroken stretches of rising numbers, first and last included."""
    breaks = np.flatnonzero(np.diff(numbers) > 1)
    firsts, lasts = numbers[np.append(0, breaks + 1)], numbers[np.append(breaks, len(numbers) - 1)]
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))
