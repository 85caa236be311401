"""Damage in files of the user's own is found before a folder is written, in one line."""

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import models
import numpy as np
import pytest

from corrotwin.synth import commands
from corrotwin.synth.presets.schema import Preset
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.meshes import glb


def cut_png(path: Path) -> None:
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8))
    path.write_bytes(path.read_bytes()[:3000])


def empty_hdr(path: Path) -> None:
    path.write_bytes(b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 8 +X 16\n" + 7 * b"\0")


def glb_without_its_geometry(path: Path) -> None:
    models.crate(path)
    content = path.read_bytes()
    length = struct.unpack("<I", content[12:16])[0]
    path.write_bytes(content[:8] + struct.pack("<I", 20 + length) + content[12 : 20 + length])


@pytest.mark.ci
@pytest.mark.parametrize(
    ("field", "name", "make"),
    [
        ("backdrops", "half.png", cut_png), ("worlds", "dark.hdr", empty_hdr),
        ("props", "hollow.glb", glb_without_its_geometry),
    ],
)  # fmt: skip
def test_damage_is_found_before_anything_is_written(
    field: str, name: str, make: Callable[[Path], None], tmp_path: Path
) -> None:
    make(tmp_path / name)
    (tmp_path / "own.json").write_text(json.dumps({"like": "quick", field: [name]}))
    with pytest.raises(InputError, match=rf"{field}: .*{name}") as refused:
        commands.render(preset=str(tmp_path / "own.json"), out=tmp_path / "out", count=1, size="32")
    assert len(str(refused.value).splitlines()) == 1
    assert not (tmp_path / "out").exists()


def changed(path: Path, change: Callable[[dict[str, object]], None]) -> Path:
    """A crate whose JSON is changed."""
    models.crate(path)
    content = glb.document(path)
    change(content)
    text = json.dumps(content).encode()
    text += b" " * (-len(text) % 4)
    body = struct.pack("<II", len(text), 0x4E4F534A) + text
    path.write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body)
    return path


def positions(content: dict[str, Any]) -> dict[str, Any]:
    return content["accessors"][content["meshes"][0]["primitives"][0]["attributes"]["POSITION"]]


@pytest.mark.parametrize(
    "change",
    [
        lambda content: positions(content).update(min=[0] * 30, max=[1] * 30),
        lambda content: [accessor.update(count=float("inf")) for accessor in content["accessors"]],
        lambda content: positions(content).update(min=[-(10**400)] * 3),
        lambda content: [accessor.update(count=-3) for accessor in content["accessors"]],
        lambda content: content.update(nodes=content["nodes"] * 200_000),
    ],
    ids=["in thirty dimensions", "infinite", "beyond every float", "negative", "of 200,000 nodes"],
)
def test_a_crafted_prop_is_one_line_and_no_memory(change: Callable[[dict[str, object]], None], tmp_path: Path) -> None:
    path = changed(tmp_path / "odd.glb", change)
    with pytest.raises(InputError, match=r"props: .*odd\.glb"):
        Preset.like("balanced", props=(str(path),))


@pytest.mark.parametrize("field", ["worlds", "backdrops", "props", "kinds", "rust_textures"])
@pytest.mark.parametrize("word", ["/etc/passwd#0123456789abcdef", 5000 * "x", "~nobody-here/x", "a\nb"])
def test_words_that_cannot_be_paths_are_one_line(field: str, word: str) -> None:
    with pytest.raises(InputError) as refused:
        Preset.like("balanced", **{field: ((word, 1.0),) if field == "rust_textures" else (word,)})
    assert len(str(refused.value).splitlines()) == 1
