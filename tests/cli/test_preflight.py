"""`alpha-panda doctor --state --profile`: whether a session can start, without touching anything."""

import asyncio
import datetime
import os
import pathlib
import time
from collections.abc import Sequence

import msgspec
import pytest

from alpha_panda.cli import preflight
from alpha_panda.cli.findings import Finding, Verdict, examined
from alpha_panda.cli.preflight import Preflight
from alpha_panda.config import profile_tables
from alpha_panda.database import DATABASE_URL, open_database
from alpha_panda.live.build import KAFKA, REDIS_URL
from alpha_panda.live.control.killswitch import KillSwitch
from alpha_panda.live.envelope import VERSION
from alpha_panda.live.log.base import NewRecord
from alpha_panda.live.log.kafka_topics import KafkaTopics
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.topics import Topic, market_ticks, topics_of_session
from alpha_panda.units import SECOND_NS, ist_time_ns
from tests.cli.conftest import ROOT, Command, WrittenProfile
from tests.redis_server import RedisServer, free_port

FRIDAY = datetime.date(2026, 11, 20)


@pytest.fixture
def began(command: Command, catalog: pathlib.Path, profile: WrittenProfile, tmp_path: pathlib.Path) -> pathlib.Path:
    """Return the directory of a session that was traded to its end with tmp_path/profile.toml."""
    replay = ("--feed", "replay", "--data", catalog, "--resolution", "1m", "--speed", "max")
    assert command("live", profile(), *replay, "--state", tmp_path / "state", "--json").code == 0
    return tmp_path / "state"


@pytest.fixture(autouse=True)
def _nothing_configured(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(KAFKA, raising=False)
    monkeypatch.delenv(REDIS_URL, raising=False)


def found(state: pathlib.Path, check: str, date: datetime.date = FRIDAY) -> Finding:
    """Return what one check finds at noon of a day, with the profile that lies beside `state`."""
    checks = Preflight(state, state.parent / "profile.toml", lambda: ist_time_ns(date, 12 * 3600 * SECOND_NS)).checks()
    return examined(checks[check])


def verdicts(command: Command, state: pathlib.Path) -> dict[str, str]:
    answer = command("doctor", "--state", state, "--profile", state.parent / "profile.toml", "--json")
    return {check["check"]: check["verdict"] for check in answer.json["checks"]}


# ── All is well ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_session_that_can_go_on_passes_every_check(command: Command, began: pathlib.Path):
    before = verdicts(command, began)
    # Whether today is a day of trading, how full this disk is, and who is told of alarms, is not this session's fault.
    others = ("calendar", "room", "packages", "alarms")
    assert {verdict for check, verdict in before.items() if check not in others} == {"ok"}
    answer = command("doctor", "--state", began, "--profile", began.parent / "profile.toml")
    assert answer.code == 0
    assert "can be loaded; the kernels are" in answer.output


def test_nothing_is_changed_and_nothing_is_made(command: Command, began: pathlib.Path, profile: WrittenProfile):
    def contents(folder: pathlib.Path) -> dict[str, bytes]:
        # A reader of SQLite keeps a note of itself beside the log, of which no byte is the log's.
        files = [path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".db-shm", ".db-wal")]
        return {str(path): path.read_bytes() for path in files}

    before = contents(began)
    verdicts(command, began)
    assert contents(began) == before
    verdicts(command, began.parent / "new" / "state")
    assert not (began.parent / "new").exists()


def test_a_profile_alone_can_be_checked_for_a_session_that_has_no_folder_yet(
    command: Command, profile: WrittenProfile, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
):
    monkeypatch.chdir(tmp_path)
    checks = command("doctor", "--profile", profile(), "--json").json["checks"]
    details = {check["check"]: check["detail"] for check in checks}
    assert details["session"] == "a new one will begin"
    assert "will be made" in details["state folder"]
    assert not (tmp_path / "live").exists()


# ── What it runs ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_profile_that_says_what_cannot_be_fails(profile: WrittenProfile, tmp_path: pathlib.Path):
    profile(risk="no_such_limit = 1")
    finding = found(tmp_path / "state", "profile")
    assert finding.verdict is Verdict.FAIL
    assert "profile.toml: unknown key risk.no_such_limit" in finding.detail


def test_a_strategy_that_is_gone_fails(profile: WrittenProfile, tmp_path: pathlib.Path):
    profile(strategy='"no_such_strategy"')
    assert found(tmp_path / "state", "profile").verdict is Verdict.FINE
    finding = found(tmp_path / "state", "code")
    assert finding.verdict is Verdict.FAIL
    assert "no_such_strategy" in finding.detail


def test_blocks_that_would_have_to_be_compiled_are_warned_about(profile: WrittenProfile, tmp_path: pathlib.Path):
    """Machine code is kept under a hash of what the strategy does: one that nobody ever ran has none."""
    changed = tmp_path / "own_cross.py"
    text = (ROOT / "strategies" / "sma_cross.py").read_text()
    changed.write_text(text.replace("fast > slow", f"fast > slow + {time.time_ns()}e-30"))
    profile(strategy=f'"{changed}"')
    finding = found(tmp_path / "state", "compiled")
    assert finding.verdict is Verdict.WARN
    assert "of 3 blocks are not compiled yet" in finding.detail


def test_another_profile_than_the_sessions_fails(began: pathlib.Path, profile: WrittenProfile):
    profile(risk="positions = 3")
    finding = found(began, "session")
    assert finding.verdict is Verdict.FAIL
    assert "the session was begun with risk.positions_max = 10, not 3" in finding.detail


def test_other_code_than_the_sessions_fails(
    command: Command, catalog: pathlib.Path, profile: WrittenProfile, tmp_path: pathlib.Path
):
    strategy = tmp_path / "own_cross.py"
    strategy.write_text((ROOT / "strategies" / "sma_cross.py").read_text())
    path = profile(strategy=f'"{strategy}"')
    replay = ("--feed", "replay", "--data", catalog, "--resolution", "1m", "--speed", "max")
    command("live", path, *replay, "--state", tmp_path / "state", "--json")
    assert found(tmp_path / "state", "session").verdict is Verdict.FINE
    strategy.write_text(strategy.read_text().replace("fast > slow", "fast < slow"))
    finding = found(tmp_path / "state", "session")
    assert finding.verdict is Verdict.FAIL
    assert "kernels or strategies have changed" in finding.detail


# ── Where it is kept ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_folder_that_others_may_look_into_is_warned_about(began: pathlib.Path):
    assert found(began, "state folder").verdict is Verdict.FINE
    began.chmod(0o750)
    assert found(began, "state folder") == Finding(
        Verdict.WARN, f"others on this machine may look into {began}, its mode is 750: chmod 700 {began}"
    )


def test_a_file_in_the_place_of_the_folder_fails(profile: WrittenProfile):
    path = profile()
    for state in (path, path / "state"):
        assert examined(Preflight(state, path, time.time_ns).checks()["state folder"]) == Finding(
            Verdict.FAIL, f"{path} is no folder in which you may write: name another --state, or correct its rights"
        )


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing forbids the superuser to write")
def test_a_folder_that_cannot_be_written_fails(began: pathlib.Path):
    began.chmod(0o500)
    assert found(began, "state folder").verdict is Verdict.FAIL


@pytest.mark.parametrize(("free", "verdict"), [(10**8, Verdict.FAIL), (10**9, Verdict.WARN), (10**11, Verdict.FINE)])
def test_a_disk_that_is_full_fails(
    free: int, verdict: Verdict, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
):
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda path: _Usage(free, path))
    assert found(tmp_path / "not" / "there", "room").verdict is verdict


class _Usage:
    def __init__(self, free: int, path: pathlib.Path) -> None:
        assert path.exists(), "only what there is has a disk"
        self.free = free


async def test_a_log_that_another_process_writes_fails(began: pathlib.Path):
    async with SqliteLog(began):
        finding = found(began, "event log")
        assert finding.verdict is Verdict.FAIL
        assert f"is in use by process {os.getpid()}: stop it first, or name another --state" in finding.detail
    assert found(began, "event log").verdict is Verdict.FINE


def test_a_damaged_log_fails(began: pathlib.Path):
    (began / "log.db").write_bytes(b"no database at all" * 100)
    assert found(began, "session").verdict is found(began, "messages").verdict is Verdict.FAIL


def append(state: pathlib.Path, value: bytes) -> None:
    async def appended() -> None:
        async with SqliteLog(state) as log:
            await log.append([NewRecord(market_ticks(), 0, b"", value)])

    asyncio.run(appended())


def test_messages_of_a_later_program_fail(began: pathlib.Path):
    append(began, b"\xc1 poison is no message of any version")
    assert found(began, "messages").verdict is Verdict.FINE
    append(began, msgspec.msgpack.encode(["id", "type", VERSION + 1, "whatever comes then"]))
    finding = found(began, "messages")
    assert finding.verdict is Verdict.FAIL
    assert f"messages of version {VERSION + 1} and this program knows {VERSION}: run a later one" in finding.detail


def test_a_kafka_that_does_not_answer_fails(profile: WrittenProfile, monkeypatch: pytest.MonkeyPatch):
    state = profile().parent / "state"
    monkeypatch.setenv(KAFKA, f"127.0.0.1:{free_port()}")
    for check in ("event log", "session", "messages"):
        finding = found(state, check)
        assert finding.verdict is Verdict.FAIL
        assert "no Kafka answers at" in finding.detail


def test_the_topics_of_a_session_are_compared_on_kafka(
    kafka: str, command: Command, profile: WrittenProfile, monkeypatch: pytest.MonkeyPatch
):
    """A missing topic, one with too many partitions, and then all as it should be; the folder's name is the session."""
    state = profile().parent / "preflight"
    monkeypatch.setenv(KAFKA, kafka)
    topics = topics_of_session(["paper"])
    assert "topic preflight.market.ticks is missing (and 24 more)" in found(state, "event log").detail
    asyncio.run(create(kafka, [market_ticks(2), *topics[1:]]))
    finding = found(state, "event log")
    assert finding.verdict is Verdict.FAIL
    assert "topic preflight.market.ticks has 2 partitions instead of 1: make missing ones with" in finding.detail
    state = state.with_name("preflight2")
    asyncio.run(create(kafka, topics, state.name))
    assert {check: found(state, check).verdict for check in ("event log", "session", "messages")} == {
        "event log": Verdict.FINE,
        "session": Verdict.FINE,
        "messages": Verdict.FINE,
    }


async def create(address: str, topics: Sequence[Topic], session: str = "preflight") -> None:
    async with KafkaTopics(address) as broker:
        await broker.create(session, topics)


# ── When it runs ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("ahead_s", "verdict"),
    [(0.0, Verdict.FINE), (1.0, Verdict.WARN), (-1.0, Verdict.WARN), (3.0, Verdict.FAIL), (-3.0, Verdict.FAIL)],
)
def test_a_clock_that_is_wrong_is_seen(
    ahead_s: float, verdict: Verdict, redis_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
):
    monkeypatch.setenv(REDIS_URL, redis_url)
    checks = Preflight(tmp_path, tmp_path, lambda: time.time_ns() + round(ahead_s * SECOND_NS)).checks()
    finding = examined(checks["clock"])
    assert finding.verdict is verdict
    assert "s from that of the Redis server" in finding.detail


def test_a_slow_answer_is_no_wrong_clock(redis_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path):
    """The server's time lies between what we read before and what we read after, ten seconds later."""
    monkeypatch.setenv(REDIS_URL, redis_url)
    readings = iter([time.time_ns() - 5 * SECOND_NS, time.time_ns() + 5 * SECOND_NS])
    assert examined(Preflight(tmp_path, tmp_path, lambda: next(readings)).checks()["clock"]).verdict is Verdict.FINE


def test_a_redis_that_says_nothing_fails_and_is_not_waited_for(
    redis_server: RedisServer, command: Command, monkeypatch: pytest.MonkeyPatch, profile: WrittenProfile
):
    state = profile().parent / "state"
    monkeypatch.setenv(REDIS_URL, redis_server.url)
    monkeypatch.setattr(preflight, "_ANSWER_S", 0.2)
    redis_server.pause()
    assert found(state, "clock").verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("date", "verdict", "said"),
    [
        (FRIDAY, Verdict.FINE, "2026-11-20 is a session"),
        (datetime.date(2026, 11, 21), Verdict.WARN, "no day of trading (weekend)"),
        (datetime.date(2026, 1, 26), Verdict.WARN, "no day of trading (holiday, Republic Day)"),
        (datetime.date(2035, 1, 1), Verdict.FAIL, "2035-01-01 is not among those days"),
    ],
)
def test_a_day_without_trading_is_seen(date: datetime.date, verdict: Verdict, said: str, tmp_path: pathlib.Path):
    finding = found(tmp_path / "state", "calendar", date)
    assert finding.verdict is verdict
    assert said in finding.detail


def test_a_latch_that_somebody_engaged_fails(profile: WrittenProfile, tmp_path: pathlib.Path):
    profile()
    state = tmp_path / "state"
    assert found(state, "kill latch").verdict is Verdict.FINE
    state.mkdir()
    KillSwitch(state, lambda: 0.0).engage("anand", "prices made no sense", ist_time_ns(FRIDAY))
    finding = found(state, "kill latch")
    assert finding.verdict is Verdict.FAIL
    assert "anand stopped all trading on 2026-11-20 at 00:00:00 IST, prices made no sense" in finding.detail


def test_a_latch_of_which_only_the_file_is_known_fails_as_well(profile: WrittenProfile, tmp_path: pathlib.Path):
    profile()
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "kill").touch()
    assert found(tmp_path / "state", "kill latch").verdict is Verdict.FAIL


# ── What operators set ───────────────────────────────────────────────────────────────────────────────────────────────


def test_what_the_database_tells_strategies_is_named_and_what_no_session_can_begin_with_fails(
    profile: WrittenProfile, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    url, path = f"sqlite:///{tmp_path}/alpha_panda.db", profile()
    monkeypatch.setenv(DATABASE_URL, url)
    (own,) = profile_tables(path)["strategies"]

    async def set_terms(**changes: object) -> None:
        async with open_database(url) as database:
            await database.strategies.set(own["name"], {**own, **changes}, "asha@desk", "", 1)

    asyncio.run(set_terms(interval="5m"))
    fine = found(tmp_path / "state", "profile")
    assert (fine.verdict, fine.detail.endswith(f"; version 1 of {own['name']} is the database's")) == (
        Verdict.FINE,
        True,
    )
    asyncio.run(set_terms(capital=10**9))
    broken = found(tmp_path / "state", "profile")
    assert (broken.verdict, "more capital than the account has" in broken.detail) == (Verdict.FAIL, True)
