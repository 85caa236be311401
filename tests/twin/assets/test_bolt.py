"""Bolts: dimensions against the standards, the thread, and how the parts of a joint lie on each other."""

from itertools import combinations

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from corrotwin.twin import assets
from corrotwin.twin.assets import bolt
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry import atlas, fasteners, slabs
from corrotwin.twin.geometry.fasteners import SIZES

# mm: pitch (ISO 261); width across flats and head height (ISO 4014); nut (ISO 4032); washer (ISO 7089); head diameter,
# key and socket depth (ISO 4762).
STANDARDS = {
    "M12": (1.75, 18.0, 7.5, 10.8, 24.0, 2.5, 18.0, 10.0, 6.0),
    "M16": (2.0, 24.0, 10.0, 14.8, 30.0, 3.0, 24.0, 14.0, 8.0),
    "M20": (2.5, 30.0, 12.5, 18.0, 37.0, 3.0, 30.0, 17.0, 10.0),
    "M24": (3.0, 36.0, 15.0, 21.5, 44.0, 4.0, 36.0, 19.0, 12.0),
    "M30": (3.5, 46.0, 18.7, 25.6, 56.0, 4.0, 45.0, 22.0, 15.5),
    "M36": (4.0, 55.0, 22.5, 31.0, 66.0, 5.0, 54.0, 27.0, 19.0),
}
GRID = {
    "size": "M20",
    "head": "hexagon",
    "shown": "nut",
    "washers": True,
    "nuts": 1,
    "protrusion_mm": 10.0,
    "pattern": "grid",
    "bolts": 6,
    "pitch_mm": 70.0,
    "missing": 0,
    "joint": "plate",
    "length_m": 0.4,
    "width_m": 0.2,
    "thickness_mm": 15.0,
    "edge": "rolled",
    "post_mm": 0.0,
    "upright": False,
}


def solid(patches: list[atlas.Patch]) -> trimesh.Trimesh:
    return assets.mesh(atlas.assemble("part", {}, patches, thickness_mm=10.0, texel_mm=5.0))


def made(**change: object) -> tuple[assets.AssetGeometry, dict[str, np.ndarray]]:
    """A joint, and the corners of the faces of each solid, (n, 3)."""
    asset = assets.build("bolt", GRID | change, texel_mm=10.0)
    parts = {
        name: asset.vertices[asset.faces[asset.face_solid == index]].reshape(-1, 3)
        for index, name in enumerate(asset.solid_names)
    }
    return asset, parts


def across_flats(points: np.ndarray) -> float:
    """Least width of points (n, 3) over directions in the plane."""
    angle = np.radians(np.arange(0, 180, 0.5))
    along = points[:, :2] @ np.stack([np.cos(angle), np.sin(angle)])
    return float(np.ptp(along, axis=0).min())


@pytest.mark.parametrize("name", STANDARDS)
def test_parts_have_the_dimensions_of_the_standards(name: str) -> None:
    pitch, flats, head, nut, washer, thick, socket, key, deep = STANDARDS[name]
    size = SIZES[name]
    assert (size.pitch, size.diameter) == (pitch, float(name[1:]))
    hexagon, cap, ring, disc = (
        1000 * solid(part).vertices
        for part in (
            fasteners.head(size, "hexagon"),
            fasteners.head(size, "socket"),
            fasteners.nut(size),
            fasteners.washer(size),
        )
    )
    for points, height in ((hexagon, head), (ring, nut)):
        assert across_flats(points) == pytest.approx(flats, rel=1e-6)
        assert np.ptp(points[:, 2]) == pytest.approx(height)
        # Corners less 3 % of rounding and the chamfer: no less than 1.08 widths, no more than sharp ones.
        assert 1.08 * flats < np.ptp(points[:, :2], axis=0).max() < flats / np.cos(np.pi / 6)
    assert np.ptp(cap[:, :2], axis=0).max() == pytest.approx(socket, rel=0.01)
    assert np.ptp(cap[:, 2]) == pytest.approx(size.diameter)
    floor = cap[np.abs(cap[:, 2] - (size.diameter - deep)) < 1e-6]
    assert across_flats(floor) == pytest.approx(key, rel=1e-6)
    np.testing.assert_allclose(np.ptp(disc, axis=0), [washer, washer, thick], rtol=0.005)


def test_cup_heads_are_caps_of_spheres() -> None:
    for size in SIZES.values():
        if size.cup:
            diameter, height = size.cup
            shape = solid(fasteners.head(size, "cup"))
            np.testing.assert_allclose(1000 * np.ptp(shape.vertices, axis=0), [diameter, diameter, height], rtol=0.005)
            radius, rim = diameter / 2, 3000 * fasteners.GAP_M
            rise = height - rim
            exact = np.pi * rise * (3 * radius**2 + rise**2) / 6 + np.pi * radius**2 * rim
            assert 1e9 * shape.volume == pytest.approx(exact, rel=0.02)


def test_chamfer_cuts_corners_and_spares_flats() -> None:
    size = SIZES["M24"]
    points = 1000 * solid(fasteners.head(size, "hexagon")).vertices
    radius = np.linalg.norm(points[:, :2], axis=1)
    wall = points[(radius > 0.499 * size.flats) & (points[:, 2] > 1)]
    radius = np.linalg.norm(wall[:, :2], axis=1)
    fall = size.head - wall[:, 2]
    np.testing.assert_allclose(fall, (radius - 0.475 * size.flats) * np.tan(np.radians(30)), atol=1e-6)
    assert fall.max() > 3 * fall.min() > 0


@pytest.mark.parametrize("name", STANDARDS)
def test_thread_is_right_handed_with_the_basic_profile(name: str) -> None:
    size = SIZES[name]
    patch = next(p for p in fasteners.thread(size, 0.03) if p.zone == "thread")
    radius = 1000 * np.linalg.norm(patch.points[..., :2], axis=2)
    z = 1000 * patch.points[:, 0, 2]
    below = z < z[-1] - size.diameter * 0.2 - size.pitch  # clear of the chamfer of the tip
    depth = 5 / 8 * np.cos(np.pi / 6) * size.pitch
    assert radius.max() == pytest.approx(size.diameter / 2)
    assert radius[below].min() == pytest.approx(size.diameter / 2 - depth)
    column = radius[below, 0]
    turns = fasteners.ROWS
    np.testing.assert_allclose(column[turns:], column[:-turns], atol=1e-9)  # the pitch
    slope = np.abs(np.diff(column)).max() / (z[1] - z[0])
    assert slope == pytest.approx(1 / np.tan(np.radians(30)), rel=1e-6)  # flanks at 60 degrees
    quarter = radius[below, fasteners.COLUMNS // 4]  # counter-clockwise, a right-hand thread has climbed by P/4
    np.testing.assert_allclose(quarter[turns // 4 :], column[: -turns // 4], atol=1e-9)
    area = np.pi * np.mean(column[: turns * (len(column) // turns)] ** 2)
    shape = solid(fasteners.thread(size, 0.03))
    assert 1e9 * shape.volume == pytest.approx(area * 1000 * np.ptp(shape.vertices[:, 2]), rel=0.06)  # the tip


@pytest.mark.parametrize("washers", [True, False])
@pytest.mark.parametrize("nuts", [1, 2])
def test_parts_of_a_bolt_stand_on_each_other(washers: bool, nuts: int) -> None:
    size = SIZES["M20"]
    _, parts = made(washers=washers, nuts=nuts)
    level = 15.0
    for name in (["washer"] if washers else []) + ["nut lower"] * (nuts - 1) + ["nut"]:
        z = 1000 * parts[f"{name} 1"][:, 2]
        assert z.min() == pytest.approx(level, abs=1e-6), name
        level += size.washer[1] if name == "washer" else size.nut
        assert z.max() == pytest.approx(level, abs=1e-6), name
    for number in range(1, 7):
        tip = 1000 * parts[f"thread {number}"][:, 2].max() - level
        assert tip == pytest.approx(10.0, abs=0.6 * size.pitch + size.pitch / 32)
    assert parts["thread 1"][:, 2].min() > 0.015  # it ends in the nut, above the plate


@pytest.mark.parametrize(
    ("pattern", "bolts", "joint"),
    [("row", 4, "plate"), ("grid", 6, "lap"), ("circle", 8, "plate"), ("circle", 5, "base")],
)
def test_neighbours_are_a_pitch_apart(pattern: str, bolts: int, joint: str) -> None:
    _, parts = made(pattern=pattern, bolts=bolts, joint=joint, length_m=0.6, width_m=0.5)
    middles = [(p.min(axis=0) + p.max(axis=0))[:2] / 2 for name, p in parts.items() if name.startswith("washer")]
    assert len(middles) == bolts
    apart = [np.linalg.norm(a - b) for a, b in combinations(middles, 2)]
    assert min(apart) == pytest.approx(0.07, rel=1e-6)


@pytest.mark.parametrize("joint", bolt.JOINTS)
def test_missing_bolts_leave_holes_through_every_plate(joint: str) -> None:
    asset, parts = made(joint=joint, missing=2, length_m=0.5)
    plates = [name for name in parts if "plate" in name]
    assert len([name for name in parts if name.startswith("nut")]) == 4
    for name in plates:
        faces = asset.faces[asset.face_solid == asset.solid_names.index(name)]
        shape = trimesh.Trimesh(asset.vertices, faces, process=True)
        assert shape.euler_number == 2 - 2 * 2, name
    zone = np.array(asset.zone_names)[asset.face_zone]
    bore = assets.mesh(asset).area_faces[zone == "hole"].sum()
    assert bore == pytest.approx(len(plates) * 2 * np.pi * 0.022 * 0.015, rel=0.01)


def test_lapped_plates_touch_and_their_gap_is_a_crevice() -> None:
    asset, parts = made(joint="lap", edge="rolled", length_m=0.5)
    assert parts["lower plate"][:, 2].max() == pytest.approx(0.015)
    assert parts["upper plate"][:, 2].min() == pytest.approx(0.015)
    over = parts["lower plate"][:, 0].max() - parts["upper plate"][:, 0].min()
    lap = 0.07 + 0.037 + 2 * bolt.RIM_M  # two columns of washers
    assert over == pytest.approx(lap, rel=1e-6)
    zone = np.array(asset.zone_names)[asset.face_zone]
    plates = np.isin(asset.face_solid, [asset.solid_names.index(f"{one} plate") for one in ("lower", "upper")])
    area = assets.mesh(asset).area_faces
    assert area[plates & (zone == "covered")].sum() == pytest.approx(2 * (lap - 0.002) * (0.2 - 0.002), rel=1e-6)
    x = asset.vertices[asset.faces[plates & (zone == "crevice")]][..., 0]
    assert np.abs(x).max() < lap / 2 + bolt.SEAM_M + 1e-9


def test_a_base_plate_is_covered_below_and_under_its_post() -> None:
    asset, parts = made(joint="base", pattern="circle", post_mm=60.0, length_m=0.3, width_m=0.3)
    assert parts["post"][:, 2].min() == pytest.approx(0.015)
    zone = np.array(asset.zone_names)[asset.face_zone]
    mine = asset.face_solid == asset.solid_names.index("plate")
    area = assets.mesh(asset).area_faces
    assert area[mine & (zone == "covered")].sum() == pytest.approx(0.298**2 + np.pi * 0.03**2, rel=1e-3)
    assert area[mine & (zone == "crevice")].sum() == pytest.approx(4 * 0.299 * np.pi / 2 * 0.001, rel=0.02)


def test_a_standing_joint_shows_its_worked_face_in_front_and_has_bolts_behind() -> None:
    _, parts = made(upright=True, missing=1)
    plate = parts["plate"]
    assert np.ptp(plate[:, 1]) == pytest.approx(0.015)
    for name, points in parts.items():
        if name.startswith("nut"):
            assert points[:, 1].max() < plate[:, 1].min()
        if name.startswith("head far"):
            assert points[:, 1].min() > plate[:, 1].max()
    assert sum(name.startswith("head far") for name in parts) == 5
    assert plate[:, 2].min() == pytest.approx(0)


@settings(max_examples=8)
@given(seed=st.integers(0, 2**32 - 1))
def test_no_part_of_a_sampled_joint_overlaps_its_neighbours(seed: int) -> None:
    parameters = assets.sample("bolt", np.random.default_rng(seed)) | {"upright": False}
    _, parts = made(**parameters)
    stacks: dict[str, list[np.ndarray]] = {}
    for name, points in parts.items():
        if "plate" not in name and not name.startswith("post"):
            stacks.setdefault(name.split()[-1], []).append(points)
    circles = []
    for stack in stacks.values():
        widest = max(stack, key=lambda one: float(np.ptp(one[:, 0])))
        middle = (widest.min(axis=0) + widest.max(axis=0))[:2] / 2
        circles.append((middle, max(np.linalg.norm(one[:, :2] - middle, axis=1).max() for one in stack)))
    plate = np.concatenate([points for name, points in parts.items() if "plate" in name])[:, :2]
    for middle, radius in circles:
        assert (middle - radius > plate.min(axis=0)).all()
        assert (middle + radius < plate.max(axis=0)).all()
        if "post weld" in parts:
            assert np.linalg.norm(parts["post weld"][:, :2] - middle, axis=1).min() > radius
    for (one, r), (other, s) in combinations(circles, 2):
        assert np.linalg.norm(one - other) > r + s


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": "M13"}, "M12, M16"),
        ({"head": "square"}, "hexagon, socket, cup"),
        ({"head": "cup", "size": "M30"}, "M12, M16, M20"),
        ({"edge": "torn"}, "rolled, sheared, flame"),
        ({"bolts": 5}, "even"),
        ({"bolts": 0}, "4 to 24"),
        ({"pattern": "single"}, "1 to 1"),
        ({"nuts": 3}, "nuts 3: give a whole number from 1 to 2"),
        ({"missing": 6}, "missing 6: give a whole number from 0 to 5"),
        ({"protrusion_mm": float("nan")}, "protrusion_mm nan"),
        ({"protrusion_mm": 0.0}, "2.5 to 120 mm"),
        ({"pitch_mm": 20.0}, "43 to 2000 mm"),
        ({"pitch_mm": float("nan")}, "43 to 2000 mm"),
        ({"pitch_mm": 500.0}, "does not fit"),
        ({"joint": "lap", "length_m": 0.17}, "0.06 m more"),
        ({"width_m": float("nan")}, "0.03 to 5 m"),
        ({"thickness_mm": -1.0}, "thickness_mm -1.0: give 4 to"),
        ({"thickness_mm": 70.0}, "thickness_mm 70.0: give 4 to"),
        ({"joint": "base", "shown": "head"}, "and shows nuts"),
        ({"joint": "base", "upright": True}, "a base lies"),
        ({"post_mm": 60.0}, "post 60.0 mm: give 0"),
        ({"joint": "base", "post_mm": 60.0}, "clear of the bolts"),
        ({"joint": "base", "pattern": "circle", "post_mm": 40.0, "missing": 1}, "beside a post"),
    ],
)
def test_bad_joints_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        assets.build("bolt", GRID | change, texel_mm=20.0)


def test_sampler_knows_every_sort_of_joint() -> None:
    drawn = [assets.sample("bolt", np.random.default_rng(seed)) for seed in range(300)]
    for name, choices in (
        ("size", SIZES),
        ("head", fasteners.HEADS),
        ("shown", bolt.SHOWN),
        ("pattern", bolt.PATTERNS),
        ("joint", bolt.JOINTS),
        ("edge", slabs.CUTS),
        ("nuts", (1, 2)),
        ("missing", (0, 1)),
        ("washers", (True, False)),
        ("upright", (True, False)),
    ):
        assert {one[name] for one in drawn} == set(choices), name
    assert 10 < sum(one["post_mm"] > 0 for one in drawn) < 150
