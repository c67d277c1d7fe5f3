"""Every metric of the table is exposed under a name that Prometheus accepts, and counts what happened once."""

import math
import re
import types

import numpy as np
import pytest

from alpha_panda.kernels import records
from alpha_panda.live import messages
from alpha_panda.live.observer import Inputs
from alpha_panda.live.status import Status
from alpha_panda.live.streams import DUPLICATE, STALE, UNDECODABLE, Entry
from alpha_panda.live.watch.metric_series import MetricSeries
from alpha_panda.live.watch.metric_table import METRICS, Metric, sample_names
from alpha_panda.live.watch.metrics import Metrics
from tests.live import samples
from tests.live.trading import blueprint
from tests.live.watching import (
    NOW_NS,
    Clocks,
    effects,
    frame,
    path_of_an_order,
    record,
    report,
    sampled,
    samples_in,
    watched,
)


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def metrics(clocks: Clocks) -> Metrics:
    return Metrics(clocks.monotonic, clocks.time_ns, "0.1.0", "2026-11-20")


def applied(metrics: Metrics, **fields: int) -> dict[tuple[str, ...], float]:
    """Return a scrape after a step of an account with these figures, in E4 as its record has them."""
    account = np.zeros(1, records.ACCOUNT)
    for name, value in fields.items():
        account[name] = value
    metrics.on_recovered(blueprint(), types.SimpleNamespace(account=account[0]), 0, 0, 0)
    metrics.on_step(1, 1)
    return sampled(metrics)


# ── Names ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_name_passes_the_rules_that_promtool_checks(metric: Metric):
    # https://github.com/prometheus/client_golang/tree/main/prometheus/testutil/promlint/validations
    assert re.fullmatch(r"alpha_panda(_[a-z0-9]+)+", metric.name), "words in small letters, joined by underscores"
    assert metric.name.endswith("_total") == (metric.kind == "counter"), "_total stands on counters alone"
    assert not re.search(r"_(count|sum|bucket|created)$", metric.name), "what a histogram adds is no name's end"
    assert not re.search(r"_(counter|gauge|histogram|summary)(_|$)", metric.name), "the kind is no part of the name"
    words = metric.name.split("_")
    assert not {"ms", "ns", "us", "sec", "min", "hours", "milliseconds", "percent", "paise", "kb"} & {*words}
    assert {*metric.labels}.isdisjoint({"le", "quantile"})
    assert re.fullmatch(r"[A-Z0-9].*\.", metric.help), "help is a sentence"


def test_no_two_metrics_have_the_same_name():
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names)


def test_every_metric_is_exposed_with_its_help_and_kind(metrics: Metrics):
    content_type, text = metrics.exposition()
    assert content_type.startswith("text/plain")
    for metric in METRICS:
        assert f"# HELP {metric.name} {metric.help}\n" in text.decode()
        assert f"# TYPE {metric.name} {metric.kind}\n" in text.decode()


def test_the_list_of_names_is_what_a_scrape_shows(clocks: Clocks):
    series = MetricSeries(clocks.monotonic)
    for metric in METRICS:
        series.of(metric.name, *("label" for _ in metric.labels))
    shown = {name for name, *_ in samples_in(series.exposition("")[1].decode()) if name.startswith("alpha_panda_")}
    assert shown == set(sample_names())


def test_a_scraper_may_ask_for_open_metrics(metrics: Metrics):
    content_type, text = metrics.exposition("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert text.endswith(b"# EOF\n")
    for metric in METRICS:
        assert (f"# UNIT {metric.name} {metric.unit}\n" in text.decode()) == bool(metric.unit)


def test_the_process_is_described_as_usual(metrics: Metrics):
    assert sampled(metrics)["process_resident_memory_bytes",] > 1e6


def test_two_processes_of_one_test_do_not_share_a_registry(clocks: Clocks, metrics: Metrics):
    metrics.on_gap(messages.Gap(0, 1, 2))
    assert ("alpha_panda_feed_gaps_total", "feed") not in sampled(Metrics(clocks.monotonic, clocks.time_ns))


# ── What is counted ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_nobody_measured_is_absent(metrics: Metrics):
    shown = {name for name, *_ in sampled(metrics) if name.startswith("alpha_panda_")}
    assert shown == {"alpha_panda_loop_heartbeat_age_seconds"}  # every process has an event loop


def test_faults_are_counted_from_zero_where_they_may_happen(clocks: Clocks):
    shown = sampled(Metrics(clocks.monotonic, clocks.time_ns, stages=["feed", "account"]))
    assert shown["alpha_panda_feed_gaps_total", "feed"] == 0
    assert shown["alpha_panda_event_log_errors_total", "session"] == 0
    assert shown["alpha_panda_records_set_aside_total", "account", "stale_writer"] == 0
    assert ("alpha_panda_store_errors_total", "portfolio") not in shown


def test_the_status_hands_on_what_the_stages_tell_it(clocks: Clocks, metrics: Metrics):
    status = Status(clocks.monotonic, [metrics])
    status.on_frame(0, 5, 2, NOW_NS)
    status.on_frame(1, 3, 0, NOW_NS)
    shown = sampled(metrics)
    assert shown["alpha_panda_frames_total", "feed"] == 2
    assert shown["alpha_panda_events_total", "feed"] == 8 == status.events
    assert shown["alpha_panda_events_kept_out_total", "feed"] == 2 == status.kept_out


def test_an_order_is_counted_at_every_step_of_its_way(metrics: Metrics):
    signal, *decided = path_of_an_order(frame())
    metrics.on_signals(1, [signal, *effects(frame(), messages.Progress(0, 41, 1))])
    metrics.on_step(1, 1, decided)
    shown = sampled(metrics)
    assert shown["alpha_panda_signals_total", "momentum"] == 1
    assert shown["alpha_panda_frames_total", "signals"] == 1
    assert shown["alpha_panda_decisions_total", "paper", "momentum", "clipped", "order_value"] == 1
    assert shown["alpha_panda_orders_total", "paper", "momentum", "working"] == 1
    assert shown["alpha_panda_fills_total", "paper", "momentum", "BUY"] == 1
    kinds = ("trading_signal", "signals_progress", "validated_signal", "order_placed", "order_filled")
    assert [shown["alpha_panda_messages_total", kind] for kind in kinds] == [1] * 5


def test_latency_is_counted_from_the_tick_on_the_log(clocks: Clocks, metrics: Metrics):
    tick = frame()
    signal, *decided = path_of_an_order(tick)
    clocks.now_s += 0.004
    inputs = Inputs(clocks.now_s, 2, {tick.id: NOW_NS})
    clocks.now_s += 0.002
    metrics.on_signals(1, [signal], inputs)
    metrics.on_step(1, 1, decided, inputs)
    shown = sampled(metrics)
    assert shown["alpha_panda_tick_to_signal_seconds_sum", "signals"] == pytest.approx(0.006)
    for name in ("decision", "order"):
        assert shown[f"alpha_panda_tick_to_{name}_seconds_sum", "account"] == pytest.approx(0.006)
        assert shown[f"alpha_panda_tick_to_{name}_seconds_bucket", "account", "0.005"] == 0
        assert shown[f"alpha_panda_tick_to_{name}_seconds_bucket", "account", "0.0075"] == 1
    assert shown["alpha_panda_step_seconds_sum", "account"] == pytest.approx(0.002)
    assert shown["alpha_panda_events_total", "account"] == 2


@pytest.mark.parametrize(
    "appended_ns", [{}, {frame().id: 0}, {frame().id: NOW_NS + 1}], ids=["of no frame", "unknown", "in the future"]
)
def test_a_latency_that_cannot_be_known_is_not_counted(metrics: Metrics, appended_ns: dict[str, int]):
    metrics.on_signals(1, path_of_an_order(frame())[:1], Inputs(1_000.0, 2, appended_ns))
    assert ("alpha_panda_tick_to_signal_seconds_count", "signals") not in sampled(metrics)


def test_the_inputs_of_a_step_are_its_frames(clocks: Clocks):
    tick = frame()
    (signal, *_) = path_of_an_order(tick)
    entries = [Entry(record(), tick, 42), Entry(record(), signal, 43)]
    assert Inputs.of(clocks.now_s, entries) == (clocks.now_s, 2, {tick.id: 0}), "this log does not know when"


@pytest.mark.parametrize("reason", [DUPLICATE, STALE, f"{UNDECODABLE}: market.ticks offset 41 ends too early"])
def test_records_set_aside_are_counted_by_a_few_words_only(metrics: Metrics, reason: str):
    metrics.on_set_aside("account", record(), reason)
    word = reason.split(":")[0].replace(" ", "_")
    assert word in {"duplicate", "stale_writer", "undecodable"}
    assert sampled(metrics)["alpha_panda_records_set_aside_total", "account", word] == 1


def test_what_befalls_feed_log_and_stages_is_counted(metrics: Metrics):
    metrics.on_gap(messages.Gap(0, 1, 2))
    metrics.on_reconnected("the socket was closed")
    metrics.on_conflated(17)
    metrics.on_dead_letter("market.ticks", "no message")
    metrics.on_lag("portfolio", "paper.journal", 0, 9)
    metrics.on_queue("logs", 3, 10_000)
    metrics.on_stage_recovered("account")
    metrics.on_takeover("account", 0, 4)
    metrics.on_log_error("account", OSError("no broker"))
    metrics.on_store_error("portfolio", OSError("no server"))
    shown = sampled(metrics)
    assert shown["alpha_panda_feed_gaps_total", "feed"] == 1
    assert shown["alpha_panda_feed_reconnects_total", "feed"] == 1
    assert shown["alpha_panda_ticks_conflated_total", "feed"] == 17
    assert shown["alpha_panda_dead_letters_total", "market.ticks"] == 1
    assert shown["alpha_panda_lag_records", "portfolio", "paper.journal", "0"] == 9
    assert shown["alpha_panda_queue_depth", "logs"] == 3
    assert shown["alpha_panda_queue_capacity", "logs"] == 10_000
    assert shown["alpha_panda_recoveries_total", "account"] == 1
    assert shown["alpha_panda_writer_epoch", "account", "0"] == 4
    assert shown["alpha_panda_event_log_errors_total", "account"] == 1
    assert shown["alpha_panda_store_errors_total", "portfolio"] == 1


def test_ages_grow_while_nobody_says_anything(clocks: Clocks, metrics: Metrics):
    metrics.on_snapshot("account")
    metrics.on_watched(watched(True, 0.5, 2.0))
    metrics.on_heartbeat()
    clocks.now_s += 7.0
    shown = sampled(metrics)
    assert shown["alpha_panda_snapshot_age_seconds", "account"] == 7.0
    assert shown["alpha_panda_feed_age_seconds", "feed"] == 7.5
    assert shown["alpha_panda_feed_oldest_instrument_age_seconds", "feed"] == 9.0
    assert shown["alpha_panda_loop_heartbeat_age_seconds",] == 7.0
    assert shown["alpha_panda_market_open", "feed"] == 1


def test_a_stage_is_up_as_long_as_it_reports(clocks: Clocks, metrics: Metrics):
    metrics.on_report(report("signals"))
    metrics.on_report(report("account", "failed", "the disk is full"))
    clocks.now_s += 4.0
    shown = sampled(metrics)
    assert (shown["alpha_panda_stage_up", "signals"], shown["alpha_panda_stage_up", "account"]) == (1, 0)
    assert shown["alpha_panda_stage_phase", "account", "failed"] == 1
    assert shown["alpha_panda_stage_phase", "account", "running"] == 0
    clocks.now_s += 1.0
    shown = sampled(metrics)
    assert shown["alpha_panda_stage_up", "signals"] == 0
    assert shown["alpha_panda_stage_report_age_seconds", "signals"] == 5.0


# ── The account ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_account_is_shown_in_rupees(metrics: Metrics):
    shown = applied(metrics, equity_e4=9_999_985_000, cash_e4=-25_050, gross_e4=10_000, day_start_ns=1)
    assert shown["alpha_panda_equity_rupees", "paper"] == 999_998.5
    assert shown["alpha_panda_cash_rupees", "paper"] == -2.505
    assert shown["alpha_panda_exposure_rupees", "paper"] == 1.0


def test_losses_are_shown_as_the_fractions_that_their_limits_watch(metrics: Metrics):
    shown = applied(
        metrics, equity_e4=900_000, gross_e4=450_000, day_start_ns=1, day_base_e4=1_000_000, drawdown_base_e4=1_200_000
    )
    assert shown["alpha_panda_day_loss_ratio", "paper"] == 0.1
    assert shown["alpha_panda_drawdown_ratio", "paper"] == 0.25
    assert shown["alpha_panda_exposure_ratio", "paper"] == 0.5
    risk = blueprint().profile.risk
    assert shown["alpha_panda_day_loss_limit_ratio", "paper", "reduce"] == risk.day_loss_reduce
    assert shown["alpha_panda_day_loss_limit_ratio", "paper", "halt"] == risk.day_loss_halt
    assert shown["alpha_panda_drawdown_limit_ratio", "paper"] == risk.drawdown_halt
    assert shown["alpha_panda_exposure_limit_ratio", "paper"] == risk.gross_fraction_max


def test_a_day_that_has_not_begun_has_no_figures(metrics: Metrics):
    shown = applied(metrics, equity_e4=900_000)
    assert ("alpha_panda_day_pnl_rupees", "paper") not in shown
    assert ("alpha_panda_day_loss_ratio", "paper") not in shown


def test_an_account_without_equity_is_exposed_without_bounds(metrics: Metrics):
    assert math.isinf(applied(metrics, equity_e4=0, gross_e4=1)["alpha_panda_exposure_ratio", "paper"])


@pytest.mark.parametrize("state", [records.RUNNING, records.REDUCING, records.HALTED])
def test_the_account_is_in_one_state(metrics: Metrics, state: int):
    shown = applied(metrics, state=state)
    states = {key[2]: value for key, value in shown.items() if key[0] == "alpha_panda_account_state"}
    words = {records.RUNNING: "running", records.REDUCING: "reducing", records.HALTED: "halted"}
    assert [word for word, value in states.items() if value] == [words[state]]


def test_the_build_and_the_session_are_named(metrics: Metrics):
    metrics.on_began(blueprint())
    shown = sampled(metrics)
    assert shown["alpha_panda_build_info", "0.1.0", blueprint().code_digest] == 1
    assert shown["alpha_panda_session_info", "2026-11-20", "paper", "a morning"] == 1


def test_figures_of_different_moments_are_never_mixed(metrics: Metrics):
    account = np.zeros(1, records.ACCOUNT)
    metrics.on_recovered(blueprint(), types.SimpleNamespace(account=account[0]), 0, 0, 0)
    account["equity_e4"] = 10_000  # a step has begun, and has not ended
    assert sampled(metrics)["alpha_panda_equity_rupees", "paper"] == 0
    metrics.on_step(1, 1, effects(frame(), samples.SNAPSHOT))
    assert sampled(metrics)["alpha_panda_equity_rupees", "paper"] == 1
