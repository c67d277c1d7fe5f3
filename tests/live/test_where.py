"""The log of a session is found again where it began, whoever is given only its folder."""

import pathlib

import pytest

from alpha_panda.config import Log
from alpha_panda.live.build import KAFKA, kafka_address
from alpha_panda.live.log.opening import LOG_FILE
from tests.live.trading import paper


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KAFKA, raising=False)


def test_without_a_word_the_log_is_a_file(tmp_path: pathlib.Path):
    assert kafka_address() == kafka_address(paper()) == kafka_address(None, tmp_path) == ""


def test_the_environment_goes_before_the_profile_and_the_profile_before_the_note(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "kafka").write_text("noted:9092")
    profile = paper().model_copy(update={"log": Log(kafka="profiled:9092")})
    assert kafka_address(None, tmp_path) == "noted:9092"
    assert kafka_address(profile, tmp_path) == "profiled:9092"
    monkeypatch.setenv(KAFKA, "told:9092")
    assert kafka_address(profile, tmp_path) == "told:9092"


def test_a_session_that_began_in_a_file_stays_there(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(KAFKA, "told:9092")
    (tmp_path / LOG_FILE).touch()
    assert kafka_address(None, tmp_path) == ""
