"""What is made of the parts of a dataset whose images are all there."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from photographs import picture, write_parts
from texture_files import ambient_cg, hills, plain

from corrotwin.synth.config import RenderConfig
from corrotwin.synth.presets.schema import Preset
from corrotwin.synth.preview import card
from corrotwin.synth.rendering import assembly, batch
from corrotwin.synth.rendering.job import Task
from corrotwin.twin.core.errors import InputError, WorkError
from corrotwin.twin.core.files import read_manifest, write_json

SIDE = 24


def drawn(out: Path, count: int, preset: str | Preset = "quick") -> Task:
    """A folder whose images and parts are there; every fifth image is clean."""
    task = Task(config=RenderConfig(preset=preset, size=SIDE, seed=1), shown=None, count=count)
    rng = np.random.default_rng(0)

    def draw(index: int) -> tuple[np.ndarray, list[np.ndarray]]:
        image, mask = picture(rng, SIDE, SIDE)
        halves = [mask & (np.arange(SIDE) < SIDE // 2), mask & (np.arange(SIDE) >= SIDE // 2)]
        return image, halves if index % 5 != 4 else [np.zeros_like(mask)]

    write_parts(out, task, draw)
    for number in task.batches:
        part = batch.read_part(out, number)
        part["annotations"] = [each for each in part["annotations"] if each["area"]]
        write_json(batch.part_file(out, number), part)
    return task


def test_card_and_sheet_gathered_on_the_way_are_those_of_the_whole_dataset(tmp_path: Path) -> None:
    """More images than the contact sheet shows, and parts whose entries stand in any order."""
    task = drawn(tmp_path, 31)
    for number in task.batches:
        part = batch.read_part(tmp_path, number)
        write_json(
            batch.part_file(tmp_path, number), {**part, "images": part["images"][::-1], "assets": part["assets"][::-1]}
        )
    assembly.assemble(tmp_path, task)
    gathered = [(tmp_path / name).read_bytes() for name in ("card.md", "preview.jpg")]
    assert b"| images without annotations | 6 |" in gathered[0]
    assert b"| kinds of asset | plate: 31 |" in gathered[0]
    card.write(tmp_path)
    assert [(tmp_path / name).read_bytes() for name in ("card.md", "preview.jpg")] == gathered


def test_the_card_names_own_files_with_their_licence(tmp_path: Path) -> None:
    sets = tmp_path / "sets"
    folder = ambient_cg(sets, "Rust*004", plain((0.5, 0.2, 0.1), 16), hills(16))
    (folder / "LICENCE").write_text("CC0 <1.0>\n")
    preset = Preset.like("quick", rust_textures=((str(sets), 0.5),), wall_textures=((str(sets), 2.0),))
    out = tmp_path / "out"
    assembly.assemble(out, drawn(out, 3, preset))
    own = r"and your own wall_textures Rust*004 (CC0 <1.0>); rust_textures Rust*004 (CC0 <1.0>)"
    assert read_manifest(out, "dataset")["licence"].endswith(f"CC0 light maps from Blender {own}")
    text = (out / "card.md").read_text()
    assert r"wall_textures Rust\*004 (CC0 \<1.0\>); rust_textures" in text
    assert "Anything with the colours of rust in your own pictures: wall_textures." in text


def test_a_part_that_is_lost_while_others_are_drawn_is_told_and_no_document_is_half(tmp_path: Path) -> None:
    task = drawn(tmp_path, 9)
    batch.part_file(tmp_path, 1).unlink()
    with pytest.raises(WorkError, match="parts/ lists 6 of 9 images; the same command renders the others"):
        assembly.assemble(tmp_path, task)
    assert not list(tmp_path.glob("*.json.*"))
    assert not [name for name in ("annotations.json", "instances.json", "dataset.json") if (tmp_path / name).exists()]


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("images", {"width": 10**9}, "image 1: damaged .*not 24 x 24 pixels"),
        ("images", {"asset_kind": []}, "image 1: damaged"),
        ("images", {"file_name": "../../owned"}, "points outside the folder"),
        ("annotations", {"segmentation": {"size": [SIDE, SIDE], "counts": "P" * 7 + "0"}}, "damaged RLE string"),
    ],
)
def test_a_damaged_part_is_one_line(name: str, change: dict[str, Any], says: str, tmp_path: Path) -> None:
    task = drawn(tmp_path, 3)
    part = batch.read_part(tmp_path, 0)
    part[name][0] |= change
    write_json(batch.part_file(tmp_path, 0), part)
    with pytest.raises(InputError, match=says):
        assembly.assemble(tmp_path, task)
    assert not (tmp_path / "dataset.json").exists()
