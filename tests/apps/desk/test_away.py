"""When the log or Redis is away, the desk says so, keeps what it knew with its age, and a kill still works."""

import asyncio
import math
import pathlib
import shutil

import pytest

from alpha_panda.apps.desk.models import Picture, Source
from alpha_panda.live.build import KAFKA, REDIS_URL, Options, new_status, planned, trade
from alpha_panda.live.control.killswitch import LATCH
from alpha_panda.live.log.kafka_topics import KafkaTopics
from alpha_panda.live.topics import topics_of_session
from tests.apps.desk_at_work import at_work, seen, traded_morning
from tests.kafka import KafkaServer
from tests.live.trading import PAPER_TOML, SYMBOLS, ChoppedFeed, blueprint, morning, run_in
from tests.redis_server import RedisServer


def source(picture: Picture, name: str) -> Source:
    return next(each for each in picture.sources if each.name == name)


def is_complete(picture: Picture) -> bool:
    return bool(picture.positions) and picture.account is not None and picture.account.market_ns > 0


async def traded_day(state: pathlib.Path) -> None:
    """Trade the day of two companies in `state`, on the log and the store that the environment names."""
    options = Options(profile=PAPER_TOML, instruments=SYMBOLS, speed=math.inf, state=state)
    await trade(planned(options), new_status(), asyncio.Event())


async def test_without_redis_what_it_last_said_stays_with_its_time(
    redis_server: RedisServer, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(REDIS_URL, redis_server.url)
    await traded_day(tmp_path / "s1")
    async with at_work(tmp_path / "s1", redis_server.url) as desk:
        before = await seen(desk, is_complete)
        redis_server.kill()
        away = await seen(desk, lambda picture: not source(picture, "store").well)

        assert away.positions == before.positions
        assert away.account == before.account
        assert source(away, "log").well
        assert 0 < source(away, "store").read_ns < away.taken_ns
        assert any(trouble.startswith("the portfolio store") for trouble in away.troubles)

        redis_server.start()
        redis_server.flush()
        # What a flushed server shows is no session's: its figures are not taken for this one's.
        flushed = await seen(desk, lambda picture: "no session" in source(picture, "store").trouble)
        assert flushed.positions == before.positions


async def test_redis_is_read_again_once_it_is_back(
    redis_server: RedisServer, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(REDIS_URL, redis_server.url)
    await traded_day(tmp_path / "s1")
    async with at_work(tmp_path / "s1", redis_server.url) as desk:
        await seen(desk, lambda picture: bool(picture.positions))
        redis_server.pause()
        away = await seen(desk, lambda picture: not source(picture, "store").well)
        redis_server.resume()
        back = await seen(desk, lambda picture: source(picture, "store").well)

    assert source(back, "store").read_ns > source(away, "store").read_ns


async def test_without_kafka_the_picture_stays_and_a_kill_works(
    kafka_server: KafkaServer, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(KAFKA, kafka_server.address)
    state = tmp_path / "away-2026-11-20"
    async with KafkaTopics(kafka_server.address) as broker:
        await broker.create(state.name, topics_of_session(["paper"]))
    await traded_day(state)
    async with at_work(state) as desk:
        before = await seen(desk, is_complete)
        kafka_server.kill()
        away = await seen(desk, lambda picture: not source(picture, "log").well)
        killing = asyncio.create_task(desk.command("kill", "", "asha", "the broker is away"))
        killed = await seen(desk, lambda picture: picture.killed)
        receipt = await killing

        assert (away.positions, away.account) == (before.positions, before.account)
        assert away.phase == "unknown"
        assert killed.latch is not None
        assert (state / LATCH).exists()
        assert (receipt.latch, receipt.told) == ("engaged", "nobody")
        assert receipt.trouble

        kafka_server.start()
        await seen(desk, lambda picture: source(picture, "log").well)


async def test_a_damaged_log_is_told_and_the_latch_is_shown_all_the_same(tmp_path: pathlib.Path):
    state = await traded_morning(tmp_path / "s1")
    log = state / "log.db"
    log.write_bytes(b"no database" + log.read_bytes()[11:])
    async with at_work(state) as desk:
        damaged = await seen(desk, lambda picture: "log.db" in source(picture, "log").trouble)
        await desk.command("kill", "", "asha", "")
        killed = await seen(desk, lambda picture: picture.killed)

    assert damaged.account is None
    assert killed.latch is not None


async def test_a_folder_that_is_removed_is_told_and_one_that_is_made_anew_is_another_session(tmp_path: pathlib.Path):
    state = await traded_morning(tmp_path / "s1")
    async with at_work(state) as desk:
        before = await seen(desk, lambda picture: bool(picture.positions) and picture.account is not None)
        shutil.rmtree(state)
        removed = await seen(desk, lambda picture: not source(picture, "log").well)
        await run_in(state, ChoppedFeed(morning()[:5_000]), blueprint(feed="another morning"))
        anew = await seen(
            desk,
            lambda picture: (
                picture.session != before.session and bool(picture.account) and source(picture, "store").well
            ),
        )

    assert removed.account == before.account
    assert removed.phase == "unknown"
    assert anew.session is not None
    assert anew.session.feed == "another morning"
    assert anew.account is not None
    assert anew.account.events == 5_000
    assert len(anew.orders) < len(before.orders)
