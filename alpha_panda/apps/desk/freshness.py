"""How far what the portfolio store shows is behind the log, and since when: a store that answers may still be old.

Its portfolio stage may have died, it may have been put back from an older copy, or the log may have been. Nobody's word
is taken for it: the places to which the store is folded are compared with what stands on the log.
"""

import contextlib
from collections.abc import Mapping, Sequence

from alpha_panda.errors import CorruptRecordError
from alpha_panda.live.envelope import decode
from alpha_panda.live.log.base import Log
from alpha_panda.live.messages import Place, Takeover
from alpha_panda.live.store.base import Places
from alpha_panda.live.topics import Topic
from alpha_panda.live.watch.overview import market_time_ns

_LOOKED = 64  # records at a time

Ends = Mapping[str, int]


class Freshness:
    """What was found when the store was last compared with the log."""

    def __init__(self, topics: Sequence[Topic]) -> None:
        """Compare what is folded of `topics`, of which the last one is the account's journal."""
        self.behind: int | None = None  # records that it lacks, with those among them that nobody folds; None unknown
        self.ahead = 0  # records that it shows and that are not on the log
        self.complete_ns = 0  # until when it surely shows all that there was; 0 where nobody knows
        self.lacking_ns = 0  # since when something that it lacks is on the log; 0 where it lacks nothing
        self.market_ns = 0  # how far in the market what it shows has come; 0 where nobody knows
        self._topics = topics
        self._awaited: Ends = {}  # the ends of the log at `lacking_ns`
        self._places: Places = {}

    async def compare(self, log: Log, places: Places, now_ns: int) -> None:
        """Compare what is folded up to `places`, as the store said it at `now_ns` or later, with what is on the log."""
        ends = {topic.name: await log.end(topic, 0) for topic in self._topics}
        lacking = [topic for topic in self._topics if await _lacks(log, topic, places, ends)]
        if any(_offset(places, topic) < place.offset for (topic, _), place in self._places.items()):
            self.complete_ns = self.lacking_ns = 0  # an older copy was put back, or the store was flushed
        self._places = places
        if not lacking:
            self.complete_ns, self.lacking_ns = now_ns, 0
        elif not self.lacking_ns:
            self.lacking_ns, self._awaited = now_ns, ends
        elif not any([await _lacks(log, topic, places, self._awaited) for topic in lacking]):
            self.complete_ns, self.lacking_ns, self._awaited = self.lacking_ns, now_ns, ends
        self.behind = sum(ends[topic.name] - _offset(places, topic.name) for topic in lacking)
        self.ahead = sum(max(_offset(places, topic) - end, 0) for topic, end in ends.items())
        journal = self._topics[-1]
        self.market_ns = await market_time_ns(log, journal, 0, _offset(places, journal.name))


async def _lacks(log: Log, topic: Topic, places: Places, ends: Ends) -> bool:
    """Return whether a message that the fold takes stands behind its place, and before the topic's end.

    What only says who writes from now on, came twice, or is of a writer that was replaced, is never folded.
    """
    place = places.get((topic.name, 0), Place(topic.name, 0, 0))
    offset, epoch, stop = place.offset, place.epoch, ends[topic.name]
    while offset < stop and (records := await log.read(topic, 0, offset, min(_LOOKED, stop - offset))):
        for record in records:
            offset = record.offset + 1
            with contextlib.suppress(CorruptRecordError):
                message = decode(record)
                belongs = message.sequence >= place.sequence and message.epoch >= epoch
                if belongs and record.offset < stop and not isinstance(message.data, Takeover):
                    return True
                epoch = max(epoch, message.epoch)
    return False


def _offset(places: Places, topic: str) -> int:
    place = places.get((topic, 0))
    return place.offset if place else 0
