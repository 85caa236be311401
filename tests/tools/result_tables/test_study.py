"""A study packed into few files comes back byte for byte; what is damaged, in the way or no study is refused."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from drill import hashes

from corrotwin.benchmarks.study import results
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import write_json
from tools.result_tables import study

PUBLISHED = Path(__file__).parents[3] / "docs" / "results" / "steel-bridges"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of two studies, with a table on another set, weights and a page."""
    folder = tmp_path / "studies"
    for name in ("first", "second/deep"):
        write_json(folder / name / "study.json", {"name": name, "share": 0.1})
        for run in ("real-vgg16-00", "real-vgg16-01"):
            made(folder / name / "runs" / run)
    (folder / "first" / "page.html").write_text("<p>")
    return folder


def made(run: Path) -> None:
    run.mkdir(parents=True)
    write_json(run / "run.json", {"seed": 0, "names": ["é", "b"]})
    (run / "per_image.csv").write_text('image,tp\n"a, b.jpg",1\nc.jpg,2\n')
    (run / "across").mkdir()
    (run / "across" / "other-set.csv").write_text("image,tp\nd.jpg,3\n")
    (run / "weights.bin").write_bytes(b"1")


def test_what_was_packed_comes_back_byte_for_byte(folder: Path, tmp_path: Path) -> None:
    left = study.pack(folder, tmp_path / "packed")
    assert sorted(path.name for path in (tmp_path / "packed").iterdir()) == [
        "across--other-set.csv", "documents.jsonl", "per_image.csv",
    ]  # fmt: skip
    assert len(left) == 5
    assert "first/page.html" in left
    assert study.unpack(tmp_path / "packed", tmp_path / "back") == 14
    assert hashes(tmp_path / "back") == {name: value for name, value in hashes(folder).items() if name not in left}


def test_the_page_of_the_study_says_what_its_runs_hold(tmp_path: Path) -> None:
    study.unpack(PUBLISHED, tmp_path / "study")
    found = results.load(tmp_path / "study")
    elsewhere = {each.id: f"{each.f1.mean():.3f}" for each in found.across["painted-steel"]}
    rows = re.findall(
        r"^\| (\S+-\d\d) \|.+?\| (.+?) \| (.+?) \|.+?\| (.+?) \|$", (PUBLISHED / "README.md").read_text(), re.MULTILINE
    )
    assert {
        (each.id, f"{each.f1.mean():.3f}", f"{each.iou.mean():.3f}", elsewhere.get(each.id, "not measured"))
        for each in found.scores
    } == set(rows)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda packed: (packed / "documents.jsonl").unlink(), "no documents.jsonl; give a folder that was packed"),
        (lambda packed: (packed / "documents.jsonl").write_text('{"path": "a.json", "con'), "line 1: damaged"),
        (lambda packed: (packed / "documents.jsonl").write_text("[1]\n"), "line 1: damaged"),
        (lambda packed: (packed / "documents.jsonl").write_bytes(b"\xff"), "cannot be read"),
        (lambda packed: (packed / "documents.jsonl").write_text('{"path": "../a", "content": 1}'), "out of the folder"),
        (lambda packed: (packed / "per_image.csv").write_text("run,a\n/tmp/x,1\n"), "out of the folder"),
    ],
)
def test_damaged_packs_are_refused(damage: Callable[[Path], object], said: str, folder: Path, tmp_path: Path) -> None:
    study.pack(folder, tmp_path / "packed")
    damage(tmp_path / "packed")
    with pytest.raises(InputError, match=said):
        study.unpack(tmp_path / "packed", tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_what_is_no_study_or_in_the_way_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no run with tables is here"):
        study.pack(tmp_path / "absent", tmp_path / "packed")
    (folder / "first" / "runs" / "real-vgg16-00" / "per_image.csv").write_text("image,fp\na.jpg,1\n")
    with pytest.raises(InputError, match="other columns than those of other runs"):
        study.pack(folder, tmp_path / "packed")
    assert not (tmp_path / "packed").exists()
    with pytest.raises(InputError, match="already exists"):
        study.unpack(PUBLISHED, folder)
