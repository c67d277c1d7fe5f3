"""Each channel is a file of JSON lines; what must not be lost is not, and no secret reaches any of them."""

import errno
import json
import logging
import os
import pathlib
import stat
from collections.abc import Iterator

import pytest
import structlog

from alpha_panda.errors import ConfigurationError, LogError
from alpha_panda.live import logfiles, logs, messages
from alpha_panda.live.chronicle import Chronicle
from alpha_panda.live.logfiles import LogFile, Retention
from alpha_panda.live.logs import CHANNELS, Logs
from alpha_panda.live.metrics import Metrics
from alpha_panda.live.observer import Inputs
from alpha_panda.live.redaction import Redaction
from alpha_panda.units import DAY_NS
from tests.live.test_metrics import sampled
from tests.live.trading import blueprint
from tests.live.watching import NOW_NS, Clocks, frame, path_of_an_order, record, report, watched

CANARY = "c4n4ry-S3cret-value"


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


def lines(folder: pathlib.Path, channel: str) -> list[dict]:
    path = folder / "logs" / f"{channel}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


# ── Lines ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_line_says_when_what_and_in_which_context(opened: Logs, tmp_path: pathlib.Path):
    with opened, structlog.contextvars.bound_contextvars(stage="account"):
        opened.channel("application").info("recovered", frames=7)
    assert lines(tmp_path, "application") == [
        {
            "time": "2025-11-21T10:15:00.000000+05:30",
            "time_ns": NOW_NS,
            "level": "info",
            "channel": "application",
            "event": "recovered",
            "stage": "account",
            "session": "2026-11-20",
            "frames": 7,
        }
    ]


def test_a_channel_in_which_nothing_was_said_has_no_file(opened: Logs, tmp_path: pathlib.Path):
    with opened:
        opened.channel("audit").info("began")
    assert [path.name for path in (tmp_path / "logs").iterdir()] == ["audit.jsonl"]


def test_nobody_else_may_read_the_files(opened: Logs, tmp_path: pathlib.Path):
    with opened:
        opened.channel("trading").info("order_placed")
    assert stat.S_IMODE((tmp_path / "logs").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "logs" / "trading.jsonl").stat().st_mode) == 0o600


def test_every_error_stands_in_the_channel_of_errors_too(opened: Logs, tmp_path: pathlib.Path):
    with opened:
        opened.channel("database").error("the event log failed")
        opened.channel("database").warning("slow")
    assert [line["event"] for line in lines(tmp_path, "database")] == ["the event log failed", "slow"]
    assert lines(tmp_path, "error") == lines(tmp_path, "database")[:1]


def test_an_exception_is_written_on_one_line(opened: Logs, tmp_path: pathlib.Path):
    with opened:
        try:
            raise LogError(f"no broker answers {CANARY}")
        except LogError:
            opened.channel("application").exception("failed")
    (line,) = lines(tmp_path, "application")
    assert line["exception"].startswith(r"Traceback (most recent call last):\n")
    assert "no broker answers [redacted]" in line["exception"]


def test_what_libraries_log_stands_in_the_application_channel(opened: Logs, tmp_path: pathlib.Path, told: list[str]):
    with opened:
        logging.getLogger("aiokafka.client").warning("no broker at %s", f"kafka:{CANARY}")
        logging.getLogger("redis").info("connected")
    logging.getLogger("aiokafka.client").warning("after the end")
    (line,) = lines(tmp_path, "application")
    assert (line["library"], line["level"]) == ("aiokafka.client", "warning")
    assert line["event"] == "no broker at kafka:[redacted]"
    assert told == [], "what a library says is for the file"


def test_nothing_below_the_level_is_written(tmp_path: pathlib.Path, clocks: Clocks, metrics: Metrics):
    with Logs(tmp_path / "logs", clocks.time_ns, "a test", metrics, Redaction([]), level="warning") as opened:
        opened.channel("application").info("quiet")
    assert lines(tmp_path, "application") == []


def test_a_level_that_there_is_not_is_refused(tmp_path: pathlib.Path, clocks: Clocks, metrics: Metrics):
    with pytest.raises(ConfigurationError, match="'loud' is not a level of logs: choose one of debug, info"):
        Logs(tmp_path, clocks.time_ns, "a test", metrics, Redaction([]), level="loud")


def test_a_person_is_told_of_a_warning_once_in_ten_seconds(opened: Logs, clocks: Clocks, told: list[str]):
    with opened:
        for _ in range(12):
            opened.channel("database").warning("the log is away", stage="account", password=CANARY)
            opened.channel("database").info("quiet")
            clocks.now_s += 1.0
    assert told == [
        "10:15:00 [warning] the log is away stage=account password=[redacted]",
        "10:15:10 [warning] the log is away stage=account password=[redacted]",
    ]


def test_no_line_can_be_forged(opened: Logs, tmp_path: pathlib.Path, told: list[str]):
    with opened:
        opened.channel("audit").warning("began\n{}", who='x"}\n{"event": "forged"}\x1b[2J')
    assert len(lines(tmp_path, "audit")) == 1
    assert "\x1b" not in (tmp_path / "logs" / "audit.jsonl").read_text()
    assert len(told) == 1
    assert told[0].isprintable()


def test_lines_are_counted(opened: Logs, metrics: Metrics):
    with opened:
        opened.channel("audit").info("one")
        opened.channel("audit").info("two")
    assert sampled(metrics)["alpha_panda_log_lines_total", "audit", "info"] == 2
    assert sampled(metrics)["alpha_panda_queue_capacity", "logs"] == logs.CAPACITY


# ── When the disk cannot keep up ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """Return a switch of the disk: as long as it is set, there is no room."""
    full, write = [True], LogFile.write

    def written(self: LogFile, line: bytes) -> None:
        if full[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(self, line)

    monkeypatch.setattr(LogFile, "write", written)
    monkeypatch.setattr(logs, "_RETRY_S", 0.01)
    return full


def test_lines_are_dropped_and_counted_except_those_of_trading_and_audit(
    opened: Logs, metrics: Metrics, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, full_disk: list[bool]
):
    monkeypatch.setattr(logs, "CAPACITY", 50)
    with opened:
        opened.channel("trading").info("order_placed", number=0)  # which the thread goes on trying to write
        while not sampled(metrics).get(("alpha_panda_log_lines_total", "trading", "info")):
            pass
        for number in range(1, 100):
            opened.channel("performance").info("slow", number=number)
            opened.channel("trading").info("order_placed", number=number)
        full_disk[0] = False
    assert [line["number"] for line in lines(tmp_path, "trading")] == list(range(100))
    assert [line["number"] for line in lines(tmp_path, "performance")] == list(range(1, 26))
    assert sampled(metrics)["alpha_panda_log_lines_dropped_total", "performance"] == 74
    assert ("alpha_panda_log_lines_dropped_total", "trading") not in sampled(metrics)


def test_what_could_not_be_written_until_the_end_is_told(
    opened: Logs, metrics: Metrics, told: list[str], full_disk: list[bool]
):
    with opened:
        opened.channel("audit").info("began")
        opened.channel("application").info("began")
    assert "1 lines of trading or audit could not be written to" in told[-1]
    assert any("No space left on device" in line for line in told)
    assert sampled(metrics)["alpha_panda_log_lines_dropped_total", "audit"] == 1
    assert sampled(metrics)["alpha_panda_log_lines_dropped_total", "application"] == 1


def test_half_a_line_does_not_spoil_the_next(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, clocks: Clocks):
    file = LogFile(tmp_path, "trading", Retention(1), clocks.time_ns)
    file.write(b'{"number": 1}\n')
    write = os.write

    def half(descriptor: int, line: bytes) -> int:
        write(descriptor, line[:5])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", half)
        with pytest.raises(OSError, match="No space left"):
            file.write(b'{"number": 2}\n')
    file.write(b'{"number": 3}\n')
    file.close()
    assert (tmp_path / "trading.jsonl").read_text() == '{"number": 1}\n{"number": 3}\n'


def test_a_folder_that_cannot_be_is_said_in_a_sentence(tmp_path: pathlib.Path, clocks: Clocks, metrics: Metrics):
    (tmp_path / "state").write_text("a file")
    with (
        pytest.raises(ConfigurationError, match=r"logs cannot be kept in .*: Not a directory"),
        Logs(tmp_path / "state" / "logs", clocks.time_ns, "a test", metrics, Redaction([])),
    ):
        pass


# ── Files ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def finished(folder: pathlib.Path) -> list[str]:
    return sorted(path.name for path in folder.glob("trading.*.jsonl"))


def test_a_large_file_is_begun_anew(tmp_path: pathlib.Path, clocks: Clocks, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(logfiles, "FILE_BYTES", 100)
    file = LogFile(tmp_path, "trading", Retention(365, kept=True), clocks.time_ns)
    for number in range(12):
        clocks.now_s += 1.0
        file.write(b"%039d\n" % number)
    file.close()
    assert len(finished(tmp_path)) == 5
    everything = "".join((tmp_path / name).read_text() for name in [*finished(tmp_path), "trading.jsonl"])
    assert [int(line) for line in everything.split()] == list(range(12))


def test_of_what_may_be_lost_only_the_latest_files_are_kept(
    tmp_path: pathlib.Path, clocks: Clocks, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(logfiles, "FILE_BYTES", 10)
    for kept in (False, True):
        file = LogFile(tmp_path / str(kept), "trading", Retention(365, kept), clocks.time_ns)
        (tmp_path / str(kept)).mkdir()
        for number in range(20):
            clocks.now_s += 1.0
            file.write(b"%09d\n" % number)
        file.close()
    assert [len(finished(tmp_path / str(kept))) for kept in (False, True)] == [8, 19]


def test_a_file_is_begun_anew_each_day_and_deleted_in_the_end(tmp_path: pathlib.Path, clocks: Clocks):
    file = LogFile(tmp_path, "trading", Retention(7, kept=True), clocks.time_ns)
    for _ in range(12):
        file.write(b"{}\n")
        clocks.now_s += DAY_NS / 1e9
    file.close()
    oldest_ns = clocks.time_ns() - 8 * DAY_NS  # it was finished seven days before the last line was written
    assert finished(tmp_path)[0] == f"trading.{oldest_ns}.jsonl"


def test_a_file_of_the_day_before_is_finished_when_the_process_begins(tmp_path: pathlib.Path, clocks: Clocks):
    (tmp_path / "trading.jsonl").write_text("{}\n")
    os.utime(tmp_path / "trading.jsonl", ns=(NOW_NS - DAY_NS, NOW_NS - DAY_NS))
    file = LogFile(tmp_path, "trading", Retention(7), clocks.time_ns)
    file.write(b"{}\n")
    file.close()
    assert finished(tmp_path) == [f"trading.{NOW_NS}.jsonl"]


def test_processes_that_share_a_state_directory_do_not_share_files(
    tmp_path: pathlib.Path, clocks: Clocks, metrics: Metrics, opened: Logs
):
    with opened, Logs(tmp_path / "logs", clocks.time_ns, "2026-11-20", metrics, Redaction([])) as other:
        opened.channel("audit").info("first")
        other.channel("audit").info("second")
    with Logs(tmp_path / "logs", clocks.time_ns, "2026-11-20", metrics, Redaction([])) as again:
        again.channel("audit").info("third")
    written = {name: "".join(path.read_text() for path in (tmp_path / name).iterdir()) for name in ("logs", "logs-2")}
    assert [word in written["logs"] for word in ("first", "second", "third")] == [True, False, True]
    assert "second" in written["logs-2"]


# ── What a session did ───────────────────────────────────────────────────────────────────────────────────────────────


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
        chronicle.on_gap(messages.Gap(0, 1, 2))
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
            *("events kept out", "the market is open", "the feed was silent", "the feed was connected anew"),
            "ticks were given up for later ones",
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
