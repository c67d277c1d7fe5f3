"""An event loop whose time passes only when nothing else happens: an hour of a session takes as long as its work."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class StuckError(Exception):
    """Everybody waits, and nobody is left who could end it."""


class _Selector(selectors.DefaultSelector):
    """Sleeps in the simulated time."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        events = super().select(0)
        if not events:
            if timeout is None:
                raise StuckError("nobody will ever do anything again")
            self.now_s += max(timeout, 0.0)
        return events


class SimulatedLoop(asyncio.SelectorEventLoop):
    """The loop; what belongs in a thread it does at once."""

    def __init__(self) -> None:
        self._selected = _Selector()
        super().__init__(self._selected)

    def time(self) -> float:
        return self._selected.now_s

    def run_in_executor(self, executor: Any, call: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        done: asyncio.Future[Any] = self.create_future()
        try:
            done.set_result(call(*args))
        except Exception as error:  # noqa: BLE001  # the caller's, as from a thread
            done.set_exception(error)
        return done


def simulated(work: Coroutine[Any, Any, Result]) -> Result:
    """Return what `work` comes to, in simulated time."""
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        return runner.run(work)
