"""The trial ledger: how often the same data has been asked, and how good the answers were.

The best of many backtests looks good by luck alone, so each question is counted, in one SQLite file that several
processes may write at once. Asking the same question again, to the byte, is no new trial. What cannot be written is
said with the result, which is never lost for it.

The file is `backtest/results/trials.sqlite` in the working directory, or what ALPHA_PANDA_TRIALS names; `off` counts
nothing.
"""

import contextlib
import dataclasses
import hashlib
import math
import os
import pathlib
import sqlite3
from collections.abc import Generator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from alpha_panda.backtest.contents import events_digest
from alpha_panda.backtest.inputs import Inputs, finest_ns
from alpha_panda.errors import StoreError
from alpha_panda.kernels.jit import sources_digest

Floats = npt.NDArray[np.float64]

_WAIT_SECONDS = 2.0
_TABLE = """CREATE TABLE IF NOT EXISTS trials (
    family TEXT NOT NULL,      -- the data that was asked
    question TEXT NOT NULL,    -- what it was asked, as a hash
    tried INTEGER NOT NULL,    -- parameter sets
    measured INTEGER NOT NULL, -- those of them with a Sharpe ratio, which is a day's, not annualised
    total REAL NOT NULL,       -- sum of the Sharpe ratios
    squares REAL NOT NULL,     -- sum of their squares
    best REAL,
    PRIMARY KEY (family, question)
) WITHOUT ROWID"""


class Summary(NamedTuple):
    """All trials of one family: how many, and mean, variance (n - 1) and best of their daily Sharpe ratios."""

    tried: int
    mean: float  # NaN where no trial had a Sharpe ratio
    variance: float  # 0 for fewer than two
    best: float


@dataclasses.dataclass(frozen=True)
class Tried:
    """How often the data of a run had been asked when it was made, this run included, and what to know about that."""

    count: int = 1
    variance: float = 0.0  # of the daily Sharpe ratios of all trials
    note: str = ""


FIRST = Tried()
"""What is known of a run that nobody counted."""


class Trials:
    """The ledger in one SQLite file, which is made when it is first written."""

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path

    def record(self, family: str, question: str, sharpes: Floats) -> Summary:
        """Count a question with the daily Sharpe ratios (n,) of its parameter sets; return what is known by then.

        NaN stands for a set that has no ratio. A question that is already there changes nothing. Raises StoreError
        where the ledger cannot be used.
        """
        known = sharpes[np.isfinite(sharpes)]
        best = float(known.max()) if len(known) else None
        row = (family, question, len(sharpes), len(known), float(known.sum()), float((known**2).sum()), best)
        with self._opened() as ledger:
            ledger.execute("INSERT OR IGNORE INTO trials VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            return _summary(ledger, family)

    def summary(self, family: str) -> Summary:
        """Return what is known of a family's trials; StoreError where the ledger cannot be used."""
        with self._opened() as ledger:
            return _summary(ledger, family)

    @contextlib.contextmanager
    def _opened(self) -> Generator[sqlite3.Connection]:
        """Yield a connection in a transaction of its own; whatever is wrong with the file is a StoreError."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            ledger = sqlite3.connect(self._path, timeout=_WAIT_SECONDS)
            with contextlib.closing(ledger), ledger:
                ledger.execute("PRAGMA journal_mode = WAL")
                ledger.execute("PRAGMA synchronous = NORMAL")
                ledger.execute(_TABLE)
                yield ledger
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"the trial ledger {self._path} cannot be used: {error}") from None


def _summary(ledger: sqlite3.Connection, family: str) -> Summary:
    columns = "sum(tried), sum(measured), sum(total), sum(squares), max(best)"
    tried, measured, total, squares, best = ledger.execute(
        f"SELECT {columns} FROM trials WHERE family = ?", (family,)
    ).fetchone()
    if not measured:
        return Summary(tried or 0, math.nan, 0.0, math.nan)
    # Daily ratios are far below 1 and centred near zero, so nothing is lost in the difference.
    spread = max(squares - total * total / measured, 0.0)
    return Summary(tried, total / measured, spread / (measured - 1) if measured > 1 else 0.0, best)


def default_trials() -> Trials | None:
    """Return the ledger that the environment names, or the one of the working directory; None where it is off."""
    named = os.environ.get("ALPHA_PANDA_TRIALS", "backtest/results/trials.sqlite")
    return None if named == "off" else Trials(pathlib.Path(named))


# ── Questions ────────────────────────────────────────────────────────────────────────────────────────────────────────


def remember(inputs: Inputs, sharpes: Floats, *asked: object) -> Tried:
    """Count what was `asked` of `inputs` besides what they say, and return how often their data has been asked.

    `sharpes` are the daily Sharpe ratios (n,) of its parameter sets. Never raises for a ledger that cannot be used: the
    note says so, and the count is that of this question alone.
    """
    alone = Tried(len(sharpes), float(np.nanvar(sharpes, ddof=1)) if np.isfinite(sharpes).sum() > 1 else 0.0)
    ledger = default_trials()
    if ledger is None:
        return dataclasses.replace(alone, note="trials are not counted, for ALPHA_PANDA_TRIALS is off")
    family = family_of(inputs)
    try:
        known = ledger.record(family, question_of(inputs, *asked), sharpes)
    except StoreError as error:
        return dataclasses.replace(alone, note=f"this trial is not counted: {error}")
    return Tried(known.tried, known.variance)


def family_of(inputs: Inputs) -> str:
    """Return a hash of instruments and resolution: whoever asks the same data again has tried again."""
    return _digest(*inputs.universe.symbols, str(finest_ns(inputs.events)))


def question_of(inputs: Inputs, *asked: object) -> str:
    """Return a hash of a question: profile, sources of the strategies, instruments, events, and what else was asked."""
    # The parameters' defaults are not among what the functions reach, and count where the profile sets none.
    sources = [
        sources_digest({"step": strategy.step or strategy.step_all}) + repr(dict(strategy.parameters))
        for strategy in inputs.strategies
    ]
    named = (inputs.profile.model_dump_json(), *sources, inputs.universe.digest(), *map(repr, asked))
    return _digest(*named, events_digest(inputs.events))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
