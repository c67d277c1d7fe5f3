"""Where messages arrive in tests: an HTTP receiver and a mail server of this machine."""

import contextlib
import dataclasses
import http.server
import threading
import time
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclasses.dataclass
class Receiver:
    """What came over HTTP, and what is answered."""

    port: int = 0
    status: int = 200
    answer: str = "ok"
    hangs_s: float = 0.0
    paths: list[str] = dataclasses.field(default_factory=list[str])
    bodies: list[str] = dataclasses.field(default_factory=list[str])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"


@contextlib.contextmanager
def receiver() -> Iterator[Receiver]:
    """Give an HTTP server that takes whatever is posted."""
    received = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            time.sleep(received.hangs_s)
            received.paths.append(self.path)
            received.bodies.append(body)
            answer = received.answer.encode()
            with contextlib.suppress(ConnectionError):
                self.send_response(received.status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Mailbox:
    """A mail server's handler, which keeps what it is given."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def handle_DATA(  # noqa: N802  # the name that aiosmtpd calls
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        self.messages.append(message_from_bytes(envelope.content))
        return "250 OK"


@contextlib.contextmanager
def mail_server() -> Iterator[tuple[Mailbox, int]]:
    """Give a mailbox with the port that it is delivered to."""
    mailbox = Mailbox()
    controller = Controller(mailbox, hostname="127.0.0.1", port=_free_port())
    controller.start()
    try:
        yield mailbox, controller.port
    finally:
        controller.stop()


def _free_port() -> int:
    import socket

    with socket.socket() as probing:
        probing.bind(("127.0.0.1", 0))
        return probing.getsockname()[1]


def text_of(message: Message) -> dict[str, str]:
    """Return the parts of a mail by their types."""
    parts = [part for part in message.walk() if not part.is_multipart()]
    return {part.get_content_type(): bytes(part.get_payload(decode=True)).decode() for part in parts}
