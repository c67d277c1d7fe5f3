"""What operators set in the database: taken by the session that begins next, kept by the one that runs."""

import asyncio
import math
import pathlib
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from alpha_panda.chain import AccountStage
from alpha_panda.config import profile_tables
from alpha_panda.database import DATABASE_URL, open_database
from alpha_panda.database.repositories import Database
from alpha_panda.errors import ConfigurationError, DatabaseError, RecoveryError
from alpha_panda.live.account import AccountEngine
from alpha_panda.live.build import Options, new_status, planned, trade
from alpha_panda.live.control.commands import Spool, command_message
from alpha_panda.live.control.configured import TAKEN, Taken, kept
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.messages import Control, OrderUpdate
from alpha_panda.live.observer import ACCOUNT, FEED, PORTFOLIO, SIGNALS
from alpha_panda.live.session import blueprint_of, check_profile, read_session
from alpha_panda.live.status import TRADING, Status
from alpha_panda.live.topics import CONTROL
from tests.live.processes import Deployment, deployed
from tests.live.trading import PAPER, PAPER_TOML, SYMBOLS, blueprint, market, messages_of, paper, replayed

NAME = "momentum"
PATIENCE_S = 30.0
Answer = TypeVar("Answer")


@pytest.fixture
def url(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return where the operators' database of a test would be."""
    url = f"sqlite:///{tmp_path}/alpha_panda.db"
    monkeypatch.setenv(DATABASE_URL, url)
    return url


def terms(**changes: Any) -> dict[str, Any]:
    """Return what the profile tells the strategy, with changes."""
    (own,) = (each for each in profile_tables(PAPER_TOML)["strategies"] if each["name"] == NAME)
    return {**own, **changes}


SLOW = terms(parameters={"lookback": 60, "threshold": 0.004, "allow_short": 1})


async def asked(url: str, ask: Callable[[Database], Awaitable[Answer]]) -> Answer:
    async with open_database(url) as database:
        return await ask(database)


async def set_terms(url: str, told: dict[str, Any]) -> int:
    """Let an operator set what the strategy is told; return the version."""
    version = await asked(url, lambda each: each.strategies.set(NAME, told, "asha@desk", "a study", time.time_ns()))
    return version.version


async def switch(url: str, enabled: bool) -> None:
    """Let an operator enable or disable the strategy."""

    async def change(database: Database) -> None:
        change = database.strategies.enable if enabled else database.strategies.disable
        await change(NAME, "asha@desk", time.time_ns(), "wild prices")

    await asked(url, change)


def options(state: pathlib.Path, speed: float = math.inf) -> Options:
    return Options(profile=PAPER_TOML, instruments=SYMBOLS, speed=speed, state=state)


async def traded(state: pathlib.Path) -> AccountEngine:
    """Trade the day to its end."""
    engine = await trade(planned(options(state)), new_status(), asyncio.Event())
    assert engine is not None
    return engine


class Running:
    """A session that trades while the test does something else."""

    def __init__(self, state: pathlib.Path, speed: float = 2_500.0) -> None:
        self.status: Status = new_status()
        self._stop = asyncio.Event()
        self._task = asyncio.create_task(trade(planned(options(state, speed)), self.status, self._stop))

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds of the session that runs."""
        async with asyncio.timeout(PATIENCE_S):
            while not holds():
                assert not self._task.done(), "the session has ended before"
                await asyncio.sleep(0.005)

    def trades(self) -> bool:
        return self.status.phase == TRADING and self.status.account_next > 0

    def is_paused(self) -> bool:
        stage = self.status.account
        return stage is not None and bool(stage.sleeves[0]["paused"])

    async def ended(self) -> AccountEngine:
        engine = await self._task
        assert engine is not None
        return engine

    async def stopped(self) -> AccountEngine:
        self._stop.set()
        return await self.ended()


def expected(told: dict[str, Any] | None = None) -> AccountStage:
    """Return the account after a plain replay of the day, with the strategy told something else."""
    if told is None:
        return replayed(market()[1])
    profile = paper()
    first, *others = profile.strategies
    changed = first.model_copy(update={"parameters": told["parameters"]})
    made_of = blueprint(profile.model_copy(update={"strategies": (changed, *others)}))
    account = made_of.account_stage()
    account.advance(market()[1], made_of.signal_stage().advance(market()[1]))
    return account


# ── Terms ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_without_a_database_the_profile_is_all_that_counts(url: str, tmp_path: pathlib.Path):
    engine = await traded(tmp_path / "one")
    assert engine.stage.ledger_hash() == expected().ledger_hash()
    assert kept(tmp_path / "one") == []
    assert not (tmp_path / "alpha_panda.db").exists()


async def test_a_change_counts_for_the_next_session_and_not_for_the_one_that_runs(url: str, tmp_path: pathlib.Path):
    running = Running(tmp_path / "one")
    await running.until(running.trades)
    await set_terms(url, SLOW)
    note = f"version 1 of {NAME} takes effect with the next session"
    await running.until(lambda: note in running.status.notes)
    assert (await running.ended()).stage.ledger_hash() == expected().ledger_hash()
    following = await traded(tmp_path / "two")
    assert following.stage.ledger_hash() == expected(SLOW).ledger_hash() != expected().ledger_hash()
    assert kept(tmp_path / "two") == [Taken(NAME, 1, SLOW)]


async def test_a_resumed_session_keeps_the_terms_that_it_began_with(url: str, tmp_path: pathlib.Path):
    await set_terms(url, SLOW)
    running = Running(tmp_path / "one")
    await running.until(running.trades)
    await running.stopped()
    assert await set_terms(url, terms(capital=100_000)) == 2
    engine = await traded(tmp_path / "one")
    assert engine.stage.ledger_hash() == expected(SLOW).ledger_hash()


async def test_a_session_that_began_without_a_database_goes_on_without_one(url: str, tmp_path: pathlib.Path):
    running = Running(tmp_path / "one")
    await running.until(running.trades)
    await running.stopped()
    await set_terms(url, SLOW)
    engine = await traded(tmp_path / "one")
    assert engine.stage.ledger_hash() == expected().ledger_hash()


async def test_what_is_set_back_is_no_change(url: str, tmp_path: pathlib.Path):
    await set_terms(url, SLOW)
    running = Running(tmp_path / "one", speed=1_000.0)
    await running.until(running.trades)
    await set_terms(url, terms())
    await running.until(lambda: bool(running.status.notes))
    await set_terms(url, SLOW)
    await running.until(lambda: not running.status.notes)
    await running.stopped()


@pytest.mark.parametrize(
    ("told", "complaint"),
    [
        (terms(capital=600_000), "the strategies are given more capital than the account has"),
        (terms(parameters={"lookbak": 3}), r"no parameter 'lookbak' \(did you mean 'lookback'\?\)"),
    ],
    ids=["capital", "parameter"],
)
async def test_no_session_begins_with_terms_that_no_profile_may_have(
    told: dict[str, Any], complaint: str, url: str, tmp_path: pathlib.Path
):
    await set_terms(url, told)
    with pytest.raises(ConfigurationError, match=complaint):
        planned(options(tmp_path / "one"))


async def test_stages_elsewhere_agree_with_what_the_session_took(url: str, tmp_path: pathlib.Path):
    await set_terms(url, SLOW)
    engine = await traded(tmp_path / "one")
    async with SqliteLog(tmp_path / "one", read_only=True) as log:
        session = await read_session(log)
    assert session is not None
    check_profile(session, paper())  # as a process has it that knows no database
    assert blueprint_of(session).profile == engine.blueprint.profile
    momentum, reversion = paper().strategies
    reordered = paper().model_copy(update={"strategies": (reversion, momentum)})
    with pytest.raises(RecoveryError, match="name = momentum, not mean_reversion"):
        check_profile(session, reordered)
    untold = reversion.model_copy(update={"interval_ns": 2 * reversion.interval_ns})
    with pytest.raises(RecoveryError, match=r"strategies\[1\].*give every stage the same profile"):
        check_profile(session, paper().model_copy(update={"strategies": (momentum, untold)}))


@pytest.mark.timeout(180)
async def test_processes_on_kafka_trade_what_the_feed_s_took(
    url: str, tmp_path: pathlib.Path, kafka: str, monkeypatch: pytest.MonkeyPatch
):
    await set_terms(url, SLOW)
    async with deployed(Deployment(tmp_path, kafka)) as deployment:
        _, account = deployment.start(FEED), deployment.start(ACCOUNT)
        monkeypatch.setenv(DATABASE_URL, f"sqlite:///{tmp_path}/none.db")  # the others are given no database
        for stage in (SIGNALS, PORTFOLIO):
            deployment.start(stage)
        await deployment.ended()
        assert account.summary == expected(SLOW).summary()


async def test_a_file_that_does_not_say_what_was_taken_stops_the_resumption(url: str, tmp_path: pathlib.Path):
    await traded(tmp_path / "one")
    (tmp_path / "one" / TAKEN).write_text('[{"name"')
    with pytest.raises(RecoveryError, match="does not say what the session's strategies are told"):
        planned(options(tmp_path / "one"))


# ── Switches ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_strategy_that_is_disabled_pauses_and_stays_so_over_a_restart(url: str, tmp_path: pathlib.Path):
    await set_terms(url, terms())
    running = Running(tmp_path / "one", speed=500.0)
    await running.until(running.trades)
    await switch(url, enabled=False)
    await running.until(running.is_paused)
    await running.stopped()
    again = Running(tmp_path / "one", speed=500.0)
    await again.until(again.trades)
    assert again.is_paused()
    await switch(url, enabled=True)
    await again.until(lambda: not again.is_paused())
    await again.stopped()
    async with SqliteLog(tmp_path / "one", read_only=True) as log:
        commands = [message.data for message in await messages_of(log, CONTROL)]
    assert commands == [Control(word, NAME, "asha@desk", "wild prices") for word in ("pause", "resume")]


async def test_a_strategy_that_was_disabled_meanwhile_opens_nothing_when_the_session_goes_on(
    url: str, tmp_path: pathlib.Path
):
    state = tmp_path / "one"
    running = Running(state)
    await running.until(running.trades)
    before = (await running.stopped()).stage.account["orders_made"]
    await set_terms(url, terms())
    await switch(url, enabled=False)
    engine = await traded(state)
    async with SqliteLog(state, read_only=True) as log:
        orders = [each.data for each in await messages_of(log, PAPER.orders_submitted)]
    after = [each for each in orders if isinstance(each, OrderUpdate) and each.order_id > before]
    assert engine.stage.sleeves["paused"].tolist() == [1, 0]
    assert {each.strategy for each in after if each.opening} == {"mean_reversion"}


async def test_a_strategy_that_is_disabled_trades_nothing_in_a_session_that_begins(url: str, tmp_path: pathlib.Path):
    await set_terms(url, terms())
    await switch(url, enabled=False)
    engine = await traded(tmp_path / "one")
    async with SqliteLog(tmp_path / "one", read_only=True) as log:
        orders = [each.data for each in await messages_of(log, PAPER.orders_submitted)]
    traders = {each.strategy for each in orders if isinstance(each, OrderUpdate)}
    assert traders == {"mean_reversion"}
    assert engine.stage.sleeves["paused"].tolist() == [1, 0]


async def test_a_person_s_resume_is_not_taken_back_by_the_database(url: str, tmp_path: pathlib.Path):
    """The switch was one command, and was given; who commands last is who is obeyed."""
    await set_terms(url, terms())
    await switch(url, enabled=False)
    running = Running(tmp_path / "one", speed=500.0)
    await running.until(running.is_paused)
    Spool(tmp_path / "one").put(command_message("resume", NAME, "ravi@desk", "", time.time_ns()))
    await running.until(lambda: not running.is_paused())
    await running.stopped()
    again = Running(tmp_path / "one", speed=500.0)
    await again.until(again.trades)
    await asyncio.sleep(1.5)  # one look, and some more
    assert not again.is_paused()
    await again.stopped()


# ── A database that is away ──────────────────────────────────────────────────────────────────────────────────────────


async def test_no_session_begins_while_the_database_is_away(url: str, tmp_path: pathlib.Path):
    (tmp_path / "alpha_panda.db").write_text("no database")
    with pytest.raises(DatabaseError, match=r"what strategies are told is not known: .*not a database"):
        planned(options(tmp_path / "one"))
    assert not (tmp_path / "one").exists()


async def test_a_session_goes_on_while_the_database_is_away_and_says_so_until_it_is_back(
    url: str, tmp_path: pathlib.Path
):
    running = Running(tmp_path / "one", speed=500.0)
    await running.until(running.trades)
    path = tmp_path / "alpha_panda.db"
    path.write_text("no database")
    await running.until(lambda: bool(running.status.notes))
    (note,) = running.status.notes
    assert "not a database" in note
    assert note.endswith("; strategies go on as they are")
    path.unlink()
    await running.until(lambda: not running.status.notes)
    await set_terms(url, terms())
    await switch(url, enabled=False)
    await running.until(running.is_paused)
    await running.stopped()


async def test_a_session_is_resumed_while_the_database_is_away(url: str, tmp_path: pathlib.Path):
    await set_terms(url, SLOW)
    running = Running(tmp_path / "one")
    await running.until(running.trades)
    await running.stopped()
    for each in tmp_path.glob("alpha_panda.db*"):
        each.unlink()
    (tmp_path / "alpha_panda.db").write_text("no database")
    engine = await traded(tmp_path / "one")
    assert engine.stage.ledger_hash() == expected(SLOW).ledger_hash()
