"""Each rule is raised by its own trouble and by no other, and none by a session that trades as it should."""

import functools
import pathlib
import re

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from alpha_panda.apps.alerts.models import Channel, Priority
from alpha_panda.apps.alerts.rules import RULES
from alpha_panda.apps.desk.models import Delay, Latch, Order, Picture, Refusals
from alpha_panda.units import SECOND_NS
from tests.apps.alerts.looking import (
    GOOD,
    NOW_NS,
    Change,
    Watched,
    all_of,
    having,
    healthy,
    with_account,
    with_feed,
    with_limit,
    with_source,
    with_stage,
)
from tests.apps.dashboard.example import empty_picture

LIVE = pathlib.Path(__file__).parents[3] / "live"
TROUBLE_NS = NOW_NS + 700 * SECOND_NS
"""When the trouble begins: by then as much is remembered of the healthy session as ever is."""


def silent_stage(name: str) -> Change:
    return with_stage(name, reported_ns=TROUBLE_NS)


def stale(picture: Picture, now_ns: int) -> Picture:
    return with_feed(heard_ns=TROUBLE_NS)(picture, now_ns)


def flat(picture: Picture, now_ns: int) -> Picture:
    nothing = all_of(with_account(positions=0, orders_working=0), having(positions=(), orders=()))
    return nothing(picture, now_ns)


def falling_back(picture: Picture, now_ns: int) -> Picture:
    return with_stage("signals", lag=50 + (now_ns - TROUBLE_NS) // SECOND_NS * 10)(picture, now_ns)


def catching_up(picture: Picture, now_ns: int) -> Picture:
    return with_stage("signals", lag=5_000 - (now_ns - TROUBLE_NS) // SECOND_NS * 10)(picture, now_ns)


def reconnecting(picture: Picture, now_ns: int) -> Picture:
    return with_feed(reconnects=(now_ns - TROUBLE_NS) // (10 * SECOND_NS))(picture, now_ns)


def refusing(picture: Picture, now_ns: int) -> Picture:
    count = 5 + (now_ns - TROUBLE_NS) // SECOND_NS
    return having(refusals=(Refusals(code="gross_exposure", count=count),))(picture, now_ns)


def clock_ahead(picture: Picture, now_ns: int) -> Picture:
    return with_stage("signals", reported_ns=now_ns + 4 * SECOND_NS)(picture, now_ns)


def clock_behind(picture: Picture, now_ns: int) -> Picture:
    return with_stage("signals", reported_ns=now_ns - 40 * SECOND_NS)(picture, now_ns)


def from_the_future(picture: Picture, now_ns: int) -> Picture:
    assert picture.session is not None
    live = having(session=picture.session.model_copy(update={"mode": "live"}))
    return all_of(live, with_feed(market_ns=now_ns + 9 * SECOND_NS))(picture, now_ns)


def left_alone(picture: Picture, now_ns: int) -> Picture:
    assert picture.session is not None
    live = having(session=picture.session.model_copy(update={"mode": "live"}))
    return all_of(live, STOPPED)(picture, now_ns)


def disabled(picture: Picture, now_ns: int) -> Picture:
    strategies = (
        each.model_copy(update={"state": "disabled"} if each.name == "trend" else {}) for each in picture.strategies
    )
    return having(strategies=tuple(strategies))(picture, now_ns)


def with_order(**fields: object) -> Change:
    def change(picture: Picture, now_ns: int) -> Picture:
        order = picture.orders[0].model_copy(update=fields)
        return having(orders=(order, *picture.orders[1:]))(picture, now_ns)

    return change


STAGES = ("feed", "signals", "account", "portfolio")
STOPPED = all_of(having(phase="ended"), *(with_stage(name, phase="stopped", reported_ns=TROUBLE_NS) for name in STAGES))
ENGAGED = Latch(who="asha", reason="the prices are wrong", time_ns=TROUBLE_NS)
NEVER_REPORTED = with_stage("account", phase="unknown", reported_ns=0)
SLOW = Delay(name="tick_to_order", p50_s=0.05, p99_s=0.4, max_s=1.0, count=2048)
FAILING = Channel(
    service="Slack", target="slack://T...2", well=False, trouble="error=404", tried_ns=NOW_NS, delivered_ns=0
)

TROUBLES: dict[str, tuple[Change, float, str, Priority]] = {
    "a stage that never reported": (NEVER_REPORTED, 20, "StageDown:account", "critical"),
    "a stage that is gone": (silent_stage("signals"), 90, "StageDown:signals", "critical"),
    "a portfolio that is gone": (silent_stage("portfolio"), 90, "StageDown:portfolio", "high"),
    "a stage that says nothing": (silent_stage("signals"), 20, "StageSilent:signals", "critical"),
    "a stage that has failed": (with_stage("account", phase="failed"), 1, "StageFailed:account", "critical"),
    "a stage that waits": (with_stage("account", phase="waiting"), 20, "StageWaiting:account", "critical"),
    "a clock that is ahead": (clock_ahead, 15, "ClockSkew:signals", "critical"),
    "a clock that is behind": (clock_behind, 15, "ClockSkew:signals", "critical"),
    "events from the future": (from_the_future, 15, "ClockSkew:the market", "critical"),
    "a stale feed with positions": (stale, 12, "FeedStale", "critical"),
    "a stale feed without positions": (all_of(stale, flat), 12, "FeedStale", "high"),
    "a feed that does not hold": (reconnecting, 50, "FeedReconnects", "low"),
    "events kept out": (with_feed(kept_out=3), 1, "EventsKeptOut", "low"),
    "a log that is away": (with_source("log", "connection refused"), 90, "SourceAway:log", "critical"),
    "a store that is away": (with_source("store", "connection refused"), 5, "SourceAway:store", "high"),
    "a folder that cannot be read": (with_source("folder", "permission denied"), 5, "SourceAway:folder", "high"),
    "pictures that stop": (having(taken_ns=TROUBLE_NS), 12, "ScreensStill", "high"),
    "a stage that falls back": (falling_back, 60, "LagGrows:signals", "critical"),
    "a portfolio that falls back": (with_stage("portfolio", lag=5_000), 65, "PortfolioBehind", "low"),
    "records that were given up": (having(dead_letters=2), 6, "DeadLetters", "critical"),
    "a kill": (all_of(having(latch=ENGAGED), with_account(state="killed")), 1, "KillEngaged", "critical"),
    "a halt": (with_account(state="halted", halt="day_loss"), 1, "AccountHalted", "critical"),
    "commands that wait": (having(commands_waiting=1), 11, "AccountUnanswered:commands", "high"),
    "an account that never reported": (having(account=None), 11, "AccountUnanswered:report", "high"),
    "real positions that were left alone": (left_alone, 16, "PositionsUnwatched", "critical"),
    "a pause that was forgotten": (with_account(state="paused"), 901, "AccountPaused", "low"),
    "a loss close to its limit": (with_limit("day_loss_reduce", 0.0085), 6, "DayLossNearLimit", "high"),
    "a loss at its first limit": (with_limit("day_loss_reduce", 0.01), 1, "DayLossReduces", "high"),
    "a loss at its second limit": (
        all_of(with_limit("day_loss_reduce", 0.021), with_limit("day_loss_halt", 0.021), with_account(state="halted")),
        1,
        "DayLossHalts",
        "critical",
    ),
    "a drawdown close to its limit": (with_limit("drawdown_halt", 0.041), 6, "DrawdownNearLimit", "high"),
    "a drawdown at its limit": (with_limit("drawdown_halt", 0.05), 1, "DrawdownHalts", "critical"),
    "refusals again and again": (refusing, 55, "RefusalsBurst:gross_exposure", "high"),
    "a strategy that was disabled": (disabled, 1, "StrategyDisabled:trend", "high"),
    "a market order that rests": (with_order(order_type="MARKET", updated_ns=TROUBLE_NS), 70, "OrderStuck", "high"),
    "an order of yesterday": (with_order(made_ns=NOW_NS - 86_400 * SECOND_NS), 6, "OrderStuck", "high"),
    "orders that come late": (with_stage("account", delays=(SLOW,)), 301, "OrdersSlow", "low"),
}  # fmt: skip


TOLD_BEFORE = {
    "a stage that is gone": ["StageSilent:signals"],
    "a portfolio that is gone": ["StageSilent:portfolio"],
}
"""What people are told first of some troubles, before it is seen how bad they are."""


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_trouble_raises_its_own_alarm_and_no_other(trouble: str):
    change, lasts_s, id, priority = TROUBLES[trouble]
    watched = Watched()
    watched.pass_time(700, every_s=5)
    assert watched.shown() == {}
    watched.pass_time(lasts_s, change)
    assert {id: alert.priority for id, alert in watched.shown().items() if alert.state != "suppressed"} == {
        id: priority
    }
    assert watched.due() == TOLD_BEFORE.get(trouble, []) + ([] if priority == "low" else [id])


def test_every_rule_has_a_trouble_that_raises_it():
    raised = {id.partition(":")[0] for _, _, id, _ in TROUBLES.values()}
    about_messages = {"NoAlertTarget", "AlertTargetFails", "AlertsNotKept"}
    assert {rule.name for rule in RULES} == raised | about_messages


def test_a_kill_that_is_not_carried_out_is_told_apart():
    watched = Watched()
    watched.pass_time(12, having(latch=ENGAGED))
    assert watched.present() == {"KillEngaged", "AccountUnanswered:kill"}
    assert watched.shown()["AccountUnanswered:kill"].priority == "critical"


def test_before_a_session_has_begun_nobody_is_called_because_its_log_is_not_there():
    watched = Watched()
    empty = empty_picture()
    watched.pass_time(60, lambda picture, now_ns: empty.model_copy(update={"number": 1, "taken_ns": now_ns}))
    assert {id: alert.priority for id, alert in watched.shown().items()} == {
        "SourceAway:log": "low",
        "SourceAway:folder": "low",
    }
    assert watched.due() == []


def test_without_a_target_that_is_an_alarm_and_more_of_one_where_money_is_real():
    watched = Watched(channels=())
    watched.pass_time(1)
    assert {id: alert.priority for id, alert in watched.shown().items()} == {"NoAlertTarget": "low"}
    watched.pass_time(1, from_the_future)
    assert watched.shown()["NoAlertTarget"].priority == "high"


def test_a_target_that_fails_is_an_alarm_of_its_own():
    watched = Watched(channels=(GOOD, FAILING))
    watched.pass_time(85)  # it is tried again meanwhile
    assert watched.shown() == {}
    watched.pass_time(6)
    (alert,) = watched.shown().values()
    assert (alert.id, alert.priority) == ("AlertTargetFails:slack://T...2", "high")
    assert alert.cause == "error=404"


def test_a_database_that_is_away_is_an_alarm():
    watched = Watched(kept=False)
    watched.pass_time(6)
    assert watched.present() == {"AlertsNotKept"}


# ── What is no alarm ─────────────────────────────────────────────────────────────────────────────────────────────────

QUIET: dict[str, tuple[Change, float]] = {
    "a feed that is silent after hours": (all_of(stale, with_feed(market_open=False)), 120),
    "a feed that has ended": (all_of(stale, with_stage("feed", phase="ended")), 120),
    "a session that was stopped": (STOPPED, 120),
    "a limit order that rests": (with_order(order_type="LIMIT", updated_ns=TROUBLE_NS), 300),
    "a market order that waits for the market": (
        all_of(with_order(order_type="MARKET", updated_ns=TROUBLE_NS), with_feed(market_open=False)),
        300,
    ),
    "a limit that is switched off": (
        having(limits=tuple(each.model_copy(update={"allowed": 0.0, "used": 1.0}) for each in healthy(0).limits)),
        10,
    ),
    "a lag that becomes smaller": (catching_up, 100),
    "a synthetic day that is ahead of ours": (with_feed(market_ns=NOW_NS + 10**15), 60),
}


@pytest.mark.parametrize("quiet", QUIET)
def test_what_is_as_it_should_be_is_no_alarm(quiet: str):
    change, lasts_s = QUIET[quiet]
    watched = Watched()
    watched.pass_time(700, every_s=5)
    watched.pass_time(lasts_s, change)
    assert watched.shown() == {}


def test_events_that_were_kept_out_are_no_records_that_were_given_up():
    watched = Watched()
    watched.pass_time(60, all_of(having(dead_letters=3), with_feed(kept_out=3)))
    assert watched.shown() == {}


def test_a_session_that_nobody_has_worked_on_for_half_a_day_is_history():
    watched = Watched(now_ns=NOW_NS + 13 * 3_600 * SECOND_NS)
    old = healthy(NOW_NS)
    watched.pass_time(120, lambda picture, now_ns: old.model_copy(update={"taken_ns": now_ns}))
    assert watched.shown() == {}


def test_a_feed_of_bars_is_stale_only_after_three_bars():
    watched = Watched()

    def bars(picture: Picture, now_ns: int) -> Picture:
        return with_feed(heard_ns=min(now_ns, TROUBLE_NS) // (60 * SECOND_NS) * 60 * SECOND_NS)(picture, now_ns)

    watched.pass_time(660 + 175, bars, every_s=1)
    assert watched.shown() == {}
    watched.pass_time(10, bars, every_s=1)
    assert watched.present() == {"FeedStale"}


def test_a_stage_that_another_process_takes_over_is_well_again():
    watched = Watched()
    watched.pass_time(10)
    watched.pass_time(20, with_stage("signals", reported_ns=watched.now_ns))
    assert watched.present() == {"StageSilent:signals"}
    watched.pass_time(15, with_stage("signals", holder="another@trader"))
    assert watched.present() == set()


@st.composite
def quiet_sessions(draw: st.DrawFn) -> list[Change]:
    """Return what a healthy session does in one minute after the other."""
    minutes = draw(st.integers(1, 12))
    changes: list[Change] = []
    refused = fills = 0
    for _ in range(minutes):
        refused += draw(st.integers(0, 4))
        fills += draw(st.integers(0, 20))
        lag, age_s = draw(st.integers(0, 100)), draw(st.floats(0, 4))
        loss, drawdown = draw(st.floats(0, 0.0079)), draw(st.floats(0, 0.039))
        market_open = draw(st.booleans())
        state = draw(st.sampled_from(["running", "reducing"]))
        changes.append(
            all_of(
                with_stage("signals", lag=lag),
                lambda picture, now_ns, age_s=age_s: with_stage("account", reported_ns=now_ns - int(age_s * SECOND_NS))(
                    picture, now_ns
                ),
                with_limit("day_loss_reduce", loss),
                with_limit("day_loss_halt", loss),
                with_limit("drawdown_halt", drawdown),
                with_feed(market_open=market_open),
                with_account(state=state, fills=fills),
                having(refusals=(Refusals(code="gross_exposure", count=refused),)),
            )
        )
    return changes


@settings(max_examples=25, deadline=None)
@given(quiet_sessions())
def test_a_quiet_session_raises_nothing(session: list[Change]):
    watched = Watched()
    for minute in session:
        watched.pass_time(60, minute, every_s=2)
    assert watched.due() == []
    assert watched.shown() == {}


# ── What is told ─────────────────────────────────────────────────────────────────────────────────────────────────────


def sections() -> set[str]:
    return set(re.findall(r"^### (.+)$", (LIVE / "RUNBOOK.md").read_text(), re.MULTILINE))


@functools.cache
def severities() -> dict[str, str]:
    groups = yaml.safe_load((LIVE / "observability" / "alerts.yml").read_text())["groups"]
    return {rule["alert"]: rule["labels"]["severity"] for group in groups for rule in group["rules"]}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_each_rule_has_its_section_in_the_runbook(rule):
    assert rule.name in sections()


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.name in severities()], ids=lambda rule: rule.name)
def test_a_rule_that_prometheus_has_too_has_its_severity(rule):
    # With nothing at stake a stale feed can wait for minutes; its priority says so.
    expected = {"critical": ("critical",), "warning": ("high", "low")}[severities()[rule.name]]
    assert rule.priority in expected or rule.name == "FeedStale"


def test_a_message_for_a_person_says_what_follows_and_what_to_do():
    for rule in RULES:
        assert rule.title
        assert rule.consequence.endswith(".")
        assert rule.action.endswith(".")


def test_the_ids_of_roots_are_those_of_rules():
    names = {rule.name for rule in RULES}
    assert {root.partition(":")[0] for rule in RULES for root in rule.roots} <= names


def test_an_order_that_is_stuck_is_named():
    watched = Watched()
    watched.pass_time(10, with_order(made_ns=NOW_NS - 86_400 * SECOND_NS))
    cause = watched.shown()["OrderStuck"].cause
    order = healthy(NOW_NS).orders[0]
    assert isinstance(order, Order)
    assert f"order {order.order_id} of {order.strategy}" in cause
    assert order.symbol in cause
