"""A headless Chromium for tests of pages, and a witness of what a page asked for and complained about."""

import contextlib
import dataclasses
import shutil
from collections.abc import Generator, Iterator
from typing import Self

from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# A test needs no sandbox or graphics card, and the browser must not speak to anybody on its own.
_ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)

_PATIENCE_MS = 30_000  # until what a page must come to show is missed, on a machine that has much else to do


def chromium_path() -> str | None:
    """Return where the machine's own Chromium lies, None where there is none."""
    return next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)


@contextlib.contextmanager
def launched(path: str) -> Generator[Browser]:
    """Give a running browser, and end it."""
    expect.set_options(timeout=_PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@dataclasses.dataclass
class Witness:
    """What a page did since it was watched: the addresses it asked for, and its errors and warnings."""

    addresses: list[str] = dataclasses.field(default_factory=list)
    complaints: list[str] = dataclasses.field(default_factory=list)

    @classmethod
    def of(cls, page: Page) -> Self:
        """Watch a page before it is sent anywhere; websockets count as requests."""
        witness = cls()
        page.on("request", lambda request: witness.addresses.append(request.url))
        page.on("websocket", lambda socket: witness.addresses.append(socket.url))
        page.on("pageerror", lambda error: witness.complaints.append(str(error)))
        page.on("console", witness._listen)
        return witness

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def outside(self, *home: str) -> Iterator[str]:
        """Yield the addresses that begin with none of `home`; data and blob addresses never leave the page."""
        return (address for address in self.addresses if not address.startswith((*home, "data:", "blob:")))
