"""`alpha-panda topics`: a session's topics on Kafka from the command line."""

import sys
import time
from collections.abc import Iterator

import pytest

from alpha_panda.live.topics import topics_of_session
from tests.cli.conftest import Command

COUNT = len(topics_of_session(["paper"]))


@pytest.fixture
def session(kafka: str, monkeypatch: pytest.MonkeyPatch, command: Command) -> Iterator[str]:
    """Give the name of a session of the test's own, on a Kafka that the environment names."""
    monkeypatch.setenv("ALPHA_PANDA_KAFKA", kafka)
    name = f"cli-{time.time_ns()}"
    yield name
    command("topics", "delete", "--session", name, "--yes")


def test_what_was_made_passes_the_check_and_is_listed(command: Command, session: str, kafka: str):
    made = command("topics", "create", "--session", session, "--partitions", 2, "--json")
    assert len(made.json["created"]) == COUNT
    again = command("topics", "create", "--session", session, "--partitions", 2)
    assert again.output == f"made 0 topics of session {session} on {kafka}, {COUNT} were there\n"
    assert command("topics", "check", "--session", session, "--partitions", 2).code == 0
    assert session in command("topics", "list", "--json").json["sessions"]
    topics = {
        topic["name"]: topic for topic in command("topics", "list", "--session", session, "--json").json["topics"]
    }
    assert topics["market.ticks"] == {"name": "market.ticks", "partitions": 2, "records": 0, "lags": {}}
    assert "paper.orders.filled.dlq" in command("topics", "list", "--session", session).output


def test_what_differs_is_shown_and_fails_the_check(command: Command, session: str):
    absent = command("topics", "check", "--session", session)
    assert absent.code == 2
    assert f"{COUNT} things are wrong with the topics of session {session}" in absent.complaint
    command("topics", "create", "--session", session)
    other = command("topics", "check", "--session", session, "--partitions", 3, "--json")
    assert other.code == 2
    assert f"topic {session}.market.ticks has 1 partitions instead of 3" in other.json["differences"]


def test_a_session_is_deleted_only_when_one_means_it(command: Command, session: str):
    command("topics", "create", "--session", session)
    refused = command("topics", "delete", "--session", session)
    assert (refused.code, "say --yes if you mean it" in refused.complaint) == (2, True)
    assert command("topics", "delete", "--session", session, "--yes", "--json").json["deleted"] == COUNT
    gone = command("topics", "list", "--session", session)
    assert (gone.code, f"there is no session {session}" in gone.complaint) == (2, True)


@pytest.mark.parametrize("words", [("create", "--session", "s"), ("list",)])
def test_without_an_address_it_says_how_to_give_one(
    command: Command, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
):
    monkeypatch.delenv("ALPHA_PANDA_KAFKA", raising=False)
    answer = command("topics", *words)
    assert (answer.code, "give --kafka host:port, or set ALPHA_PANDA_KAFKA" in answer.complaint) == (2, True)


def test_an_address_where_nobody_answers_is_a_sentence(command: Command):
    answer = command("topics", "list", "--kafka", "127.0.0.1:1")
    assert (answer.code, answer.complaint.startswith("error: no Kafka answers at 127.0.0.1:1")) == (6, True)


def test_without_aiokafka_it_says_what_to_install(command: Command, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "alpha_panda.live.log.kafka_topics", None)
    answer = command("topics", "list", "--kafka", "127.0.0.1:1")
    assert (answer.code, "pip install alpha-panda[kafka]" in answer.complaint) == (2, True)
