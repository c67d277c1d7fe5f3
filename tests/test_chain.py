"""The stages as their drivers hold them: built from a profile, advanced in pieces, saved and resumed."""

import pathlib
from typing import Any

import numpy as np
import pytest

from alpha_panda.chain import (
    AccountStage,
    SignalStage,
    build_outputs,
    build_stage,
    build_state,
    build_terms,
    check_intervals,
    load_strategies,
    raise_account_fault,
    raise_stage_fault,
    restore_bytes,
    snapshot_bytes,
)
from alpha_panda.data.synthetic import synthetic_bars
from alpha_panda.errors import (
    ConfigurationError,
    DataError,
    KernelError,
    MoneyOverflowError,
    RecoveryError,
    StrategyError,
)
from alpha_panda.instruments import Universe
from alpha_panda.kernels import records
from alpha_panda.kernels.clock import NEVER_NS
from alpha_panda.sessions import sessions
from alpha_panda.units import DAY_NS, MINUTE_NS, SECOND_NS, parse_clock, to_e4
from tests.market import MONDAY, ONE_SHARE, Desk, instrument, path, profile, shares, strategy_terms
from tests.recording import recorder
from tests.streams import UNIVERSE, any_stream, whole

STRATEGIES = pathlib.Path(__file__).parents[1] / "strategies"

# ── Terms ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def mandate(**terms: Any) -> Any:
    """Return the mandate of one strategy with these terms."""
    return build_terms(profile(strategy_terms(**terms)), ONE_SHARE).mandates[0]


@pytest.mark.parametrize(
    ("mode", "value", "size_mode", "size_value"),
    [
        ("units", 25, records.SIZE_UNITS, 25),
        ("notional", 50_000, records.SIZE_NOTIONAL, 500_000_000),  # rupees become E4
        ("fraction", 0.5, records.SIZE_FRACTION, 0.5),
        ("volatility", 0.2, records.SIZE_VOLATILITY, 0.2),
    ],
)
def test_a_size_reaches_the_kernels_in_their_units(mode: str, value: float, size_mode: int, size_value: float):
    row = mandate(size={"mode": mode, "value": value})
    assert (row["size_mode"], row["size_value"]) == (size_mode, size_value)


@pytest.mark.parametrize(
    ("interval", "bars_per_year"),
    # 250 sessions of 375 minutes, and a day is one bar.
    [("1m", 250 * 375), ("15m", 250 * 25), ("1h", 250 * 6.25), ("1d", 250)],
)
def test_a_year_has_as_many_bars_as_its_sessions(interval: str, bars_per_year: float):
    assert mandate(interval=interval)["bars_per_year"] == bars_per_year


def test_every_setting_of_a_strategy_reaches_its_mandate():
    guards = {"stop_loss": 0.1, "take_profit": 0.2, "trailing_stop": 0.3, "holding_seconds": 40, "square_off": "15:00"}
    entry = {"order_type": "SL-M", "validity": "IOC", "offset_ticks": 7}
    row = mandate(capital=5_000, product="CNC", guards=guards, entry=entry)
    assert (row["capital_e4"], row["product"]) == (to_e4(5_000), records.CNC)
    assert (row["order_type"], row["validity"], row["offset_ticks"]) == (records.SL_M, records.IOC, 7)
    assert (row["stop_loss"], row["take_profit"], row["trailing_stop"]) == (0.1, 0.2, 0.3)
    assert (row["holding_ns_max"], row["square_off_ns"]) == (40 * SECOND_NS, parse_clock("15:00"))


LIMITS = {
    "collar": (0.25, "collar", 0.25),
    "price_age_seconds": (12, "price_age_ns_max", 12 * SECOND_NS),
    "order_value": (11, "order_value_e4_max", to_e4(11)),
    "order_equity_fraction": (0.5, "order_equity_fraction_max", 0.5),
    "order_quantity": (13, "order_quantity_max", 13),
    "instrument_fraction": (1.5, "instrument_fraction_max", 1.5),
    "gross_fraction": (2.5, "gross_fraction_max", 2.5),
    "positions": (14, "positions_max", 14),
    "open_orders": (15, "open_orders_max", 15),
    "orders_per_second": (16, "orders_per_second", 16),
    "orders_per_second_strategy": (7, "orders_per_second_strategy", 7),
    "orders_per_minute": (18, "orders_per_minute", 18),
    "orders_per_day": (19, "orders_per_day", 19),
    "duplicate_seconds": (20, "duplicate_ns", 20 * SECOND_NS),
    "self_cross": (True, "self_cross", 1),
    "entry_open": ("09:22", "entry_open_ns", parse_clock("09:22")),
    "entry_close": ("15:23", "entry_close_ns", parse_clock("15:23")),
    "after_market": (True, "after_market", 1),
    "day_loss_reduce": (0.01, "day_loss_reduce", 0.01),
    "day_loss_halt": (0.02, "day_loss_halt", 0.02),
    "drawdown_halt": (0.3, "drawdown_halt", 0.3),
    "rejects": (21, "rejects_max", 21),
}
"""Each limit: its value in a profile, and its field and value for the kernels."""


def test_every_limit_of_a_profile_reaches_the_kernels():
    row = build_terms(profile(risk={key: value for key, (value, _, _) in LIMITS.items()}), ONE_SHARE).limits[0]
    assert {name: row[name].item() for name in row.dtype.names} == {field: value for _, field, value in LIMITS.values()}


def test_the_market_of_a_profile_reaches_the_kernels():
    market = {"latency_seconds": 0.25, "slippage": {"mode": "basis_points", "value": 3}, "participation": 0.1}
    row = build_terms(profile(market={**market, "equity_every": "5m"}), ONE_SHARE).execution[0]
    assert row.item() == (250_000_000, records.SLIPPAGE_BASIS_POINTS, 3.0, 0.1, 5 * MINUTE_NS)


def test_the_sessions_do_not_depend_on_the_run():
    terms = build_terms(profile(), ONE_SHARE)
    rows = terms.sessions[terms.instruments["sessions_start"][0] : terms.instruments["sessions_stop"][0]]
    (monday,) = sessions("NSE_EQ", MONDAY, MONDAY)
    assert monday in rows
    assert (np.diff(rows["open_ns"]) > 0).all()
    # From the first hours that are known to a date that no run of today will pass.
    assert rows["open_ns"][0] < to_ns(2000, 1, 4)
    assert rows["open_ns"][-1] > to_ns(2039, 12, 29)


def to_ns(year: int, month: int, day: int) -> int:
    return int(np.datetime64(f"{year}-{month:02d}-{day:02d}", "ns").astype(np.int64))


# ── State ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_fresh_account_holds_its_capital_in_cash_and_nothing_else():
    state = build_state(profile(capital=20_000_000), instruments=3, accounts=2)
    for account in state.accounts:
        for field in ("initial_e4", "cash_e4", "equity_e4", "drawdown_base_e4", "peak_e4", "trough_e4"):
            assert account[field] == to_e4(20_000_000)
    assert (state.books.shape, state.quotes.shape, state.sleeves.shape) == ((2, 1, 3), (2, 3), (2, 1))
    assert (state.books["exit_by_ns"] == NEVER_NS).all()
    assert not any(state.books[field].any() for field in ("quantity", "cost_e4", "working", "target"))


@pytest.mark.parametrize(("open_orders", "rows"), [(0, 2 * 6 + 6 + 1), (40, 40 + 6 + 1)])
def test_the_table_has_room_for_every_opening_order_an_exit_of_every_book_and_a_draft(open_orders: int, rows: int):
    two = profile(strategy_terms("a"), strategy_terms("b"), risk={"open_orders": open_orders})
    assert build_state(two, instruments=3).orders.shape == (1, rows)


def test_a_strategy_trades_its_own_instruments_in_the_order_of_the_universe():
    universe = shares(4)
    terms = profile(strategy_terms(instruments=["NSE:SHARE003", "NSE:SHARE001"])).strategies[0]
    stage = build_stage(terms, recorder(), universe, [{}])
    assert stage.instrument_of.tolist() == [1, 3]
    assert stage.slot_of.tolist() == [-1, 0, -1, 1]
    everything = build_stage(profile().strategies[0], recorder(), universe, [{}, {}])
    assert everything.slot_of.tolist() == [0, 1, 2, 3]
    assert everything.states.shape == (2, 4)


def test_an_instrument_that_is_not_of_the_run_is_refused():
    terms = profile(strategy_terms(instruments=["NSE:SHARE1"]))
    with pytest.raises(DataError, match=r"NSE:SHARE1 is not of this run; did you mean"):
        SignalStage(terms, shares(2), [recorder()])


def test_parameters_of_a_set_replace_those_of_the_profile():
    terms = profile(strategy_terms(strategy="momentum", parameters={"lookback": 7, "threshold": 0.5}))
    (strategy,) = load_strategies(terms, [STRATEGIES])
    stage = build_stage(terms.strategies[0], strategy, ONE_SHARE, [{}, {"lookback": 9}])
    assert stage.params["lookback"].tolist() == [7, 9]
    assert stage.params["threshold"].tolist() == [0.5, 0.5]


# ── Loading ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_strategies_are_loaded_once_for_each_file_and_in_the_order_of_the_profile():
    terms = profile(
        *(strategy_terms(name, strategy=file) for name, file in (("a", "rsi"), ("b", "momentum"), ("c", "rsi")))
    )
    strategies = load_strategies(terms, [STRATEGIES])
    assert [strategy.name for strategy in strategies] == ["rsi", "momentum", "rsi"]
    assert strategies[0] is strategies[2]


def test_parameters_are_checked_when_strategies_are_loaded():
    terms = profile(strategy_terms(strategy="momentum", parameters={"lookbak": 7}))
    with pytest.raises(ConfigurationError, match=r"no parameter 'lookbak' \(did you mean 'lookback'\?\)"):
        load_strategies(terms, [STRATEGIES])
    with pytest.raises(StrategyError, match=r"no strategy 'momentun' \(did you mean 'momentum'\?\)"):
        load_strategies(profile(strategy_terms(strategy="momentun")), [STRATEGIES])


@pytest.mark.parametrize(
    ("finest_ns", "sentence"),
    [
        (5 * MINUTE_NS, "strategy quick wants bars of 60 s, finer than the data's 300 s"),
        (DAY_NS, "strategy quick wants bars of 60 s, finer than the data's 1 day"),
    ],
)
def test_a_strategy_finer_than_the_data_is_refused_by_name(finest_ns: int, sentence: str):
    terms = profile(strategy_terms("slow", interval="1d"), strategy_terms("quick", interval="1m"))
    with pytest.raises(ConfigurationError, match=sentence):
        check_intervals(terms, finest_ns)
    check_intervals(terms, MINUTE_NS)
    check_intervals(terms, 0)


def test_bars_that_the_data_do_not_add_up_to_are_refused_by_name():
    terms = profile(strategy_terms("odd", interval="90s"))
    with pytest.raises(
        ConfigurationError, match="strategy odd wants bars of 90 s, which the data's bars of 60 s do not"
    ):
        check_intervals(terms, MINUTE_NS)
    check_intervals(terms, 30 * SECOND_NS)


# ── Faults ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_faults_of_the_kernels_become_errors():
    raise_account_fault(records.FAULT_NONE)
    raise_stage_fault(records.FAULT_NONE, "one")
    with pytest.raises(MoneyOverflowError):
        raise_account_fault(records.FAULT_OVERFLOW)
    with pytest.raises(KernelError, match="stopped with fault 99"):
        raise_account_fault(99)
    with pytest.raises(StrategyError, match="strategy one returned a target"):
        raise_stage_fault(records.FAULT_BAD_TARGET, "one")


# ── Summary ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_summary_tells_the_account_in_rupees():
    desk = Desk(path("10:00", 100, 100, 110, 120), (0, 1.0), (2, 0.0), terms=profile(strategy_terms(capital=1_000)))
    summary = desk.stage.summary()
    charges = summary["charges"]
    assert (summary["events"], summary["signals"], summary["orders"]) == (4, 2, 2)
    assert (summary["approved"], summary["refused"], summary["fills"]) == (2, 0, 2)
    assert (summary["realised"], summary["unrealised"]) == (20.0, 0.0)
    assert charges == desk.account["charges"]["total_e4"] / 10_000 > 0
    assert summary["cash"] == summary["equity"] == pytest.approx(1_020 - charges, abs=1e-9)
    assert summary["ledger_hash"] == desk.stage.ledger_hash()


def test_the_ledger_hash_tells_ledgers_apart():
    def ledger_hash(*prices: float) -> str:
        return Desk(path("10:00", *prices), (0, 1.0), terms=profile()).stage.ledger_hash()

    assert ledger_hash(100, 101) == ledger_hash(100, 101)
    assert len({ledger_hash(100, 101), ledger_hash(100, 101.05), ledger_hash(100), ledger_hash(100, 101, 101)}) == 4


# ── Saving and resuming ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("row", [0, 1, 150, 299])
def test_an_account_resumed_from_its_bytes_goes_on_as_if_nothing_had_happened(row: int):
    stream = any_stream(4)
    expected, _ = whole(stream)
    before, after = AccountStage(stream.terms, UNIVERSE), AccountStage(stream.terms, UNIVERSE)
    before.advance(stream.events, stream.signals, 0, row)
    restore_bytes(after.arrays(), snapshot_bytes(before.arrays()))
    after.advance(stream.events, stream.signals, row)
    assert snapshot_bytes(after.arrays()) == snapshot_bytes(expected.arrays())


def test_strategies_resumed_from_their_bytes_go_on_as_if_nothing_had_happened():
    universe, events = synthetic_bars(MONDAY, MONDAY, seed=5)
    terms = profile(*(strategy_terms(name, strategy=name, interval="3m") for name in ("momentum", "rank_momentum")))
    strategies = load_strategies(terms, [STRATEGIES])
    one, before, after = (SignalStage(terms, universe, strategies) for _ in range(3))
    signals = one.advance(events)
    first = before.advance(events, 0, 1_000)
    restore_bytes(after.arrays(), snapshot_bytes(before.arrays()))
    assert np.concatenate([first, after.advance(events, 1_000)]).tobytes() == signals.tobytes()
    assert snapshot_bytes(after.arrays()) == snapshot_bytes(one.arrays())


def test_a_snapshot_of_something_else_is_refused():
    one, two = AccountStage(profile(), ONE_SHARE), AccountStage(profile(), shares(2))
    with pytest.raises(RecoveryError, match="the snapshot of quotes has another shape"):
        restore_bytes(one.arrays(), snapshot_bytes(two.arrays()))
    stage = SignalStage(profile(), ONE_SHARE, [recorder()])
    with pytest.raises(RecoveryError, match="taken with other strategies"):
        restore_bytes(stage.arrays(), snapshot_bytes(one.arrays()))


def test_what_an_account_said_does_not_change_when_it_goes_on():
    stream = any_stream(4)
    stage = AccountStage(stream.terms, UNIVERSE)
    first = stage.advance(stream.events, stream.signals, 0, 200)
    kept = first.orders.tobytes()
    stage.advance(stream.events, stream.signals, 200)
    assert first.orders.tobytes() == kept
    assert len(stage.advance(stream.events, stream.signals, len(stream.events)).orders) == 0


def test_outputs_of_no_rows_have_none():
    assert [len(array) for array in build_outputs(0)] == [0, 0, 0, 0, 4]
    assert [len(array) for array in build_outputs(5)] == [5, 5, 5, 5, 4]


def test_instruments_reach_the_kernels_in_the_order_of_the_universe():
    universe = Universe([instrument("B", 2, lot=25, freeze_quantity=100), instrument("A", 1)])
    rows = build_terms(profile(), universe).instruments
    assert rows["instrument_token"].tolist() == [1, 2]
    assert (rows["lot"].tolist(), rows["freeze_quantity"].tolist()) == ([1, 25], [0, 100])
