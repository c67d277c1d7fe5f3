"""The pages of the dashboard as bokeh_fastapi 0.1.8 serves them, with what it leaves open closed."""

import contextlib
from typing import Any

from bokeh.util.token import check_token_signature
from bokeh_fastapi.handler import DocHandler, WSHandler
from fastapi import Request, WebSocket
from fastapi.responses import HTMLResponse

_POLICY_VIOLATED = 1008  # of RFC 6455, section 7.4.1

_answered, _connected = DocHandler.get, WSHandler.ws_connect


def mend_pages() -> None:
    """Let each page be its visitor's own, its websocket open for its own token alone, and its end be heard."""
    handler: Any = DocHandler  # what it answers takes one parameter less
    handler.get = _answered_anew
    WSHandler.ws_connect = _connected_until_left


async def _answered_anew(self: DocHandler, request: Request) -> HTMLResponse:
    """Make a page.

    Bokeh would take the id of a page that there is from the address: whoever followed such a link would share the page
    of whoever wrote it, who can put code into that, for the other to run with other rights.
    """
    return await _answered(self, request, None)


async def _connected_until_left(self: WSHandler, websocket: WebSocket) -> None:
    """Let a websocket be spoken on, and its page know when it is closed.

    bokeh_fastapi waits for an exception that Starlette raises in another method only, and notices that somebody has
    left when it next sends them something: whoever leaves before the page is complete would be kept for ever.
    """
    if not _is_of_a_page(self, websocket):
        return await websocket.close(_POLICY_VIOLATED, "no page of this app opened this: load it again")
    try:
        with contextlib.suppress(RuntimeError):  # raised of a page that is too old, once its websocket is closed
            await _connected(self, websocket)
    finally:
        connection = getattr(self, "connection", None)
        if connection is not None:
            self.application.client_lost(connection)
    return None


def _is_of_a_page(self: WSHandler, websocket: WebSocket) -> bool:
    """Return whether a websocket shows a token that was signed here; Bokeh would first unpack whatever it is."""
    match websocket.scope["subprotocols"]:
        case ["bokeh", str() as token]:
            try:
                return check_token_signature(token, self.application.secret_key, self.application.sign_sessions)
            except Exception:  # noqa: BLE001  # whatever it is that somebody wrote, it is no token
                return False
        case _:
            return False
