"""A page is drawn complete, then only what is newer, and by a timer that other viewers do not hear of."""

from collections.abc import Callable
from typing import Any

import panel as pn
import pytest
from bokeh.document import Document
from panel.io.state import set_curdoc

from alpha_panda.apps.dashboard import refreshing
from alpha_panda.apps.desk.models import Picture
from alpha_panda.units import SECOND_NS
from tests.apps.dashboard.example import NOW_NS, FakeDesk, example_picture


@pytest.fixture
def timers(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return the timers that are started, which the test drives itself."""
    started: list[dict[str, Any]] = []

    class Timer:
        def __init__(self, **terms: Any) -> None:
            self.terms = terms

        def start(self) -> None:
            started.append(self.terms)

    monkeypatch.setattr(refreshing, "PeriodicCallback", Timer)
    return started


def flush(timers: list[dict[str, Any]]) -> Callable[[], None]:
    return timers[0]["callback"]


class Told:
    """A part that keeps what it was told to say."""

    def __init__(self) -> None:
        self.sentence = ""

    def fail(self, sentence: str) -> None:
        self.sentence = sentence


def test_it_is_drawn_at_once_and_then_only_what_is_newer(timers: list[dict[str, Any]]):
    desk, drawn = FakeDesk(), []
    refreshing.refresh(lambda: desk.picture, Told(), lambda picture: drawn.append(picture.number))
    assert drawn == [1]
    flush(timers)()
    assert drawn == [1]
    for _ in range(3):
        desk.change()
    flush(timers)()
    assert drawn == [1, 4]


def test_the_timer_is_in_the_background_and_never_faster_than_ten_times_a_second(timers: list[dict[str, Any]]):
    refreshing.refresh(example_picture, Told(), lambda picture: None, every_ms=1)
    assert (timers[0]["background"], timers[0]["period"]) == (True, 100)


def test_the_words_of_a_picture_are_found_once_for_all_pages():
    desk, asked = FakeDesk(), list[int]()
    said = refreshing.once(lambda picture: asked.append(picture.number) or picture.number)
    first = desk.shown
    assert [said(first), said(first)] == [1, 1]
    desk.change()
    assert [said(desk.shown), said(desk.shown)] == [2, 2]
    assert asked == [1, 2]


def test_a_part_that_fails_says_so_keeps_no_other_and_heals(
    timers: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
):
    desk, drawn, broken, whole = FakeDesk(), list[int](), Told(), Told()
    desk.hears, failing = False, [True]

    def draw(picture: Picture) -> None:
        if picture.number > 1 and failing:
            raise ValueError("canary")

    with set_curdoc(Document()):
        refreshing.refresh(lambda: desk.shown, broken, draw)
        refreshing.refresh(lambda: desk.shown, whole, lambda picture: drawn.append(picture.number))
        refreshing.refresh(lambda: desk.shown, whole, lambda picture: None, every_ms=1_000)
        pn.state._schedule_on_load(pn.state.curdoc, None)
    assert [timer["period"] for timer in timers] == [500, 1_000]
    desk.change(taken_ns=NOW_NS + 60 * SECOND_NS)
    flush(timers)()
    flush(timers)()
    assert (drawn, whole.sentence) == ([1, 2], "")
    assert broken.sentence == "As of 14:15:00, not drawn since, by a defect of Alpha Panda."
    assert caplog.text.count("cannot be drawn") == 1
    failing.clear()
    flush(timers)()
    assert broken.sentence == ""


def test_the_timers_of_a_page_are_forgotten_with_it():
    page = Document()
    with set_curdoc(page):
        refreshing.refresh(example_picture, Told(), lambda picture: None)
    assert page in refreshing._TIMERS
    for callback in page.callbacks.session_destroyed_callbacks:
        callback(None)
    assert page not in refreshing._TIMERS
