"""`alpha-panda backtest`: the figures it reports are those of the run."""

import pathlib

import pytest

import alpha_panda
from alpha_panda.units import format_rupees, to_e4
from tests.cli.conftest import Command, MinuteFile, WrittenProfile

SHARED_KEYS = {
    *("events", "signals", "orders", "approved", "refused", "fills", "charges"),
    *("cash", "equity", "realised", "unrealised", "ledger_hash"),
}


def test_json_has_the_figures_of_the_run(command: Command, catalog: pathlib.Path, profile: WrittenProfile):
    path = profile()
    answer = command("backtest", path, "--data", catalog, "--json")
    result = alpha_panda.run(path, data=catalog)
    assert answer.code == 0
    assert set(result.summary) == SHARED_KEYS
    assert {key: answer.json[key] for key in SHARED_KEYS} == result.summary
    assert answer.json["fills"] > 10
    assert answer.json["stats"]["# Trades"] == len(result.trades)
    assert answer.json["stats"]["Duration"] == result.stats["Duration"].total_seconds()
    assert answer.json["stats"]["Start"] == str(result.stats["Start"])
    assert answer.json["names"]["Return [%]"] == "total_return"
    assert answer.json["names"].keys() == answer.json["stats"].keys()
    assert answer.json["charges_itemised"][-1]["total"] == answer.json["charges"]


def test_tables_show_trades_refusals_and_charges(command: Command, catalog: pathlib.Path, profile: WrittenProfile):
    path = profile(risk='entry_close = "12:00"')
    answer = command("backtest", path, "--data", catalog)
    assert answer.code == 0
    equity = format_rupees(to_e4(alpha_panda.run(path, data=catalog).summary["equity"]))
    groups = ("Period", "Return", "Drawdown", "Trades", "Costs", "Significance", "Closed trades", "Refused by risk")
    for words in (*groups, "Buy & Hold Return", "# Trials", "outside window", "brokerage", equity, "ledger "):
        assert words in answer.output


def test_what_a_reader_must_know_is_said(
    command: Command, catalog: pathlib.Path, profile: WrittenProfile, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ALPHA_PANDA_TRIALS", "off")
    path, note = profile(), "trials are not counted, for ALPHA_PANDA_TRIALS is off"
    assert f"note: {note}" in command("backtest", path, "--data", catalog).output
    assert command("backtest", path, "--data", catalog, "--json").json["notes"] == [note]


def test_the_options_choose_instruments_and_days(
    command: Command, catalog: pathlib.Path, minute_file: MinuteFile, profile: WrittenProfile
):
    command("data", "ingest", minute_file([100.0, 101.0], "BBB"), "--data", catalog)
    path = profile()
    one = command("backtest", path, "--data", catalog, "--instruments", "NSE:BBB", "--json")
    day = command("backtest", path, "--data", catalog, "--from", "2025-01-06", "--to", "2025-01-06", "--json")
    assert one.json["events"] == 4  # two bars, a clock after each
    assert day.json["events"] == 375 * 2 + 2
