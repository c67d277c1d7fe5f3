"""Alpha Panda: one chain of kernels from a notebook to orders at Zerodha.

import alpha_panda as ap

result = ap.run("live/paper.toml", data="data")
result.stats
"""

import pkgutil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for editors and type checkers; a new name stands here and in the table below
    from alpha_panda import indicators as indicators
    from alpha_panda.apps import charts as charts
    from alpha_panda.apps.tearsheet import report as report
    from alpha_panda.backtest.cache import cached_run as cached_run
    from alpha_panda.backtest.cache import cached_sweep as cached_sweep
    from alpha_panda.backtest.causality.prove import causality as causality
    from alpha_panda.backtest.result import Result as Result
    from alpha_panda.backtest.run import run as run
    from alpha_panda.backtest.signals import from_signals as from_signals
    from alpha_panda.backtest.signals import from_strategy as from_strategy
    from alpha_panda.backtest.signals import from_weights as from_weights
    from alpha_panda.backtest.sweep import sweep as sweep
    from alpha_panda.backtest.validate.cross_validate import cross_validate as cross_validate
    from alpha_panda.backtest.validate.folds import combinatorial_folds as combinatorial_folds
    from alpha_panda.backtest.validate.folds import purged_folds as purged_folds
    from alpha_panda.backtest.validate.overfitting import pbo as pbo
    from alpha_panda.backtest.validate.resampling import bootstrap as bootstrap
    from alpha_panda.backtest.validate.resampling import shuffled_trades as shuffled_trades
    from alpha_panda.backtest.validate.returns import daily_returns_of as daily_returns_of
    from alpha_panda.backtest.validate.walk_forward import walk_forward as walk_forward
    from alpha_panda.config import Profile as Profile
    from alpha_panda.config import Study as Study
    from alpha_panda.config import load_profile as load_profile
    from alpha_panda.config import load_study as load_study
    from alpha_panda.costs import charges_of as charges_of
    from alpha_panda.data.bars import bars as bars
    from alpha_panda.data.catalog import Catalog as Catalog
    from alpha_panda.data.ingest import ingest as ingest
    from alpha_panda.data.query import query as query
    from alpha_panda.data.synthetic import synthetic_bars as synthetic_bars
    from alpha_panda.data.synthetic import synthetic_day as synthetic_day
    from alpha_panda.errors import AlphaPandaError as AlphaPandaError
    from alpha_panda.errors import CatalogError as CatalogError
    from alpha_panda.errors import CausalityError as CausalityError
    from alpha_panda.errors import ConfigurationError as ConfigurationError
    from alpha_panda.errors import CorruptRecordError as CorruptRecordError
    from alpha_panda.errors import DataError as DataError
    from alpha_panda.errors import EventError as EventError
    from alpha_panda.errors import KernelError as KernelError
    from alpha_panda.errors import LogError as LogError
    from alpha_panda.errors import MoneyOverflowError as MoneyOverflowError
    from alpha_panda.errors import ParityError as ParityError
    from alpha_panda.errors import RecoveryError as RecoveryError
    from alpha_panda.errors import StrategyError as StrategyError
    from alpha_panda.instruments import Instrument as Instrument
    from alpha_panda.instruments import Universe as Universe
    from alpha_panda.live.past.timetravel import replay_at as replay_at
    from alpha_panda.strategy import Strategy as Strategy
    from alpha_panda.strategy import load_strategy as load_strategy
    from alpha_panda.strategy import strategy_from as strategy_from

_HOMES = {
    "AlphaPandaError": "alpha_panda.errors:AlphaPandaError",
    "bars": "alpha_panda.data.bars:bars",
    "bootstrap": "alpha_panda.backtest.validate.resampling:bootstrap",
    "cached_run": "alpha_panda.backtest.cache:cached_run",
    "cached_sweep": "alpha_panda.backtest.cache:cached_sweep",
    "Catalog": "alpha_panda.data.catalog:Catalog",
    "CatalogError": "alpha_panda.errors:CatalogError",
    "causality": "alpha_panda.backtest.causality.prove:causality",
    "CausalityError": "alpha_panda.errors:CausalityError",
    "charges_of": "alpha_panda.costs:charges_of",
    "charts": "alpha_panda.apps.charts",
    "combinatorial_folds": "alpha_panda.backtest.validate.folds:combinatorial_folds",
    "ConfigurationError": "alpha_panda.errors:ConfigurationError",
    "CorruptRecordError": "alpha_panda.errors:CorruptRecordError",
    "cross_validate": "alpha_panda.backtest.validate.cross_validate:cross_validate",
    "daily_returns_of": "alpha_panda.backtest.validate.returns:daily_returns_of",
    "DataError": "alpha_panda.errors:DataError",
    "EventError": "alpha_panda.errors:EventError",
    "from_signals": "alpha_panda.backtest.signals:from_signals",
    "from_strategy": "alpha_panda.backtest.signals:from_strategy",
    "from_weights": "alpha_panda.backtest.signals:from_weights",
    "indicators": "alpha_panda.indicators",
    "ingest": "alpha_panda.data.ingest:ingest",
    "Instrument": "alpha_panda.instruments:Instrument",
    "KernelError": "alpha_panda.errors:KernelError",
    "load_profile": "alpha_panda.config:load_profile",
    "load_strategy": "alpha_panda.strategy:load_strategy",
    "load_study": "alpha_panda.config:load_study",
    "LogError": "alpha_panda.errors:LogError",
    "MoneyOverflowError": "alpha_panda.errors:MoneyOverflowError",
    "ParityError": "alpha_panda.errors:ParityError",
    "pbo": "alpha_panda.backtest.validate.overfitting:pbo",
    "Profile": "alpha_panda.config:Profile",
    "purged_folds": "alpha_panda.backtest.validate.folds:purged_folds",
    "query": "alpha_panda.data.query:query",
    "RecoveryError": "alpha_panda.errors:RecoveryError",
    "replay_at": "alpha_panda.live.past.timetravel:replay_at",
    "report": "alpha_panda.apps.tearsheet:report",
    "Result": "alpha_panda.backtest.result:Result",
    "run": "alpha_panda.backtest.run:run",
    "shuffled_trades": "alpha_panda.backtest.validate.resampling:shuffled_trades",
    "Strategy": "alpha_panda.strategy:Strategy",
    "strategy_from": "alpha_panda.strategy:strategy_from",
    "StrategyError": "alpha_panda.errors:StrategyError",
    "Study": "alpha_panda.config:Study",
    "sweep": "alpha_panda.backtest.sweep:sweep",
    "synthetic_bars": "alpha_panda.data.synthetic:synthetic_bars",
    "synthetic_day": "alpha_panda.data.synthetic:synthetic_day",
    "Universe": "alpha_panda.instruments:Universe",
    "walk_forward": "alpha_panda.backtest.validate.walk_forward:walk_forward",
}
"""The table of contents: where each public name is, `module:name`, or just the module where it is one itself."""

__all__ = list(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]  # it reads the imports above instead


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that the command line need not wait for all of them."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found = pkgutil.resolve_name(_HOMES[name])
    return found


def __dir__() -> list[str]:
    return __all__
