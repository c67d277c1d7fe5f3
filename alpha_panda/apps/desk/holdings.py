"""The portfolio as the store has it: in Redis where one is configured, else folded here from the log."""

import asyncio
from collections.abc import Awaitable, Callable

from alpha_panda.errors import StoreError
from alpha_panda.live.log.base import Log
from alpha_panda.live.messages import Session
from alpha_panda.live.portfolio import Folding, session_name
from alpha_panda.live.store.base import Places, Portfolio, Store
from alpha_panda.live.topics import BrokerTopics

_RECORDS = 512

OpenStore = Callable[[], Awaitable[Store]]


class Holdings:
    """The portfolio of one session's account, read again whenever the store has changed."""

    def __init__(self, open_store: OpenStore, folds: bool, session: Session, topics: BrokerTopics) -> None:
        """`folds` says that nobody else fills the store, since it is one of this process."""
        self.portfolio: Portfolio | None = None
        self.places: Places = {}  # up to which it is folded, at least
        self._open_store = open_store
        self._folds = folds
        self._session = session_name(session)
        self._topics = topics
        self._store: Store | None = None
        self._folding: Folding | None = None

    async def begin(self, log: Log) -> None:
        """Fold from `log` from now on, where folding is done here."""
        if self._folds:
            self._store = self._store or await self._open_store()
            self._folding = Folding(log, self._store, self._topics)
            await self._folding.begin()

    async def look(self) -> bool:
        """Read the portfolio if it has changed, and return whether it has; StoreError where it cannot be told."""
        self._store = self._store or await self._open_store()
        if self._folding is not None:
            while await self._folding.step(_RECORDS):
                await asyncio.sleep(0)  # a long log is folded while requests are answered
        standing = await self._store.standing(self._topics.broker)
        self._check(standing.session)
        if self.portfolio is not None and standing.places == self.places:
            return False
        portfolio = await self._store.read_portfolio(self._topics.broker)
        self._check(portfolio.session)
        self.portfolio, self.places = portfolio, standing.places
        return True

    def _check(self, shown: str) -> None:
        if shown != self._session:
            whose = shown or "no session"
            raise StoreError(f"the portfolio store shows {whose}, not this one: its portfolio stage has not begun here")

    async def close(self) -> None:
        """Let go of the store."""
        if self._store is not None:
            await self._store.close()
            self._store = None
