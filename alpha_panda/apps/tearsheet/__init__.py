"""The tear sheet: everything that came of a backtest, in one HTML file that asks nobody for anything."""

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
from alpha_panda.errors import ConfigurationError

INSTRUMENTS = 3
"""Instruments whose candles are drawn: those in which most was traded."""


def report(result: Result, path: str | os.PathLike[str], *, title: str | None = None) -> pathlib.Path:
    """Write the tear sheet of a result to an HTML file, and return its path.

    It is one file of a megabyte or two, opens in any browser, makes no request to anywhere, and prints. `title` is the
    strategies' names if not given. Raises ConfigurationError where the file cannot be written, or where the extra
    `notebooks` is not installed, whose libraries draw the charts.
    """
    named = title or ", ".join(result.names.strategies)
    plots = Plots()
    written = page(f"{named} · Alpha Panda", _parts(result, named, plots), plots)
    path = pathlib.Path(path)
    try:
        path.write_text(written, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"the tear sheet cannot be written to {path}: {error.strerror}") from None
    return path


def _parts(result: Result, title: str, plots: Plots) -> Iterator[Html | None]:
    """Yield what stands in the page, from the answer to its grounds."""
    yield parts.header(result, title)
    yield parts.significance(result)
    yield parts.headlines(result)
    yield parts.notes(result)
    yield plots.place(charts.equity(result.equity, result.benchmark, theme=PAGE))
    yield plots.place(charts.underwater(result.equity, initial=result.initial, theme=PAGE), "half")
    yield plots.place(charts.exposure(result.equity, theme=PAGE), "half")
    yield plots.place(charts.monthly_heat_map(result.monthly, theme=PAGE))
    yield from parts.figures(result)
    yield plots.place(charts.rolling_sharpe(result.daily, theme=PAGE), "half")
    yield plots.place(charts.return_distribution(result.daily, theme=PAGE), "half")
    for symbol in _most_traded(result):
        fills = result.fills.filter(pl.col("symbol") == symbol)
        yield plots.place(charts.candles(result.bars(symbol), fills, title=symbol, theme=PAGE))
    yield plots.place(charts.trade_scatter(result.trades, theme=PAGE))
    yield parts.trades(result, best=True)
    yield parts.trades(result, best=False)
    yield parts.drawdowns(result)
    yield parts.charges(result)
    yield parts.refusals(result)
    yield parts.positions(result)
    yield parts.footer(result)


def _most_traded(result: Result) -> list[str]:
    worth = (pl.col("price") * pl.col("quantity")).sum().alias("worth")
    traded = result.fills.group_by("symbol").agg(worth).sort("worth", "symbol", descending=[True, False])
    return traded["symbol"].head(INSTRUMENTS).to_list() or list(result.universe.symbols[:1])
