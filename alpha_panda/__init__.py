"""Alpha Panda: one chain of kernels from a notebook to orders at Zerodha.

import alpha_panda as ap

result = ap.run("live/paper.toml", data="data")
result.stats
"""

from alpha_panda.backtest.result import Result
from alpha_panda.backtest.run import run
from alpha_panda.backtest.sweep import sweep
from alpha_panda.config import Profile, Study, load_profile, load_study
from alpha_panda.data.catalog import Catalog
from alpha_panda.data.ingest import ingest
from alpha_panda.data.synthetic import synthetic_bars, synthetic_day
from alpha_panda.errors import (
    AlphaPandaError,
    CatalogError,
    ConfigurationError,
    CorruptRecordError,
    DataError,
    EventError,
    KernelError,
    LogError,
    MoneyOverflowError,
    ParityError,
    RecoveryError,
    StrategyError,
)
from alpha_panda.instruments import Instrument, Universe
from alpha_panda.strategy import Strategy, load_strategy, strategy_from

__all__ = [
    "AlphaPandaError",
    "Catalog",
    "CatalogError",
    "ConfigurationError",
    "CorruptRecordError",
    "DataError",
    "EventError",
    "ingest",
    "Instrument",
    "KernelError",
    "load_profile",
    "load_strategy",
    "load_study",
    "LogError",
    "MoneyOverflowError",
    "ParityError",
    "Profile",
    "RecoveryError",
    "Result",
    "run",
    "Strategy",
    "strategy_from",
    "StrategyError",
    "Study",
    "sweep",
    "synthetic_bars",
    "synthetic_day",
    "Universe",
]
