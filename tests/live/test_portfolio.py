"""The portfolio in the store is the account's own, and is folded again from the log at every start."""

import asyncio
import pathlib

import pytest

from alpha_panda.live.account import AccountEngine
from alpha_panda.live.build import new_status
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.pipeline import run_session
from alpha_panda.live.store.base import Portfolio
from alpha_panda.live.store.redis import RedisStore
from tests.live.trading import ChoppedFeed, blueprint, market


@pytest.fixture
async def store():
    async with await RedisStore.open(None) as store:
        yield store


async def traded(state: pathlib.Path, store: RedisStore, events: int) -> tuple[AccountEngine, Portfolio]:
    """Return account and portfolio after so many events of the day."""
    feed, stop = ChoppedFeed(market()[1][:events]), asyncio.Event()
    async with SqliteLog(state) as log:
        engine = await run_session(blueprint(), feed, log, store, new_status(), 5, stop)
    return engine, await store.read_portfolio("paper")


def holds(portfolio: Portfolio, engine: AccountEngine) -> None:
    """Check every figure of the portfolio against the account."""
    names, account = blueprint().names, engine.stage.account
    for position in portfolio.positions:
        strategy = list(names.strategies).index(position.strategy)
        instrument = list(names.instrument_tokens).index(position.instrument_token)
        book = engine.stage.books[strategy, instrument]
        figures = (position.quantity, position.cost_e4, position.realised_e4, position.charges_e4)
        assert figures == tuple(int(book[name]) for name in ("quantity", "cost_e4", "realised_e4", "charges_e4"))
    assert sum(position.charges_e4 for position in portfolio.positions) == account["charges"]["total_e4"]
    assert sum(position.fills for position in portfolio.positions) == account["fills"] > 0
    assert sum(portfolio.refusals.values()) == account["refused"]
    assert len(portfolio.orders) == account["orders_made"]


@pytest.mark.parametrize("events", [20_000, 60_000])
async def test_the_portfolio_holds_what_the_account_holds(tmp_path: pathlib.Path, store: RedisStore, events: int):
    engine, portfolio = await traded(tmp_path, store, events)
    holds(portfolio, engine)


async def test_a_restart_folds_the_same_portfolio_again(tmp_path: pathlib.Path, store: RedisStore):
    _, first = await traded(tmp_path, store, 60_000)
    async with await RedisStore.open(None) as empty:
        engine, again = await traded(tmp_path, empty, 60_000)
    assert again == first
    holds(again, engine)


async def test_what_another_session_left_in_the_store_is_gone(tmp_path: pathlib.Path, store: RedisStore):
    await traded(tmp_path / "first", store, 60_000)
    engine, portfolio = await traded(tmp_path / "second", store, 20_000)
    holds(portfolio, engine)
