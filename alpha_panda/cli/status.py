"""`alpha-panda status`: how a session is doing, from any terminal."""

import asyncio
import collections
import dataclasses
import pathlib
import sys
from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from alpha_panda.cli.options import Json
from alpha_panda.errors import ConfigurationError, LogError
from alpha_panda.live.build import new_surroundings, open_log
from alpha_panda.live.control.killswitch import LATCH, KillSwitch
from alpha_panda.live.pipeline import Surroundings
from alpha_panda.live.watch.overview import AccountView, Overview, Position, StageView, look
from alpha_panda.live.watch.screen import GAIN, LOSS, WARN
from alpha_panda.terminal import print_json, show, table
from alpha_panda.units import format_rupees, ist_datetime, to_rupees

UNWELL, KILLED = 13, 14
"""The exit codes where a stage is silent or has failed, and where a person has killed the account."""

_REDRAW_S = 1.0
_COLOURS = {"running": GAIN, "halted": f"bold {LOSS}", "killed": f"bold {LOSS}"}


def status(
    *,
    state: Annotated[pathlib.Path, Parameter(help="The directory of the session, live/state/….")],
    follow: Annotated[bool, Parameter(negative=(), help="Draw it again every second, until Ctrl-C.")] = False,
    json: Json = False,
) -> int:
    """Show the stages of a session with their lag, its account, its positions and what was refused.

    The exit code is 0 where all is well, 13 where a stage is silent for more than five seconds or has failed, and
    14 where the account is killed. A stage that was stopped or has come to its end is well.
    """
    if follow and json:
        raise ConfigurationError("--follow draws a screen and --json prints one object: leave out one of them")
    if follow and not sys.stdout.isatty():
        raise ConfigurationError("--follow draws a screen, and there is no terminal to draw it on: leave it out")
    try:
        overview = asyncio.run(_follow(state) if follow else _look(state))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    if json:
        print_json(_plain(state, overview))
    elif not follow:
        show(drawn(state, overview))
    return UNWELL if overview.troubles else KILLED if overview.killed else 0


async def _look(state: pathlib.Path) -> Overview:
    surroundings = new_surroundings()
    async with open_log(state, read_only=True) as log:
        return await look(log, state, KillSwitch(state, surroundings.monotonic), surroundings.wall_ns())


async def _follow(state: pathlib.Path) -> Overview:
    """Draw the session again and again; a log that goes away is waited for."""
    surroundings = new_surroundings()
    with Live(console=Console(), screen=True, auto_refresh=False) as live:
        while True:
            try:
                await _redraw(state, live, surroundings)
            except LogError as error:
                live.update(Text(str(error), LOSS), refresh=True)
                await surroundings.sleep(_REDRAW_S)


async def _redraw(state: pathlib.Path, live: Live, surroundings: Surroundings) -> None:
    switch = KillSwitch(state, surroundings.monotonic)
    async with open_log(state, read_only=True) as log:
        while True:
            live.update(drawn(state, await look(log, state, switch, surroundings.wall_ns())), refresh=True)
            await surroundings.sleep(_REDRAW_S)


# ── As tables ────────────────────────────────────────────────────────────────────────────────────────────────────────


def drawn(state: pathlib.Path, overview: Overview) -> Group:
    """Return a session as a person reads it."""
    columns = ("stage", "process", "phase", "reported>", "lag>", "market time", "note")
    parts: list[RenderableType] = [table(f"The session in {state}", columns, map(_stage, overview.stages))]
    if overview.account is not None:
        parts += [Text(), _account(overview.account, overview.refusals)]
        parts += [Text(f"Strategy {name} is paused", WARN) for name in overview.account.paused]
        parts += [
            Text(f"Strategy {name} is disabled after too many refusals, until it is reset", LOSS)
            for name in overview.account.disabled
        ]
    if overview.positions:
        columns = ("instrument", "strategy", "quantity>", "last fill>", "at")
        parts += [Text(), table("Positions", columns, map(_position, overview.positions))]
    if overview.latch is not None:
        latch = overview.latch
        why = f": {latch.reason}" if latch.reason else ""
        engaged = f"The latch {state / LATCH} is engaged by {latch.who}, {_clock(latch.time_ns)}{why}"
        parts.append(Text(engaged, LOSS))
    if overview.waiting:
        parts.append(Text(f"{overview.waiting} commands wait for a session to take them up", WARN))
    return Group(*parts)


def _stage(view: StageView) -> Sequence[RenderableType]:
    of = f" {','.join(map(str, view.partitions))}" if len(view.partitions) > 1 or any(view.partitions) else ""
    phase = Text(f"{view.phase or ''} ({view.trouble})".strip(), LOSS) if view.trouble else Text(view.phase or "")
    return (
        f"{view.stage}{of}",
        view.holder,
        phase,
        f"{view.age_s:,.1f} s ago" if view.phase else "",
        "" if view.lag is None else f"{view.lag:,}",
        _clock(view.market_ns),
        view.note,
    )


def _account(account: AccountView, refusals: collections.Counter[str]) -> RenderableType:
    counts = {"positions": account.positions, "orders at work": account.orders_working, "fills": account.fills}
    figures: dict[str, RenderableType] = {
        "account": Text(account.state, _COLOURS.get(account.state, WARN)),
        "equity>": format_rupees(account.equity_e4),
        "day P&L, net>": "" if account.day_e4 is None else format_rupees(account.day_e4, signed=True),
        "cash>": format_rupees(account.cash_e4),
        "exposure>": format_rupees(account.gross_e4),
        **{f"{name}>": "" if count is None else f"{count:,}" for name, count in counts.items()},
        "refused>": "" if account.refused is None else f"{account.refused:,}",
        "lately refused by": ", ".join(f"{code} {count:,}" for code, count in refusals.most_common(4)),
    }
    return table("Account", tuple(figures), [tuple(figures.values())])


def _position(position: Position) -> Sequence[RenderableType]:
    return (
        position.symbol,
        position.strategy,
        f"{position.quantity:,}".replace("-", "−"),
        format_rupees(position.price_e4),
        _clock(position.time_ns),
    )


def _clock(time_ns: int) -> str:
    return f"{ist_datetime(time_ns):%Y-%m-%d %H:%M:%S}" if time_ns else ""


# ── As JSON ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _plain(state: pathlib.Path, overview: Overview) -> dict[str, Any]:
    """Return a session in rupees and IST."""
    return {
        "state": state,
        "well": not overview.troubles,
        "killed": overview.killed,
        "troubles": overview.troubles,
        "stages": [_in_rupees(dataclasses.asdict(view)) for view in overview.stages],
        "account": None if overview.account is None else _in_rupees(dataclasses.asdict(overview.account)),
        "positions": [_in_rupees(dataclasses.asdict(each)) for each in overview.positions],
        "refusals": dict(overview.refusals),
        "latch": None
        if overview.latch is None
        else {"who": overview.latch.who, "reason": overview.latch.reason, "time": _clock(overview.latch.time_ns)},
        "waiting": overview.waiting,
    }


def _in_rupees(fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields as people read them: amounts in rupees, instants in IST."""
    told: dict[str, Any] = {}
    for name, value in fields.items():
        if name.endswith("_e4"):
            told[name.removesuffix("_e4")] = None if value is None else to_rupees(value)
        elif name.endswith("_ns"):
            told[name.removesuffix("_ns")] = _clock(value) or None
        else:
            told[name] = value
    return told
