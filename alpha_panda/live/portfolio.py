"""The portfolio stage: folds what the account said into the store, which the screens read.

The store may go away, be flushed, or come back as an older copy, at any moment: the stage says so, waits, and goes on
from where the store itself says that it stands. Nothing else in the session takes notice.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from alpha_panda.errors import RecoveryError, StoreError, StoreGapError
from alpha_panda.live.dead_letters import DeadLetters
from alpha_panda.live.log.base import Log
from alpha_panda.live.messages import Place, Session
from alpha_panda.live.observer import PORTFOLIO
from alpha_panda.live.session import read_session
from alpha_panda.live.stages import Worker, missing_note
from alpha_panda.live.status import Status
from alpha_panda.live.store.base import Change, Places, Store
from alpha_panda.live.streams import Entry, Notice, Reader, missing_in
from alpha_panda.live.topics import BrokerTopics, Topic
from alpha_panda.units import ist_datetime

_RECORDS = 512
_LOOK_EVERY_S = 0.1  # what is folded here is looked at by people
_ASK_EVERY = 10  # looks without news; a store that nothing is told may have been flushed all the same
_PAUSES_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_LAST_ATTEMPTS = 5


class Folding:
    """The fold of one broker's topics into a store, from where the store stands."""

    def __init__(self, log: Log, store: Store, topics: BrokerTopics) -> None:
        self.places: Places = {}
        self.topics = topics_of(topics)
        self._log = log
        self._store = store
        self._broker = topics.broker
        self._session = ""
        self._readers: list[Reader] = []
        self._listeners: tuple[Notice, DeadLetters] | None = None

    def listen(self, notice: Notice, letters: DeadLetters) -> None:
        """Let somebody know from now on what is set aside, and write letters about what is no message."""
        self._listeners = notice, letters

    async def begin(self) -> None:
        """Ask the store where it stands; what this log does not hold, it forgets first.

        Raises RecoveryError where no session has begun on the log.
        """
        if not self._session:
            session = await read_session(self._log)
            if session is None:
                raise RecoveryError("no session has begun on this log: name the state directory of one that has")
            self._session = session_name(session)
        places = await self._store.begin(self._broker, self._session)
        for topic in self.topics:
            place = places.get((topic.name, 0))
            if place is not None and place.offset > await self._log.end(topic, 0):
                await self._store.flush(self._broker)
                places = await self._store.begin(self._broker, self._session)
        self.places = places
        self._readers = [self._reader(topic, places.get((topic.name, 0))) for topic in self.topics]

    def _reader(self, topic: Topic, place: Place | None) -> Reader:
        """Return a reader that goes on at `place`: the one there is, if it stands there and knows what lies behind."""
        new = Reader(self._log, topic, 0, place)
        if self._listeners:
            new.listen(*self._listeners)
        known = (each for each in self._readers if each.topic == topic and each.sequence == new.sequence)
        return next(known, new)

    async def step(self, limit: int) -> list[Entry]:
        """Fold the next records, at most so many of each topic, and return them; none where there are none yet.

        Raises StoreError; after that, the store is to be asked again by `begin`.
        """
        entries = [entry for reader in self._readers for entry in await reader.read(limit)]
        if entries:
            changes = [Change(entry.next_place, entry.message.data) for entry in entries]
            await self._store.apply(self._broker, self._session, changes)
        self.places = {(reader.topic.name, 0): reader.place for reader in self._readers}
        return entries

    @property
    def missing(self) -> str:
        """What a reader waits for that is not on the log, nothing where none does."""
        return missing_in(self._readers)

    async def behind(self) -> int:
        """Return how many records of the log have not been folded."""
        ends = [(await self._log.end(topic, 0), self.places.get((topic.name, 0))) for topic in self.topics]
        return sum(end - (place.offset if place else 0) for end, place in ends)


class Projection:
    """The stage: it keeps the store where the log is, for as long as the session lasts."""

    def __init__(
        self,
        log: Log,
        store: Store,
        topics: BrokerTopics,
        status: Status,
        worker: Worker,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._folding = Folding(log, store, topics)
        self._store = store
        self._broker = topics.broker
        self._status = status
        self._worker = worker
        self._sleep = sleep
        self._told: Places | None = None
        worker.reads = self._reads

    def listen(self, notice: Notice, letters: DeadLetters) -> None:
        """Let somebody know what is set aside, and write letters about what is no message."""
        self._folding.listen(notice, letters)

    async def run(self, finished: asyncio.Event) -> None:
        """Fold whatever there is until `finished` is set and all is folded, or the store is away for too long by then.

        `finished` says that the account will say no more.
        """
        looks = failures = 0
        while True:
            # Asked before looking: what is said before the end is then certainly seen.
            over = finished.is_set()
            try:
                if over or looks % _ASK_EVERY == 0:
                    await self._begin()
                entries = await self._folding.step(_RECORDS)
            except StoreError as error:
                looks, failures = 0, failures + 1
                self._on_error(error)
                if over and failures >= _LAST_ATTEMPTS:
                    break
                await self._sleep(_PAUSES_S[min(failures, len(_PAUSES_S)) - 1])
                continue
            failures = 0
            self._on_folded(entries)
            looks = 1 if entries else looks + 1
            if not entries:
                if over:
                    break
                await self._sleep(_LOOK_EVERY_S)
        if behind := await self._folding.behind():
            self._say(f"the portfolio store is {behind:,} records behind the log: fold them with alpha-panda rebuild")

    async def _begin(self) -> None:
        await self._folding.begin()
        if self._told is None:
            self._status.on_portfolio(await self._store.read_portfolio(self._broker))
            self._told = dict(self._folding.places)

    def _on_folded(self, entries: Sequence[Entry]) -> None:
        """Tell what the account said, once, however often it is folded."""
        assert self._told is not None
        for entry in entries:
            partition = (entry.record.topic, entry.record.partition)
            told = self._told.get(partition)
            if told is None or entry.message.sequence >= told.sequence:
                self._told[partition] = entry.next_place
                self._status.on_message(entry.message.data)
        journal = self._folding.places.get((self._folding.topics[-1].name, 0))
        self._status.projected = journal.sequence if journal else 0
        missing = self._folding.missing
        self._worker.phase = "waiting" if missing else "running"
        self._say(missing_note(missing, PORTFOLIO) if missing else "")

    def _on_error(self, error: StoreError) -> None:
        self._status.on_store_error(PORTFOLIO, error)
        if not isinstance(error, StoreGapError):  # that one is made good at once
            self._worker.phase = "waiting"
            self._say(f"{error}; the portfolio waits for it, and trading goes on")

    def _say(self, note: str) -> None:
        """Show what a person should know instead of what was said before."""
        if note != self._worker.note:
            self._status.exchange_note(self._worker.note, note)
            self._worker.note = note

    def _reads(self) -> Sequence[tuple[Topic, Place]]:
        places = self._folding.places
        return [(topic, places.get((topic.name, 0), Place(topic.name, 0, 0))) for topic in self._folding.topics]


def topics_of(topics: BrokerTopics) -> tuple[Topic, ...]:
    """Return the topics that are folded: what the account said, and last its journal.

    The journal says nothing to the portfolio, but its place there tells which step of the account is shown.
    """
    return (*topics.of_account(), topics.journal)


def session_name(session: Session) -> str:
    """Return what the store calls a session: when it began, and a digest of all that it began with."""
    digest = hashlib.blake2b(msgspec.msgpack.encode(session), digest_size=6).hexdigest()
    return f"{ist_datetime(session.started_ns):%Y-%m-%d %H:%M:%S} {digest}"
