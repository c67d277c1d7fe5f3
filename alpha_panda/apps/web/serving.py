"""The server: uvicorn on a socket that is bound before anything else begins, until it is told to stop."""

import asyncio
import contextlib
import socket
from collections.abc import Generator

import uvicorn
from starlette.types import ASGIApp

from alpha_panda.apps.web.patience import PatientProtocol, PatientSocket
from alpha_panda.errors import ConfigurationError

_CLOSING_S = 2  # for answers under way; streams and websockets have no end of their own
_LONGEST_MESSAGE = 4 * 2**20  # bytes, from a websocket
_BACKLOG = 256


def bound(host: str, port: int, or_free: bool = False) -> socket.socket:
    """Return a socket that listens at `host` and `port`, a free one for 0, or where `or_free` allows it.

    Raises ConfigurationError where it cannot.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        # An address that another process listens at can be bound as well: only this says that it is taken.
        listening.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        listening.close()
        if or_free and port:
            return bound(host, 0)
        reason = getattr(error, "strerror", None) or str(error).rstrip(".")
        raise ConfigurationError(
            f"the web app cannot be served at {host} port {port}: {reason}; give it another address or port"
        ) from None
    return listening


class Serving(uvicorn.Server):
    """Serves one application from the event loop that it is run on; signals are the affair of whoever runs it."""

    def __init__(self, app: ASGIApp, proxy: str = "") -> None:
        """`proxy` is the address from which forwarded addresses are believed; none where it is empty."""
        config = uvicorn.Config(
            app,
            http=PatientProtocol,
            ws=PatientSocket,
            log_config=None,
            log_level="error",  # else whoever sends what is no HTTP writes a line on the terminal with each
            access_log=False,
            server_header=False,
            proxy_headers=bool(proxy),
            forwarded_allow_ips=proxy,
            timeout_graceful_shutdown=_CLOSING_S,
            ws_max_size=_LONGEST_MESSAGE,
            ws_per_message_deflate=False,  # what is sent is small, and to compress it for each viewer takes longer
            lifespan="on",
        )
        super().__init__(config)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals alone."""
        yield

    async def serve_on(self, listening: socket.socket, stop: asyncio.Event) -> None:
        """Serve on a bound socket until `stop` is set; ConfigurationError where the application does not start."""
        waiting = asyncio.create_task(self._until(stop))
        try:
            await self.serve(sockets=[listening])
        except SystemExit:
            raise ConfigurationError("the web app does not start: the line before this one says why") from None
        finally:
            waiting.cancel()

    async def _until(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self.should_exit = True
