"""Drawing a part of a page so that one that cannot be drawn says so, and of when is what it goes on showing."""

import contextlib
import logging
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Protocol

from alpha_panda.apps.dashboard import shown
from alpha_panda.errors import AlphaPandaError


class Shows(Protocol):
    """What can say that it is not up to date."""

    def fail(self, sentence: str) -> None:
        """Say above what is shown that it is old, and why; nothing is wrong where the sentence is empty."""
        ...


class Drawing:
    """How the drawing of a part goes; what fails is its own affair, and heals with the next attempt that succeeds."""

    def __init__(self, part: Shows) -> None:
        self.fails = False
        self._part = part
        self._of_ns = 0  # of when what is shown is; 0 before anything is

    @contextlib.contextmanager
    def of(self, time_ns: int) -> Generator[None]:
        """Let the context draw what is of `time_ns`; no error leaves it."""
        try:
            yield
        except (AlphaPandaError, OSError) as error:
            self._fail(f"because {error}")
        except Exception:
            if not self.fails:  # or else the log would say it twice a second
                logging.getLogger(__name__).exception("a part of a page cannot be drawn")
            self._fail("by a defect of Alpha Panda")
        else:
            self.fails, self._of_ns = False, time_ns
            self._part.fail("")

    def _fail(self, reason: str) -> None:
        self.fails = True
        said = f"As of {shown.clock(self._of_ns)}, not drawn since" if self._of_ns else "Not drawn"
        self._part.fail(f"{said}, {reason}.")


def attempting(part: Shows, work: Callable[..., Awaitable[None]], now_ns: Callable[[], int]) -> Callable[..., Any]:
    """Return work that draws `part` when it is asked to, and fails as `Drawing` does."""
    drawn = Drawing(part)

    async def attempt(*terms: Any) -> None:
        with drawn.of(now_ns()):
            await work(*terms)

    return attempt
