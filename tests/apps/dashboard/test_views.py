"""What the pages put into their tables: figures as the account said them, in order, with what a person may do."""

from typing import Any

import pytest

from alpha_panda.apps.access import Principal, Role
from alpha_panda.apps.dashboard import alarms, chart, logs, orders, positions, risk, strategies, system
from alpha_panda.apps.dashboard.tables import Cell, Row
from alpha_panda.apps.desk.models import Latch, Picture, Stage
from alpha_panda.live.watch.loglines import Line
from alpha_panda.live.watch.logreading import Query
from alpha_panda.units import SECOND_NS
from tests.apps.dashboard.answering import AnsweringDesk
from tests.apps.dashboard.example import NOW_NS, example_picture
from tests.apps.dashboard.recorded import RecordedStrategies, example_alert, example_board


@pytest.fixture
def picture() -> Picture:
    return example_picture()


def person(role: Role) -> Principal:
    return Principal("asha", role, 1, "family", 2**62)


def said(row: Row, *fields: str) -> list[str]:
    return [cell.text if isinstance(cell := row[field], Cell) else cell for field in fields]


def the(rows: Any, key: str) -> Row:
    return next(row for row in rows if row["key"] == key)


# ── Positions ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_position_keeps_realised_and_unrealised_apart(picture: Picture):
    row = the(positions.holdings(picture.positions), "trend 2885633")
    assert said(row, "quantity", "average", "last") == ["120", "2,847.35", "2,861.10"]
    assert said(row, "unrealised", "realised", "charges") == ["+₹1,650.00", "+₹1,240.50", "₹312.45"]


def test_a_short_position_is_negative_and_a_closed_one_has_no_average(picture: Picture):
    rows = {row["key"]: row for row in positions.holdings(picture.positions)}
    assert said(rows["trend 408065"], "quantity", "group") == ["−210", "open"]
    assert said(rows["breakout 2953217"], "quantity", "average", "group") == ["0", "–", "closed"]


def test_the_account_says_its_totals_itself(picture: Picture):
    assert picture.account is not None
    other = picture.account.model_copy(update={"realised_e4": 70_000})
    assert "+₹7.00" in positions.totals(other)
    assert "has not said anything" in positions.totals(None)


def test_an_empty_page_says_why(picture: Picture):
    assert positions.why_none(picture) == "No position: 3 strategies are watching."


# ── Orders ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_orders_at_work_stand_first_and_then_the_newest(picture: Picture):
    done = picture.orders[1].model_copy(update={"order_id": 43, "made_ns": NOW_NS})
    rows = list(orders.order_rows((done, *picture.orders)))
    assert [row["key"] for row in rows] == ["42", "43", "41", "40", "39"]
    assert [row["group"] for row in rows] == ["open", "executed", "executed", "executed", "executed"]


def test_an_order_that_never_filled_is_not_executed(picture: Picture):
    cancelled = picture.orders[3].model_copy(update={"filled": 0, "average_e4": None})
    assert said(next(orders.order_rows([cancelled])), "group", "average") == ["over", "–"]


def test_a_refused_decision_shows_the_figures_of_its_rule(picture: Picture):
    row = next(orders.decision_rows(picture.decisions))
    assert said(row, "verdict", "granted") == ["refused", "0 of 200"]
    assert said(row, "reason") == ["gross exposure ₹16,12,000.00 of ₹15,00,000.00"]


# ── Strategies ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("state", "label"), [("running", "Pause"), ("paused", "Resume"), ("disabled", "Reset")])
def test_an_operator_is_offered_what_changes_a_strategy(picture: Picture, state: str, label: str):
    strategy = picture.strategies[0].model_copy(update={"state": state, "name": "a/b"})
    act = strategies.act_of(strategy)
    assert act.label == label
    assert "a/b" not in act.path


def test_whoever_may_only_look_is_offered_nothing(picture: Picture):
    row = next(strategies.strategy_rows(picture.strategies, person("viewer")))
    assert row["act"] == ""
    operator = next(strategies.strategy_rows(picture.strategies, person("operator")))
    assert isinstance(operator["act"], Cell)


def test_what_is_wanted_stands_beside_what_is_held(picture: Picture):
    rows = list(strategies.wanted_rows(picture, "trend"))
    assert said(the(rows, "NSE:RELIANCE"), "target", "held") == ["+1.00", "120"]
    assert said(the(rows, "NSE:INFY"), "target", "held") == ["–", "−210"]


async def test_only_an_admin_changes_the_next_session():
    history = await RecordedStrategies().history("trend")
    assert "Disable trend?" in strategies.versions_of(history, person("admin"))
    assert "Disable trend?" not in strategies.versions_of(history, person("operator"))
    assert "what the profile says" in strategies.versions_of([], person("admin"))


# ── Risk ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_limit_shows_used_allowed_and_share(picture: Picture):
    rows = {row["key"]: row for row in risk.limit_rows(picture.limits)}
    assert said(rows["drawdown_halt"], "used", "allowed", "share") == ["1.2 %", "5.0 %", "25 %"]
    assert said(rows["positions"], "used", "allowed", "share") == ["3", "10", "30 %"]


def test_a_limit_that_is_off_has_no_share(picture: Picture):
    off = picture.limits[4].model_copy(update={"allowed": 0.0})
    assert said(next(risk.limit_rows([off])), "allowed", "share") == ["off", ""]


def test_a_rule_shows_the_figures_of_its_latest_refusal(picture: Picture):
    older = picture.decisions[0].model_copy(update={"figure": 1e10, "time_ns": 1})
    first, second = risk.refusal_rows(picture.refusals, (*picture.decisions, older))
    assert said(first, "code", "count", "latest", "measured", "allowed") == [
        *("gross exposure", "5", "14:14:40"),
        *("₹16,12,000.00", "₹15,00,000.00"),
    ]
    assert said(second, "code", "measured") == ["open orders", ""]


def test_the_kill_latch_says_who_engaged_it_and_why(picture: Picture):
    assert "free" in risk.standing_of(picture)
    latch = Latch(who="ravi", reason="<b>news</b>", time_ns=NOW_NS)
    markup = risk.standing_of(picture.model_copy(update={"latch": latch}))
    assert "ravi" in markup
    assert "&lt;b&gt;news&lt;/b&gt;" in markup


# ── Alarms ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_each_alarm_stands_under_what_has_become_of_it():
    rows = list(alarms.alarm_rows(example_board().alerts, person("operator")))
    assert [row["group"] for row in rows] == ["now", "acknowledged", "hidden"]
    assert [isinstance(row["act"], Cell) for row in rows] == [True, False, False]


def test_an_alarm_says_why_what_follows_and_what_to_do():
    markup = alarms.about_alarm(example_alert(), person("viewer"))
    for sentence in ("5 s are allowed", "held by their guards alone", "start it again"):
        assert sentence in markup
    assert "data-act" not in markup


def test_an_alarm_is_named_in_an_address_without_breaking_it():
    markup = alarms.about_alarm(example_alert(id="lag:a/b"), person("operator"))
    assert "/alerts/lag%3Aa%2Fb/acknowledge" in markup


def test_a_flood_of_alarms_is_said():
    assert "more than a person can take in" in alarms.summary_of(example_board(flood=True, lately=12))
    assert alarms.summary_of(example_board()) == ""


# ── The machinery ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_stage_in_trouble_says_so(picture: Picture):
    silent = picture.stages[1].model_copy(update={"age_s": 12.4, "trouble": "silent", "lag": 1_200, "dead_letters": 2})
    row = next(system.stage_rows([silent]))
    assert said(row, "age", "lag", "dead", "trouble") == ["12 s", "1,200", "2", "silent"]
    assert isinstance(row["dead"], Cell)
    assert row["dead"].tone == "down"


def test_a_source_that_is_away_shows_since_when_and_why(picture: Picture):
    away = picture.sources[1].model_copy(
        update={"well": False, "is_read": False, "trouble": "refused", "read_ns": NOW_NS - 45 * SECOND_NS}
    )
    assert said(next(system.source_rows([away], NOW_NS)), "well", "age", "trouble") == ["away", "45 s", "refused"]


def test_delays_are_in_milliseconds_below_a_second(picture: Picture):
    row = next(system.delay_rows(picture.stages))
    assert said(row, "name", "p50", "p99", "max", "count") == ["tick to order", "2.1 ms", "6.8 ms", "20.1 ms", "2,048"]
    assert system.milliseconds(1.5).text == "1.50 s"


def test_every_figure_of_the_chosen_stage_is_shown(picture: Picture):
    stage: Stage = picture.stages[2].model_copy(update={"figures": {"fills": 212.0, "cash_e4": 3.5e9}})
    rows = list(system.reported_rows([stage], [system.key_of(stage)]))
    assert [said(row, "name", "value") for row in rows] == [["cash_e4", "3,500,000,000"], ["fills", "212"]]
    assert list(system.reported_rows([stage], [])) == []


# ── Logs and prices ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_line_of_the_log_stays_text():
    line = Line(NOW_NS, "error", "trading", "logs", "<script>alert(1)</script>", {"order_id": 7, "session": "s"})
    row = next(logs.line_rows([(1, line)]))
    assert said(row, "level", "event", "fields") == ["error", "<script>alert(1)</script>", "order_id=7"]


def test_a_damaged_line_says_so():
    line = Line(NOW_NS, "", "trading", "logs", '{"time', {}, damaged=True)
    assert said(next(logs.line_rows([(1, line)])), "level") == ["damaged"]


def test_a_tab_of_the_logs_is_a_channel_or_a_level():
    assert logs.query_of("all", "") == Query()
    assert logs.query_of("warning", "lost") == Query(level="warning", text="lost")
    assert logs.query_of("trading", "") == Query(channels=("trading",))


def test_an_instrument_shows_what_is_held_of_it(picture: Picture):
    rows = list(chart.instrument_rows(AnsweringDesk().instruments(), picture))
    assert [said(row, "symbol", "held") for row in rows[:2]] == [["NSE:RELIANCE", "120"], ["NSE:INFY", "−210"]]
