"""A session of several processes on one simulated log, each started again whenever it ends before its time."""

import asyncio
import dataclasses
import functools
import pathlib
import random
from collections.abc import AsyncIterator, Mapping, Sequence

from alpha_panda.data.synthetic import synthetic_day
from alpha_panda.errors import CorruptRecordError, FencedError, LogError
from alpha_panda.instruments import Universe
from alpha_panda.kernels.records import Records
from alpha_panda.live.account import AccountEngine, Step
from alpha_panda.live.build import new_status
from alpha_panda.live.envelope import Envelope, decode
from alpha_panda.live.feed.base import Batch, Feed
from alpha_panda.live.journal import AccountReplay
from alpha_panda.live.log.base import Log
from alpha_panda.live.messages import OrderUpdate
from alpha_panda.live.pipeline import Parts, Surroundings, run_session
from alpha_panda.live.recovery import recovered_account, recovered_signals
from alpha_panda.live.session import Blueprint, open_session, read_session
from alpha_panda.live.streams import Recording
from alpha_panda.live.supervision import enduring
from tests.live.simulation.broker import Broker, Connection, Fault, KilledError, OnlyOf
from tests.live.trading import DATE, blueprint

SYMBOLS = ("SIM:PANDA", "SIM:TIGER", "SIM:OTTER")
"""Of two partitions the first has one of these companies and the second has two; of three, one has none."""

EVENTS = 10_000
"""Of their day: until some orders have been made."""

_LONGEST = 900
_LIVES = 60
_ENDS_WITHIN_S = 900.0


@functools.cache
def market() -> tuple[Universe, Records]:
    """Return the companies and the events of a session."""
    universe, events = synthetic_day(DATE, 1, SYMBOLS)
    return universe, events[:EVENTS]


def day() -> Records:
    """Return the events of a session."""
    return market()[1]


@functools.cache
def expected_hash() -> str:
    """Return the ledger after a plain replay."""
    made_of = blueprint(universe=market()[0])
    account = made_of.account_stage()
    account.advance(day(), made_of.signal_stage().advance(day()))
    return account.ledger_hash()


class SlowFeed(Feed):
    """Hands events on in batches of any size, with pauses of any length, both by a seed."""

    def __init__(self, seed: int) -> None:
        self.universe = market()[0]
        self.name = "a morning"
        self.digest = ""
        self._random = random.Random(seed)

    async def batches(self, index: int) -> AsyncIterator[Batch]:
        while index < EVENTS:
            await asyncio.sleep(self._random.choice((0.0, 0.0, 0.1, 1.0)))
            stop = min(index + self._random.randint(1, _LONGEST), EVENTS)
            yield Batch(day()[index:stop], stop)
            index = stop

    async def between(self, start: int, stop: int) -> Records:
        return day()[start:stop]


@dataclasses.dataclass(frozen=True)
class Process:
    """Some stages that run together, and what goes wrong in each of its lives."""

    name: str
    stages: Sequence[str]
    faults: Sequence[Mapping[int, Fault | OnlyOf]] = ()


@dataclasses.dataclass
class World:
    """One session, and all that happens to it."""

    seed: int
    partitions: int = 1
    state: pathlib.Path = pathlib.Path("never-made")
    broker: Broker = dataclasses.field(init=False)
    ends: list[str] = dataclasses.field(default_factory=list[str])  # how lives ended that did not come to their end

    def __post_init__(self) -> None:
        self.broker = Broker(self.seed)
        self.blueprint: Blueprint = dataclasses.replace(blueprint(universe=market()[0]), partitions=self.partitions)

    async def run(self, *processes: Process) -> None:
        """Let all processes work until each has come to its end."""
        async with asyncio.timeout(_ENDS_WITHIN_S), asyncio.TaskGroup() as tasks:
            for process in processes:
                tasks.create_task(self._supervised(process))

    async def _supervised(self, process: Process) -> None:
        for life in range(_LIVES):
            faults = process.faults[life] if life < len(process.faults) else {}
            connection = Connection(self.broker, faults)
            try:
                await self._live(process, life, connection)
            except (KilledError, FencedError, LogError) as end:
                if isinstance(end, CorruptRecordError):
                    raise
                self.ends.append(f"{process.name}.{life}: {end or 'killed'}")
            else:
                return
            await asyncio.sleep(self.broker.random.uniform(0.1, 2.0))
        raise AssertionError(f"{process.name} does not come to its end: {self.ends[-5:]}")

    async def _live(self, process: Process, life: int, connection: Connection) -> AccountEngine | None:
        clock = asyncio.get_running_loop().time
        surroundings = Surroundings(
            holder=f"{process.name}.{life}", wall_ns=lambda: int(clock() * 1e9), monotonic=clock, sleep=asyncio.sleep
        )
        status, stop = new_status(), asyncio.Event()
        status.monotonic = clock

        async def attempt() -> AccountEngine | None:
            await self.begin(connection)
            parts = Parts(
                log=connection,
                state=self.state,
                status=status,
                stop=stop,
                surroundings=surroundings,
                feed=SlowFeed(self.broker.random.randrange(2**32)) if "feed" in process.stages else None,
            )
            return await run_session(self.blueprint, parts, process.stages)

        return await enduring(attempt, status, stop, asyncio.sleep)

    async def begin(self, log: Log) -> None:
        if await read_session(log) is None:
            await open_session(log, self.blueprint, 1_700_000_000_000_000_000)

    # ── What must hold ───────────────────────────────────────────────────────────────────────────────────────────────

    async def check(self) -> None:
        """Hold what is on the log against the session that nothing disturbed."""
        log = Connection(self.broker)
        engine = _ListeningEngine(self.blueprint)
        replay = AccountReplay(log, engine, {})
        await replay.run()
        assert engine.stage.ledger_hash() == expected_hash(), "another ledger"
        assert not replay.owed, "something is untold"
        await self._check_order(log, engine.said)
        # What a start would find is the same, by its snapshots as well.
        again = await recovered_account(log, self.blueprint)
        assert again.engine.arrays() == engine.arrays()
        assert not again.owed, "something is untold"
        for partition in range(self.partitions):
            signals = await recovered_signals(log, self.blueprint, partition)
            assert not signals.raw.owed, "a signal is untold"

    async def _check_order(self, log: Log, said: Sequence[Sequence[Envelope]]) -> None:
        """Nothing is told otherwise than once, nor before the entry of the journal that it follows from."""
        first: dict[str, int] = {}
        orders: dict[tuple[int, str, int], set[str]] = {}
        for number, record in enumerate(self.broker.landed):
            message = decode(record)
            first.setdefault(message.id, number)
            if isinstance(order := message.data, OrderUpdate):
                orders.setdefault((order.order_id, order.status, order.filled), set()).add(message.id)
        assert all(len(ids) == 1 for ids in orders.values()), "an order was told twice"
        places = {(record.topic, record.offset): number for number, record in enumerate(self.broker.landed)}
        journal = Recording(log, self.blueprint.topics.journal)
        for *messages, _ in said:
            entry = await journal.next()
            assert entry is not None
            journaled = places[entry.record.topic, entry.record.offset]
            assert all(first[message.id] > journaled for message in messages), "told before it was journaled"


class _ListeningEngine(AccountEngine):
    """An account that remembers what it said."""

    def __init__(self, made_of: Blueprint) -> None:
        super().__init__(made_of)
        self.said: list[list[Envelope]] = []

    def apply(self, step: Step) -> list[Envelope]:
        self.said.append(super().apply(step))
        return self.said[-1]


ALL = ("feed", "signals", "account")
APART = tuple(Process(stage, (stage,)) for stage in ALL)
