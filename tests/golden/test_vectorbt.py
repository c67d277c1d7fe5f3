"""The same signals give the same trades and the same equity as vectorbt, whose answers `make_vectorbt.py` recorded."""

import functools
import pathlib
from collections.abc import Callable

import polars as pl
import pytest

from alpha_panda.backtest.result import Result
from alpha_panda.backtest.signals import from_signals, from_weights
from alpha_panda.instruments import Instrument, Universe, unlisted_token

HERE = pathlib.Path(__file__).parent

PAISA = 0.01
"""Ours is exact; vectorbt computes in floats, and we round each fill's charges to 1/10,000 rupee."""

SYMBOLS = ("NSE:CHEAP", "NSE:GAPPY", "NSE:STEADY")
FINE = Universe(Instrument(symbol, unlisted_token(symbol), tick_e4=1) for symbol in SYMBOLS)
"""Ticks so fine that no fill is rounded, as vectorbt knows no ticks."""

COSTS = {"fees": 0.001, "slippage": 0.001}
STEADY = pl.col("symbol") == "NSE:STEADY"

LONG = functools.partial(from_signals, entries="up", exits="down", universe=FINE)
BOTH = functools.partial(from_signals, entries="up", short_entries="down", product="NRML", universe=FINE)

SCENARIOS: dict[str, Callable[[pl.DataFrame], Result]] = {
    "amount": lambda bars: LONG(bars, size=120, size_type="amount", **COSTS),
    "value": lambda bars: LONG(bars, size=75_000, size_type="value", **COSTS),
    "percent": lambda bars: LONG(bars.filter(STEADY), size=0.6, size_type="percent", fees=0.0),
    "amount, both sides": lambda bars: BOTH(bars, size=120, size_type="amount", **COSTS),
    "value, both sides": lambda bars: BOTH(bars, size=75_000, size_type="value", **COSTS),
    "weights": lambda bars: from_weights(bars, "weight", universe=FINE, **COSTS),
}


def recorded(name: str) -> pl.DataFrame:
    """Return a recorded table; its times are IST."""
    rows = pl.read_csv(HERE / f"vectorbt_{name}.csv", comment_prefix="#", try_parse_dates=True)
    times = [column for column in rows.columns if column.endswith("time")]
    return rows.with_columns(pl.col(times).cast(pl.Datetime("ns")).dt.replace_time_zone("Asia/Kolkata"))


@pytest.fixture(scope="module")
def market() -> pl.DataFrame:
    """Return the bars that vectorbt saw, and what their rows say."""
    return recorded("market")


@pytest.fixture(scope="module", params=SCENARIOS)
def scenario(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def result(scenario: str, market: pl.DataFrame) -> Result:
    return SCENARIOS[scenario](market)


def test_every_trade_is_that_of_vectorbt(scenario: str, result: Result):
    keys = ["exit_time", "symbol"]
    theirs = recorded("trades").filter(pl.col("scenario") == scenario).sort(keys)
    ours = result.trades.sort(keys)
    same = ["symbol", "side", "quantity", "entry_time", "exit_time"]
    assert ours.select(same).rows() == theirs.select(same).rows()
    assert len(theirs) >= 12
    for figure in ("entry_price", "exit_price", "gross"):
        assert (ours[figure] - theirs[figure]).abs().max() < PAISA


def test_every_trade_earns_what_vectorbt_says(scenario: str, result: Result):
    keys = ["symbol", "exit_time"]
    theirs = recorded("trades").filter(pl.col("scenario") == scenario).sort(keys)
    # A fill that turns a position is charged here to the trade that it ends; vectorbt splits its fee between the two.
    turned_into = pl.col("entry_time") == pl.col("exit_time").shift()
    moved_here = pl.when(turned_into).then("entry_fees").otherwise(0.0).over("symbol")
    net = pl.col("net") + moved_here - moved_here.shift(-1, fill_value=0.0).over("symbol")
    # What the last closed trade of a symbol was turned into is still open, and so not recorded.
    last = pl.col("exit_time") == pl.col("exit_time").last().over("symbol")
    earned = theirs.select(net=net, last=last)
    difference = (result.trades.sort(keys)["net"] - earned["net"]).abs()
    if "both" in scenario:
        difference = difference.filter(~earned["last"])
    assert not difference.has_nulls()
    assert difference.max() < PAISA


def test_the_equity_is_that_of_vectorbt_at_every_bar(scenario: str, result: Result):
    theirs = recorded("equity").filter(pl.col("scenario") == scenario)
    ours = result.equity.select("time", "equity").unique("time", keep="last", maintain_order=True)
    assert ours["time"].to_list() == theirs["time"].to_list()
    fills = len(result.fills)
    # Each fill's charge is rounded to 1/10,000 rupee, by half of that at most.
    assert (ours["equity"] - theirs["equity"]).abs().max() < 0.00005 * fills + 0.000_01
