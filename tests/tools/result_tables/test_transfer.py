"""Tables of a transfer hold what its runs hold, and the pages in docs/results say what the tables say."""

import re
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from corrotwin.segmentation.runs import PerImage, read_per_image
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_json
from tools.result_tables import comparison, transfer

ROOT = Path(__file__).parents[3]
RESULTS = ROOT / "docs" / "results"
TABLES = RESULTS / "transfer"
PAGES = sorted((TABLES / "tables").glob("*.md"))


@cache
def of_set(name: str) -> list[transfer.TestedPixels]:
    return transfer.read_counts(TABLES, name)


@cache
def on_other_sets() -> Mapping[str, Mapping[int, PerImage]]:
    return transfer.read_elsewhere(TABLES)


def rows(text: str) -> list[str]:
    """The rows of the tables of a page, but for its goals: they have five columns."""
    lines = [line.replace("\\", "") for line in text.splitlines() if line.startswith("|")]
    return [line for line in lines if line.count("|") != 6]


@pytest.mark.ci
@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_pages_say_what_the_tables_say(page: Path) -> None:
    name, renders, mix = re.fullmatch(r"(.+)-renders-(\w{8})(?:-(mixed.+))?", page.stem).groups()
    spots, counts, elsewhere = RESULTS / "photographs" / f"{name}.csv", of_set(name), on_other_sets()
    whole, _, rest = page.read_text().partition("\n## Without the ")
    unseen, _, alarms = rest.partition("\n## False alarms\n")
    for seen, said in (((), whole + alarms), (("train/*",), unseen)):
        found = rows(comparison.markdown(counts, elsewhere, spots, renders, mix or "mixed50", seen))
        assert len(found) > 15
        assert found == rows(said)


def test_tables_hold_the_counts_of_the_runs(tmp_path: Path) -> None:
    """Of the folds of a transfer of version 0.1 whose folder is kept for tests."""
    folder = tmp_path / "transfer"
    with zipfile.ZipFile(ROOT / "tests" / "benchmarks" / "folds-of-0.1.zip") as folds:
        folds.extractall(folder)
    count = len(list(folder.rglob("run.json")))
    assert transfer.write(folder, tmp_path / "tables") == count
    published = {each.folder: each for each in transfer.read_trainings(TABLES)}
    settings = transfer.read_settings(tmp_path / "tables")
    checked = 0
    for name in ("steel-bridges", "painted-steel"):
        of_published = {each.training.folder: each.tested for each in of_set(name)}
        for each in transfer.read_counts(tmp_path / "tables", name):
            run = folder / each.training.folder
            assert settings[each.training.settings] == read_json(run / "run.json")["config"]
            assert each.clear is None
            for other in (read_per_image(run / "per_image.csv"), of_published[each.training.folder]):
                assert each.tested.image == other.image
                assert np.array_equal(each.tested.fp, other.fp)
                assert np.array_equal(each.tested.tn, other.tn)
            assert published[each.training.folder].minutes == each.training.minutes
            checked += 1
    assert checked == count


def test_what_is_absent_or_damaged_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no trainings are here; give a transfer folder"):
        transfer.write(tmp_path, tmp_path / "tables")
    (tmp_path / transfer.TRAININGS).write_text("training\n1\n")
    with pytest.raises(InputError, match="damaged; expected the columns training, folder"):
        transfer.read_trainings(tmp_path)
    text = (TABLES / transfer.TRAININGS).read_text().replace("\n1,", "\none,", 1)
    (tmp_path / transfer.TRAININGS).write_text(text)
    with pytest.raises(InputError, match=r"trainings\.csv: damaged .*'one'.*; get the file again"):
        transfer.read_trainings(tmp_path)


def test_photos_without_a_spot_are_refused() -> None:
    spots = RESULTS / "photographs" / "steel-bridges.csv"
    with pytest.raises(InputError, match=r"steel-bridges\.csv: has no spot of test/0221\.jpg"):
        comparison.markdown(of_set("painted-steel"), {}, spots, "41f35a7b")


def test_the_command_names_the_renders_that_there_are() -> None:
    words = ["compare", str(TABLES), "--photos", "painted-steel", "--renders", "00000000"]
    done = subprocess.run([sys.executable, "-m", "tools.result_tables", *words], capture_output=True, text=True)
    assert done.returncode == 2
    assert "no training used them; choose from 41f35a7b, 5404f945" in done.stderr
