import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco_mask
from scipy import ndimage

from corrotwin.segmentation.data import coco
from corrotwin.synth import spec
from corrotwin.synth.labels import masks
from corrotwin.synth.labels.masks import AssetFacts
from corrotwin.synth.presets.schema import LabelRule
from corrotwin.twin.assets import KINDS

mask_arrays = arrays(np.bool_, st.tuples(st.integers(1, 24), st.integers(1, 24)))


def label_map(mask: np.ndarray, instance: np.ndarray | int = 1) -> np.ndarray:
    """A label pass whose rust is `mask` and whose assets are `instance`."""
    return np.stack([mask * 0.9, mask * 0.1, np.broadcast_to(instance, mask.shape)], -1).astype(np.float32)


def union(shape: tuple[int, ...], annotations: list[dict[str, Any]]) -> np.ndarray:
    """The mask that pycocotools makes of annotations."""
    parts = [coco.rle(one["segmentation"], *shape) for one in annotations]
    return coco_mask.decode(coco_mask.merge(parts)).astype(bool) if parts else np.zeros(shape, bool)


def test_background_is_never_corroded() -> None:
    label = np.ones((4, 4, 3), np.float32)
    label[:, :2, 2] = 0
    assert masks.exact(label, 0.5).tolist() == [[False, False, True, True]] * 4


@given(mask_arrays)
def test_exact_policy_changes_nothing(mask: np.ndarray) -> None:
    assert (masks.annotated(label_map(mask), LabelRule(policy="exact")) == mask).all()


def test_stained_steel_counts_where_the_rule_says_so() -> None:
    label = np.zeros((20, 20, 4), np.float32)
    label[:10, :, 2] = 1  # steel, and below it something else
    label[:, 5:15, 3] = np.linspace(0, 0.9, 10)
    label[2, 1, 0] = 0.9
    rusted = np.zeros((20, 20), bool)
    rusted[2, 1] = True
    plain = LabelRule(closing_radius=0.0, smallest_region=0.0)
    assert (masks.annotated(label, plain) == rusted).all()
    stained = rusted.copy()
    stained[:10, 10:15] = True  # 0.5 to 0.9
    assert (masks.annotated(label, replace(plain, stain=0.45)) == stained).all()
    assert (masks.annotated(label, replace(plain, stain=0.45, policy="exact")) == rusted).all()


@given(mask_arrays, mask_arrays)
def test_annotator_bridges_gaps_but_never_leaves_the_asset(mask: np.ndarray, asset: np.ndarray) -> None:
    height, width = np.minimum(mask.shape, asset.shape)
    mask, asset = mask[:height, :width] & asset[:height, :width], asset[:height, :width]
    made = masks.annotated(label_map(mask, asset.astype(int)), LabelRule(closing_radius=0.2, smallest_region=0.0))
    assert not (made & ~asset).any()
    assert not (mask & ~made).any()


def test_annotator_skips_specks_and_fills_pinholes() -> None:
    mask = np.zeros((100, 100), bool)
    mask[10:40, 10:40] = True
    mask[20, 20] = False
    mask[80, 80] = True
    made = masks.annotated(label_map(mask), LabelRule(closing_radius=0.02, smallest_region=0.0004))
    assert made[20, 20]
    assert not made[80, 80]
    assert made.sum() == 900


def test_the_annotators_rule_is_in_shares_of_the_shorter_side() -> None:
    mask = np.zeros((100, 140), bool)
    mask[20:80, 20:40] = mask[20:80, 44:64] = True  # a gap of 4, twice the radius
    mask[20:80, 70:90] = mask[20:80, 96:116] = True  # a gap of 6
    made = masks.annotated(label_map(mask), LabelRule(closing_radius=0.02, smallest_region=0.0))
    assert made[50, 20:64].all()
    assert not made[50, 90:96].any()
    square = np.zeros((100, 140), bool)
    square[30:70, 30:70] = True
    for border, side in ((-0.02, 36), (0.0, 40), (0.02, 44)):
        rule = LabelRule(closing_radius=0.0, border=border, smallest_region=0.0)
        assert masks.annotated(label_map(square), rule)[50].sum() == side
    specks = np.zeros((100, 100), bool)
    specks[5, 5:8] = specks[50, 50:55] = True
    rule = LabelRule(closing_radius=0.0, smallest_region=0.0004)  # 4 of 10,000 pixels
    assert masks.annotated(label_map(specks), rule).sum(axis=1).nonzero()[0].tolist() == [50]


@given(mask_arrays, st.integers(1, 9))
def test_keep_larger_keeps_exactly_the_larger_regions(mask: np.ndarray, smallest: int) -> None:
    kept = masks.keep_larger(mask, smallest)
    before, count = ndimage.label(mask, np.ones((3, 3)))
    for index in range(1, count + 1):
        region = before == index
        assert kept[region].all() == (region.sum() >= smallest) == kept[region].any()
    assert not (kept & ~mask).any()


@given(mask_arrays, st.integers(0, 2**32 - 1))
def test_annotations_are_the_mask_again(mask: np.ndarray, seed: int) -> None:
    instance = np.random.default_rng(seed).integers(1, 4, mask.shape)
    found = masks.annotations(mask, label_map(mask, instance), 7, {}, 0.5)
    again = np.zeros_like(mask)
    for one in found:
        region = coco_mask.decode(one["segmentation"]).astype(bool)
        assert not (again & region).any()
        assert (instance[region] == one["attributes"]["asset_id"]).all()
        assert ndimage.label(region, np.ones((3, 3)))[1] == 1
        assert one["area"] == region.sum()
        rows, columns = np.nonzero(region)
        assert one["bbox"] == [
            columns.min(), rows.min(), columns.max() - columns.min() + 1, rows.max() - rows.min() + 1
        ]  # fmt: skip
        again |= region
    assert (again == mask).all()


def test_clean_image_has_no_annotations() -> None:
    assert masks.annotations(np.zeros((8, 8), bool), label_map(np.zeros((8, 8), bool)), 1, {}, 0.5) == []


@pytest.mark.parametrize("polygons", [False, True])
def test_five_hundred_parts_of_a_pixel_or_a_few_come_back_whole(polygons: bool) -> None:
    mask = np.zeros((60, 100), bool)
    mask[1::3, ::4] = True
    mask[1:30:3, 1::4] = True  # the upper half of the parts is two pixels wide
    found = masks.annotations(mask, label_map(mask), 1, {}, 0.5, polygons=polygons)
    assert len(found) == 500
    assert {one["area"] for one in found} == {1, 2}
    assert (union(mask.shape, found) == mask).all()
    if polygons:
        assert {one["polygon_iou"] for one in found} == {1.0}


def test_holes_are_kept_by_run_lengths_and_measured_by_outlines() -> None:
    mask = np.zeros((20, 20), bool)
    mask[2:12, 2:12] = True
    mask[5:10, 5:9] = False
    mask[7, 7] = True  # within the hole: a region of its own
    exact, outlined = (masks.annotations(mask, label_map(mask), 1, {}, 0.5, polygons=each) for each in (False, True))
    assert (union(mask.shape, exact) == mask).all()
    assert [one["area"] for one in outlined] == [100, 1]
    assert [one["polygon_iou"] for one in outlined] == [0.8, 1.0]
    assert [one["attributes"] for one in exact] == [one["attributes"] for one in outlined]


def test_attributes_are_measured_on_the_region() -> None:
    label = label_map(np.ones((4, 6), bool))
    label[:, 3:, 2] = 2
    label[:, :3, 1] = np.array([0.0, 0.1, 0.45])
    label[0, 5, 1] = 3.5
    known = {
        1: AssetFacts(kind="plate", thickness_mm=10.0, visible=0.123456),
        2: AssetFacts(kind="pipe", thickness_mm=10.0),
    }
    one, two = masks.annotations(masks.exact(label, 0.5), label, 3, known, 0.5)
    assert one["attributes"] == {
        "asset_id": 1, "severity": "CS2", "mean_loss_mm": 0.1833, "max_loss_mm": 0.45, "visible_share": 0.1235
    }  # fmt: skip
    assert two["attributes"] == {
        "asset_id": 2, "severity": "CS4", "mean_loss_mm": 0.3833, "max_loss_mm": 3.5
    }  # fmt: skip
    json.dumps([one, two])


def test_the_same_rust_is_as_bad_whatever_the_rule_takes_in_beside_it() -> None:
    label = np.zeros((100, 100, 4), np.float32)
    label[..., 2] = 1
    label[35:65, 35:65, 3], label[80:90, 80:90, 3] = 0.9, 0.9
    label[40:44, 40:50, :2] = label[46:50, 40:50, :2] = 0.9, 1.5  # with a gap to bridge
    label[5:15, 5:15, :2] = 0.4, 0.2  # of which no rust is to be seen: below the threshold
    found = {}
    for name, rule in (("plain", LabelRule(closing_radius=0.02)), ("stained", LabelRule(stain=0.4))):
        mask = masks.annotated(label, rule)
        made = masks.annotations(mask, label, 1, {1: AssetFacts(thickness_mm=10.0)}, rule.threshold)
        found[name] = [(one["area"], one["attributes"]) for one in made]
    rusted = {"asset_id": 1, "severity": "CS4", "mean_loss_mm": 1.5, "max_loss_mm": 1.5}
    sound = {"asset_id": 1, "severity": "CS1", "mean_loss_mm": 0.0, "max_loss_mm": 0.0}
    assert found == {"plain": [(96, rusted)], "stained": [(900, rusted), (100, sound)]}


def test_each_asset_in_view_is_one_instance() -> None:
    label = label_map(np.zeros((10, 10), bool), 0)
    label[:5, :, 2], label[8:, :, 2] = 7, 7  # in two parts, one fifth of it rusted
    label[0, :, 0], label[9, :4, 0] = 0.9, 0.9
    label[6, :, 2] = 2
    known = {
        2: AssetFacts(kind="bar", visible=1.0),
        5: AssetFacts(kind="bolt"),
        7: AssetFacts(kind="chain", visible=0.5),
    }
    bar, chain = masks.asset_annotations(label, 4, known, 0.5)
    assert bar["attributes"] == {"asset_id": 2, "rusted_percent": 0.0, "iso_4628_3": "Ri 0", "visible_share": 1.0}
    assert chain["attributes"] == {"asset_id": 7, "rusted_percent": 20.0, "iso_4628_3": "Ri 5", "visible_share": 0.5}
    assert [list(KINDS)[one["category_id"] - 1] for one in (bar, chain)] == ["bar", "chain"]
    assert (union((10, 10), [chain]) == (label[..., 2] == 7)).all()
    (_, again) = masks.asset_annotations(label, 4, known, 0.5, polygons=True)
    assert (union((10, 10), [again]) == (label[..., 2] == 7)).all()
    assert again["polygon_iou"] == 1.0


def test_what_is_known_of_assets_comes_from_scene_and_view() -> None:
    def body(number: int) -> spec.Body:
        kind, thickness_mm = f"kind {number}", 2.0 * number
        return spec.Body(file="", pose=(), finish=None, instance=number, kind=kind, thickness_mm=thickness_mm)

    scene = spec.Scene(samples=1, seed=0, bodies=(body(1), body(2)), props=(), light=None, views=())
    view = spec.View(index=0, pose=(), lens=spec.Lens.wide(8, 8, 1.0), visible=(0.25, 0.5))
    assert masks.asset_facts(scene, view) == {
        1: AssetFacts(kind="kind 1", thickness_mm=2.0, visible=0.25),
        2: AssetFacts(kind="kind 2", thickness_mm=4.0, visible=0.5),
    }
    assert masks.asset_facts(scene, replace(view, visible=()))[2].visible is None


@pytest.mark.parametrize("policy", ["annotator", "exact"])
def test_one_pixel_image(policy: str) -> None:
    label = label_map(np.ones((1, 1), bool))
    assert masks.annotated(label, LabelRule(policy=policy)).all()


@pytest.mark.parametrize("policy", ["exact", "annotator"])
def test_masks_are_nested_as_rust_grows(policy: str) -> None:
    rule = LabelRule(policy=policy, closing_radius=0.03, smallest_region=0.002)
    cover = ndimage.gaussian_filter(np.random.default_rng(0).random((96, 96)), 3)
    cover = ((cover - cover.min()) / np.ptp(cover)).astype(np.float32)
    mask_arrays = [
        masks.annotated(np.stack([np.clip(cover * grown, 0, 1), cover, np.ones_like(cover)], -1), rule)
        for grown in (0.5, 0.7, 0.9, 1.2)
    ]
    for before, after in pairwise(mask_arrays):
        assert not (before & ~after).any()
        assert before.sum() < after.sum()


def test_border_moves_outlines_and_spares_what_is_thin() -> None:
    mask = np.zeros((40, 40), bool)
    mask[5:25, 5:25] = True
    mask[30:32, 3:37] = True  # too thin to lose a pixel on both sides
    for by, width in ((0.3, 20), (1.0, 22), (2.0, 24), (-0.3, 20), (-1.0, 18), (-2.0, 16), (0.0, 20)):
        moved = masks.bordered(mask, by)
        assert moved[15].sum() == width
        assert moved[:28, 15].sum() == width
        assert moved[30:32, 3:37].all()
    assert not masks.bordered(np.zeros((8, 8), bool), 2.0).any()
    assert not masks.bordered(np.zeros((8, 8), bool), -2.0).any()
    assert masks.bordered(np.ones((8, 8), bool), -2.0).all()
    half = np.zeros((20, 20), bool)
    half[:, :10] = True
    assert masks.bordered(half, -1.0)[:, :9].all()  # beyond the picture nothing is outside


def test_clean_asset_in_front_of_rust_is_not_labelled() -> None:
    label = np.zeros((64, 64, 3), np.float32)
    label[..., 0], label[..., 2] = 1, 1  # a rusted plate
    label[:, 30:33] = 0, 0, 2  # a clean rail before it
    mask = masks.annotated(label, LabelRule(closing_radius=0.08, smallest_region=0.0))
    assert not mask[:, 30:33].any()
    assert mask[:, :30].all()
    found = masks.annotations(mask, label, 1, {}, 0.5)
    assert [one["attributes"]["asset_id"] for one in found] == [1, 1]


def test_no_annotation_is_below_the_smallest_region() -> None:
    label = np.zeros((50, 50, 3), np.float32)
    label[10:40, 10:40] = 1, 0, 1
    label[20:22, 40:42] = 1, 0, 2  # a sliver of another asset, beside
    mask = masks.annotated(label, LabelRule(closing_radius=0.02, smallest_region=0.004))
    assert [one["area"] for one in masks.annotations(mask, label, 1, {}, 0.5)] == [900]


def test_an_asset_of_which_nothing_is_known_has_no_thickness_to_lose() -> None:
    assert AssetFacts(kind="plate").thickness_mm == 0
