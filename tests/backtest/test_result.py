"""How a result presents itself."""

import datetime

from alpha_panda.backtest.result import Result
from alpha_panda.backtest.run import run
from alpha_panda.backtest.stats import FIGURES
from alpha_panda.data.events import with_clocks
from alpha_panda.data.synthetic import synthetic_bars
from alpha_panda.kernels.records import BAR
from tests.backtest.questions import HOLD, question, small_market


def test_a_result_introduces_itself_in_a_few_lines(paper_day: Result):
    title, *lines = repr(paper_day).splitlines()
    assert title == "Backtest of momentum, mean_reversion from 2026-11-20 to 2026-11-20"
    said = dict(line.strip().split(maxsplit=1) for line in lines)
    assert said["instruments"] == "3"
    assert said["sharpe"] == "sample too short"
    assert said["trials"].startswith(f"{paper_day.trials.count}, deflated Sharpe")
    assert said["significant"] == paper_day.stats["Significant"]
    assert said["ledger"] == paper_day.ledger_hash[:16]
    assert said["equity"].startswith("₹")


def test_a_notebook_shows_the_same_as_a_table(paper_day: Result):
    page = paper_day._repr_html_()
    assert page.startswith("<table><caption>Backtest of momentum, mean_reversion")
    assert page.count("<tr>") == len(repr(paper_day).splitlines()) - 1


def test_stats_and_summary_agree_where_they_say_the_same(paper_day: Result):
    names = {figure.name for figure in FIGURES}
    for figure in FIGURES:
        if figure.name in paper_day.summary:
            assert paper_day.stats[figure.label] == paper_day.summary[figure.name]
    assert len({"equity", "realised", "unrealised", "charges", "orders", "fills", "refused"} & names) == 7


def test_a_position_valued_at_an_old_price_is_noted():
    universe, events = synthetic_bars(
        datetime.date(2026, 11, 19), datetime.date(2026, 11, 20), 7, ("SIM:LOTUS", "SIM:PANDA")
    )
    bars = events[events["kind"] == BAR]
    # SIM:LOTUS, the first by name, is not heard of on the second day.
    gone = (bars["instrument"] == 0) & (bars["time_ns"] > bars["time_ns"][0] + 10**9 * 8 * 3_600)
    result = run(question({"strategy": "hold"}), events=with_clocks(bars[~gone]), universe=universe, strategies=HOLD)
    assert result.positions["symbol"].to_list() == ["SIM:LOTUS", "SIM:PANDA"]
    assert result.notes == ("SIM:LOTUS is still held and valued at its last price, which is of 2026-11-19",)
    assert result.notes[0] in repr(result)


def test_charges_older_than_the_known_rates_are_noted():
    universe, events = small_market(100, 101)
    assert run(question(), events=events, universe=universe).notes == ()
    events["time_ns"] -= 2_000 * 86_400 * 10**9
    notes = run(question(), events=events, universe=universe).notes
    assert notes == ("charges before 2020-01-01 are at the rates of that date, the earliest known",)
