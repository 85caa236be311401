import inspect
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transfers import SETTINGS, give, give_screen, snapshot

from corrotwin.benchmarks.commands.screen import screen
from corrotwin.benchmarks.commands.transfer import transfer
from corrotwin.benchmarks.transfer import inputs, layout, resampling
from corrotwin.benchmarks.transfer.protocol import ProtocolSettings
from corrotwin.segmentation.data import coco
from corrotwin.synth.config import RenderConfig
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_json, write_json, write_manifest
from corrotwin.twin.core.locks import hold

Maker = Callable[..., Any]


def test_clean_pictures_that_train_are_refused(
    home: Path, trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = (coco.read(home / name, allow_unannotated=True).photos[0].path for name in ("renders", "clean"))
    shutil.copyfile(one, other)
    with pytest.raises(InputError, match=rf"clean: pictures such as {other.name} are among the renders that train"):
        give_screen(home, clean=home / "clean")
    assert not (home / "out").exists()
    assert trained == []


@pytest.mark.parametrize(("option", "name"), [("renders", "renders"), ("across", "yard"), ("clean", "clean")])
def test_photos_among_renders_other_sets_or_clean_pictures_are_refused(
    home: Path, trained: list[str], option: str, name: str
) -> None:
    """Before anything is opened or trained: each photo trains in some fold, and is tested in another."""
    photo, other = (coco.read(home / each, allow_unannotated=True).photos[-1].path for each in ("photos", name))
    shutil.copyfile(photo, other)
    given = (home / name,) if option == "across" else home / name
    with pytest.raises(
        InputError, match=rf"`{option}` .*{name}: photos of .*photos are among them, such as {other.name}"
    ):
        give(home, **{option: given})
    assert not (home / "out").exists()
    assert trained == []


def test_photos_of_another_set_that_lie_among_the_renders_are_refused(home: Path, trained: list[str]) -> None:
    one, other = (coco.read(home / name).photos[0].path for name in ("yard", "renders"))
    shutil.copyfile(one, other)
    with pytest.raises(
        InputError, match=rf"`renders` .*renders: photos of .*yard are among them, such as {other.name}"
    ):
        give(home, across=(home / "yard",))
    assert not (home / "out").exists()


@pytest.mark.ci
@pytest.mark.parametrize(
    ("name", "preset", "seed", "size", "same"),
    [
        ("clean", "clean", 0, 64, True), ("clean", "clean", 0, 32, True), ("clean", "clean", 1, 64, False),
        ("clean", "stress", 0, 64, False), ("photos", "balanced", 0, 32, True), ("photos", "balanced", 1, 32, False),
        ("yard", "balanced", 0, 32, True), ("yard", "stress", 0, 64, False),
    ],
)  # fmt: skip
def test_pictures_of_scenes_that_train_are_refused(
    home: Path, trained: list[str], name: str, preset: str, seed: int, size: int, same: bool
) -> None:
    """Whatever their bytes: another size or processor gives the same scenes in other bytes."""
    for folder, config in (
        ("renders", RenderConfig(preset="balanced", size=64, seed=0)),
        (name, RenderConfig(preset=preset, size=size, seed=seed)),
    ):
        write_manifest(home / folder, "dataset", {"seed": config.seed, "preset": config.preset_stated()})
    given = {"photos": {}, "yard": {"across": (home / "yard",)}, "clean": {"clean": home / "clean"}}[name]
    if same:
        with pytest.raises(InputError, match=rf"{name}: its scenes are those of the renders that train"):
            give(home, **given)
        assert not (home / "out").exists()
    else:
        assert give(home, **given) == 0


def dealt(photos: layout.Photos) -> list[resampling.Fold]:
    """Redraws and folds of a transfer."""
    settings = ProtocolSettings(**SETTINGS)
    redraws = [resampling.redraw(photos.data, photos.spots, settings, number) for number in range(6)]
    return [*redraws, *resampling.folds(photos.data, photos.spots, settings, 0)]


def test_copies_are_dealt_together_where_no_spots_are_given(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "photos" / "spots.csv").unlink()
    content = read_json(home / "photos" / "annotations.json")
    for place, image in enumerate(content["images"]):
        name = f"p{place // 2}_png.rf.{place:04x}.png"
        (home / "photos" / "images" / image["file_name"]).rename(home / "photos" / "images" / name)
        image["file_name"] = name
    write_json(home / "photos" / "annotations.json", content)
    photos = layout.read_photos(home / "photos")
    assert photos.copies
    assert len(set((photos.groups or {}).values())) == 10
    for fold in dealt(photos):
        sides = [{fold.split.group[name] for name in part} for part in (fold.split.train, fold.split.test)]
        assert not sides[0] & sides[1]


def test_equal_files_are_dealt_together_where_no_spots_are_given(
    home: Path, trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "photos" / "spots.csv").unlink()
    files = [photo.path for photo in coco.read(home / "photos").photos]
    for one, other in ((0, 7), (7, 19), (3, 4)):
        shutil.copyfile(files[one], files[other])
    photos = layout.read_photos(home / "photos")
    spots = photos.groups or {}
    assert len(set(spots.values())) == 17
    assert (
        len({spots[files[place].name] for place in (0, 7, 19)})
        == len({spots[files[place].name] for place in (3, 4)})
        == 1
    )
    for fold in dealt(photos):
        trains = {photo.sha256 for photo in photos.data.photos if photo.file_name in fold.split.train}
        assert not [each for each in photos.data.photos if each.file_name in fold.split.test and each.sha256 in trains]
    give(home)
    said = capsys.readouterr().out
    assert "20 photos of 17 source photos by their names (.rf.) or equal files" in said
    assert "each of 17 source photos of copies by their names (.rf.) or equal files a spot" in said


def test_one_photo_of_two_spots_is_refused(home: Path, trained: list[str]) -> None:
    files = [photo.path for photo in coco.read(home / "photos").photos]
    shutil.copyfile(files[0], files[1])  # of one spot
    assert layout.read_photos(home / "photos").has_spots
    files = [photo.path for photo in coco.read(home / "yard").photos]
    shutil.copyfile(files[0], files[1])
    (home / "yard" / "spots.csv").write_text(
        "\n".join(["file_name,spot", *(f"{each.name},{each.name}" for each in files)])
    )
    assert give(home, across=(home / "yard",), out=home / "other") == 0  # nothing of it trains
    files = [photo.path for photo in coco.read(home / "photos").photos]
    shutil.copyfile(files[0], files[5])
    with pytest.raises(InputError, match=f"{files[0].name} and {files[5].name} are one photo, of spot 0 and of spot 2"):
        give(home)
    assert not (home / "out").exists()


def test_categories_that_count_reach_every_run(home: Path, trained: list[str]) -> None:
    """Clean pictures need not list the name."""
    content = read_json(home / "photos" / "annotations.json")
    content["categories"].append({"id": 2, "name": "crack"})
    for each in content["annotations"][::2]:
        each["category_id"] = 2
    write_json(home / "photos" / "annotations.json", content)
    assert give(home, classes=("crack",), clean=home / "clean") == 0
    kept = [read_json(path)["data"] for path in (home / "out").glob("photos/*/*/*/study.json")]
    assert kept
    assert all((each["classes"], each["counts"]["annotations"]) == (["crack"], 10) for each in kept)


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (give_screen, "photos"), (give_screen, "renders"), (give_screen, "clean"),
        (give, "photos"), (give, "renders"), (give, "clean"), (give, "yard"),
    ],
)  # fmt: skip
def test_a_picture_that_cannot_be_decoded_is_named_before_anything_is_opened(
    home: Path, trained: list[str], name: str, command: Maker
) -> None:
    broken = coco.read(home / name, allow_unannotated=True).photos[-1].path
    broken.write_bytes(broken.read_bytes()[:-40])
    others = {"clean": home / "clean", **({"across": (home / "yard",)} if command is give else {})}
    with pytest.raises(InputError, match=rf"{broken.name}.* cannot be decoded"):
        command(home, **others)
    assert not (home / "out").exists()
    assert trained == []


@pytest.mark.parametrize(
    ("option", "name"), [("out", "out"), ("data", "photos"), ("across", "yard"), ("clean", "clean")]
)
def test_a_folder_whose_name_is_no_text_is_refused(home: Path, trained: list[str], option: str, name: str) -> None:
    path = home / os.fsdecode(b"br\xfccke")
    if option != "out":
        (home / name).rename(path)
    with pytest.raises(InputError, match="cannot name a set in a table; rename the folder"):
        give(home, **{option: (path,) if option in ("data", "across") else path})
    assert not (home / "out").exists()


def test_relative_paths_are_found_from_the_folders_of_workers(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    found = inputs.read(
        Path("out"), renders=Path("renders"), data=(Path("photos"),), across=(Path("yard"),), clean=Path("clean")
    )
    every = (found.renders.data, *(each.data for each in (*found.sets, *found.external_sets.values())))
    assert len(every) == 4
    assert all(photo.path.is_absolute() for each in every for photo in each.photos)


def test_a_folder_may_have_any_name_that_can_be_written(home: Path, trained: list[str]) -> None:
    folder = home / "錆\u3000調査\u00a0\u200d"
    folder.mkdir()
    for name in ("photos", "renders", "yard"):
        (home / name).rename(folder / f"{name} é")
    given = {"renders": folder / "renders é", "data": (folder / "photos é",), "across": (folder / "yard é",)}
    assert give(home, **given, out=folder / "out") == 0
    assert "# photos é-renders" in next(folder.glob("out/tables/*.md")).read_text()


def test_another_set_whose_name_would_hide_its_table_is_refused(home: Path, trained: list[str]) -> None:
    (home / "yard").rename(home / ".yard")
    with pytest.raises(InputError, match=r"'\.yard' cannot name a set in a table"):
        give(home, across=(home / ".yard",))
    assert not (home / "out").exists()


@pytest.mark.ci
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mixed_only": True, "render_counts": (2,)}, "--mixed-only leaves out"),
        ({"renders": Path("absent")}, "`renders` .*absent"),
        ({"data": ()}, "at least one folder"),
        ({"data": (Path("absent"),)}, "absent"),
        ({"data": (Path("photos"), Path("photos"))}, "given twice"),
        ({"across": (Path("photos"),)}, "given twice"),
        ({"data": (Path("renders"),)}, "renders themselves"),
        ({"data": (Path("tables"),)}, "rename the set"),
        ({"clean": Path("yard")}, "has annotations"),
        ({"seen": ("*.png", "trian/*")}, r"`seen` trian/\*: matches no photo of `data`; one is called photo-"),
        ({"render_counts": (6,)}, "a draw of .*renders has 6; give fewer"),
        ({"render_counts": (0,)}, "at least 1"),
        ({"folds": 11}, "10 groups do not make 11 folds"),
        ({"runs": 0, "redraws": 0}, "`redraws` and `runs` are both 0: nothing to train"),
        ({"runs": -1}, "`runs` -1 is below 0"),
        ({"redraws": -1}, "`redraws` -1 is below 0"),
        ({"fits": -1}, "`fits` -1 is below 0"),
        ({"fits": 2}, "`fits` 2 is above `redraws` 1"),
        ({"fits": 1, "renders_of_fit": 0}, "`renders_of_fit` 0 is below 1"),
        ({"fits": 1}, "at least 10 photos with labels, of two spots, but redraw 1 has 2 of 1; give a larger"),
        ({"real_fraction": 0.6}, "`real_fraction` 0.6 is not above 0 and at most 0.5"),
        ({"photo_steps": 0}, "`photo_steps` 0"),
        ({"renders_goal": 0.0}, "--renders-goal 0 must be a number above 0"),
        ({"renders_goal": float("nan")}, "--renders-goal nan must be"),
        ({"renders_goal": float("inf")}, "--renders-goal inf must be"),
        ({"render_share": 1.0}, "`render_share` 1"),
        ({"steps": 0}, "`steps` 0"),
    ],
)
def test_bad_input_writes_nothing(home: Path, trained: list[str], change: dict[str, Any], message: str) -> None:
    def placed(value: Any) -> Any:
        return home / value if isinstance(value, Path) else value

    full = {
        name: tuple(map(placed, value)) if isinstance(value, tuple) else placed(value) for name, value in change.items()
    }
    with pytest.raises(InputError, match=message):
        give(home, **full)
    assert not (home / "out").exists()
    assert trained == []


def test_each_command_has_its_own_options() -> None:
    shared = set(inspect.signature(screen).parameters) & set(inspect.signature(transfer).parameters)
    assert {"renders", "data", "render_share", "clean", "dry_run"} <= shared
    assert set(inspect.signature(screen).parameters) - shared == {"reference", "mixed"}
    assert set(inspect.signature(transfer).parameters) - shared == {
        "across", "augmentation", "fits", "mixed_only", "photo_steps", "redraws", "render_counts", "renders_goal",
        "renders_of_fit", "renders_per_run", "runs", "seed", "seen", "unlabelled",
    }  # fmt: skip


def test_a_way_of_mixing_asks_a_screen_for_the_mixed_arm(home: Path, trained: list[str]) -> None:
    give_screen(home, render_share=0.25)
    assert {Path(folder).name[:-3] for folder in trained} == {
        "renders-mobilenet_v2", "real-10pct-mobilenet_v2", "mixed25-10pct-mobilenet_v2"
    }  # fmt: skip


def test_another_recipe_and_a_second_command_are_refused(home: Path, trained: list[str]) -> None:
    give(home, renders_per_run=3)
    before = snapshot(home / "out")
    with pytest.raises(InputError, match="steps: 3 in the folder, 9 requested"):
        give(home, steps=9)
    with pytest.raises(InputError, match="steps: 3 in the folder, 9 requested"):
        give_screen(home, steps=9)
    with (
        hold(home / "out", layout.KIND, layout.claim(ProtocolSettings(**SETTINGS))),
        pytest.raises(InputError, match="is writing here"),
    ):
        give(home, runs=2)
    assert {name: content for name, content in snapshot(home / "out").items() if name != ".lock"} == {
        name: content for name, content in before.items() if name != ".lock"
    }
