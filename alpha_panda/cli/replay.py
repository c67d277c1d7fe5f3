"""`alpha-panda replay`: a recorded session as it was at a moment."""

import datetime
import pathlib
from typing import Annotated, Any

import polars as pl
from cyclopts import Parameter

from alpha_panda.cli.options import Json
from alpha_panda.live.past.timetravel import Moment, replay_at, write_arrays
from alpha_panda.terminal import print_json, show, table

_OF_POSITIONS = ("strategy", "symbol", "quantity", "average", "last", "unrealised", "realised", "charges")
_OF_ORDERS = ("time", "strategy", "symbol", "side", "order_type", "quantity", "filled", "limit", "trigger", "status")
_OF_DECISIONS = ("time", "strategy", "symbol", "side", "asked", "granted", "verdict", "code", "price", "guard")


def replay_session(
    *,
    state: Annotated[pathlib.Path, Parameter(help="The directory of the session, live/state/….")],
    at: Annotated[str, Parameter(help="After which frame, as frame:123, or when in IST, as 2026-11-20T11:00.")],
    arrays: Annotated[pathlib.Path | None, Parameter(help="Write all that is remembered to this .npz file.")] = None,
    json: Json = False,
) -> None:
    """Rebuild the strategies and the account of a session, which may be running, as they were at a moment.

    Every signal and every state of the account on the way is held against the log.
    """
    moment = replay_at(state, at)
    if arrays is not None:
        write_arrays(moment, arrays)
    if json:
        print_json({**_as_json(moment), "arrays": arrays})
        return
    _show(moment)
    if arrays is not None:
        show(f"{len(moment.arrays)} arrays in {arrays}")


def _as_json(moment: Moment) -> dict[str, Any]:
    return {
        "frame": moment.frame,
        "time": moment.time,
        **moment.summary,
        "state_digest": moment.state_digest,
        "positions": moment.positions.rows(named=True),
        "orders_at_work": moment.orders.rows(named=True),
        "last_decisions": moment.decisions.rows(named=True),
    }


def _show(moment: Moment) -> None:
    title = f"After frame {moment.frame:,}, {moment.time:%Y-%m-%d %H:%M:%S} IST"
    show(table(title, ("figure", "value"), [(name, _text(value)) for name, value in moment.summary.items()]))
    for name, frame, columns in (
        ("Positions", moment.positions, _OF_POSITIONS),
        ("Orders at work", moment.orders, _OF_ORDERS),
        ("Last decisions", moment.decisions, _OF_DECISIONS),
    ):
        if len(frame):
            show(_table(name, frame.select(columns)))
        else:
            show(f"{name.lower()}: none")


def _table(title: str, frame: pl.DataFrame) -> Any:
    heads = [f"{name}>" if kind.is_numeric() else name for name, kind in frame.schema.items()]
    return table(title, heads, [tuple(map(_text, row)) for row in frame.iter_rows()])


def _text(value: Any) -> str:
    if isinstance(value, datetime.datetime):
        return f"{value:%H:%M:%S}"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}" if isinstance(value, float) else str(value)
