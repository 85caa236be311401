import json
import re
from collections.abc import Mapping
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corrotwin.twin import assets, store, twin_state
from corrotwin.twin.assets.piping import flanges, holder, layout, sizes, tubes
from corrotwin.twin.assets.piping.pipe import pipe, sample
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry import atlas
from corrotwin.twin.geometry.atlas import Patch

PLAIN: dict[str, Any] = {
    "nps": "6", "schedule": "40", "run_m": 1.8, "pieces": 1, "flanged": False, "start": "cut", "finish": "cut",
    "leg_m": 0.0, "leg_degrees": 0.0, "branch_nps": "none", "branch_at_m": 1.3, "branch_m": 0.25, "branch_degrees": 0.0,
    "branch_end": "cut", "support": "clamp", "supports_at_m": [], "support_m": 0.3, "upright": False, "od_mm": 0.0,
    "wall_mm": 0.0,
}  # fmt: skip
BRANCHES = [("2", "1-1/2"), ("6", "1"), ("6", "4"), ("6", "5"), ("24", "22"), ("3/4", "1/2")]
# ASME B36.10M in inches as github.com/neutrium/pipe has it: NPS, outside, then walls of some schedules.
INCH_PIPES = {
    "1/2": (0.84, {"5": 0.065, "10": 0.083, "STD": 0.109, "XS": 0.147, "160": 0.188, "XXS": 0.294}),
    "1-1/4": (1.66, {"5": 0.065, "30": 0.117, "40": 0.140, "80": 0.191, "160": 0.25, "XXS": 0.382}),
    "3": (3.5, {"5S": 0.083, "10S": 0.12, "40S": 0.216, "80": 0.3, "160": 0.438, "XXS": 0.6}),
    "4": (4.5, {"5": 0.083, "40": 0.237, "80": 0.337, "120": 0.437, "160": 0.531, "XXS": 0.674}),
    "8": (8.625, {"20": 0.25, "60": 0.406, "100": 0.594, "120": 0.718, "140": 0.812, "160": 0.906, "XXS": 0.875}),
    "10": (10.75, {"10": 0.165, "60": 0.5, "80": 0.593, "100": 0.719, "120": 0.843, "140": 1.0, "160": 1.125}),
    "12": (12.75, {"STD": 0.375, "40": 0.406, "XS": 0.5, "100": 0.844, "140": 1.125, "5S": 0.156, "80S": 0.5}),
    "16": (16.0, {"5": 0.165, "30": 0.375, "60": 0.656, "100": 1.031, "120": 1.218, "140": 1.438, "10S": 0.188}),
    "20": (20.0, {"10": 0.25, "20": 0.375, "60": 0.812, "100": 1.281, "120": 1.5, "140": 1.75, "160": 1.968}),
    "24": (24.0, {"5S": 0.218, "30": 0.562, "60": 0.968, "100": 1.531, "120": 1.812, "140": 2.062, "160": 2.343}),
    "26": (26.0, {"10": 0.312, "STD": 0.375, "20": 0.5, "XS": 0.5}),
    "30": (30.0, {"10": 0.312, "20": 0.5, "30": 0.625, "XS": 0.5}),
    "36": (36.0, {"10": 0.312, "STD": 0.375, "30": 0.625, "40": 0.75}),
}
# NPS, then B16.5 class 150 as its inch columns have it: outside, bolt circle, raised face; number and size of bolts.
INCHES = {
    "1/2": (3.50, 2.38, 1.38, 4, 1 / 2),
    "1": (4.25, 3.12, 2.00, 4, 1 / 2),
    "2": (6.00, 4.75, 3.62, 4, 5 / 8),
    "2-1/2": (7.00, 5.50, 4.12, 4, 5 / 8),
    "4": (9.00, 7.50, 6.19, 8, 5 / 8),
    "5": (10.00, 8.50, 7.31, 8, 3 / 4),
    "8": (13.50, 11.75, 10.62, 8, 3 / 4),
    "10": (16.00, 14.25, 12.75, 12, 7 / 8),
    "16": (23.50, 21.25, 18.50, 16, 1),
    "24": (32.00, 29.50, 27.25, 20, 5 / 4),
}


def built(change: Mapping[str, Any]) -> list[Patch]:
    return pipe(**{**PLAIN, **change})[0]


def points(patches: list[Patch], solid: str, zone: str = "") -> np.ndarray:
    """Vertices (n, 3) of the solids whose names match, of one zone or of all."""
    return np.concatenate(
        [p.points.reshape(-1, 3) for p in patches if re.fullmatch(solid, p.solid) and zone in ("", p.zone)]
    )


def volume(patches: list[Patch], solid: str) -> float:
    asset = atlas.assemble("pipe", {}, [p for p in patches if p.solid == solid], thickness_mm=1.0, texel_mm=50.0)
    assert assets.mesh(asset).is_watertight
    return float(assets.mesh(asset).volume)


def assert_solids(patches: list[Patch]) -> None:
    asset = atlas.assemble("pipe", {}, patches, thickness_mm=1.0, texel_mm=100.0)
    mesh = assets.mesh(asset)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    corners = asset.vertices[asset.faces]
    each = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
    assert (np.bincount(asset.face_solid, each) > 0).all()


def test_walls_grow_with_the_schedule() -> None:
    for nps, walls in sizes.WALLS_MM.items():
        numbers = tuple(name for name in sizes.SCHEDULES if name.isdecimal())
        for order in (numbers, ("STD", "XS", "XXS"), ("5S", "10S", "40S", "80S")):
            thickness = [walls[name] for name in order if name in walls]
            assert all(one < other for one, other in pairwise(thickness))
        assert 2 * max(walls.values()) < sizes.OUTSIDE_MM[nps]
    # ASME B36.10M: STD is schedule 40 up to NPS 10, XS is schedule 80 up to NPS 8; from NPS 14 the size is the outside.
    for nps in ("1/2", "2-1/2", "8", "10"):
        assert sizes.WALLS_MM[nps]["STD"] == sizes.WALLS_MM[nps]["40"]
    assert sizes.WALLS_MM["8"]["XS"] == sizes.WALLS_MM["8"]["80"]
    for number in range(14, 50, 2):
        assert sizes.OUTSIDE_MM[f"{number}"] == pytest.approx(25.4 * number, abs=0.6)
        assert sizes.WALLS_MM[f"{number}"]["STD"] == 9.53
        assert sizes.WALLS_MM[f"{number}"]["XS"] == 12.7


@pytest.mark.parametrize("nps", INCH_PIPES)
def test_pipes_agree_with_an_inch_table_of_their_standard(nps: str) -> None:
    outside, walls = INCH_PIPES[nps]
    assert sizes.OUTSIDE_MM[nps] == pytest.approx(25.4 * outside, abs=0.5)  # the metric columns round to whole mm
    for schedule, wall in walls.items():
        assert sizes.WALLS_MM[nps][schedule] == pytest.approx(25.4 * wall, abs=0.031), schedule


def test_the_pipe_of_the_published_pressures_can_be_built() -> None:
    """The 20 inch x 0.25 inch pipe of tests/twin/forecast/test_strength.py, and one that no schedule has."""
    for change in ({"nps": "20", "schedule": "10"}, {"od_mm": 20 * 25.4, "wall_mm": 0.25 * 25.4}):
        _, wall = pipe(**{**PLAIN, **change})
        assert (sizes.outside_mm({**PLAIN, **change}), wall) == (pytest.approx(508), pytest.approx(6.35))
    patches, wall = pipe(**{**PLAIN, "nps": "24", "wall_mm": 0.432 * 25.4, "run_m": 3.0})
    assert wall == pytest.approx(10.9728)
    asset = assets.build("pipe", {**PLAIN, "nps": "24", "wall_mm": 0.432 * 25.4, "run_m": 3.0}, texel_mm=50.0)
    exact = np.pi / 4 * (0.61**2 - (0.61 - 2 * 0.0109728) ** 2) * 3.0
    assert assets.mesh(asset).volume == pytest.approx(exact, rel=1e-3)
    assert_solids(patches)


def test_an_own_diameter_is_followed_by_elbow_branch_and_supports() -> None:
    own = {"od_mm": 500.0, "wall_mm": 8.0}
    change = {
        **own, "run_m": 4.0, "leg_m": 0.6, "leg_degrees": 90.0, "branch_nps": "8", "branch_m": 0.4, "branch_at_m": 2.0,
        "branch_end": "blind", "supports_at_m": [0.5, 3.2], "support_m": 0.5,
    }  # fmt: skip
    patches = built(change)
    assert_solids(patches)
    assert points(patches, "elbow")[:, 0].max() == pytest.approx(4.0 + 0.75 + 0.25, abs=1e-6)  # 1.5 D and the radius
    assert np.linalg.norm(points(patches, "run 1", "bore")[:, 1:], axis=1).min() == pytest.approx(0.242)
    assert points(patches, "strap.*")[:, 1].max() > 0.25
    assert built({"od_mm": 508.0, "wall_mm": 6.35, "start": "flange"})  # that of NPS 20, whatever the nps given


@pytest.mark.ci
@pytest.mark.parametrize("nps", ["26", "36", "48"])
@pytest.mark.parametrize("kind", holder.SUPPORTS)
def test_large_pipes_are_sound(nps: str, kind: str) -> None:
    change = {
        "nps": nps, "schedule": "STD", "run_m": 6.0, "pieces": 2, "support": kind, "supports_at_m": [1.0, 5.0],
        "support_m": 0.5, "branch_nps": "24", "branch_at_m": 1.9, "branch_m": 0.5, "branch_end": "blind",
    }  # fmt: skip
    assert_solids(built(change))


def test_a_parameter_added_later_may_be_missing() -> None:
    """Twins saved before pipes had a diameter and a wall of their own."""
    old = {name: value for name, value in PLAIN.items() if name not in ("od_mm", "wall_mm")}
    one, other = (assets.build("pipe", given, texel_mm=20.0) for given in (old, PLAIN))
    np.testing.assert_array_equal(one.vertices, other.vertices)
    assert one.nominal_thickness_mm == 7.11
    assert sizes.outside_mm(old) == 168.3


def test_a_saved_twin_of_an_older_version_is_read(tmp_path: Path) -> None:
    """Its parameters lack those that came later; its atlas is the same, so its fields fit."""
    twin = twin_state.sample_twin("pipe", np.random.default_rng(3), texel_mm=12.0)
    store.save(twin, tmp_path / "twin")
    manifest = tmp_path / "twin" / "twin.json"
    content = json.loads(manifest.read_text())
    for name in ("od_mm", "wall_mm"):
        assert content["twin"]["parameters"].pop(name) == 0.0
    manifest.write_text(json.dumps(content))
    read, fields = store.load(tmp_path / "twin")
    assert "od_mm" not in read.parameters
    np.testing.assert_array_equal(fields.wall_loss_mm, twin_state.fields(twin).wall_loss_mm)


@pytest.mark.parametrize(
    ("nps", "schedule", "outside", "wall"),
    [("2", "40", 60.3, 3.91), ("48", "XS", 1219.0, 12.7), ("22", "140", 559.0, 47.63),
     ("4", "80", 114.3, 8.56), ("6", "40", 168.3, 7.11), ("8", "80", 219.1, 12.70),
     ("12", "40", 323.8, 10.31), ("12", "80", 323.8, 17.48), ("24", "160", 610.0, 59.54), ("6", "XXS", 168.3, 21.95)],
)  # fmt: skip
def test_sizes_are_those_of_the_standard(nps: str, schedule: str, outside: float, wall: float) -> None:
    assert sizes.OUTSIDE_MM[nps] == outside
    assert sizes.WALLS_MM[nps][schedule] == wall


@pytest.mark.parametrize("nps", INCHES)
def test_flanges_agree_with_the_inch_columns_of_their_standard(nps: str) -> None:
    outside, circle, face, bolts, bolt = INCHES[nps]
    size = sizes.FLANGES[nps]
    assert size.outside == pytest.approx(0.0254 * outside, abs=0.003)  # the metric columns round to 5 mm
    assert size.circle == pytest.approx(0.0254 * circle, abs=3e-4)
    assert size.face == pytest.approx(0.0254 * face, abs=3e-4)
    assert size.bolts == bolts
    assert size.bolt == pytest.approx(0.0254 * bolt, abs=1e-4)


@pytest.mark.parametrize("nps", sizes.FLANGES)
def test_flanges_hold_together(nps: str) -> None:
    size, radius = sizes.FLANGES[nps], sizes.OUTSIDE_MM[nps] / 2000
    hole, flats = size.bolt + sizes.CLEARANCE_M, 1.5 * size.bolt + 0.0032
    assert 2 * radius < size.hub < size.circle - flats
    assert size.face + hole < size.circle < size.outside - hole
    # Studs stick out of their nuts, and stay clear of the welds.
    assert size.stud > 2 * (size.thickness + size.bolt) + sizes.GASKET_M
    assert size.stud / 2 < size.through - 0.005


@pytest.mark.parametrize("nps", ["1/2", "2", "10", "24"])
def test_flanges_are_as_long_and_wide_as_they_should(nps: str) -> None:
    size, radius = sizes.FLANGES[nps], sizes.OUTSIDE_MM[nps] / 2000
    wall = sizes.WALLS_MM[nps]["STD"] / 1000
    for kind in ("flange", "blind"):
        patches = flanges.end(nps, kind, radius, wall)
        assert_solids(patches)
        end = points(patches, "flange|blind")[:, 2].max()
        assert end == pytest.approx(flanges.end_length(nps, kind), abs=1e-9)
        assert 2 * np.linalg.norm(points(patches, "flange")[:, :2], axis=1).max() == pytest.approx(size.outside)


def test_the_neck_of_a_flange_is_as_thick_as_the_pipe_beside_its_weld() -> None:
    patches = [each for each in flanges.end("8", "flange", 0.10955, 0.00818) if each.solid == "flange"]
    disc = 1000 * sizes.FLANGES["8"].thickness
    for patch in patches:
        low = patch.points[..., 2].min()
        beside = patch.zone == "bore" or (patch.zone == "flange" and low == 0)
        assert patch.thickness_mm == pytest.approx(8.18 if beside else disc), patch.zone
    assert disc > 25


def test_blind_flange_has_the_volume_of_its_steel() -> None:
    size = sizes.FLANGES["8"]
    patches = flanges.end("8", "blind", 0.10955, 0.00818)
    raised = sizes.RAISED_M
    hole = np.pi / 4 * (size.bolt + sizes.CLEARANCE_M) ** 2
    exact = np.pi / 4 * (size.outside**2 * (size.thickness - raised) + size.face**2 * raised)
    exact -= size.bolts * hole * (size.thickness - raised)
    assert volume(patches, "blind") == pytest.approx(exact, rel=0.01)


@pytest.mark.parametrize(("nps", "inches"), [("1/2", 1.5), ("1-1/2", 2.25), ("6", 9.0), ("24", 36.0)])
def test_elbow_has_a_long_radius(nps: str, inches: float) -> None:
    assert sizes.elbow_m(nps) == pytest.approx(0.0254 * inches, abs=1e-9)
    patches = built({"nps": nps, "leg_m": 0.4, "leg_degrees": 90.0, "run_m": 1.0})
    reach = 1.0 + 0.0254 * inches + sizes.OUTSIDE_MM[nps] / 2000
    assert points(patches, "elbow")[:, 0].max() == pytest.approx(reach, abs=1e-6)
    leg = points(patches, "leg")
    assert leg[:, 1].min() == pytest.approx(-0.0254 * inches - 0.4)


@pytest.mark.parametrize(("run", "nps"), BRANCHES)
@pytest.mark.parametrize("degrees", [0.0, 50.0])
def test_branch_sits_on_the_run_and_its_weld_follows(run: str, nps: str, degrees: float) -> None:
    radius, foot = sizes.OUTSIDE_MM[run] / 2000, sizes.OUTSIDE_MM[nps] / 2000
    patches = built({"nps": run, "branch_nps": nps, "branch_m": radius + 0.1, "branch_degrees": degrees})
    seat = points(patches, "branch", "covered")
    depth = radius - np.linalg.norm(seat[:, 1:], axis=1)
    assert depth.min() > 0  # nowhere above the skin, nor above its facets
    assert tubes.sag(radius) < depth.max() < 0.001
    wall = next(p.thickness_mm for p in patches if p.solid == "branch") or 0.0
    leg = tubes.fillet_leg(radius, wall / 1000)
    turn = np.radians(degrees)
    up, across = np.array([0, -np.sin(turn), np.cos(turn)]), np.array([0, np.cos(turn), np.sin(turn)])
    weld = next(p for p in patches if p.zone == "weld" and p.solid == "branch weld").points
    lower, upper = weld[0], weld[-1]
    assert ((depths := radius - np.linalg.norm(lower[:, 1:], axis=1)) > 0).all()
    assert depths.max() < 0.001
    toe = np.hypot(upper[:, 0] - 1.3, upper @ across)
    np.testing.assert_array_less(foot - 0.001, toe)
    np.testing.assert_array_less(toe, foot)
    # All of it near the curve in which the two cylinders meet.
    angle = np.linspace(0, 2 * np.pi, 2000)
    x, y = foot * np.cos(angle), foot * np.sin(angle)
    curve = np.column_stack([x + 1.3, y, np.sqrt(radius**2 - y**2)])
    seen = np.stack([weld[..., 0], weld @ across, weld @ up], axis=-1).reshape(-1, 3)
    away = np.linalg.norm(seen[:, None] - curve[None, ::10], axis=2).min(axis=1)
    assert away.max() < 1.6 * leg + 0.001
    assert (seen[:, 2] > 0).all()


@pytest.mark.parametrize(("run", "nps"), BRANCHES)
def test_opening_and_branch_have_the_volume_of_their_steel(run: str, nps: str) -> None:
    """Against integrals over the plan of the hole and of the branch."""
    radius, foot = sizes.OUTSIDE_MM[run] / 2000, sizes.OUTSIDE_MM[nps] / 2000
    wall, own = sizes.WALLS_MM[run]["STD"] / 1000, sizes.WALLS_MM[nps]["STD"] / 1000
    change = {"nps": run, "schedule": "STD", "branch_nps": nps, "branch_m": radius + 0.1}
    spool = layout.Spool(**{name: {**PLAIN, **change}[name] for name in layout.Spool.__annotations__})
    hole = layout.Branch(nps=nps, run=spool, at=1.3, length=1.0, degrees=0.0, end="cut").opening.bore
    assert 0.7 * min(foot - own, radius - wall) < hole < min(foot - own, radius - wall)
    side = np.linspace(-foot, foot, 1501)
    x, y = np.meshgrid(side, side)
    cell, plan = (side[1] - side[0]) ** 2, np.hypot(x, y)
    depth = np.sqrt(radius**2 - y**2) - np.sqrt(np.maximum((radius - wall) ** 2 - y**2, 0))
    patches = built(change)
    cut = volume(built({"nps": run, "schedule": "STD"}), "run 1") - volume(patches, "run 1")
    exact = (depth * (plan < hole)).sum() * cell
    assert cut == pytest.approx(exact, rel=0.04)
    height = 2 * radius + 0.1 - np.sqrt(radius**2 - y**2)
    ring = (height * ((plan < foot) & (plan > foot - own))).sum() * cell
    assert volume(patches, "branch") == pytest.approx(ring, rel=0.03)
    # Nothing of the run closes the bore of the branch.
    skin = points(patches, "run 1")
    above = skin[(skin[:, 2] > 0) & (np.hypot(skin[:, 0] - 1.3, skin[:, 1]) < 0.95 * hole)]
    assert len(above) == 0


@pytest.mark.parametrize("nps", ["1", "3", "6", "16"])
@pytest.mark.parametrize("kind", holder.SUPPORTS)
def test_pipe_rests_in_its_supports(nps: str, kind: str) -> None:
    radius = sizes.OUTSIDE_MM[nps] / 2000
    places = [0.4, 1.3]
    patches = built({"nps": nps, "support": kind, "supports_at_m": places, "support_m": 0.4})
    assert_solids(patches)
    ground = points(patches, ".*")[:, 2].min()
    assert ground == pytest.approx(-radius - 0.4, abs=1e-6)
    held = points(patches, ".* of support 1")
    inside = np.linalg.norm(held[:, 1:], axis=1) < radius - 0.001
    assert not inside.any()
    touching = np.abs(np.linalg.norm(held[:, 1:], axis=1) - radius) < 0.001
    assert touching.sum() > 2
    skin = points(patches, "run 1", "contact" if kind != "clamp" else "crevice")
    near = np.abs(skin[:, 0, None] - places).min(axis=1)
    reach = holder.holder(kind, radius).halves_m()[0]
    assert near.max() <= reach + 1e-9
    assert {"face", "edge", "bolt", "thread"} <= {p.zone for p in patches if "of support" in p.solid}
    if kind != "clamp":
        assert skin[:, 2].max() < 0  # the pipe bears on what is below


def test_upright_pipe_has_its_supports_behind() -> None:
    change = {"upright": True, "start": "flange", "supports_at_m": [0.5, 1.4], "branch_nps": "2", "branch_at_m": 1.0}
    patches = built({**change, "branch_degrees": 90.0})
    assert points(patches, ".*")[:, 2].min() == pytest.approx(0, abs=1e-9)
    assert points(patches, "rail.*")[:, 1].min() >= 0.08415 + 0.3 - 1e-9
    assert points(patches, "branch")[:, 1].min() == pytest.approx(-0.08415 - 0.25)  # towards the front
    low = [p.zone for p in patches if np.allclose(p.points[..., 2], 0, atol=1e-9)]
    assert set(low) == {"covered"}  # base and face of the flange: pressed on the ground


def groups(patches: list[Patch]) -> dict[str, tuple[float, float]]:
    """Extent along the run, metres, of each part that stands out of it."""
    extents: dict[str, tuple[float, float]] = {}
    for patch in patches:
        support = re.search(r"of support \d+", patch.solid)
        if support:
            name = support.group()
        elif "branch" in patch.solid:
            name = "branch"
        elif patch.solid.endswith(("at the start", "at the finish")):
            name = patch.solid[-8:]
        elif "rail" in patch.solid:
            continue
        elif patch.solid in ("flange a", "flange b", "gasket") or patch.solid.startswith(("stud", "nut")):
            name = "joint"
        else:
            continue
        x = patch.points[..., 0]
        low, high = extents.get(name, (np.inf, -np.inf))
        extents[name] = min(low, float(x.min())), max(high, float(x.max()))
    return extents


@pytest.mark.ci
@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1))
def test_parts_of_a_sampled_pipe_stay_clear_of_each_other(seed: int) -> None:
    parameters = sample(np.random.default_rng(seed))
    assert 0.45 <= parameters["run_m"] <= 3.0
    json.dumps(parameters)
    patches = pipe(**parameters)[0]
    assert sum(2 * (p.points.shape[0] - 1) * (p.points.shape[1] - 1) for p in patches) < 250_000
    if parameters["upright"]:  # back to lying
        patches = [Patch(solid=p.solid, zone=p.zone, points=p.points[..., [2, 1, 0]]) for p in patches]
    extents = groups(patches)
    for (one, (low, high)), (other, (begin, end)) in combinations(extents.items(), 2):
        assert high < begin or end < low, (one, other)
    welds = [points(patches, name)[:, 0] for name in {p.solid for p in patches} if re.fullmatch(r"weld \d+", name)]
    feet = [(p.points[..., 0].min(), p.points[..., 0].max()) for p in patches if p.solid == "branch weld"]
    feet += [(p.points[..., 0].min(), p.points[..., 0].max()) for p in patches if p.solid.startswith(("strap", "pad"))]
    for weld in welds:
        assert all(weld.max() < low or high < weld.min() for low, high in feet)


@pytest.mark.ci
@settings(max_examples=20)
@given(data=st.data())
def test_any_parameters_make_a_pipe_or_one_line(data: st.DataObject) -> None:
    def draw(strategy: st.SearchStrategy[Any]) -> Any:
        return data.draw(strategy)

    nps = draw(st.sampled_from(list(sizes.OUTSIDE_MM)))
    metres, smaller = st.floats(0.2, 1.5), list(sizes.OUTSIDE_MM)[: list(sizes.OUTSIDE_MM).index(nps)]
    change = {
        "nps": nps, "schedule": draw(st.sampled_from(list(sizes.WALLS_MM[nps]))),
        "run_m": draw(st.floats(0.3, 3.0)), "pieces": draw(st.integers(1, 2)), "flanged": draw(st.booleans()),
        "start": draw(st.sampled_from(flanges.ENDS)), "finish": draw(st.sampled_from(flanges.ENDS)),
        "leg_m": draw(st.sampled_from([0.0, 0.2, 0.6])), "leg_degrees": draw(st.floats(-360, 360)),
        "branch_nps": draw(st.sampled_from(["none"] if draw(st.booleans()) else ["none", *smaller])),
        "branch_at_m": draw(metres), "branch_m": draw(metres), "branch_degrees": draw(st.floats(-360, 360)),
        "branch_end": draw(st.sampled_from(flanges.ENDS)),
        "support": draw(st.sampled_from(holder.SUPPORTS)),
        "supports_at_m": draw(st.lists(metres, max_size=1)), "support_m": draw(metres), "upright": draw(st.booleans()),
    }  # fmt: skip
    patches, lines = [], 1
    try:
        patches = built(change)
    except InputError as error:
        lines = len(str(error).splitlines())
    assert lines == 1
    if patches:
        assert_solids(patches)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nps": "6", "schedule": "20"}, "schedules 5, 10, STD, 40"),
        ({"od_mm": 5.0}, "od_mm 5.0: give 10 to 3000 mm"),
        ({"od_mm": float("nan")}, "od_mm nan"),
        ({"od_mm": 500.0}, "also give wall_mm"),
        ({"od_mm": 500.0, "wall_mm": 8.0, "start": "flange"}, "od_mm 500: has no class 150 flange; choose cut"),
        ({"wall_mm": 84.2}, "wall_mm 84.2: give 0.5 to 70.69 mm at 168.3 mm"),
        ({"wall_mm": -1.0}, "wall_mm -1.0"),
        ({"wall_mm": float("nan")}, "wall_mm nan"),
        ({"od_mm": 508.0, "wall_mm": 6.35, "branch_nps": "20"}, "on 508 mm: choose none or a smaller size"),
        ({"nps": "30", "schedule": "STD", "finish": "blind"}, "no class 150 flange"),
        ({"run_m": float("nan")}, "too short"),
        ({"run_m": float("inf")}, "over 5000 m"),
        ({"leg_m": -1.0}, "leg -1.0 m"),
        ({"leg_m": 0.01}, "too short"),
        ({"pieces": 0}, "pieces 0"),
        ({"flanged": True}, "2 to 20"),
        ({"start": "capped"}, "cut, flange, blind"),
        ({"nps": "22", "schedule": "STD", "start": "flange"}, "no class 150 flange"),
        ({"leg_m": 0.3, "leg_degrees": float("nan")}, "leg_degrees nan"),
        ({"leg_m": 0.3, "leg_degrees": 180.0}, "below the run"),
        ({"upright": True, "start": "blind"}, "stand on studs"),
        ({"branch_nps": "6"}, "smaller size"),
        ({"branch_nps": "huge"}, "smaller size"),
        ({"branch_nps": "3", "branch_m": 0.01}, "branch_m 0.01: give 0.03"),
        ({"branch_nps": "3", "branch_m": float("nan")}, "branch_m nan"),
        ({"branch_nps": "3", "branch_at_m": float("nan")}, "within the run"),
        ({"branch_nps": "3", "branch_at_m": 0.01}, "start and branch collide"),
        ({"branch_nps": "3", "branch_at_m": 0.93, "pieces": 2}, "branch and weld at 0.900 m collide"),
        ({"branch_nps": "3", "branch_at_m": 0.18, "start": "flange", "branch_end": "flange"}, "start and branch"),
        ({"branch_nps": "3", "branch_degrees": 180.0}, "below the run"),
        ({"branch_nps": "3", "branch_degrees": 90.0, "branch_end": "flange"}, "below the run"),
        ({"support": "wire"}, "saddle, ubolt, clamp"),
        ({"supports_at_m": [0.5, 0.55]}, "support 1 and support 2 collide"),
        ({"supports_at_m": [1.3], "branch_nps": "3"}, "collide"),
        ({"supports_at_m": [0.9], "pieces": 2}, "collide"),
        ({"supports_at_m": [2.0]}, "within the run"),
        ({"supports_at_m": [0.5] * 25}, "give at most 24"),
        ({"supports_at_m": [0.5], "support_m": 0.01}, "support_m 0.01"),
        ({"supports_at_m": [0.5], "support_m": float("nan")}, "support_m nan"),
        ({"supports_at_m": [0.9], "leg_m": 0.6, "leg_degrees": 180.0}, "support_m 0.3"),
        ({"supports_at_m": [1.77], "leg_m": 0.3, "leg_degrees": 90.0}, "support 1 and elbow"),
        ({"supports_at_m": [0.5], "upright": True, "support": "saddle"}, "ubolt or clamp"),
        (
            {"supports_at_m": [0.5], "upright": True, "branch_nps": "3", "branch_degrees": -90.0, "branch_m": 0.5},
            "support_m 0.3",
        ),
    ],
)  # fmt: skip
def test_impossible_pipes_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)) as refused:
        built(change)
    assert len(str(refused.value).splitlines()) == 1


def test_a_spool_may_have_everything() -> None:
    change = {
        "pieces": 2, "flanged": True, "start": "flange", "finish": "blind", "branch_nps": "3", "branch_at_m": 1.45,
        "branch_end": "blind", "supports_at_m": [0.35, 1.7], "leg_m": 0.4, "run_m": 1.9,
    }  # fmt: skip
    assert_solids(built(change))
