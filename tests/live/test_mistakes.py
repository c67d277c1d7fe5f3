"""What is set up wrongly stops the start with one sentence and an exit code, and spoils no later start."""

import asyncio
import contextlib
import pathlib
import shutil
import socket
import sqlite3
import urllib.parse

import msgspec
import pytest

from alpha_panda.errors import (
    AlphaPandaError,
    ConfigurationError,
    LogError,
    RecoveryError,
    StoreError,
    StrategyError,
    VersionError,
)
from alpha_panda.live.build import KAFKA, REDIS_URL
from alpha_panda.live.envelope import VERSION, decode, encode
from alpha_panda.live.log.base import NewRecord, Record
from alpha_panda.live.log.opening import SCHEMA_VERSION
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.session import Blueprint
from alpha_panda.live.topics import SESSIONS, Topic, market_ticks
from tests.kafka import free_port
from tests.live.mistaken import changed_profile, in_partitions, live, refused, trades_the_day
from tests.live.trading import (
    PAPER,
    records_of,
)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Return the state of a session that has come to its end, for tests to copy."""
    state = tmp_path_factory.mktemp("mistakes") / "day"
    assert live("--state", state).code == 0
    return state


@pytest.fixture
def state(day: pathlib.Path, tmp_path: pathlib.Path) -> pathlib.Path:
    """Return a copy of that state, for a test to go on with."""
    return shutil.copytree(day, tmp_path / "state")


def records_in(state: pathlib.Path) -> list[tuple[str, int, bytes]]:
    """Return every record that the embedded log in `state` holds, besides what stages say of themselves."""
    query = "SELECT topic, place, value FROM records JOIN partitions ON number = place >> 40 WHERE topic != 'stages'"
    with contextlib.closing(sqlite3.connect(state / "log.db")) as connection:
        return connection.execute(query).fetchall()


# ── What is named wrongly ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("address", "kind", "part"),
    [
        ("localhost", ConfigurationError, "'localhost' is no address of a Kafka broker"),
        ("redis://localhost:6379/0", ConfigurationError, "is no address of a Kafka broker"),
        ("no-such-host.invalid:9092", LogError, "no Kafka answers at no-such-host.invalid:9092"),
        ("127.0.0.1:99999", ConfigurationError, "'127.0.0.1:99999' is no address of a Kafka broker"),
        ("127.0.0.1:{free}", LogError, "no Kafka answers at 127.0.0.1:"),
        ("127.0.0.1:{redis}", LogError, "no Kafka answers at 127.0.0.1:"),
    ],
)
def test_a_wrong_kafka_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: pathlib.Path,
    redis_url: str,
    address: str,
    kind: type[AlphaPandaError],
    part: str,
):
    monkeypatch.setenv(KAFKA, address.format(free=free_port(), redis=urllib.parse.urlsplit(redis_url).port))
    refused(live("--state", tmp_path / "state"), kind, part, KAFKA)
    monkeypatch.delenv(KAFKA)
    trades_the_day(live("--state", tmp_path / "state"))


@pytest.mark.parametrize(
    ("address", "kind", "part"),
    [
        ("localhost:6379", ConfigurationError, "redis needs an address such as redis://localhost:6379/0"),
        ("redis://localhost:port/0", ConfigurationError, "redis needs an address such as redis://localhost:6379/0"),
        ("redis://:secret@no-such-host.invalid:6379/0", StoreError, "at no-such-host.invalid:6379"),
        ("redis://127.0.0.1:{free}/0", StoreError, "start Redis, or correct its address"),
        ("redis://{kafka}/0", StoreError, "start Redis, or correct its address"),
    ],
)
def test_a_wrong_redis_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: pathlib.Path,
    kafka: str,
    address: str,
    kind: type[AlphaPandaError],
    part: str,
):
    monkeypatch.setenv(REDIS_URL, address.format(free=free_port(), kafka=kafka))
    answer = live("--state", tmp_path / "state")
    refused(answer, kind, part)
    assert "secret" not in answer.complaint
    assert not (tmp_path / "state" / "log.db").exists()


def test_a_stage_that_there_is_not_is_refused(tmp_path: pathlib.Path):
    refused(
        live("--stages", "acount", "--state", tmp_path / "state"),
        ConfigurationError,
        "no stage acount",
        "did you mean 'account'?",
    )
    assert not (tmp_path / "state").exists()


def test_stages_cannot_work_apart_without_kafka(tmp_path: pathlib.Path):
    refused(live("--stages", "account", "--state", tmp_path / "state"), ConfigurationError, "meet in Kafka", KAFKA)
    assert not (tmp_path / "state").exists()


def test_a_port_that_is_taken_is_refused(tmp_path: pathlib.Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = live("--metrics-port", port, "--state", tmp_path / "state")
    refused(answer, ConfigurationError, f"metrics cannot be served at 127.0.0.1 port {port}", "--metrics-port")
    trades_the_day(live("--state", tmp_path / "state"))


def test_a_state_folder_that_cannot_be_written_is_refused(tmp_path: pathlib.Path):
    """A file in the folder's place: whoever runs the tests may be allowed to write to every folder."""
    (tmp_path / "file").touch()
    refused(live("--state", tmp_path / "file" / "state"), ConfigurationError, "cannot be kept in", "Not a directory")


# ── What does not go together ────────────────────────────────────────────────────────────────────────────────────────


def test_a_strategy_that_ranks_is_refused_where_instruments_are_kept_apart(tmp_path: pathlib.Path):
    ranking = (
        ('strategy = "mean_reversion"', 'strategy = "rank_momentum"'),
        ("parameters = { allow_short = 1 }", "parameters = { lookback = 3, rebalance = 2, top = 1 }"),
    )
    answer = live(changed_profile(tmp_path, in_partitions(3), *ranking), "--state", tmp_path / "state")
    refused(answer, ConfigurationError, "mean_reversion ranks all instruments", "set log.partitions = 1")
    assert not (tmp_path / "state").exists()


def test_a_strategy_that_there_is_not_is_refused_before_anything_is_written(tmp_path: pathlib.Path):
    profile = changed_profile(tmp_path, ('strategy = "momentum"', 'strategy = "momentun"'))
    refused(live(profile, "--state", tmp_path / "state"), StrategyError, "momentun", "did you mean 'momentum'?")
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (("capital = 1_000_000", "capital = 2_000_000"), "account.capital_e4 = 10000000000, not 20000000000"),
        (("seed = 1", "seed = 2"), "the feed a synthetic day, 2026-11-20 of seed 1, not"),
        (in_partitions(3), "log.partitions = 1, not 3"),
    ],
)
def test_a_session_of_another_profile_is_refused(
    tmp_path: pathlib.Path, state: pathlib.Path, change: tuple[str, str], part: str
):
    before = records_in(state)
    refused(live(changed_profile(tmp_path, change), "--state", state), RecoveryError, part, "another state directory")
    assert records_in(state) == before
    trades_the_day(live("--state", state))


def test_a_session_of_other_instruments_is_refused(state: pathlib.Path):
    before = records_in(state)
    answer = live("--instruments", "SIM:PANDA", "--state", state)
    refused(answer, RecoveryError, "instruments", "SIM:TIGER", "another state directory")
    assert records_in(state) == before


# ── What has changed since ───────────────────────────────────────────────────────────────────────────────────────────


def test_changed_strategies_do_not_go_on_from_what_others_remembered(
    state: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    before = records_in(state)
    monkeypatch.setattr(Blueprint, "code_digest", "another")
    refused(live("--state", state), RecoveryError, "kernels or strategies have changed", "give --redo")
    assert records_in(state) == before
    trades_the_day(live("--redo", "--state", state))


def test_a_strategy_that_decides_otherwise_does_not_do_a_session_again(tmp_path: pathlib.Path, state: pathlib.Path):
    """What the strategy wants is halved: --redo finds the first signal that would have been another."""
    profile, before = changed_profile(tmp_path), records_in(state)
    strategy = tmp_path / "strategies" / "momentum.py"
    strategy.write_text(strategy.read_text().replace("return float(", "return 0.5 * float("))
    refused(live(profile, "--state", state), RecoveryError, "kernels or strategies have changed", "give --redo")
    answer = live(profile, "--redo", "--state", state)
    refused(answer, RecoveryError, "doing its work again does not give what is on its log", "data.target is 1.0")
    assert records_in(state) == before
    trades_the_day(live("--state", state))


def test_a_log_file_of_a_later_version_is_refused(state: pathlib.Path):
    with contextlib.closing(sqlite3.connect(state / "log.db")) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    refused(live("--state", state), LogError, f"has schema version {SCHEMA_VERSION + 1} and this program knows")


WRITTEN_ON = (market_ticks(), PAPER.signals_raw, PAPER.journal, PAPER.snapshots, PAPER.signals_snapshots)
"""Topics from whose ends a session goes on."""


@pytest.mark.parametrize("topic", WRITTEN_ON, ids=lambda topic: topic.name)
def test_a_session_that_a_later_version_went_on_with_is_refused(state: pathlib.Path, topic: Topic):
    asyncio.run(write_later(state, topic, 1))
    before = records_in(state)
    refused(live("--state", state), VersionError, f"topic {topic.name}", f"has version {VERSION + 1}", "or a later one")
    # What stages began to write before another one failed says nothing, and is no hindrance to the later version.
    written = [Record(name, 0, 0, b"", value) for name, _, value in set(records_in(state)) - set(before)]
    assert all(decode(record).type == "writer_began" for record in written)


def test_a_session_that_a_later_version_began_is_refused(state: pathlib.Path, tmp_path: pathlib.Path):
    asyncio.run(write_later(state, SESSIONS, 0, tmp_path / "later"))
    answer = live("--state", tmp_path / "later")
    refused(answer, VersionError, f"topic sessions partition 0 offset 0 has version {VERSION + 1}")
    assert len(records_in(tmp_path / "later")) == 1


async def write_later(state: pathlib.Path, topic: Topic, ahead: int, to: pathlib.Path | None = None) -> None:
    """Write the last record of a topic as one of a later version, whose sequence is so many ahead."""
    async with SqliteLog(state) as log:
        last = (await records_of(log, topic))[-1]
    message = decode(last)
    fields = msgspec.msgpack.decode(encode(message.stamped(message.epoch, message.sequence + ahead)))
    fields[2] = VERSION + 1
    async with SqliteLog(to or state) as log:
        await log.append([NewRecord(topic, 0, last.key, msgspec.msgpack.encode([*fields, "what is new"]))])
