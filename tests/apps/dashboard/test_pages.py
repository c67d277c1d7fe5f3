"""The pages beside the overview in a real browser: complete, calm under the cursor, and nothing but text of others."""

import json
import pathlib
import re
from collections.abc import Generator

import pytest
from fastapi import FastAPI
from playwright.sync_api import Page, Route, ViewportSize, expect

from alpha_panda.apps.desk import models
from tests.apps.dashboard.answering import AnsweringDesk
from tests.apps.dashboard.example import empty_picture, quiet_board
from tests.apps.dashboard.recorded import Recorded, example_board
from tests.apps.dashboard.serving import PANEL_WARNS, application, served
from tests.browser import Witness

pytestmark = pytest.mark.filterwarnings(PANEL_WARNS)

PHONE: ViewportSize = {"width": 390, "height": 844}
EVIL = "<img src=x onerror=\"document.title='taken'\">"


@pytest.fixture(scope="module")
def shared_desk() -> AnsweringDesk:
    return AnsweringDesk()


@pytest.fixture(scope="module")
def app(shared_desk: AnsweringDesk) -> FastAPI:
    return application(shared_desk, "admin", database=Recorded())


@pytest.fixture(scope="module")
def home(app: FastAPI) -> Generator[str]:
    with served(app) as address:
        yield address


@pytest.fixture
def desk(shared_desk: AnsweringDesk, app: FastAPI) -> AnsweringDesk:
    """Return the desk that is shown, as it was before any test, with an alarm of each kind."""
    shared_desk.shown, shared_desk.hears, shared_desk.board = AnsweringDesk().shown, True, example_board()
    shared_desk.state = AnsweringDesk.state
    app.state.asked.clear()
    return shared_desk


def rows(page: Page, table: str):
    return page.get_by_label(table, exact=True).locator(".tabulator-row")


def opened(page: Page, address: str, table: str, count: int) -> Page:
    """Return a page once a table of it has so many rows."""
    page.goto(address)
    expect(rows(page, table)).to_have_count(count, timeout=60_000)
    return page


PAGES = [
    ("/positions", "Positions", 4, "+₹1,650.00"),
    ("/orders", "Orders", 4, "NFO:NIFTY25NOVFUT"),
    ("/strategies", "Strategies", 3, "+₹2,204.00"),
    ("/risk", "Limits", 6, "87 %"),
    ("/chart", "Instruments", 4, "triangles are fills"),
    ("/alarms", "Alarms", 1, "The stage signals is silent"),
    ("/system", "Stages", 4, "6.8 ms"),
]


@pytest.mark.parametrize(("path", "table", "count", "text"), PAGES, ids=[page[0] for page in PAGES])
def test_a_page_is_complete_and_asks_nobody_outside(
    page: Page, home: str, desk: AnsweringDesk, path: str, table: str, count: int, text: str
):
    witness = Witness.of(page)
    opened(page, home + path, table, count)
    expect(page.get_by_text(text).first).to_be_visible()
    assert list(witness.outside(home, home.replace("http", "ws"))) == []
    assert witness.complaints == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.set_viewport_size(PHONE)
    expect(page.locator("button.stop")).to_be_in_viewport(ratio=1)
    assert page.locator(".card").evaluate_all(
        "(cards) => cards.every((card) => card.getBoundingClientRect().right <= innerWidth)"
    )


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/positions", "No position: no strategy has begun."),
        ("/orders", "No order yet."),
        ("/strategies", "No session has begun."),
        ("/risk", "The account has not reported its limits yet."),
        ("/system", "No stage has reported yet."),
    ],
)
def test_an_empty_page_says_why(page: Page, home: str, desk: AnsweringDesk, path: str, sentence: str):
    desk.shown, desk.board = empty_picture(), quiet_board()
    witness = Witness.of(page)
    page.goto(home + path)
    expect(page.get_by_text(sentence)).to_be_visible(timeout=60_000)
    assert witness.complaints == []


# ── Orders and what led to them ──────────────────────────────────────────────────────────────────────────────────────


def test_a_click_on_an_order_shows_what_led_to_it(page: Page, home: str, desk: AnsweringDesk):
    opened(page, f"{home}/orders", "Orders", 4)
    rows(page, "Orders").nth(1).click()
    chain = page.get_by_label("What led to it")
    expect(chain.locator(".link")).to_have_count(6)
    for text in ("₹5,69,470.00", "₹3,50,000.00", "₹46.23", "market.ticks / 0, offset 48,001"):
        expect(chain.get_by_text(text)).to_be_visible()


def test_an_address_opens_the_order_that_it_names(page: Page, home: str, desk: AnsweringDesk):
    opened(page, f"{home}/orders?order=41", "Orders", 4)
    expect(page.get_by_label("What led to it").locator(".link")).to_have_count(6)


def test_an_order_that_cannot_be_found_says_why(page: Page, home: str, desk: AnsweringDesk):
    opened(page, f"{home}/orders?order=7", "Orders", 4)
    expect(page.get_by_text("paper has made no order 7 so far")).to_be_visible()


def test_a_refusal_shows_its_figures(page: Page, home: str, desk: AnsweringDesk):
    opened(page, f"{home}/orders", "Decisions", 1)
    rows(page, "Decisions").first.click()
    chain = page.get_by_label("What led to it")
    expect(chain.locator(".link")).to_have_count(3)
    expect(chain.get_by_text("₹16,12,000.00")).to_be_visible()
    expect(chain.get_by_text("₹15,00,000.00")).to_be_visible()


# ── Tables ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_changed_row_is_patched_where_it_stands(page: Page, home: str, desk: AnsweringDesk):
    opened(page, f"{home}/positions", "Positions", 4)
    row = rows(page, "Positions").first.element_handle()
    assert row is not None
    first, *others = desk.picture.positions
    desk.change(positions=(first.model_copy(update={"last_e4": 2_999_95_00}), *others))
    expect(rows(page, "Positions").first).to_contain_text("2,999.95")
    assert row.evaluate("(element) => element.isConnected && element.textContent.includes('2,999.95')")


def test_what_is_said_of_a_chosen_position_keeps_up_with_it(page: Page, home: str, desk: AnsweringDesk):
    opened(page, f"{home}/positions", "Positions", 4)
    rows(page, "Positions").first.click()
    expect(page.get_by_label("Position", exact=True)).to_contain_text("120")
    expect(rows(page, "Fills")).to_have_count(4)
    first, *others = desk.picture.positions
    fill = next(each for each in desk.picture.happenings if isinstance(each, models.Fill))
    newer = fill.model_copy(update={"time_ns": fill.time_ns + 1, "quantity": 45, "position": 75, "side": "SELL"})
    desk.change(
        positions=(first.model_copy(update={"quantity": 75, "fills": 7}), *others),
        happenings=(newer, *desk.picture.happenings),
    )
    expect(page.get_by_label("Position", exact=True)).to_contain_text("75")
    expect(rows(page, "Fills")).to_have_count(5)
    expect(page.locator(".of-page")).to_be_hidden()


def test_a_new_order_comes_above_the_older_ones(page: Page, home: str, desk: AnsweringDesk):
    opened(page, f"{home}/orders", "Orders", 4)
    working = desk.picture.orders[0]
    newer = working.model_copy(update={"order_id": 43, "made_ns": working.made_ns + 1})
    desk.change(orders=(newer, *desk.picture.orders))
    expect(rows(page, "Orders")).to_have_count(5)
    expect(rows(page, "Orders").first).to_contain_text("43")


def test_five_hundred_orders_are_shown_and_filtered(page: Page, home: str, desk: AnsweringDesk):
    one = desk.picture.orders[1]
    many = [one.model_copy(update={"order_id": number, "made_ns": one.made_ns + number}) for number in range(1, 501)]
    desk.change(orders=(*many[:-1], many[-1].model_copy(update={"symbol": "NSE:PANDA"})))
    page.goto(f"{home}/orders")
    expect(page.get_by_role("button", name="Executed 500")).to_be_visible(timeout=60_000)
    assert 0 < rows(page, "Orders").count() < 100
    assert rows(page, "Orders").nth(1).evaluate("(row) => row.getBoundingClientRect().height") == 28
    page.get_by_label("Filter Orders").fill("panda complete")
    expect(rows(page, "Orders")).to_have_count(1)
    expect(page.get_by_text("1 found")).to_be_visible()


def test_rows_change_places_only_when_the_pointer_rests(page: Page, home: str, desk: AnsweringDesk):
    opened(page, f"{home}/orders", "Orders", 4)
    place = page.get_by_label("Orders", exact=True).locator(".place")
    moving = place.evaluate("(place) => setInterval(() => place.dispatchEvent(new PointerEvent('pointermove')), 50)")
    working, *others = desk.picture.orders
    newer = working.model_copy(update={"order_id": 43, "made_ns": working.made_ns + 1})
    desk.change(orders=(newer, working.model_copy(update={"filled": 7}), *others))
    expect(page.get_by_text("1 more when the pointer rests")).to_be_visible()
    expect(rows(page, "Orders").first).to_contain_text("7")
    expect(rows(page, "Orders")).to_have_count(4)
    place.evaluate(f"(place) => (clearInterval({moving}), place.dispatchEvent(new PointerEvent('pointerleave')))")
    expect(rows(page, "Orders")).to_have_count(5)
    expect(rows(page, "Orders").first).to_contain_text("43")


def test_a_filter_and_an_order_hold_while_rows_come_and_figures_change(page: Page, home: str, desk: AnsweringDesk):
    opened(page, f"{home}/orders", "Orders", 4)
    working, filled, *others = desk.picture.orders
    page.get_by_label("Filter Orders").fill("trend")
    expect(rows(page, "Orders")).to_have_count(2)
    page.get_by_label("Orders", exact=True).get_by_text("Quantity").click()
    expect(rows(page, "Orders").first).to_contain_text("60")
    page.mouse.move(0, 0)
    huge = working.model_copy(update={"quantity": 12_34_567})
    unlike = working.model_copy(update={"order_id": 44, "strategy": "breakout"})
    desk.change(orders=(unlike, huge, filled, *others))
    expect(rows(page, "Orders").last).to_contain_text("12,34,567")
    expect(rows(page, "Orders")).to_have_count(2)
    figure = rows(page, "Orders").last.get_by_text("12,34,567")
    assert figure.evaluate("(text) => text.parentElement.scrollWidth <= text.parentElement.clientWidth")


def test_keys_walk_the_rows_and_open_one(page: Page, home: str, desk: AnsweringDesk):
    opened(page, f"{home}/strategies", "Strategies", 3)
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(rows(page, "Strategies").first).to_have_class(re.compile("picked"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("strategies/trend.py")).to_be_visible()
    page.keyboard.press("/")
    expect(page.get_by_label("Filter Strategies")).to_be_focused()


def test_what_others_call_things_is_text(page: Page, home: str, desk: AnsweringDesk):
    strategy = desk.picture.strategies[0].model_copy(update={"name": EVIL, "source": EVIL, "parameters": {EVIL: 1}})
    command = models.Command(time_ns=1, command="pause", strategy=EVIL, who=EVIL, reason=EVIL)
    desk.change(strategies=(strategy,), happenings=(command,))
    opened(page, f"{home}/strategies", "Strategies", 1)
    rows(page, "Strategies").first.click(position={"x": 20, "y": 10})
    expect(page.get_by_label("Terms").get_by_text(EVIL)).to_have_count(2)
    opened(page, f"{home}/risk", "Commands", 1)
    expect(rows(page, "Commands").get_by_text(EVIL)).to_have_count(3)
    assert page.title() != "taken"


# ── What a person does ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_strategy_is_paused_through_the_api_after_a_confirmation(
    page: Page, home: str, desk: AnsweringDesk, app: FastAPI
):
    opened(page, f"{home}/strategies", "Strategies", 3)
    rows(page, "Strategies").first.get_by_role("button", name="Pause").click()
    dialog = page.get_by_role("dialog", name="Pause trend?")
    dialog.get_by_label("Reason").fill("spread too wide")
    assert app.state.asked == []
    keys: list[str] = []

    def lose_the_first_answer(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) > 1:
            return route.continue_()
        route.fetch()
        return route.abort()

    page.route("**/pause", lose_the_first_answer)
    dialog.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Pause: done.")).to_be_visible()
    # It is sent again where nobody knows whether it came, under the key by which it counts once.
    assert app.state.asked == [("strategies/trend/pause", {"reason": "spread too wide"})] * 2
    assert len(keys) == 2
    assert len(set(keys)) == 1
    assert keys[0]


def test_thinking_better_of_it_sends_nothing(page: Page, home: str, desk: AnsweringDesk, app: FastAPI):
    opened(page, f"{home}/alarms", "Alarms", 1)
    rows(page, "Alarms").first.get_by_role("button", name="Acknowledge").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert app.state.asked == []


def test_an_alarm_is_shelved_for_an_hour(page: Page, home: str, desk: AnsweringDesk, app: FastAPI):
    opened(page, f"{home}/alarms", "Alarms", 1)
    rows(page, "Alarms").first.click(position={"x": 20, "y": 10})
    page.get_by_label("Alarm", exact=True).get_by_role("button", name="Shelve").click()
    page.get_by_role("dialog").get_by_label("Reason").fill("known")
    page.get_by_role("dialog").get_by_role("button", name="Shelve").click()
    expect(page.get_by_text("Shelve for an hour: done.")).to_be_visible()
    [(path, body)] = app.state.asked
    assert path == "alerts/stage_silent:signals/suppress"
    assert body["reason"] == "known"
    assert body["until"].endswith("Z")


# ── Logs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def line(number: int, event: str, level: str = "info") -> str:
    head = {"time_ns": number * 1_000_000_000, "level": level, "channel": "trading", "event": event}
    return json.dumps({**head, "order_id": number}) + "\n"


def test_logs_are_followed_sifted_and_stay_text(page: Page, home: str, desk: AnsweringDesk, tmp_path: pathlib.Path):
    (tmp_path / "logs").mkdir()
    file = tmp_path / "logs" / "trading.jsonl"
    file.write_text(line(1, EVIL) + line(2, "order sent", "warning"))
    desk.state = tmp_path
    opened(page, f"{home}/logs", "Lines", 2)
    expect(rows(page, "Lines").nth(1)).to_contain_text(EVIL)
    with file.open("a") as more:
        more.write(line(3, "order filled"))
    expect(rows(page, "Lines").first).to_contain_text("order filled")
    page.get_by_role("button", name="Warnings").click()
    expect(rows(page, "Lines")).to_have_count(1)
    page.get_by_role("button", name="trading").click()
    page.get_by_label("Filter Lines").fill("order_id=3")
    expect(rows(page, "Lines")).to_have_count(1)
    expect(rows(page, "Lines").first).to_contain_text("order filled")
    assert page.title() != "taken"
