"""A page of the dashboard in a browser, opened and complete."""

from collections.abc import Generator

import pytest
from playwright.sync_api import Browser, Page, expect


@pytest.fixture
def page(browser: Browser) -> Generator[Page]:
    """Give an empty page of a trader's size, in a zone that is not India's."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, timezone_id="America/New_York")
    yield context.new_page()
    context.close()


def opened(page: Page, home: str) -> Page:
    """Return the page with the overview of `home`."""
    page.goto(home)
    expect(page.get_by_text("Equity and P&L of the day")).to_be_visible(timeout=15_000)
    return page
