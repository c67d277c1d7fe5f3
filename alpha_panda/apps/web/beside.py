"""The web app beside a session that trades in the same process: in a thread and an event loop of its own."""

import asyncio
import contextlib
import os
import selectors
import socket
import threading
import time
import warnings
from collections.abc import AsyncGenerator, Callable

from pydantic.warnings import UnsupportedFieldAttributeWarning

from alpha_panda.apps.web.build import WebOptions, check_exposure, serve_web
from alpha_panda.apps.web.serving import bound
from alpha_panda.errors import AlphaPandaError
from alpha_panda.live.watch.redaction import Redaction, secrets_in

_REST = 2.0  # a third of the interpreter's time at most


@contextlib.asynccontextmanager
async def web_beside(options: WebOptions, port: int, tell: Callable[[str], None]) -> AsyncGenerator[None]:
    """Serve the web app for as long as the context lasts; `tell` is given lines for a person, from any thread.

    A port that is taken gives way to a free one, for a session must not wait for a screen. Raises ConfigurationError
    where the app may not be served as it is asked for; what goes wrong later is told, and trading goes on.
    """
    check_exposure(options)
    with bound(options.host, port, or_free=True) as listening:
        served = listening.getsockname()[1]
        if port not in (0, served):
            tell(f"port {port} is taken: the dashboard takes {served} instead")
        # FastAPI silences it where it makes its routes, and a thread that silences another undoes that for both.
        warnings.simplefilter("ignore", UnsupportedFieldAttributeWarning)
        beside = _Beside(options, listening, tell)
        beside.start()
        try:
            yield
        finally:
            beside.stop()
            await asyncio.to_thread(beside.join)


class _Beside(threading.Thread):
    """The thread, which never outlives the process."""

    def __init__(self, options: WebOptions, listening: socket.socket, tell: Callable[[str], None]) -> None:
        super().__init__(name="web", daemon=True)
        self._options, self._listening, self._tell = options, listening, tell
        self._loop = asyncio.SelectorEventLoop(Considerate())
        self._ending = asyncio.Event()

    def run(self) -> None:
        """Serve until stopped."""
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(serve_web(self._options, self._listening, self._ending, self._tell))
        except AlphaPandaError as error:
            self._tell_failure("the dashboard is not served", str(error))
        except Exception as error:  # noqa: BLE001  # whatever it is, the session trades on
            self._tell_failure("the dashboard is not served, by a defect of ours", f"{type(error).__name__}: {error}")

    def _tell_failure(self, what: str, why: str) -> None:
        """Tell a person, and whatever keeps what the terminal is told, what has failed, without any secret."""
        self._tell(f"{what}: {Redaction(secrets_in(os.environ)).text(why)}")

    def stop(self) -> None:
        """Ask it to end."""
        with contextlib.suppress(RuntimeError):  # its loop is closed, since it has ended by itself
            self._loop.call_soon_threadsafe(self._ending.set)


class Considerate(selectors.DefaultSelector):
    """Lets the event loop of a thread rest after each turn, for some times as long as that kept it busy.

    The interpreter is shared with the session that trades: many visitors then make the screens slow, not the orders.
    """

    def __init__(self) -> None:
        super().__init__()
        self._began_s = time.thread_time()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Rest, then wait as any selector does."""
        time.sleep(_REST * max(time.thread_time() - self._began_s, 0.0))
        ready = super().select(timeout)
        self._began_s = time.thread_time()
        return ready
