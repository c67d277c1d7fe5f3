"""A recorded session as it was at any moment, for a terminal or a notebook: what it held, wanted and remembered."""

import asyncio
import dataclasses
import datetime
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from alpha_panda.chain import AccountStage, restore_bytes
from alpha_panda.data.columns import IST_TIME, in_rupees
from alpha_panda.kernels.records import Records
from alpha_panda.live.account import AccountEngine
from alpha_panda.live.build import open_log
from alpha_panda.live.log.base import Log
from alpha_panda.live.messages import Decision
from alpha_panda.live.past.history import frame_of, messages_frame
from alpha_panda.live.past.rewind import Until, account_at, strategies_at
from alpha_panda.live.payloads import orders_of
from alpha_panda.live.session import Blueprint, begun, blueprint_of, read_session
from alpha_panda.live.signals import SignalsEngine
from alpha_panda.units import ist_datetime

_DECISIONS = 20


@dataclasses.dataclass(frozen=True, eq=False)
class Moment:
    """A session at one moment; frames are in rupees and IST, arrays in the records and units of the kernels."""

    frame: int  # the last of which anything had come
    time: datetime.datetime  # of the last event, in IST
    summary: Mapping[str, int | float | str]  # the figures that a session ends with, as they then stood
    state_digest: str  # of the account, as its journal has it after whole steps
    positions: pl.DataFrame
    orders: pl.DataFrame  # at work
    decisions: pl.DataFrame  # the last ones, the newest at the end
    arrays: Mapping[str, Records]  # `account.books`, and `signals.0.NAME.states` by partition of the ticks


def replay_at(state: pathlib.Path, at: str | datetime.datetime, folders: Sequence[pathlib.Path] = ()) -> Moment:
    """Return the session in `state`, which may be running, as it was after a frame or up to an instant of the market.

    `at` is `frame:123`, or an instant, in IST unless it says otherwise. Strategies are those of `folders` and of
    ./strategies. Raises ConfigurationError for what is no moment, RecoveryError for one that the session has not come
    to, ParityError where the strategies and kernels of now do not do again what is on the log.
    """
    return asyncio.run(_replay(state, Until.parsed(at if isinstance(at, str) else at.isoformat()), folders))


def write_arrays(moment: Moment, path: pathlib.Path) -> None:
    """Write the arrays of a moment to a file that `numpy.load` reads."""
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **moment.arrays)


async def _replay(state: pathlib.Path, at: Until, folders: Sequence[pathlib.Path]) -> Moment:
    async with open_log(state, read_only=True) as log:
        session = begun(await read_session(log), state)
        blueprint = blueprint_of(session, folders)
        account = await account_at(log, blueprint, at)
        strategies = [await strategies_at(log, blueprint, at, each) for each in range(blueprint.partitions)]
        return Moment(
            frame=account.next_frame - 1,
            time=ist_datetime(account.time_ns),
            summary=account.stage.summary(),
            state_digest=account.state_digest(),
            positions=_positions(blueprint, account.stage),
            orders=_orders(blueprint, account.stage),
            decisions=await _decisions(log, blueprint, account.time_ns),
            arrays=_arrays(account, strategies),
        )


def _positions(blueprint: Blueprint, stage: AccountStage) -> pl.DataFrame:
    """Return the books that are not flat, at the last prices."""
    rows: list[dict[str, Any]] = []
    for strategy, instrument in np.argwhere(stage.books["quantity"] != 0).tolist():
        book, quote = stage.books[strategy, instrument], stage.quotes[instrument]
        quantity, cost_e4 = int(book["quantity"]), int(book["cost_e4"])
        rows.append(
            {
                "strategy": blueprint.names.strategies[strategy],
                "symbol": blueprint.universe[instrument].symbol,
                "quantity": quantity,
                "average_e4": cost_e4 / quantity,
                "last_e4": int(quote["last_e4"]),
                "unrealised_e4": quantity * int(quote["last_e4"]) - cost_e4,
                "realised_e4": int(book["realised_e4"]),
                "charges_e4": int(book["charges_e4"]),
            }
        )
    return in_rupees(pl.DataFrame(rows))


def _orders(blueprint: Blueprint, stage: AccountStage) -> pl.DataFrame:
    at_work = stage.arrays()["orders"][0, : stage.account["orders_working"]]
    return frame_of(orders_of(at_work, blueprint.names), blueprint.universe)


async def _decisions(log: Log, blueprint: Blueprint, time_ns: int) -> pl.DataFrame:
    topics = blueprint.topics
    decisions = await messages_frame(log, blueprint, Decision, topics.signals_validated, topics.signals_rejected)
    if not len(decisions):
        return decisions
    return decisions.filter(pl.col("time") <= pl.lit(time_ns).cast(IST_TIME)).tail(_DECISIONS)


def _arrays(account: AccountEngine, strategies: Sequence[SignalsEngine]) -> dict[str, Records]:
    found = {f"account.{name}": array.copy() for name, array in account.stage.arrays().items()}
    for engine in strategies:
        stage = engine.blueprint.signal_stage()
        restore_bytes(stage.arrays(), engine.arrays())
        found.update((f"signals.{engine.partition}.{name}", array) for name, array in stage.arrays().items())
    return found
