"""A recorded session as a notebook reads it: what it ran with, the events it saw, and what its log says it did."""

import asyncio
import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import polars as pl

from alpha_panda.config import Profile
from alpha_panda.data.columns import IST_TIME, in_rupees
from alpha_panda.errors import RecoveryError
from alpha_panda.instruments import Universe
from alpha_panda.kernels.records import EVENT, Records
from alpha_panda.live.build import open_log
from alpha_panda.live.envelope import decode
from alpha_panda.live.log.base import Log
from alpha_panda.live.messages import Decision, Fill
from alpha_panda.live.payloads import events_of, frame_in
from alpha_panda.live.session import Blueprint, blueprint_of, read_session
from alpha_panda.live.streams import Recording
from alpha_panda.live.topics import Topic, market_ticks


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
        session = await read_session(log)
        if session is None:
            raise RecoveryError(f"no session has begun in {state}: name the state directory of one that has")
        blueprint = blueprint_of(session, folders)
        topics = blueprint.topics
        return SessionHistory(
            profile=blueprint.profile,
            universe=blueprint.universe,
            events=await _events(log),
            decisions=await _frame(log, blueprint, Decision, topics.signals_validated, topics.signals_rejected),
            fills=await _frame(log, blueprint, Fill, topics.orders_filled),
        )


async def _events(log: Log) -> Records:
    frames, parts = Recording(log, market_ticks()), [np.zeros(0, EVENT)]
    while record := await frames.next():
        parts.append(events_of(frame_in(record)[1]))
    return np.concatenate(parts)


async def _frame(log: Log, blueprint: Blueprint, kind: type[Decision | Fill], *topics: Topic) -> pl.DataFrame:
    """Return the messages of some topics as a frame, by time and then as they were written."""
    rows: list[dict[str, Any]] = []
    for topic in topics:
        messages = Recording(log, topic)
        while record := await messages.next():
            data = decode(record).data
            if isinstance(data, kind):
                rows.append(_row(data, blueprint.universe))
    return _for_people(rows).sort("time", maintain_order=True) if rows else pl.DataFrame()


def _row(data: Decision | Fill, universe: Universe) -> dict[str, Any]:
    row = msgspec.structs.asdict(data)
    token = row.pop("instrument_token")
    symbol = next(instrument.symbol for instrument in universe if instrument.instrument_token == token)
    charges = row.pop("charges", None)
    return {"symbol": symbol, **row, **({} if charges is None else {"charges_e4": charges.total_e4})}


def _for_people(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, infer_schema_length=None)
    shown = in_rupees(frame.with_columns(time=pl.col("time_ns").cast(IST_TIME)).drop("time_ns"))
    return shown.select("time", pl.exclude("time"))
