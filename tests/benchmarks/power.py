"""`python -m tests.benchmarks.power [RUNS]`: how often the report finds an edge that is there, and one that is not.

Each row plants a daily Sharpe ratio in RUNS markets (200 by default), holds the market through a real run without
charges, and asks for the verdict: of a first trial, and of one of a hundred, the others being noise of the same length.
"""

import itertools
import os
import sys

from alpha_panda.backtest.stats.skill import is_significant
from alpha_panda.backtest.trials import FIRST, Tried
from tests.noise import market, traded

SHARPES = (0.0, 0.05, 0.1, 0.15, 0.2)
DAYS = (250, 500, 1_000)
TRIALS = 100


def found(days: int, sharpe: float, runs: int) -> tuple[float, float]:
    """Return the share of runs that are called significant, as a first trial and as one of TRIALS."""
    one_of_many = Tried(TRIALS, 1.0 / days)
    returns = [traded("hold", market(number, days, sharpe)).daily["return"].to_numpy() for number in range(runs)]
    shares = (sum(is_significant(each, tried) for each in returns) / runs for tried in (FIRST, one_of_many))
    return next(shares), next(shares)


def main(runs: int = 200) -> None:
    """Print the table."""
    os.environ["ALPHA_PANDA_TRIALS"] = "off"
    print(f"{'days':>6}{'daily Sharpe':>14}{'a year':>8}{'first trial':>13}{f'one of {TRIALS}':>13}")
    for days, sharpe in itertools.product(DAYS, SHARPES):
        first, many = found(days, sharpe, runs)
        print(f"{days:>6}{sharpe:>14.2f}{sharpe * 252**0.5:>8.2f}{first:>13.1%}{many:>13.1%}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
