"""The overview in a real browser: complete at once, alive, honest about what it does not know, asking nobody else."""

import re
from collections.abc import Generator

import pytest
from fastapi import FastAPI
from playwright.sync_api import Page, expect

from alpha_panda.apps.dashboard import summary
from alpha_panda.apps.desk import models
from alpha_panda.units import SECOND_NS
from tests.apps.dashboard.example import NOW_NS, FakeDesk, empty_picture, quiet_board
from tests.apps.dashboard.serving import PANEL_WARNS, application, opened, served
from tests.browser import Witness

_SHIFTS = """() => new Promise((resolve) => {
  let sum = 0;
  new PerformanceObserver((list) => { for (const entry of list.getEntries()) sum += entry.value; }).observe(
    { type: "layout-shift", buffered: true });
  setTimeout(() => resolve(sum), 200);
})"""


pytestmark = pytest.mark.filterwarnings(PANEL_WARNS)


@pytest.fixture(scope="module")
def shared_desk() -> FakeDesk:
    return FakeDesk()


@pytest.fixture(scope="module")
def app(shared_desk: FakeDesk) -> FastAPI:
    return application(shared_desk)


@pytest.fixture(scope="module")
def home(app: FastAPI) -> Generator[str]:
    with served(app) as address:
        yield address


@pytest.fixture
def desk(shared_desk: FakeDesk, app: FastAPI) -> FakeDesk:
    """Return the desk that is shown, as it was before any test."""
    fresh = FakeDesk()
    shared_desk.shown, shared_desk.hears, shared_desk.board = fresh.shown, True, fresh.board
    app.state.asked.clear()
    return shared_desk


def chip(page: Page, name: str):
    return page.locator(f".of-{name.lower()}")


def test_it_shows_the_session_and_asks_nobody_outside(page: Page, home: str, desk: FakeDesk):
    witness = Witness.of(page)
    opened(page, home)
    for text in ("+₹3,590.47", "₹10,03,590.47", "131.1 % of 150.0 %", "NFO:NIFTY25NOVFUT", "−₹1,102.50"):
        expect(page.get_by_text(text, exact=True)).to_be_visible()
    expect(page.get_by_role("log")).to_contain_text("gross exposure ₹16,12,000.00 of ₹15,00,000.00")
    expect(page.get_by_role("meter", name="Drawdown, halt")).to_have_attribute("aria-valuetext", "1.2 % of 5.0 %")
    expect(page).to_have_title("PAPER · Overview · Alpha Panda")
    assert list(witness.outside(home, home.replace("http", "ws"))) == []
    assert witness.complaints == []


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1920, 1080)])
def test_it_fits_the_window_and_does_not_move(page: Page, home: str, desk: FakeDesk, width: int, height: int):
    page.set_viewport_size({"width": width, "height": height})
    opened(page, home)
    for gain in range(6):
        desk.change_account(day_pnl_e4=-98_765_43_00 * gain, equity_e4=10_00_000_00_00 - 98_765_43_00 * gain)
        page.wait_for_timeout(250)
    assert page.evaluate("document.scrollingElement.scrollHeight") <= height
    assert page.evaluate(_SHIFTS) < 0.02
    box = page.get_by_role("button", name="STOP").bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= width


def test_a_change_of_the_account_is_seen(page: Page, home: str, desk: FakeDesk):
    opened(page, home)
    desk.change_account(day_pnl_e4=-12_345_67_00, state="halted", halt="day_loss_halt")
    expect(page.get_by_text("−₹12,345.67", exact=True)).to_be_visible()
    expect(chip(page, "Account")).to_have_text(re.compile("halted"))
    expect(chip(page, "Account")).to_have_class(re.compile("bad"))


def test_live_trading_cannot_be_taken_for_paper(page: Page, home: str, desk: FakeDesk):
    assert desk.shown.session is not None
    desk.change(session=desk.shown.session.model_copy(update={"mode": "live", "broker": "zerodha"}))
    opened(page, home)
    expect(page).to_have_title(re.compile("^LIVE · "))
    expect(page.locator(".mode")).to_have_css("background-color", "rgb(217, 48, 37)")
    assert page.evaluate("getComputedStyle(document.body, '::before').height") == "3px"


def test_a_feed_that_falls_silent_goes_amber_then_red_and_its_figures_fade(page: Page, home: str, desk: FakeDesk):
    opened(page, home)
    expect(chip(page, "Feed")).to_have_class(re.compile("well"))
    desk.shown, desk.hears = desk.picture, False
    expect(chip(page, "Feed")).to_have_class(re.compile("warn"))
    expect(page.locator(".first")).to_have_css("filter", re.compile("opacity"))
    expect(chip(page, "Feed")).to_have_class(re.compile("bad"), timeout=12_000)
    expect(page.locator(".first")).to_have_css("filter", "grayscale(1) opacity(0.5)")
    # The server is there, only the market is not heard of.
    expect(chip(page, "Account")).to_have_text(re.compile("running"))


def test_a_quiet_feed_of_a_closed_market_is_no_alarm(page: Page, home: str, desk: FakeDesk):
    feed = desk.picture.feed
    assert feed is not None
    desk.shown = desk.picture.model_copy(
        update={"feed": feed.model_copy(update={"market_open": False, "heard_ns": NOW_NS - 3_600 * SECOND_NS})}
    )
    desk.hears = False
    opened(page, home)
    expect(chip(page, "Feed")).to_have_text(re.compile(r"\d+ min"))
    expect(chip(page, "Feed")).to_have_class(re.compile("note"))
    expect(page.locator(".first")).to_have_css("filter", "none")


def test_a_source_that_is_away_says_since_when_and_why(page: Page, home: str, desk: FakeDesk):
    trouble = "Redis refuses connections"
    sources = tuple(
        source.model_copy(
            update={"well": False, "is_read": False, "trouble": trouble, "read_ns": desk.now_ns() - 65 * SECOND_NS}
        )
        if source.name == "store"
        else source
        for source in desk.shown.sources
    )
    desk.change(sources=sources, troubles=(f"The store cannot be read: {trouble}",))
    opened(page, home)
    expect(chip(page, "Store")).to_have_text(re.compile(r"away \d+ s"))
    expect(page.get_by_text(f"The store cannot be read: {trouble}")).to_be_visible()
    expect(page.get_by_text("₹10,03,590.47", exact=True)).to_be_visible()


def test_a_part_that_cannot_be_drawn_says_so_there_and_in_the_strip_and_heals(
    page: Page, home: str, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
):
    opened(page, home)
    expect(page.get_by_text("NFO:NIFTY25NOVFUT", exact=True)).to_be_visible()
    with monkeypatch.context() as defect:
        defect.setattr(summary, "position_row", lambda position: position.no_such_field)
        defect.setattr(summary, "limit_row", lambda limit: None)  # which the browser cannot draw
        desk.change()
        expect(page.get_by_text(re.compile("As of .*, not drawn since, by a defect of Alpha Panda"))).to_have_count(2)
        expect(chip(page, "Page")).to_contain_text("2 parts not drawn")
        expect(page.locator(".bars")).to_have_css("filter", "grayscale(1) opacity(0.5)")
        desk.change_account(equity_e4=11_11_111_11_00)
        expect(page.get_by_text("₹11,11,111.11", exact=True)).to_be_visible()
        expect(page.get_by_text("NFO:NIFTY25NOVFUT", exact=True)).to_be_visible()
    desk.change()
    expect(chip(page, "Page")).to_be_hidden()
    expect(page.get_by_text("not drawn since")).to_have_count(0)


def test_without_a_session_it_says_so_everywhere(page: Page, home: str, desk: FakeDesk):
    desk.shown = empty_picture()
    witness = Witness.of(page)
    opened(page, home)
    expect(page).to_have_title(re.compile("^NO SESSION · "))
    expect(page.get_by_text("No session has begun. Start one with make live.")).to_be_visible()
    expect(page.get_by_text("The account has not reported its limits yet.")).to_be_visible()
    expect(page.get_by_role("button", name="Pause")).to_be_disabled()
    assert "NaN" not in page.locator("body").inner_text()
    assert witness.complaints == []


def test_open_alarms_stand_in_the_strip_by_priority(page: Page, home: str, desk: FakeDesk):
    desk.board = quiet_board(critical=1, high=2)
    opened(page, home)
    expect(chip(page, "Alarms")).to_have_text(re.compile("1 critical · 2 high"))
    expect(chip(page, "Alarms")).to_have_class(re.compile("bad"))


def test_the_theme_changes_everywhere_and_is_remembered(page: Page, home: str, desk: FakeDesk):
    opened(page, home)
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_label("Dark or light").click()
    expect(page.locator("body")).to_have_css("background-color", "rgb(12, 17, 22)")
    assert light == "rgb(244, 246, 248)"
    opened(page, home)
    expect(page.locator("body")).to_have_css("background-color", "rgb(12, 17, 22)")


def test_the_tape_can_be_narrowed_to_refusals(page: Page, home: str, desk: FakeDesk):
    opened(page, home)
    page.get_by_role("button", name="Refusals").click()
    marks = page.get_by_role("log").locator(".mark")
    expect(marks.first).to_be_visible()
    assert set(marks.all_inner_texts()) == {"refused", "clipped"}


def test_keys_open_pages_and_are_off_where_one_writes(page: Page, home: str, desk: FakeDesk):
    opened(page, home)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Pause").click()
    page.keyboard.type("gp ?")
    expect(page.get_by_label("Reason")).to_have_value("gp ?")
    page.keyboard.press("Escape")
    page.keyboard.type("gp")
    page.wait_for_url(re.compile("/positions$"))


def test_a_command_is_confirmed_sent_with_its_reason_and_answered(page: Page, home: str, app: FastAPI, desk: FakeDesk):
    opened(page, home)
    page.get_by_role("button", name="Flatten").click()
    expect(page.get_by_role("dialog")).to_contain_text("Every position leaves at the market")
    page.get_by_label("Reason").fill("results tonight")
    page.get_by_role("button", name="Close all positions").click()
    expect(page.get_by_text("flatten: the account answers that it is running.")).to_be_visible()
    assert app.state.asked == [("flatten", {"reason": "results tonight"})]
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Cancel").click()
    assert len(app.state.asked) == 1


def test_whoever_may_only_look_has_nothing_to_press(page: Page, desk: FakeDesk):
    with served(application(desk, "viewer")) as home:
        opened(page, home)
        expect(page.get_by_text("viewer", exact=True)).to_be_visible()
        assert page.get_by_role("button", name=re.compile("STOP|Pause|Resume|Flatten|Reset")).count() == 0
        page.keyboard.press("Shift+K")
        page.wait_for_timeout(200)
        assert page.get_by_role("dialog").count() == 0


def test_what_others_wrote_is_text_and_no_markup(page: Page, home: str, desk: FakeDesk):
    command = models.Command(
        time_ns=NOW_NS, command="pause", strategy="", who="<img src=x onerror=alert(1)>", reason="<b>bold</b>"
    )
    witness = Witness.of(page)
    desk.change(happenings=(command, *desk.shown.happenings))
    opened(page, home)
    expect(page.get_by_role("log")).to_contain_text("<img src=x onerror=alert(1)>: pause · <b>bold</b>")
    assert witness.complaints == []
