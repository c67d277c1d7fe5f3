"""Topics are named in one place, and a key always finds the same partition."""

import dataclasses

import pytest

from alpha_panda.errors import ConfigurationError
from alpha_panda.live.topics import (
    CONTROL,
    SESSIONS,
    BrokerTopics,
    Durability,
    Topic,
    instrument_key,
    market_ticks,
    position_key,
    topics_of_session,
)


def test_the_names_are_those_that_observers_subscribe_to():
    paper = BrokerTopics.of("paper")
    names = [getattr(paper, field.name).name for field in dataclasses.fields(paper) if field.name != "broker"]
    assert names == [
        "paper.signals.raw",
        "paper.signals.validated",
        "paper.signals.rejected",
        "paper.orders.submitted",
        "paper.orders.filled",
        "paper.orders.cancelled",
        "paper.pnl.snapshots",
        "paper.journal",
        "paper.snapshots",
        "paper.signals.snapshots",
    ]
    assert [market_ticks().name, CONTROL.name, SESSIONS.name] == ["market.ticks", "control", "sessions"]


def test_only_ticks_and_what_follows_from_them_by_computing_may_be_lost_with_the_power():
    paper = BrokerTopics.of("paper")
    account = [getattr(paper, field.name) for field in dataclasses.fields(paper) if field.name != "broker"]
    fast = {topic.name for topic in [market_ticks(), *account] if topic.durability is Durability.FAST}
    assert fast == {
        "market.ticks",
        "paper.signals.raw",
        "paper.journal",
        "paper.snapshots",
        "paper.signals.snapshots",
    }
    assert {CONTROL.durability, SESSIONS.durability} == {Durability.DURABLE}


def test_dead_letters_are_durable_whatever_their_topic():
    dead_letters = market_ticks(12).dead_letters
    assert (dead_letters.name, dead_letters.partitions) == ("market.ticks.dlq", 1)
    assert dead_letters.durability is Durability.DURABLE


def test_a_dead_letter_has_room_for_the_largest_record_of_its_topic():
    assert market_ticks().dead_letters.record_bytes_max > market_ticks().record_bytes_max


def test_a_snapshot_may_be_larger_than_other_records():
    paper = BrokerTopics.of("paper")
    assert paper.snapshots.record_bytes_max == paper.signals_snapshots.record_bytes_max > CONTROL.record_bytes_max


def test_the_topics_of_a_session_are_all_there_are_each_once():
    names = [topic.name for topic in topics_of_session(["paper", "zerodha"], partitions=3)]
    assert len(names) == len(set(names))
    assert {"market.ticks", "market.gaps", "control", "sessions", "stages", "market.ticks.dlq"} <= set(names)
    assert {"paper.journal", "zerodha.journal", "paper.signals.raw.dlq", "paper.orders.filled.dlq"} <= set(names)
    listed = {field.name for field in dataclasses.fields(BrokerTopics)} - {"broker"}
    own = BrokerTopics.of("paper", 3)
    assert set(own.all()) == {getattr(own, name) for name in listed}


def test_an_embedded_run_has_one_partition_of_everything():
    assert market_ticks().partitions == BrokerTopics.of("paper").signals_raw.partitions == 1


def test_only_what_the_signals_stage_writes_has_the_partitions_of_the_ticks():
    paper = BrokerTopics.of("paper", partitions=6)
    spread = {
        field.name for field in dataclasses.fields(paper) if getattr(getattr(paper, field.name), "partitions", 0) == 6
    }
    assert spread == {"signals_raw", "signals_snapshots"}


def test_a_key_finds_the_same_partition_in_every_process():
    """The CRC-32 of `123456789` is 0xCBF43926, the check value in the catalogue of CRC algorithms."""
    assert Topic("ticks", 1000).partition_of(instrument_key(123456789)) == 0xCBF43926 % 1000


def test_keys_spread_over_all_partitions():
    topic = Topic("ticks", 12)
    assert {topic.partition_of(instrument_key(token)) for token in range(1000)} == set(range(12))


def test_the_key_of_a_position_names_strategy_and_instrument():
    assert position_key("momentum", 738561) == b"momentum:738561"


@pytest.mark.parametrize("broker", ["", "Paper", "paper.live", "paper:live", "1paper", "paper\n"])
def test_a_broker_that_cannot_stand_in_a_topic_is_refused(broker: str):
    with pytest.raises(ConfigurationError, match="cannot name a broker"):
        BrokerTopics.of(broker)


def test_a_topic_without_partitions_is_refused():
    with pytest.raises(ConfigurationError, match="needs at least 1"):
        market_ticks(0)
