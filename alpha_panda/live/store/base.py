"""The interface of the portfolio store: what the screens show of an account, folded from the log.

The store is a projection. Nothing in it is an original: it is thrown away and folded again from the log at will, and
nothing that decides about orders may read it. It remembers, together with the figures, the offset that the fold reads
next of each partition, and a record that was already folded changes nothing.
"""

import abc
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

import msgspec

from alpha_panda.live.messages import Decision, OrderUpdate, Payload, PnlSnapshot

DECISIONS_KEPT = 200
ORDERS_KEPT = 200


class Change(msgspec.Struct, frozen=True, gc=False):
    """A message and where it stands in the log; `data` is None for a record that says nothing to the portfolio."""

    topic: str
    partition: int
    offset: int
    data: Payload | None


class Position(msgspec.Struct, frozen=True, gc=False):
    """The book of one strategy in one instrument, as its fills made it."""

    strategy: str
    instrument_token: int
    quantity: int  # signed
    cost_e4: int  # signed cost of the open quantity
    realised_e4: int  # before charges
    charges_e4: int
    fills: int
    price_e4: int  # of the last fill
    updated_ns: int


class Portfolio(msgspec.Struct, frozen=True, gc=False):
    """One broker's account at one moment of the fold."""

    broker: str
    account: PnlSnapshot | None  # None before the first snapshot
    positions: tuple[Position, ...]  # by strategy and instrument; also those that are flat again
    orders: tuple[OrderUpdate, ...]  # all that are at work and the latest others, newest first
    decisions: tuple[Decision, ...]  # the latest, newest first
    refusals: Mapping[str, int]  # how often each rule refused


class Store(abc.ABC):
    """A portfolio store; every method raises StoreError when it cannot be reached or does not hold what was written."""

    @abc.abstractmethod
    async def apply(self, broker: str, changes: Sequence[Change]) -> int:
        """Fold changes, in log order within each partition, and return how many of them were new.

        The figures and the offsets change together or not at all.
        """

    @abc.abstractmethod
    async def offsets(self, broker: str) -> dict[tuple[str, int], int]:
        """Return the offset that the fold reads next of each (topic, partition) it has read."""

    @abc.abstractmethod
    async def read_portfolio(self, broker: str) -> Portfolio:
        """Return the account as the fold stands, between two calls of `apply` and never within one."""

    @abc.abstractmethod
    async def flush(self, broker: str) -> None:
        """Forget everything about `broker`, so that the fold begins anew."""

    @abc.abstractmethod
    async def close(self) -> None:
        """Let go of the store."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
