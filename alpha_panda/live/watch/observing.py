"""Everything that watches one process, put together: metrics, health, structured logs, spans and their endpoint."""

import asyncio
import contextlib
import dataclasses
import pathlib
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import NamedTuple

from alpha_panda.live.status import Status
from alpha_panda.live.watch.chronicle import Chronicle
from alpha_panda.live.watch.endpoint import LOOPBACK, Endpoint, serving
from alpha_panda.live.watch.health import Health, beat
from alpha_panda.live.watch.logs import Logs
from alpha_panda.live.watch.metrics import Metrics
from alpha_panda.live.watch.redaction import Redaction, secrets_in
from alpha_panda.live.watch.tracing import tracing


@dataclasses.dataclass(frozen=True, kw_only=True)
class Watched:
    """What is watched, where it is told, and on which clocks."""

    state: pathlib.Path  # the session's folder, after which it is named; logs are kept in it
    stages: Sequence[str]  # that this process works
    holder: str  # the process, and the machine it runs on
    version: str
    environment: Mapping[str, str]  # in which secrets may stand, and where spans go
    wall_ns: Callable[[], int]
    monotonic: Callable[[], float]
    port: int | None = None  # of the endpoint; None serves none, 0 a free one
    host: str = LOOPBACK
    level: str = "info"  # of the logs
    tell: Callable[[str], None] | None = None  # what a person should know who sees no screen


class Watching(NamedTuple):
    """What watches a process, for whoever shows it; `port` is that of its endpoint, None where it has none."""

    port: int | None
    logs: Logs
    metrics: Metrics


@contextlib.asynccontextmanager
async def observing(status: Status, watched: Watched) -> AsyncGenerator[Watching]:
    """Let what `status` is told reach metrics, health, logs and spans as well.

    Raises ConfigurationError where the endpoint cannot listen, logs cannot be kept, or spans cannot be made.
    """
    monotonic, wall_ns, session = watched.monotonic, watched.wall_ns, watched.state.absolute().name
    metrics = Metrics(monotonic, wall_ns, watched.version, session, watched.stages)
    health = Health(monotonic, watched.stages)
    redaction = Redaction(secrets_in(watched.environment))
    who = {"service.instance.id": watched.holder, "session": session, "stages": ",".join(watched.stages)}

    def tell(line: str) -> None:
        status.warnings.append(line)
        if watched.tell is not None:
            watched.tell(line)

    with contextlib.ExitStack() as resources:
        logs = resources.enter_context(
            Logs(watched.state / "logs", wall_ns, session, metrics, redaction, tell, watched.level)
        )
        spans = resources.enter_context(tracing(watched.environment, monotonic, wall_ns, who))
        served = None
        if watched.port is not None:
            served = resources.enter_context(serving(Endpoint(metrics, health, redaction), watched.port, watched.host))
            logs.channel("api").info("the endpoint listens", host=watched.host, port=served)
        status.also = [metrics, health, Chronicle(logs, monotonic), *([spans] if spans else [])]
        beating = asyncio.create_task(beat(status, health))
        try:
            yield Watching(served, logs, metrics)
        finally:
            status.also = ()
            beating.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await beating
