"""The trading days of events, by number: where each begins, and the events of a stretch of them."""

import dataclasses
import datetime
from typing import Self

import numpy as np
import numpy.typing as npt

from alpha_panda.backtest.inputs import Inputs
from alpha_panda.data.events import EventArray
from alpha_panda.kernels.clock import DAY_NS, IST_OFFSET_NS

Integers = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Days:
    """The IST days on which anything happened, in order."""

    dates: tuple[datetime.date, ...]
    starts: Integers  # the first event of each day, and behind the last day the number of events

    @classmethod
    def of(cls, events: EventArray) -> Self:
        """Return the days of events."""
        days = (events["time_ns"] + IST_OFFSET_NS) // DAY_NS
        found, starts = np.unique(days, return_index=True)
        epoch = datetime.date(1970, 1, 1)
        dates = tuple(epoch + datetime.timedelta(days=day) for day in found.tolist())
        return cls(dates, np.append(starts, len(events)))

    def __len__(self) -> int:
        return len(self.dates)

    def cut(self, inputs: Inputs, first: int, last: int) -> Inputs:
        """Return inputs with just the events of the days `first` to `last`, both included, as a view."""
        return dataclasses.replace(inputs, events=inputs.events[self.starts[first] : self.starts[last + 1]])
