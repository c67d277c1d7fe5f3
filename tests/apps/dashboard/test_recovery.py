"""A page whose server goes away says so, knows nothing by then, and comes back by itself when the server does."""

import re
import socket

import pytest
from playwright.sync_api import Page, expect

from tests.apps.dashboard.example import FakeDesk
from tests.apps.dashboard.serving import PANEL_WARNS, application, opened, served

pytestmark = pytest.mark.filterwarnings(PANEL_WARNS)


@pytest.fixture(scope="module")
def port() -> int:
    """Give a port that is free, for one server after another."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_it_recovers_from_a_restart_by_itself(page: Page, port: int):
    with served(application(FakeDesk()), port) as home:
        page.clock.install()
        opened(page, home)
        page.evaluate("window.sameDocument = true")
    # As after a sleep, which the clock that a page counts by may not notice.
    page.clock.set_system_time(page.evaluate("Date.now() / 1000") + 3_600)
    for name in ("account", "market", "log", "store", "alarms"):
        expect(page.locator(f".of-{name}")).to_have_text(re.compile("unknown"))
    page.clock.fast_forward(6_000)
    expect(page.get_by_text("The server does not answer: figures are 60 min old")).to_be_visible()
    expect(page.locator(".first")).to_have_css("filter", "grayscale(1) opacity(0.5)")
    expect(page.get_by_text("₹10,03,590.47", exact=True)).to_be_visible()
    again = FakeDesk(boot_id="boot-2")
    again.change_account(equity_e4=11_11_111_11_00)
    with served(application(again), port):
        expect(page.get_by_text("₹11,11,111.11", exact=True)).to_be_visible(timeout=60_000)
        expect(page.locator(".of-account")).to_have_text(re.compile("running"))
        assert page.evaluate("window.sameDocument") is None


def test_what_a_person_is_about_to_answer_outlasts_a_restart(page: Page, port: int):
    with served(application(FakeDesk()), port) as home:
        page.clock.install()
        opened(page, home)
        page.keyboard.press("Shift+K")
    again = application(FakeDesk(boot_id="boot-2"))
    with served(again, port):
        page.clock.fast_forward(30_000)
        page.clock.fast_forward(30_000)
        page.get_by_role("button", name="Stop trading").click()
        expect(page.locator("button.stop")).to_have_text("STOPPED")
        assert [command for command, _ in again.state.asked] == ["kill"]
        expect(page.locator("button.stop")).to_have_text("STOP", timeout=60_000)


def test_a_quiet_market_is_no_reason_to_reload(page: Page, port: int):
    desk = FakeDesk()
    with served(application(desk), port) as home:
        opened(page, home)
        page.evaluate("window.sameDocument = true")
        desk.shown, desk.hears = desk.picture, False
        expect(page.locator(".of-feed")).to_have_class(re.compile("bad"), timeout=15_000)
        page.wait_for_timeout(4_000)
        assert page.evaluate("window.sameDocument") is True
        expect(page.locator(".of-account")).to_have_text(re.compile("running"))


def test_whoever_is_signed_out_meanwhile_is_sent_to_sign_in(page: Page, port: int):
    with served(application(FakeDesk()), port) as home:
        page.route(re.compile("/api/v1/boot|/auth/refresh"), lambda route: route.fulfill(status=401, json={}))
        page.route(re.compile("/sign-in"), lambda route: route.fulfill(body="sign in", content_type="text/html"))
        page.clock.install()
        opened(page, home)
    page.clock.fast_forward(14_000)
    page.wait_for_url(re.compile(r"/sign-in\?next=%2F$"))
