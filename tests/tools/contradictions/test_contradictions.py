import sys
from pathlib import Path

import numpy as np
import pytest

from corrotwin.segmentation.data import coco
from corrotwin.synth import spec
from corrotwin.synth.config import RenderConfig
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import write_json
from tools.contradictions import __main__ as command
from tools.contradictions import color_model, regions, report, shown

SIDE = 100
RUST, PAINT, BLUE = (120, 75, 45), (130, 150, 140), (20, 20, 200)


def picture(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Paint with a square of rust, which is labelled, and noise."""
    mask = np.zeros((SIDE, SIDE), dtype=bool)
    mask[10:50, 10:50] = True
    colors = np.where(mask[..., None], RUST, PAINT) + np.random.default_rng(seed).normal(0, 4, (SIDE, SIDE, 3))
    return colors.clip(0, 255).astype(np.uint8), mask


@pytest.fixture(scope="module")
def model() -> color_model.ColorModel:
    return color_model.fit(map(picture, range(4)))


def even(color: tuple[int, int, int]) -> np.ndarray:
    return np.full((SIDE, SIDE, 3), color, dtype=np.uint8)


def test_a_color_counts_as_often_as_rust_has_it(model: color_model.ColorModel) -> None:
    assert model.pictures == 4
    assert model.of(even(RUST)).min() > 20
    assert model.of(even(PAINT)).max() < 0.05
    assert model.of(even(BLUE)) == pytest.approx(1)  # that neither has


def test_a_model_needs_rust_and_all_else() -> None:
    image, mask = picture(0)
    for labelled in (np.zeros_like(mask), np.ones_like(mask)):
        with pytest.raises(ValueError, match="of 1 pictures"):
            color_model.fit([(image, labelled)])


def test_regions_are_unlabelled_of_the_color_of_rust_and_away_from_labels(model: color_model.ColorModel) -> None:
    image, mask = picture(9)
    assert not regions.find(model, image, mask)
    image[70:90, 60:80] = RUST  # not labelled
    image[10:50, 50:52] = RUST  # a label drawn loosely
    image[80, 20] = RUST  # too small
    (found,) = regions.find(model, image, mask)
    assert found.pixels == pytest.approx(400, abs=90)
    assert found.middle == pytest.approx((79.5, 69.5), abs=2)
    assert found.color == pytest.approx(RUST, abs=12)
    both = regions.find(model, image, np.zeros_like(mask))
    assert sorted(one.pixels > 1000 for one in both) == [False, True]


def test_what_a_pixel_shows_is_what_its_ray_meets_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture straight down at a square of steel whose four quarters differ, on soil beside a brown box."""
    corners = np.array([[-1, -1, 1], [1, -1, 1], [1, 1, 1], [-1, 1, 1]], dtype=np.float32)
    faces = np.array([[0, 1, 2], [0, 2, 3]], dtype=np.int32)
    uv = ((corners[:, :2] + 1) / 2)[faces]
    fields = np.zeros((2, 2, 4), dtype=np.float32)
    fields[0, 0, 0], fields[0, 1, 0], fields[1, 0, 3] = 0.9, 0.2, 0.6  # rows grow along y, columns along x
    finish = spec.Finish(
        kind="paint", color=(0.3, 0.4, 0.3), primer=(0.2, 0.045, 0.03), rust=(1, 1, 1), roughness=0.5, dirt=0, wear=0,
        scale=0, seed=0,
    )  # fmt: skip

    def placed(x: float, y: float, z: float, *, scale: float = 1.0) -> spec.Matrix:
        return ((scale, 0, 0, x), (0, scale, 0, y), (0, 0, scale, z), (0, 0, 0, 1))

    def sample(config: RenderConfig, index: int, views: list[int], folder: Path) -> spec.Scene:
        np.savez(folder / "body.npz", vertices=corners, faces=faces, uv=uv, fields=fields)
        return spec.Scene(
            samples=1, seed=0,
            bodies=(spec.Body(file="body.npz", pose=placed(0, 0, 0), finish=finish, instance=1, kind="plate"),),
            props=(
                spec.Prop(
                    shape="box", pose=placed(0, 0, -1.5, scale=3), material="soil", color=(0.1, 0.1, 0.1), seed=0
                ),
                spec.Prop(shape="box", pose=placed(0, 1.25, 0.25, scale=0.4), material="plain", color=(0.3, 0.1, 0.03),
                          seed=0),
            ),
            light=spec.Light(
                world="city", world_turn=0, world_strength=1, lamp="none", lamp_from=(0, 0, 1), lamp_strength=0,
                lamp_color=(1, 1, 1),
            ),
            views=(spec.View(index=index, pose=placed(0, 0, 6), lens=spec.Lens.wide(*config.sides, 0.8)),),
        )  # fmt: skip

    monkeypatch.setattr(shown, "sample_scene", sample)
    size = 80
    words = shown.shown(RenderConfig(preset="balanced", size=size, seed=0), 3)

    def at(x: float, y: float, z: float) -> str:
        far = (6 - z) * np.tan(0.4)
        return str(words[int((1 - y / far) / 2 * size), int((1 + x / far) / 2 * size)])

    assert at(-0.5, -0.5, 1) == "plate: rust that the rule leaves out"
    assert at(0.5, -0.5, 1) == "plate: rim of rust"
    assert at(-0.5, 0.5, 1) == "plate: rust water"
    assert at(0.5, 0.5, 1) == "plate: other paint on red primer"
    assert at(-1.4, 0, 0) == "soil"
    assert at(0, 1.3, 0.45) == "rust-coloured object"
    assert at(2.2, 0, 0) == shown.BACKDROP


def test_the_report_lists_the_largest_first_and_the_same_again(
    tmp_path: Path, model: color_model.ColorModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "renders"
    (folder / "images").mkdir(parents=True)
    images, annotations = [], []
    for number in range(3):
        image, mask = picture(number)
        side = 12 + 6 * number
        image[70 : 70 + side, 60 : 60 + side] = RUST
        (folder / "images" / f"{number}.png").write_bytes(coco_png(image))
        images.append({"id": number + 1, "file_name": f"{number}.png", "width": SIDE, "height": SIDE})
        annotations.append(
            {"id": number + 1, "image_id": number + 1, "category_id": 1, "iscrowd": 0, **coco.region(mask)}
        )
    write_json(folder / "annotations.json", coco.document(images, annotations, description="three"))
    words = np.full((SIDE, SIDE), "soil", dtype=object)
    words[:, :70] = "beam: rust water"
    monkeypatch.setattr(command, "shown", lambda config, index: words)
    config = command._config("bridges", 0)
    found = command.look(config, folder, 3, ("a model", model))
    assert [one.image for one in found.contradictions] == [2, 1, 0]
    assert len(command.look(config, folder, 2, None).contradictions) == 2  # of the renders' own colours
    report.write(tmp_path, [found])
    rows = (tmp_path / "contradictions.csv").read_text().splitlines()
    assert rows[0].split(",")[:3] == ["preset", "rank", "image"]
    assert [row.split(",")[:3] for row in rows[1:]] == [["bridges", str(n + 1), f"{2 - n:06d}"] for n in range(3)]
    page = (tmp_path / "contradictions.md").read_text()
    assert "3 images, 3 regions; colours of rust from a model." in page
    assert "| soil |" in page
    assert page == report.page([command.look(config, folder, 3, ("a model", model))])
    assert (tmp_path / "bridges.png").read_bytes().startswith(b"\x89PNG")


def coco_png(image: np.ndarray) -> bytes:
    from corrotwin.synth.labels import maps

    return maps.png(image)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["--scenes", "0"], "--scenes 0: give 1 to 1000"),
        (["rusty"], "unknown preset 'rusty'"),
        (["--seed", "-1"], "`seed` -1"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(
    line: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["contradictions", *line, "--out", str(tmp_path / "out")])
    monkeypatch.setenv("CORROSION_DATA", str(tmp_path))
    with pytest.raises(SystemExit) as stopped:
        command.main()
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_colors_from_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the renders themselves: of 0 pictures"):
        command._fitted([], "the renders themselves")
