"""The interface of the portfolio store: what the screens show of an account, folded from the log.

The store is a projection. Nothing in it is an original: it is thrown away and folded again from the log at will, and
nothing that decides about orders may read it. It remembers, together with the figures, whose they are and the place in
the log at which the fold of each partition goes on. So a record that was already folded changes nothing, and one that
would leave a gap is refused: a store that lost something says so, whoever folds into it.
"""

import abc
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import NamedTuple, Self

import msgspec

from alpha_panda.live.messages import Decision, OrderUpdate, Payload, Place, PnlSnapshot

DECISIONS_KEPT = 200
ORDERS_KEPT = 200


Places = dict[tuple[str, int], Place]
"""Where the fold goes on, by topic and partition; a partition of which nothing was folded is not in it."""


class Standing(NamedTuple):
    """Whose figures a store shows, empty for nobody's, and where their fold goes on."""

    session: str
    places: Places


class Change(msgspec.Struct, frozen=True, gc=False):
    """A message, and where the reading of its partition goes on after it, which names its sequence as well."""

    next_place: Place
    data: Payload


class Dump(NamedTuple):
    """Everything that is kept of a broker at one moment of the fold, to the byte."""

    session: str
    places: Places
    figures: Mapping[tuple[bytes, bytes], bytes]  # by the name of what holds them, and the field or member there


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
    session: str  # whose figures these are, empty where there are none
    account: PnlSnapshot | None  # None before the first snapshot
    positions: tuple[Position, ...]  # by strategy and instrument; also those that are flat again
    orders: tuple[OrderUpdate, ...]  # all that are at work and the latest others, newest first
    decisions: tuple[Decision, ...]  # the latest, newest first
    refusals: Mapping[str, int]  # how often each rule refused


class Store(abc.ABC):
    """A portfolio store; every method raises StoreError when it cannot be reached or does not hold what was written."""

    @abc.abstractmethod
    async def begin(self, broker: str, session: str) -> Places:
        """Show `session` from now on, forgetting what another one left, and return where its fold goes on."""

    @abc.abstractmethod
    async def apply(self, broker: str, session: str, changes: Sequence[Change]) -> int:
        """Fold changes, each partition's in the order of their sequences, and return how many of them were new.

        The figures and the places change together or not at all, and do not depend on how changes are batched. Raises
        StoreGapError where the fold stands before the first change, because the store was flushed or is an older copy:
        `begin` says where to go on. Raises StoreError where another session is shown by now.
        """

    @abc.abstractmethod
    async def standing(self, broker: str) -> Standing:
        """Return whose figures are shown, and where the fold goes on."""

    @abc.abstractmethod
    async def read_portfolio(self, broker: str) -> Portfolio:
        """Return the account as the fold stands, between two calls of `apply` and never within one."""

    @abc.abstractmethod
    async def dump(self, broker: str) -> Dump:
        """Return everything that is kept of `broker`: two stores that were told the same have equal dumps."""

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
