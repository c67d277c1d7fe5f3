"""The first backtest of a fresh process: from the start of Python to the result, its compiled code at hand or not.

As a program it is that process: `python -m tests.benchmarks.first_run chain` or `anchor`.
"""

import datetime
import json
import os
import sys
import tempfile

from tests.benchmarks.measuring import REPEATS, ROOT, Row, in_fresh_process, peak_rss_mib, row, timed

DAY = datetime.date(2026, 11, 20)


def first_backtest(case: str, cold: bool, repeats: int = REPEATS) -> Row:
    """Time whole processes that run the paper profile over one day of minutes; the anchor is one loop of numba."""
    if not cold:  # compile once, so that every process that is measured finds its code
        in_fresh_process("tests.benchmarks.first_run", "chain")
        in_fresh_process("tests.benchmarks.first_run", "anchor")
    anchored, timings = zip(*(_round(cold) for _ in range(repeats)), strict=True)
    seconds, told = zip(*timings, strict=True)
    peak_mib = max(each["peak_rss_mib"] for each in told)
    return row(case, 1, seconds, anchored, peak_mib, f"processes; {told[0]['fills']:,} fills")


def _round(cold: bool) -> tuple[float, tuple[float, dict[str, float]]]:
    """Return the time of one anchor, and the time of one backtest with what it told."""
    with tempfile.TemporaryDirectory() as empty:
        caches = {"ALPHA_PANDA_CACHE": empty, "NUMBA_CACHE_DIR": empty} if cold else {}
        environment = {**os.environ, **caches}
        anchor_seconds, _ = timed(lambda: _process("anchor", environment))
        return anchor_seconds, timed(lambda: _process("chain", environment))


def _process(what: str, environment: dict[str, str]) -> dict[str, float]:
    return in_fresh_process("tests.benchmarks.first_run", what, environment=environment)


def _chain() -> int:
    """Run a backtest as a user's script would; return its fills."""
    from alpha_panda.backtest.run import run
    from alpha_panda.data.synthetic import synthetic_bars

    universe, events = synthetic_bars(DAY, DAY, seed=1)
    return int(run(ROOT / "live" / "paper.toml", events=events, universe=universe).summary["fills"])


def _anchor() -> int:
    """Run one loop over as many prices, with what a script of one's own would import; return its trades."""
    import numpy as np
    import polars as pl

    from tests.benchmarks.anchors import crossover

    closes = pl.Series(1_000_000 + np.arange(3_000) % 1_999).to_numpy()
    return crossover(closes, closes, 20, 50, 10**11)[1]


if __name__ == "__main__":
    made = _chain() if sys.argv[1] == "chain" else _anchor()
    print(json.dumps({"fills": made, "peak_rss_mib": peak_rss_mib()}))
