"""A Chromium without a screen that draws 3D in software, for tests of pages."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import pytest

NAMES = ("chromium", "google-chrome", "chromium-browser")
SOFTWARE = ("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")


@contextmanager
def chromium() -> Iterator[Any]:
    """Yield a browser of Playwright; without it or Chromium the test is skipped and says so."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium): the page was not opened")
    if find_spec("playwright") is None:
        pytest.skip("playwright is not installed (pip install playwright): the page was not opened")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=found, args=[*SOFTWARE])
        yield browser
        browser.close()
