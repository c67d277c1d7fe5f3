"""How a result presents itself."""

from alpha_panda.backtest.result import Result


def test_a_result_introduces_itself_in_a_few_lines(paper_day: Result):
    title, *lines = repr(paper_day).splitlines()
    assert title == "Backtest of momentum, mean_reversion from 2026-11-20 to 2026-11-20"
    said = dict(line.strip().split(maxsplit=1) for line in lines)
    assert said["instruments"] == "3"
    assert said["sharpe"] == "sample too short"
    assert said["ledger"] == paper_day.ledger_hash[:16]
    assert said["equity"].startswith("₹")


def test_a_notebook_shows_the_same_as_a_table(paper_day: Result):
    page = paper_day._repr_html_()
    assert page.startswith("<table><caption>Backtest of momentum, mean_reversion")
    assert page.count("<tr>") == len(repr(paper_day).splitlines()) - 1


def test_stats_and_summary_agree_where_they_say_the_same(paper_day: Result):
    for name in ("equity", "realised", "unrealised", "charges", "orders", "fills", "refused"):
        assert paper_day.stats[name] == paper_day.summary[name]
