"""Frame times of the viewer with thousands of pictures, in headless Chromium.

Pictures are made of smooth noise, so that each takes as long to decode as a photograph of its size. The page is
scrolled by a fixed step in each frame from the top to the end, then in steps of the wheel; keys decide on pictures, and
the page is sorted. The time between frames is measured as the browser reports it to the page.
"""

import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from corrotwin.twin.core import cli, text
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.pages import pictures, viewer

if TYPE_CHECKING:
    from playwright.sync_api import Page

TEMPLATE = Path(viewer.__file__).with_name("viewer.html.j2")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FRAMES = """async ([frames, step]) => {
  const list = document.getElementById("list"), times = [];
  list.scrollTop = 0;
  const end = () => list.scrollTop + list.clientHeight >= list.scrollHeight - 1;
  let before = await new Promise(requestAnimationFrame);
  while (times.length < frames && !end()) {
    list.scrollTop += step;
    const now = await new Promise(requestAnimationFrame);
    times.push(now - before);
    before = now;
  }
  return [times, document.querySelectorAll(".card").length];
}"""
KEYS = """async count => {
  const list = document.getElementById("list"), times = [];
  list.focus();
  for (let number = 0; number < count; number += 1) {
    const begun = performance.now();
    list.dispatchEvent(new KeyboardEvent("keydown", { key: number % 2 ? "a" : "r", bubbles: true }));
    list.getBoundingClientRect();
    times.push(performance.now() - begun);
    await new Promise(requestAnimationFrame);
  }
  return times;
}"""
SORT = """() => {
  const begun = performance.now(), sort = document.getElementById("sort");
  sort.value = "name";
  sort.dispatchEvent(new Event("change"));
  document.getElementById("list").getBoundingClientRect();
  return performance.now() - begun;
}"""


SCROLLS = (("frames at rest", 60, 0), ("frames of 60 pixels", 300, 60), ("frames of 700 pixels", 100, 700))


def drawn(count: int) -> Iterator[viewer.ViewerPicture]:
    """Yield made-up pictures of 320 x 240 pixels, the size in the list, with three layers, all different."""
    import cv2

    rng = np.random.default_rng(0)
    base = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
    colours = ((255, 0, 200), (0, 190, 255), (255, 225, 0))
    for number in range(count):
        small = np.roll(base, (number % 60, number % 80), axis=(0, 1)) ^ np.uint8(number % 7)
        image = np.asarray(cv2.resize(small, (320, 240), interpolation=cv2.INTER_CUBIC), np.uint8)
        masks = [(image[..., channel] > 150).astype(np.uint8) * np.uint8(channel + 1) for channel in range(3)]
        name = f"photo-{number:05d}.jpg"
        yield viewer.ViewerPicture(
            name=name,
            values=(100 * float(masks[0].mean()), float(rng.random())),
            sizes=((pictures.photo(image, viewer.SMALL), pictures.flat_layers(masks, colours, viewer.SMALL)),),
            aspect=4 / 3,
            identity={"photo": name, "mask": str(number), "photo_sha256": "", "mask_sha256": ""},
        )


@contextmanager
def opened(page: Path) -> Iterator["Page"]:
    """Open a page in headless Chromium, 1,200 x 900 pixels."""
    from playwright.sync_api import sync_playwright

    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        raise InputError(f"no browser ({', '.join(BROWSERS)}); on Debian: apt-get install chromium")
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1200, "height": 900})
        tab.goto(page.as_uri())
        yield tab
        browser.close()


class _Clock:
    """Processor time of the page's main thread, as counted by Chromium: a busy machine does not lengthen it."""

    def __init__(self, shown: "Page") -> None:
        self._session = shown.context.new_cdp_session(shown)
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def milliseconds(self) -> float:
        metrics = self._session.send("Performance.getMetrics")["metrics"]
        return 1000 * float(next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration"))


def measure(page: Path) -> list[str]:
    """Return lines with the measured times: loading, frames of each kind of scrolling, decisions, sorting."""
    lines = []
    started = time.perf_counter()
    with opened(page) as tab:
        tab.wait_for_selector(".card")
        lines.append(f"shown after {time.perf_counter() - started:.1f} s, browser's start included")
        clock = _Clock(tab)
        for label, frames, step in SCROLLS:
            before = clock.milliseconds()
            times, cards = tab.evaluate(FRAMES, [frames, step])
            spent = (clock.milliseconds() - before) / len(times)
            lines.append(f"{label}: {_times(times)}; {spent:.1f} ms of the main thread each; {cards} cards")
        before = clock.milliseconds()
        times = tab.evaluate(KEYS, 100)
        spent = (clock.milliseconds() - before) / len(times)
        lines.append(f"a decision by key: {_times(times)}; {spent:.1f} ms of the main thread each")
        before = clock.milliseconds()
        waited = tab.evaluate(SORT)
        lines.append(f"sorted in {waited:.0f} ms, {clock.milliseconds() - before:.0f} ms of the main thread")
    return lines


def _times(times: Sequence[float]) -> str:
    middle, high, most = np.quantile(times, (0.5, 0.95, 1))
    return f"median {middle:.1f} ms, 95th percentile {high:.1f} ms, longest {most:.1f} ms ({len(times)})"


def viewer_speed(*, count: int = 2000, single: bool = False) -> None:
    """Measure the frame times of a page of made-up pictures.

    Parameters
    ----------
    count
        number of pictures.
    single
        put the pictures into the page.
    """
    if count < 1:
        raise InputError(f"--count {count}: give at least 1")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "index.html"
        viewer.write(
            page, TEMPLATE, drawn(count), measures=[viewer.Measure(label="corroded"), viewer.Measure(label="F1")],
            layers=[viewer.Layer(label=name) for name in ("prediction", "truth", "difference")], single=single,
            review=viewer.Review(source="measured"), title="Measured",
        )  # fmt: skip
        text.say(f"{count} pictures, page of {page.stat().st_size / 1e6:.1f} MB")
        for line in measure(page):
            text.say(line)


if __name__ == "__main__":
    cli.run_one("tools.speed.viewer", viewer_speed)
