"""The files of the logs hold whole lines, begin anew, and are deleted in the end."""

import errno
import os
import pathlib

import pytest

from alpha_panda.live.watch import logfiles
from alpha_panda.live.watch.logfiles import LogFile, Retention
from alpha_panda.units import DAY_NS, SECOND_NS
from tests.live.watching import NOW_NS, Clocks


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


def finished(folder: pathlib.Path) -> list[str]:
    return sorted(path.name for path in folder.glob("trading.*.jsonl"))


def test_a_large_file_is_begun_anew(tmp_path: pathlib.Path, clocks: Clocks, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(logfiles, "FILE_BYTES", 100)
    file = LogFile(tmp_path, "trading", Retention(365, kept=True), clocks.time_ns)
    for number in range(12):
        clocks.now_s += 1.0
        file.write(b"%039d\n" % number)
    file.close()
    assert len(finished(tmp_path)) == 5
    everything = "".join((tmp_path / name).read_text() for name in [*finished(tmp_path), "trading.jsonl"])
    assert [int(line) for line in everything.split()] == list(range(12))


def test_of_what_may_be_lost_only_the_latest_files_are_kept(
    tmp_path: pathlib.Path, clocks: Clocks, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(logfiles, "FILE_BYTES", 10)
    for kept in (False, True):
        file = LogFile(tmp_path / str(kept), "trading", Retention(365, kept), clocks.time_ns)
        (tmp_path / str(kept)).mkdir()
        for number in range(20):
            clocks.now_s += 1.0
            file.write(b"%09d\n" % number)
        file.close()
    assert [len(finished(tmp_path / str(kept))) for kept in (False, True)] == [8, 19]


def test_a_file_is_begun_anew_each_day_and_deleted_in_the_end(tmp_path: pathlib.Path, clocks: Clocks):
    file = LogFile(tmp_path, "trading", Retention(7, kept=True), clocks.time_ns)
    for _ in range(12):
        file.write(b"{}\n")
        clocks.now_s += DAY_NS / 1e9
    file.close()
    oldest_ns = clocks.time_ns() - 8 * DAY_NS  # it was finished seven days before the last line was written
    assert finished(tmp_path)[0] == f"trading.{oldest_ns}.jsonl"


def test_a_file_of_the_day_before_is_finished_when_the_process_begins(tmp_path: pathlib.Path, clocks: Clocks):
    (tmp_path / "trading.jsonl").write_text("{}\n")
    os.utime(tmp_path / "trading.jsonl", ns=(NOW_NS - DAY_NS, NOW_NS - DAY_NS))
    file = LogFile(tmp_path, "trading", Retention(7), clocks.time_ns)
    file.write(b"{}\n")
    file.close()
    assert finished(tmp_path) == [f"trading.{NOW_NS}.jsonl"]


def test_a_clock_that_goes_back_puts_no_file_in_the_place_of_another(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, clocks: Clocks
):
    monkeypatch.setattr(logfiles, "FILE_BYTES", 1)
    file = LogFile(tmp_path, "trading", Retention(7), clocks.time_ns)
    for number, now_s in enumerate([5.0, 5.0, 2.0, 2.0]):
        clocks.now_s = now_s
        file.write(f"{number}\n".encode())
    file.close()
    began_ns = clocks.time_ns() + 3 * SECOND_NS
    assert finished(tmp_path) == [f"trading.{began_ns + number}.jsonl" for number in range(3)]
    assert [(tmp_path / name).read_text() for name in finished(tmp_path)] == ["0\n", "1\n", "2\n"]


def test_half_a_line_does_not_spoil_the_next(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, clocks: Clocks):
    file = LogFile(tmp_path, "trading", Retention(1), clocks.time_ns)
    file.write(b'{"number": 1}\n')
    write = os.write

    def half(descriptor: int, line: bytes) -> int:
        write(descriptor, line[:5])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", half)
        with pytest.raises(OSError, match="No space left"):
            file.write(b'{"number": 2}\n')
    file.write(b'{"number": 3}\n')
    file.close()
    assert (tmp_path / "trading.jsonl").read_text() == '{"number": 1}\n{"number": 3}\n'
