"""Whoever leaves a page of the dashboard is forgotten, with all that was kept for them."""

from bokeh_fastapi.handler import WSHandler
from fastapi import WebSocket

_connected = WSHandler.ws_connect


def heed_leaving() -> None:
    """Let Panel's websockets tell their page that they are closed.

    bokeh_fastapi 0.1.8 waits for an exception that Starlette raises in another method only, and notices that somebody
    has left when it next sends them something: whoever leaves before the page is complete would be kept for ever.
    """
    WSHandler.ws_connect = _connected_until_left


async def _connected_until_left(self: WSHandler, websocket: WebSocket) -> None:
    try:
        await _connected(self, websocket)
    finally:
        connection = getattr(self, "connection", None)
        if connection is not None:
            self.application.client_lost(connection)
