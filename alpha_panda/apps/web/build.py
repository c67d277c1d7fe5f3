"""The composition root of the web app: the clocks, chance and environment of this machine, and what they make."""

import asyncio
import contextlib
import dataclasses
import importlib.metadata
import ipaddress
import os
import pathlib
import secrets
import socket
import sys
import time
import urllib.parse
from collections.abc import AsyncGenerator, Callable, Iterable
from typing import cast

import prometheus_client

from alpha_panda.apps.alerts.channels import ALERTS, Channels
from alpha_panda.apps.alerts.watching import AlertEngine
from alpha_panda.apps.desk.desk import Desk
from alpha_panda.apps.desk.looking import Surroundings
from alpha_panda.apps.web.application import Application, create_application
from alpha_panda.apps.web.metrics import WebMetrics
from alpha_panda.apps.web.parts import Parts
from alpha_panda.apps.web.serving import Serving
from alpha_panda.apps.web.tokens import SECRET_LENGTH_MIN
from alpha_panda.database import database_url, open_database
from alpha_panda.errors import ConfigurationError
from alpha_panda.live import pipeline
from alpha_panda.live.build import (
    REDIS_URL,
    STATES,
    kafka_address,
    log_writer,
    new_surroundings,
    open_log,
    open_store,
    worked_on,
)
from alpha_panda.live.watch.endpoint import LOOPBACK, serving
from alpha_panda.live.watch.logs import Logs
from alpha_panda.live.watch.observing import Watching
from alpha_panda.live.watch.redaction import Redaction, secrets_in

SECRET = "ALPHA_PANDA_SECRET"
"""The environment variable that holds what tokens are signed with."""

_SWITCH_S = 0.0005  # as where a session trades
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclasses.dataclass(frozen=True, kw_only=True)
class WebOptions:
    """What a person may ask of the web app."""

    state: pathlib.Path  # the session that is shown
    host: str = LOOPBACK
    public_url: str = ""  # how visitors reach it, where that is not its own address
    proxy: str = ""  # the address of a proxy whose word for a visitor's address is taken
    metrics_port: int | None = None  # where a scraper finds the app's metrics without signing in; 0 takes a free one
    metrics_host: str = LOOPBACK
    notebooks: pathlib.Path = pathlib.Path("notebooks")
    watching: Watching | None = None  # what watches the process, where it trades as well


async def serve_web(
    options: WebOptions, listening: socket.socket, stop: asyncio.Event, tell: Callable[[str], None]
) -> None:
    """Serve the web app on a bound socket until `stop` is set; `tell` is given the address, and how to sign in.

    Raises ConfigurationError for options that cannot be, DatabaseError where the database cannot be opened.
    """
    # Log and database are read by threads, each of which waits for its turn so long at most, again and again.
    sys.setswitchinterval(_SWITCH_S)
    async with _application(options, tell) as application:
        server = Serving(application, options.proxy)
        address = options.public_url or _address(options.host, listening.getsockname()[1])
        for line in await _greeting(application, options, address):
            tell(line)
        await server.serve_on(listening, stop)


@contextlib.asynccontextmanager
async def _application(options: WebOptions, tell: Callable[[str], None]) -> AsyncGenerator[Application]:
    secret, public = check_exposure(options), urllib.parse.urlsplit(options.public_url)
    surroundings, metrics, redaction = new_surroundings(), WebMetrics(), Redaction(secrets_in(os.environ))
    async with contextlib.AsyncExitStack() as resources:
        watching, session = options.watching, options.state.absolute().name
        logs = (
            watching.logs
            if watching is not None
            else resources.enter_context(Logs(options.state / "logs", time.time_ns, session, metrics, redaction, tell))
        )
        if options.metrics_port is not None:
            scraped = cast("Callable[..., Iterable[bytes]]", prometheus_client.make_wsgi_app(metrics.registry))
            port = resources.enter_context(serving(scraped, options.metrics_port, options.metrics_host))
            tell(f"metrics at {_address(options.metrics_host, port)}/metrics")
        desk = _desk(options.state, surroundings, redaction)
        database = await resources.enter_async_context(open_database(database_url()))
        # Processes of two containers may have the same number, and the machine's name.
        holder = f"{surroundings.holder}, {desk.boot_id}"
        channels = Channels(os.environ.get(ALERTS, ""), surroundings.wall_ns, surroundings.monotonic)
        parts = Parts(
            desk=desk,
            database=database,
            alarms=AlertEngine(desk, session, holder, database, channels, surroundings.wall_ns, surroundings.monotonic),
            secret=secret,
            hosts=_LOOPBACK_NAMES | {public.hostname} if public.hostname else _LOOPBACK_NAMES,
            secure=public.scheme == "https",
            notebooks=options.notebooks if options.notebooks.is_dir() else None,
            redaction=redaction,
            metrics=metrics,
            exposition=(lambda: watching.metrics.exposition()[1]) if watching is not None else bytes,
            log=logs.channel("api"),
            version=importlib.metadata.version("alpha-panda"),
            holder=surroundings.holder,
            environment=os.environ,
            wall_ns=surroundings.wall_ns,
            monotonic=surroundings.monotonic,
            sleep=surroundings.sleep,
            random_bytes=secrets.token_bytes,
        )
        resources.callback(parts.passwords.close)
        yield create_application(parts)


def check_exposure(options: WebOptions) -> bytes:
    """Return the secret that tokens are signed with; ConfigurationError where others could reach what it guards badly.

    On this machine alone a secret that lasts as long as the process will do.
    """
    given = os.environ.get(SECRET, "")
    if options.proxy and not _is_some_machine(options.proxy):
        raise ConfigurationError(f"--proxy {options.proxy} is no address: whoever is believed says where visitors are")
    if given and len(given) < SECRET_LENGTH_MIN:
        raise ConfigurationError(f"{SECRET} has {len(given)} characters, and at least {SECRET_LENGTH_MIN} are needed")
    if given and len(set(given)) < SECRET_LENGTH_MIN // 4:
        raise ConfigurationError(f"{SECRET} says the same again and again: make one with `openssl rand -hex 32`")
    if is_loopback(options.host) and not options.public_url:
        return given.encode() or secrets.token_bytes(SECRET_LENGTH_MIN)
    if not given:
        raise ConfigurationError(
            f"others could reach the web app: set {SECRET}, for example to what `openssl rand -hex 32` prints"
        )
    public = urllib.parse.urlsplit(options.public_url)
    if public.scheme not in ("http", "https") or not public.hostname:
        raise ConfigurationError(
            "others could reach the web app: say by which address, as --public-url https://panda.example.com"
        )
    return given.encode()


def is_loopback(host: str) -> bool:
    """Return whether nobody but this machine can reach a host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_some_machine(text: str) -> bool:
    """Return whether a text is an address, or a network that is not the whole world."""
    try:
        return ipaddress.ip_network(text, strict=False).prefixlen > 0
    except ValueError:
        return False


def session_here() -> pathlib.Path:
    """Return the folder of the session that runs, or else of the one that a process worked on last.

    Raises ConfigurationError where there is none, and where several run: a STOP must not reach the wrong one.
    """
    worked_ns = worked_on(STATES)
    running = sorted(path for path in worked_ns if log_writer(path))
    if len(running) > 1:
        raise ConfigurationError(f"{', '.join(map(str, running))} run at the same time: name one with --state")
    if not worked_ns:
        raise ConfigurationError(f"there is no session in {STATES}: start one with make live, or name it with --state")
    return running[0] if running else max(worked_ns, key=lambda path: worked_ns[path])


def _desk(state: pathlib.Path, surroundings: pipeline.Surroundings, redaction: Redaction) -> Desk:
    address = os.environ.get(REDIS_URL)
    return Desk(
        Surroundings(
            state=state,
            open_log=lambda read_only: open_log(state, read_only),
            open_store=lambda: open_store(address),
            folds=not address,
            embedded=lambda: not kafka_address(state=state),
            running=log_writer,
            wall_ns=surroundings.wall_ns,
            monotonic=surroundings.monotonic,
            sleep=surroundings.sleep,
            boot_id=secrets.token_hex(8),
            fit=redaction.text,
        )
    )


async def _greeting(application: Application, options: WebOptions, address: str) -> list[str]:
    """Return what a person should know who started it: where it is, and how to come in."""
    token = secrets.token_urlsafe(32)
    if is_loopback(options.host) and not options.public_url and await application.signing_in.new_link(token):
        return [f"dashboard at {address}", f"sign in once, within ten minutes: {address}/sign-in#link={token}"]
    return [f"dashboard at {address}"]


def _address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
