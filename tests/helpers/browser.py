"""A real browser for tests of pages: headless Chromium by Playwright, or a skip that says what is missing."""

import base64
import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SOFTWARE = ("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")  # draws 3D without a screen
PATIENCE = 30_000  # milliseconds for a page to open, and for each thing that is awaited on it
RENEW = "CORROTWIN_RENEW_SCREENSHOTS"  # an environment variable
SMALLER = 4  # times, stored pictures than pages: letters blur, so that no machine's way to draw them counts
FAR, MOST_FAR = 24, 0.01  # of 255 by which a pixel may differ, and the share of pixels that may differ more


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
        browser = player.chromium.launch(executable_path=program(), args=[*SOFTWARE], timeout=PATIENCE)
        yield browser
        browser.close()


def listen(page: "Page", folder: Path) -> list[str]:
    """Give a page its time limit, and return a list that fills with what goes wrong on it, as long as it is open.

    That is errors and warnings in its console, dialogs, and any request for what is neither in it nor in `folder`.
    """
    wrong: list[str] = []
    page.set_default_timeout(PATIENCE)
    page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: (wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("requestfailed", lambda request: wrong.append(f"no answer: {request.url[:200]}"))
    own = (folder.as_uri(), "data:", "blob:")
    page.on("request", lambda asked: None if asked.url.startswith(own) else wrong.append(f"asks for {asked.url}"))
    return wrong


@contextmanager
def shown(path: Path, *, width: int = 1200, height: int = 900, folder: Path | None = None) -> "Iterator[Page]":
    """Open a page from its file; at the end, fail if anything went wrong on it (see `listen`).

    Parameters
    ----------
    folder : where the files that it shows lie; its own by default.
    """
    with chromium() as browser:
        page = browser.new_context(viewport={"width": width, "height": height}, accept_downloads=True).new_page()
        wrong = listen(page, folder or path.parent)
        page.goto(path.as_uri())
        yield page
    assert wrong == []


def check_page(path: Path, *, folder: Path | None = None) -> None:
    """Fail unless a page opens without a fault, shows all its pictures and fits a phone and a screen.

    Parameters
    ----------
    folder : where the files that it shows lie; its own by default.
    """
    with shown(path, width=1200, folder=folder) as page:
        for width in (400, 1200):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        broken = "[...document.images].filter(image => image.complete && !image.naturalWidth).map(image => image.src)"
        assert page.evaluate(broken) == []


def compare_look(path: Path, reference: Path, *, width: int = 1200) -> None:
    """Fail if a page no longer looks like a stored picture of it. With `RENEW` set, store what it looks like now.

    One font is drawn on every machine, and both pictures are made `SMALLER`, so that the digits of a date count for
    little. The page's policy is set aside for that.
    """
    with chromium() as browser:
        page = browser.new_context(viewport={"width": width, "height": 900}, bypass_csp=True).new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(path.as_uri())
        page.add_style_tag(content=_font())
        page.evaluate("document.fonts.ready.then(() => true)")
        content = page.screenshot(animations="disabled")
    seen = Image.open(io.BytesIO(content)).convert("RGB").reduce(SMALLER)
    if os.environ.get(RENEW):
        seen.quantize(256, dither=Image.Dither.NONE).save(reference, optimize=True)
        assert reference.stat().st_size < 60_000
    assert reference.is_file(), f"{reference}: absent; {RENEW}=1 makes it"
    stored = Image.open(reference).convert("RGB")
    assert seen.size == stored.size
    apart = np.abs(np.asarray(seen, dtype=int) - np.asarray(stored, dtype=int)).max(axis=2)
    share = float((apart > FAR).mean())
    if share > MOST_FAR:
        seen.save(path.with_suffix(".seen.png"))
    assert share <= MOST_FAR, f"{share:.1%} of it differ from {reference}: {path.with_suffix('.seen.png')}"


def _font() -> str:
    matplotlib = pytest.importorskip("matplotlib")
    file = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    data = base64.b64encode(file.read_bytes()).decode()
    return (
        f"@font-face {{ font-family: OneFont; src: url(data:font/ttf;base64,{data}); }}"
        "* { font-family: OneFont !important; }"
    )
