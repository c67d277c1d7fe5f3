"""A session's log that a test writes by hand, frame by frame."""

import asyncio
import dataclasses
import pathlib

from alpha_panda.instruments import Universe
from alpha_panda.kernels.records import Records
from alpha_panda.live.envelope import Envelope
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.messages import Payload, Phase, StageReport
from alpha_panda.live.routing import new_record
from alpha_panda.live.spreading import Spreader
from alpha_panda.live.topics import SESSIONS, STAGES, Topic, market_ticks
from tests.live.trading import blueprint
from tests.market import shares

TWO = shares(2)


class Written:
    """A log that is written by hand, as a session leaves it whose feed says this."""

    def __init__(self, state: pathlib.Path, universe: Universe = TWO, partitions: int = 1) -> None:
        self.state = state
        self._topic = market_ticks(partitions)
        self._spreader = Spreader(universe, self._topic)
        self._sequence = 0
        made_of = dataclasses.replace(blueprint(universe=universe), partitions=partitions)
        asyncio.run(self._append((SESSIONS, 0, 0, made_of.record(0))))

    def frames(self, *arrivals: Records) -> "Written":
        """Put what arrived together in a frame of each partition."""
        for events in arrivals:
            for partition, ticks in enumerate(self._spreader.frames(events, 0)):
                asyncio.run(self._append((self._topic, partition, self._sequence, ticks)))
            self._sequence += 1
        return self

    def report(self, phase: Phase) -> "Written":
        """Let the feed say how it is."""
        asyncio.run(self._append((STAGES, 0, 0, StageReport("feed", (0,), "a test", phase, 0, (), {}))))
        return self

    async def _append(self, *told: tuple[Topic, int, int, Payload]) -> None:
        async with SqliteLog(self.state) as log:
            for topic, partition, sequence, data in told:
                message = Envelope.begin(data, origin="a test", source="hand", index=sequence, time_ns=0)
                await log.append([new_record(topic, message.stamped(1, sequence), partition)])
