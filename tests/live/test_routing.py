"""Every message finds its topic, its key and its partition."""

import pytest

from alpha_panda.errors import LogError
from alpha_panda.live.envelope import Envelope, encode
from alpha_panda.live.messages import Payload
from alpha_panda.live.routing import key_of, new_record, topic_of
from alpha_panda.live.topics import CONTROL, SESSIONS, BrokerTopics, Topic, market_ticks
from tests.live.samples import DECISION, FILL, ORDER, PAYLOADS, RELIANCE, changed

PAPER = BrokerTopics.of("paper", partitions=6)
TICKS, SIGNAL, PROGRESS, _, _, _, SNAPSHOT, COMMAND, SESSION, JOURNAL, STATE, DEAD_LETTER, *_ = PAYLOADS


def envelope_of(data: Payload) -> Envelope:
    return Envelope.begin(data, origin="session", source="account", index=3, time_ns=5, broker="paper")


@pytest.mark.parametrize(
    ("payload", "topic"),
    [
        (SIGNAL, PAPER.signals_raw),
        (PROGRESS, PAPER.signals_raw),
        (FILL, PAPER.orders_filled),
        (SNAPSHOT, PAPER.pnl_snapshots),
        (JOURNAL, PAPER.journal),
        (STATE, PAPER.snapshots),
        (COMMAND, CONTROL),
        (SESSION, SESSIONS),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_message_goes_to_its_topic(payload: Payload, topic: Topic):
    assert topic_of(PAPER, payload) == topic


@pytest.mark.parametrize(
    ("verdict", "topic"),
    [
        ("approved", PAPER.signals_validated),
        ("clipped", PAPER.signals_validated),
        ("refused", PAPER.signals_rejected),
    ],
)
def test_a_decision_goes_where_its_verdict_sends_it(verdict: str, topic: Topic):
    assert topic_of(PAPER, changed(DECISION, verdict=verdict)) == topic


@pytest.mark.parametrize(
    ("status", "topic"),
    [
        ("working", PAPER.orders_submitted),
        ("triggered", PAPER.orders_submitted),
        ("partial", PAPER.orders_submitted),
        ("complete", PAPER.orders_filled),
        ("cancelled", PAPER.orders_cancelled),
        ("expired", PAPER.orders_cancelled),
    ],
)
def test_an_order_update_goes_where_its_status_sends_it(status: str, topic: Topic):
    assert topic_of(PAPER, changed(ORDER, status=status)) == topic


@pytest.mark.parametrize("payload", [TICKS, DEAD_LETTER], ids=["Ticks", "DeadLetter"])
def test_a_message_that_belongs_to_no_account_needs_its_topic_named(payload: Payload):
    with pytest.raises(LogError, match="name its topic"):
        topic_of(PAPER, payload)


@pytest.mark.parametrize("payload", [SIGNAL, DECISION, ORDER, FILL], ids=lambda payload: type(payload).__name__)
def test_what_happens_to_a_position_shares_a_key(payload: Payload):
    assert new_record(topic_of(PAPER, payload), envelope_of(payload)).key == b"momentum:%d" % RELIANCE


@pytest.mark.parametrize("payload", [SNAPSHOT, JOURNAL, COMMAND], ids=lambda payload: type(payload).__name__)
def test_the_rest_is_keyed_by_broker(payload: Payload):
    assert key_of(envelope_of(payload)) == b"paper"


def test_a_record_carries_the_message_as_it_is_encoded():
    envelope = envelope_of(FILL)
    assert new_record(PAPER.orders_filled, envelope).value == encode(envelope)


def test_a_frame_goes_to_the_partition_that_the_feed_names():
    assert new_record(market_ticks(12), envelope_of(TICKS), partition=7).partition == 7
    assert new_record(market_ticks(), envelope_of(TICKS)).partition == 0
