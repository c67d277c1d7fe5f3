"""A page that cannot be made says so in a sentence, keeps its STOP, and shows nobody where the code has failed."""

import importlib
import logging

import pytest
from playwright.sync_api import Page, expect

from alpha_panda.apps.access import VISIT_ID
from alpha_panda.apps.dashboard.parts import DashboardParts
from tests.apps.dashboard.example import FakeDesk
from tests.apps.dashboard.serving import PANEL_WARNS, application, served

pytestmark = pytest.mark.filterwarnings(PANEL_WARNS)

making = importlib.import_module("alpha_panda.apps.dashboard.pages")


def broken(*_: object) -> None:
    raise RuntimeError("canary in the code")


def test_a_page_that_cannot_be_made_says_so_and_can_still_stop_everything(
    page: Page, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setitem(making.PAGES, "/positions", broken)
    with served(application(FakeDesk())) as home:
        page.goto(f"{home}/positions")
        expect(page.get_by_text("This page cannot be shown, by a defect of Alpha Panda")).to_be_visible(timeout=60_000)
        expect(page.get_by_role("button", name="STOP")).to_be_visible()
        assert "canary" not in page.content()
    assert "canary in the code" in caplog.text


def test_where_not_even_its_frame_can_be_made_the_sentence_says_how_to_stop(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setitem(making.PAGES, "/", broken)
    monkeypatch.setattr(making, "shell", broken)
    parts: DashboardParts = object()  # type: ignore[assignment]  # nothing looks at it
    before = VISIT_ID.set("f54ee781cc75f636")
    try:
        shown = making.pages(parts)["/"]()
    finally:
        VISIT_ID.reset(before)
    assert "the log says more under the request id f54ee781cc75f636" in shown.object
    assert "alpha-panda kill" in shown.object
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.ERROR]
