"""Files of the user's own in presets: found, named with their digests, refused where they are none or have changed."""

import json
from pathlib import Path

import pytest

from corrotwin.synth.config import RenderConfig
from corrotwin.synth.presets import own_files
from corrotwin.synth.presets.schema import Preset
from corrotwin.twin.core.errors import InputError

EXR, HDR = b"\x76\x2f\x31\x01rest", b"#?RADIANCE\nrest"


@pytest.fixture
def maps(tmp_path: Path) -> Path:
    """A folder of two light maps and a file that is none."""
    folder = tmp_path / "maps"
    folder.mkdir()
    (folder / "yard.exr").write_bytes(EXR)
    (folder / "dock.hdr").write_bytes(HDR)
    (folder / "notes.txt").write_text("of the yard")
    return folder


def test_files_and_folders_stand_beside_those_of_blender(maps: Path) -> None:
    found = Preset.like("balanced", worlds=("sky", str(maps), str(maps / "yard.exr"))).worlds
    assert found[0] == "sky"
    assert [own_files.path_of(world) for world in found] == [
        None, maps / "dock.hdr", maps / "yard.exr", maps / "yard.exr",
    ]  # fmt: skip
    assert all(len(world.rpartition("#")[2]) == 16 for world in found[1:])


def test_paths_are_those_beside_the_preset(maps: Path) -> None:
    path = maps.parent / "own.json"
    path.write_text(json.dumps({"like": "balanced", "worlds": ["maps"]}))
    assert len(Preset.read(path).worlds) == 2


def test_a_dataset_that_goes_on_knows_its_maps_and_is_refused_where_one_has_changed(maps: Path) -> None:
    config = RenderConfig(preset=Preset.like("balanced", worlds=(str(maps),)), size=64, seed=0)
    assert RenderConfig.from_plain(config.plain()) == config
    (maps / "yard.exr").write_bytes(EXR + b"another")
    with pytest.raises(InputError, match=r"yard.exr: has changed since this preset was made"):
        RenderConfig.from_plain(config.plain())
    (maps / "yard.exr").unlink()
    with pytest.raises(InputError, match=r"yard.exr: cannot be read"):
        RenderConfig.from_plain(config.plain())


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("picture.exr", b"\x89PNG", "picture.exr: is no EXR, whatever its name says"),
        ("picture.hdr", EXR, "picture.hdr: is no HDR, whatever its name says"),
        ("absent.exr", None, "absent.exr: cannot be read"),
        ("moon", None, "'moon': choose from sky, city, courtyard"),
    ],
)
def test_what_is_no_light_map_is_refused(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    word = str(tmp_path / name) if "." in name else name
    with pytest.raises(InputError, match=message):
        Preset.like("balanced", worlds=(word,))


def test_a_folder_without_maps_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no .exr or .hdr file"):
        Preset.like("balanced", worlds=(str(tmp_path),))
