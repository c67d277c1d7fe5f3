"""What a process has loaded is not looked through for garbage any more, what comes afterwards is."""

import gc
import sys
import weakref
from collections.abc import Iterator

import pytest

from alpha_panda.live.interpreter import Interpreter


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Give the tests behind these an interpreter as it was."""
    switch_s = sys.getswitchinterval()
    yield
    sys.setswitchinterval(switch_s)
    gc.unfreeze()


class Cycle:
    def __init__(self) -> None:
        self.itself = self


def test_what_was_there_when_a_stage_recovered_is_out_of_sight_and_garbage_is_gone():
    loaded = [Cycle() for _ in range(1_000)]
    garbage = weakref.ref(Cycle())
    Interpreter().on_stage_recovered("account")
    assert garbage() is None
    assert gc.get_freeze_count() > len(loaded)
    assert not any(each is loaded[0] for each in gc.get_objects())


def test_later_garbage_is_found_as_ever():
    Interpreter().on_stage_recovered("account")
    garbage = weakref.ref(Cycle())
    gc.collect()
    assert garbage() is None


def test_threads_take_turns_ten_times_as_often_as_by_default():
    Interpreter()
    assert sys.getswitchinterval() == 0.0005
