"""The browser of the tests: its witness sees what a page asks for and complains about."""

import pathlib

from playwright.sync_api import Browser

from tests.browser import Witness

TALKATIVE = """<!doctype html><script>
console.log("all is well");
console.error("a chart is missing");
fetch("http://127.0.0.1:9/prices").catch(() => document.title = "alone");
</script>"""


def test_a_witness_sees_requests_and_errors(browser: Browser, tmp_path: pathlib.Path):
    address = (tmp_path / "page.html").as_uri()
    (tmp_path / "page.html").write_text(TALKATIVE)
    page = browser.new_page()
    witness = Witness.of(page)
    page.goto(address)
    page.wait_for_function("document.title === 'alone'")
    assert list(witness.outside(address)) == ["http://127.0.0.1:9/prices"]
    assert witness.complaints[0] == "error: a chart is missing"
    page.close()
