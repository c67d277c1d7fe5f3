"""`alpha-panda dlq`: letters are counted, shown whole, and put back when one says so."""

import asyncio
import pathlib
from collections.abc import Sequence

import numpy as np
import pytest

from alpha_panda.errors import CorruptRecordError
from alpha_panda.kernels.records import EVENT, TICK
from alpha_panda.live.dead_letters import DeadLetters
from alpha_panda.live.envelope import Envelope, encode
from alpha_panda.live.log.base import NewRecord, Record
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.messages import DeadLetter, Place, Session
from alpha_panda.live.routing import new_record
from alpha_panda.live.topics import SESSIONS, BrokerTopics, Topic, instrument_key, market_ticks
from tests.cli.conftest import Command
from tests.live.samples import FILL

FILLS = BrokerTopics.of("paper").orders_filled
POISON = bytes(range(0xC1, 0xC1 + 40))
GOOD = encode(Envelope.begin(FILL, origin="session", source="account", index=1, time_ns=5).stamped(1, 7))


@pytest.fixture
def state(tmp_path: pathlib.Path) -> pathlib.Path:
    """Return the directory of a session with two records that nobody could process, and an event that was kept out.

    One of the records is a message that only this program can read.
    """
    asyncio.run(_prepare(tmp_path))
    return tmp_path


async def _prepare(state: pathlib.Path) -> None:
    session = Session(1, '{"account": {"broker": "paper"}}', (), "a day", "", "")
    async with SqliteLog(state) as log:
        first = Envelope.begin(session, origin="session", source="session", index=0, time_ns=1)
        await log.append([new_record(SESSIONS, first), *(new(FILLS, value) for value in (GOOD, POISON, GOOD))])
        letters = DeadLetters(log, "session", lambda topic, letter: None, lambda pause_s: asyncio.sleep(0))
        good, poison, _ = await log.read(FILLS, 0, 0, 10)
        await letters.examine(FILLS, good, _too_new)
        await letters.examine(FILLS, poison)
        await log.append([new_record(market_ticks().dead_letters, _kept_out(first))])


def _too_new(record: Record) -> None:
    raise CorruptRecordError(f"topic {record.topic} is not a message: it is of tomorrow; run a later program")


def _kept_out(frame: Envelope) -> Envelope:
    event = np.zeros(1, EVENT)
    event["time_ns"], event["kind"], event["close_e4"], event["volume"] = 1_763_700_300_000_000_000, TICK, -5_000, 42
    reason = "row 0, SIM:PANDA at 2025-11-21 10:15:00.000000 IST: a price is not positive; it has close_e4 -5000"
    letter = DeadLetter(Place("market.ticks", 0, 0), instrument_key(738561), event.tobytes(), 1, reason)
    return frame.effect(letter, source="feed", index=0, time_ns=1_763_700_300_000_000_000, broker="shared")


def new(topic: Topic, value: bytes) -> NewRecord:
    return NewRecord(topic, 0, b"momentum:1", value)


def values(state: pathlib.Path, topic: Topic) -> list[bytes]:
    async def read() -> Sequence[Record]:
        async with SqliteLog(state, read_only=True) as log:
            return await log.read(topic, 0, 0, 100)

    return [record.value for record in asyncio.run(read())]


@pytest.fixture
def ids(command: Command, state: pathlib.Path) -> dict[str, str]:
    """Return the id of each letter: of the event, of the good record and of the poison."""
    letters = command("dlq", "list", "--state", state, "--json").json["letters"]
    found = {(each["topic"], each["offset"]): each["id"] for each in letters}
    return {"event": found["market.ticks", 0], "good": found[FILLS.name, 0], "poison": found[FILLS.name, 1]}


# ── Looking ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_letters_are_counted_by_topic_and_reason(command: Command, state: pathlib.Path):
    lines = [line.split() for line in command("dlq", "list", "--state", state).output.splitlines()]
    counted = [line for line in lines if line[:1] in (["market.ticks"], [FILLS.name])]
    assert [line[:2] for line in counted] == [["market.ticks", "event"], [FILLS.name, "record"], [FILLS.name, "record"]]
    assert counted[0][2:-2] == ["a", "price", "is", "not", "positive"]
    assert [line[-2] for line in counted] == ["1", "1", "1"]


def test_letters_of_one_topic_are_asked_for_by_its_name(command: Command, state: pathlib.Path):
    for name in ("market.ticks", "market.ticks.dlq"):
        letters = command("dlq", "list", "--state", state, "--topic", name, "--json").json["letters"]
        assert [each["what"] for each in letters] == ["event"]
    assert "no dead letters of control" in command("dlq", "list", "--state", state, "--topic", "control").output


def test_a_record_is_shown_whole_with_what_it_says(command: Command, state: pathlib.Path, ids: dict[str, str]):
    answer = command("dlq", "show", ids["good"][:8].lower(), "--state", state)
    shown = "".join(answer.output.split())
    assert all(GOOD[start : start + 4].hex() in shown for start in range(0, len(GOOD), 4))
    assert ["data.charges.total_e4", "28"] in [line.split() for line in answer.output.splitlines()]
    told = command("dlq", "show", ids["good"], "--state", state, "--json").json
    assert bytes.fromhex(told["value"]) == GOOD
    assert told["says"]["data"]["price_e4"] == FILL.price_e4
    assert (told["attempts"], told["partition"], told["offset"]) == (3, 0, 0)


def test_poison_is_shown_as_bytes(command: Command, state: pathlib.Path, ids: dict[str, str]):
    assert "no message to this program either" in command("dlq", "show", ids["poison"], "--state", state).output
    assert command("dlq", "show", ids["poison"], "--state", state, "--json").json["says"] is None


def test_an_event_is_shown_in_rupees_and_ist(command: Command, state: pathlib.Path, ids: dict[str, str]):
    says = command("dlq", "show", ids["event"], "--state", state, "--json").json["says"]
    assert (says["time"], says["kind"], says["close"], says["volume"]) == (
        "2025-11-21 10:15:00+05:30",
        "tick",
        -0.5,
        42,
    )


# ── Putting back ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_dry_run_says_what_would_be_put_where_and_writes_nothing(command: Command, state: pathlib.Path):
    before = (state / "log.db").read_bytes()
    answer = command("dlq", "replay", "--state", state, "--dry-run")
    assert "order_filled, sequence 7" in answer.output
    assert "no message, still" in answer.output
    assert "1 of these letters are events" in answer.output
    assert values(state, FILLS) == [GOOD, POISON, GOOD]
    assert (state / "log.db").read_bytes() == before


def test_nothing_is_put_back_before_one_says_yes(command: Command, state: pathlib.Path):
    answer = command("dlq", "replay", "--state", state)
    assert answer.code == 2
    assert "2 records would be put back: see which with --dry-run, then say --yes" in answer.complaint
    assert len(values(state, FILLS)) == 3


def test_records_are_put_back_oldest_first_and_nothing_else_is_written(command: Command, state: pathlib.Path):
    answer = command("dlq", "replay", "--state", state, "--yes", "--json").json
    assert [each["put_at"] for each in answer["records"]] == [3, 4]
    assert answer["events_left"] == 1
    assert values(state, FILLS) == [GOOD, POISON, GOOD, GOOD, POISON]
    assert len(values(state, FILLS.dead_letters)) == 2
    assert values(state, market_ticks()) == []


def test_one_record_is_put_back_alone(command: Command, state: pathlib.Path, ids: dict[str, str]):
    command("dlq", "replay", ids["poison"], "--state", state, "--yes")
    assert values(state, FILLS) == [GOOD, POISON, GOOD, POISON]


def test_an_event_is_refused_before_anything_is_put_back(command: Command, state: pathlib.Path, ids: dict[str, str]):
    answer = command("dlq", "replay", ids["good"], ids["event"], "--state", state, "--yes")
    assert answer.code == 4
    assert "is a market event that the feed kept out, and no record" in answer.complaint
    assert len(values(state, FILLS)) == 3


def test_a_running_session_must_be_stopped_first(command: Command, state: pathlib.Path):
    running = SqliteLog(state)
    answer = command("dlq", "replay", "--state", state, "--yes")
    asyncio.run(running.close())
    assert answer.code == 6
    assert "0 of 2 records were put back" in answer.complaint
    assert "is in use by process" in answer.complaint
    assert "stop it first" in answer.complaint
    assert len(values(state, FILLS)) == 3


# ── Mistakes ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (
            ["list", "--topic", "market.tick"],
            2,
            "no topic market.tick (did you mean 'market.ticks'?); there are ",
        ),
        (["show", "NOBODY"], 2, "no dead letter begins with 'NOBODY'"),
        (["show", ""], 2, "no dead letter begins with ''"),
        (["replay", "NOBODY", "--yes"], 2, "no dead letter begins with 'NOBODY'"),
    ],
)
def test_a_mistake_is_said(command: Command, state: pathlib.Path, arguments: list[str], code: int, complaint: str):
    answer = command("dlq", arguments[0], *arguments[1:], "--state", state)
    assert (answer.code, complaint in answer.complaint) == (code, True)


def test_a_folder_without_a_session_is_refused(command: Command, tmp_path: pathlib.Path):
    answer = command("dlq", "list", "--state", tmp_path / "none")
    assert answer.code == 6
    assert not (tmp_path / "none").exists()


def test_letters_can_be_read_where_the_session_itself_is_damaged(command: Command, tmp_path: pathlib.Path):
    async def damage() -> None:
        async with SqliteLog(tmp_path) as log:
            await log.append([NewRecord(SESSIONS, 0, b"", POISON)])
            (record,) = await log.read(SESSIONS, 0, 0, 1)
            await DeadLetters(log, "session", lambda topic, letter: None).examine(SESSIONS, record)

    asyncio.run(damage())
    assert command("dlq", "list", "--state", tmp_path).code == 6
    letters = command("dlq", "list", "--state", tmp_path, "--topic", "sessions", "--json").json["letters"]
    assert [each["bytes"] for each in letters] == [len(POISON)]
