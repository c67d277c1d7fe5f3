"""The process's HTTP endpoint: its metrics and its health, answered from threads of its own.

It reads, and changes nothing. It answers also while the event loop is stuck, which is when it matters. It listens to
this machine alone unless told otherwise, since figures of an account are nobody else's business.
"""

import contextlib
import json
import socket
import socketserver
import threading
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from alpha_panda.errors import ConfigurationError
from alpha_panda.live.watch.health import Check, Health
from alpha_panda.live.watch.metrics import Metrics
from alpha_panda.live.watch.redaction import Redaction

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

LOOPBACK = "127.0.0.1"

_SLOWEST_REQUEST_S = 5.0
_PLACES = ("/metrics", "/health/live", "/health/ready")


class _Answer(NamedTuple):
    status: str
    content_type: str
    body: bytes


class Endpoint:
    """What is asked and answered, as a WSGI application; the reasons of checks may quote what holds a secret."""

    def __init__(self, metrics: Metrics, health: Health, redaction: Redaction) -> None:
        self._metrics = metrics
        self._health = health
        self._redaction = redaction

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer one request."""
        method, place = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if method in ("GET", "HEAD"):
            answer = self._answer(place, environ.get("HTTP_ACCEPT", ""))
        else:
            answer = _json("405 Method Not Allowed", {"error": "this endpoint is only read: GET or HEAD"})
        headers = [("Content-Type", answer.content_type), ("Content-Length", str(len(answer.body)))]
        start_response(answer.status, [*headers, ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")])
        return [b"" if method == "HEAD" else answer.body]

    def _answer(self, place: str, accept: str) -> _Answer:
        match place:
            case "/metrics":
                for name, check in self._health.ready().items():
                    self._metrics.on_health_check(name, *check)
                return _Answer("200 OK", *self._metrics.exposition(accept))
            case "/health/live":
                return self._verdict("live", self._health.live())
            case "/health/ready":
                return self._verdict("ready", self._health.ready())
            case "/":
                return _json("200 OK", {"places": _PLACES})
            case _:
                return _json("404 Not Found", {"error": f"there is only {', '.join(_PLACES)}"})

    def _verdict(self, name: str, checks: Mapping[str, Check]) -> _Answer:
        passes = all(check.passes for check in checks.values())
        told = {
            each: {"passes": check.passes, "reason": self._redaction.text(check.reason)}
            for each, check in checks.items()
        }
        return _json("200 OK" if passes else "503 Service Unavailable", {name: passes, "checks": told})


def _json(status: str, body: Mapping[str, Any]) -> _Answer:
    return _Answer(status, "application/json", json.dumps(body, indent=2).encode() + b"\n")


class _Handler(WSGIRequestHandler):
    timeout = _SLOWEST_REQUEST_S  # of a client that sends no request, so that it holds no thread

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a scrape every few seconds is no news."""


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True  # a client that never finishes keeps no process from ending

    def server_bind(self) -> None:
        """Bind without asking the network for this machine's name, which can take long where there is none."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()


class _ServerOf6(_Server):
    address_family = socket.AF_INET6


@contextlib.contextmanager
def serving(application: Callable[..., Iterable[bytes]], port: int, host: str = LOOPBACK) -> Generator[int]:
    """Serve `application` from other threads for as long as the context lasts; give its port, a free one for 0.

    Raises ConfigurationError where it cannot listen there.
    """
    kind = _ServerOf6 if ":" in host else _Server
    try:
        server = kind((host, port), _Handler)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigurationError(
            f"metrics cannot be served at {host} port {port}: {reason}; choose another with --metrics-port"
        ) from None
    server.set_app(application)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="metrics", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
