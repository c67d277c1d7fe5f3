"""The same bytes with the compiler off, where an overflow would warn and a read past an array would raise."""

import datetime
import hashlib
import os
import pathlib
import subprocess
import sys

import numba
import pytest

from alpha_panda.chain import AccountStage, SignalStage, Work, load_strategies, snapshot_bytes
from alpha_panda.config import Profile
from alpha_panda.data.synthetic import synthetic_bars, synthetic_day
from alpha_panda.instruments import Universe
from alpha_panda.kernels.records import Records
from tests.market import MONDAY, profile, strategy_terms
from tests.streams import UNIVERSE, any_stream

ROOT = pathlib.Path(__file__).parents[1]
SYMBOLS = ("SIM:BAMBOO", "SIM:LOTUS", "SIM:PANDA")


def hash_of(*parts: bytes) -> str:
    """Return a short hash of bytes."""
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


def said(work: Work) -> bytes:
    """Return everything that an account said, as bytes."""
    return b"".join(array.tobytes() for array in (work.decisions, work.orders, work.fills, work.snapshots))


def two_strategies(interval: str) -> Profile:
    """Return a profile with one strategy that looks at each instrument and one that ranks them."""
    momentum = {"lookback": 4, "threshold": 0.0005, "allow_short": 1}
    ranking = {"lookback": 3, "rebalance": 2, "top": 2}
    sized = {"mode": "volatility", "value": 0.3}
    return profile(
        strategy_terms(
            "momentum", strategy="momentum", interval=interval, capital=200_000, size=sized, parameters=momentum
        ),
        strategy_terms(
            "ranks",
            strategy="rank_momentum",
            interval=interval,
            capital=200_000,
            size={"mode": "fraction", "value": 0.9},
            parameters=ranking,
            product="MIS",
            guards={"stop_loss": 0.002, "trailing_stop": 0.003, "holding_seconds": 3_600},
        ),
        risk={"open_orders": 40, "gross_fraction": 1.0, "duplicate_seconds": 2, "self_cross": True},
        market={"slippage": {"mode": "half_spread", "value": 1}, "latency_seconds": 0.05, "participation": 0.5},
    )


def traded(terms: Profile, universe: Universe, events: Records) -> str:
    """Return a hash of everything that two strategies and their account remember and said."""
    signals_stage = SignalStage(terms, universe, load_strategies(terms, [ROOT / "strategies"]))
    account_stage = AccountStage(terms, universe)
    signals = signals_stage.advance(events)
    work = account_stage.advance(events, signals)
    assert {0, 1} == set(signals["strategy"].tolist()), "both strategies must speak, or nothing is compared"
    assert len(work.fills) > 20, "too little trade to compare anything"
    remembered = (*snapshot_bytes(signals_stage.arrays()).values(), *snapshot_bytes(account_stage.arrays()).values())
    return f"{account_stage.ledger_hash()} {hash_of(*remembered)} {hash_of(said(work), signals.tobytes())}"


def bars_traded() -> str:
    """Return the hash of an hour and a half of minute bars."""
    universe, events = synthetic_bars(MONDAY, MONDAY, seed=11, symbols=SYMBOLS)
    return traded(two_strategies("2m"), universe, events[:380])


def ticks_traded() -> str:
    """Return the hash of some minutes of ticks with quotes, and their clocks."""
    universe, events = synthetic_day(MONDAY, seed=11, symbols=SYMBOLS, ticks_a_second=0.5)
    return traded(two_strategies("20s"), universe, events[:1_500])


def streams_traded() -> str:
    """Return a hash of what accounts do on random streams: every order type, guard, limit and slippage."""
    parts: list[bytes] = []
    for seed in range(8):
        stream = any_stream(seed, count=200)
        stage = AccountStage(stream.terms, UNIVERSE)
        work = stage.advance(stream.events, stream.signals)
        parts += [*snapshot_bytes(stage.arrays()).values(), said(work)]
    return hash_of(*parts)


@pytest.mark.parametrize("market", [bars_traded, ticks_traded, streams_traded])
def test_the_compiler_changes_no_byte(market):
    assert not numba.config.DISABLE_JIT, "this half of the comparison needs the compiler"
    run = f"import sys, numba; assert numba.config.DISABLE_JIT; from {__name__} import {market.__name__} as run"
    finished = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{run}; sys.stdout.write(run())"],
        cwd=ROOT,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.stdout == market(), finished.stderr


def test_another_day_is_another_ledger():
    universe, events = synthetic_bars(
        MONDAY + datetime.timedelta(days=1), MONDAY + datetime.timedelta(days=1), 11, SYMBOLS
    )
    assert traded(two_strategies("2m"), universe, events[:380]) != bars_traded()
