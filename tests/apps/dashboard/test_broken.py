"""A page that cannot be made says so in a sentence, keeps its STOP, and shows nobody where the code has failed."""

import importlib
import logging
from collections.abc import Generator

import panel as pn
import pytest
from playwright.sync_api import Page, expect

from alpha_panda.apps.access import VISIT_ID
from alpha_panda.apps.dashboard.parts import DashboardParts
from alpha_panda.apps.dashboard.shell import shell
from tests.apps.dashboard.example import FakeDesk
from tests.apps.dashboard.serving import PANEL_WARNS, application, parts_of, served

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


@pytest.fixture
def visit() -> Generator[str]:
    """Give the id of the request that asks for a page."""
    before = VISIT_ID.set("f54ee781cc75f636")
    yield VISIT_ID.get()
    VISIT_ID.reset(before)


class Unrendered(pn.pane.Str):
    """A part that Panel cannot make a model of, which it finds out after the page was made."""

    def _get_model(self, *things: object, **terms: object) -> None:
        raise RuntimeError("canary in the code")


def text_of(path: str, parts: DashboardParts) -> str:
    """Return all that the page at a path sends to the browser."""
    return str(making.pages(parts)[path].create_document().to_json())


def test_a_page_that_fails_while_it_is_rendered_says_so_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str], visit: str
):
    monkeypatch.setitem(making.PAGES, "/risk", lambda parts: shell(parts, "/risk", Unrendered("")))
    said = text_of("/risk", parts_of(FakeDesk(), "viewer", None))
    assert f"the log says more under the request id {visit}" in said
    assert "STOP" in said
    assert "canary" not in said + "".join(capsys.readouterr())
    assert "canary in the code" in caplog.text


def test_where_not_even_its_frame_can_be_made_the_sentence_says_how_to_stop(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, visit: str
):
    monkeypatch.setitem(making.PAGES, "/", broken)
    monkeypatch.setattr(making, "shell", lambda *_: Unrendered(""))
    said = text_of("/", parts_of(FakeDesk(), "viewer", None))
    assert f"the log says more under the request id {visit}" in said
    assert "alpha-panda kill" in said
    assert [record.levelno for record in caplog.records if record.levelno > logging.INFO] == [logging.ERROR] * 2
