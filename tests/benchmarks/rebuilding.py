"""The portfolio folded anew: what an account said in its life, from the embedded log into a real Redis server."""

import asyncio
import contextlib
import functools
import pathlib
import sqlite3
import tempfile

import msgspec

from alpha_panda.live.envelope import Envelope
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.past.rebuild import RebuildReport, rebuild
from tests.benchmarks.measuring import Row, measured
from tests.live.telling import Account
from tests.redis_server import RedisServer, redis_binary

_ORDERS_AT_ONCE = 1_000


def portfolio(case: str, orders: int = 200_000, repeats: int = 3) -> Row:
    """The whole of `alpha-panda rebuild`: records a second, flushing what was there included."""
    with tempfile.TemporaryDirectory() as folder:
        state = pathlib.Path(folder) / "state"
        records = asyncio.run(_written(state, orders))
        server = RedisServer(pathlib.Path(folder) / "redis", redis_binary())
        server.start()
        try:
            return measured(
                case,
                records,
                lambda _: rebuild(state, server.url, _untold),
                functools.partial(_decoded, state),
                _note,
                repeats=repeats,
            )
        finally:
            server.kill()


async def _written(state: pathlib.Path, orders: int) -> int:
    """Write what an account says of its orders; return how many records that are."""
    account, records = Account(), 0
    async with SqliteLog(state) as log:
        await log.append([account.begin()])
        for start in range(0, orders, _ORDERS_AT_ONCE):
            said = account.records(min(_ORDERS_AT_ONCE, orders - start))
            await log.append(said)
            records += len(said)
    return records


def _decoded(state: pathlib.Path) -> int:
    """Read and decode every record in one go, and fold nothing: the anchor."""
    decoder, decoded = msgspec.msgpack.Decoder(Envelope), 0
    with contextlib.closing(sqlite3.connect(state / "log.db")) as connection:
        for (value,) in connection.execute("SELECT value FROM records"):
            decoder.decode(value)
            decoded += 1
    return decoded


def _untold(done: int, total: int, label: str = "") -> None:
    """Show no progress."""


def _note(report: RebuildReport) -> str:
    return f"records/s; {report.records:,} records of the account and its journal"
