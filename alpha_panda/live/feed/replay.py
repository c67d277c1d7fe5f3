"""The feed of a past that the catalog holds: the same events, in the same order, that a backtest reads."""

import datetime
from collections.abc import Sequence

from alpha_panda.data.catalog import Catalog
from alpha_panda.live.feed.pacing import Pacer
from alpha_panda.live.feed.recorded import RecordedFeed


def replay_feed(
    catalog: Catalog,
    symbols: Sequence[str],
    resolution: str | None,
    first: datetime.date | None,
    last: datetime.date | None,
    pacer: Pacer,
) -> RecordedFeed:
    """Return a feed of what the catalog holds from `first` to `last`, both included, with clocks.

    Without a resolution, of the finest that all instruments have. Raises CatalogError where the catalog does not hold
    what is asked.
    """
    universe, events = catalog.events(symbols, resolution, first, last)
    span = f"{first or 'the beginning'} to {last or 'the end'}"
    return RecordedFeed(universe, events, f"a replay of {resolution or 'the finest'} data from {span}", pacer)
