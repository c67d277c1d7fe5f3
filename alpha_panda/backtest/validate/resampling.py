"""Monte Carlo of what was seen: blocks of daily returns drawn anew, or the same trades in another order."""

import dataclasses
import math
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl
from numpy.random import Generator, default_rng

from alpha_panda.backtest.metrics import DAYS_A_YEAR, RETURN_DAYS_MIN
from alpha_panda.errors import ConfigurationError, DataError

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Method = Literal["stationary", "circular"]

LEVELS = {"p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}
"""The columns of a fan and the quantiles that they hold."""

CELLS_MAX = 1 << 28
"""Paths times steps at most: their equity alone takes 2 GiB."""

_CHUNK_CELLS = 1 << 20


@dataclasses.dataclass(frozen=True)
class MonteCarlo:
    """Many histories that could have been, each over as many steps as the one that was."""

    fan: pl.DataFrame  # day or trade, p05 … p95 of the equity
    outcomes: pl.DataFrame  # one row a path: total_return, max_drawdown and, of daily returns, sharpe
    bands: pl.DataFrame  # one row a figure: observed, p05 … p95, the 90 % confidence band being p05 to p95
    block: float  # the mean length of a block in days; 0 of shuffled trades


def bootstrap(
    returns: npt.ArrayLike,
    *,
    paths: int = 2_000,
    method: Method = "stationary",
    block: float | None = None,
    initial: float = 1.0,
    seed: int = 0,
) -> MonteCarlo:
    """Draw `paths` histories from daily returns, in blocks, so that what follows on what is kept within a block.

    `stationary` draws blocks of geometric length (D. N. Politis and J. P. Romano, "The Stationary Bootstrap", Journal
    of the American Statistical Association 89, 1994), `circular` blocks of one length; in both, the first day follows
    on the last. `block` is their mean length in days, else `block_length` of the returns. Sharpe ratios are annualised
    as in `metrics`, null below 63 days. Memory: 8 bytes a path and day. Raises DataError for returns that are not
    finite or below -1, and ConfigurationError for other arguments that cannot be.
    """
    history = _checked(returns, paths)
    length = block_length(history, method) if block is None else float(block)
    if not 1.0 <= length <= len(history):
        raise ConfigurationError(f"blocks of {length} days cannot be drawn from {len(history)}: take 1 to that many")
    random = default_rng(seed)
    growth = np.empty((paths, len(history)))
    sharpe = np.empty(paths)
    size = max(_CHUNK_CELLS // len(history), 1)
    for start in range(0, paths, size):
        rows = slice(start, min(start + size, paths))
        drawn = history[drawn_days(random, rows.stop - rows.start, len(history), length, method)]
        sharpe[rows] = _sharpe(drawn)
        np.cumprod(1.0 + drawn, axis=1, out=growth[rows])
    observed: Floats = np.multiply.accumulate(1.0 + history)[None]
    figures = {**_figures(growth), "sharpe": sharpe}
    return _monte_carlo(
        "day", growth, figures, {**_figures(observed), "sharpe": _sharpe(history[None])}, initial, length
    )


def shuffled_trades(profits: npt.ArrayLike, capital: float, *, paths: int = 2_000, seed: int = 0) -> MonteCarlo:
    """Put the closed trades in `paths` other orders: what the drawdown owes to the order in which they came.

    `profits` are net results in rupees, added to `capital` one after the other, so that every path ends where the
    account did. Raises DataError for profits that are not finite, ConfigurationError without capital.
    """
    history = _checked(profits, paths, lowest=-math.inf)
    if not (math.isfinite(capital) and capital > 0):
        raise ConfigurationError(f"trades are shuffled on a capital of {capital}: give what the account began with")
    random = default_rng(seed)
    growth = np.empty((paths, len(history)))
    for path in growth:
        path[:] = 1.0 + np.cumsum(random.permutation(history)) / capital
    observed = 1.0 + np.cumsum(history)[None] / capital
    return _monte_carlo("trade", growth, _figures(growth), _figures(observed), capital, 0.0)


def block_length(returns: npt.ArrayLike, method: Method = "stationary") -> float:
    """Return the mean block length that is best for the variance of the mean, 1 to a third of the days.

    D. N. Politis and H. White, "Automatic Block-Length Selection for the Dependent Bootstrap", Econometric Reviews
    23(1), 2004, as corrected by A. Patton, D. N. Politis and H. White in 28(4), 2009: the autocovariances that matter,
    those before a run of K insignificant ones, under a flat-top window.
    """
    history = np.asarray(returns, dtype=np.float64)
    days = len(history)
    centred = history - history.mean()
    if days < 9 or not centred.any():
        return 1.0
    run = max(5, math.ceil(math.sqrt(math.log10(days))))
    lags = min(math.ceil(math.sqrt(days)) + run, days - 1)
    covariance = np.array([centred[: days - lag] @ centred[lag:] for lag in range(lags + 1)]) / days
    window = min(2 * _last_significant(covariance, run, days), lags)
    lag = np.arange(1, window + 1)
    weight = np.minimum(1.0, 2.0 * (1.0 - lag / max(window, 1)))
    weighted = weight * covariance[1 : window + 1]
    spectrum, slope = covariance[0] + 2.0 * weighted.sum(), 2.0 * (lag * weighted).sum()
    variance = (2.0 if method == "stationary" else 4.0 / 3.0) * spectrum**2
    best = (2.0 * slope**2 / variance * days) ** (1.0 / 3.0) if variance > 0 else 1.0
    most = min(math.ceil(3.0 * math.sqrt(days)), days / 3.0)
    return float(min(max(best, 1.0), most))


def _last_significant(covariance: Floats, run: int, days: int) -> int:
    """Return the last lag before `run` correlations in a row that differ from zero no more than by chance."""
    bound = 2.0 * math.sqrt(math.log10(days) / days)
    significant = np.abs(covariance[1:] / covariance[0]) > bound
    for lag in range(len(significant) - run + 1):
        if not significant[lag : lag + run].any():
            return max(lag, 1)
    return int(np.flatnonzero(significant).max(initial=0)) + 1


# ── Drawing and judging ──────────────────────────────────────────────────────────────────────────────────────────────


def drawn_days(random: Generator, paths: int, days: int, length: float, method: Method) -> Integers:
    """Return which day stands at each place of each path, (paths, days)."""
    place = np.arange(days)
    starts = random.integers(0, days, (paths, days))
    if method == "circular":
        whole = round(length)
        return (np.repeat(starts[:, ::whole], whole, axis=1)[:, :days] + place % whole) % days
    begins = random.random((paths, days)) < 1.0 / length
    begins[:, 0] = True
    begun = np.maximum.accumulate(np.where(begins, place, 0), axis=1)
    return (np.take_along_axis(starts, begun, axis=1) + place - begun) % days


def _sharpe(returns: Floats) -> Floats:
    """Return the yearly Sharpe ratio of each path, NaN where it is too short or nothing deviated."""
    if returns.shape[1] < RETURN_DAYS_MIN:
        return np.full(len(returns), np.nan)
    deviation = returns.std(axis=1, ddof=1)
    ratio = np.divide(returns.mean(axis=1), deviation, out=np.full(len(returns), np.nan), where=deviation > 0)
    return ratio * math.sqrt(DAYS_A_YEAR)


def _figures(growth: Floats) -> dict[str, Floats]:
    """Return the total return and the deepest drawdown of each path of an equity that begins at one."""
    peak = np.maximum.accumulate(np.maximum(growth, 1.0), axis=1)
    return {"total_return": growth[:, -1] - 1.0, "max_drawdown": (1.0 - growth / peak).max(axis=1)}


def _monte_carlo(
    step: str, growth: Floats, figures: dict[str, Floats], observed: dict[str, Floats], initial: float, block: float
) -> MonteCarlo:
    fan = {name: np.asarray(np.quantile(growth, level, axis=0)) * initial for name, level in LEVELS.items()}
    bands = [{"figure": name, "observed": observed[name][0], **_quantiles(values)} for name, values in figures.items()]
    return MonteCarlo(
        fan=pl.DataFrame(fan).with_row_index(step, offset=1).cast({step: pl.Int64}),
        outcomes=pl.DataFrame(figures).fill_nan(None),
        bands=pl.DataFrame(bands).fill_nan(None),
        block=block,
    )


def _quantiles(values: Floats) -> dict[str, float]:
    return dict(zip(LEVELS, np.quantile(values, list(LEVELS.values())).tolist(), strict=True))


def _checked(values: npt.ArrayLike, paths: int, lowest: float = -1.0) -> Floats:
    history = np.asarray(values, dtype=np.float64)
    if history.ndim != 1 or len(history) < 2:
        raise DataError(f"a history of shape {history.shape} has nothing to draw from: give 2 values or more in a row")
    if not (np.isfinite(history) & (history >= lowest)).all():
        row = int(np.argmin(np.isfinite(history) & (history >= lowest)))
        raise DataError(f"value {row} is {history[row]}: a return is a finite fraction of -1 or more, 0.01 for 1 %")
    if paths < 1 or paths * len(history) > CELLS_MAX:
        raise ConfigurationError(
            f"{paths:,} paths over {len(history):,} steps cannot be drawn: take 1 or more, {CELLS_MAX:,} cells at most"
        )
    return history
