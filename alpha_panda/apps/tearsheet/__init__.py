"""The tear sheet: everything that came of a backtest, in one HTML file that asks nobody for anything."""

import itertools
import os
import pathlib
from collections.abc import Iterator

import polars as pl

from alpha_panda.apps import charts
from alpha_panda.apps.charts import PAGE
from alpha_panda.apps.charts.prepare import swept
from alpha_panda.apps.markup import Html
from alpha_panda.apps.tearsheet import parts
from alpha_panda.apps.tearsheet.page import Plots, page
from alpha_panda.backtest.result import Result
from alpha_panda.backtest.validate.resampling import MonteCarlo
from alpha_panda.backtest.validate.walk_forward import WalkForward
from alpha_panda.errors import ConfigurationError

INSTRUMENTS = 3
"""Instruments whose candles are drawn: those in which most was traded."""


def report(
    result: Result,
    path: str | os.PathLike[str],
    *,
    monte_carlo: MonteCarlo | None = None,
    walk_forward: WalkForward | None = None,
    sweep: pl.DataFrame | None = None,
    title: str | None = None,
) -> pathlib.Path:
    """Write the tear sheet of a result to an HTML file, and return its path.

    It is one file of a megabyte or two that opens in any browser, makes no request to anywhere, and prints. It also
    shows the histories of a `bootstrap` of the daily returns, the windows of a `walk_forward` and the frame of a
    `sweep`, where these are given. `title` is the strategies' names if it is not said. Raises ConfigurationError where
    the file cannot be written, where a sweep varies fewer than two parameters, or where the extra `notebooks` is not
    installed, whose libraries draw the charts.
    """
    title = title or ", ".join(result.names.strategies)
    plots = Plots()
    parts = itertools.chain(
        _answer(result, title, plots),
        _grounds(result, plots),
        _tries(walk_forward, sweep, plots),
        _histories(result, monte_carlo, plots),
        _details(result),
    )
    written = page(f"{title} · Alpha Panda", parts, plots)
    path = pathlib.Path(path)
    try:
        path.write_text(written, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"the tear sheet cannot be written to {path}: {error.strerror}") from None
    return path


def _answer(result: Result, title: str, plots: Plots) -> Iterator[Html | None]:
    yield parts.header(result, title)
    yield parts.significance(result)
    yield parts.headlines(result)
    yield parts.notes(result)
    yield plots.place(charts.equity(result.equity, result.benchmark, theme=PAGE))
    yield plots.place(charts.underwater(result.equity, result.initial, theme=PAGE), "half")
    yield plots.place(charts.exposure(result.equity, theme=PAGE), "half")
    yield plots.place(charts.monthly_heat_map(result.monthly, theme=PAGE))
    yield parts.figures(result)


def _grounds(result: Result, plots: Plots) -> Iterator[Html]:
    yield plots.place(charts.rolling_sharpe(result.daily, theme=PAGE), "half")
    yield plots.place(charts.return_distribution(result.daily, theme=PAGE), "half")
    for symbol in _most_traded(result):
        fills = result.fills.filter(pl.col("symbol") == symbol)
        yield plots.place(charts.candles(result.bars(symbol), fills, title=symbol, theme=PAGE))
    yield plots.place(charts.trade_scatter(result.trades, theme=PAGE), "half")
    yield parts.drawdowns(result)


def _tries(walked: WalkForward | None, sweep: pl.DataFrame | None, plots: Plots) -> Iterator[Html]:
    """Yield what other parameters would have made, and those chosen before each window."""
    if walked is not None:
        yield plots.place(charts.walk_forward_equity(walked.equity, walked.windows, theme=PAGE))
        yield parts.windows(walked)
    if sweep is not None:
        x, y, *others = swept(sweep)
        slider = others[0] if others else None
        yield plots.place(charts.parameter_heat_map(sweep, x, y, slider=slider, theme=PAGE))


def _histories(result: Result, drawn: MonteCarlo | None, plots: Plots) -> Iterator[Html]:
    """Yield what other histories could have made."""
    if drawn is not None:
        growth = (1.0 + pl.col("return")).cum_prod() * result.initial
        actual = result.daily.select(pl.int_range(1, pl.len() + 1).alias("day"), growth.alias("value"))
        yield plots.place(charts.monte_carlo_fan(drawn.fan, actual, result.initial, theme=PAGE), "half")
        yield parts.monte_carlo(drawn)


def _details(result: Result) -> Iterator[Html]:
    yield parts.trades(result, best=True)
    yield parts.trades(result, best=False)
    yield parts.charges(result)
    yield parts.refusals(result)
    yield parts.positions(result)
    yield parts.footer(result)


def _most_traded(result: Result) -> list[str]:
    worth = (pl.col("price") * pl.col("quantity")).sum().alias("worth")
    traded = result.fills.group_by("symbol").agg(worth).sort("worth", "symbol", descending=[True, False])
    return traded["symbol"].head(INSTRUMENTS).to_list() or list(result.universe.symbols[:1])
