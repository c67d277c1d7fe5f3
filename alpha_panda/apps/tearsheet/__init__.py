"""The tear sheet: everything that came of a backtest, in one HTML file that asks nobody for anything."""

import itertools
import os
import pathlib
from collections.abc import Iterator

import polars as pl

from alpha_panda.apps import charts
from alpha_panda.apps.charts import PAGE
from alpha_panda.apps.tearsheet import parts
from alpha_panda.apps.tearsheet.markup import Html
from alpha_panda.apps.tearsheet.page import Plots, page
from alpha_panda.backtest.result import Result
from alpha_panda.backtest.validate.resampling import MonteCarlo
from alpha_panda.errors import ConfigurationError

INSTRUMENTS = 3
"""Instruments whose candles are drawn: those in which most was traded."""


def report(
    result: Result,
    path: str | os.PathLike[str],
    *,
    monte_carlo: MonteCarlo | None = None,
    sweep: pl.DataFrame | None = None,
    title: str | None = None,
) -> pathlib.Path:
    """Write the tear sheet of a result to an HTML file, and return its path.

    It is one file of a megabyte or two that opens in any browser, makes no request to anywhere, and prints. It also
    shows the histories of a `bootstrap` of the daily returns, and the frame of a `sweep` over two parameters or more,
    where these are given. `title` is the strategies' names if it is not said. Raises ConfigurationError where the file
    cannot be written, or where the extra `notebooks` is not installed, whose libraries draw the charts.
    """
    title = title or ", ".join(result.names.strategies)
    plots = Plots()
    parts = itertools.chain(
        _answer(result, title, plots),
        _grounds(result, plots),
        _others(result, monte_carlo, sweep, plots),
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


def _others(result: Result, monte_carlo: MonteCarlo | None, sweep: pl.DataFrame | None, plots: Plots) -> Iterator[Html]:
    """Yield what other histories and other parameters would have made."""
    if monte_carlo is not None:
        growth = (1.0 + pl.col("return")).cum_prod() * result.initial
        actual = result.daily.select(pl.int_range(1, pl.len() + 1).alias("day"), growth.alias("value"))
        yield plots.place(charts.monte_carlo_fan(monte_carlo.fan, actual, result.initial, theme=PAGE), "half")
        yield parts.monte_carlo(monte_carlo)
    if sweep is not None:
        varied = [name for name in sweep.columns[: sweep.columns.index("total_return")] if sweep[name].n_unique() > 1]
        if len(varied) > 1:
            x, y, *more = varied
            slider = more[0] if more else None
            yield plots.place(charts.parameter_heat_map(sweep, x, y, "sharpe", slider=slider, theme=PAGE))


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
