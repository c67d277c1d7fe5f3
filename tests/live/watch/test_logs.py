"""Each channel is a file of JSON lines; what must not be lost is not, and no secret reaches any of them."""

import errno
import logging
import os
import pathlib
import stat
from collections.abc import Iterator

import pytest
import structlog

from alpha_panda.errors import ConfigurationError, LogError
from alpha_panda.live.watch import logs
from alpha_panda.live.watch.logfiles import LogFile
from alpha_panda.live.watch.logs import Logs
from alpha_panda.live.watch.metrics import Metrics
from alpha_panda.live.watch.redaction import Redaction
from tests.live.watching import CANARY, NOW_NS, Clocks, lines, sampled


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
        logging.getLogger("kiteconnect.ticker").warning("no broker at %s", f"kafka:{CANARY}")
        logging.getLogger("redis").info("connected")
    logging.getLogger("kiteconnect.ticker").warning("after the end")
    (line,) = lines(tmp_path, "application")
    assert (line["library"], line["level"]) == ("kiteconnect.ticker", "warning")
    assert line["event"] == "no broker at kafka:[redacted]"
    assert told == [], "what a library says is for the file"


class Unspeakable:
    """Something that has no words."""

    def __str__(self) -> str:
        raise KeyError("no words")


def test_a_line_that_cannot_be_written_costs_none_behind_it(opened: Logs, metrics: Metrics, tmp_path: pathlib.Path):
    with opened:
        opened.channel("trading").info("order_placed", data=Unspeakable())
        opened.channel("trading").info("order_filled")
        while len(lines(tmp_path, "trading")) < 1:
            pass
    assert [line["event"] for line in lines(tmp_path, "trading")] == ["order_filled"]
    (lost,) = lines(tmp_path, "application")
    assert lost["event"] == "a line of trading is lost"
    assert "KeyError: 'no words'" in lost["exception"]
    assert sampled(metrics)["alpha_panda_log_lines_dropped_total", "trading"] == 1


@pytest.mark.parametrize(("level", "name"), [(30, "warning"), (35, "warning"), (40, "error"), (99, "critical")])
def test_levels_of_libraries_are_those_of_the_platform(opened: Logs, tmp_path: pathlib.Path, level: int, name: str):
    with opened:
        logging.getLogger("kiteconnect").log(level, "no broker")
    assert [line["level"] for line in lines(tmp_path, "application")] == [name]


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


def test_a_person_is_told_of_each_command_however_soon_it_follows_another(opened: Logs, told: list[str]):
    with opened:
        for command in ("pause", "kill"):
            opened.channel("audit").warning("a command was carried out", data=command)
    assert [line.rpartition("data=")[2] for line in told] == ["pause", "kill"]


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


def test_a_folder_that_cannot_be_is_said_in_a_sentence(tmp_path: pathlib.Path, clocks: Clocks, metrics: Metrics):
    (tmp_path / "state").write_text("a file")
    with (
        pytest.raises(ConfigurationError, match=r"logs cannot be kept in .*: (Not a directory|File exists)"),
        Logs(tmp_path / "state" / "logs", clocks.time_ns, "a test", metrics, Redaction([])),
    ):
        pass


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
