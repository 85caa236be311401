"""Frame times of the viewer, measured on a few pictures by the machine's own browser."""

import re

import browser
import pytest

from tools.speed import viewer


@pytest.mark.slow
def test_a_page_of_a_few_pictures_is_measured(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.program()
    monkeypatch.setattr(viewer, "SCROLLS", (("frames at rest", 3, 0), ("frames of 60 pixels", 3, 60)))
    viewer.viewer_speed(count=30)
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("30 pictures, page of ")
    labels = ("shown after", "frames at rest", "frames of 60 pixels", "a decision by key", "sorted in")
    assert [line[: len(label)] for line, label in zip(said[1:], labels, strict=True)] == list(labels)
    assert all(float(one) >= 0 for one in re.findall(r"median (\S+) ms", "\n".join(said)))
