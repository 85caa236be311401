import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco_mask
from scipy import ndimage

from synth import labels
from synth.config import LabelRule

masks = arrays(np.bool_, st.tuples(st.integers(1, 24), st.integers(1, 24)))


def label_map(mask: np.ndarray, instance: np.ndarray | int = 1) -> np.ndarray:
    """A label pass whose rust is `mask` and whose assets are `instance`."""
    return np.stack([mask * 0.9, mask * 0.1, np.broadcast_to(instance, mask.shape)], -1).astype(np.float32)


def test_background_is_never_corroded() -> None:
    label = np.ones((4, 4, 3), np.float32)
    label[:, :2, 2] = 0
    assert labels.exact(label, 0.5).tolist() == [[False, False, True, True]] * 4


@given(masks)
def test_exact_policy_changes_nothing(mask: np.ndarray) -> None:
    assert (labels.annotated(label_map(mask), LabelRule(policy="exact")) == mask).all()


@given(masks, masks)
def test_annotator_bridges_gaps_but_never_leaves_the_asset(mask: np.ndarray, asset: np.ndarray) -> None:
    height, width = np.minimum(mask.shape, asset.shape)
    mask, asset = mask[:height, :width] & asset[:height, :width], asset[:height, :width]
    made = labels.annotated(label_map(mask, asset.astype(int)), LabelRule(closing_radius=0.2, smallest_region=0.0))
    assert not (made & ~asset).any()
    assert not (mask & ~made).any()


def test_annotator_skips_specks_and_fills_pinholes() -> None:
    mask = np.zeros((100, 100), bool)
    mask[10:40, 10:40] = True
    mask[20, 20] = False
    mask[80, 80] = True
    made = labels.annotated(label_map(mask), LabelRule(closing_radius=0.02, smallest_region=0.0004))
    assert made[20, 20]
    assert not made[80, 80]
    assert made.sum() == 900


@given(masks, st.integers(1, 9))
def test_keep_larger_keeps_exactly_the_larger_regions(mask: np.ndarray, smallest: int) -> None:
    kept = labels.keep_larger(mask, smallest)
    before, count = ndimage.label(mask, np.ones((3, 3)))
    for index in range(1, count + 1):
        region = before == index
        assert kept[region].all() == (region.sum() >= smallest) == kept[region].any()
    assert not (kept & ~mask).any()


@given(masks, st.integers(0, 2**32 - 1))
def test_annotations_are_the_mask_again(mask: np.ndarray, seed: int) -> None:
    instance = np.random.default_rng(seed).integers(1, 4, mask.shape)
    found = labels.annotations(mask, instance, image_id=7)
    again = np.zeros_like(mask)
    for one in found:
        region = coco_mask.decode(one["segmentation"]).astype(bool)
        assert not (again & region).any()
        assert (instance[region] == one["asset"]).all()
        assert ndimage.label(region, np.ones((3, 3)))[1] == 1
        assert one["area"] == region.sum()
        rows, columns = np.nonzero(region)
        assert one["bbox"] == [
            columns.min(), rows.min(), columns.max() - columns.min() + 1, rows.max() - rows.min() + 1
        ]  # fmt: skip
        again |= region
    assert (again == mask).all()


def test_clean_image_has_no_annotations() -> None:
    assert labels.annotations(np.zeros((8, 8), bool), np.ones((8, 8)), 1) == []


@pytest.mark.parametrize("policy", ["annotator", "exact"])
def test_one_pixel_image(policy: str) -> None:
    label = label_map(np.ones((1, 1), bool))
    assert labels.annotated(label, LabelRule(policy=policy)).all()
