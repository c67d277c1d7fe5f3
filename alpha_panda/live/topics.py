"""The topics of the event log: the one place in which their names, partitions and durability are written.

    market.ticks                              frames of market events, from the feed
    market.gaps                               times in which the market said nothing
    control                                   commands of people
    sessions                                  what each session ran with
    stages                                    who works on what, and how far it has come, once a second
    {broker}.signals.raw                      targets of strategies, and how far the signals stage has come
    {broker}.signals.validated, .rejected     verdicts of the risk rules
    {broker}.orders.submitted, .filled, .cancelled
    {broker}.pnl.snapshots                    equity through the day
    {broker}.journal                          which inputs the account applied, in which order
    {broker}.snapshots                        the account's state, to recover from
    {broker}.signals.snapshots                the strategies' state, to recover from
    {topic}.dlq                               records that no attempt could process

The ticks and the raw signals may have several partitions. A signal stands in the partition of its instrument's ticks,
so that every partition has one writer. All that the account says has one writer anyway, and one partition.

A key that always maps to the same partition keeps its records in order. The hash is CRC-32, because Python's own
differs in every process.
"""

import enum
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from alpha_panda.errors import ConfigurationError

_SNAPSHOT_BYTES = 64 * 2**20
_REASON_BYTES = 2**16  # what a dead letter says besides the record that it holds


class Durability(enum.Enum):
    """What an append waits for: FAST survives the death of the process, DURABLE also the loss of power."""

    FAST = "fast"
    DURABLE = "durable"


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic; the number of its partitions may not change once it holds records."""

    name: str
    partitions: int = 1
    durability: Durability = Durability.DURABLE
    numbered: bool = True
    """Whether each partition has one writer, which numbers what it writes; else the order of the log is the order."""

    record_bytes_max: int = 8 * 2**20
    """The largest record that a log with a limit has to take: key, value and some bytes for the log itself."""

    def __post_init__(self) -> None:
        if self.partitions < 1:
            raise ConfigurationError(f"topic {self.name} has {self.partitions} partitions: it needs at least 1")

    def partition_of(self, key: bytes) -> int:
        """Return the partition that every record with this key belongs to."""
        return zlib.crc32(key) % self.partitions

    @property
    def dead_letters(self) -> "Topic":
        """The topic for records of this one that could not be processed."""
        return Topic(f"{self.name}.dlq", numbered=False, record_bytes_max=self.record_bytes_max + _REASON_BYTES)


CONTROL = Topic("control", numbered=False)
SESSIONS = Topic("sessions", numbered=False)
STAGES = Topic("stages", durability=Durability.FAST, numbered=False)
GAPS = Topic("market.gaps", durability=Durability.FAST, numbered=False)


def market_ticks(partitions: int = 1) -> Topic:
    """Return the topic of market events; with one partition the order of the log is total, as an embedded run needs."""
    return Topic("market.ticks", partitions, Durability.FAST)


def _snapshots(name: str, partitions: int = 1) -> Topic:
    return Topic(name, partitions, Durability.FAST, numbered=False, record_bytes_max=_SNAPSHOT_BYTES)


@dataclass(frozen=True, slots=True)
class BrokerTopics:
    """The topics of one broker's account."""

    broker: str
    signals_raw: Topic
    signals_validated: Topic
    signals_rejected: Topic
    orders_submitted: Topic
    orders_filled: Topic
    orders_cancelled: Topic
    pnl_snapshots: Topic
    journal: Topic
    snapshots: Topic
    signals_snapshots: Topic

    @classmethod
    def of(cls, broker: str, partitions: int = 1) -> Self:
        """Return the topics of `broker`, with as many partitions of the raw signals as the ticks have.

        What follows from the ticks by computing alone is FAST like them. A step of the account that decides anything
        writes to a durable topic in the same batch, which flushes its journal and all that it rests on.

        Raises ConfigurationError for a name that could not stand in a topic's name.
        """
        if not re.fullmatch(r"[a-z][a-z0-9_]*", broker):
            raise ConfigurationError(f"{broker!r} cannot name a broker: use lower-case letters, digits and underscores")
        return cls(
            broker,
            signals_raw=Topic(f"{broker}.signals.raw", partitions, Durability.FAST),
            signals_validated=Topic(f"{broker}.signals.validated"),
            signals_rejected=Topic(f"{broker}.signals.rejected"),
            orders_submitted=Topic(f"{broker}.orders.submitted"),
            orders_filled=Topic(f"{broker}.orders.filled"),
            orders_cancelled=Topic(f"{broker}.orders.cancelled"),
            pnl_snapshots=Topic(f"{broker}.pnl.snapshots"),
            journal=Topic(f"{broker}.journal", durability=Durability.FAST),
            snapshots=_snapshots(f"{broker}.snapshots"),
            signals_snapshots=_snapshots(f"{broker}.signals.snapshots", partitions),
        )

    def all(self) -> tuple[Topic, ...]:
        """Return all of them."""
        return (self.signals_raw, *self.of_account(), self.journal, self.snapshots, self.signals_snapshots)

    def of_account(self) -> tuple[Topic, ...]:
        """Return the topics on which the account says what it did, in the words of messages."""
        return (
            self.signals_validated,
            self.signals_rejected,
            self.orders_submitted,
            self.orders_filled,
            self.orders_cancelled,
            self.pnl_snapshots,
        )


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic of a session as it stands: its records, and how many of them each group has not read yet."""

    name: str
    partitions: int
    records: int
    lags: Mapping[str, int]


def topics_of_session(brokers: Sequence[str], partitions: int = 1) -> list[Topic]:
    """Return every topic of a session: those that all share, each broker's, and where unprocessable records go.

    `partitions` is how many the ticks have.
    """
    ticks = market_ticks(partitions)
    topics = [ticks, GAPS, CONTROL, SESSIONS, STAGES, ticks.dead_letters, CONTROL.dead_letters]
    for broker in brokers:
        own = BrokerTopics.of(broker, partitions)
        topics += own.all()
        topics += [topic.dead_letters for topic in (own.signals_raw, *own.of_account(), own.journal)]
    return topics


def instrument_key(instrument_token: int) -> bytes:
    """Return the key of market events: one instrument's ticks stay in order."""
    return str(instrument_token).encode()


def position_key(strategy: str, instrument_token: int) -> bytes:
    """Return the key of everything after the ticks: what happens to one position stays in order."""
    return f"{strategy}:{instrument_token}".encode()
