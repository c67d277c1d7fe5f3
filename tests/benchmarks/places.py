"""Where the sessions of a case are kept: logs of their own, embedded or on a real Kafka."""

import asyncio
import contextlib
import itertools
import os
import pathlib
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple, get_args

from alpha_panda.live.log.base import Log
from alpha_panda.live.log.kafka import KafkaLog
from alpha_panda.live.log.kafka_topics import KafkaTopics
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.topics import topics_of_session
from tests.kafka import ADDRESS, KafkaServer

Kind = Literal["embedded", "Kafka"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_TOPICS = topics_of_session(["paper"])


class Place(NamedTuple):
    """The folder of one session, and what opens its log."""

    state: pathlib.Path
    open: Callable[[], Log]


@contextlib.contextmanager
def places(kind: Kind) -> Iterator[Callable[[], Place]]:
    """Give what makes the place of a new session; all of them are gone afterwards.

    A case that needs Kafka is skipped, as a test would be, where there is none.
    """
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as resources:
        folder = pathlib.Path(name)
        address = resources.enter_context(_broker(folder)) if kind == "Kafka" else ""
        numbers = itertools.count()

        def new() -> Place:
            state = folder / f"bench-{time.time_ns()}-{next(numbers)}"
            state.mkdir()
            if kind == "embedded":
                return Place(state, lambda: SqliteLog(state, clock=time.time_ns))
            asyncio.run(_create(address, state.name))
            resources.callback(lambda: asyncio.run(_delete(address, state.name)))
            return Place(state, lambda: KafkaLog(address, state.name, _TOPICS))

        yield new


@contextlib.contextmanager
def _broker(folder: pathlib.Path) -> Iterator[str]:
    if address := os.environ.get(ADDRESS):
        yield address
        return
    server = KafkaServer(folder / "kafka")
    server.start()
    try:
        yield server.address
    finally:
        server.kill()


async def _create(address: str, session: str) -> None:
    async with KafkaTopics(address) as topics:
        await topics.create(session, _TOPICS)


async def _delete(address: str, session: str) -> None:
    async with KafkaTopics(address) as topics:
        await topics.delete(session)
