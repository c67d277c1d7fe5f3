"""The STOP is reached by every way, works without the page's connection, and never says more than the account did."""

import re
from collections.abc import Generator
from typing import Any

import pytest
from fastapi import FastAPI
from playwright.sync_api import Page, WebSocketRoute, expect

from alpha_panda.apps.desk import models
from tests.apps.dashboard.example import NOW_NS, FakeDesk
from tests.apps.dashboard.serving import PANEL_WARNS, application, delivered, opened, served

pytestmark = pytest.mark.filterwarnings(PANEL_WARNS)


class Api:
    """What the API answers, as a test sets it."""

    def __init__(self) -> None:
        self.receipt: dict[str, Any] = {}
        self.status = 200

    def __call__(self, command: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self.status != 200:
            return self.status, {
                "error": {"code": "away", "message": "the event log cannot be read", "request_id": "1"}
            }
        status, said = delivered(command, body)
        return status, {**said, **self.receipt}


@pytest.fixture(scope="module")
def desk() -> FakeDesk:
    return FakeDesk()


@pytest.fixture(scope="module")
def api() -> Api:
    return Api()


@pytest.fixture(scope="module")
def app(desk: FakeDesk, api: Api) -> FastAPI:
    return application(desk, answer=api)


@pytest.fixture(scope="module")
def home(app: FastAPI) -> Generator[str]:
    with served(app) as address:
        yield address


@pytest.fixture(autouse=True)
def begun(desk: FakeDesk, api: Api, app: FastAPI) -> None:
    """Let every test begin with a session that trades and an API that answers."""
    desk.shown, desk.hears = FakeDesk().shown, True
    api.receipt, api.status = {}, 200
    app.state.asked.clear()


def stop(page: Page):
    return page.locator("button.stop")


def test_a_click_and_a_confirmation_stop_it(page: Page, home: str, app: FastAPI):
    opened(page, home)
    stop(page).click()
    expect(page.get_by_role("dialog", name="Stop all trading?")).to_be_visible()
    assert app.state.asked == []
    page.get_by_role("button", name="Stop trading").click()
    expect(stop(page)).to_have_text("STOPPED")
    assert app.state.asked == [("kill", {"strategy": "", "reason": "STOP from the dashboard"})]


def test_the_key_and_enter_stop_it_and_escape_does_not(page: Page, home: str, app: FastAPI):
    opened(page, home)
    page.keyboard.press("Shift+K")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert app.state.asked == []
    page.keyboard.press("Shift+K")
    page.keyboard.press("Enter")
    expect(stop(page)).to_have_text("STOPPED")
    assert len(app.state.asked) == 1


def test_holding_it_stops_without_asking_and_letting_go_early_asks(page: Page, home: str, app: FastAPI):
    opened(page, home)
    stop(page).click(delay=300)
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    assert app.state.asked == []
    stop(page).click(delay=1_800)
    expect(stop(page)).to_have_text("STOPPED")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert len(app.state.asked) == 1


def test_it_says_stopping_until_the_account_has_said_so(page: Page, home: str, api: Api, desk: FakeDesk):
    api.receipt = {"account": None, "latch": "engaged", "told": "spool"}
    opened(page, home)
    page.keyboard.press("Shift+K")
    page.keyboard.press("Enter")
    expect(stop(page)).to_have_text("STOPPING")
    expect(page.get_by_text("The account has not confirmed it yet.")).to_be_visible()
    desk.change(latch=models.Latch(who="asha", reason="", time_ns=NOW_NS))
    page.wait_for_timeout(1_500)
    expect(stop(page)).to_have_text("STOPPING")
    desk.change_account(state="killed")
    expect(stop(page)).to_have_text("STOPPED")


def test_it_works_with_the_pages_own_connection_dead(page: Page, home: str, api: Api, desk: FakeDesk):
    sockets: list[WebSocketRoute] = []

    def hold(socket: WebSocketRoute) -> None:
        socket.connect_to_server()
        sockets.append(socket)

    page.route_web_socket(re.compile("/ws"), hold)
    opened(page, home)
    sockets[0].close()
    api.receipt = {"account": None, "latch": "engaged"}
    page.keyboard.press("Shift+K")
    page.keyboard.press("Enter")
    expect(stop(page)).to_have_text("STOPPING")
    # Nothing comes over the page's connection any more: it asks for what the account says.
    desk.change_account(state="killed")
    expect(stop(page)).to_have_text("STOPPED")


def test_what_is_refused_was_not_delivered_and_can_be_tried_again(page: Page, home: str, api: Api, app: FastAPI):
    api.status = 503
    opened(page, home)
    page.keyboard.press("Shift+K")
    page.keyboard.press("Enter")
    expect(stop(page)).to_have_text("NOT DELIVERED")
    expect(page.get_by_text("The event log cannot be read.")).to_be_visible()
    api.status = 200
    stop(page).click()
    page.keyboard.press("Enter")
    expect(stop(page)).to_have_text("STOPPED")
    assert len(app.state.asked) == 2


def test_without_a_server_it_says_that_nobody_knows(page: Page, home: str):
    opened(page, home)
    page.context.set_offline(True)
    page.keyboard.press("Shift+K")
    page.keyboard.press("Enter")
    expect(stop(page)).to_have_text("NOT DELIVERED")
    expect(page.get_by_text("nobody knows whether it stopped")).to_be_visible()


def test_a_kill_by_somebody_else_is_seen_and_a_reset_gives_the_button_back(page: Page, home: str, desk: FakeDesk):
    opened(page, home)
    desk.change(latch=models.Latch(who="ravi", reason="too wild", time_ns=NOW_NS))
    expect(stop(page)).to_have_text("STOPPING")
    desk.change_account(state="killed")
    expect(stop(page)).to_have_text("STOPPED")
    expect(page.get_by_text("Killed by ravi at 14:15:00: too wild")).to_be_visible()
    expect(page.locator(".of-account")).to_have_text(re.compile("KILLED"))
    desk.change(latch=None)
    desk.change_account(state="running")
    expect(stop(page)).to_have_text("STOP")


def test_it_is_the_same_on_every_page(page: Page, home: str):
    for path in ("/positions", "/orders"):
        page.goto(home + path)
        expect(stop(page)).to_have_text("STOP", timeout=15_000)
