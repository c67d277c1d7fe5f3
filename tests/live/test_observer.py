"""Whoever looks on is told everything, and can stop nothing."""

import inspect
import logging

import pytest

from alpha_panda.live.observer import Observer
from tests.live.watching import NOW_NS

METHODS = [name for name in vars(Observer) if name.startswith("on_")]


class Listener(Observer):
    """Keeps what it was told last, and has a fault where it is asked to."""

    def __init__(self, fault: bool = False) -> None:
        self.fault = fault
        self.told: tuple[object, ...] = ()


def _listens(name: str) -> None:
    def heard(self: Listener, *arguments: object) -> None:
        self.told = (name, *arguments)
        if self.fault:
            raise KeyError(name)

    setattr(Listener, name, heard)


for method in METHODS:
    _listens(method)


@pytest.mark.parametrize("name", METHODS)
def test_what_happens_is_handed_on_as_it_was_said(name: str):
    parameters = list(inspect.signature(getattr(Observer, name)).parameters)[1:]
    first, second, status = Listener(), Listener(), Observer()
    status.also = [first, second]
    getattr(status, name)(*parameters)
    assert first.told == second.told == (name, *parameters)


def test_an_observer_with_a_fault_stops_neither_the_session_nor_the_others(caplog: pytest.LogCaptureFixture):
    broken, sound, status = Listener(fault=True), Listener(), Observer()
    status.also = [broken, sound]
    with caplog.at_level(logging.ERROR):
        status.on_frame(41, 5, 0, NOW_NS)
    assert sound.told == ("on_frame", 41, 5, 0, NOW_NS)
    assert "Listener does not understand what it was told" in caplog.text
    assert "KeyError: 'on_frame'" in caplog.text
