"""Rolled sections against the standards' tables, bars of them, and what joins them."""

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from corrotwin.twin.geometry import atlas, extrusion, profiles, section_sizes, solids, steelwork
from corrotwin.twin.geometry.atlas import Patch

# Areas of sections in cm² as the standards print them (EN 10365, EN 10056-1).
AREAS = {
    "IPE 100": 10.3, "IPE 120": 13.2, "IPE 140": 16.4, "IPE 160": 20.1, "IPE 180": 23.9, "IPE 200": 28.5,
    "IPE 220": 33.4, "IPE 240": 39.1, "IPE 270": 45.9, "IPE 300": 53.8, "IPE 330": 62.6, "IPE 360": 72.7,
    "IPE 400": 84.5, "HEA 100": 21.2, "HEA 120": 25.3, "HEA 140": 31.4, "HEA 160": 38.8, "HEA 180": 45.3,
    "HEA 200": 53.8, "HEA 220": 64.3, "HEA 240": 76.8, "HEA 260": 86.8, "HEA 280": 97.3, "HEA 300": 112.5,
    "HEB 100": 26.0, "HEB 120": 34.0, "HEB 140": 43.0, "HEB 160": 54.3, "HEB 180": 65.3, "HEB 200": 78.1,
    "HEB 220": 91.0, "HEB 240": 106.0, "HEB 260": 118.4, "HEB 280": 131.4, "HEB 300": 149.1,
    "UPE 120": 15.4, "UPE 140": 18.4, "UPE 160": 21.7, "UPE 180": 25.1, "UPE 200": 29.0, "UPE 220": 33.9,
    "UPE 240": 38.5, "UPE 270": 44.8, "UPE 300": 56.6,
    "L 60x6": 6.91, "L 70x7": 9.40, "L 80x8": 12.3, "L 90x9": 15.5, "L 100x10": 19.2, "L 120x12": 27.5,
    "L 150x15": 43.0,
}  # fmt: skip
# Surface per length, m²/m (the same tables).
SURFACES = {"IPE 200": 0.768, "IPE 300": 1.160, "HEA 200": 1.136, "HEB 200": 1.151, "HEB 300": 1.732}


def section(name: str) -> profiles.Section:
    for table, make in (
        (section_sizes.BEAMS, profiles.i_section),
        (section_sizes.CHANNELS, profiles.channel),
        (section_sizes.ANGLES, profiles.angle),
    ):
        if name in table:
            return make(*(value / 1000 for value in table[name]))
    raise KeyError(name)


def solid(patches: list[Patch]) -> trimesh.Trimesh:
    """The welded solid, which is closed with normals out and has no empty triangle."""
    shape = atlas.mesh(atlas.assemble("part", {}, patches, thickness_mm=5.0, texel_mm=20.0))
    assert shape.is_watertight
    assert shape.is_winding_consistent
    assert shape.volume > 0
    assert shape.area_faces.min() > 1e-12
    return shape


def polygon(outline: np.ndarray) -> float:
    x, y = outline.T
    return float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum() / 2)


def test_every_size_has_a_printed_area() -> None:
    assert set(AREAS) == {*section_sizes.BEAMS, *section_sizes.CHANNELS, *section_sizes.ANGLES}


@pytest.mark.parametrize("name", AREAS)
def test_bar_has_the_area_that_the_standard_prints(name: str) -> None:
    shape = solid(extrusion.bar("bar", section(name), 0.0, 1.0))
    assert shape.volume * 1e4 == pytest.approx(AREAS[name], rel=0.006)
    assert polygon(profiles.outline(section(name))) == pytest.approx(shape.volume, rel=1e-9)


@pytest.mark.parametrize("name", SURFACES)
def test_bar_has_the_surface_that_the_standard_prints(name: str) -> None:
    loop = profiles.outline(section(name))
    # Our toes are rounded, which the tables leave out.
    assert np.linalg.norm(np.diff(loop, axis=0), axis=1).sum() == pytest.approx(SURFACES[name], rel=0.01)


@pytest.mark.parametrize(
    ("made", "area"),
    [
        (profiles.flat(0.06, 0.01, 0.0015), 0.06 * 0.01 - (4 - np.pi) * 0.0015**2),
        (profiles.flat(0.05, 0.05, 0.006, parts=5), 0.05**2 - (4 - np.pi) * 0.006**2),
        (profiles.round_bar(0.05, 64, rings=4), np.pi * 0.025**2),
        (profiles.square_tube(0.08, 0.004), 0.08**2 - 0.072**2 - (4 - np.pi) * (0.008**2 - 0.004**2)),
        (profiles.folded([(0.0, -0.05), (0.0, 0.0), (0.2, 0.0)], 0.005), 0.005 * (0.05 + 0.2 + 0.005)),
    ],
)
def test_bars_have_the_area_of_their_formula(made: profiles.Section, area: float) -> None:
    assert solid(extrusion.bar("bar", made, 0.2, 0.7)).volume == pytest.approx(0.5 * area, rel=4e-3)


@pytest.mark.parametrize("made", [section("UPE 200"), section("HEB 100"), profiles.flat(0.01, 0.2, 0.0015)])
def test_split_and_moved_sections_are_the_same_bar(made: profiles.Section) -> None:
    shape = solid(extrusion.bar("bar", profiles.moved(profiles.split(made, 0.055), (0.1, -0.3)), 0.2, 0.7))
    assert shape.volume == pytest.approx(0.5 * polygon(profiles.outline(made)))
    assert (np.abs(shape.vertices[:, 2] + 0.3 - 0.055) < 1e-9).sum() >= 4


def test_faces_of_a_beam_are_patches_of_their_own() -> None:
    zones = [zone for zone, _ in section("HEB 200").pieces]
    assert sorted(zones) == ["edge"] * 4 + ["flange"] * 6 + ["web"] * 2


def test_seat_of_a_bar_is_covered() -> None:
    patches = extrusion.bar("bar", profiles.flat(0.05, 0.01, 0.001), 0.0, 1.0, seat=(0.2, 0.5))
    solid(patches)
    area = atlas.patch_areas_m2([patch for patch in patches if patch.zone == solids.COVERED]).sum()
    assert area == pytest.approx(0.3 * 0.048)


@settings(max_examples=20)
@given(slope=st.floats(-1.0, 1.0), lean=st.floats(-1.0, 1.0))
def test_oblique_cuts_leave_the_length_through_the_centroid(slope: float, lean: float) -> None:
    """A prism between two planes has the volume of its section times the distance between them at the centroid."""
    made = profiles.flat(0.06, 0.03, 0.002)
    shape = solid(extrusion.bar("bar", made, lambda s: slope * s[..., 0] + lean * s[..., 1], lambda s: 0.5 + s[..., 1]))
    assert shape.volume == pytest.approx(0.5 * polygon(profiles.outline(made)), rel=1e-6)


def test_coped_tube_fits_the_bar_that_it_meets() -> None:
    radius = 0.03
    tube = profiles.round_bar(0.04, 32, rings=6)
    shape = solid(extrusion.bar("tube", tube, lambda s: steelwork.saddle(radius, s[..., 1]), 0.3))
    end = shape.vertices[shape.vertices[:, 0] < 0.031]
    np.testing.assert_allclose(np.hypot(end[:, 0], end[:, 2]), radius, atol=1e-9)


@pytest.mark.parametrize("radius", [0.06, 0.1])
def test_bent_tube_has_the_volume_of_its_centre_line(radius: float) -> None:
    """Pappus: the section's area times the way of its centre."""
    corners = [(0, 0, 0), (1, 0, 0), (1, 0, -1), (0.4, 0, -1)]
    line = extrusion.bend(corners, radius, segments=24)
    shape = solid(extrusion.run("tube", profiles.round_bar(0.05, 48), line, (0, 1, 0)))
    way = 1 + 1 + 0.6 - 4 * radius + np.pi * radius
    assert shape.volume == pytest.approx(np.pi * 0.025**2 * way, rel=5e-3)
    np.testing.assert_allclose(shape.bounds, [[0, -0.025, -1.025], [1.025, 0.025, 0.025]], atol=1e-4)


def test_bolt_is_put_together_on_both_faces() -> None:
    patches = steelwork.bolts([(0.1, 0.2, 0.3)], (0, 0, 1), 0.02, 0.03, "bolt")
    heights = {}
    for name in {patch.solid for patch in patches}:
        part = solid([patch for patch in patches if patch.solid == name])
        heights[name.split()[0]] = part.bounds[:, 2].round(6).tolist()
        if not name.startswith("washer"):
            np.testing.assert_allclose(part.bounds.mean(axis=0)[:2], [0.1, 0.2], atol=1e-3)
    # Head up to 0.2 + 0.63 bolt diameters over the near face; nut and tip under the far one.
    assert heights["head"] == [0.304, 0.3166]
    assert heights["nut"] == [0.248, 0.266]
    assert heights["tip"][0] == pytest.approx(0.242)
    assert all(patch.thickness_mm == 20.0 for patch in patches)


@pytest.mark.parametrize("swap", [False, True])
def test_seam_fills_the_corner_whichever_way_it_is_laid(swap: bool) -> None:
    ends = [(0.0, 0.0, 0.0), (0.0, 0.0, 0.2)]
    first, second = ends[::-1] if swap else ends
    shape = solid(steelwork.seam("seam", first, second, ((1, 0, 0), (0, -1, 0)), 0.006))
    low, high = shape.bounds
    np.testing.assert_allclose([low[0], high[1], low[2], high[2]], [-0.0006, 0.0006, 0, 0.2], atol=2e-4)
    assert high[0] == pytest.approx(0.006, abs=1e-3)
    assert low[1] == pytest.approx(-0.006, abs=1e-3)


@pytest.mark.parametrize(("cylinder", "tilt"), [(None, 0.0), (None, 0.6), (0.03, 0.0), (0.0241, 0.0), (0.03, -0.7)])
def test_collar_lies_against_bar_and_surface(cylinder: float | None, tilt: float) -> None:
    patches = steelwork.collar("weld", solids.circle(0.024, 48), 0.004, cylinder, tilt)
    shape = solid(patches)
    bead = next(patch.points for patch in patches if patch.zone == "weld")
    np.testing.assert_allclose(np.hypot(*bead[-1, :, :2].T), 0.024 - 0.0006, atol=1e-4)  # upper toe: in the bar
    x, y, z = bead[0].reshape(-1, 3).T
    upright = z * np.cos(tilt) - x * np.sin(tilt)
    off = upright if cylinder is None else np.hypot(upright, y) - cylinder
    assert np.abs(off).max() < 1.2e-3  # lower toe: in the surface
    assert np.hypot(*shape.vertices[:, :2].T).max() < 0.030


def test_gusset_has_the_volume_of_its_outline() -> None:
    lower, upper = [(0, 0.02), (0.02, 0), (0.3, 0)], [(0, 0.3), (0.02, 0.3), (0.1, 0.3)]
    edges = ("edge", ["covered", "edge"], "covered", "edge")
    patches = steelwork.gusset("plate", lower, upper, 0.012, face="stiffener", edges=edges)
    area = polygon(np.array([*lower, *upper[::-1], lower[0]]))
    assert solid(patches).volume == pytest.approx(0.012 * area)


@settings(max_examples=20)
@given(x=st.tuples(st.floats(-0.2, 0.2), st.floats(-0.2, 0.2)), y=st.tuples(st.floats(-0.2, 0.2), st.floats(-0.2, 0.2)))
def test_seated_plate_covers_the_rectangle(x: tuple[float, float], y: tuple[float, float]) -> None:
    x, y = (min(x), max(x) + 0.01), (min(y), max(y) + 0.01)
    patches = steelwork.seated("plate", (0.3, 0.2, 0.02), steelwork.ALL, (x, y))
    solid(patches)
    inside = [max(0.0, min(b, half) - max(a, -half)) for (a, b), half in ((x, 0.148), (y, 0.098))]
    area = atlas.patch_areas_m2([patch for patch in patches if patch.zone == solids.COVERED]).sum()
    assert area == pytest.approx(0.296 * 0.196 + inside[0] * inside[1], abs=1e-6)


def test_stiffener_clears_the_root_and_stands_between_the_flanges() -> None:
    h, b, tw, tf, r = beam = tuple(value / 1000 for value in section_sizes.BEAMS["HEB 200"])
    patches = steelwork.stiffeners(0.5, beam, 0.01, "1")
    for side in ("left", "right"):
        points = np.concatenate([p.points.reshape(-1, 3) for p in patches if p.solid == f"stiffener {side} 1"])
        np.testing.assert_allclose([points[:, 2].min(), points[:, 2].max()], [tf, h - tf])
        assert np.abs(points[:, 1]).min() == pytest.approx(tw / 2)
        assert np.abs(points[:, 1]).max() < b / 2
        corner = points[np.abs(points[:, 1]) < tw / 2 + r]
        assert (np.minimum(corner[:, 2] - tf, h - tf - corner[:, 2]) >= r).all()


def test_tears_stay_within_their_field() -> None:
    patches = solids.tears("tears", 0.3, 0.2, 0.02)
    points = np.concatenate([patch.points.reshape(-1, 3) for patch in patches])
    assert (np.abs(points[:, 0]) < 0.15).all()
    assert (np.abs(points[:, 1]) < 0.1).all()
    assert points[:, 2].max() == pytest.approx(0.0018)
    assert solid(patches).body_count == len(patches) // 2
