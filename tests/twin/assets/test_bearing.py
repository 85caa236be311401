"""Bridge bearings: what rests on what, and how they move."""

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from corrotwin.twin import assets
from corrotwin.twin.assets import bearing, pedestal
from corrotwin.twin.core.errors import InputError

PLAIN = {
    "design": "rocker",
    "height_m": 0.35,
    "width_m": 0.3,
    "travel_mm": 0.0,
    "ribs": 3,
    "anchors": 2,
    "girder": "none",
}


def parts(**change: object) -> dict[str, trimesh.Trimesh]:
    """Solids by name, the middle of the sole plate over the origin."""
    asset = assets.build("bearing", {**PLAIN, **change}, texel_mm=40.0)
    found = {
        name: trimesh.Trimesh(asset.vertices, asset.faces[asset.face_solid == index], process=True)
        for index, name in enumerate(asset.solid_names)
    }
    middle = found["sole plate"].bounds.mean(axis=0)
    for part in found.values():
        part.apply_translation([-middle[0], -middle[1], 0])
    return found


@pytest.mark.parametrize(
    ("design", "height_m"), [("rocker", 0.35), ("pinned", 0.4), ("rollers", 0.1), ("sliding", 0.1)]
)
def test_plates_are_the_height_apart(design: str, height_m: float) -> None:
    found = parts(design=design, height_m=height_m)
    floor = max(found[name].bounds[1, 2] for name in ("masonry plate", "bed plate") if name in found)
    assert found["sole plate"].bounds[0, 2] - floor == pytest.approx(height_m)
    assert sum(name.startswith("nut anchor") for name in found) == 2


@pytest.mark.parametrize("travel_mm", [-35.0, 0.0, 20.0])
def test_rocker_rolls_on_its_plate(travel_mm: float) -> None:
    """Its foot is a circle about the pin: it touches the plate under the pin however far it leans."""
    found = parts(travel_mm=travel_mm)
    floor = found["bed plate"].bounds[1, 2]
    foot = found["rocker foot"].vertices
    low = foot[foot[:, 2].argmin()]
    assert low[2] == pytest.approx(floor, abs=2e-4)
    assert low[0] == pytest.approx(0.0, abs=0.01)  # the pin is under the middle of the sole plate
    assert found["masonry plate"].bounds.mean(axis=0)[0] == pytest.approx(-travel_mm / 1000)
    level = found["pin"].bounds.mean(axis=0)[2]
    rib = found["rib 1"].vertices
    assert np.hypot(rib[:, 0], rib[:, 2] - level).min() == pytest.approx(0.03 + 0.05 * 0.35, rel=1e-3)  # on the pin


@pytest.mark.parametrize("travel_mm", [-9.0, 0.0, 9.0])
def test_rollers_roll_half_as_far_as_the_girder(travel_mm: float) -> None:
    found = parts(design="rollers", height_m=0.1, travel_mm=travel_mm)
    rollers = [part for name, part in found.items() if name.startswith("roller")]
    middles = np.array([part.bounds.mean(axis=0) for part in rollers])
    assert middles[:, 0].mean() == pytest.approx(-travel_mm / 2000)
    assert found["masonry plate"].bounds.mean(axis=0)[0] == pytest.approx(-travel_mm / 1000)
    assert np.diff(np.sort(middles[:, 0])).min() > 0.1  # apart
    for part in rollers:
        assert part.volume == pytest.approx(np.pi * 0.05**2 * 0.3, rel=4e-3)
        assert part.bounds[1, 2] == pytest.approx(found["sole plate"].bounds[0, 2])


def test_pedestals_hold_the_pin_from_both_sides_and_do_not_meet() -> None:
    found = parts(design="pinned", height_m=0.5)
    lower = max(part.bounds[1, 2] for name, part in found.items() if name.startswith("rib") and "lower" in name)
    upper = min(part.bounds[0, 2] for name, part in found.items() if name.startswith("rib") and "upper" in name)
    assert upper - lower == pytest.approx(2 * pedestal.GAP)
    caps = [found[f"pin cap {side}"].bounds for side in ("front", "rear")]
    assert caps[0][1, 1] == pytest.approx(-0.15)  # against the outer ribs
    assert caps[1][0, 1] == pytest.approx(0.15)
    assert sum(name.startswith("web") and "weld" not in name for name in found) == 2 * 2


def test_girder_stands_on_the_sole_plate_stiffened_over_the_bearing() -> None:
    found = parts(girder="HEB 260")
    assert found["girder"].bounds[0, 2] == pytest.approx(found["sole plate"].bounds[1, 2])
    assert found["girder"].bounds[0, 0] < found["sole plate"].bounds[0, 0]
    assert found["stiffener left 1"].bounds.mean(axis=0)[0] == pytest.approx(0.0, abs=1e-6)


def test_a_plate_girder_goes_on_for_its_span_and_is_stiffened_on_its_way() -> None:
    """From the edge of the sole plate; stiffeners at 1.2 depths, so that two panels fit into three metres."""
    found = parts(girder="girder 1000", span_m=3.0)
    low, high = found["girder"].bounds
    assert high[2] - low[2] == pytest.approx(1.0)
    assert high[0] - found["sole plate"].bounds[1, 0] == pytest.approx(3.0)
    places = sorted(part.bounds.mean(axis=0)[0] for name, part in found.items() if name.startswith("stiffener left"))
    assert places == pytest.approx([-0.05, 0.05, 1.25, 2.45], abs=1e-6)


def test_what_an_older_twin_leaves_out_is_what_it_was() -> None:
    """Twins of before have no span: their girders end 0.32 m from the sole plate."""
    found = parts(girder="HEB 260")
    assert found["girder"].bounds[1, 0] - found["sole plate"].bounds[1, 0] == pytest.approx(0.32)


@pytest.mark.ci
@settings(max_examples=10)
@given(
    design=st.sampled_from(list(bearing.DESIGNS)),
    share=st.floats(0.0, 1.0),
    width_m=st.floats(0.15, 0.8),
    way=st.floats(-1.0, 1.0),
    ribs=st.integers(2, 6),
    anchors=st.sampled_from([2, 4]),
    girder=st.sampled_from(bearing.GIRDERS),
    span_m=st.floats(*bearing.SPANS),
)
def test_every_bearing_is_closed(
    design: str, share: float, width_m: float, way: float, ribs: int, anchors: int, girder: str, span_m: float
) -> None:
    low, high = bearing.DESIGNS[design]
    height_m = low + share * (high - low)
    parameters = {
        "design": design,
        "height_m": height_m,
        "width_m": width_m,
        "travel_mm": 0.0 if design == "pinned" else way * 1000 * bearing.SWAY * height_m,
        "ribs": min(ribs, int(width_m / 0.055)),
        "anchors": anchors,
        "girder": girder,
        "span_m": span_m,
    }
    asset = assets.build("bearing", parameters, texel_mm=60.0)
    assert assets.mesh(asset).is_watertight
    assert {"covered", "crevice", "contact"} <= set(asset.zone_names)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"design": "magnetic"}, "rocker, pinned, rollers, sliding"),
        ({"girder": "IPE 100"}, "at least 230 x 120 mm"),
        ({"girder": "girder 800", "span_m": 0.0}, "0.1 to 4 m"),
        ({"girder": "girder 800", "span_m": float("nan")}, "0.1 to 4 m"),
        ({"height_m": 0.1}, "height_m 0.1: give 0.24 to 0.6 m"),
        ({"height_m": float("nan")}, "height_m nan: give 0.24 to 0.6 m"),
        ({"width_m": 5.0}, "width_m 5.0: give 0.15 to 1 m"),
        ({"travel_mm": 60.0}, "travel_mm 60.0: give -"),
        ({"travel_mm": float("nan")}, "travel_mm nan"),
        ({"design": "pinned", "travel_mm": 1.0}, "0 to 0 mm"),
        ({"ribs": 1}, "ribs 1: give a whole number from 2 to 6"),
        ({"ribs": 6}, "55 mm for each"),
        ({"anchors": 3}, "anchors 3: choose from 2, 4"),
    ],
)
def test_impossible_bearings_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        assets.build("bearing", {**PLAIN, **change}, texel_mm=40.0)
