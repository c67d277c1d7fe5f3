"""Everything that a session does stands in the channel where it is looked for, joined by its ids."""

import pathlib

import pytest

from alpha_panda.errors import LogError
from alpha_panda.live import messages
from alpha_panda.live.observer import Inputs
from alpha_panda.live.watch.chronicle import Chronicle
from alpha_panda.live.watch.logs import CHANNELS, Logs
from alpha_panda.live.watch.metrics import Metrics
from alpha_panda.live.watch.redaction import Redaction
from tests.live.trading import blueprint
from tests.live.watching import CANARY, NOW_NS, Clocks, frame, lines, path_of_an_order, record, report, watched


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def metrics(clocks: Clocks) -> Metrics:
    return Metrics(clocks.monotonic, clocks.time_ns)


@pytest.fixture
def told() -> list[str]:
    """Return what a person at the terminal was told."""
    return []


@pytest.fixture
def opened(tmp_path: pathlib.Path, clocks: Clocks, metrics: Metrics, told: list[str]) -> Logs:
    """Return the logs of a process, to be entered."""
    return Logs(tmp_path / "logs", clocks.time_ns, "2026-11-20", metrics, Redaction([CANARY]), told.append, "debug")


def test_the_way_of_an_order_is_joined_by_its_ids(opened: Logs, clocks: Clocks, tmp_path: pathlib.Path):
    tick = frame()
    signal, *decided = path_of_an_order(tick)
    with opened:
        chronicle = Chronicle(opened, clocks.monotonic)
        chronicle.on_signals(1, [signal])
        chronicle.on_step(1, 1, decided)
    way = lines(tmp_path, "trading")
    assert [line["event"] for line in way] == ["trading_signal", "validated_signal", "order_placed", "order_filled"]
    assert [line["stage"] for line in way] == ["signals", "account", "account", "account"]
    assert {line["correlation_id"] for line in way} == {tick.id}
    assert [line["causation_id"] for line in way] == [tick.id, *(line["id"] for line in way[:-1])]
    assert [line["data"].get("order_id") for line in way] == [None, 7, 7, 7]
    assert way[-1]["data"]["charges"]["total_e4"] == 28


def test_everything_that_happens_stands_in_its_channel(opened: Logs, clocks: Clocks, tmp_path: pathlib.Path):
    with opened:
        chronicle = Chronicle(opened, clocks.monotonic)
        chronicle.on_began(blueprint())
        chronicle.on_recovered(blueprint(), blueprint().account_stage(), 9, 9, 9)
        chronicle.on_frame(41, 5, 2, NOW_NS)
        chronicle.on_frame(42, 5, 0, NOW_NS)
        chronicle.on_step(1, 1, (), Inputs(clocks.now_s - 1.5, 1_000, {}))
        chronicle.on_command(messages.Control("kill", "", "anand"), NOW_NS)
        for is_open in (False, True, True):
            chronicle.on_watched(watched(is_open, 0.1, 1.0))
        chronicle.on_gap(messages.Gap(0, NOW_NS, NOW_NS + 6_500_000_000))
        chronicle.on_gap(messages.Gap(738561, NOW_NS, NOW_NS + 61_000_000_000))
        chronicle.on_reconnected("the socket was closed")
        chronicle.on_conflated(17)
        chronicle.on_set_aside("account", record(), "duplicate")
        chronicle.on_dead_letter("market.ticks", "no message")
        chronicle.on_stage_recovered("account")
        chronicle.on_takeover("account", 0, 4)
        chronicle.on_snapshot("account")
        for phase in ("running", "running", "failed"):
            chronicle.on_report(report("account", phase))
        chronicle.on_log_error("account", LogError("no broker"))
        chronicle.on_store_error("portfolio", LogError("no server"))
        chronicle.on_health_check("log", False, "no broker")
        chronicle.on_feed_over(stopped=True)
    told = {name: [line["event"] for line in lines(tmp_path, name)] for name in CHANNELS}
    assert told == {
        "application": [
            *("the account goes on", "a record was set aside", "a record was given up: see alpha-panda dlq list"),
            *("a stage has recovered", "a snapshot was taken", "the feed was stopped"),
        ],
        "trading": [],
        "market_data": [
            *("events kept out", "the market is open", "the feed was silent", "the feed was silent"),
            *("the feed was connected anew", "ticks were given up for later ones"),
        ],
        "database": ["the event log failed", "the portfolio store failed"],
        "api": [],
        "audit": ["the process began", "a command was carried out", "a partition was taken over"],
        "performance": ["a step was slow"],
        "error": [
            *("a record was given up: see alpha-panda dlq list", "the event log failed", "the portfolio store failed"),
        ],
        "monitoring": ["a stage is running", "a stage is failed", "a health check fails: log"],
    }


def test_a_canary_reaches_no_file_and_no_person(
    opened: Logs, clocks: Clocks, metrics: Metrics, tmp_path: pathlib.Path, told: list[str]
):
    with opened:
        chronicle = Chronicle(opened, clocks.monotonic)
        chronicle.on_log_error("account", LogError(f"kafka://panda:{CANARY}@kafka refused {CANARY}"))
        chronicle.on_set_aside("account", record(), f"undecodable: {CANARY!r}")
        chronicle.on_dead_letter("market.ticks", CANARY)
        chronicle.on_report(report("account", "failed", CANARY))
        chronicle.on_command(messages.Control("kill", CANARY, CANARY), NOW_NS)
        metrics.on_log_error("account", LogError(CANARY))
    written = "".join(path.read_text() for path in (tmp_path / "logs").iterdir())
    assert written.count("[redacted]") >= 6
    assert CANARY not in written + "".join(told) + metrics.exposition()[1].decode()
