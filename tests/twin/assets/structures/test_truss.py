"""Trusses: nodes and members by arithmetic, rivets through what they join, a bowed diagonal, cut plates."""

import re
from collections import Counter

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from corrotwin.twin import assets
from corrotwin.twin.assets.structures import outlined_plates, truss
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry import atlas

PLAIN = {
    "length_m": 2.4, "height_m": 1.2, "panels": 2, "pattern": "x", "chord": "L 100x10", "brace": "L 70x7",
    "braces": "single", "gusset_mm": 10.0, "fastener": "rivets",
}  # fmt: skip
AREAS = {"L 70x7": 9.40e-4, "L 100x10": 19.2e-4, "UPE 140": 18.4e-4}  # m², as the standards print them


def parts(**change: object) -> dict[str, trimesh.Trimesh]:
    asset = assets.build("truss", {**PLAIN, **change}, texel_mm=60.0)
    return {
        name: trimesh.Trimesh(asset.vertices, asset.faces[asset.face_solid == index], process=True)
        for index, name in enumerate(asset.solid_names)
    }


def count(found: dict[str, trimesh.Trimesh]) -> Counter[str]:
    return Counter(re.sub(" [0-9]+", "", name) for name in found)


@pytest.mark.parametrize(
    ("pattern", "braces", "verticals", "diagonals", "counters"),
    [
        ("x", "single", 3, 2, 2),
        ("pratt", "single", 3, 2, 0),
        ("pratt", "double", 3, 2, 0),
        ("warren", "double", 2, 2, 0),
    ],
)
def test_members_are_those_of_the_pattern(
    pattern: str, braces: str, verticals: int, diagonals: int, counters: int
) -> None:
    found = count(parts(pattern=pattern, braces=braces))
    sides = 2 if braces == "double" else 1
    assert found["vertical front"] + found["vertical rear"] == sides * verticals
    assert found["diagonal front"] + found["diagonal rear"] == sides * diagonals
    assert found["counter rear"] == counters
    assert found["gusset"] == 6
    assert found["chord front lower"] == found["chord rear upper"] == 1


@pytest.mark.parametrize("chord", ["L 100x10", "UPE 140"])
def test_members_have_the_steel_of_their_length(chord: str) -> None:
    found = parts(chord=chord)
    bar = found["chord front lower"]
    assert bar.volume == pytest.approx(AREAS[chord] * np.ptp(bar.bounds[:, 0]), rel=0.006)
    # A diagonal spans the panel of 1.2 x 1.2 m, less what it keeps clear of chord and vertical at either end.
    high = {"L 100x10": 0.1, "UPE 140": 0.14}[chord]
    slope = np.sqrt(0.5)
    back = max((high / 2 + 0.01 + 0.035 * slope) / slope, (0.035 + 0.005 + 0.035 * slope) / slope)
    length = 1.2 / slope - 2 * back
    assert found["diagonal front 4"].volume == pytest.approx(AREAS["L 70x7"] * length, rel=0.006)


@pytest.mark.ci
def test_rivets_join_each_end_and_the_crossings() -> None:
    found = count(parts())
    assert found["rivet a rivet diagonal"] == found["rivet b rivet diagonal"] == 2 * 2 * 2  # two at each end of both
    assert found["rivet a rivet vertical"] == 3 * 2 * 2
    assert found["packing crossing"] == 2
    bolted = count(parts(fastener="bolts"))
    assert bolted["head bolt diagonal"] == bolted["nut b bolt diagonal"] == bolted["tip b bolt diagonal"] == 8


def test_front_and_rear_members_lie_on_the_faces_of_the_gussets() -> None:
    found = parts()
    plate = found["gusset 1"].bounds
    assert np.ptp(plate[:, 1]) == pytest.approx(0.010)
    for name, face in (
        ("diagonal front 4", 0),
        ("vertical front 1", 0),
        ("chord front lower", 0),
        ("counter rear 5", 1),
    ):
        assert found[name].bounds[1 - face, 1] == pytest.approx(plate[face, 1]), name
    assert found["chord rear lower"].bounds[0, 1] == pytest.approx(plate[1, 1])


@pytest.mark.parametrize(("braces", "pattern"), [("single", "x"), ("double", "pratt")])
def test_bow_is_the_parameter_midway_and_nothing_at_the_joints(braces: str, pattern: str) -> None:
    straight, bent = (parts(pattern=pattern, braces=braces, bow_mm=bow) for bow in (0.0, 35.0))
    moved = {}
    for name, part in straight.items():
        if name in bent and len(part.vertices) == len(bent[name].vertices):
            # By their names alone: bent members have more vertices.
            np.testing.assert_allclose(bent[name].bounds - bent["chord front lower"].bounds[0],
                                       part.bounds - straight["chord front lower"].bounds[0], atol=1e-9)  # fmt: skip
        elif name in bent:
            moved[name] = (part, bent[name])
    assert len(moved) == (2 if braces == "double" else 1)
    shift = bent["chord front lower"].bounds[0] - straight["chord front lower"].bounds[0]
    for before, after in moved.values():
        # Out of the plane along y; in it across the member, whose own axis joins the middles of its ends.
        low, high = before.bounds
        rising = before.vertices[before.vertices[:, 0] < low[0] + 0.03, 2].mean() < (low[2] + high[2]) / 2
        along = np.array([high[0] - low[0], 0.0, (1 if rising else -1) * (high[2] - low[2])])
        along /= np.linalg.norm(along)
        across = np.array([0.0, 1.0, 0.0]) if braces == "single" else np.array([along[2], 0.0, -along[0]])
        middle = (low + high) / 2
        place = after.vertices - shift - middle
        t = place @ along
        width = np.ptp((before.vertices - middle) @ across)
        offset = place @ across
        at = np.abs(t) < 0.012
        assert at.any()
        wide = np.ptp(offset[at])
        assert wide == pytest.approx(width, abs=3e-3)  # the section keeps its width
        base = (before.vertices - middle) @ across
        moved_by = max(offset[at].max() - base.max(), base.min() - offset[at].min())
        assert moved_by == pytest.approx(0.035, abs=1e-3)
        ends = np.abs(t) > np.abs(t).max() - 0.05
        assert offset[ends].max() <= base.max() + 1e-6
        assert offset[ends].min() >= base.min() - 1e-6


def test_a_bay_stands_on_base_plates() -> None:
    found = parts(stance="bay")
    post, plate = found["chord front lower"].bounds, found["base plate lower"].bounds
    assert plate[0, 2] == pytest.approx(0)
    assert post[0, 2] == pytest.approx(plate[1, 2])
    assert np.ptp(post[:, 2]) > 2.4
    assert count(found)["nut anchor lower"] == 2


@pytest.mark.parametrize("overall", [1.2, 1.5, 1.8])
def test_a_frame_is_as_long_as_asked_over_its_chords(overall: float) -> None:
    frame = {**PLAIN, "height_m": 0.6, "panels": 1, "chord": "L 80x8", "brace": "L 60x6"}
    del frame["length_m"]
    length = truss.truss_length(overall, **frame)
    asset = assets.build("truss", {**frame, "length_m": length}, texel_mm=60.0)
    assert np.ptp(asset.vertices[:, 0]) == pytest.approx(overall, abs=1e-6)
    assert truss.truss_length(0.7, **frame) is None


def test_a_steep_truss_is_closed() -> None:
    """Its gussets have lines that meet at rounded points."""
    given = {
        "length_m": 2.0448440277446616, "height_m": 4.925132399353407, "panels": 3, "pattern": "x", "chord": "L 70x7",
        "brace": "L 90x9", "braces": "single", "gusset_mm": 6.7362974442978825, "fastener": "rivets",
    }  # fmt: skip
    asset = assets.build("truss", given, texel_mm=6.0)
    assert assets.mesh(asset).is_watertight


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pattern": "k"}, "pratt, warren, x"),
        ({"chord": "I 20"}, "UPE 120"),
        ({"brace": "UPE 120"}, "L 60x6"),
        ({"fastener": "glue"}, "rivets, bolts"),
        ({"panels": 0}, "panels 0: give a whole number from 1 to 8"),
        ({"braces": "double"}, "single angles"),
        ({"panels": 8}, "larger panels or smaller angles"),
        ({"bow_mm": 400.0}, "of the free length"),
    ],
)
def test_impossible_trusses_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message) as refused:
        parts(**change)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.ci
def test_sampler_is_always_valid() -> None:
    bowed = 0
    for seed in range(200):
        drawn = truss.sample(np.random.default_rng(seed))
        bowed += drawn["bow_mm"] > 0
        assert truss.layout(**drawn)
        if seed % 10 == 0:
            truss.truss(**drawn)
    assert 30 < bowed < 120


@settings(max_examples=30, deadline=None)
@given(points=st.lists(st.tuples(st.floats(-0.4, 0.4), st.floats(-0.4, 0.4)), min_size=3, max_size=9),
       turn=st.floats(0, 3.1), line=st.floats(-0.3, 0.3))  # fmt: skip
def test_a_sheet_is_closed_whatever_lies_on_it(points: list[tuple[float, float]], turn: float, line: float) -> None:
    """Its volume is the area of its outline times its thickness, and each face is covered where it is said to be."""
    base = [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)]
    outline = outlined_plates.hull(base + points)
    cosine, sine = np.cos(turn), np.sin(turn)
    pad = np.array([(-0.2, -0.05), (0.2, -0.05), (0.2, 0.05), (-0.2, 0.05)]) @ np.array(
        [[cosine, sine], [-sine, cosine]]
    )
    pad = 0.8 * (pad + np.array([0.0, 0.26]))
    below = outlined_plates.clipped(outline, -0.45 + 0.1 * abs(line))
    patches = outlined_plates.sheet(
        "plate", outline, 0.01, ([below], [below, pad]), face="gusset", edge="edge", hidden_below=-0.45
    )
    asset = atlas.assemble("plate", {}, patches, thickness_mm=10.0, texel_mm=20.0)
    shape = assets.mesh(asset)
    assert shape.is_watertight
    assert shape.is_winding_consistent

    def area(polygon: np.ndarray) -> float:
        x, z = polygon.T
        return float(np.sum(x * np.roll(z, -1) - np.roll(x, -1) * z) / 2)

    assert shape.volume == pytest.approx(0.01 * area(outline), rel=1e-4)
    covered = shape.area_faces[asset.face_zone == asset.zone_names.index("covered")].sum()
    assert covered == pytest.approx(2 * area(below) + area(pad), rel=2e-3)
