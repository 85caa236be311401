"""A sample of a dataset is rendered again and compared."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn import assembled
from PIL import Image

from corrotwin.synth.commands import validate
from corrotwin.synth.config import RenderConfig
from corrotwin.synth.rendering import batch, provenance, verify
from corrotwin.synth.rendering.dataset import render
from corrotwin.synth.rendering.dry_run import estimate
from corrotwin.synth.rendering.job import Task
from corrotwin.twin.core.errors import InputError, WorkError
from corrotwin.twin.core.files import changes


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for what is refused before anything is drawn."""
    out = tmp_path_factory.mktemp("remake") / "dataset"
    with pytest.MonkeyPatch.context() as patch:
        assembled(out, patch, ("severity",), size=48)
    return out


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("remake") / "rendered"
    render(out, RenderConfig(preset="quick", size=48, seed=3, maps=("severity",)), count=2)
    return out


def copied(dataset: Path, there: Path) -> Path:
    return Path(shutil.copytree(dataset, there / "copy"))


def changed_json(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.slow
@pytest.mark.blender
def test_what_was_not_touched_is_the_same(rendered: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in rendered.rglob("*") if path.is_file()}
    validate(rendered, verify=1)
    assert "000000.jpg: the same bytes, the same labels\n" in (printed := capsys.readouterr().out)
    assert "1 of 1 images are the same" in printed
    assert {path: path.read_bytes() for path in rendered.rglob("*") if path.is_file()} == before


@pytest.mark.slow
@pytest.mark.blender
def test_every_difference_is_named(rendered: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = copied(rendered, tmp_path)
    image = Image.open(copy / "images" / "000001.jpg")
    image.point(lambda value: min(value + 20, 255)).save(copy / "images" / "000001.jpg")
    band = np.array(Image.open(copy / "maps" / "severity" / "000000.png"))
    Image.fromarray(band ^ 1).save(copy / "maps" / "severity" / "000000.png")
    annotations = json.loads((copy / "annotations.json").read_text())["annotations"]
    assert any(each["image_id"] == 2 for each in annotations)
    changed_json(
        copy / "annotations.json",
        annotations=[{**each, "score": 1} if each["image_id"] == 2 else each for each in annotations],
    )
    with pytest.raises(WorkError, match=r"2 of 2 images came out differently when rendered again \(same program"):
        validate(copy, verify=5)
    first, second = (line for line in capsys.readouterr().out.splitlines() if ".jpg: " in line)
    assert first == "000000.jpg: different map of severity"
    assert second.startswith("000001.jpg: pixels differ by ")
    assert second.endswith("; different entries in annotations.json")


@pytest.mark.ci
def test_versions_that_differ_are_named(dataset: Path, tmp_path: Path) -> None:
    assert verify.changed_versions(dataset) == ""
    copy = copied(dataset, tmp_path)
    stated = json.loads((copy / "dataset.json").read_text())["versions"]
    changed_json(copy / "dataset.json", versions={**stated, "bpy": "1.2"})
    assert verify.changed_versions(copy) == f"bpy 1.2, now {stated['bpy']}"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"preset": {"description": "another"}}, "preset quick was different then"),
        ({"configuration": {"preset": "quick"}}, "damaged"),
        ({"configuration": {"preset": ["quick"]}}, "damaged"),
        (
            {"configuration": {"preset": "nope", "size": 48, "seed": 3, "maps": []}},
            r"dataset\.json: damaged \(.*unknown preset",
        ),
        (
            {"configuration": {"preset": "quick", "size": 4.5, "seed": 3, "maps": []}},
            r"damaged \(`size` 4.5: give a picture side",
        ),
        ({"configuration": 7}, "damaged"),
        ({"device": None, "configuration": {"preset": "quick", "size": 48, "seed": 3, "maps": ["depth "]}}, "damaged"),
        ({"twin": {"id": "spool", "cameras": []}}, "give its folder with `twin`"),
    ],
)
def test_what_cannot_be_rendered_again_is_said(
    dataset: Path, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    copy = copied(dataset, tmp_path)
    changed_json(copy / "dataset.json", **changes)
    with pytest.raises(InputError, match=message):
        next(verify.render_again(copy, 1))


@pytest.mark.parametrize(
    "changes",
    [
        {"backdrops": ["/gone/yard.jpg#0123456789abcdef"]}, {"kinds": ["/gone/valve#0123456789abcdef"]},
        {"rust_textures": [["/gone/Rust004#0123456789abcdef", 0.5]]}, {"props": ["/gone/bin.glb#0123456789abcdef"]},
    ],
    ids=lambda changes: next(iter(changes)),
)  # fmt: skip
def test_files_of_the_users_own_that_are_gone_are_no_damage_of_the_dataset(
    dataset: Path, tmp_path: Path, changes: dict[str, Any]
) -> None:
    copy = copied(dataset, tmp_path)
    stated = json.loads((copy / "dataset.json").read_text())["configuration"]
    changed_json(copy / "dataset.json", configuration={**stated, "changes": json.dumps(changes)})
    with pytest.raises(WorkError, match=rf"{next(iter(changes))}: /gone.*restore what they were made with"):
        next(verify.render_again(copy, 1))


@pytest.mark.parametrize("record", ["spool", {"id": "spool", "clock": "2020", "cameras": [1]}, {"cameras": 3}])
def test_a_damaged_record_of_a_twin_is_one_line(dataset: Path, tmp_path: Path, record: Any) -> None:
    copy = copied(dataset, tmp_path)
    changed_json(copy / "dataset.json", twin=record)
    with pytest.raises(InputError, match=r"dataset\.json: damaged"):
        next(verify.render_again(copy, 1, twin=tmp_path))


def test_other_datasets_and_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not rendered by"):
        next(verify.render_again(tmp_path, 1))
    with pytest.raises(InputError, match="--verify 0"):
        validate(tmp_path, verify=0)
    with pytest.raises(InputError, match="only --verify uses it"):
        validate(tmp_path, twin=tmp_path)


def test_what_another_version_began_is_left_to_it(dataset: Path, tmp_path: Path) -> None:
    """Unless nothing is to be rendered: a finished folder serves, and so do parts that are only to be assembled."""
    copy, config = copied(dataset, tmp_path), RenderConfig(preset="quick", size=48, seed=3, maps=("severity",))
    part = copy / "parts" / "000000.json"
    stated = json.loads(part.read_text())["made_by"]
    for before, said in (
        ({**stated, "sources": "0123456789abcdef"}, f"sources 0123456789abcdef, now {stated['sources']}"),
        ({}, "not recorded"),
    ):
        changed_json(part, made_by=before)
        files = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
        assert render(copy, config, count=2) == 2
        message = rf"started with another version of the program \({said}\)"
        with pytest.raises(InputError, match=message):
            render(copy, config, count=3)
        with pytest.raises(InputError, match=message):
            estimate(copy, Task(config=config, shown=None, count=3), workers=1, address=None)
        assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == files
        (copy / "dataset.json").unlink()
        assert render(copy, config, count=2) == 2
        assert (copy / "annotations.json").read_bytes() == files[copy / "annotations.json"]
        assert json.loads((copy / "dataset.json").read_text())["versions"] == before  # not what assembled them


def test_a_worker_of_another_version_renders_nothing(tmp_path: Path) -> None:
    config, asked = RenderConfig(preset="quick", size=48, seed=3), {**provenance.made_by(), "numpy": "1"}
    with pytest.raises(provenance.OtherVersionError, match=r"has another version of the program \(numpy 1, now "):
        batch.render_batch(tmp_path / "out", config, None, 0, range(1), 1, "cpu", asked)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.ci
def test_the_digest_of_the_program_is_of_what_draws_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stated = provenance.made_by()
    assert {"corrotwin", "bpy", "embreex", "numpy", "pycocotools"} < set(stated)
    assert changes(stated, stated) == changes({}, stated) == ""
    before = {name: version for name, version in stated.items() if name != "embreex"}  # when it did not count yet
    assert changes(before, stated) == changes(stated, before) == ""
    assert changes({**stated, "embreex": "1"}, stated) == f"embreex 1, now {stated['embreex']}"
    assert changes({**stated, "numpy": "1"}, stated) == f"numpy 1, now {stated['numpy']}"
    for package in ("twin", "synth", "segmentation"):
        shutil.copytree(provenance.ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(provenance, "ROOT", tmp_path)

    def edited(name: str, old: str, new: str) -> bool:
        """Whether another text of a module gives another digest."""
        path, was = tmp_path / name, provenance.made_by()
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        os.utime(path, ns=(0, path.stat().st_mtime_ns + 10**9))
        return provenance.made_by() != was

    assert provenance.made_by() == stated
    assert edited("synth/blender/rust.py", "_MAROON = (0.15", "_MAROON = (0.16")
    assert edited("twin/model/coating.py", '"C4": 4.0', '"C4": 4.1')
    assert edited("segmentation/data/coco_write.py", "import json\n", "import json\nimport os\n")
    assert not edited("synth/scene/runoff.py", '"""Rust water', '"""Brown water')
    assert not edited("synth/scene/runoff.py", "# half of it, m", "# half")
    assert not edited("twin/bayes/smc.py", "PARTICLES = 200", "PARTICLES = 201")
    assert not edited("synth/validation/checks.py", "import numpy", "import os\nimport numpy")
