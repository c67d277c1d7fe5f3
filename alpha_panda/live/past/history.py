"""A recorded session as a notebook reads it: what it ran with, the events it saw, and what its log says it did."""

import asyncio
import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec
import numpy as np
import polars as pl

from alpha_panda.config import Profile
from alpha_panda.data.columns import IST_TIME, in_rupees
from alpha_panda.instruments import Universe
from alpha_panda.kernels.records import EVENT, Records
from alpha_panda.live.arrivals import Arrivals
from alpha_panda.live.build import open_log
from alpha_panda.live.log.base import Log
from alpha_panda.live.messages import Decision, Fill, OrderUpdate
from alpha_panda.live.session import Blueprint, begun, blueprint_of, read_session
from alpha_panda.live.streams import Recording
from alpha_panda.live.topics import Topic

Shown = TypeVar("Shown", Decision, Fill, OrderUpdate)


@dataclasses.dataclass(frozen=True, eq=False)
class SessionHistory:
    """What one session left on its log; `fills` and `decisions` are in rupees and IST, in the order they were made."""

    profile: Profile
    universe: Universe
    events: Records  # EVENT, as the stages saw them
    decisions: pl.DataFrame
    fills: pl.DataFrame


def session_history(state: pathlib.Path, folders: Sequence[pathlib.Path] = ()) -> SessionHistory:
    """Read the session in `state`, which may be running; its strategies are those of `folders` and of ./strategies.

    Raises LogError where there is no log, RecoveryError where no session has begun on it, CorruptRecordError where the
    log is damaged.
    """
    return asyncio.run(_history(state, folders))


async def _history(state: pathlib.Path, folders: Sequence[pathlib.Path]) -> SessionHistory:
    async with open_log(state, read_only=True) as log:
        session = begun(await read_session(log), state)
        blueprint = blueprint_of(session, folders)
        topics = blueprint.topics
        return SessionHistory(
            profile=blueprint.profile,
            universe=blueprint.universe,
            events=await _events(log, blueprint),
            decisions=await messages_frame(log, blueprint, Decision, topics.signals_validated, topics.signals_rejected),
            fills=await messages_frame(log, blueprint, Fill, topics.orders_filled),
        )


async def _events(log: Log, blueprint: Blueprint) -> Records:
    arrivals, parts = Arrivals(log, blueprint.ticks), [np.zeros(0, EVENT)]
    while arrival := await arrivals.next():
        parts.append(arrival.events())
    return np.concatenate(parts)


async def messages_frame(log: Log, blueprint: Blueprint, kind: type[Shown], *topics: Topic) -> pl.DataFrame:
    """Return the messages of some topics as a frame, by time and then as they were written."""
    found: list[Shown] = []
    for topic in topics:
        messages = Recording(log, topic)
        while entry := await messages.next():
            if isinstance(entry.message.data, kind):
                found.append(entry.message.data)
    return frame_of(found, blueprint.universe).sort("time", maintain_order=True) if found else pl.DataFrame()


def frame_of(messages: Sequence[Decision | Fill | OrderUpdate], universe: Universe) -> pl.DataFrame:
    """Return messages as a frame for people, in their order; without columns where there are none."""
    symbol_of = dict(zip(universe.tokens.tolist(), universe.symbols, strict=True))
    rows = [_row(message, symbol_of) for message in messages]
    if not rows:
        return pl.DataFrame()
    frame = pl.DataFrame(rows, infer_schema_length=None)
    times = [name for name in frame.columns if name.endswith("_ns")]
    shown = in_rupees(
        frame.with_columns(pl.col(name).cast(IST_TIME).alias(name.removesuffix("_ns")) for name in times).drop(times)
    )
    return shown.select("time", pl.exclude("time"))


def _row(message: Decision | Fill | OrderUpdate, symbol_of: Mapping[int, str]) -> dict[str, Any]:
    row = msgspec.structs.asdict(message)
    charges = row.pop("charges", None)
    total = {} if charges is None else {"charges_e4": charges.total_e4}
    return {"symbol": symbol_of[row.pop("instrument_token")], **row, **total}
