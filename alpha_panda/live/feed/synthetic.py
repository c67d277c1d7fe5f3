"""The feed of a market that is made up from a seed: a first evening on paper, without data."""

import datetime
from collections.abc import Sequence

from alpha_panda.data.synthetic import SYMBOLS, synthetic_day
from alpha_panda.live.feed.pacing import Pacer
from alpha_panda.live.feed.recorded import RecordedFeed


def synthetic_feed(date: datetime.date, seed: int, symbols: Sequence[str], pacer: Pacer) -> RecordedFeed:
    """Return a feed of one synthetic trading day, of the usual instruments where `symbols` names none.

    Raises DataError for a date without a session and for what cannot be a symbol.
    """
    universe, events = synthetic_day(date, seed, tuple(symbols) or SYMBOLS)
    return RecordedFeed(universe, events, f"a synthetic day, {date} of seed {seed}", pacer)
