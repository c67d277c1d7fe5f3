"""The command: a session from start to summary, stopped and resumed, refused in one sentence."""

import asyncio
import contextlib
import json
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest

from alpha_panda import terminal
from alpha_panda.cli.live import app
from alpha_panda.data.catalog import Catalog
from alpha_panda.data.ingest import ingest
from alpha_panda.errors import CorruptRecordError, LogError, RecoveryError
from alpha_panda.live.log.sqlite import SqliteLog
from tests.live.trading import PAPER, PAPER_TOML, ROOT, SYMBOLS, market, replayed

COMPANIES = ("--instruments", ",".join(SYMBOLS))
FUTURES = "ticks/stock_futures_ticks_bbo_2025_11_17.parquet"


class Answer(NamedTuple):
    """What the command left behind: its exit code, stdout and stderr."""

    code: int
    output: str
    complaint: str


Command = Callable[..., Answer]


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Return a function that runs the command in this process, from the top of the checkout."""
    monkeypatch.chdir(ROOT)

    def run(*arguments: object) -> Answer:
        capsys.readouterr()
        code = terminal.run(app, [str(argument) for argument in arguments])
        return Answer(code, *capsys.readouterr())

    return run


def start(*arguments: object) -> subprocess.Popen[str]:
    """Start the command in a process of its own."""
    command = [sys.executable, "-m", "alpha_panda.live", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


# ── What it gives ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_day_on_paper_ends_with_the_summary_of_a_plain_replay(live: Command, tmp_path: pathlib.Path):
    answer = live("--speed", "max", "--state", tmp_path, "--json", *COMPANIES)
    assert (answer.code, answer.complaint) == (0, "")
    assert json.loads(answer.output) == replayed(market()[1]).summary()


def test_a_person_is_told_in_rupees_and_how_to_prove_it(live: Command, tmp_path: pathlib.Path):
    answer = live("--speed", "max", "--state", tmp_path, *COMPANIES)
    assert "₹" in answer.output
    assert replayed(market()[1]).ledger_hash() in answer.output
    assert f"Prove it: alpha-panda verify --state {tmp_path}" in answer.output
    assert f"session in {tmp_path}" in answer.complaint


def test_a_session_that_names_no_state_gets_a_folder_of_its_own(
    live: Command, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    shutil.copytree(ROOT / "strategies", tmp_path / "strategies")
    monkeypatch.chdir(tmp_path)
    assert live(PAPER_TOML, "--speed", "max", "--json", *COMPANIES).code == 0
    (state,) = (tmp_path / "live" / "state").iterdir()
    assert (state / "log.db").exists()


def test_real_ticks_end_with_the_summary_of_a_plain_replay(
    live: Command, tmp_path: pathlib.Path, shared_file: Callable[[str], pathlib.Path]
):
    """The profile's strategies trade index futures of a real day, with their best bid and offer."""
    catalog = Catalog(tmp_path / "data")
    ingest([shared_file(FUTURES)], catalog)
    universe, events = catalog.events(catalog.symbols("tick"), "tick")
    replay = ("--feed", "replay", "--data", tmp_path / "data", "--resolution", "tick")
    answer = live(*replay, "--speed", "max", "--state", tmp_path / "state", "--json")
    expected = replayed(events, universe=universe)
    assert json.loads(answer.output) == expected.summary()
    assert expected.account["events"] == len(events) > 1_000


# ── Stopping ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_session_that_is_asked_to_stop_finishes_what_is_under_way_and_can_go_on(
    live: Command, tmp_path: pathlib.Path, number: signal.Signals
):
    process = start("--speed", "1000", "--state", tmp_path, "--json", *COMPANIES)
    asyncio.run(steps_taken(tmp_path, 20))
    process.send_signal(number)
    output, complaint = process.communicate()
    assert (process.returncode, complaint) == (0, "")
    assert 0 < json.loads(output)["events"] < len(market()[1])
    answer = live("--speed", "max", "--state", tmp_path, "--json", *COMPANIES)
    assert json.loads(answer.output) == replayed(market()[1]).summary()


def test_a_second_signal_ends_it_at_once(tmp_path: pathlib.Path):
    """Both are waiting when the process wakes up, so there is nothing left for the first one to finish."""
    process = start("--speed", "1", "--state", tmp_path, *COMPANIES)
    asyncio.run(steps_taken(tmp_path, 1))
    process.send_signal(signal.SIGSTOP)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGCONT)
    process.communicate()
    assert process.returncode == terminal.INTERRUPTED


def test_the_last_screen_stays_until_somebody_has_seen_it(tmp_path: pathlib.Path):
    process = start("--speed", "max", "--state", tmp_path, "--no-until-end", "--json", *COMPANIES)
    asyncio.run(steps_taken(tmp_path, 1))
    asyncio.run(session_over(tmp_path))
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate()
    assert (process.returncode, json.loads(output)["events"]) == (0, len(market()[1]))


async def steps_taken(state: pathlib.Path, steps: int) -> None:
    """Wait until the session in `state` has taken so many steps."""
    while True:
        try:
            async with SqliteLog(state, read_only=True) as log:
                assert await log.wait(PAPER.journal, 0, steps - 1, 60)
                return
        except LogError:  # the file is just being made
            await asyncio.sleep(0.01)


async def session_over(state: pathlib.Path) -> None:
    """Wait until nobody keeps the session in `state` any more."""
    while True:
        try:
            async with SqliteLog(state):
                return
        except LogError:
            await asyncio.sleep(0.05)


# ── What is refused ──────────────────────────────────────────────────────────────────────────────────────────────────


def refused(answer: Answer, code: int, *parts: str) -> None:
    """Check that a command said why in one sentence, and nothing else."""
    assert (answer.code, answer.output) == (code, "")
    sentence = answer.complaint.removeprefix("error: ")
    assert sentence.count("\n") == 1, answer.complaint
    for part in parts:
        assert part in sentence


def test_another_profile_does_not_go_on_with_a_session(live: Command, tmp_path: pathlib.Path):
    richer = tmp_path / "richer.toml"
    richer.write_text(PAPER_TOML.read_text().replace("capital = 1_000_000", "capital = 2_000_000"))
    assert live("--speed", "max", "--state", tmp_path / "state", "--json", *COMPANIES).code == 0
    answer = live(richer, "--speed", "max", "--state", tmp_path / "state", "--json", *COMPANIES)
    refused(answer, RecoveryError.exit_code, "account.capital_e4 = 10000000000, not 20000000000", "another state")


def test_a_session_in_use_is_left_alone(live: Command, tmp_path: pathlib.Path):
    process = start("--speed", "1", "--state", tmp_path, "--json", *COMPANIES)
    asyncio.run(steps_taken(tmp_path, 1))
    answer = live("--state", tmp_path, "--json", *COMPANIES)
    process.send_signal(signal.SIGTERM)
    process.communicate()
    refused(answer, LogError.exit_code, f"is in use by process {process.pid}")


def test_a_record_that_rotted_is_not_traded_on(live: Command, tmp_path: pathlib.Path):
    assert live("--speed", "max", "--state", tmp_path, "--json", *COMPANIES).code == 0
    with contextlib.closing(sqlite3.connect(tmp_path / "log.db")) as connection, connection:
        place = "SELECT max(place) FROM records JOIN partitions ON number = place >> 40 WHERE topic = 'market.ticks'"
        connection.execute(f"UPDATE records SET value = x'00' WHERE place = ({place})")
    answer = live("--state", tmp_path, "--json", *COMPANIES)
    refused(answer, CorruptRecordError.exit_code, "topic market.ticks partition 0 offset ", "is not what was appended")


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (("--speed", "0"), 2, "'0' is not a speed"),
        (("--speed", "nan"), 2, "'nan' is not a speed"),
        (("--speed", "fast"), 2, "'fast' is not a speed"),
        (("--data", "data"), 2, "a synthetic day has no catalog to choose from"),
        (("--resolution", "1m"), 2, "a synthetic day has no catalog to choose from"),
        (("--from", "2026-11-20", "--to", "2026-11-23"), 2, "a synthetic feed makes one day"),
        (("--from", "2026-11-21"), 4, "2026-11-21 is no trading day"),
        (("--instruments", "panda"), 4, "'panda' cannot be an instrument"),
        (("--feed", "replay", "--data", "nowhere"), 4, "the catalog at nowhere is empty"),
        (("nowhere.toml",), 2, "there is no file nowhere.toml"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_is_refused(
    live: Command, tmp_path: pathlib.Path, arguments: tuple[str, ...], code: int, part: str
):
    refused(live(*arguments, "--state", tmp_path / "state", "--json"), code, part)
    assert not (tmp_path / "state").exists()
