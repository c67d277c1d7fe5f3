"""Questions asked of a frame: what they trade, at which price and size, and that they are the chain's own answers."""

import datetime
import pathlib
from typing import Any

import numpy as np
import polars as pl
import pytest

from alpha_panda import indicators
from alpha_panda.backtest.inputs import finest_ns
from alpha_panda.backtest.run import run
from alpha_panda.backtest.signals import from_signals, from_strategy, from_weights
from alpha_panda.config import Risk
from alpha_panda.data.catalog import Catalog
from alpha_panda.errors import AlphaPandaError, ConfigurationError, DataError, StrategyError
from alpha_panda.instruments import Instrument, Universe, unlisted_token
from alpha_panda.strategy import load_strategy
from alpha_panda.units import DAY_NS
from tests.backtest.framed import dated, minutes, walk
from tests.backtest.questions import HOLD, ROOT, question, strategy_file

FREE = {"fees": 0.0, "size_type": "amount"}


def fills_of(result: Any) -> list[tuple[Any, ...]]:
    """Return clock, side, quantity and price of every fill."""
    rows = result.fills.select(pl.col("time").dt.strftime("%H:%M"), pl.col("side").cast(pl.String), "quantity", "price")
    return rows.rows()


# ── What is traded ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_order_fills_at_the_open_of_the_next_bar():
    bars = minutes([100, 101, 102, 103, 104], up=[False, True, False, False, False], down=[False] * 3 + [True, False])
    bars = bars.with_columns(open=pl.col("open") - 0.5, low=pl.col("low") - 0.5)
    result = from_signals(bars, "up", "down", size=10, **FREE)
    assert fills_of(result) == [("09:18", "BUY", 10, 101.5), ("09:20", "SELL", 10, 103.5)]
    assert result.trades["net"].to_list() == [20.0]
    assert result.equity["equity"].to_list()[-1] == 1_000_020.0


@pytest.mark.parametrize(
    ("size", "size_type", "quantity"),
    [(7, "amount", 7), (50_000, "value", 495), (0.25, "percent", 2_475), (1.0, "percent", 9_900)],
)
def test_a_size_is_in_units_in_rupees_or_a_fraction_of_equity_at_the_close(size: float, size_type: Any, quantity: int):
    # 101 rupees at the close that says so: 50,000 / 101 = 495.05, 250,000 / 101 = 2,475.2, 1,000,000 / 101 = 9,900.99.
    result = from_signals(minutes([100, 101, 90]), pl.col("close") == 101, size=size, size_type=size_type, fees=0.0)
    assert fills_of(result) == [("09:18", "BUY", quantity, 90.0)]


def test_a_percent_is_of_the_equity_then_and_not_of_the_first():
    bars = minutes(
        [100, 100, 200, 200, 200], up=[True, False, False, True, False], down=[False, False, True, False, False]
    )
    result = from_signals(bars, "up", "down", size=0.5, fees=0.0)
    # Half of 10 lakh buys 5,000; sold at twice that, half of 15 lakh at 200 buys 3,750.
    assert [row[2] for row in fills_of(result)] == [5_000, 5_000, 3_750]


def test_fees_are_a_fraction_or_those_of_zerodha_at_the_date():
    bars = minutes([100, 100, 100, 100])
    up, down = pl.int_range(pl.len()) == 0, pl.int_range(pl.len()) == 2
    flat = from_signals(bars, up, down, size=100, size_type="amount", fees=0.001)
    assert flat.charges.tail(1)["total"].to_list() == [20.0]
    real = from_signals(bars, up, down, size=100, size_type="amount")
    # Delivery, 10,000 rupees each way, July 2024: STT 0.1 % twice, NSE 0.00322 % and IPFT 10 a crore twice, SEBI 10 a
    # crore twice, stamp 0.015 % once, GST 18 % of NSE and SEBI, DP 15.93.
    stt, nse, ipft, sebi, stamp, delivery = 20.0, 0.644, 0.02, 0.02, 1.5, 15.93
    assert real.summary["charges"] == pytest.approx(
        stt + nse + ipft + sebi + stamp + 0.18 * (nse + sebi) + delivery, abs=0.001
    )


def test_slippage_is_a_fraction_against_the_order_and_lands_on_the_tick():
    bars = minutes([300, 300, 300, 300])
    up, down = pl.int_range(pl.len()) == 0, pl.int_range(pl.len()) == 2
    result = from_signals(bars, up, down, size=1, slippage=0.000_25, **FREE)
    # 0.075 rupees, on a tick of 5 paise.
    assert result.fills["price"].to_list() == [300.10, 299.90]


def test_all_symbols_share_the_cash():
    bars = pl.concat([minutes([100, 100, 100], symbol) for symbol in ("A", "B", "C")])
    result = from_signals(bars, pl.lit(value=True), size=0.4, fees=0.0)
    assert result.positions.select("symbol", "quantity").rows() == [
        ("NSE:A", 4_000),
        ("NSE:B", 4_000),
        ("NSE:C", 2_000),
    ]


def test_nothing_is_bought_with_what_another_symbol_has_gained():
    one, other = (
        minutes([100, 100, 200, 200], "A", up=[True] * 4),
        minutes([100] * 4, "B", up=[False, False, True, True]),
    )
    result = from_signals(pl.concat([one, other]), "up", size=0.6, fees=0.0)
    # A took 6 lakh and doubles; of 16 lakh B would take 9.6, and gets the 4 that are left.
    assert result.positions["quantity"].to_list() == [6_000, 4_000]
    assert result.equity["cash"].min() == 0.0


def test_what_was_paid_beyond_the_cash_is_said():
    result = from_signals(minutes([100, 110, 110]), pl.lit(value=True), fees=0.0)
    # Ten thousand were ordered at 100, and the next bar opened at 110.
    assert result.notes == ("the cash fell to −₹1,00,000.00: more was bought than the account could pay for",)


def test_what_is_sold_makes_room_for_what_is_bought_at_the_same_time():
    one, other = (
        minutes([100] * 4, "Z", up=[True, False, False, False]),
        minutes([100] * 4, "A", up=[False, True, False, False]),
    )
    bars = pl.concat([one, other]).with_columns(down=pl.col("up").shift(1, fill_value=False).over("symbol"))
    result = from_signals(bars, "up", "down", size=1.0, fees=0.0)
    assert [row[1:] for row in fills_of(result)][:1] == [("BUY", 10_000, 100.0)]
    assert sorted(row[1:3] for row in fills_of(result)[1:3]) == [("BUY", 10_000), ("SELL", 10_000)]


def test_a_stop_closes_and_an_exit_must_come_before_the_next_entry():
    prices = [100, 100, 94, 93, 93, 93, 93, 93]
    bars = minutes(
        prices, up=[True, False, False, False, True, False, True, False], down=[False] * 5 + [True, False, False]
    )
    result = from_signals(bars, "up", "down", size=10, sl_stop=0.05, **FREE)
    assert result.fills["guard"].to_list()[1] == "stop_loss"
    assert fills_of(result) == [("09:17", "BUY", 10, 100.0), ("09:19", "SELL", 10, 93.0), ("09:23", "BUY", 10, 93.0)]


@pytest.mark.parametrize(
    ("stops", "guard"),
    [({"sl_stop": 0.05}, "stop_loss"), ({"tp_stop": 0.05}, "take_profit"), ({"tsl_stop": 0.05}, "trailing_stop")],
)
def test_each_stop_is_the_guard_of_its_name(stops: dict[str, float], guard: str):
    prices = {
        "stop_loss": [100, 100, 94, 94],
        "take_profit": [100, 100, 106, 106],
        "trailing_stop": [100, 100, 120, 113, 113],
    }
    result = from_signals(minutes(prices[guard]), pl.lit(value=True), size=10, **stops, **FREE)
    assert result.trades["exit_reason"].to_list() == [guard]


def test_intraday_positions_are_squared_off_and_not_opened_after_that():
    bars = walk("A", 370, seed=1)
    row = pl.int_range(pl.len())
    result = from_signals(bars, (row == 10) | (row == 358), row == 400, product="MIS", size=10, **FREE)
    assert result.trades["exit_reason"].to_list() == ["square_off"]
    late = from_signals(bars, row == 358, product="MIS", size=10, **FREE)
    assert late.refusals["code"].to_list() == ["outside_window"]


def test_daily_bars_fill_at_the_next_days_open():
    result = from_signals(dated([100, 101, 102], up=[True, False, False]), "up", size=1, **FREE)
    assert result.fills["time"].dt.strftime("%Y-%m-%d").to_list() == ["2024-01-02"]
    assert result.profile.strategies[0].interval_ns == DAY_NS == finest_ns(result.events)


def test_what_was_said_before_a_day_of_two_sessions_meets_its_daily_bar():
    # Saturday 2024-03-02 had two sessions; orders of the day before must not end with the first of them.
    days = [datetime.date(2024, 2, 29), datetime.date(2024, 3, 1), datetime.date(2024, 3, 2), datetime.date(2024, 3, 4)]
    bars = dated([100] * 4).with_columns(date=pl.Series(days))
    result = from_signals(bars, pl.col("date") == days[0], pl.col("date") == days[1])
    assert [(time.day, side) for time, side in result.fills.select("time", "side").rows()] == [(1, "BUY"), (2, "SELL")]


def test_an_order_waits_for_the_next_bar_however_far_away_that_is():
    # The share does not trade on 6 June 2024, a trading day, on which an order of the day before would end.
    days = [datetime.date(2024, 6, day) for day in (3, 4, 5, 7, 10)]
    bars = dated([100, 100, 100, 120, 100]).with_columns(date=pl.Series(days))
    result = from_signals(bars, pl.col("date") == days[0], pl.col("date") == days[2], size=1, **FREE)
    assert [(time.day, price) for time, price in result.fills.select("time", "price").rows()] == [(4, 100), (7, 120)]
    assert len(result.daily) == 5
    # The last bars of a session may be missing as well.
    times = ["2024-07-08 15:26", "2024-07-08 15:27", "2024-07-08 15:28", "2024-07-09 09:16"]
    night = minutes([100, 100, 100, 120]).with_columns(time=pl.Series(times).str.to_datetime())
    row = pl.int_range(pl.len())
    assert from_signals(night, row == 0, row == 2, size=1, **FREE).fills["price"].to_list() == [100, 120]


def test_an_intraday_order_does_not_wait_for_another_day():
    times = ["2024-07-08 15:01", "2024-07-09 09:16", "2024-07-09 09:17"]
    bars = minutes([100, 100, 100]).with_columns(time=pl.Series(times).str.to_datetime())
    result = from_signals(bars, pl.int_range(pl.len()) == 0, product="MIS", size=1, **FREE)
    assert result.orders["status"].to_list() == ["working", "expired"]


# ── Weights ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def two_shares(first: list[float], second: list[float]) -> pl.DataFrame:
    return pl.concat([minutes(first, "A"), minutes(second, "B")])


def test_a_weight_is_sized_anew_at_each_row_that_has_one():
    # A halves, so 10 lakh are 7.5: 3.75 each are 7,500 of A and 3,750 of B.
    bars = two_shares([100, 100, 50, 50, 50], [100, 100, 100, 100, 100])
    once = from_weights(bars, pl.when(pl.int_range(pl.len()) == 0).then(0.5), fees=0.0)
    assert once.positions["quantity"].to_list() == [5_000, 5_000]
    always = from_weights(bars, pl.lit(0.5), fees=0.0)
    assert always.positions["quantity"].to_list() == [7_500, 3_750]
    assert sorted(row[:3] for row in fills_of(always)[2:]) == [("09:19", "BUY", 2_500), ("09:19", "SELL", 1_250)]


def test_all_of_the_equity_follows_a_falling_and_a_rising_market():
    # At each step the whole equity is 5 : 5 again, whatever has happened to either share.
    bars = two_shares([100, 50, 25, 25, 50, 50, 200, 200], [100, 100, 200, 50, 50, 25, 25, 25])
    result = from_weights(bars, pl.lit(0.5), fees=0.0)
    cash = result.equity["cash"].to_list()
    worth = result.positions.select((pl.col("quantity") * pl.col("last")).alias("worth"))["worth"].to_list()
    assert worth[0] == pytest.approx(worth[1], rel=1e-3)
    assert abs(cash[-1]) < 400  # less than a share of each


def test_a_weight_of_nothing_leaves_and_a_negative_one_is_short():
    bars = two_shares([100, 100, 100, 100], [100, 100, 100, 100]).with_columns(
        w=pl.Series([0.5, 0.0, None, None, None, -0.25, None, None])
    )
    result = from_weights(bars, "w", product="NRML", fees=0.0)
    assert result.positions.select("symbol", "quantity").rows() == [("NSE:B", -2_500)]


def test_weights_that_borrow_are_refused():
    with pytest.raises(DataError, match=r"add up to 1\.2"):
        from_weights(two_shares([1, 1], [1, 1]), pl.lit(0.6))


# ── One chain ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def shares() -> pl.DataFrame:
    """Return a day of minutes of three shares."""
    return pl.concat([walk(symbol, 370, seed) for seed, symbol in enumerate(("A", "B", "C"))])


FAST, SLOW = indicators.ema(pl.col("close"), 12), indicators.ema(pl.col("close"), 26)


@pytest.mark.parametrize("short", [False, True])
def test_signals_of_a_strategys_rule_trade_as_the_strategy_does(short: bool, shares: pl.DataFrame):
    terms: dict[str, Any] = {"size": 100, "size_type": "amount", "product": "NRML", "slippage": 0.001}
    strategy = from_strategy(shares, strategy_file("ema_cross"), {"allow_short": int(short)}, **terms)
    signals = from_signals(shares, FAST > SLOW, FAST < SLOW, FAST < SLOW if short else None, **terms)
    assert len(signals.trades) > 10
    assert (signals.work.fills == strategy.work.fills).all()
    assert signals.equity.equals(strategy.equity)


def test_a_strategy_asked_of_a_frame_is_the_run_of_its_events(shares: pl.DataFrame):
    asked = from_strategy(shares, strategy_file("ema_cross"), {"fast": 5}, size=0.2, interval="5m")
    strategies = {"ema_cross": load_strategy(strategy_file("ema_cross"))}
    again = run(asked.profile, events=asked.events, universe=asked.universe, strategies=strategies)
    assert again.ledger_hash == asked.ledger_hash
    assert asked.profile.strategies[0].interval_ns == 300 * 10**9


def test_a_strategy_may_be_named_or_come_from_a_notebook(shares: pl.DataFrame, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    by_name = from_strategy(shares, "ema_cross")
    by_path = from_strategy(shares, pathlib.Path("strategies/ema_cross.py"))
    assert by_name.ledger_hash == by_path.ledger_hash
    assert from_strategy(shares, HOLD["hold"], size=0.1).summary["fills"] == 3
    with pytest.raises(StrategyError, match="there is no strategy 'ema_crosss'"):
        from_strategy(shares, "ema_crosss")


def test_rows_may_stand_by_symbol_or_by_time(shares: pl.DataFrame):
    by_time = shares.sort("time", "symbol")
    one, other = (from_signals(frame, FAST > SLOW, FAST < SLOW, size=0.3) for frame in (shares, by_time))
    assert one.ledger_hash == other.ledger_hash


def test_a_question_is_one_trial_however_often_it_is_asked(shares: pl.DataFrame):
    frame = shares.filter(pl.col("symbol") == "A").with_columns(symbol=pl.lit("COUNTED"))
    counts = [from_signals(frame, pl.col("close") > level).trials.count for level in (1_990, 1_990, 2_010)]
    assert counts == [1, 1, 2]
    assert from_weights(frame, pl.lit(0.5)).trials.count == 3
    assert from_strategy(frame, strategy_file("ema_cross")).trials.count == 4


# ── Limits ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_no_limit_of_the_account_is_in_force_unless_it_is_asked_for():
    risk = from_signals(minutes([100, 100]), pl.lit(value=False)).profile.risk
    assert [name for name, value in risk if value] == ["after_market"]


@pytest.mark.parametrize("risk", [{}, Risk()])
def test_limits_are_asked_for_by_a_table_or_an_object(risk: Any):
    result = from_signals(minutes([100, 100, 100]), pl.col("close") > 0, risk=risk, fees=0.0)
    # A tenth of the equity in one order, by the strict limits of config.Risk.
    assert result.profile.risk == Risk()
    assert result.positions["quantity"].to_list() == [1_000]
    assert result.decisions["code"].to_list() == ["order_equity"]


# ── What cannot be ───────────────────────────────────────────────────────────────────────────────────────────────────

INDEX = Universe([Instrument("NSE:NIFTY 50", unlisted_token("NSE:NIFTY 50"), tick_e4=500, kind="INDEX")])
LONG = pl.lit(value=True)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"size": 0}, "the question: strategies.0.size.value: Input should be greater than 0"),
        ({"size": float("nan")}, "the question: strategies.0.size.value: Input should be"),
        ({"size": float("inf")}, "the question: strategies.0.size.value: Input should be a finite number"),
        ({"size": 1.5}, "the question: strategies.0.size: a size fraction above 1 would exceed the capital"),
        ({"size_type": "shares"}, "size_type is 'shares': choose one of amount, value, percent"),
        ({"init_cash": 0}, "the question: account.capital: Input should be greater than 0"),
        ({"init_cash": float("nan")}, "the question: account.capital: nan is not a finite amount in rupees"),
        ({"fees": "upstox"}, "fees are 'upstox': give 'zerodha', or a fraction of each fill such as 0.001"),
        ({"fees": 1.5}, "the question: market.fees: Input should be less than or equal to 1"),
        ({"fees": float("nan")}, "the question: market.fees: Input should be"),
        ({"slippage": -0.1}, "slippage is -0.1: give a fraction of the price, such as 0.0005"),
        ({"slippage": float("nan")}, "slippage is nan: give a fraction of the price"),
        ({"sl_stop": 1.5}, "the question: strategies.0.guards.stop_loss: Input should be less than or equal to 1"),
        ({"product": "BO"}, "the question: strategies.0.product: Input should be 'MIS', 'CNC' or 'NRML', got 'BO'"),
        ({"risk": {"colar": 0.1}}, "the question: unknown key risk.colar (did you mean 'collar'?)"),
        ({"short_entries": LONG, "entries": ~LONG}, "NSE:SHARE cannot be sold short as CNC: ask with product='MIS'"),
        ({"universe": INDEX}, "NSE:NIFTY 50 is an index, which nobody can trade: ask for a contract on it"),
    ],
)
def test_an_argument_that_cannot_be_is_refused_in_one_sentence(arguments: dict[str, Any], sentence: str):
    with pytest.raises(AlphaPandaError) as refused:
        from_signals(minutes([100, 100]), **{"entries": LONG, **arguments})
    assert str(refused.value).startswith(sentence), str(refused.value)


def test_an_intraday_question_of_daily_bars_is_refused():
    with pytest.raises(ConfigurationError, match="trades daily bars as MIS, which may not stay overnight"):
        from_signals(dated([100, 100]), LONG, product="MIS")


def test_a_strategy_of_finer_bars_than_the_frames_is_refused():
    with pytest.raises(ConfigurationError, match="finer than the data's 1 day"):
        from_strategy(dated([100, 100]), strategy_file("ema_cross"), interval="1m")


# ── Real data ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_frame_of_real_minutes_gives_what_the_catalog_gives(minutes: Catalog):
    first, symbols = "2024-05-02", ("NSE:INFY", "NSE:LUPIN")
    terms = {"strategy": strategy_file("ema_cross"), "instruments": symbols, "size": {"mode": "units", "value": 50}}
    kept = run(question(terms), data=minutes, first=first, last="2024-05-31")
    frame = pl.concat([kept.bars(symbol).with_columns(symbol=pl.lit(symbol)) for symbol in symbols])
    asked = from_strategy(frame, strategy_file("ema_cross"), size=50, size_type="amount", universe=kept.universe)
    assert np.array_equal(asked.events, kept.events)
    signals = from_signals(frame, FAST > SLOW, FAST < SLOW, size=50, size_type="amount", universe=kept.universe)
    assert len(signals.trades) > 100
    assert signals.ledger_hash == asked.ledger_hash
