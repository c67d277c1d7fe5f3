"""A session is recorded as what it is made of, read back the same, and never goes on as another one."""

import pathlib
from typing import Any

import msgspec
import pytest

from alpha_panda.config import Profile
from alpha_panda.errors import RecoveryError
from alpha_panda.instruments import Universe
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.routing import new_record
from alpha_panda.live.session import Blueprint, blueprint_of, open_session, read_session
from alpha_panda.live.topics import SESSIONS
from alpha_panda.units import to_e4
from tests.live.trading import ROOT, blueprint, market, paper


def with_capital(profile: Profile, rupees: int) -> Profile:
    account = profile.account.model_copy(update={"capital_e4": to_e4(rupees)})
    return profile.model_copy(update={"account": account})


async def reopened(state: pathlib.Path, before: Blueprint, now: Blueprint) -> str:
    """Return why a session may not go on as `now`."""
    async with SqliteLog(state) as log:
        await open_session(log, before, 5)
        with pytest.raises(RecoveryError) as caught:
            await open_session(log, now, 6)
    return str(caught.value)


async def test_a_recorded_session_is_read_back_as_it_was(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    made_of = blueprint()
    async with SqliteLog(tmp_path) as log:
        await open_session(log, made_of, 5)
        session = await read_session(log)
    assert session is not None
    again = blueprint_of(session)
    assert again.profile.model_copy(update={"feed": made_of.profile.feed}) == made_of.profile
    assert again.universe == made_of.universe
    assert (again.origin, again.code_digest) == (made_of.origin, made_of.code_digest)
    assert session.started_ns == 5


async def test_the_same_session_may_go_on(tmp_path: pathlib.Path):
    async with SqliteLog(tmp_path) as log:
        await open_session(log, blueprint(), 5)
        await open_session(log, blueprint(), 6)
        session = await read_session(log)
    assert session is not None
    assert session.started_ns == 5


async def test_a_session_from_before_instruments_had_a_kind_may_go_on(tmp_path: pathlib.Path):
    made_of = blueprint()
    first = made_of.record(5)
    older = tuple(msgspec.structs.replace(listing, kind="") for listing in first.instruments)
    recorded = msgspec.structs.replace(first, instruments=older)
    async with SqliteLog(tmp_path) as log:
        await log.append([new_record(SESSIONS, made_of.begin(recorded, source="test", index=0, time_ns=5))])
        await open_session(log, made_of, 6)
        assert await read_session(log) == recorded


async def test_a_speed_is_no_part_of_a_session(tmp_path: pathlib.Path):
    feed = paper().feed.model_copy(update={"speed": 1.0})
    async with SqliteLog(tmp_path) as log:
        await open_session(log, blueprint(), 5)
        await open_session(log, blueprint(paper().model_copy(update={"feed": feed})), 6)


async def test_another_profile_is_refused_by_what_it_says_otherwise(tmp_path: pathlib.Path):
    sentence = await reopened(tmp_path, blueprint(), blueprint(with_capital(paper(), 2_000_000)))
    assert sentence == (
        "the session in this state directory was begun with account.capital_e4 = 10000000000, not 20000000000: "
        "give it the same again, or start in another state directory"
    )


async def test_a_strategy_more_is_another_profile(tmp_path: pathlib.Path):
    fewer = paper().model_copy(update={"strategies": paper().strategies[:1]})
    assert "strategies[1].capital_e4 = unset, not 5000000000" in await reopened(tmp_path, blueprint(fewer), blueprint())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"feed": "an evening"}, "the feed a morning, not an evening"),
        ({"feed_digest": "other"}, "other events of a morning, not those there are now"),
        ({"universe": Universe([market()[0][0]])}, "the instruments SIM:PANDA, SIM:TIGER, not SIM:PANDA"),
    ],
    ids=["feed", "events", "instruments"],
)
async def test_another_market_is_refused(tmp_path: pathlib.Path, changes: dict[str, Any], reason: str):
    made_of = blueprint()
    parts = {name: getattr(made_of, name) for name in ("profile", "universe", "strategies", "feed", "feed_digest")}
    assert reason in await reopened(tmp_path, made_of, Blueprint(**{**parts, **changes}))


def test_messages_of_different_sessions_have_different_ids():
    origins = {blueprint().origin, blueprint(with_capital(paper(), 2)).origin, blueprint(feed="an evening").origin}
    assert len(origins) == 3
