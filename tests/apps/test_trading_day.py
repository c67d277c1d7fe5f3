"""A day at the dashboard, as `make live` opens it: signed in, watched, followed back, stopped, and started again."""

import contextlib
import dataclasses
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator

import pytest
from playwright.sync_api import Browser, Page, expect

from alpha_panda.live.control.killswitch import LATCH
from tests.browser import Witness
from tests.live.processes import PATIENCE_S
from tests.live.trading import ROOT

pytestmark = pytest.mark.timeout(600)  # of a day that is watched, and a platform that is started twice

_PATIENCE_MS = PATIENCE_S * 1_000
_LINK = re.compile(r"(http://\S+)/sign-in#link=\S+")

# The server is taken away on purpose, and a session that begins is asked about before it is there.
_EXPECTED = ("net::ERR_", "WebSocket", "Failed to load resource", "[bokeh] Websocket", "[bokeh] Lost websocket")


# How many points the largest source of the page's charts has.
_POINTS = """() => Math.max(...[...Bokeh.documents[0]._all_models.values()]
  .filter((model) => model.type === "ColumnDataSource").map((source) => source.get_length() ?? 0))"""


@dataclasses.dataclass
class Platform:
    """The process of a session with its dashboard."""

    process: subprocess.Popen[bytes]
    said: pathlib.Path

    def link(self) -> str:
        """Return the link that signs in, once it is printed."""
        until_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < until_s:
            if found := _LINK.search(self.said.read_text()):
                return found[0]
            assert self.process.poll() is None, self.said.read_text()
            time.sleep(0.1)
        raise AssertionError(f"no link was printed: {self.said.read_text()}")

    def stop(self) -> None:
        """Stop it as a person does."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE_S)


@contextlib.contextmanager
def trading(folder: pathlib.Path, port: int, said: str) -> Generator[Platform]:
    """Give the platform at work on the session in `folder`/s1, its dashboard at `port`."""
    command = [sys.executable, "-m", "alpha_panda.live", "--state", str(folder / "s1"), "--speed", "60"]
    database = {"ALPHA_PANDA_DATABASE_URL": f"sqlite:///{folder / 'web.db'}"}
    told = folder / said
    with told.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--web-port", str(port)], cwd=ROOT, env=os.environ | database, stdout=output, stderr=output
        )
    try:
        yield Platform(process, told)
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture
def page(browser: Browser) -> Generator[Page]:
    with browser.new_context(viewport={"width": 1_440, "height": 900}) as context:
        context.set_default_timeout(_PATIENCE_MS)
        yield context.new_page()


def test_a_day_is_watched_followed_back_stopped_and_stays_stopped(tmp_path: pathlib.Path, port: int, page: Page):
    expect.set_options(timeout=_PATIENCE_MS)
    witness = Witness.of(page)
    home = f"http://127.0.0.1:{port}"
    with trading(tmp_path, port, "first") as platform:
        page.goto(platform.link())
        page.wait_for_url(f"{home}/")
        expect(page).to_have_title("PAPER · Overview · Alpha Panda")

        watch_the_curve(page)
        follow_an_order(page, home)
        read_a_refusal(page)
        stop_everything(page)
        orders = orders_made(page, home)
        assert (tmp_path / "s1" / LATCH).exists()

        platform.stop()
    expect(page.locator(".chip.of-account")).to_contain_text("unknown")

    with trading(tmp_path, port, "second") as platform:
        # The page comes back by itself, still signed in, and shows what the account still is.
        expect(page.locator(".chip.of-account")).to_contain_text("KILLED")
        expect(page.locator("button.stop")).to_have_text("STOPPED")
        market = page.locator(".clock span")
        seen = market.inner_text()
        expect(market).not_to_have_text(seen)
        assert orders_made(page, home) == orders
        platform.stop()

    assert list(witness.outside(home, home.replace("http", "ws"))) == []
    unexpected = [each for each in witness.complaints if not any(word in each for word in _EXPECTED)]
    assert unexpected == []


def watch_the_curve(page: Page) -> None:
    """See the equity and the day's curve move."""
    equity = page.locator("dl.first > div", has=page.get_by_text("Equity", exact=True)).locator("dd").first
    expect(equity).not_to_have_text("₹10,00,000.00")
    moved, drawn = equity.inner_text(), page.evaluate(_POINTS)
    expect(equity).not_to_have_text(moved)
    page.wait_for_function(f"drawn => ({_POINTS})() > drawn", arg=drawn)


def follow_an_order(page: Page, home: str) -> None:
    """Open an order, and see what led to it and what it cost."""
    page.goto(f"{home}/orders")
    expect(page).to_have_title("PAPER · Orders · Alpha Panda")
    page.locator(".tabulator-row", has_text="complete").first.click()
    chain = page.locator("ol.chain")
    for step in ("signal", "decision", "order", "fill"):
        expect(chain.locator(f"li.{step}").first).to_be_visible()
    expect(chain.locator("li.tick, li.bar, li.clock")).to_be_visible()
    expect(chain.locator("li.fill").first).to_contain_text("Brokerage")


def read_a_refusal(page: Page) -> None:
    """See which rule refused, what it measured, and what it allows."""
    page.locator(".tabulator-row", has_text="refused").first.click()
    decision = page.locator("ol.chain li.decision")
    expect(decision).to_contain_text("refused")
    expect(decision).to_contain_text("Rule")
    expect(decision).to_contain_text("Measured")


def stop_everything(page: Page) -> None:
    """Stop all trading: one click and a confirmation."""
    page.locator("button.stop").click()
    page.get_by_role("button", name="Stop trading").click()
    expect(page.locator("button.stop")).to_have_text("STOPPED")
    expect(page.locator(".chip.of-account")).to_contain_text("KILLED")


def orders_made(page: Page, home: str) -> int:
    """Return how many orders the account has made, as the API says it."""
    return page.evaluate(
        "async home => (await (await fetch(`${home}/api/v1/portfolio/account`)).json()).account.orders_made", home
    )
