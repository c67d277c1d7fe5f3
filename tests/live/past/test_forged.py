"""Whatever somebody puts on the log, what looks back at it comes to an end, with an answer or a sentence."""

import asyncio
import pathlib
import random

import msgspec
import pytest

from alpha_panda.errors import AlphaPandaError
from alpha_panda.live.envelope import VERSION, Envelope, encode, event_type
from alpha_panda.live.log.base import Log, NewRecord
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.messages import Cause, Control, Decision, Payload, Progress, Signal, Takeover, Ticks
from alpha_panda.live.past.lineage import Lineages
from alpha_panda.live.past.seeking import Seeker
from alpha_panda.live.session import read_session
from alpha_panda.live.streams import Reader
from alpha_panda.live.topics import CONTROL, Topic, market_ticks
from tests.live.past.counted import CountingLog
from tests.live.past.written import LongDay
from tests.live.trading import PAPER

TICKS = market_ticks()
TOPICS = (
    *(TICKS, CONTROL, PAPER.signals_raw, PAPER.signals_validated, PAPER.signals_rejected),
    *(PAPER.orders_submitted, PAPER.orders_filled, PAPER.orders_cancelled),
)


async def forge(log: Log, chance: random.Random, honest: list[Envelope]) -> None:
    """Append a record that says the next number of its partition, of an honest message with anything else changed."""
    topic, said = chance.choice(TOPICS), chance.choice(honest)
    ids = [said.id, said.correlation_id, said.causation_id, "", str(chance.random())]
    data: Payload = chance.choice(
        [
            *(said.data, Signal("momentum", 7, 1.0, 0.0, Cause(0, chance.randrange(99), 99)), Ticks(0, b"", 0)),
            *(decided(chance.randrange(9)), Control("kill", "", "nobody"), Progress(0, 5, 2**40), Takeover("nobody")),
        ]
    )
    message = Envelope(
        *(chance.choice(ids), event_type(data), VERSION),
        *(chance.choice([said.time_ns, 0, -(2**63), 2**63 - 1]), "hand", "paper"),
        *(chance.choice(ids), chance.choice(ids), data),
    )
    await put_next(log, topic, message, chance.choice([0, 1]), chance.choice([0, 5]))


def decided(order_id: int) -> Decision:
    """Return a decision on an order."""
    return Decision(0, "momentum", 7, "approved", "none", "BUY", 1, 1, 1, 0.0, 0.0, 1.0, order_id, "none")


async def put_next(log: Log, topic: Topic, message: Envelope, epochs: int = 0, beyond: int = 0) -> None:
    """Append a message as the next of its topic, or one of a later epoch or beyond the next."""
    end = (await Seeker(log, topic).to_end()).place
    value = encode(message.stamped(end.epoch + epochs, end.sequence + beyond))
    await log.append([NewRecord(topic, 0, b"", value)])


async def test_a_signal_that_names_an_event_which_there_is_not_has_a_way_without_one(tmp_path: pathlib.Path):
    async with SqliteLog(tmp_path) as log:
        await LongDay(log).write(frames=200)
        session = await read_session(log)
        (frame, *_) = await Reader(log, TICKS).read(1)
        assert session is not None
        token = session.instruments[0].instrument_token
        for number, index in enumerate((2, 99, -1), 51):
            terms = {"source": "hand", "index": number, "time_ns": 2**62 + number, "broker": "paper"}
            signal = frame.message.effect(Signal("momentum", token, 1.0, 0.0, Cause(0, 0, index)), **terms)
            decision = msgspec.structs.replace(decided(number), instrument_token=token)
            await put_next(log, PAPER.signals_raw, signal)
            await put_next(log, PAPER.signals_validated, signal.effect(decision, **terms))
            found = await Lineages(log, session).of_order(number)
            assert (found.event, found.frame is None) == (None, False)
            assert found.signal is not None


@pytest.mark.parametrize("seed", range(4))
async def test_to_look_for_an_order_or_a_place_comes_to_an_end(tmp_path: pathlib.Path, seed: int):
    chance = random.Random(seed)
    async with SqliteLog(tmp_path) as log:
        await LongDay(log).write(frames=450)
        honest = [
            entry.message
            for topic in TOPICS
            for entry in await (await Seeker(log, topic).to_sequence(0)).read(chance.choice([5, 500]))
        ]
        for _ in range(60):
            await forge(log, chance, honest)
        session, size = await read_session(log), sum([await log.end(topic, 0) for topic in TOPICS])
        assert session is not None
        counting = CountingLog(log)
        lineages = Lineages(counting, session)
        asked = [
            *(lambda number=number: lineages.of_order(number) for number in range(1, 9)),
            *(lambda offset=offset: lineages.of_refusal(offset) for offset in range(-1, 12)),
            *(lambda topic=topic: Seeker(counting, topic).to_end() for topic in TOPICS),
            *(lambda topic=topic: Seeker(counting, topic).to_sequence(chance.randrange(500)) for topic in TOPICS),
            *(
                lambda topic=topic: Seeker(counting, topic).to(lambda message: chance.random() < 0.5)
                for topic in TOPICS
            ),
        ]
        found = 0
        for ask in asked:
            assert counting.records < 20 * size
            counting.records = 0
            async with asyncio.timeout(30):
                try:
                    await ask()
                    found += 1
                except AlphaPandaError:
                    continue
        assert found >= 3 * len(TOPICS)
