"""The portfolio stage: folds what the account said into the store, which the screens read."""

from alpha_panda.live.envelope import decode
from alpha_panda.live.log.base import Log
from alpha_panda.live.messages import Place
from alpha_panda.live.status import Status
from alpha_panda.live.store.base import Change, Store
from alpha_panda.live.streams import Stream
from alpha_panda.live.topics import BrokerTopics, Topic

_RECORDS = 512


class Projection:
    """The fold of one broker's topics into the store, from where the store stands."""

    def __init__(self, log: Log, store: Store, topics: BrokerTopics, session: str, status: Status) -> None:
        self._log = log
        self._store = store
        self._broker = topics.broker
        self._session = session
        self._status = status
        self._offsets: dict[Topic, int] = dict.fromkeys(topics.of_account(), 0)

    async def run(self, journal: Stream) -> None:
        """Fold whatever there is whenever the journal has grown, which each step of the account makes it do."""
        places = await self._store.begin(self._broker, self._session)
        if any([place.offset > await self._log.end(Topic(place.topic), 0) for place in places.values()]):
            await self._store.flush(self._broker)  # it shows what this log does not hold
            places = await self._store.begin(self._broker, self._session)
        for topic in self._offsets:
            if place := places.get((topic.name, 0)):
                self._offsets[topic] = place.offset
        await self._fold()
        while await journal.skip():
            await self._fold()
            self._status.projected = journal.offset

    async def _fold(self) -> None:
        for topic, start in self._offsets.items():
            offset = start
            while offset < await self._log.end(topic, 0):
                records = await self._log.read(topic, 0, offset, _RECORDS)
                nexts = [Place(topic.name, 0, record.offset + 1, record.offset + 1) for record in records]
                changes = [Change(place, decode(record).data) for place, record in zip(nexts, records, strict=True)]
                await self._store.apply(self._broker, self._session, changes)
                for change in changes:
                    self._status.on_message(change.data)
                offset += len(records)
            self._offsets[topic] = offset
