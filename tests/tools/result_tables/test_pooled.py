"""The table of networks from several transfer folders: what the log says of it, and how further folders join it."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from corrotwin.segmentation.runs import PerImage, write_per_image
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import write_json
from tools.result_tables import pooled

ROOT = Path(__file__).parents[3]
TABLE = ROOT / "docs" / "results" / "across.csv"
SPOTS = ROOT / "docs" / "results" / "photographs"


def counts(tp: int) -> PerImage:
    """Those of two photos of painted-steel."""
    names = (SPOTS / "painted-steel.csv").read_text().splitlines()[1:3]
    numbers = np.array([tp, tp + 1])
    return PerImage(image=tuple(name.split(",")[0] for name in names), tp=numbers, fp=numbers, fn=numbers, tn=numbers)


def measured(folder: Path, seed: int, tp: int, renders: str = "renders-1a2b3c4d", arm: str = "mixed50") -> Path:
    """Make a transfer folder with one run of one arm on another set; return the transfer folder."""
    run = folder / "steel-bridges" / "run-01" / "whole" / renders / "runs" / f"{arm}-00"
    (run / "across").mkdir(parents=True)
    write_json(run / "run.json", {"seed": seed, "config": {"arm": {"name": arm}}})
    write_per_image(run / "across" / "painted-steel.csv", counts(tp))
    return folder


def test_the_log_says_what_the_table_says() -> None:
    said = (ROOT / "docs" / "transfer-log.md").read_text().partition("### On other places")[2].partition("\n###")[0]
    found = pooled.markdown(pooled.read(TABLE), SPOTS)
    for pair in found.split("Trained on ")[1:]:
        trained_on, measured_on = re.match(r"(\S+), measured on (\S+):", pair).groups()
        (row,) = re.findall(rf"^\| {trained_on} \| {measured_on}, .*$", said, re.MULTILINE)
        for arm in ("real", "mixed50", "renders"):
            assert re.search(rf"\| {arm} \| (.*?) \|", pair)[1] in row
        difference, between = re.search(r"\| mixed50 − real \| (.*?) \| (.*?) \|", pair).groups()
        assert difference in row
        assert between.replace("−", "-") in row.replace("−", "-")


def test_folders_of_other_seeds_join_a_table(tmp_path: Path) -> None:
    table = tmp_path / "across.csv"
    first, second = measured(tmp_path / "first", 0, 5), measured(tmp_path / "second", 4, 8)
    command = [sys.executable, "-m", "tools.result_tables", "pool", str(table)]
    for folder in (first, second, second):
        done = subprocess.run([*command, "--more", str(folder)], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert "| mixed50 | 0.500 ± 0.000 | 2 |" in done.stdout
    found = pooled.read(table)
    assert [(place.run, each.tp.tolist()) for place, each in found.items()] == [(1, [5, 6]), (5, [8, 9])]
    assert {place[:2] for place in found} == {("steel-bridges", "painted-steel")}


def test_redraws_are_pooled_on_the_photos_that_each_of_them_tests(tmp_path: Path) -> None:
    for seed, tp in ((0, 5), (4, 8)):
        run = tmp_path / "study" / "painted-steel" / f"run-0{seed + 1}" / "few" / "photos" / "runs" / "real-10pct-00"
        run.mkdir(parents=True)
        write_json(run / "run.json", {"seed": seed, "config": {"arm": {"name": "real-10pct"}}})
        tested = counts(tp)
        only = slice(0, 1 if seed else 2)  # the second redraw trained on the second photo
        kept = {name: getattr(tested, name)[only] for name in ("tp", "fp", "fn", "tn")}
        write_per_image(run / "per_image.csv", PerImage(image=tested.image[only], **kept))
    pooled.write(tmp_path / "table.csv", pooled.gather(tmp_path / "study"))
    found = pooled.read(tmp_path / "table.csv")
    first, second = (found["painted-steel", "painted-steel", run, "real-10pct"] for run in (1, 5))
    assert (first.tp.tolist(), first.tn.tolist(), second.tn.tolist()) == ([5, 6], [5, 6], [8])
    assert second.image == first.image[:1]
    heading, row, *_ = (tmp_path / "table.csv").read_text().splitlines()
    for damaged, message in (("trained_on,run\n1,2\n", "column"), (f"{heading}\n{row.replace('5', 'x')}\n", "damaged")):
        (tmp_path / "table.csv").write_text(damaged)
        with pytest.raises(InputError, match=message):
            pooled.read(tmp_path / "table.csv")


def test_pictures_without_corrosion_are_left_out(tmp_path: Path) -> None:
    folder = measured(tmp_path / "study", 0, 5)
    (run,) = folder.rglob("across")
    nothing = np.zeros(2, int)
    clean = PerImage(image=("a", "b"), tp=nothing, fp=nothing + 3, fn=nothing, tn=nothing + 8)
    write_per_image(run / "clean.csv", clean)
    assert {place.measured_on for place in pooled.gather(folder)} == {"painted-steel"}


def test_the_same_counts_in_another_order_are_the_same(tmp_path: Path) -> None:
    found = pooled.gather(measured(tmp_path, 0, 5))
    turned = {
        place: PerImage(**{name: values[::-1] for name, values in vars(counts).items()})
        for place, counts in found.items()
    }
    assert pooled.joined(found, turned) == turned


def test_a_run_with_other_counts_or_twice_or_none_at_all_is_refused(tmp_path: Path) -> None:
    first, other = measured(tmp_path / "first", 0, 5), measured(tmp_path / "other", 0, 6)
    with pytest.raises(InputError, match="run 1 is there already with different counts"):
        pooled.joined(pooled.gather(first), pooled.gather(other))
    measured(first, 0, 5, renders="renders-5e6f7a8b")
    with pytest.raises(InputError, match="twice, with two sets of renders"):
        pooled.gather(first)
    with pytest.raises(InputError, match="has no redraws, and no networks"):
        pooled.gather(tmp_path)
    lacking = tmp_path / "painted-steel.csv"
    lacking.write_text("file_name,spot\nanother.jpg,1\n")
    with pytest.raises(InputError, match="has no spot of"):
        pooled.markdown(pooled.gather(other), tmp_path)
