"""A sample of a dataset is rendered again and compared."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from synth import program, remake
from synth.__main__ import validate
from synth.config import RenderConfig
from synth.rehearsal import rehearse
from synth.render import Task, render
from twin.files import InputError, WorkError


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("remake") / "dataset"
    render(out, RenderConfig(preset="quick", size=48, seed=3, maps=("severity",)), count=2)
    return out


def copied(dataset: Path, there: Path) -> Path:
    return Path(shutil.copytree(dataset, there / "copy"))


def changed_json(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.blender
def test_what_was_not_touched_is_the_same(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in dataset.rglob("*") if path.is_file()}
    validate(dataset, verify=1)
    assert "000000.jpg: the same bytes, the same labels\n" in (printed := capsys.readouterr().out)
    assert "1 of 1 images are the same" in printed
    assert {path: path.read_bytes() for path in dataset.rglob("*") if path.is_file()} == before


@pytest.mark.blender
def test_every_difference_is_named(dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = copied(dataset, tmp_path)
    image = Image.open(copy / "images" / "000001.jpg")
    image.point(lambda value: min(value + 20, 255)).save(copy / "images" / "000001.jpg")
    (copy / "maps" / "severity" / "000000.png").unlink()
    annotations = json.loads((copy / "annotations.json").read_text())["annotations"]
    assert any(each["image_id"] == 2 for each in annotations)
    changed_json(
        copy / "annotations.json",
        annotations=[{**each, "score": 1} if each["image_id"] == 2 else each for each in annotations],
    )
    with pytest.raises(WorkError, match=r"2 of 2 images differ when rendered again \(the program is the same"):
        validate(copy, verify=5)
    first, second = (line for line in capsys.readouterr().out.splitlines() if ".jpg: " in line)
    assert first == "000000.jpg: another map of severity"
    assert second.startswith("000001.jpg: pixels differ by ")
    assert second.endswith("; other entries in annotations.json")


@pytest.mark.blender
def test_versions_that_differ_are_named(dataset: Path, tmp_path: Path) -> None:
    assert remake.changed_versions(dataset) == ""
    copy = copied(dataset, tmp_path)
    stated = json.loads((copy / "dataset.json").read_text())["versions"]
    changed_json(copy / "dataset.json", versions={**stated, "bpy": "1.2"})
    assert remake.changed_versions(copy) == f"bpy 1.2, now {stated['bpy']}"


@pytest.mark.blender
def test_what_another_version_began_is_left_to_it(dataset: Path, tmp_path: Path) -> None:
    """Unless nothing is to be rendered: a finished folder serves, and so do parts that are only to be assembled."""
    copy, config = copied(dataset, tmp_path), RenderConfig(preset="quick", size=48, seed=3, maps=("severity",))
    part = copy / "parts" / "000000.json"
    stated = json.loads(part.read_text())["made_by"]
    changed_json(part, made_by={**stated, "sources": "0123456789abcdef"})
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    assert render(copy, config, count=2) == 2
    message = rf"begun with another version .* 0123456789abcdef, now {stated['sources']}"
    with pytest.raises(InputError, match=message):
        render(copy, config, count=3)
    with pytest.raises(InputError, match=message):
        rehearse(copy, Task(config=config, shown=None, count=3), workers=1, address=None)
    assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before
    (copy / "dataset.json").unlink()
    assert render(copy, config, count=2) == 2
    assert (copy / "annotations.json").read_bytes() == before[copy / "annotations.json"]


def test_the_program_is_stated_with_its_sources_and_libraries() -> None:
    stated = program.made_by()
    assert {"corrotwin", "bpy", "numpy", program.SOURCES} < set(stated)
    assert program.changes(stated) == program.changes({}) == ""
    assert program.changes({**stated, "numpy": "1"}) == f"numpy 1, now {stated['numpy']}"


@pytest.mark.blender
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"preset": {"description": "another"}}, "preset quick was another then"),
        ({"configuration": {"preset": "quick"}}, "damaged"),
        ({"configuration": {"preset": ["quick"]}}, "damaged"),
        (
            {"configuration": {"preset": "nope", "size": 48, "seed": 3, "maps": []}},
            r"dataset\.json: damaged \(unknown preset",
        ),
        (
            {"configuration": {"preset": "quick", "size": 4.5, "seed": 3, "maps": []}},
            r"damaged \(size, seed or polygons",
        ),
        ({"configuration": 7}, "damaged"),
        ({"device": None, "configuration": {"preset": "quick", "size": 48, "seed": 3, "maps": ["depth "]}}, "damaged"),
        ({"twin": {"id": "spool", "cameras": []}}, "give its folder with --twin"),
    ],
)
def test_what_cannot_be_rendered_again_is_said(
    dataset: Path, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    copy = copied(dataset, tmp_path)
    changed_json(copy / "dataset.json", **changes)
    with pytest.raises(InputError, match=message):
        next(remake.remake(copy, 1))


@pytest.mark.blender
@pytest.mark.parametrize("record", ["spool", {"id": "spool", "clock": "2020", "cameras": [1]}, {"cameras": 3}])
def test_a_damaged_record_of_a_twin_is_one_line(dataset: Path, tmp_path: Path, record: Any) -> None:
    copy = copied(dataset, tmp_path)
    changed_json(copy / "dataset.json", twin=record)
    with pytest.raises(InputError, match=r"dataset\.json: damaged"):
        next(remake.remake(copy, 1, twin=tmp_path))


def test_other_datasets_and_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not rendered by"):
        next(remake.remake(tmp_path, 1))
    with pytest.raises(InputError, match="--verify 0"):
        validate(tmp_path, verify=0)
    with pytest.raises(InputError, match="it is for --verify"):
        validate(tmp_path, twin=tmp_path)
