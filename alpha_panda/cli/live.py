"""`alpha-panda live`: trade a session on paper, from any feed, and resume it after anything."""

import asyncio
import contextlib
import datetime
import pathlib
import signal
import sys
from collections.abc import Callable
from typing import Annotated, Literal, NamedTuple

from cyclopts import App, Parameter
from rich.console import Console

from alpha_panda import terminal
from alpha_panda.errors import ConfigurationError
from alpha_panda.live.account import AccountEngine
from alpha_panda.live.build import Options, new_state, new_status, new_watched, planned, speed_of, stages_of, trade
from alpha_panda.live.interpreter import Interpreter
from alpha_panda.live.pipeline import STAGES
from alpha_panda.live.status import ENDED, Status
from alpha_panda.live.watch import view
from alpha_panda.live.watch.endpoint import LOOPBACK
from alpha_panda.live.watch.observing import Watching, observing
from alpha_panda.units import format_rupees

app = App(
    name="python -m alpha_panda.live",
    help="Trade a session on paper: strategies, risk and account, from a feed to a proof of what happened.",
    help_epilogue="What a recorded session did is proved by `alpha-panda verify --state DIR`.",
)


@app.default
def live(
    profile: Annotated[
        pathlib.Path, Parameter(name="PROFILE", help="The profile to trade, a TOML file.")
    ] = Options.profile,
    /,
    *,
    feed: Annotated[
        Literal["synthetic", "replay"] | None, Parameter(help="A market made up from a seed, or the catalog's past.")
    ] = None,
    data: Annotated[pathlib.Path | None, Parameter(help="Folder of the catalog to replay; ./data if not said.")] = None,
    first: Annotated[
        datetime.date | None,
        Parameter("--from", help="First day, YYYY-MM-DD in IST, included; a synthetic day's date."),
    ] = None,
    last: Annotated[datetime.date | None, Parameter("--to", help="Last day, included.")] = None,
    instruments: Annotated[
        str, Parameter(help="Symbols for the strategies that name none, such as NSE:INFY,NSE:TCS.", show_default=False)
    ] = "",
    resolution: Annotated[Literal["tick", "1m", "1d"] | None, Parameter(help="Which data to replay.")] = None,
    speed: Annotated[str | None, Parameter(help="Market seconds that pass in a second, or max.")] = None,
    until_end: Annotated[bool, Parameter(help="End with the feed; else the last screen stays until Ctrl-C.")] = True,
    state: Annotated[
        pathlib.Path | None, Parameter(help="Where the session is kept, to be resumed; a new folder if not said.")
    ] = None,
    stages: Annotated[str, Parameter(help="Which stages this process works: feed, signals, account, portfolio.")] = (
        ",".join(STAGES)
    ),
    metrics_port: Annotated[
        int | None, Parameter(help="Port for /metrics, /health/live and /health/ready; 0 takes a free one.")
    ] = None,
    metrics_host: Annotated[str, Parameter(help="Address that they listen on.")] = LOOPBACK,
    web_port: Annotated[
        int | None, Parameter(help="Port of the dashboard; a free one where it is taken. None is served if not said.")
    ] = None,
    web_host: Annotated[str, Parameter(help="Address that it listens on.")] = LOOPBACK,
    web_public_url: Annotated[
        str, Parameter(show_default=False, help="How others reach it; then it also needs ALPHA_PANDA_SECRET.")
    ] = "",
    redo: Annotated[
        bool, Parameter(negative=(), help="Do a session again from its beginning whose kernels or strategies changed.")
    ] = False,
    json: Annotated[bool, Parameter(negative=(), show_default=False, help="Print only the summary, as JSON.")] = False,
) -> None:
    """Trade one session on paper; the same command with its --state goes on where it stopped, whatever stopped it."""
    options = Options(
        profile=profile,
        feed=feed,
        data=data,
        first=first,
        last=last,
        instruments=tuple(name.strip() for name in instruments.split(",") if name.strip()),
        resolution=resolution,
        speed=None if speed is None else speed_of(speed),
        state=state or new_state(),
        stages=stages_of(stages),
        metrics_port=metrics_port,
        metrics_host=metrics_host,
        redo=redo,
    )
    try:
        asyncio.run(_live(options, until_end, json, _Dashboard(web_port, web_host, web_public_url.rstrip("/"))))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


class _Dashboard(NamedTuple):
    """Where the dashboard is served; at no port, it is not."""

    port: int | None
    host: str
    public_url: str


async def _live(options: Options, until_end: bool, json: bool, dashboard: _Dashboard) -> None:
    plan = planned(options)
    stop, status = asyncio.Event(), new_status()
    _listen(stop)
    # Results go to stdout; what is shown on the way there is none, unless a person looks at it.
    console = Console() if sys.stdout.isatty() else Console(stderr=True, force_terminal=False)
    if not json:
        console.print(f"session in {options.state}", highlight=False, soft_wrap=True)

    def tell(line: str) -> None:
        if not console.is_terminal:  # where there is a screen, it shows what is wrong
            console.print(line, highlight=False, markup=False, soft_wrap=True)

    def announce(line: str) -> None:
        status.announced += (line,)
        if not (json or console.is_terminal):  # where there is a screen, it shows them
            console.print(line, highlight=False, markup=False, soft_wrap=True)

    async with observing(status, new_watched(options, None if json else tell)) as watching:
        status.also = [*status.also, Interpreter()]
        if watching.port is not None:
            announce(f"metrics and health at http://{options.metrics_host}:{watching.port}")
        screen = contextlib.nullcontext() if json else view.watching(status, console)
        async with _beside(options, dashboard, watching, announce), screen:
            engine = await trade(plan, status, stop)
            if not until_end:
                await stop.wait()
    for note in status.notes:
        Console(stderr=True).print(note, markup=False, highlight=False, soft_wrap=True)
    if engine is None:
        if json:
            terminal.print_json({"stages": list(options.stages), "phase": status.phase})
    elif json:
        terminal.print_json(engine.stage.summary())
    else:
        _show_summary(engine, status, options.state)


def _beside(
    options: Options, dashboard: _Dashboard, watching: Watching, announce: Callable[[str], None]
) -> contextlib.AbstractAsyncContextManager[None]:
    """Return the context in which the dashboard is served, where a port is named for it."""
    port, host, public_url = dashboard
    if port is None:
        return contextlib.nullcontext()
    try:
        from alpha_panda.apps.web.beside import web_beside
        from alpha_panda.apps.web.build import WebOptions
    except ImportError as error:
        raise ConfigurationError(
            f"the dashboard needs {error.name}: install it with `pip install alpha-panda[web]`"
        ) from None
    served = WebOptions(state=options.state, host=host, public_url=public_url, watching=watching)
    return web_beside(served, port, announce)


def _listen(stop: asyncio.Event) -> None:
    """Let the first SIGINT or SIGTERM stop the intake, and a second one end the process at once."""
    trading = asyncio.current_task()
    assert trading is not None

    def heard() -> None:
        if stop.is_set():
            trading.cancel()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, heard)


def _show_summary(engine: AccountEngine, status: Status, state: pathlib.Path) -> None:
    account = engine.stage.account
    counted = {
        "events": account["events"],
        "signals": account["signals"],
        "orders": account["orders_made"],
        "fills": account["fills"],
        "refused": account["refused"],
        "events kept out": status.kept_out,
    }
    money_e4 = {
        "realised": account["realised_e4"],
        "unrealised": account["unrealised_e4"],
        "charges": account["charges"]["total_e4"],
        "cash": account["cash_e4"],
        "equity": account["equity_e4"],
    }
    signed = ("realised", "unrealised")
    rows = [(name, f"{count:,}") for name, count in counted.items()]
    rows += [(name, format_rupees(amount_e4, signed=name in signed)) for name, amount_e4 in money_e4.items()]
    rows += [("ledger hash", engine.stage.ledger_hash())]
    terminal.show(terminal.table("The session on paper", ("figure", "value>"), rows))
    if status.phase == ENDED:
        terminal.show(f"The feed has ended. Prove it: alpha-panda verify --state {state}")
    else:
        terminal.show(f"Stopped. Go on: the same command with --state {state}")
