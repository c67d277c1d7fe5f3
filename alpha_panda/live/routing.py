"""Where a message goes: its topic, its key and its partition."""

from typing import assert_never

from alpha_panda.errors import LogError
from alpha_panda.live.envelope import Envelope, encode
from alpha_panda.live.log.base import NewRecord
from alpha_panda.live.messages import (
    Control,
    DeadLetter,
    Decision,
    Fill,
    Gap,
    JournalEntry,
    OrderUpdate,
    Payload,
    PnlSnapshot,
    Progress,
    Session,
    Signal,
    StageReport,
    StateSnapshot,
    Takeover,
    Ticks,
)
from alpha_panda.live.topics import CONTROL, GAPS, SESSIONS, STAGES, BrokerTopics, Topic, position_key


def topic_of(topics: BrokerTopics, data: Payload) -> Topic:
    """Return the topic that carries `data`.

    Raises LogError for ticks and dead letters, which belong to no account: their senders hold the topic.
    """
    match data:
        case Signal() | Progress():
            return topics.signals_raw
        case Decision():
            return topics.signals_rejected if data.verdict == "refused" else topics.signals_validated
        case Fill():
            return topics.orders_filled
        case OrderUpdate():
            return _order_topic(topics, data)
        case PnlSnapshot():
            return topics.pnl_snapshots
        case JournalEntry():
            return topics.journal
        case StateSnapshot():
            return topics.snapshots
        case Control():
            return CONTROL
        case Session():
            return SESSIONS
        case Gap():
            return GAPS
        case StageReport():
            return STAGES
        case Ticks() | DeadLetter() | Takeover():
            raise LogError(f"a message of type {type(data).__name__} belongs to no account: name its topic")
        case _:
            assert_never(data)


def _order_topic(topics: BrokerTopics, order: OrderUpdate) -> Topic:
    match order.status:
        case "working" | "triggered" | "partial":
            return topics.orders_submitted
        case "complete":
            return topics.orders_filled
        case "cancelled" | "expired":
            return topics.orders_cancelled


def new_record(topic: Topic, envelope: Envelope, partition: int = 0) -> NewRecord:
    """Return the record that carries `envelope` on a partition of `topic`."""
    return NewRecord(topic, partition, key_of(envelope), encode(envelope))


def key_of(envelope: Envelope) -> bytes:
    """Return the key that keeps related messages in order: the position where there is one, else the broker."""
    match envelope.data:
        case Signal(strategy=strategy, instrument_token=token):
            return position_key(strategy, token)
        case Decision(strategy=strategy, instrument_token=token):
            return position_key(strategy, token)
        case OrderUpdate(strategy=strategy, instrument_token=token):
            return position_key(strategy, token)
        case Fill(strategy=strategy, instrument_token=token):
            return position_key(strategy, token)
        case _:
            return envelope.broker.encode()
