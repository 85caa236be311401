import numpy as np
import pytest

from corrotwin.benchmarks.stats import crossed_effects
from corrotwin.benchmarks.stats.subgroups import PROPERTIES, by_quarter, describe, differences
from corrotwin.benchmarks.stats.tukey import RunScores
from corrotwin.segmentation.data import coco


def run(arm: str, number: int, f1: list[float]) -> RunScores:
    images = tuple(f"photo-{place}" for place in range(len(f1)))
    values = np.array(f1)
    return RunScores(
        id=f"{arm}-vgg16-{number:02d}", arm=arm, backbone="vgg16", run=number, images=images, f1=values, iou=values / 2,
        train_minutes=1.0,
    )  # fmt: skip


def test_differences_pair_the_runs_that_both_arms_have() -> None:
    scores = [
        run("real", 0, [0.1, 0.2]),
        run("real", 2, [0.3, 0.3]),
        run("mixed", 2, [0.5, 0.2]),
        run("mixed", 1, [1, 1]),
    ]
    found = differences(scores, base="real", arm="mixed", backbone="vgg16", score="f1")
    assert found == pytest.approx(np.array([[0.2, -0.1]]))
    assert differences(scores, base="real", arm="mixed", backbone="resnet152", score="f1").shape == (0, 0)


def test_quarters_hold_all_photos_in_order_and_their_gains() -> None:
    values = np.arange(16.0)
    gains = np.tile(np.repeat([0.0, 0.1, 0.2, 0.3], 4), (3, 1))
    found = by_quarter(gains, values, [f"spot-{place}" for place in range(16)])
    assert [each.photos for each in found] == [4, 4, 4, 4]
    assert [each.difference for each in found] == pytest.approx([0.0, 0.1, 0.2, 0.3])
    assert [(each.floor, each.ceiling) for each in found] == [(0, 3), (4, 7), (8, 11), (12, 15)]


def test_the_interval_is_that_of_the_primary_test_on_the_spots_of_the_quarter() -> None:
    rng = np.random.default_rng(1)
    gains = rng.normal(0.02, 0.05, (4, 24))
    units = [f"spot-{place // 2}" for place in range(24)]
    first = by_quarter(gains, np.arange(24.0), units)[0]
    contrast = crossed_effects.paired(crossed_effects.moments(crossed_effects.unit_means(gains[:, :6], units[:6])))
    assert first.units == 3
    assert first.difference == pytest.approx(float(contrast.difference))
    assert first.low is not None
    assert first.difference - first.low == pytest.approx(float(crossed_effects.half_width(contrast, 0.05)))


def test_an_interval_ends_where_no_gain_can_be() -> None:
    gains = np.random.default_rng(3).normal(0, 0.3, (2, 8))
    found = by_quarter(gains, np.arange(8.0), [f"spot-{place}" for place in range(8)])
    assert any((each.low, each.high) == (-1, 1) for each in found)
    assert all(-1 <= (each.low or 0) <= (each.high or 0) <= 1 for each in found)


def test_one_run_or_one_spot_gives_no_interval_and_ties_give_fewer_bins() -> None:
    gains = np.full((1, 8), 0.1)
    assert all(each.low is None for each in by_quarter(gains, np.arange(8.0), [str(place) for place in range(8)]))
    same = by_quarter(np.full((3, 8), 0.1), np.zeros(8), ["one"] * 8)
    assert [(each.photos, each.units, each.low) for each in same] == [(8, 1, None)]


def test_a_photo_is_described_by_its_mask_and_its_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    mask = np.zeros((10, 10), dtype=bool)
    mask[0, 0], mask[5:7, 5:7] = True, True
    monkeypatch.setattr(coco, "mask", lambda photo: mask)
    monkeypatch.setattr(coco, "image", lambda photo: np.full((10, 10, 3), (255, 0, 0), dtype=np.uint8))
    found = describe(None)  # type: ignore[arg-type]
    assert found == pytest.approx({"share": 0.05, "region": 0.025, "brightness": 0.2126})
    shown = {name: f"{found[name] * each.scale:.3g} {each.unit}".rstrip() for name, each in PROPERTIES.items()}
    assert shown == {"share": "5 %", "region": "2.5 %", "brightness": "21.3"}
    mask[9, :3] = True
    assert describe(None)["region"] == pytest.approx(0.03)  # type: ignore[arg-type]
    monkeypatch.setattr(coco, "mask", lambda photo: np.zeros((10, 10), dtype=bool))
    assert describe(None)["region"] == 0  # type: ignore[arg-type]
