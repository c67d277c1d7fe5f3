"""Each alert fires on the measurements that it is for, and none on those of a quiet session."""

import pathlib
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from tests.observability import OBSERVABILITY, alerts

# A minute of a quiet session has twelve scrapes; `a+bxn` is promtool's notation for a value that rises by b each time.
MINUTES = 20
SCRAPES = 12 * MINUTES
FEED, ACCOUNT = '{job="alpha-panda", instance="feed:1", stage="feed"}', '{job="alpha-panda", instance="account:1"}'
OF_ACCOUNT = '{job="alpha-panda", instance="account:1", broker="paper"}'

QUIET = {
    'up{job="alpha-panda", instance="feed:1", service="feed"}': "1",
    'up{job="alpha-panda", instance="1.2.3.4:1", service="signals"}': "1",
    f"process_start_time_seconds{ACCOUNT}": "1000",
    f"alpha_panda_market_open{FEED}": "1",
    f"alpha_panda_feed_age_seconds{FEED}": "0.2",
    f"alpha_panda_feed_oldest_instrument_age_seconds{FEED}": "20",
    f"alpha_panda_feed_reconnects_total{FEED}": "0",
    f"alpha_panda_events_kept_out_total{FEED}": "0",
    f"alpha_panda_ticks_conflated_total{FEED}": "0",
    'alpha_panda_stage_report_age_seconds{stage="account"}': "1",
    "alpha_panda_loop_heartbeat_age_seconds": "0.1",
    'alpha_panda_stage_phase{stage="account", phase="running"}': "1",
    'alpha_panda_stage_phase{stage="account", phase="waiting"}': "0",
    'alpha_panda_stage_phase{stage="account", phase="failed"}': "0",
    'alpha_panda_recoveries_total{stage="account"}': "1",
    'alpha_panda_records_set_aside_total{stage="account", reason="duplicate"}': "0+1x",
    'alpha_panda_build_info{instance="feed:1", code_digest="a"}': "1",
    'alpha_panda_build_info{instance="account:1", code_digest="a"}': "1",
    'alpha_panda_health_check{check="log"}': "1",
    'alpha_panda_lag_records{stage="account", topic="market.ticks", partition="0"}': "3",
    'alpha_panda_lag_records{stage="portfolio", topic="paper.journal", partition="0"}': "3",
    'alpha_panda_snapshot_age_seconds{stage="account"}': "200",
    f'alpha_panda_account_state{OF_ACCOUNT[:-1]}, state="running"}}': "1",
    f'alpha_panda_account_state{OF_ACCOUNT[:-1]}, state="killed"}}': "0",
    f'alpha_panda_account_state{OF_ACCOUNT[:-1]}, state="halted"}}': "0",
    f'alpha_panda_account_state{OF_ACCOUNT[:-1]}, state="paused"}}': "0",
    f"alpha_panda_day_loss_ratio{OF_ACCOUNT}": "0.01",
    f'alpha_panda_day_loss_limit_ratio{OF_ACCOUNT[:-1]}, action="reduce"}}': "0.02",
    f'alpha_panda_day_loss_limit_ratio{OF_ACCOUNT[:-1]}, action="halt"}}': "0.03",
    f"alpha_panda_drawdown_ratio{OF_ACCOUNT}": "0.05",
    f"alpha_panda_drawdown_limit_ratio{OF_ACCOUNT}": "0.2",
    f'alpha_panda_decisions_total{OF_ACCOUNT[:-1]}, verdict="refused", code="price_age"}}': "0+0.1x",
    'alpha_panda_tick_to_order_seconds_bucket{stage="account", le="0.01"}': "0+9x",
    'alpha_panda_tick_to_order_seconds_bucket{stage="account", le="0.1"}': "0+10x",
    'alpha_panda_tick_to_order_seconds_bucket{stage="account", le="0.5"}': "0+10x",
    'alpha_panda_tick_to_order_seconds_bucket{stage="account", le="+Inf"}': "0+10x",
    'up{job="web", instance="web:1", service="web"}': "1",
    "alpha_panda_web_defects_total": "0",
    'alpha_panda_web_sign_ins_total{how="sign-in", outcome="done"}': "0+1x",
    'alpha_panda_web_sign_ins_total{how="sign-in", outcome="wrong_credentials"}': "0+0.1x",
    'alpha_panda_web_sign_ins_total{how="refresh", outcome="refused"}': "0+10x",
    'alpha_panda_queue_depth{queue="frames"}': "1",
    'alpha_panda_queue_capacity{queue="frames"}': "100",
    'node_filesystem_avail_bytes{mountpoint="/", fstype="ext4"}': "50",
    'node_filesystem_avail_bytes{mountpoint="/tmp", fstype="tmpfs"}': "1",
    'node_filesystem_size_bytes{mountpoint="/", fstype="ext4"}': "100",
    'node_filesystem_size_bytes{mountpoint="/tmp", fstype="tmpfs"}': "100",
    'node_timex_offset_seconds{instance="machine:1"}': "0.001",
    'node_timex_sync_status{instance="machine:1"}': "1",
}
"""What is measured of a session in which nothing is wrong."""

_LATE = f"_x{SCRAPES - 12}"  # nothing, until a minute before the end

TROUBLE: dict[str, list[dict[str, str]]] = {
    "StageDown": [
        {'up{job="alpha-panda", instance="feed:1", service="feed"}': "0"},
        {'up{job="alpha-panda", instance="1.2.3.4:1", service="signals"}': f"1x{SCRAPES - 12} stale"},
    ],
    "StageSilent": [
        {'alpha_panda_stage_report_age_seconds{stage="account"}': "0+5x"},
        {"alpha_panda_loop_heartbeat_age_seconds": "0+5x"},
    ],
    "StageFailed": [{'alpha_panda_stage_phase{stage="account", phase="failed"}': "1"}],
    "StageWaiting": [{'alpha_panda_stage_phase{stage="account", phase="waiting"}': "1"}],
    "RecoveryLoop": [
        {'alpha_panda_recoveries_total{stage="account"}': "0+0.1x"},
        {f"process_start_time_seconds{ACCOUNT}": "1000+1x"},
    ],
    "TwoWriters": [
        {'alpha_panda_records_set_aside_total{stage="account", reason="stale_writer"}': f"{_LATE} 1"},
        {'alpha_panda_records_set_aside_total{stage="account", reason="stale_writer"}': f"1x{SCRAPES - 12} 2"},
    ],
    "CodeDiffers": [{'alpha_panda_build_info{instance="account:1", code_digest="b"}': "1"}],
    "NotReady": [{'alpha_panda_health_check{check="log"}': "0"}],
    "FeedStale": [{f"alpha_panda_feed_age_seconds{FEED}": "0+5x"}],
    "InstrumentSilent": [{f"alpha_panda_feed_oldest_instrument_age_seconds{FEED}": "0+5x"}],
    "FeedReconnects": [{f"alpha_panda_feed_reconnects_total{FEED}": "0+0.1x"}],
    "EventsKeptOut": [{f"alpha_panda_events_kept_out_total{FEED}": f"0x{SCRAPES - 12} 1"}],
    "TicksConflated": [{f"alpha_panda_ticks_conflated_total{FEED}": "0+100x"}],
    "EventLogErrors": [{'alpha_panda_event_log_errors_total{stage="account"}': f"_x{SCRAPES - 12} 1+1x"}],
    "LagGrows": [{'alpha_panda_lag_records{stage="account", topic="market.ticks", partition="0"}': "0+10x"}],
    "DeadLetters": [
        {'alpha_panda_dead_letters_total{topic="paper.signals.raw"}': f"{_LATE} 1"},
        {'alpha_panda_dead_letters_total{topic="paper.signals.raw"}': f"1x{SCRAPES - 12} 2"},
    ],
    "RecordsUndecodable": [
        {'alpha_panda_records_set_aside_total{stage="account", reason="undecodable"}': f"{_LATE} 1"},
        {'alpha_panda_records_set_aside_total{stage="account", reason="undecodable"}': f"1x{SCRAPES - 12} 2"},
    ],
    "SnapshotOld": [{'alpha_panda_snapshot_age_seconds{stage="account"}': "1000+5x"}],
    "StoreErrors": [{'alpha_panda_store_errors_total{stage="portfolio"}': "0+1x"}],
    "PortfolioBehind": [{'alpha_panda_lag_records{stage="portfolio", topic="paper.journal", partition="0"}': "2000"}],
    "KillEngaged": [{f'alpha_panda_account_state{OF_ACCOUNT[:-1]}, state="killed"}}': "1"}],
    "AccountHalted": [{f'alpha_panda_account_state{OF_ACCOUNT[:-1]}, state="halted"}}': "1"}],
    "AccountPaused": [{f'alpha_panda_account_state{OF_ACCOUNT[:-1]}, state="paused"}}': "1"}],
    "DayLossReduces": [{f"alpha_panda_day_loss_ratio{OF_ACCOUNT}": "0.025"}],
    "DayLossHalts": [{f"alpha_panda_day_loss_ratio{OF_ACCOUNT}": "0.03"}],
    "DrawdownNearLimit": [{f"alpha_panda_drawdown_ratio{OF_ACCOUNT}": "0.17"}],
    "RefusalsBurst": [{f'alpha_panda_decisions_total{OF_ACCOUNT[:-1]}, verdict="refused", code="price_age"}}': "0+2x"}],
    "WebDown": [{'up{job="web", instance="web:1", service="web"}': "0"}],
    "WebDefects": [{"alpha_panda_web_defects_total": f"0x{SCRAPES - 12} 1"}],
    "SignInsRefused": [
        {'alpha_panda_web_sign_ins_total{how="sign-in", outcome="throttled"}': "0+1x"},
        {'alpha_panda_web_sign_ins_total{how="sign-in by link", outcome="wrong_credentials"}': "0+1x"},
    ],
    "DiskFull": [{'node_filesystem_avail_bytes{mountpoint="/", fstype="ext4"}': "5"}],
    "ClockSkew": [
        {'node_timex_offset_seconds{instance="machine:1"}': "-0.3"},
        {'node_timex_sync_status{instance="machine:1"}': "0"},
    ],
    "OrdersSlow": [{'alpha_panda_tick_to_order_seconds_bucket{stage="account", le="0.1"}': "0+9x"}],
    "QueueFull": [{'alpha_panda_queue_depth{queue="frames"}': "90"}],
    "LogLinesDropped": [
        {'alpha_panda_log_lines_dropped_total{channel="application"}': "0+1x"},
        {'alpha_panda_web_log_lines_dropped_total{channel="api"}': "0+1x"},
    ],
}
"""What is measured otherwise where an alert must fire; each entry alone must make it."""

ENDED = {
    f"alpha_panda_feed_age_seconds{FEED}": "0+5x",
    f"alpha_panda_feed_oldest_instrument_age_seconds{FEED}": "0+5x",
    f"alpha_panda_stage_report_age_seconds{FEED}": "0+5x",
    f"alpha_panda_snapshot_age_seconds{FEED}": "0+5x",
    f'alpha_panda_stage_phase{FEED[:-1]}, phase="ended"}}': "1",
    f'alpha_panda_health_check{FEED[:-1]}, check="feed"}}': "0",
}
"""What is measured of a feed that came to its end twenty minutes ago."""

# A worse alert that the same measurements call for.
BESIDES = {"DayLossHalts": {"DayLossReduces"}}


def test_there_is_trouble_for_every_alert():
    assert set(TROUBLE) == {alert["alert"] for alert in alerts()}


@pytest.fixture(scope="module")
def promtool() -> str:
    path = shutil.which("promtool")
    if path is None:
        pytest.skip("needs promtool on the path, as Debian's package prometheus installs it")
    return path


def test_a_quiet_session_alerts_nobody(promtool: str, tmp_path: pathlib.Path):
    assert judged(promtool, tmp_path, [firing(QUIET, set())]) == ""


def test_a_session_that_has_ended_alerts_nobody(promtool: str, tmp_path: pathlib.Path):
    assert judged(promtool, tmp_path, [firing({**QUIET, **ENDED}, set())]) == ""


def test_each_trouble_fires_its_alert_and_no_other(promtool: str, tmp_path: pathlib.Path):
    cases = [
        firing({**QUIET, **measured}, {alert, *BESIDES.get(alert, ())})
        for alert, troubles in TROUBLE.items()
        for measured in troubles
    ]
    assert judged(promtool, tmp_path, cases) == ""


def firing(measured: dict[str, str], expected: set[str]) -> dict[str, Any]:
    """Return a test of promtool: what is measured, and the names of the alerts that fire at its end."""
    return {
        "interval": "5s",
        "input_series": [{"series": name, "values": spelt_out(values)} for name, values in measured.items()],
        "promql_expr_test": [
            {
                "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                "eval_time": f"{MINUTES}m",
                "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(expected)],
            }
        ],
    }


def spelt_out(values: str) -> str:
    """Return values in promtool's notation, the last of them going on until the end."""
    *before, last = values.split(" ")
    if last == "stale":
        return values
    rising = last if last.endswith("x") else f"{last}x"
    return " ".join([*before, f"{rising}{SCRAPES}"])


def judged(promtool: str, folder: pathlib.Path, cases: list[dict[str, Any]]) -> str:
    """Return what promtool finds wrong with these cases; nothing when all come out as expected."""
    path = folder / "cases.yml"
    rules = str(OBSERVABILITY / "alerts.yml")
    path.write_text(yaml.safe_dump({"rule_files": [rules], "evaluation_interval": "15s", "tests": cases}))
    answer = subprocess.run([promtool, "test", "rules", str(path)], check=False, capture_output=True, text=True)
    return "" if answer.returncode == 0 else answer.stdout + answer.stderr
