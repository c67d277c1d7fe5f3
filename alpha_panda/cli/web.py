"""`alpha-panda web`: the operator's screen of one session, served to a browser."""

import asyncio
import pathlib
import signal
from typing import Annotated

from cyclopts import Parameter

from alpha_panda.errors import ConfigurationError
from alpha_panda.live.watch.endpoint import LOOPBACK
from alpha_panda.terminal import show


def web(
    *,
    state: Annotated[
        pathlib.Path | None,
        Parameter(help="The directory of the session; else in live/state the one that runs, or ran last."),
    ] = None,
    host: Annotated[str, Parameter(help="Address to listen on; this machine alone, unless you say otherwise.")] = (
        LOOPBACK
    ),
    port: Annotated[int, Parameter(help="Port to listen on; 0 takes a free one.")] = 8000,
    public_url: Annotated[
        str, Parameter(show_default=False, help="How others reach it, as https://panda.example.com.")
    ] = "",
    proxy: Annotated[
        str, Parameter(show_default=False, help="Address or network of a proxy in front, which is believed who visits.")
    ] = "",
    metrics_port: Annotated[
        int | None, Parameter(help="Port for /metrics, for a scraper that does not sign in; 0 takes a free one.")
    ] = None,
    metrics_host: Annotated[str, Parameter(help="Address that they listen on.")] = LOOPBACK,
) -> None:
    """Serve dashboard, API and notebooks of a session, until Ctrl-C; it may start and stop whatever the session does.

    Beyond this machine it needs ALPHA_PANDA_SECRET and --public-url. `alpha-panda users add` makes users.
    """
    try:
        from alpha_panda.apps.web.build import WebOptions, serve_web, session_here
        from alpha_panda.apps.web.serving import bound
    except ImportError as error:
        raise ConfigurationError(
            f"the web app needs {error.name}: install it with `pip install alpha-panda[web]`"
        ) from None
    options = WebOptions(
        state=state or session_here(),
        host=host,
        public_url=public_url.rstrip("/"),
        proxy=proxy,
        metrics_port=metrics_port,
        metrics_host=metrics_host,
    )

    show(f"session in {options.state}{'' if options.state.is_dir() else ', where none has begun yet'}")

    async def serve() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        with bound(host, port) as listening:
            await serve_web(options, listening, stop, show)

    asyncio.run(serve())
