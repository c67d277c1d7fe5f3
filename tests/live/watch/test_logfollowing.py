"""Lines that are added come once each, in order, whatever becomes of the files meanwhile."""

import asyncio
import contextlib
import pathlib
from collections.abc import AsyncIterator, Sequence

import pytest

from alpha_panda.errors import ConfigurationError
from alpha_panda.live.watch import logfiles, logfollowing
from alpha_panda.live.watch.logfiles import LogFile
from alpha_panda.live.watch.logfollowing import follow
from alpha_panda.live.watch.loglines import Line
from alpha_panda.live.watch.logreading import Query
from alpha_panda.live.watch.logs import CHANNELS
from tests.live.watch.test_logreading import at, line, put
from tests.live.watching import Clocks


class Following:
    """Somebody who follows the logs, and the writer of a channel; who follows looks again only when told."""

    def __init__(self, state: pathlib.Path, query: Query, backlog: int) -> None:
        self.clocks = Clocks()
        self._state = state
        self._looks = asyncio.Semaphore(0)
        self._waits = asyncio.Event()
        self._lines = list[Line]()
        self._stream = follow(state, query, backlog, self._sleep)

    async def _sleep(self, _: float) -> None:
        self._waits.set()
        await self._looks.acquire()

    async def run(self) -> None:
        async for each in self._stream:
            self._lines.append(each)

    async def events(self) -> list[str]:
        """Return the events of the lines that came since, after one more look that brought nothing."""
        self._waits.clear()
        self._looks.release()
        await self._waits.wait()
        events = [each.event for each in self._lines]
        self._lines.clear()
        return events

    def writer(self, channel: str = "trading", folder: str = "logs") -> LogFile:
        (self._state / folder).mkdir(exist_ok=True)
        return LogFile(self._state / folder, channel, CHANNELS[channel], self.clocks.time_ns)


@contextlib.asynccontextmanager
async def following(state: pathlib.Path, query: Query = Query(), backlog: int = 0) -> AsyncIterator[Following]:  # noqa: B008  # it never changes
    follower = Following(state, query, backlog)
    running = asyncio.create_task(follower.run())
    await follower._waits.wait()
    yield follower
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


def numbered(numbers: Sequence[int]) -> list[str]:
    return [f"event {number}" for number in numbers]


async def test_only_what_is_added_comes_and_each_line_once(tmp_path: pathlib.Path):
    put(tmp_path, "trading", line(0))
    async with following(tmp_path) as follower:
        assert await follower.events() == []
        file = follower.writer()
        file.write(line(2))
        other = follower.writer("audit")
        other.write(line(1, "audit"))
        assert await follower.events() == numbered([1, 2])
        file.write(line(3))
        assert await follower.events() == numbered([3])


async def test_the_last_lines_come_first_where_they_are_wanted(tmp_path: pathlib.Path):
    put(tmp_path, "trading", *(line(number) for number in range(10)))
    async with following(tmp_path, backlog=3) as follower:
        follower.writer().write(line(10))
        assert await follower.events() == numbered([7, 8, 9, 10])


async def test_a_line_that_is_added_while_the_last_ones_are_read_comes_once(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    file = put(tmp_path, "trading", line(0))
    read = logfollowing.tail

    def late(*arguments: object) -> list[Line]:
        with file.open("ab") as appended:
            appended.write(line(1))
        return read(*arguments)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr(logfollowing, "tail", late)
    async with following(tmp_path, backlog=5) as follower:
        assert await follower.events() == numbered([0, 1])


async def test_no_line_is_lost_while_files_are_finished(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(logfiles, "FILE_BYTES", 300)
    monkeypatch.setattr(logfollowing, "_LINES_AT_ONCE", 7)
    async with following(tmp_path) as follower:
        file, told = follower.writer(), list[str]()
        for number in range(60):
            follower.clocks.now_s += 1.0
            file.write(line(number))
            if number in (0, 1, 5, 30, 59):  # several files are begun between two looks
                told += await follower.events()
        assert len(list((tmp_path / "logs").iterdir())) > 10
        assert told == numbered(range(60))


async def test_a_folder_that_another_process_begins_is_followed_from_its_first_line(tmp_path: pathlib.Path):
    async with following(tmp_path) as follower:
        put(tmp_path, "trading", line(1), folder="logs-2", finished_ns=at(2))
        put(tmp_path, "trading", line(3), folder="logs-2")
        assert await follower.events() == numbered([1, 3])


async def test_a_line_comes_when_it_has_its_end_and_a_damaged_one_is_told(tmp_path: pathlib.Path):
    path = put(tmp_path, "trading", line(0), line(1)[:30])
    async with following(tmp_path) as follower:
        with path.open("ab", buffering=0) as file:
            assert await follower.events() == []
            file.write(line(1)[30:] + b"{spoilt}\n" + line(2)[:-1])
            assert await follower.events() == ["event 1", "{spoilt}"]
            file.write(b"\n")
            assert await follower.events() == numbered([2])


async def test_half_a_line_that_the_disk_refused_is_taken_back(tmp_path: pathlib.Path):
    path = put(tmp_path, "trading", line(0))
    async with following(tmp_path) as follower:
        with path.open("r+b", buffering=0) as file:
            file.seek(0, 2)
            file.write(line(1)[:40])
            assert await follower.events() == []
            file.truncate(len(line(0)))
            file.seek(0, 2)
            file.write(line(2))
        assert await follower.events() == numbered([2])


async def test_only_wanted_lines_come(tmp_path: pathlib.Path):
    async with following(tmp_path, Query(channels=["audit"], level="warning", text="KILL")) as follower:
        for channel in ("audit", "trading"):
            put(tmp_path, channel, line(1, channel, "warning", "a kill"), line(2, channel), line(3, channel, "error"))
        assert await follower.events() == ["a kill"]
    with pytest.raises(ConfigurationError, match="logs have no 'secret'"):
        await anext(follow(tmp_path, Query(channels=["secret"])))


async def test_who_goes_away_leaves_no_file_open(tmp_path: pathlib.Path):
    path = put(tmp_path, "trading", line(0))
    async with following(tmp_path) as follower:
        assert await follower.events() == []
        assert _opened(path)
    assert not _opened(path)


def _opened(path: pathlib.Path) -> bool:
    """Return whether this process has a file open."""
    opened = pathlib.Path("/proc/self/fd")
    if not opened.exists():
        pytest.skip("needs /proc to know which files are open")
    return any(each.exists() and each.samefile(path) for each in opened.iterdir())
