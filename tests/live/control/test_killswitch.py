"""The kill latch: it outlasts its process, needs no contents, and is engaged where nobody can say that it is not."""

import os
import pathlib

import pytest

from alpha_panda.errors import ConfigurationError
from alpha_panda.live.control.killswitch import LATCH, LOOK_EVERY_S, KillSwitch, Latch


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_folder_without_the_file_is_not_killed(tmp_path: pathlib.Path, clock: Clock):
    assert KillSwitch(tmp_path, clock).engaged() is None
    assert KillSwitch(tmp_path / "not there", clock).engaged() is None


def test_the_latch_says_who_engaged_it_and_why_also_to_a_later_process(tmp_path: pathlib.Path, clock: Clock):
    KillSwitch(tmp_path, clock).engage("anand@desk", "wild prices", 17)
    assert KillSwitch(tmp_path, clock).engaged() == Latch("anand@desk", "wild prices", 17)
    assert os.listdir(tmp_path) == [LATCH]


def test_who_engaged_it_first_stays_named_on_it(tmp_path: pathlib.Path, clock: Clock):
    first = KillSwitch(tmp_path, clock).engage("anand@desk", "", 17)
    assert KillSwitch(tmp_path, clock).engage("meera@home", "me too", 18) == first


@pytest.mark.parametrize("content", [b"", b"stop!", b'{"who": 3}', b"\xff\x00"])
def test_a_file_that_says_nothing_engages_it_as_well(content: bytes, tmp_path: pathlib.Path, clock: Clock):
    (tmp_path / LATCH).write_bytes(content)
    latch = KillSwitch(tmp_path, clock).engaged()
    assert latch is not None
    assert latch.time_ns == (tmp_path / LATCH).stat().st_mtime_ns


def test_what_cannot_be_looked_up_is_taken_for_engaged(tmp_path: pathlib.Path, clock: Clock):
    (tmp_path / LATCH).mkdir()
    latch = KillSwitch(tmp_path, clock).engaged()
    assert latch is not None
    assert "cannot be looked up" in latch.reason


def test_it_is_looked_up_every_50_ms_and_no_oftener(tmp_path: pathlib.Path, clock: Clock):
    switch = KillSwitch(tmp_path, clock)
    assert switch.engaged() is None
    (tmp_path / LATCH).touch()
    clock.now_s += LOOK_EVERY_S / 2
    assert switch.engaged() is None
    clock.now_s += LOOK_EVERY_S / 2
    assert switch.engaged() is not None


def test_who_engages_or_releases_it_knows_at_once(tmp_path: pathlib.Path, clock: Clock):
    switch = KillSwitch(tmp_path, clock)
    assert switch.engaged() is None
    switch.engage("anand@desk", "", 17)
    assert switch.engaged() is not None
    assert switch.release() == Latch("anand@desk", "", 17)
    assert switch.engaged() is None
    assert switch.release() is None


def test_a_folder_that_is_not_there_is_no_session_to_kill(tmp_path: pathlib.Path, clock: Clock):
    with pytest.raises(ConfigurationError, match=r"no state directory .*/2026-11-2O"):
        KillSwitch(tmp_path / "2026-11-2O", clock).engage("anand@desk", "", 17)
    assert os.listdir(tmp_path) == []
