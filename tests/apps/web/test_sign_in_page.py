"""Signing in as a person does, in a real browser: nothing is asked of anybody outside, and each trouble has a name."""

import asyncio
import pathlib
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from alpha_panda.apps.web.cookies import ACCESS
from alpha_panda.apps.web.limits import Limits
from alpha_panda.apps.web.passwords import NO_PASSWORD
from alpha_panda.apps.web.throttle import FREE_FAILURES
from alpha_panda.errors import DatabaseError
from tests.apps.dashboard.serving import PANEL_WARNS
from tests.apps.web.house import PASSWORD, House, in_a_thread
from tests.browser import Witness

pytestmark = pytest.mark.filterwarnings(PANEL_WARNS)

# The status of a refused sign-in is what the page is there to explain; the browser mentions it as well.
_EXPECTED = "Failed to load resource"


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, str]]:
    with in_a_thread(tmp_path_factory.mktemp("web"), Limits(*[10_000.0] * 4)) as (house, place):
        yield house, f"http://{place}"


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context()
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def sign_in(page: Page, name: str, password: str) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_a_person_signs_in_and_gets_where_they_wanted_to_go(web: tuple[House, str], page: Page):
    witness = Witness.of(page)
    page.goto(f"{web[1]}/docs")
    expect(page).to_have_url(f"{web[1]}/sign-in?next=%2Fdocs")
    expect(page.get_by_label("Name")).to_be_focused()
    sign_in(page, "vera", PASSWORD)
    page.wait_for_url(f"{web[1]}/docs")
    expect(page.get_by_text("/api/v1/portfolio", exact=True)).to_be_visible()
    assert not list(witness.outside(web[1]))
    assert not witness.complaints


def test_the_description_of_the_api_opens_for_each_route_and_model(web: tuple[House, str], page: Page):
    page.goto(f"{web[1]}/docs")
    sign_in(page, "vera", PASSWORD)
    page.get_by_text("/api/v1/control/{command}", exact=True).click()
    expect(page.get_by_role("cell", name="Idempotency-Key")).to_be_visible()
    page.get_by_text("/api/v1/stream", exact=True).click()
    expect(page.locator("pre", has_text="Last-Event-ID")).to_be_visible()
    page.locator("summary", has_text="What became of a command.").click()
    expect(page.get_by_role("cell", name="repeated", exact=True)).to_be_visible()


def test_what_is_wrong_is_told_with_a_label_and_a_sentence(web: tuple[House, str], page: Page):
    witness = Witness.of(page)
    page.goto(f"{web[1]}/sign-in")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("Something is missingGive both a name and a password.")
    sign_in(page, "vera", "a wrong password")
    expect(page.get_by_role("alert")).to_have_text("Not signed inName or password is wrong.")
    expect(page.get_by_label("Password")).to_be_focused()
    expect(page.get_by_label("Password")).to_have_value("")
    assert all(_EXPECTED in complaint for complaint in witness.complaints)


def test_a_server_that_is_away_is_told_as_such(web: tuple[House, str], context: BrowserContext, page: Page):
    page.goto(f"{web[1]}/sign-in")
    context.set_offline(True)
    sign_in(page, "vera", PASSWORD)
    expect(page.get_by_role("alert")).to_contain_text("Not reachable")


def test_who_guesses_too_often_waits(web: tuple[House, str], page: Page):
    for _ in range(FREE_FAILURES):
        httpx.post(f"{web[1]}/auth/sign-in", json={"name": "omar", "password": "a guess"})
    page.goto(f"{web[1]}/sign-in")
    sign_in(page, "omar", PASSWORD)
    expect(page.get_by_role("alert")).to_have_text(
        "Too many attemptsToo many failed: wait 1 seconds before the next attempt."
    )
    expect(page.get_by_role("button")).to_be_disabled()
    expect(page.get_by_role("button")).to_be_enabled()


@pytest.mark.parametrize(
    "elsewhere", ["//evil.example/", "https://evil.example/", "javascript:0", "/\\evil.example", "//["]
)
def test_nobody_is_sent_elsewhere_after_signing_in(web: tuple[House, str], page: Page, elsewhere: str):
    page.goto(f"{web[1]}/sign-in?next={elsewhere}")
    sign_in(page, "asha", PASSWORD)
    page.wait_for_url(f"{web[1]}/")


def test_a_session_is_carried_on_without_being_asked(web: tuple[House, str], context: BrowserContext, page: Page):
    page.goto(f"{web[1]}/docs")
    sign_in(page, "vera", PASSWORD)
    page.wait_for_url(f"{web[1]}/docs")
    kept = [cookie for cookie in context.cookies() if cookie["name"] != ACCESS.name]
    context.clear_cookies()
    context.add_cookies(kept)  # as they are once the short-lived one has expired
    page.goto(f"{web[1]}/docs")
    page.wait_for_url(f"{web[1]}/docs")
    expect(page.get_by_text("/api/v1/portfolio", exact=True)).to_be_visible()


def test_the_stop_of_a_page_works_with_its_session_out_of_date_and_the_database_away(
    web: tuple[House, str], context: BrowserContext, page: Page, monkeypatch: pytest.MonkeyPatch
):
    async def away(*asked: object) -> None:
        raise DatabaseError("the database is away")

    house, address = web
    page.clock.install()
    page.goto(f"{address}/")
    sign_in(page, "asha", PASSWORD)
    expect(page.locator("button.stop")).to_have_text("STOP", timeout=20_000)
    monkeypatch.setattr(house.database.tokens, "use", away)
    monkeypatch.setattr(house.database.tokens, "stands", away)
    context.clear_cookies(name=ACCESS.name)  # as it is once that has expired
    with page.expect_response("**/auth/refresh"):  # since nothing was heard for so long
        page.clock.fast_forward(12_000)
    page.keyboard.press("Shift+K")
    page.keyboard.press("Enter")
    with page.expect_response("**/api/v1/portfolio/account"):  # so that the page is still there, and asks on
        expect(page.get_by_text("The latch is engaged")).to_be_visible()
    assert (house.parts.desk.state / "kill").exists()
    assert page.url == f"{address}/"


def test_no_script_can_read_a_token(web: tuple[House, str], page: Page):
    page.goto(f"{web[1]}/docs")
    sign_in(page, "vera", PASSWORD)
    page.wait_for_url(f"{web[1]}/docs")
    stored = page.evaluate("() => JSON.stringify([document.cookie, {...localStorage}, {...sessionStorage}])")
    assert stored == '["",{"alpha_panda.signed_in":"1"},{}]'


def test_the_page_of_a_session_holds_no_token(web: tuple[House, str], context: BrowserContext, page: Page):
    page.goto(f"{web[1]}/")
    sign_in(page, "vera", PASSWORD)
    page.wait_for_url(f"{web[1]}/")
    expect(page.get_by_label("Status")).to_be_visible(timeout=20_000)
    tokens = [cookie["value"] for cookie in context.cookies()]
    assert len(tokens) >= 2
    made = page.content()
    assert not [token for token in tokens if len(token) > 20 and token in made]


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_every_text_can_be_read_in_both_themes(web: tuple[House, str], browser: Browser, scheme: str):
    opened = browser.new_context(color_scheme=scheme)
    page = opened.new_page()
    page.goto(f"{web[1]}/sign-in")
    sign_in(page, "vera", "a wrong password")
    expect(page.get_by_role("alert")).to_be_visible()
    ratios = page.evaluate(_CONTRAST)
    opened.close()
    assert len(ratios) >= 6
    assert min(ratios.values()) >= 4.5, ratios


# The ratio of WCAG 2.2, success criterion 1.4.3, of each text to what is painted behind it.
_CONTRAST = """() => {
  const channels = (text) => text.match(/[\\d.]+/g).map(Number);
  const luminance = (text) => channels(text).slice(0, 3).map((each) => each / 255)
    .map((each) => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4)
    .reduce((sum, each, place) => sum + each * [0.2126, 0.7152, 0.0722][place], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const painted = getComputedStyle(at).backgroundColor;
      if ((channels(painted)[3] ?? 1) > 0) return painted;
    }
    return "rgb(255, 255, 255)";
  };
  const ratios = {};
  for (const element of document.querySelectorAll("h1, p, label, button, strong, span, code")) {
    if (!element.offsetParent || !element.textContent.trim()) continue;
    const [high, low] = [getComputedStyle(element).color, behind(element)].map(luminance).sort((a, b) => b - a);
    ratios[element.textContent.trim()] = (high + 0.05) / (low + 0.05);
  }
  return ratios;
}"""


def test_the_link_of_the_terminal_signs_the_owner_in_and_stays_in_no_history(browser: Browser, tmp_path: pathlib.Path):
    with in_a_thread(tmp_path) as (house, place):
        asyncio.run_coroutine_threadsafe(_without_passwords(house), house.loop).result(30)
        opened = browser.new_context()
        page = opened.new_page()
        page.goto(f"http://{place}/sign-in?next=/docs#link=the-token-of-the-link")
        page.wait_for_url(f"http://{place}/docs")
        expect(page.get_by_text("/api/v1/portfolio", exact=True)).to_be_visible()
        page.goto(f"http://{place}/sign-in#link=the-token-of-the-link")
        expect(page.get_by_role("alert")).to_contain_text("This link is no longer good")
        assert "link" not in page.url
        opened.close()


async def _without_passwords(house: House) -> None:
    for user in await house.database.users.list():
        await house.database.users.set_password(user.name, NO_PASSWORD, house.clock.wall_ns())
    assert await house.app.signing_in.new_link("the-token-of-the-link")
