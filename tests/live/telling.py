"""What an account says through a day, written to its log by hand: fast, and as much of it as a test wants."""

import random
from collections import Counter
from collections.abc import Iterator

import msgspec

from alpha_panda.live.envelope import Envelope, event_type
from alpha_panda.live.log.base import NewRecord
from alpha_panda.live.messages import JournalEntry, Payload, Session
from alpha_panda.live.routing import new_record, topic_of
from alpha_panda.live.topics import SESSIONS
from tests.live.samples import DECISION, FILL, ORDER, SNAPSHOT, changed
from tests.live.trading import PAPER

_STRATEGIES = ("momentum", "rsi", "vwap", "pairs")
_INSTRUMENTS = 50
_REFUSED_EVERY = 4
_TIME_NS = DECISION.time_ns


class Account:
    """An account that trades as a seed decides, and writes what it says with the epoch and sequences of one writer."""

    def __init__(self, seed: int = 0, epoch: int = 1) -> None:
        self._random = random.Random(seed)
        self._epoch = epoch
        self._sequences = Counter[str]()
        self._orders = 0

    def begin(self, started_ns: int = 5) -> NewRecord:
        """Return the first record of a session, begun at `started_ns`."""
        session = Session(started_ns, '{"account": {"broker": "paper"}}', (), "a market", "", "code")
        return new_record(SESSIONS, _envelope(session, started_ns, 0, 0))

    def records(self, orders: int) -> list[NewRecord]:
        """Return what the account says of its next `orders` orders, the journal with each."""
        said: list[NewRecord] = []
        for _ in range(orders):
            self._orders += 1
            for payload in self._said(self._orders):
                topic = topic_of(PAPER, payload)
                envelope = _envelope(payload, _TIME_NS + self._orders, self._epoch, self._sequences[topic.name])
                self._sequences[topic.name] += 1
                said.append(new_record(topic, envelope))
        return said

    def _said(self, number: int) -> Iterator[Payload]:
        """Yield the messages of one order."""
        chance, time_ns = self._random, _TIME_NS + number
        where = {"strategy": chance.choice(_STRATEGIES), "instrument_token": chance.randrange(_INSTRUMENTS)}
        side, quantity = chance.choice(["BUY", "SELL"]), chance.randint(1, 60)
        yield JournalEntry((), "chain", "state")
        if number % _REFUSED_EVERY == 0:
            code = chance.choice(["collar", "halted"])
            yield changed(DECISION, time_ns=time_ns, verdict="refused", code=code, granted=0, order_id=0, **where)
            yield changed(SNAPSHOT, time_ns=time_ns, cash_e4=number)
            return
        order = changed(ORDER, order_id=number, time_ns=time_ns, updated_ns=time_ns, side=side, quantity=60, **where)
        yield changed(DECISION, time_ns=time_ns, order_id=number, side=side, **where)
        yield order
        yield changed(
            FILL, time_ns=time_ns, order_id=number, side=side, quantity=quantity, price_e4=25_000_000 + number, **where
        )
        yield changed(order, status="complete", filled=quantity)
        yield changed(SNAPSHOT, time_ns=time_ns, cash_e4=number)


def _envelope(payload: Payload, time_ns: int, epoch: int, sequence: int) -> Envelope:
    envelope = Envelope.begin(payload, origin="test", source="account", index=0, time_ns=time_ns, broker="paper")
    return msgspec.structs.replace(envelope, type=event_type(payload), epoch=epoch, sequence=sequence)
