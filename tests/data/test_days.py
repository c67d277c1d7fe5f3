"""Daily bars belong to the day of the exchange: one end for all, known after the closing auction."""

import datetime
import pathlib

import numpy as np
import polars as pl
import pytest

from alpha_panda.backtest.run import run
from alpha_panda.data.catalog import Catalog
from alpha_panda.errors import EventError
from alpha_panda.kernels.records import BAR
from alpha_panda.sessions import sessions
from alpha_panda.units import E4, ist_datetime, ist_time_ns, parse_clock
from tests.backtest.questions import question, strategy_file
from tests.data.shares import share

# Closing auction of shares with futures since Monday 2026-08-03 (CMTR74466): continuous trading ends at 15:15.
DATES = [datetime.date(2026, 7, 30), datetime.date(2026, 7, 31), datetime.date(2026, 8, 3), datetime.date(2026, 8, 4)]
CALENDARS = {"NSE:AAA": "NSE_EQ", "NSE:BBB": "NSE_EQ_FO", "NFO:CCC-FUT": "NFO"}


def daily(clock: str, prices: list[tuple[int, int]]) -> pl.DataFrame:
    """Return daily bars of DATES stamped at one time of day, from (open, close) in rupees."""
    opens, closes = ([price * E4 for price in column] for column in zip(*prices, strict=True))
    highs, lows = map(max, opens, closes), map(min, opens, closes)
    times = [ist_time_ns(date, parse_clock(clock)) for date in DATES]
    columns = {"open_e4": opens, "high_e4": list(highs), "low_e4": list(lows), "close_e4": closes}
    return pl.DataFrame({"time_ns": times, **columns, "volume": [1_000] * len(DATES)})


@pytest.fixture
def catalog(tmp_path: pathlib.Path) -> Catalog:
    """Return days of a share, of one with futures and of a future, stamped as each hour of ingest had it."""
    catalog = Catalog(tmp_path)
    catalog.register([share(symbol, calendar) for symbol, calendar in CALENDARS.items()])
    for symbol, clock in zip(CALENDARS, ("15:30", "15:15", "15:40"), strict=True):
        catalog.store(symbol, "1d", daily(clock, [(100, 101), (102, 103), (104, 105), (106, 107)]))
    return catalog


def test_daily_bars_of_one_day_are_known_at_one_instant_whatever_their_instrument(catalog: Catalog):
    universe, events = catalog.events(list(CALENDARS), "1d")
    bars = events[events["kind"] == BAR]
    times = [f"{ist_datetime(time_ns):%m-%d %H:%M}" for time_ns in np.unique(bars["time_ns"])]
    assert times == ["07-30 15:30", "07-31 15:30", "08-03 15:40", "08-04 15:40"]
    assert len(bars) == len(DATES) * len(universe)
    assert {instrument.calendar for instrument in universe} == {"NSE_DAY"}


def test_the_day_ends_after_the_auction_and_after_every_market(catalog: Catalog):
    for calendar in ("NSE_EQ", "NSE_EQ_FO", "NFO"):
        for opens, closes in sessions(calendar, DATES[0], DATES[-1]).tolist():
            [(begin, end)] = sessions("NSE_DAY", *[ist_datetime(opens).date()] * 2).tolist()
            assert begin <= opens < closes <= end
    assert f"{ist_datetime(sessions('NSE_DAY', DATES[2], DATES[2])['close_ns'][0]):%H:%M}" >= "15:35"


def test_minutes_after_continuous_trading_are_refused_and_not_taken_for_it(catalog: Catalog):
    late = daily("15:20", [(100, 101)] * 4)
    catalog.store("NSE:BBB", "1m", late)
    with pytest.raises(EventError, match=r"NSE:BBB has an event at 2026-08-03 15:20:00 IST, when NSE_EQ_FO is closed"):
        catalog.events(["NSE:BBB"], "1m", first=DATES[2])


def test_an_order_made_on_the_closes_of_a_day_meets_the_open_of_the_next(tmp_path: pathlib.Path):
    # AAA leads until BBB, which has futures, overtakes it with its close of 2026-08-03. Were the day of BBB over before
    # that of AAA, the ranking would leave AAA at its open of that same day.
    catalog = Catalog(tmp_path)
    catalog.register([share("NSE:AAA"), share("NSE:BBB", "NSE_EQ_FO")])
    catalog.store("NSE:AAA", "1d", daily("15:30", [(100, 100), (101, 110), (111, 112), (90, 90)]))
    catalog.store("NSE:BBB", "1d", daily("15:15", [(100, 100), (101, 101), (102, 130), (131, 131)]))
    ranking = {
        "strategy": strategy_file("rank_momentum"),
        "interval": "1d",
        "instruments": ["NSE:AAA", "NSE:BBB"],
        "parameters": {"lookback": 1, "rebalance": 1, "top": 1},
    }
    slippage = {"slippage": {"mode": "ticks", "value": 0.0001}}
    result = run(question(ranking, risk={"after_market": True}, market=slippage), data=catalog, resolution="1d")
    fills = result.fills.select("symbol", pl.col("side").cast(pl.String), "price", day=pl.col("time").dt.date())
    assert fills.rows() == [
        ("NSE:AAA", "BUY", 111.0, DATES[2]),
        ("NSE:AAA", "SELL", 90.0, DATES[3]),
        ("NSE:BBB", "BUY", 131.0, DATES[3]),
    ]
