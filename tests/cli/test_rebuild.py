"""`alpha-panda rebuild`: the portfolio of a recorded session into Redis, and its proof."""

import pathlib

import pytest
import redis

from tests.cli.conftest import Command, WrittenProfile


@pytest.fixture
def state(
    command: Command,
    catalog: pathlib.Path,
    profile: WrittenProfile,
    redis_url: str,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> pathlib.Path:
    """Return the state directory of a session that was recorded with its portfolio on a real server."""
    monkeypatch.setenv("ALPHA_PANDA_REDIS_URL", redis_url)
    replay = ("--feed", "replay", "--data", catalog, "--resolution", "1m", "--speed", "max")
    assert command("live", profile(), *replay, "--state", tmp_path / "state", "--json").json["fills"] > 10
    return tmp_path / "state"


def test_a_portfolio_that_somebody_changed_is_found_and_folded_anew(
    command: Command, state: pathlib.Path, redis_url: str
):
    checking = ("rebuild", "--state", state, "--check")
    first = command(*checking, "--json")
    assert (first.code, first.json["holds"], first.json["difference"]) == (0, True, "")
    assert first.json["records"] > 50
    with redis.Redis.from_url(redis_url) as somebody:
        somebody.hset("alpha_panda:paper:account", "cash_e4", 1)
    second = command(*checking)
    assert second.code == 8
    assert "alpha_panda:paper:account cash_e4 is 1 in Redis and " in second.complaint
    assert f"fold it anew with alpha-panda rebuild --state {state}" in second.complaint
    assert command(*checking, "--json").json["holds"] is False
    answer = command("rebuild", "--state", state)
    assert (answer.code, "was folded anew" in answer.output) == (0, True)
    assert command(*checking, "--redis", redis_url).code == 0


def test_without_a_server_there_is_nothing_to_fold_into(
    command: Command, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("ALPHA_PANDA_REDIS_URL", raising=False)
    answer = command("rebuild", "--state", tmp_path)
    assert (answer.code, answer.output) == (2, "")
    assert "no Redis server is named" in answer.complaint


def test_a_state_that_does_not_exist_is_told(command: Command, tmp_path: pathlib.Path, redis_url: str):
    answer = command("rebuild", "--state", tmp_path / "absent", "--redis", redis_url)
    assert answer.code == 6
    assert str(tmp_path / "absent") in answer.complaint
