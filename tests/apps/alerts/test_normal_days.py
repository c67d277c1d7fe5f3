"""What happens on a normal day is no alarm: starts, restarts, replays, little trade; and a restart hides no trouble."""

import random
import re

import pytest
import yaml

from alpha_panda.apps.alerts import measures
from alpha_panda.apps.alerts.alarms import Adopted
from alpha_panda.apps.alerts.engine import Known
from alpha_panda.apps.desk.models import Picture, Refusals
from alpha_panda.units import SECOND_NS
from tests.apps.alerts.looking import Change, Watched, all_of, having, healthy, with_account, with_feed, with_stage
from tests.apps.alerts.test_rules import LIVE, NOW_NS, TROUBLE_NS, with_order

HOUR_NS = 3_600 * SECOND_NS
NAMES = ("feed", "signals", "account", "portfolio")
ASLEEP = all_of(
    with_feed(heard_ns=NOW_NS - 3 * HOUR_NS), *(with_stage(name, reported_ns=NOW_NS - 3 * HOUR_NS) for name in NAMES)
)
"""A session that was killed three hours ago."""


def fast(picture: Picture, now_ns: int) -> Picture:
    """Return a replay that goes a hundred times as fast as the market."""
    return with_feed(market_ns=NOW_NS + (now_ns - NOW_NS) * 100)(picture, now_ns)


def falling_back(picture: Picture, now_ns: int) -> Picture:
    return with_stage("signals", lag=(now_ns - NOW_NS) // SECOND_NS * 10)(picture, now_ns)


def refused(count: int) -> Change:
    return having(refusals=(Refusals(code="gross_exposure", count=count),))


# ── Starts and restarts ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_session_that_is_resumed_has_a_minute_until_it_reports():
    watched = Watched()
    watched.pass_time(55, ASLEEP)
    watched.pass_time(20, with_stage("feed", phase="recovering"))
    watched.pass_time(60)
    assert watched.shown() == {}


def test_a_session_that_nobody_resumes_is_down():
    watched = Watched()
    watched.pass_time(80, ASLEEP)
    assert {f"StageDown:{name}" for name in NAMES} <= watched.present()
    assert "StageSilent:feed" not in watched.present()


def test_what_was_down_before_this_process_began_to_look_stays_so():
    watched = Watched()
    kept = Adopted(1, "StageDown", "feed", "gone", 90.0, 1, NOW_NS - HOUR_NS, 0, 0, "", 1, NOW_NS - HOUR_NS)
    watched.alarms.take_over(Known([kept], {}, {}, {}), watched.moment)
    watched.pass_time(120, with_stage("feed", reported_ns=NOW_NS - 3 * HOUR_NS))
    assert "StageDown:feed" in watched.present()
    assert watched.shown()["StageDown:feed"].count == 1
    assert not any(changes.all_clear for changes in watched.changes)


@pytest.mark.parametrize(
    "recovers",
    [with_stage("feed", phase="recovering"), with_stage("feed", phase="unknown", reported_ns=0)],
    ids=["it recovers", "it has not reported"],
)
def test_events_that_were_kept_out_are_no_records_that_were_given_up_before_the_feed_has_counted_them(recovers: Change):
    watched = Watched()
    watched.pass_time(30, all_of(having(dead_letters=4), with_feed(kept_out=0), recovers))
    watched.pass_time(400, all_of(having(dead_letters=4), with_feed(kept_out=4)))
    assert "DeadLetters" not in watched.shown()
    assert "EventsKeptOut" not in watched.shown()
    watched.pass_time(30, all_of(having(dead_letters=4), with_feed(kept_out=0)))  # its process began anew
    assert "DeadLetters" not in watched.shown()


def test_records_that_were_given_up_stay_so_while_the_feed_begins_anew():
    watched = Watched()
    watched.pass_time(30, having(dead_letters=2))
    watched.pass_time(60, all_of(having(dead_letters=2), with_stage("feed", phase="recovering")))
    assert "DeadLetters" in watched.present()


def test_a_feed_whose_process_began_anew_is_counted_from_nothing():
    watched = Watched()
    watched.pass_time(60, with_feed(reconnects=9))
    watched.pass_time(60, with_feed(reconnects=3))
    assert watched.shown() == {}
    watched.pass_time(1, with_feed(reconnects=4))
    assert watched.present() == {"FeedReconnects"}


def test_an_account_that_recovers_need_not_have_reported():
    watched = Watched()
    watched.pass_time(60, all_of(having(phase="recovering", account=None), with_stage("account", phase="recovering")))
    assert watched.shown() == {}


def test_where_nobody_works_on_a_session_any_more_all_is_not_clear():
    watched = Watched()
    watched.pass_time(10)
    dead_ns = watched.now_ns
    dead = all_of(having(phase="unknown"), *(with_stage(name, reported_ns=dead_ns) for name in NAMES))
    watched.pass_time(120, dead)
    assert "StageDown:account" in watched.due()
    watched.pass_time(13 * 3_600, dead, every_s=600)
    assert not any(changes.all_clear for changes in watched.changes)


# ── Replays and quiet markets ────────────────────────────────────────────────────────────────────────────────────────


def test_a_replay_that_is_read_as_fast_as_can_be_makes_no_order_late():
    watched = Watched()
    watched.pass_time(120, all_of(fast, falling_back))
    assert watched.shown() == {}
    watched.pass_time(120, falling_back)
    assert watched.present() == {"LagGrows:signals"}


def test_refusals_of_a_fast_replay_are_counted_by_the_time_of_its_market():
    def refusing(picture: Picture, now_ns: int) -> Picture:
        return refused((now_ns - NOW_NS) // SECOND_NS)(picture, now_ns)

    watched = Watched()
    watched.pass_time(200, all_of(fast, refusing))
    assert watched.shown() == {}
    watched.pass_time(200, refusing)
    assert watched.present() == {"RefusalsBurst:gross_exposure"}


def test_a_feed_of_what_is_traded_little_is_not_stale_again_and_again():
    chance = random.Random(3)
    heard_ns = [NOW_NS]
    while heard_ns[-1] < NOW_NS + 3_600 * SECOND_NS:
        heard_ns.append(heard_ns[-1] + int(chance.expovariate(1 / 5.0) * SECOND_NS))

    def seldom(picture: Picture, now_ns: int) -> Picture:
        return with_feed(heard_ns=max(each for each in heard_ns if each <= now_ns))(picture, now_ns)

    watched = Watched()
    watched.pass_time(3_500, seldom, every_s=1)
    assert watched.due() == []


def test_a_stop_that_was_triggered_and_rests_is_stuck():
    watched = Watched()
    resting = with_order(order_type="SL-M", status="triggered", made_ns=NOW_NS, updated_ns=NOW_NS)
    waiting = with_order(order_type="SL-M", status="working", made_ns=NOW_NS, updated_ns=NOW_NS)
    watched.pass_time(120, waiting)
    assert watched.shown() == {}
    watched.pass_time(10, resting)
    assert watched.present() == {"OrderStuck"}


def test_a_clock_that_is_set_forward_by_some_seconds_does_not_still_the_screens():
    watched = Watched()
    watched.pass_time(10)
    watched.now_ns += 12 * SECOND_NS
    watched.look(healthy(watched.now_ns - 12 * SECOND_NS))
    watched.pass_time(30)
    assert watched.shown() == {}


# ── One truth ────────────────────────────────────────────────────────────────────────────────────────────────────────

LIMITS: dict[str, tuple[float, ...]] = {
    "StageSilent": (measures._SILENT_S,),
    "FeedStale": (measures._STALE_S,),
    "FeedReconnects": (measures._RECONNECTS, measures._RECONNECTS_S / 60),
    "EventsKeptOut": (0, measures._KEPT_OUT_S / 60),
    "LagGrows": (measures._LAG,),
    "PortfolioBehind": (measures._PORTFOLIO_LAG,),
    "DrawdownNearLimit": (measures._NEAR,),
    "RefusalsBurst": (measures._REFUSALS, measures._REFUSALS_S / 60),
    "OrdersSlow": (measures._LATE_S,),
}
"""By the rule, its limit and over how many minutes it counts."""


def test_limits_are_those_of_prometheus():
    groups = yaml.safe_load((LIVE / "observability" / "alerts.yml").read_text())["groups"]
    said = {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}
    for name, figures in LIMITS.items():
        numbers = {float(number) for number in re.findall(r"(?<![\w.])(\d+(?:\.\d+)?)(?![\w.]*\")", said[name])}
        numbers |= {float(minutes) for minutes in re.findall(r"\[(\d+)m\]", said[name])}
        assert {*map(float, figures)} <= numbers, name


def test_pauses_are_told_as_late_as_by_prometheus():
    groups = yaml.safe_load((LIVE / "observability" / "alerts.yml").read_text())["groups"]
    waits = {rule["alert"]: rule.get("for", "0s") for group in groups for rule in group["rules"]}
    assert waits["AccountPaused"] == "15m"
    watched = Watched()
    watched.pass_time(890, with_account(state="paused"), every_s=5)
    assert watched.shown() == {}
    watched.pass_time(20, with_account(state="paused"), every_s=5)
    assert watched.present() == {"AccountPaused"}


def test_a_trouble_that_begins_late_is_no_younger_for_it():
    """What is remembered is some minutes: a stage that has been seen is silent after ten seconds, whenever that is."""
    watched = Watched()
    watched.pass_time(700, every_s=5)
    watched.pass_time(16, with_stage("signals", reported_ns=TROUBLE_NS))
    assert watched.present() == {"StageSilent:signals"}
