"""`python -m tests.benchmarks.serving STATE`: the web app over a session, its pages drawn ten times a second."""

import asyncio
import pathlib
import signal
import sys

from alpha_panda.apps.dashboard import refreshing
from alpha_panda.apps.web.build import WebOptions, serve_web
from alpha_panda.apps.web.serving import bound

PERIOD_MS = 100


def hurry() -> None:
    """Draw whatever a page shows of the desk ten times a second, which pages do at most; twice is usual."""
    usual = refreshing.repeat
    refreshing.repeat = lambda flush, every_ms: usual(flush, min(every_ms, PERIOD_MS))


async def serve(state: pathlib.Path) -> None:
    """Serve as `alpha-panda web --port 0` does, until SIGTERM; each line for a person goes to stdout at once."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    with bound("127.0.0.1", 0) as listening:
        await serve_web(WebOptions(state=state), listening, stop, lambda line: print(line, flush=True))


if __name__ == "__main__":
    hurry()
    asyncio.run(serve(pathlib.Path(sys.argv[1])))
