"""One backtest: what it costs, that blocks do not matter, that it can be watched and cancelled, that live agrees."""

import datetime
import tomllib

import numpy as np
import pytest

from alpha_panda.backtest.inputs import Selection, inputs_of, study_of
from alpha_panda.backtest.result import Result
from alpha_panda.backtest.run import run
from alpha_panda.chain import AccountStage, SignalStage
from alpha_panda.config import load_profile, load_study
from alpha_panda.data.catalog import Catalog
from alpha_panda.errors import ConfigurationError
from tests.backtest.conftest import Market
from tests.backtest.questions import HOLD, ROOT, question, small_market

PAPER = ROOT / "live/paper.toml"


def span_of(result: Result) -> tuple[str, ...]:
    return tuple(f"{result.stats[name]:%Y-%m-%d}" for name in ("Start", "End"))


def test_buying_and_holding_costs_what_arithmetic_on_paper_says():
    universe, events = small_market(1_000, 1_000, 1_005, 1_010)
    hold = question(
        {"strategy": "hold", "size": {"mode": "units", "value": 100}},
        capital=2_000_000,
        market={"slippage": {"mode": "ticks", "value": 1}},
    )
    result = run(hold, events=events, universe=universe, strategies=HOLD)
    # Bought at the next bar's open, 1,000 rupees, and one tick of 0.05: 100 x 1,000.05 = 1,00,005 rupees. Its charges
    # at Zerodha's list of December 2024: STT 0.1 % = 100.005, NSE 0.00297 % and IPFT 0.0001 % = 3.0702, SEBI 0.0001 %
    # = 0.1000, stamp 0.015 % = 15.0008 and GST 18 % on 2.9701 + 0.1000 = 0.5526.
    charges = 100.005 + 3.0702 + 0.1000 + 15.0008 + 0.5526
    assert result.summary["charges"] == pytest.approx(charges, abs=1e-9)
    assert result.summary["cash"] == pytest.approx(2_000_000 - 100_005 - charges, abs=1e-9)
    assert result.summary["equity"] == pytest.approx(2_000_000 + 100 * (1_010 - 1_000.05) - charges, abs=1e-9)
    assert result.stats["Return [%]"] == pytest.approx((995 - charges) / 20_000, abs=1e-10)
    assert result.summary["fills"] == result.summary["orders"] == 1


def test_the_block_size_changes_no_byte(day: Market, paper_day: Result):
    universe, events = day
    for block in (1_000, 977, len(events)):
        other = run(PAPER, events=events, universe=universe, block=block)
        assert other.ledger_hash == paper_day.ledger_hash
        for kind in ("decisions", "orders", "fills", "snapshots"):
            assert getattr(other.work, kind).tobytes() == getattr(paper_day.work, kind).tobytes()


def test_a_block_of_one_event_changes_no_byte(weeks: Market):
    universe, events = weeks
    some = events[:3_000]
    assert run(question(), events=some, universe=universe, block=1).ledger_hash == (
        run(question(), events=some, universe=universe).ledger_hash
    )


def test_micro_batches_as_live_makes_them_leave_the_same_ledger(day: Market, paper_day: Result):
    universe, events = day
    study, folders = study_of(PAPER)
    inputs = inputs_of(study, Selection(events=events, universe=universe), {}, folders)
    signals = SignalStage(inputs.profile, universe, inputs.strategies)
    account = AccountStage(inputs.profile, universe)
    cuts = np.unique(np.random.default_rng(3).integers(1, len(events), 5_000))
    for batch in np.split(events, cuts):
        account.advance(batch, signals.advance(batch))
    assert account.ledger_hash() == paper_day.ledger_hash


def test_the_same_question_may_be_asked_as_a_path_a_profile_a_study_or_tables(
    day: Market, paper_day: Result, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(ROOT)
    universe, events = day
    tables = tomllib.loads(PAPER.read_text())
    for asked in (str(PAPER), load_profile(PAPER), load_study(PAPER), tables):
        assert run(asked, events=events, universe=universe).ledger_hash == paper_day.ledger_hash


def test_a_file_finds_the_strategies_beside_its_folder(
    day: Market, paper_day: Result, monkeypatch: pytest.MonkeyPatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    universe, events = day
    assert run(PAPER, events=events, universe=universe).ledger_hash == paper_day.ledger_hash


def test_progress_is_told_up_to_the_last_event(weeks: Market):
    universe, events = weeks
    told: list[tuple[int, int]] = []
    run(question(), events=events, universe=universe, block=5_000, progress=lambda *done: told.append(done))
    assert told[-1] == (len(events), len(events))
    assert told == sorted(set(told))
    assert len(told) == -(-len(events) // 5_000)


def test_whatever_progress_raises_ends_the_run(weeks: Market):
    universe, events = weeks

    def cancel(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(question(), events=events, universe=universe, progress=cancel)


def test_a_block_of_none_is_refused(weeks: Market):
    universe, events = weeks
    with pytest.raises(ConfigurationError, match="a block of 0 events cannot be passed"):
        run(question(), events=events, universe=universe, block=0)


def test_days_are_chosen_from_given_events_as_from_a_catalog(weeks: Market):
    universe, events = weeks
    chosen = run(question(), events=events, universe=universe, first="2026-11-04", last=datetime.date(2026, 11, 5))
    assert span_of(chosen) == ("2026-11-04", "2026-11-05")
    # 375 minutes a day on NSE, a bar of each of two companies and a clock in each.
    assert chosen.summary["events"] == 2 * 375 * 3


def test_real_minutes_pass_and_the_study_says_which(minutes: Catalog, minutes_result: Result):
    assert span_of(minutes_result) == ("2024-05-02", "2024-07-31")
    assert minutes_result.universe.symbols == minutes.symbols("1m")
    assert {"momentum", "mean_reversion", "ema_cross"} == set(minutes_result.trades["strategy"])


def test_a_run_again_has_the_same_ledger(minutes: Catalog, minutes_result: Result):
    study = ROOT / "backtest/three_strategies_minutes.toml"
    again = run(study, data=minutes.root, first="2024-05-02", last="2024-07-31")
    assert again.ledger_hash == minutes_result.ledger_hash
    assert again.account.tobytes() == minutes_result.account.tobytes()
