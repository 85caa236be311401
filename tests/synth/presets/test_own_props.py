"""Props of the user's own in presets: what is refused before anything is rendered, and whose they are."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import models
import pytest

from corrotwin.synth import commands
from corrotwin.synth.config import RenderConfig
from corrotwin.synth.presets import licences, own_files, own_props
from corrotwin.synth.presets.schema import Preset
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.meshes import glb


def test_files_and_folders_are_found_and_known_by_their_content(tmp_path: Path) -> None:
    (tmp_path / "yard").mkdir()
    for name in ("drum", "crate"):
        models.crate(tmp_path / "yard" / f"{name}.glb")
    (tmp_path / "own.json").write_text(json.dumps({"like": "balanced", "props": ["yard"], "props_share": 0.8}))
    preset = Preset.read(tmp_path / "own.json")
    assert [own_files.path_of(word) for word in preset.props] == [
        tmp_path / "yard" / "crate.glb", tmp_path / "yard" / "drum.glb",
    ]  # fmt: skip
    config = RenderConfig(preset=preset, size=64, seed=0)
    assert RenderConfig.from_plain(config.plain()) == config
    models.crate(tmp_path / "yard" / "drum.glb", side_m=0.5)
    with pytest.raises(InputError, match=r"props: .*drum.glb: has changed since this preset was made"):
        RenderConfig.from_plain(config.plain())


def buffer_beside(content: dict[str, Any]) -> None:
    content["buffers"][0]["uri"] = "geometry.bin"


def picture_at_a_url(content: dict[str, Any]) -> None:
    content["images"][0] = {"uri": "https://example.com/a.png"}


def many_faces(content: dict[str, Any]) -> None:
    content["accessors"][content["meshes"][0]["primitives"][0]["indices"]]["count"] = 30_000_000


def compressed(content: dict[str, Any]) -> None:
    content["extensionsRequired"] = ["KHR_draco_mesh_compression"]


def in_a_circle(content: dict[str, Any]) -> None:
    content["nodes"][0]["children"] = [0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (buffer_beside, "refers to another file, geometry.bin; export a .glb that holds everything"),
        (picture_at_a_url, "refers to another file, https://example.com/a.png"),
        (many_faces, "has more than 2,000,000 triangles; simplify it"),
        (compressed, "needs KHR_draco_mesh_compression, which is not supported"),
        (in_a_circle, "is not a readable GLB"),
        (lambda content: content.pop("accessors"), "is not a readable GLB"),
        (lambda content: content.update(nodes=[]), "is not a readable GLB"),
    ],
)
def test_what_cannot_be_a_prop_is_one_line(tmp_path: Path, change: Callable[[Any], None], message: str) -> None:
    path = models.edited(models.crate(tmp_path / "prop.glb"), change)
    with pytest.raises(InputError) as refused:
        Preset.like("balanced", props=(str(path),))
    assert str(refused.value).startswith(f"props: {path}: ")
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_sizes_text_and_empty_folders_are_refused(tmp_path: Path) -> None:
    large = models.crate(tmp_path / "large.glb", side_m=300.0)
    (tmp_path / "text.glb").write_text("no mesh at all")
    (tmp_path / "short.glb").write_bytes(b"glTF")
    (tmp_path / "empty").mkdir()
    for word, message in (
        (large, "its longest side is 300 m; props are 0.005 to 10 m, and glTF is in metres; scale it"),
        (models.crate(tmp_path / "small.glb", side_m=0.004), "its longest side is 0.004 m"),
        (tmp_path / "text.glb", "is not GLB despite its name"),
        (tmp_path / "short.glb", "is not a readable GLB"),
        (tmp_path / "empty", "holds no .glb file"),
        (tmp_path / "absent.glb", "cannot be read"),
        (tmp_path / "mesh.obj", "give a file or a folder of .glb"),
    ):
        with pytest.raises(InputError, match=rf"^props: .*{message}.*$"):
            Preset.like("balanced", props=(str(word),))
    (tmp_path / "own.json").write_text('{"like": "balanced", "props": ["large.glb"]}')
    with pytest.raises(InputError, match=r"own.json: props: .*large.glb: its longest side is 300 m"):
        commands.render(preset=str(tmp_path / "own.json"), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_whose_a_prop_is_stands_in_it_or_beside_it(tmp_path: Path) -> None:
    path = models.crate(tmp_path / "crate.glb")

    def stated() -> str:
        return licences.listed(Preset.like("balanced", props=(str(path),)))

    assert stated() == "props crate.glb (licence not stated)"
    (tmp_path / "LICENSE.txt").write_text("\n  CC0 1.0 Universal\nmore\n")
    assert stated() == "props crate.glb (CC0 1.0 Universal)"
    models.crate(path, copyright_text="2024 (c) A. Maker\n" + 200 * "x")
    assert stated().startswith("props crate.glb (2024 (c) A. Maker xxx")
    assert len(own_props.copyright_of(path)) == own_props.MOST_CHARACTERS
    assert glb.document(path)["asset"]["version"] == "2.0"
