from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from browser import check_page

from corrotwin.segmentation.data import coco
from corrotwin.synth.api import fit_preset
from corrotwin.synth.commands import fit as fit_command
from corrotwin.synth.commands import render as render_command
from corrotwin.synth.fitting import fit as fitting
from corrotwin.synth.fitting import output, page, photographs, pool
from corrotwin.synth.fitting.appearance import SIDE
from corrotwin.synth.fitting.pool import Order, Render
from corrotwin.synth.presets.schema import Preset
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_json, write_json
from corrotwin.twin.core.locks import hold

DARK = {"rust_tone": (0.12, 0.2), "rusted": (0.05, 0.1)}


def made_up(preset: Preset, seed: int, count: int) -> list[Render]:
    """Renders without Blender: a coat, and rust of the preset's tone and extent, in light of any strength."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        tone = float(np.exp(rng.uniform(*np.log(preset.rust_tone))))
        share = float(rng.uniform(*preset.rusted))
        coat = np.array(preset.paints[int(rng.integers(len(preset.paints)))])
        cover = np.zeros((SIDE, SIDE), np.uint8)
        row, column = (int(each) for each in rng.integers(30, SIDE - 30, 2))
        cv2.circle(cover, (column, row), max(3, int(SIDE * np.sqrt(share / np.pi))), 1, -1)
        noise = np.exp(0.25 * cv2.GaussianBlur(rng.normal(0, 4, (SIDE, SIDE)).astype(np.float32), (0, 0), 1.5))
        surface = np.where(cover[..., None] > 0, tone * np.array([0.16, 0.07, 0.035]), coat)
        label = np.zeros((SIDE, SIDE, 4), np.float32)
        label[..., 0], label[..., 2] = cover, 1
        found.append(Render(light=(surface * noise[..., None] * rng.uniform(0.5, 2)).astype(np.float32), label=label))
    return found


class Colours:
    """In place of an encoder: mean colours and their spread in each region."""

    def over(self, images: Sequence[np.ndarray], regions: Sequence[np.ndarray]) -> np.ndarray:
        found = []
        for image, weights in zip(images, regions, strict=True):
            light = image.reshape(-1, 3) / 255
            share = weights.reshape(len(weights), -1)
            share = np.where(share.sum(axis=1, keepdims=True) > 0, share, 1)
            share = share / share.sum(axis=1, keepdims=True)
            middle = share @ light
            spread = np.sqrt(np.maximum(share @ light**2 - middle**2, 0))
            found.append(np.hstack([middle, spread, np.log(middle + 0.01)]))
        return np.array(found, np.float32)


@pytest.fixture
def ordered(monkeypatch: pytest.MonkeyPatch) -> list[Order]:
    """Replace Blender; what is ordered is recorded."""
    done: list[Order] = []

    def render(orders: Sequence[Order], **_: Any) -> list[list[Render]]:
        done.extend(orders)
        return [made_up(order.preset, order.seed, order.count) for order in orders]

    monkeypatch.setattr(pool, "render", render)
    monkeypatch.setattr(fitting, "FeatureExtractor", Colours)
    monkeypatch.setattr(fitting, "DESIGNS", 40)
    return done


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Twelve photographs of dark rust on one coat."""
    preset = Preset.like("balanced", paints=[(0.4, 0.5, 0.45)], **DARK)
    folder = tmp_path / "photos"
    (folder / "images").mkdir(parents=True)
    images, annotations = [], []
    for number, one in enumerate(made_up(preset, 77, 12), start=1):
        shot = one.shot(preset.sensor, preset.labels, np.random.default_rng(number))
        name = f"{number}.png"
        cv2.imwrite(str(folder / "images" / name), shot.picture[..., ::-1])
        images.append({"id": number, "file_name": name, "width": SIDE, "height": SIDE})
        assert shot.mask is not None
        annotations.append({"id": number, "image_id": number, "category_id": 1, "iscrowd": 0, **coco.region(shot.mask)})
    write_json(folder / "annotations.json", coco.document(images, annotations, description="dark"))
    return folder


@pytest.mark.ci
def test_a_fit_finds_dark_rust_small_spots_and_the_coat(photos: Path, ordered: list[Order], tmp_path: Path) -> None:
    base = Preset.like("balanced")
    found = fitting.fit(photographs.read(photos), base, tmp_path / "work", seed=0)
    assert np.sqrt(np.prod(found.preset.rust_tone)) < 0.5 * np.sqrt(np.prod(base.rust_tone))
    assert found.preset.rusted[1] < 0.25
    assert found.relative < 0.6
    for red, green, blue in found.preset.paints:
        assert green > red
        assert green > blue
    of_start = dict(found.tried)
    others = {
        f"{name}, other scenes"
        for name in ("search result", "search result, wider", "first estimate", "scenes of the base preset")
    }
    assert {"first estimate", "rust_tone x 0.7", "mostly sun", *others} <= of_start.keys()
    seeds = {step: {each.seed for each in ordered if each.folder.parent.name == step} for step in ("search", "shown")}
    assert all(len(each) == 1 for each in seeds.values())  # all presets of a step show the same scenes
    assert not seeds["search"] & seeds["shown"]


@pytest.mark.ci
def test_the_same_photographs_give_the_same_preset_in_another_folder(
    photos: Path, ordered: list[Order], tmp_path: Path
) -> None:
    given = photographs.read(photos)
    one, other = (fitting.fit(given, Preset.like("balanced"), tmp_path / name, seed=3) for name in ("a", "b"))
    assert one.preset == other.preset
    assert one.tried == other.tried
    again = fitting.fit(given, Preset.like("balanced"), tmp_path / "c", seed=4)
    assert again.tried != one.tried


@pytest.mark.ci
def test_a_folder_of_another_fit_is_refused(photos: Path, ordered: list[Order], tmp_path: Path) -> None:
    given = photographs.read(photos)
    fitting.fit(given, Preset.like("balanced"), tmp_path / "work", seed=0)
    with pytest.raises(InputError, match="seed"):
        fitting.fit(given, Preset.like("balanced"), tmp_path / "work", seed=1)
    with pytest.raises(InputError, match="photos"):
        fitting.fit(replace(given, digest="another"), Preset.like("balanced"), tmp_path / "work", seed=0)


@pytest.mark.ci
def test_the_command_writes_a_preset_that_renders_take_its_textures_and_a_page(
    photos: Path, ordered: list[Order], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fit_command(photos=photos, out=tmp_path / "mine.json", textures=True)
    said = capsys.readouterr().out
    assert "closer to your 12 labelled photographs than those of balanced" in said
    content = read_json(tmp_path / "mine.json")
    assert fit_preset(photos, out=tmp_path / "api.json", textures=True) == Preset.read(tmp_path / "api.json")
    other = read_json(tmp_path / "api.json")
    assert {**other, "paint_textures": 0} == {**content, "paint_textures": 0}
    assert content["like"] == "balanced"
    found = Preset.read(tmp_path / "mine.json")
    assert found.rust_tone == tuple(content["rust_tone"])
    assert all(word.startswith("mine.textures/") for word, _ in content["paint_textures"])
    assert "rust_textures" not in content  # it is too dark to be one
    assert "Textures: 0 of rust, 6 of coats." in said
    edited = (tmp_path / "mine.json").read_text().replace('"defects"', '"defects" ')
    (tmp_path / "mine.json").write_text(edited)
    with pytest.raises(InputError, match="already exists and is not as a fit wrote it; give another `out`"):
        fit_command(photos=photos, out=tmp_path / "mine.json")
    assert (tmp_path / "mine.json").read_text() == edited
    check_page(tmp_path / "mine.html")
    page = (tmp_path / "mine.html").read_text()
    assert page.count("data:image/jpeg;base64,") == 3
    for text in ("Your photographs", "Renders before: balanced", "Renders after: mine", "rust_tone", "labels"):
        assert text in page


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"out": Path("mine.yaml")}, "`out` mine.yaml: give a file that ends in .json"),
        ({"preset": "balnaced"}, "unknown preset 'balnaced'"),
        ({"preset": "clean"}, "`preset` clean: shows no rust"),
        ({"unlabelled": Path("absent")}, "absent: no such folder"),
        ({"photos": Path("absent")}, "absent"),
    ],
)
def test_what_a_fit_cannot_take_is_one_line_and_nothing_is_written(
    photos: Path, ordered: list[Order], tmp_path: Path, options: dict[str, Any], message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match=message) as caught:
        fit_command(**{"photos": photos, "out": Path("mine.json"), **options})
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before
    assert ordered == []


@pytest.mark.parametrize(("changes", "name"), [({}, "balanced"), ({"rust_tone": (0.2, 1.0)}, "balanced, changed")])
def test_the_page_says_whether_the_fit_started_from_a_changed_preset(
    changes: dict[str, Any], name: str, photos: Path, tmp_path: Path
) -> None:
    base, given, far = Preset.like("balanced", **changes), photographs.read(photos), {"rust": 1.0}
    found = fitting.Fit(
        preset=base, base=base, photos=given, before=far, after=far, halves=far,
        shots_before=given.labelled, shots_after=given.labelled, tried=(),
    )  # fmt: skip
    page.write(tmp_path / "mine.html", found, "mine")
    text = (tmp_path / "mine.html").read_text()
    for said in (f"<h2>Renders before: {name}</h2>", f"than those of {name}, judged", f'<th scope="col">{name}</th>'):
        assert said in text


@pytest.mark.parametrize("name", ["mine.html", "mine.textures"])
def test_what_no_fit_wrote_is_not_written_over(name: str, photos: Path, ordered: list[Order], tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(
        InputError, match=f"{name}: already exists and was not written by a fit; give another `out`, or move it"
    ):
        fit_command(photos=photos, out=tmp_path / "mine.json")
    assert not (tmp_path / "mine.fit").exists()
    assert ordered == []


def test_files_of_a_fit_that_was_stopped_are_its_own(tmp_path: Path) -> None:
    with hold(tmp_path / "mine.fit", fitting.KIND, {}):
        (tmp_path / "mine.textures").mkdir()
        output.check(tmp_path / "mine.json", 0, None)


@pytest.mark.slow
def test_a_real_fit_goes_on_where_it_was_cut_off_and_its_preset_renders(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("DESIGNS", 4), ("OF_VARIANT", 2), ("OF_FINAL", 3)):
        monkeypatch.setattr(fitting, name, value)
    drawn = pool.render

    def cut_off(orders: Sequence[Order], **options: Any) -> list[list[Render]]:
        if options["label"] == "search":
            raise KeyboardInterrupt
        return drawn(orders, **options)

    with monkeypatch.context() as patch:
        patch.setattr(pool, "render", cut_off)
        with pytest.raises(KeyboardInterrupt):
            fit_command(photos=photos, out=tmp_path / "mine.json")
    assert not (tmp_path / "mine.json").exists()
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "mine.fit" / "designs").rglob("*.jpg")}
    assert len(kept) == 4 * fitting.OF_DESIGN
    fit_command(photos=photos, out=tmp_path / "mine.json")
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    render_command(preset=str(tmp_path / "mine.json"), count=2, size="64", out=tmp_path / "renders")
    assert len(coco.read(tmp_path / "renders", allow_unannotated=True).photos) == 2
