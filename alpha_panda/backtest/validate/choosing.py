"""Choosing the best of a sweep, the same way in every validation."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from alpha_panda.backtest.metrics import RETURN_DAYS_MIN
from alpha_panda.errors import ConfigurationError

FIGURES = ("sharpe", "total_return", "profit_factor", "expectancy", "win_rate")
"""What combinations may be chosen by: of each, more is better."""


def best_of(swept: pl.DataFrame, by: str, when: str) -> dict[str, Any]:
    """Return the row with the highest figure `by`, of equal ones the first; ConfigurationError where none has it."""
    possible = [name for name in FIGURES if name in swept.columns]
    if by not in possible:
        raise ConfigurationError(f"{by!r} is no figure to choose by: take one of {', '.join(possible)}")
    best = swept.sort(by, descending=True, nulls_last=True, maintain_order=True).row(0, named=True)
    if best[by] is None:
        raise ConfigurationError(
            f"no combination has a {by} {when}: train on longer windows, since a Sharpe ratio takes {RETURN_DAYS_MIN} "
            "days and the others take trades, or choose by total_return"
        )
    return best


def refuse_names(parameters: Sequence[str], taken: Sequence[str]) -> None:
    """Refuse a parameter that has the name of a column; ConfigurationError names it."""
    for name in parameters:
        if name in taken:
            raise ConfigurationError(f"parameter {name!r} is also the name of a column: rename it in the strategy")
