"""What must be so on the log of a session whatever happened to it, counted from the records alone.

Nothing here goes through the platform's readers, recovery or replays: records are taken as they stand on the log, in
plain loops, so that a mistake of those is not made a second time. Only the bytes of a message are decoded by them.
"""

import collections
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from alpha_panda.errors import CorruptRecordError
from alpha_panda.kernels.records import EVENT, Records
from alpha_panda.live.envelope import Envelope, decode
from alpha_panda.live.log.base import Log, Record
from alpha_panda.live.messages import (
    Fill,
    JournalEntry,
    OrderUpdate,
    Payload,
    Progress,
    Signal,
    Takeover,
    Ticks,
)
from alpha_panda.live.topics import CONTROL, BrokerTopics, Topic, market_ticks


class Told(NamedTuple):
    """What the log of a session tells once it has been found in order."""

    orders: int
    fills: list[Fill]
    decisions: list[Payload]
    journal: int  # entries
    takeovers: int  # how often somebody began to write a partition
    set_aside: int  # records that do not count: said twice, or by a writer that another had replaced
    state_digest: str  # of the account after the last step


class _Partition:
    """The messages of a partition that count, in their order, and how many do not."""

    def __init__(self, records: Iterable[Record]) -> None:
        self.messages: list[Envelope] = []
        self.takeovers = 0
        self.set_aside: list[Envelope] = []
        self.undecodable = 0
        self._epoch = 0
        self._early: dict[int, Envelope] = {}
        for record in records:
            try:
                self._put(decode(record))
            except CorruptRecordError:
                self.undecodable += 1
        assert not self._early, f"sequence {len(self.messages)} is missing, and {sorted(self._early)} stand behind it"

    def _put(self, message: Envelope) -> None:
        if isinstance(message.data, Takeover):
            self.takeovers += 1
            if message.sequence == len(self.messages):
                self._epoch = max(self._epoch, message.epoch)
        elif message.epoch < self._epoch or message.sequence < len(self.messages):
            self.set_aside.append(message)
        elif message.sequence > len(self.messages):
            self._early.setdefault(message.sequence, message)
        else:
            self.messages.append(message)
            self._epoch = message.epoch
            if early := self._early.pop(len(self.messages), None):
                self._put(early)


async def check(
    log: Log,
    events: Records,
    partitions: int = 1,
    broker: str = "paper",
    foreign: bool = False,
    commanded: bool = False,
) -> Told:
    """Return what the log of a session tells that has taken in exactly `events`; fail where anything is not in order.

    Every event is there, once and in its order. The strategies have said of every frame that they finished it, once.
    The journal has applied all of it, once. No order was made twice and no fill happened twice.
    """
    topics = BrokerTopics.of(broker, partitions)
    ticks = [await _partition(log, market_ticks(partitions), each) for each in range(partitions)]
    raw = [await _partition(log, topics.signals_raw, each) for each in range(partitions)]
    journal = await _partition(log, topics.journal)
    account = {topic.name: await _partition(log, topic) for topic in topics.of_account()}
    everything = [*ticks, *raw, journal, *account.values()]
    ids = [message.id for each in everything for message in each.messages]
    assert len(set(ids)) == len(ids), f"{len(ids)} messages have {len(set(ids))} ids"

    assert _events_of(ticks).tobytes() == events.tobytes(), "the ticks on the log are not those of the feed"
    for each in raw:
        _check_progress(each.messages, frames=len(ticks[0].messages))
    inputs = {market_ticks().name: ticks, topics.signals_raw.name: raw}
    if commanded:  # once: nobody numbers commands
        inputs[CONTROL.name] = [await _partition(log, CONTROL)]
    _check_journal(journal.messages, inputs)
    for each in account.values() if not foreign else ():  # somebody else may have said anything there
        _check_set_aside(each)

    said = {name: [message.data for message in each.messages] for name, each in account.items()}
    orders = _check_orders(said[topics.orders_submitted.name])
    fills = [each for each in said[topics.orders_filled.name] if isinstance(each, Fill)]
    _check_fills(fills, orders)
    last = journal.messages[-1].data
    assert isinstance(last, JournalEntry)
    return Told(
        orders=len(orders),
        fills=fills,
        decisions=[*said[topics.signals_validated.name], *said[topics.signals_rejected.name]],
        journal=len(journal.messages),
        takeovers=sum(each.takeovers for each in everything),
        set_aside=sum(len(each.set_aside) + each.undecodable for each in everything),
        state_digest=last.state_digest,
    )


async def _partition(log: Log, topic: Topic, partition: int = 0) -> _Partition:
    records: list[Record] = []
    while read := await log.read(topic, partition, records[-1].offset + 1 if records else 0, 4096):
        records += read
    offsets = [record.offset for record in records]
    assert offsets == list(range(len(records))), f"{topic.name}/{partition} has holes in its offsets"
    return _Partition(records)


def _events_of(ticks: Sequence[_Partition]) -> Records:
    """Return all events in the order in which the feed told them, merged from the partitions row by row."""
    frames = [[message.data for message in each.messages] for each in ticks]
    assert len({len(each) for each in frames}) == 1, f"partitions have {list(map(len, frames))} frames"
    merged = [np.zeros(0, EVENT)]
    for together in zip(*frames, strict=True):
        rows: dict[int, bytes] = {}
        for frame in together:
            assert isinstance(frame, Ticks)
            where = np.frombuffer(frame.rows, np.int32).tolist() if frame.rows else range(frame.count)
            single = np.frombuffer(frame.frame, EVENT)
            rows.update((row, single[index].tobytes()) for index, row in enumerate(where))
        assert sorted(rows) == list(range(len(rows))), "a frame lacks a row"
        merged.append(np.frombuffer(b"".join(rows[row] for row in sorted(rows)), EVENT))
    return np.concatenate(merged)


def _check_progress(messages: Sequence[Envelope], frames: int) -> None:
    """Fail unless each frame has its signals and then its progress, which counts them."""
    finished = signals = 0
    for message in messages:
        data = message.data
        if isinstance(data, Signal):
            assert data.cause.sequence == finished, f"{data} stands among those of frame {finished}"
            signals += 1
        else:
            assert isinstance(data, Progress)
            assert (data.sequence, data.signals) == (finished, signals), f"{data} after {signals} of {finished}"
            finished, signals = finished + 1, 0
    assert finished == frames, f"the strategies finished {finished} of {frames} frames"


def _check_journal(entries: Sequence[Envelope], inputs: dict[str, list[_Partition]]) -> None:
    """Fail unless the journal names every record of every input, each once, in order."""
    reached = collections.Counter[tuple[str, int]]()
    for entry in entries:
        assert isinstance(entry.data, JournalEntry)
        for span in entry.data.inputs:
            place = (span.topic, span.partition)
            assert span.start == reached[place] < span.stop, f"{span} follows {reached[place]}"
            reached[place] = span.stop
    there = {(name, index): len(each.messages) for name, parts in inputs.items() for index, each in enumerate(parts)}
    assert dict(reached) == there, f"the journal has applied {dict(reached)} of {there}"


def _check_set_aside(partition: _Partition) -> None:
    """Fail unless what does not count says only again what does: nobody who looks on could have been misled."""
    said = {message.id: message.data for message in partition.messages}
    for message in partition.set_aside:
        assert said.get(message.id) == message.data, f"{message} is set aside, and was never said by who may say it"


def _check_orders(submitted: Sequence[Payload]) -> dict[int, OrderUpdate]:
    """Return the orders by id; fail unless ids are 1, 2, … and each order was made once."""
    made = [each for each in submitted if isinstance(each, OrderUpdate) and each.status == "working"]
    assert [order.order_id for order in made] == list(range(1, len(made) + 1)), "an order was made twice or is missing"
    return {order.order_id: order for order in made}


def _check_fills(fills: Sequence[Fill], orders: dict[int, OrderUpdate]) -> None:
    """Fail unless fills belong to orders, fill none beyond its quantity, and add up to the positions they name."""
    filled = collections.Counter[int]()
    position = collections.Counter[tuple[str, int]]()
    for fill in fills:
        order = orders[fill.order_id]
        filled[fill.order_id] += fill.quantity
        assert filled[fill.order_id] <= order.quantity, f"order {fill.order_id} was filled twice"
        book = (fill.strategy, fill.instrument_token)
        position[book] += fill.quantity if fill.side == "BUY" else -fill.quantity
        assert position[book] == fill.position, f"{fill} does not follow from the fills before it"
