"""Beams and columns: what they are made of, and that the parts fit."""

import re
from collections import Counter

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from corrotwin.twin import assets
from corrotwin.twin.assets import beam
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry import section_sizes

PLAIN = {
    "section": "HEB 200",
    "length_m": 1.5,
    "stance": "beam",
    "joint": "none",
    "joint_m": 0.75,
    "stiffeners": 0,
    "end_plate": False,
}


def parts(**change: object) -> dict[str, trimesh.Trimesh]:
    asset = assets.build("beam", {**PLAIN, **change}, texel_mm=40.0)
    return {
        name: trimesh.Trimesh(asset.vertices, asset.faces[asset.face_solid == index], process=True)
        for index, name in enumerate(asset.solid_names)
    }


def test_beam_lies_on_its_blocks_with_the_web_upright() -> None:
    found = parts()
    assert set(found) == {"beam 1", "block 1", "block 2"}
    np.testing.assert_allclose(found["beam 1"].bounds, [[-0.75, -0.1, 0.08], [0.75, 0.1, 0.28]], atol=1e-9)
    assert found["beam 1"].volume * 7850 == pytest.approx(61.3 * 1.5, rel=5e-3)  # kg/m of EN 10365
    assert found["block 1"].bounds[1, 2] == pytest.approx(0.08)


def test_a_beam_that_others_carry_is_the_same_without_blocks() -> None:
    borne, free = parts(stiffeners=2), parts(stiffeners=2, blocks=False)
    assert set(borne) - set(free) == {"block 1", "block 2"}
    np.testing.assert_allclose(free["beam 1"].bounds, borne["beam 1"].bounds - [0, 0, 0.08], atol=1e-9)
    assert set(free) < set(borne)


def test_column_stands_on_its_base_plate() -> None:
    found = parts(stance="column")
    thickness = np.ptp(found["base plate"].bounds[:, 2])
    np.testing.assert_allclose(found["beam 1"].bounds[:, 2], [thickness, 1.5 + thickness])
    assert sum(name.startswith("nut") for name in found) == 4
    nuts = np.array([part.bounds for name, part in found.items() if name.startswith("nut")])
    plate = found["base plate"].bounds
    assert (nuts[:, 0, :2] > plate[0, :2]).all()
    assert (nuts[:, 1, :2] < plate[1, :2]).all()


@pytest.mark.parametrize(("joint", "bars"), [("end plates", 2), ("splice", 2), ("cleats", 1)])
def test_joint_is_bolted_through(joint: str, bars: int) -> None:
    found = Counter(re.sub(r"[0-9]+", "#", name).split(" ")[0] for name in parts(joint=joint))
    assert found["beam"] == bars
    assert found["head"] == found["nut"] == found["tip"] == found["washer"] / 2 > 3


def test_spliced_ends_leave_a_gap_that_the_covers_bridge() -> None:
    found = parts(joint="splice")
    left, right = found["beam 1"].bounds[1, 0], found["beam 2"].bounds[0, 0]
    assert right - left == pytest.approx(beam.GAP_M)
    for name in ("top cover", "bottom cover", "front cover", "rear cover"):
        assert found[name].bounds[0, 0] < left - 0.05 < right + 0.05 < found[name].bounds[1, 0]
    web = found["beam 1"].bounds.mean(axis=0)[1]
    assert found["front cover"].bounds[1, 1] == pytest.approx(web - 0.0045)  # against the web of 9 mm
    assert found["top cover"].bounds[0, 2] == pytest.approx(found["beam 1"].bounds[1, 2])


def test_framed_beam_fits_between_the_flanges_in_front() -> None:
    found = parts(joint="cleats", section="HEB 300")
    main, framed = found["beam 1"].bounds, found["framed beam"].bounds
    assert framed[0, 2] > main[0, 2] + 0.019 + 0.027
    assert framed[1, 2] < main[1, 2] - 0.019 - 0.027
    web = main.mean(axis=0)[1] - 0.0055
    assert framed[1, 1] == pytest.approx(web - 0.01)
    for name in ("cleat left", "cleat right"):
        assert found[name].bounds[1, 1] == pytest.approx(web)


def test_head_plate_has_open_holes() -> None:
    asset = assets.build("beam", {**PLAIN, "end_plate": True}, texel_mm=10.0)
    holes = asset.face_zone == asset.zone_names.index("hole")
    area = assets.mesh(asset).area_faces[holes].sum()
    count, bolt, thickness = 4, 0.016, 0.017
    assert area == pytest.approx(count * np.pi * (bolt + 0.002) * thickness, rel=0.02)


@pytest.mark.parametrize("section", section_sizes.BEAMS)
@pytest.mark.parametrize("joint", ["end plates", "splice", "cleats"])
def test_bolts_lie_flat_on_steel(section: str, joint: str) -> None:
    """No washer reaches into the rounding at the root, over a toe, or into its neighbour."""
    try:
        patches, _ = beam.beam(**{**PLAIN, "section": section, "joint": joint})
    except InputError as error:
        assert re.search("narrow|deep", str(error))  # noqa: PT017
        return
    b, tw, r = (section_sizes.BEAMS[section][index] / 1000 for index in (1, 2, 4))
    washers = {}
    for patch in patches:
        if patch.solid.startswith("washer"):
            washers.setdefault(patch.solid, []).append(patch.points.reshape(-1, 3))
    boxes = np.array([[p.min(axis=0), p.max(axis=0)] for p in map(np.concatenate, washers.values())])
    upright = np.ptp(boxes, axis=1).argmin(axis=1) == 2  # on flanges
    low, high = np.abs(boxes[upright][..., 1]).min(axis=1), np.abs(boxes[upright][..., 1]).max(axis=1)
    assert (low >= tw / 2 + r).all()
    assert (high <= b / 2 + 1e-9).all()
    apart = np.maximum(boxes[:, None, 0] - boxes[None, :, 1], boxes[None, :, 0] - boxes[:, None, 1]).max(axis=2)
    assert (apart[~np.eye(len(boxes), dtype=bool)] > 0).all()


@pytest.mark.ci
@settings(max_examples=10)
@given(
    section=st.sampled_from(list(section_sizes.BEAMS)),
    length_m=st.floats(0.8, 4.0),
    stance=st.sampled_from(beam.STANCES),
    joint=st.sampled_from(beam.JOINTS),
    place=st.floats(0.3, 0.7),
    stiffeners=st.integers(0, 4),
    end_plate=st.booleans(),
)
def test_whatever_is_not_refused_is_a_closed_beam(
    section: str, length_m: float, stance: str, joint: str, place: float, stiffeners: int, end_plate: bool
) -> None:
    parameters = {
        "section": section,
        "length_m": length_m,
        "stance": stance,
        "joint": joint,
        "joint_m": place * length_m,
        "stiffeners": stiffeners,
        "end_plate": end_plate,
    }
    try:
        asset = assets.build("beam", parameters, texel_mm=60.0)
    except InputError as error:
        assert re.search("narrow|deep|short", str(error))  # noqa: PT017
        return
    assert assets.mesh(asset).is_watertight
    assert asset.nominal_thickness_mm == section_sizes.BEAMS[section][2]
    assert sum("stiffener" in name for name in asset.solid_names) == 2 * stiffeners


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"section": "IPE 45"}, "EN 10365"),
        ({"stance": "leaning"}, "beam, column"),
        ({"joint": "glue"}, "end plates, splice, cleats"),
        ({"length_m": float("nan")}, "0.3 to 20 m"),
        ({"length_m": -1.0}, "0.3 to 20 m"),
        ({"joint_m": 1.4}, "joint_m 1.4: "),
        ({"stiffeners": 20, "length_m": 0.5, "joint_m": 0.25}, "too short"),
        ({"section": "IPE 100", "joint": "splice"}, "too narrow"),
        ({"section": "HEA 120", "joint": "cleats"}, "not deep enough"),
    ],
)
def test_impossible_beams_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        assets.build("beam", {**PLAIN, **change}, texel_mm=40.0)


@pytest.mark.ci
def test_the_smallest_sections_are_drawn_with_joints_they_can_hold() -> None:
    drawn = [beam.sample(np.random.default_rng(seed)) for seed in range(400)]
    small = [one for one in drawn if section_sizes.BEAMS[one["section"]][0] <= 120]
    assert len(small) > 25
    for one in small:
        beam.beam(**one)
