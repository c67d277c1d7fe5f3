"""Charts, drawn from Polars frames by Altair: of prices, of an account, and of many runs.

Each takes frames as a `Result` holds them and returns an Altair chart that stands alone: its data are inside, bounded
to what a screen can show, and it asks no other machine for anything. `prepare` makes the frames that are drawn, for
other screens to share; `theme` says how things look.
"""

import importlib.util

from alpha_panda.errors import ConfigurationError

if importlib.util.find_spec("altair") is None:  # before everything below, which is drawn with it
    raise ConfigurationError("charts need altair: install it with `pip install alpha-panda[notebooks]`")

from alpha_panda.apps.charts.performance import (
    equity,
    exposure,
    monthly_heat_map,
    return_distribution,
    rolling_sharpe,
    trade_scatter,
    underwater,
)
from alpha_panda.apps.charts.prices import candles, open_interest
from alpha_panda.apps.charts.studies import monte_carlo_fan, parameter_heat_map, walk_forward_equity
from alpha_panda.apps.charts.theme import DARK, LIGHT, PAGE, Chart, Theme

__all__ = [
    "candles",
    "Chart",
    "DARK",
    "equity",
    "exposure",
    "LIGHT",
    "monte_carlo_fan",
    "monthly_heat_map",
    "open_interest",
    "PAGE",
    "parameter_heat_map",
    "return_distribution",
    "rolling_sharpe",
    "Theme",
    "trade_scatter",
    "underwater",
    "walk_forward_equity",
]
