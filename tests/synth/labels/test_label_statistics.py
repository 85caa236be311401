"""Statistics of masks, against numbers counted by hand; a mask of 512 x 512 pixels stays as it is."""

import numpy as np
import pytest

from corrotwin.synth.labels import label_statistics
from corrotwin.synth.labels.label_statistics import WORKING_SIDE, compare, measure, summarise


def square_mask(*corners: tuple[int, int, int]) -> np.ndarray:
    mask = np.zeros((WORKING_SIDE, WORKING_SIDE), bool)
    for x, y, side in corners:
        mask[y : y + side, x : x + side] = True
    return mask


def test_counts_of_two_squares_and_a_speck() -> None:
    counts = measure(square_mask((100, 100, 100), (300, 300, 20), (310, 10, 3)))
    assert counts.share == (100**2 + 20**2 + 3**2) / 512**2
    assert (counts.regions, counts.native_regions) == (3, 3)
    assert counts.small_regions == 1  # 0.1 % of the picture are 262 pixels; the square of 20 has 400
    assert [measure(square_mask((0, 0, side))).small_regions for side in (16, 17)] == [1, 0]  # 256 and 289 pixels
    assert counts.tiny_regions == 1  # 9 pixels
    assert counts.boundary == 4 * 99 + 4 * 19 + 8
    assert counts.closing == 0  # squares are convex and far apart


def test_regions_touching_at_a_corner_are_one() -> None:
    assert measure(square_mask((10, 10, 5), (15, 15, 5))).regions == 1


def test_the_edge_of_the_picture_is_no_boundary() -> None:
    assert measure(square_mask((0, 0, 100))).boundary == 2 * 100 - 1
    assert measure(square_mask((0, 0, 512))).boundary == 0


def test_closing_fills_a_gap_of_ten_pixels_and_none_of_twelve() -> None:
    def walls(gap: int) -> np.ndarray:
        mask = np.zeros((WORKING_SIDE, WORKING_SIDE), bool)
        mask[100:300, 100:150] = mask[100:300, 150 + gap : 200 + gap] = True
        return mask

    # The disc is 11 pixels wide: one row of it stands anywhere in a gap of 12 but not in one of 10.
    assert measure(walls(12)).closing == 0
    assert 0.9 * 10 * 200 < measure(walls(10)).closing < 10 * 200  # not to the very ends, where the disc comes in


def test_small_pictures_are_counted_at_the_working_size() -> None:
    mask = np.zeros((32, 64), bool)
    mask[8:16, 8:24] = True
    counts = measure(mask)  # eight times as large: 64 x 128 pixels
    assert (counts.area, counts.boundary, counts.regions) == (64 * 128, 2 * (64 + 128) - 4, 1)
    assert counts.share == 128 / 2048
    assert label_statistics.at_working_size(np.ones((1, 9999), bool)).shape == (1, 512)


def test_summary_of_four_images_by_hand() -> None:
    masks = [square_mask(), square_mask((0, 0, 256)), square_mask((100, 100, 50), (300, 300, 3)), square_mask()]
    summary = summarise([measure(mask) for mask in masks])
    large, small = 256**2 / 512**2, (50**2 + 9) / 512**2
    assert summary.images == 4
    assert summary.empty_images == 0.5
    assert summary.share_mean == pytest.approx((large + small) / 4)
    assert summary.share_lower_quartile == 0
    assert summary.share_median == pytest.approx(small / 2)  # of 0, 0, small, large
    assert summary.share_upper_quartile == pytest.approx(small + (large - small) / 4)
    assert (summary.regions_median, summary.regions_mean) == (1.5, 1.5)  # of 1 and 2
    assert summary.small_regions == summary.tiny_regions == pytest.approx(1 / 3)
    ratios = (2 * 256 - 1) / 256**2, (4 * 49 + 8) / (50**2 + 9)
    assert summary.boundary_to_area == pytest.approx(sum(ratios) / 2)
    assert summary.closing_gain == 0


def test_regions_that_vanish_at_the_working_size_are_counted_as_annotated() -> None:
    specks, large = np.zeros((2, 4 * WORKING_SIDE, 4 * WORKING_SIDE), bool)
    specks[:800:40, 0] = True
    large[:400, :400] = True
    summary = summarise([measure(specks), measure(large)])
    assert summary.tiny_regions == 20 / 21
    assert (summary.regions_mean, summary.empty_images) == (1, 0)


def test_nothing_to_count_gives_dashes() -> None:
    assert summarise([]).share_median is None
    clean_only = summarise([measure(square_mask())])
    assert clean_only.empty_images == 1
    assert clean_only.boundary_to_area is clean_only.regions_mean is None
    rows = label_statistics.table(compare(clean_only, None), beside_reference=False)
    assert ["boundary / area, median", "–"] in rows


@pytest.mark.parametrize(
    ("value", "reference", "ratio", "differs"),
    [
        (3.0, 2.0, 1.5, False),
        (3.1, 2.0, 1.55, True),
        (2.0, 3.0, 2 / 3, False),
        (1.9, 3.0, 1.9 / 3, True),
        (0.0, 0.0, 1.0, False),
        (0.0, 1.0, 0.0, True),
        (1.0, 0.0, None, True),
        (None, 1.0, None, False),
        (1.0, None, None, False),
    ],
)
def test_ratio_flags(value: float | None, reference: float | None, ratio: float | None, differs: bool) -> None:
    one, other = (
        label_statistics.Statistics(images=1, **dict.fromkeys(label_statistics.NAMES, each))
        for each in (value, reference)
    )
    for row in compare(one, other):
        assert row.ratio == (None if ratio is None else pytest.approx(ratio))
        assert row.differs == differs
