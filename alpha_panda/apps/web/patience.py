"""How long, and for how many at once, the server waits: whoever only keeps connections open keeps nobody else out."""

import asyncio
import ipaddress
from typing import TYPE_CHECKING

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from alpha_panda.apps.web.limits import network_of

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveEvent

CONNECTIONS_MAX = 512
"""Connections that are open at once, websockets among them: each is a file of a process that may be trading."""

REQUEST_WITHIN_S = 20.0
"""How long a request may take until all of it is here."""


class PatientProtocol(H11Protocol):
    """One connection of HTTP: it ends where too many are open, and where its request is too slow in coming."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Take a connection, or end it where there are too many."""
        super().connection_made(transport)
        if self._is_one_too_many():
            transport.abort()
        else:
            self._watch()

    def data_received(self, data: bytes) -> None:
        """Take some bytes of a request."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Go on to the next request."""
        super().on_response_complete()
        self._watch()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand the connection over to a websocket, which answers for itself."""
        self._relent()
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._relent()
        super().connection_lost(exc)

    def _is_one_too_many(self) -> bool:
        """Return whether too many are open, in all or of one network, which has half of them unless it is our proxy."""
        if len(self.connections) > CONNECTIONS_MAX:
            return True
        network = network_of(_host_of(self))
        of_network = sum(network_of(_host_of(each)) == network for each in self.connections)
        return of_network > CONNECTIONS_MAX // 2 and not self._is_our_proxy()

    def _is_our_proxy(self) -> bool:
        try:
            believed = ipaddress.ip_network(str(self.config.forwarded_allow_ips), strict=False)
            return ipaddress.ip_address(_host_of(self)) in believed
        except ValueError:
            return False  # none is believed

    def _watch(self) -> None:
        """Let a request that is not all here have its time from its first byte on, any other as long as it takes."""
        is_handed_over = self.transport.get_protocol() is not self
        between = self.timeout_keep_alive_task is not None  # requests: uvicorn itself waits, for some seconds
        answering = bool(self.cycle) and not self.cycle.more_body and not self.cycle.response_complete
        if is_handed_over or between or answering:
            self._relent()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(REQUEST_WITHIN_S, self.transport.abort)

    def _relent(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class PatientSocket(WebSocketsSansIOProtocol):
    """One websocket: of whoever does not read, nothing more is read, and who does not answer is left at once."""

    def pause_writing(self) -> None:
        """Wait until what was sent has been read, also with what would have to be answered, such as pings."""
        super().pause_writing()
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on."""
        super().resume_writing()
        if not self.read_paused:
            self.transport.resume_reading()

    async def receive(self) -> "ASGIReceiveEvent":
        """Return what was said next, once there is room for an answer."""
        await self.writable.wait()
        return await super().receive()

    def keepalive_timeout(self) -> None:
        """End the connection of whoever does not answer; to close it would wait until they have read all."""
        super().keepalive_timeout()
        self.transport.abort()


def _host_of(connection: asyncio.Protocol) -> str:
    """Return where the other end of a connection is, which each of uvicorn's protocols knows."""
    client: tuple[str, int] | None = getattr(connection, "client", None)
    return client[0] if client else ""
