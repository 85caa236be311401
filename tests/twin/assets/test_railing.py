"""Railings: heights and gaps that the rules ask for, and joints that fit."""

import re

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from corrotwin.twin import assets
from corrotwin.twin.assets import railing
from corrotwin.twin.core.errors import InputError

PLAIN = {
    "length_m": 2.0,
    "height_m": 1.1,
    "posts": 3,
    "post": "tube 48",
    "handrail": "tube 48",
    "infill": "rails",
    "rails": 2,
    "ends": "capped",
    "toe_plate": False,
    "base": "round",
}


NARROW = {("tube 60", "tube 48"), ("tube 60", "flat")}  # handrails that such posts would stand out from


def parts(**change: object) -> dict[str, trimesh.Trimesh]:
    asset = assets.build("railing", {**PLAIN, **change}, texel_mm=40.0)
    return {
        name: trimesh.Trimesh(asset.vertices, asset.faces[asset.face_solid == index], process=True)
        for index, name in enumerate(asset.solid_names)
    }


@pytest.mark.parametrize(
    ("post", "handrail"), [(p, h) for p in railing.POSTS for h in railing.HANDRAILS if (p, h) not in NARROW]
)
def test_handrail_lies_on_every_post(post: str, handrail: str) -> None:
    found = parts(post=post, handrail=handrail)
    assert found["handrail"].bounds[1, 2] == pytest.approx(1.1)
    middles = [found[f"post {number}"].bounds.mean(axis=0)[0] for number in (1, 2, 3)]
    np.testing.assert_allclose(middles, [-1, 0, 1], atol=1e-9)
    across = railing.HANDRAILS[handrail][0] / 1000
    axis = found["handrail"].bounds.mean(axis=0)[2]
    for number in (1, 2, 3):
        top = found[f"post {number}"].vertices
        top = top[top[:, 2] > 1.0]
        if handrail == "flat":
            np.testing.assert_allclose(top[:, 2], 1.09, atol=0.001)
        else:  # cut to the round of the handrail, and a little into it
            away = np.hypot(top[:, 1], top[:, 2] - axis) - across / 2
            assert -0.001 < away.min() <= away.max() < 0.0005


@pytest.mark.parametrize(
    ("post", "half"), [("tube 48", 0.02415), ("tube 60", 0.03015), ("square", 0.02), ("flat", 0.006)]
)
def test_mid_rails_reach_from_post_to_post(post: str, half: float) -> None:
    found = parts(post=post, handrail="tube 60")
    rail = found["rail 1 1"].bounds
    assert rail[0, 0] == pytest.approx(-1 + half, abs=half)
    ends = found["rail 1 1"].vertices
    near = ends[ends[:, 0] < -0.5]
    reach = np.hypot(near[:, 0] + 1, near[:, 1]) if post.startswith("tube") else near[:, 0] + 1
    np.testing.assert_allclose(reach, half, atol=8e-4)
    heights = [found[f"rail 1 {number}"].bounds.mean(axis=0)[2] for number in (1, 2)]
    np.testing.assert_allclose(heights, [0.36, 0.72], atol=1e-9)


@pytest.mark.parametrize("post", ["tube 48", "flat"])
def test_pickets_leave_gaps_too_narrow_for_a_child(post: str) -> None:
    found = parts(infill="pickets", post=post)
    middles = np.sort(
        [
            part.bounds.mean(axis=0)[0]
            for name, part in found.items()
            if name.startswith("picket ") and "weld" not in name
        ]
    )
    for left, right in ((-1, 0), (0, 1)):
        bay = middles[(middles > left) & (middles < right)]
        gaps = np.diff([left, *bay, right]) - railing.PICKET
        assert 0.05 < gaps.min() <= gaps.max() <= 0.11
    low, high = found["picket 5 1"].bounds[:, 2]
    assert found["rail 1 1"].bounds[1, 2] - 0.004 < low < high < found["rail 1 2"].bounds[0, 2] + 0.004


def test_returned_handrail_comes_back_to_the_post() -> None:
    found = parts(ends="returned")
    ends = found["handrail"].vertices
    np.testing.assert_allclose(found["handrail"].bounds[:, 0], [-1 - 0.19 - 0.02415, 1 + 0.19 + 0.02415], atol=1e-4)
    below = ends[(ends[:, 2] < 0.8) & (ends[:, 0] > 0)]
    tips = below[below[:, 0] < 1.03]
    np.testing.assert_allclose(np.hypot(tips[:, 0] - 1, tips[:, 1]), 0.02415, atol=7e-4)
    assert tips[:, 2].mean() == pytest.approx(0.72, abs=0.002)


def test_toe_plate_touches_the_posts_over_their_bolts() -> None:
    found = parts(toe_plate=True, base="square")
    toe = found["toe plate"].bounds
    assert toe[0, 1] == pytest.approx(found["post 1"].bounds[1, 1], abs=1e-6)
    assert toe[0, 2] > max(part.bounds[1, 2] for name, part in found.items() if name.startswith("tip"))
    assert np.ptp(toe[:, 2]) == pytest.approx(railing.TOE[0])


@pytest.mark.parametrize("base", railing.BASES)
def test_bases_carry_four_fasteners_clear_of_weld_and_edge(base: str) -> None:
    found = parts(base=base)
    plate, weld = found["base 1"].bounds, found["foot weld 1"].bounds
    heads = [
        p.bounds for n, p in found.items() if n.startswith("bolt" if base == "round" else "washer") and n.endswith(" 1")
    ]
    assert len(heads) == 4
    for low, high in heads:
        assert (low[:2] > plate[0, :2]).all()
        assert (high[:2] < plate[1, :2]).all()
        assert np.maximum(low[:2] - weld[1, :2], weld[0, :2] - high[:2]).max() > -0.012  # at the corners of its box


@settings(max_examples=8)
@given(
    length_m=st.floats(0.5, 4.0),
    height_m=st.floats(0.8, 1.6),
    posts=st.integers(2, 5),
    post=st.sampled_from(list(railing.POSTS)),
    handrail=st.sampled_from(list(railing.HANDRAILS)),
    infill=st.sampled_from(railing.INFILLS),
    rails=st.integers(1, 4),
    ends=st.sampled_from(railing.ENDS),
    toe_plate=st.booleans(),
    base=st.sampled_from(railing.BASES),
)
def test_whatever_is_not_refused_is_a_closed_railing(**parameters: object) -> None:
    try:
        asset = assets.build("railing", parameters, texel_mm=60.0)
    except InputError as error:
        assert re.search("between posts|returned|as wide as", str(error))  # noqa: PT017
        return
    assert assets.mesh(asset).is_watertight
    assert asset.vertices[:, 2].max() == pytest.approx(parameters["height_m"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"post": "wood"}, "tube 48, tube 60, square, flat"),
        ({"handrail": "rope"}, "tube 48, tube 60, flat"),
        ({"infill": "glass"}, "rails, pickets"),
        ({"ends": "open"}, "capped, returned"),
        ({"base": "none"}, "round, square"),
        ({"height_m": float("nan")}, "0.8 to 1.6 m"),
        ({"length_m": -1.0}, "0.5 to 20 m"),
        ({"rails": 0}, "rails 0: give a whole number from 1 to 4"),
        ({"posts": 8}, "0.4 m between posts"),
        ({"post": "tube 60"}, "as wide as the posts"),
        ({"ends": "returned", "handrail": "tube 60"}, "choose ends 'capped'"),
        ({"ends": "returned", "post": "flat"}, "choose ends 'capped'"),
    ],
)
def test_impossible_railings_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        assets.build("railing", {**PLAIN, **change}, texel_mm=40.0)
