"""The site of all pages builds without a warning, and needs no network."""

import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest

from tools.docs.docstrings import described

ROOT = Path(__file__).resolve().parents[3]


def test_a_parameter_s_text_becomes_its_description_and_other_sections_stay() -> None:
    text = "Do.\n\nParameters\n----------\na, b : of two\n    lines.\n**c : by name.\n\nReturns\n-------\nd : as it is."
    assert described(text) == text.replace("a, b : ", "a, b\n    ").replace("c : ", "c\n    ")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    line = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", out]
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(line, cwd=ROOT, env=quiet, capture_output=True, text=True, timeout=600, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return out


@pytest.mark.slow
def test_nothing_is_fetched_from_elsewhere_and_every_file_is_there(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 40
    for page in pages:
        text = page.read_text()
        fetched = re.findall(r"<(?:script|img|link|iframe)\b[^>]*?\s(?:src|href)=\"?([^\"\s>]+)", text)
        assert fetched
        for name in fetched:
            assert not re.match(r"https?:|//", name), f"{page.name}: {name}"
            assert name.startswith("data:") or (page.parent / unquote(name.split("#")[0].split("?")[0])).exists(), name


@pytest.mark.slow
def test_the_search_and_the_reference_are_in_it(site: Path) -> None:
    index = (site / "search" / "search_index.js").read_text()
    assert "wall loss" in index
    reference = (site / "python.html").read_text()
    assert all(f'id="corrotwin.{name}"' in reference for name in ("Twin", "Forecast", "Dataset", "train", "render"))
