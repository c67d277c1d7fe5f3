"""From the rows of each instrument of a run to one event array."""

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from alpha_panda.data.events import EventArray, bars, sessions_around, ticks, validate, with_clocks
from alpha_panda.instruments import Universe
from alpha_panda.sessions import at_day_close, day_calendar


def of_days(universe: Universe, frames: Sequence[pl.DataFrame]) -> tuple[Universe, list[pl.DataFrame]]:
    """Return instruments and their daily bars as belonging to the day of the exchange, known when it ends.

    When it ends is told by the hours that are known now, and not when the bars were stored.
    """
    closed = [
        rows.with_columns(time_ns=pl.Series(at_day_close(instrument.calendar, rows["time_ns"].to_numpy())))
        for rows, instrument in zip(frames, universe, strict=True)
    ]
    return Universe(replace(each, calendar=day_calendar(each.calendar)) for each in universe), closed


def assembled(universe: Universe, frames: Sequence[pl.DataFrame], resolution: str, clocks: bool) -> EventArray:
    """Return the rows of each instrument, in the order of the universe, as events by (time_ns, instrument).

    Raises EventError for a row that breaks the rules of the chain, or that lies outside the sessions of its instrument.
    """
    numbered = [frame.with_columns(instrument=pl.lit(index, pl.Int16)) for index, frame in enumerate(frames)]
    # They are laid end to end by instrument, so that a stable sort by time alone leaves equal times in its order.
    rows = pl.concat(numbered).sort("time_ns", maintain_order=True).rechunk()
    columns = {name: rows[name].to_numpy() for name in rows.columns}
    events = ticks(universe, **columns) if resolution == "tick" else bars(universe, **columns)
    table = sessions_around(universe, events, "correct its calendar in the catalog, or ingest its data anew")
    events = with_clocks(events, table) if clocks else events
    validate(events, universe)
    return events
