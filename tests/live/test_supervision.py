"""A log that goes away is waited for; what waiting would not mend is told at once."""

import asyncio

import pytest

from alpha_panda.errors import CorruptRecordError, FencedError, LogError
from alpha_panda.live.build import new_status
from alpha_panda.live.status import ENDED, RECOVERING, TRADING, WAITING, Status
from alpha_panda.live.supervision import enduring


class Outage:
    """A session whose log fails some times, in a phase of its own, before it comes to its end."""

    def __init__(self, phase: str, *errors: LogError, stopped: bool = False) -> None:
        self.status: Status = new_status()
        self.pauses_s: list[float] = []
        self._phase = phase
        self._errors = list(errors)
        self._stop = asyncio.Event()
        if stopped:
            self._stop.set()

    async def _attempt(self) -> str:
        if not self._errors:
            return "done"
        self.status.phase = self._phase
        raise self._errors.pop(0)

    async def _sleep(self, pause_s: float) -> None:
        self.pauses_s.append(pause_s)

    async def endured(self) -> str:
        return await enduring(self._attempt, self.status, self._stop, self._sleep)


@pytest.mark.parametrize("phase", [TRADING, ENDED])
async def test_a_log_that_goes_away_is_waited_for_also_when_the_feed_has_ended(phase: str):
    outage = Outage(phase, LogError("away"), LogError("away"))
    assert await outage.endured() == "done"
    assert outage.status.phase == WAITING


async def test_it_is_asked_more_and_more_rarely():
    outage = Outage(WAITING, *(LogError("away") for _ in range(7)))
    await outage.endured()
    assert outage.pauses_s == [0.1, 0.5, 1.0, 2.0, 5.0, 5.0, 5.0]


async def test_a_long_outage_leaves_one_note():
    outage = Outage(WAITING, *(LogError(f"away {number}") for number in range(100)))
    await outage.endured()
    assert outage.status.notes == ["away 99; the session waited for it"]


@pytest.mark.parametrize(
    "outage",
    [
        Outage(RECOVERING, LogError("away at the start")),
        Outage(TRADING, LogError("away as it was stopped"), stopped=True),
        Outage(TRADING, CorruptRecordError("damaged")),
        Outage(TRADING, FencedError("taken over")),
    ],
)
async def test_what_waiting_would_not_mend_is_told_at_once(outage: Outage):
    with pytest.raises(LogError, match=r"away|damaged|taken over"):
        await outage.endured()
    assert outage.pauses_s == []
