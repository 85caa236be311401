"""The card and the contact sheet of rendered and of found datasets."""

import json
import shlex
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from corrotwin.segmentation.data import coco
from corrotwin.synth.config import RenderConfig
from corrotwin.synth.presets import custom
from corrotwin.synth.presets.builtin import preset
from corrotwin.synth.presets.schema import Preset, stated
from corrotwin.synth.preview import card
from corrotwin.synth.preview.look_alikes import look_alikes
from corrotwin.synth.validation.checks import check
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import write_json, write_manifest

SIDE = 48


def dataset(folder: Path, *, count: int = 3, **extra: Any) -> Path:
    """`count` grey pictures, all but the first with a square of corrosion in 9/144 of them."""
    mask = np.zeros((SIDE, SIDE), bool)
    mask[8:20, 8:20] = True
    images, annotations = [], []
    for key in range(1, count + 1):
        (folder / "images").mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (SIDE, SIDE), (90, 90 + key, 90)).save(folder / "images" / f"{key}.png")
        images.append({"id": key, "file_name": f"{key}.png", "width": SIDE, "height": SIDE, **extra})
        if key > 1:
            annotations.append({"id": key, "image_id": key, "category_id": 1, "iscrowd": 0, **coco.region(mask)})
    write_json(folder / "annotations.json", coco.document(images, annotations, description="small set"))
    return folder


def about(**more: Any) -> dict[str, Any]:
    return {
        "configuration": RenderConfig(preset="balanced", size=SIDE, seed=7).plain(),
        "preset": stated(preset("balanced")), "seed": 7, "shows": "a new twin in each scene",
        "images": 3, "annotations": 2, "versions": {"python": "3.11.9", "bpy": "4.5.1"}, "device": "CPU",
        "licence": "yours; made with CC0 light maps", **more,
    }  # fmt: skip


def card_of(folder: Path, said: dict[str, Any] | None = None) -> str:
    if said is not None:
        write_manifest(folder, "dataset", said)
    card.write(folder)
    return (folder / "card.md").read_text()


def test_a_card_of_a_stranger_stays(tmp_path: Path) -> None:
    folder = dataset(tmp_path)
    card_of(folder)
    card_of(folder)  # ours is written again
    (folder / "card.md").write_text("# My photos\n")
    before = (folder / "preview.jpg").stat().st_mtime_ns
    with pytest.raises(InputError, match=r"card\.md: was not written by this command; rename it"):
        card.write(folder)
    assert (folder / "card.md").read_text() == "# My photos\n"
    assert (folder / "preview.jpg").stat().st_mtime_ns == before


@pytest.mark.parametrize("ours", [True, False], ids=["a photo of the dataset", "beside no card"])
def test_a_preview_of_a_stranger_stays(ours: bool, tmp_path: Path) -> None:
    folder = dataset(tmp_path)
    Image.new("RGB", (SIDE, SIDE), (90, 90, 200)).save(folder / "preview.jpg")
    if ours:
        document = coco.read_json(folder / "annotations.json")
        document["images"][0]["file_name"] = "preview.jpg"
        (folder / "images" / "1.png").unlink()
        write_json(folder / "annotations.json", document)
        (folder / "card.md").write_text(f"{card.SHEET}\n")
    before = {path: path.read_bytes() for path in folder.glob("*.*")}
    with pytest.raises(InputError, match=r"preview\.jpg: .*rename it"):
        card.write(folder)
    assert {path: path.read_bytes() for path in folder.glob("*.*")} == before


def test_card_of_renders_says_what_they_are_and_how_to_make_them_again(tmp_path: Path) -> None:
    text = card_of(dataset(tmp_path, asset_kind="pipe"), about())
    rule = preset("balanced").labels
    for line in (
        "# small set",
        "![A sample, masks outlined](preview.jpg)",
        "| images | 3 |",
        "| images without annotations | 1 |",
        "| annotations by category | corrosion: 2 |",
        "| sizes in pixels | 48x48: 3 |",
        "| kinds of asset | pipe: 3 |",
        f"| preset | balanced: {preset('balanced').description} |",
        "| seed | 7 |",
        "| versions | python 3.11.9, bpy 4.5.1 |",
        "Yours; made with CC0 light maps.",
        *(f"| {name.replace('_', ' ')} | {value} |" for name, value in asdict(rule).items()),
        "| corrosion share of the picture, upper quartile | 6.25 % |",
        "| images without corrosion | 33.3 % |",
        "corrotwin synth render --preset balanced --size 48 --seed 7 --count 3",
        "- Rendered: measure on photographs what a model has learned from these images.",
        "- 3 pictures are few: scores on them are uncertain.",
    ):
        assert line in text.splitlines()
    assert "false alarms" not in text  # one picture is free of corrosion


def test_card_says_what_looks_like_rust_and_is_not_labelled_with_its_share(tmp_path: Path) -> None:
    said = about()
    said["preset"] |= {
        "red_primer_share": 0.25, "paints": [[0.3, 0.1, 0.05], [0.3, 0.4, 0.3], [0.1, 0.1, 0.3], [0.5, 0.42, 0.08]],
        "walls": ["brick", "stained concrete"], "beds": ["concrete"], "grounds": ["soil"],
    }  # fmt: skip
    lines = card_of(dataset(tmp_path / "one"), said).splitlines()
    here = lines[lines.index("## Looks like rust, but is not labelled") :]
    text = "\n".join(here[: here.index("## Label statistics")])
    assert "- Primer like red oxide or red lead: 25% of painted assets" in text
    assert "- Paint in red, orange or brown: 1 of 4 colours, which" in text
    assert "- Rust stains on concrete: 50% of walls, 67% of walls of bridges, 67% of slabs over piers, where" in text
    assert "- Steel stained by rust water, below and around rust." in text
    assert "67% of the 0 to 4 blocks" in text
    assert "among the up to 8 objects" in text
    said["preset"]["labels"] |= {"stain": 0.4}
    said["preset"]["clutter"] = [0, 0]
    del said["preset"]["red_primer_share"]  # of an earlier version, whose primers were others
    text = card_of(dataset(tmp_path / "other"), said)
    assert "- Steel stained by rust water, up to a strength of 0.4; stronger stains are labelled." in text
    assert "red lead" not in text
    assert "objects" not in text
    assert "## Looks like rust" not in card_of(dataset(tmp_path / "found"))


@pytest.mark.parametrize(
    ("arrangements", "alone", "concrete", "objects"),
    [
        (["yard", "floor"], False, "33% of walls, 17% of grounds", 8),
        (["bridge"], False, "67% of beds, 17% of grounds, 67% of walls of bridges, 67% of slabs over piers", 4),
        (["deck"], False, "17% of grounds, 67% of walls of bridges, 25% of slabs over girders", 4),
        (["bridge", "deck"], True, "33% of walls, 17% of grounds", 8),
    ],
)
def test_look_alikes_are_those_of_the_arrangements_that_are_drawn(
    arrangements: list[str], alone: bool, concrete: str, objects: int
) -> None:
    said = stated(preset("balanced")) | {
        "arrangements": [[name, 1.0] for name in arrangements], "walls": ["brick", "none", "stained concrete"]
    }  # fmt: skip
    text = "\n".join(look_alikes(said, alone=alone))
    assert f"Rust stains on concrete: {concrete}, where" in text
    assert f"among the up to {objects} objects" in text
    assert ("67% of the 0 to 4 blocks" in text) == (objects == 8)


def test_card_is_the_same_wherever_the_folder_lies_and_whether_the_manifest_is_written(tmp_path: Path) -> None:
    first = card_of(dataset(tmp_path / "one"), about())
    shutil.copytree(tmp_path / "one", tmp_path / "other")
    write_manifest(tmp_path / "other", "dataset", about())
    assert card_of(tmp_path / "other") == first
    assert str(tmp_path) not in first


def test_card_of_a_preset_of_ones_own_makes_its_file_first(tmp_path: Path) -> None:
    changes = json.dumps({"description": "what's rusty\nor \\nearly", "rust_tone": [0.3, 1.2]}, sort_keys=True)
    said = about()
    said["configuration"] |= {"changes": changes}
    lines = card_of(dataset(tmp_path), said).splitlines()
    assert any(line.startswith("| preset | balanced, changed: ") for line in lines)
    at = lines.index("corrotwin synth render --preset own.json --size 48 --seed 7 --count 3")
    subprocess.run(["sh", "-c", lines[at - 1]], cwd=tmp_path, check=True)
    assert custom.read(tmp_path / "own.json") == Preset.like("balanced", **json.loads(changes))


def test_names_on_the_card_are_one_word_to_a_shell(tmp_path: Path) -> None:
    name = "pier 3's plate; $(true)"
    text = card_of(dataset(tmp_path), about(twin={"id": name, "kind": "plate", "content": "abc", "fields": "def"}))
    (line,) = (line for line in text.splitlines() if line.startswith("corrotwin synth render"))
    assert shlex.split(line)[-2:] == ["--twin", name]


def test_card_names_twin_cameras_and_options(tmp_path: Path) -> None:
    said = about(twin={"id": "pipe-12", "kind": "pipe", "content": "abc", "fields": "def", "cameras": [{"eye_m": 1}]})
    said["configuration"] = {
        "preset": "balanced",
        "size": 48,
        "maps": ("depth", "uv"),
        "polygons": True,
        "unused": False,
    }
    text = card_of(dataset(tmp_path), said)
    options = "--preset balanced --size 48 --maps depth uv --polygons --count 3 --twin pipe-12 --cameras cameras.json"
    assert f"corrotwin synth render {options}\n" in text
    assert "| twin | kind pipe, content abc, fields def |" in text
    assert "One twin only" in text


def test_seed_0_is_in_the_command_too(tmp_path: Path) -> None:
    said = about()
    said["configuration"]["seed"] = 0
    assert " --seed 0 " in card_of(dataset(tmp_path), said)


def test_one_image_and_its_card_are_in_the_command_too(tmp_path: Path) -> None:
    said = about(only=173, device="OPTIX")
    assert "--seed 7 --only 173 --device optix\n" in card_of(dataset(tmp_path), said)


def test_exact_masks_are_not_said_to_be_an_annotators(tmp_path: Path) -> None:
    said = about()
    said["preset"]["labels"] = {"policy": "exact", "threshold": 0.5}
    assert "as people draw them" not in card_of(dataset(tmp_path), said)


def test_card_of_a_found_dataset_says_what_is_known(tmp_path: Path) -> None:
    dataset(tmp_path)
    document = coco.document([], [], description="")
    for split in ("train", "test"):
        shutil.copytree(tmp_path / "images", tmp_path / "set" / split)
        document = coco.read_json(tmp_path / "annotations.json")
        document["info"] = {
            "description": "bridge | photos",
            "url": "https://example.org",
            "date_created": "2024-01-01",
        }
        document["licenses"] = [{"id": 1, "name": "CC BY 4.0", "url": "https://example.org/by"}]
        write_json(tmp_path / "set" / split / coco.ROBOFLOW_JSON, document)
    text = card_of(tmp_path / "set")
    assert r"# bridge \| photos" in text
    assert "| splits | test: 3, train: 3 |" in text
    assert "| url | https://example.org |" in text
    assert "CC BY 4.0 https://example.org/by" in text
    assert "2024" not in text
    assert "The files do not state the labelling rule" in text
    assert "this program did not make the dataset" in text
    assert "synth render" not in text


def test_nothing_known_is_said_to_be_unknown(tmp_path: Path) -> None:
    dataset(tmp_path / "mine", count=1)
    document = coco.read_json(tmp_path / "mine" / "annotations.json")
    document["info"] = None
    write_json(tmp_path / "mine" / "annotations.json", document)
    text = card_of(tmp_path / "mine")
    assert "# mine" in text
    assert text.count("Not stated in the files") == 2
    assert "| boundary / area, median | – |" in text


@pytest.mark.ci
def test_command_writes_both_anew(tmp_path: Path) -> None:
    dataset(tmp_path)
    (tmp_path / "card.md").write_text(f"# of an earlier version\n\n{card.SHEET}\n")
    done = subprocess.run(
        [sys.executable, "-m", "corrotwin", "synth", "preview", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    with Image.open(tmp_path / "preview.jpg") as sheet:
        assert sheet.size == (3 * 220, 220)
    assert (tmp_path / "card.md").read_text().startswith("# small set\n")


def test_photos_with_png_masks_have_a_card_and_a_sheet_too(tmp_path: Path) -> None:
    for split in ("train", "test"):
        dataset(tmp_path / split)
        (tmp_path / split / "annotations.json").unlink()
        (tmp_path / split / "masks").mkdir()
        for key in range(1, 4):
            drawn = np.zeros((SIDE, SIDE), np.uint8)
            drawn[8:20, 8:20] = 255 * (key > 1)
            Image.fromarray(drawn).save(tmp_path / split / "masks" / f"{key}.png")
    assert check(tmp_path).count("error") == 0
    lines = card_of(tmp_path).splitlines()
    for line in ("| images | 6 |", "| annotations by category | corrosion: 4 |", "| splits | test: 3, train: 3 |"):
        assert line in lines
    with Image.open(tmp_path / "preview.jpg") as sheet:
        assert sheet.size == (6 * 220, 220)


def test_preview_of_no_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no COCO json"):
        card.write(tmp_path)


def test_a_set_without_images_has_nothing_to_show(tmp_path: Path) -> None:
    write_json(tmp_path / "annotations.json", coco.document([], [], description="none"))
    with pytest.raises(InputError, match="lists no images; there is nothing to show"):
        card.write(tmp_path)
