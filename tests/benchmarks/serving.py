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
    """Draw pages ten times a second, as often as they may be, instead of twice; curve and limits as usual."""
    refreshing.PERIOD_MS = PERIOD_MS


async def serve(state: pathlib.Path) -> None:
    """Serve as `alpha-panda web --port 0` does, until SIGTERM; each line for a person goes to stdout at once."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    with bound("127.0.0.1", 0) as listening:
        await serve_web(WebOptions(state=state), listening, stop, lambda line: print(line, flush=True))


if __name__ == "__main__":
    hurry()
    asyncio.run(serve(pathlib.Path(sys.argv[1])))
