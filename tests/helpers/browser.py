"""A real browser for tests of pages: headless Chromium by Playwright, or a skip that says what is missing."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SOFTWARE = ("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")  # draws 3D without a screen


def program() -> str:
    """Path of the machine's Chromium; without it the test is skipped and says so."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"no browser on this machine ({', '.join(NAMES)}): on Debian, apt-get install chromium")
    return found


@contextmanager
def chromium() -> "Iterator[Browser]":
    """Yield a browser of Playwright that draws in software."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install playwright")
    with sync_api.sync_playwright() as player:
        browser = player.chromium.launch(executable_path=program(), args=[*SOFTWARE])
        yield browser
        browser.close()


@contextmanager
def shown(path: Path, *, width: int = 1200, height: int = 900) -> "Iterator[Page]":
    """Open a page from its file; fail on an error in its console and on any request but those of its own files."""
    wrong: list[str] = []
    with chromium() as browser:
        page = browser.new_context(viewport={"width": width, "height": height}, accept_downloads=True).new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: (wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("requestfailed", lambda request: wrong.append(f"no answer: {request.url[:200]}"))

        def is_own(url: str) -> bool:
            return url.startswith((path.parent.as_uri(), "data:", "blob:"))

        page.on("request", lambda request: None if is_own(request.url) else wrong.append(f"asks for {request.url}"))
        page.goto(path.as_uri())
        yield page
    assert wrong == []
