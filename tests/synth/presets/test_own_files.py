"""Files of the user's own in presets: found, named with their digests, refused where they are none or have changed."""

import json
from pathlib import Path

import pytest
from texture_files import ambient_cg, hills, plain, poly_haven, save

from corrotwin.synth.config import RenderConfig
from corrotwin.synth.presets import licences, own_files
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
        ("picture.exr", b"\x89PNG", "picture.exr: is not EXR despite its name"),
        ("picture.hdr", EXR, "picture.hdr: is not HDR despite its name"),
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


FIELDS = ("ground_textures", "wall_textures", "paint_textures", "rust_textures")


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    """A folder of two texture sets, one with a licence."""
    ambient_cg(tmp_path / "sets", "Rust004", plain((0.5, 0.2, 0.1), 16), hills(16))
    poly_haven(tmp_path / "sets", "wall", plain((0.5, 0.5, 0.5), 16), hills(16))
    (tmp_path / "sets" / "Rust004" / "LICENSE.txt").write_text("\n# Creative Commons CC0 1.0\x1b[2J\n\nlong text\n")
    return tmp_path / "sets"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for name in ("dock.jpg", "yard.png"):
        save(tmp_path / "photos" / name, plain((0.4, 0.5, 0.6), 32))
    return tmp_path / "photos"


@pytest.mark.parametrize("field", FIELDS)
def test_sets_stand_with_digests_beside_their_metres(field: str, sets: Path) -> None:
    path = sets.parent / "own.json"
    path.write_text(json.dumps({"like": "balanced", field: [["sets", 0.5], ["sets/wall", 2]]}))
    found = getattr(preset := Preset.read(path), field)
    assert [(own_files.path_of(word), metres) for word, metres in found] == [
        (sets / "Rust004", 0.5), (sets / "wall", 0.5), (sets / "wall", 2.0),
    ]  # fmt: skip
    preset.save(sets.parent / "saved.json")
    assert Preset.read(sets.parent / "saved.json") == preset
    config = RenderConfig(preset=preset, size=64, seed=0)
    assert RenderConfig.from_plain(json.loads(json.dumps(config.plain()))) == config
    assert config.preset_stated()[field] == [list(pair) for pair in found]


@pytest.mark.parametrize("map_name", ["wall_nor_gl_1k.exr", "wall_rough_1k.exr", "wall_diff_1k.png"])
def test_a_dataset_is_refused_where_a_map_has_changed(map_name: str, sets: Path) -> None:
    config = RenderConfig(preset=Preset.like("balanced", rust_textures=((str(sets), 0.5),)), size=64, seed=0)
    save(sets / "wall" / "textures" / map_name, plain((0.4, 0.4, 0.9), 16))
    with pytest.raises(InputError, match=r"rust_textures: .*wall: has changed since this preset was made"):
        RenderConfig.from_plain(config.plain())


def test_maps_that_are_not_used_may_change(sets: Path) -> None:
    config = RenderConfig(preset=Preset.like("balanced", rust_textures=((str(sets), 0.5),)), size=64, seed=0)
    save(sets / "wall" / "textures" / "wall_ao_1k.jpg", plain((0.4, 0.4, 0.9), 16))
    assert RenderConfig.from_plain(config.plain()) == config


def test_photographs_stand_with_digests(photos: Path) -> None:
    config = RenderConfig(preset=Preset.like("balanced", backdrops=(str(photos),)), size=64, seed=0)
    found = config.content().backdrops
    assert [own_files.path_of(word) for word in found] == [photos / "dock.jpg", photos / "yard.png"]
    assert RenderConfig.from_plain(config.plain()) == config
    save(photos / "dock.jpg", plain((0.1, 0.5, 0.6), 32))
    with pytest.raises(InputError, match=r"dock.jpg: has changed since this preset was made"):
        RenderConfig.from_plain(config.plain())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rust_textures": (("sets", -1.0),)}, "rust_textures: .*give numbers from 0.001 to 1000"),
        ({"rust_textures": ("sets",)}, r"rust_textures: .*with the metres that one picture shows, \[folder, metres\]"),
        ({"rust_textures": (("absent", 1.0),)}, "rust_textures: .*absent: cannot be read"),
        ({"rust_textures": (("photos", 1.0),)}, "rust_textures: .*photos: holds no texture set"),
        ({"textured_share": 1.5}, "textured_share: 1.5: give numbers from 0 to 1"),
        ({"backdrops": ("absent.jpg",)}, "backdrops: .*absent.jpg: cannot be read"),
        ({"backdrops": ("sets",)}, "backdrops: .*sets: holds no .jpg or .jpeg or .png file"),
        ({"backdrops": ("moon",)}, "backdrops: 'moon': give a file or a folder of .jpg or .jpeg or .png"),
        ({"backdrops": ("false.png",)}, "backdrops: .*false.png: is not PNG despite its name"),
        ({"backdrops": ("torn.jpg",)}, "backdrops: .*torn.jpg: not a readable image"),
        ({"backdrop_share": -0.1}, "backdrop_share: -0.1: give numbers from 0 to 1"),
    ],
)
def test_what_is_no_picture_is_refused_by_its_field(
    changes: dict[str, object], message: str, sets: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(sets.parent)
    Path("false.png").write_bytes((photos / "dock.jpg").read_bytes())
    Path("torn.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(InputError, match=message) as refused:
        Preset.like("balanced", **changes)
    assert "\n" not in str(refused.value)


def test_no_pictures_are_no_change() -> None:
    nothing = dict.fromkeys((*FIELDS, "backdrops"), ())
    assert Preset.like("balanced", **nothing) == Preset.like("balanced")


def test_all_own_files_are_listed_with_their_licences(sets: Path, photos: Path, maps: Path) -> None:
    (photos / "COPYING").write_bytes(b"\xff\xfe by me")
    preset = Preset.like(
        "balanced", worlds=("sky", str(maps)), rust_textures=((str(sets), 0.5),), backdrops=(str(photos),)
    )
    assert licences.listed(preset) == (
        "worlds dock.hdr, yard.exr (licence not stated); backdrops dock.jpg, yard.png (�� by me); "
        r"rust_textures Rust004 (Creative Commons CC0 1.0\x1b[2J), wall (licence not stated)"
    )
    assert licences.listed(Preset.like("balanced")) == ""


def test_a_long_list_is_cut(photos: Path) -> None:
    for number in range(30):
        save(photos / f"more-{number:02}.jpg", plain((0.4, 0.5, 0.6), 8))
    assert "more-18.jpg and 12 more (licence not stated)" in licences.listed(
        Preset.like("balanced", backdrops=(str(photos),))
    )
