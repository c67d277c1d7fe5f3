"""Fixtures of the tests of pages."""

from collections.abc import Generator

import pytest
from playwright.sync_api import Browser, Page


@pytest.fixture
def page(browser: Browser) -> Generator[Page]:
    """Give an empty page of a trader's size, in a zone that is not India's."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, timezone_id="America/New_York")
    yield context.new_page()
    context.close()
