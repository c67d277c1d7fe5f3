"""Ticks like those of a broker's feed: many instruments that each tick twice a second, handed on a batch at a time."""

import asyncio
import datetime
import time
from collections.abc import AsyncIterator

import numpy as np

from alpha_panda.data.events import in_order, ticks
from alpha_panda.data.synthetic import CALENDAR, synthetic_symbols
from alpha_panda.instruments import Instrument, Universe, unlisted_token
from alpha_panda.kernels.records import CLOCK, EVENT, Records
from alpha_panda.live.feed.base import Batch, Feed
from alpha_panda.units import SECOND_NS, ist_time_ns, parse_clock

TICKS_A_SECOND = 2
"""Of one instrument: 9,000 of them are then 18,000 ticks a second, all that three connections of Kite may carry."""

BATCH_S = 0.01
_BEGIN_NS = ist_time_ns(datetime.date(2026, 11, 20), parse_clock("10:00") + 50 * SECOND_NS)
_TICK_E4 = 500
_WAVE = 1 << 14
_SEED = 1


class MarketFeed(Feed):
    """`batches_max` batches of `batch_ticks` ticks, from ten seconds before a whole minute on; a clock each second.

    Each batch follows from its number alone, so that a feed of any length needs no memory, and one that begins again
    says the same. Batches are handed on as fast as they are taken; if it is `paced`, every 10 ms, and a market second
    is then a real one whatever the number of instruments.
    """

    def __init__(self, instruments: int, batch_ticks: int, batches_max: int, paced: bool = False) -> None:
        self.universe = Universe(
            Instrument(symbol, unlisted_token(symbol), _TICK_E4, calendar=CALENDAR, name="fictional")
            for symbol in synthetic_symbols(instruments)
        )
        self.name = f"{instruments:,} instruments, {batch_ticks} ticks at a time"
        self.digest = ""
        self.batch_ticks = batch_ticks
        self.batches_max = batches_max
        self.began_s = 0.0
        self._paced = paced
        market_s = BATCH_S if paced else batch_ticks / instruments / TICKS_A_SECOND
        self._batch_ns = round(market_s * SECOND_NS)
        generator = np.random.default_rng(_SEED)
        up_and_down = np.cumsum(generator.choice([-3, -2, -1, 1, 2, 3], _WAVE // 2))
        self._wave = np.concatenate([up_and_down, up_and_down[::-1]])
        self._phase = generator.integers(0, _WAVE, instruments)
        self._base = generator.integers(3_000, 60_000, instruments)  # 150 to 3,000 rupees
        self._order = generator.permutation(instruments)

    @property
    def ticks(self) -> int:
        """How many ticks it hands on in all."""
        return self.batch_ticks * self.batches_max

    def due_s(self, number: int) -> float:
        """Return when a batch is due if the feed is paced, by the clock of `time.perf_counter`."""
        return self.began_s + number * BATCH_S

    def events(self, number: int) -> Records:
        """Return the events of one batch."""
        first = number * self.batch_ticks
        turn, place = np.divmod(np.arange(first, first + self.batch_ticks), len(self._order))
        instrument = self._order[place]
        begin_ns = _BEGIN_NS + number * self._batch_ns
        time_ns = begin_ns + 1 + np.arange(self.batch_ticks) * (self._batch_ns - 2) // self.batch_ticks
        price_e4 = (self._base[instrument] + self._wave[(turn + self._phase[instrument]) % _WAVE]) * _TICK_E4
        made = ticks(self.universe, time_ns, instrument, price_e4, 1 + turn % 100, price_e4 - _TICK_E4, price_e4)
        seconds_ns = np.arange(-(-begin_ns // SECOND_NS) * SECOND_NS, begin_ns + self._batch_ns, SECOND_NS)
        clocks = np.zeros(len(seconds_ns), EVENT)
        clocks["time_ns"], clocks["kind"] = seconds_ns, CLOCK
        return in_order(np.concatenate([made, clocks])) if len(clocks) else made

    async def batches(self, index: int) -> AsyncIterator[Batch]:
        """Yield the batches from number `index` on."""
        self.began_s = time.perf_counter() - index * BATCH_S
        for number in range(index, self.batches_max):
            events = self.events(number)
            while self._paced and (wait_s := self.due_s(number) - time.perf_counter()) > 0:
                await asyncio.sleep(wait_s)
            yield Batch(events, number + 1)

    async def between(self, start: int, stop: int) -> Records:
        """Return the events between two batches."""
        return np.concatenate([np.zeros(0, EVENT), *map(self.events, range(start, stop))])
