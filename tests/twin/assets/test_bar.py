"""Bars: sections of the right area, ribs and bends by their standards, and that bars lie on each other, not within."""

from typing import Any

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from corrotwin.twin import assets
from corrotwin.twin.assets import AssetGeometry, bar, bar_surface
from corrotwin.twin.core.errors import InputError

PLAIN: dict[str, Any] = {
    "section": "round",
    "size_mm": 20.0,
    "thickness_mm": 20.0,
    "length_m": 0.3,
    "count": 1,
    "arrangement": "row",
    "gap_mm": 0.0,
    "shape": "straight",
    "leg_m": 0.0,
    "lay": 3,
}


def built(**change: Any) -> AssetGeometry:
    return assets.build("bar", {**PLAIN, **change}, texel_mm=10.0)


def parts(asset: AssetGeometry) -> list[trimesh.Trimesh]:
    faces = [asset.faces[asset.face_solid == index] for index in range(len(asset.solid_names))]
    return [trimesh.Trimesh(asset.vertices, part, process=False).process(validate=False) for part in faces]


def crossed(one: trimesh.Trimesh, other: trimesh.Trimesh, shift: NDArray[np.float64]) -> bool:
    """Whether an edge of either mesh passes through the other, the first moved by `shift`, metres."""
    moved = one.copy()
    moved.apply_translation(shift)
    for a, b in ((moved, other), (other, moved)):
        start, end = a.vertices[a.edges_unique].transpose(1, 0, 2)
        near = ((np.minimum(start, end) < b.bounds[1]) & (np.maximum(start, end) > b.bounds[0])).all(axis=1)
        start, way = start[near], (end - start)[near]
        if len(start):
            length = np.linalg.norm(way, axis=1)
            hits, ray, _ = b.ray.intersects_location(start, way / length[:, None], multiple_hits=False)
            if len(hits) and (np.linalg.norm(hits - start[ray], axis=1) < length[ray]).any():
                return True
    return False


@pytest.mark.parametrize(
    ("section", "thickness", "area"),
    [
        ("round", 0.0, np.pi / 4 * 400 * np.sin(np.pi / 20) / (np.pi / 20)),  # 40 facets
        ("square", 0.0, 400 - (4 - np.pi) * 1.0**2),
        ("flat", 5.0, 100 - (4 - np.pi) * 1.0**2),
        ("hexagon", 0.0, np.sqrt(3) / 2 * 400 - (2 * np.sqrt(3) - np.pi) * 0.6**2),
        ("rebar", 0.0, np.pi / 4 * 400),  # the nominal diameter is that of the mass, EN 10080
        ("deformed", 0.0, np.pi / 4 * 400),
    ],
)
def test_section_has_its_area(section: str, thickness: float, area: float) -> None:
    asset = built(section=section, thickness_mm=thickness)
    assert assets.mesh(asset).volume == pytest.approx(area * 1e-6 * 0.3, rel=4e-3)
    assert asset.nominal_thickness_mm == (thickness or 20.0)
    assert asset.vertices[:, 2].max() == pytest.approx((thickness or 20.0) / 1000, rel=0.13)


def test_thread_lies_between_its_diameters() -> None:
    """ISO 68-1: the basic minor diameter is the major less 1.0825 pitches; the mean area integrates the profile."""
    asset = built(section="threaded", size_mm=24.0, length_m=0.2)
    axis = (asset.vertices.max(axis=0) + asset.vertices.min(axis=0)) / 2
    away = np.linalg.norm(asset.vertices[:, 1:] - axis[1:], axis=1)
    inner = away[(np.abs(asset.vertices[:, 0]) < 0.09) & (away > 0.001)]
    assert 2000 * away.max() == pytest.approx(24.0, abs=0.05)
    assert 2000 * inner.min() == pytest.approx(24.0 - 1.0825 * 3.0, abs=0.05)
    phase = np.linspace(0, 0.5, 2001)
    radius = 12 - 0.54127 * 3 * np.clip((phase - 1 / 16) / (5 / 16), 0, 1)
    assert assets.mesh(asset).volume == pytest.approx(np.pi * (radius**2).mean() * 1e-6 * 0.2, rel=0.02)


@pytest.mark.parametrize("section", ["rebar", "deformed"])
@pytest.mark.parametrize("size", [12.7, 16.0, 28.7])
def test_ribs_are_those_of_their_standard(section: str, size: float) -> None:
    """Heights, spacing and gaps measured on the surface; EN 10080 with EN 1992-1-1, table C.2N, and ASTM A615."""
    d = size / 1000
    path = bar_surface.Path.of([40 * d], 0.0)
    skin = bar_surface.skin(section, d, d, path, np.random.default_rng(0))
    _, along, ring = skin.strips[0]
    radius, angle = np.linalg.norm(ring, axis=2) / d, np.degrees(np.arctan2(ring[0, :, 1], ring[0, :, 0]))
    core = radius.min()
    upper = angle[:-1] > 8
    middle = np.argmin(np.abs(angle - 90))
    height = radius.max() - core
    peaks = along[1:-1, middle][np.diff(np.sign(np.diff(radius[:, middle]))) < 0]
    ridges = np.unique(np.round(np.diff(peaks[2:-2]) / d, 6))
    spacing = ridges.sum() if len(ridges) > 1 else ridges[0]  # a flat top has two edges
    tops = radius[(radius[:, middle] > core + 0.9 * height)][0, :-1]
    bare = np.interp(np.linspace(8, 172, 800), angle[:-1][upper], tops[upper]) < core + 0.1 * height
    gap = 2 * (bare.mean() * 164 + 16) / 360  # of the girth, both sides
    flare = np.interp(np.linspace(8, 172, 800), angle[:-1][upper], tops[upper]) - core
    if section == "rebar":
        assert 0.03 <= height <= 0.15
        assert 0.4 <= spacing <= 1.2
        assert gap <= 0.25
        # Both rows of ribs, projected on the section, over the girth and the spacing.
        rib_area = 2 * flare.mean() * np.radians(164) * (core + height / 2) / (np.pi * spacing)
        assert rib_area >= 0.056
    else:
        assert height >= {12.7: 0.04, 16.0: 0.045, 28.7: 0.05}[size]
        assert spacing <= 0.7
        assert gap / 2 <= 0.125


@pytest.mark.parametrize(("size", "mandrel"), [(12.0, 4), (16.0, 4), (20.0, 7), (32.0, 7)])
@pytest.mark.parametrize("section", ["round", "rebar"])
def test_hook_bends_round_its_mandrel(section: str, size: float, mandrel: int) -> None:
    """EN 1992-1-1, table 8.1N."""
    asset = built(section=section, size_mm=size, shape="hook", leg_m=0.01 * size, length_m=0.02 * size)
    width = np.ptp(asset.vertices[:, 1]) * 1000
    assert width == pytest.approx((mandrel + 2) * size, rel=0.03)


@pytest.mark.parametrize("shape", bar.SHAPES)
def test_line_of_a_bar_is_smooth_and_as_long_as_its_pieces(shape: str) -> None:
    path = bar._path(shape, 0.02, 0.4, 0.2)
    along = np.linspace(0, path.length, 20_001)
    points, normals = path.at(along)
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    assert steps.sum() == pytest.approx(path.length, rel=1e-5)
    assert np.linalg.norm(np.diff(normals, axis=0), axis=1).max() < 1e-3
    low, high = points.min(axis=0), points.max(axis=0)
    np.testing.assert_allclose(low + high, 0, atol=1e-4)
    assert np.ptp(points[:, 0]) > np.ptp(points[:, 1]) * 0.9


@pytest.mark.parametrize("section", bar.SECTIONS)
@pytest.mark.parametrize("arrangement", ["row", "stack"])
def test_bars_touch_and_do_not_pierce(section: str, arrangement: str) -> None:
    size = 30.0
    change = {"section": section, "size_mm": size, "thickness_mm": 8.0, "length_m": 0.12, "count": 4}
    ribbed = section in ("rebar", "deformed", "threaded")
    bars = parts(built(**change, arrangement=arrangement))
    middle = np.array([part.bounds.mean(axis=0) * [0, 1, 1] for part in bars])
    met = set()
    for i, one in enumerate(bars):
        for j in range(i + 1, len(bars)):
            way = middle[j] - middle[i]
            way /= np.linalg.norm(way)
            assert not crossed(one, bars[j], -2e-5 * way), (i, j)
            if crossed(one, bars[j], (0.006 if ribbed else 0.0005) * way):
                met |= {i, j}
    assert met == set(range(4))
    low = np.array([part.bounds[0, 2] for part in bars])
    assert low.min() == pytest.approx(0, abs=1e-9)
    assert (low < 0.003).sum() >= (4 if arrangement == "row" else 1)


@pytest.mark.parametrize(
    "change",
    [
        {"section": "rebar", "arrangement": "mat", "gap_mm": 40.0, "count": 3},
        {"section": "flat", "thickness_mm": 6.0, "arrangement": "mat", "gap_mm": 40.0, "count": 3},
        {"section": "deformed", "arrangement": "row", "gap_mm": 15.0, "count": 5},
        {"section": "square", "arrangement": "row", "gap_mm": 2.0, "count": 5},
        {"section": "rebar", "arrangement": "stack", "shape": "u", "leg_m": 0.11, "count": 3},
        {"section": "round", "arrangement": "stack", "shape": "hook", "leg_m": 0.11, "count": 3},
        {"section": "rebar", "arrangement": "row", "shape": "bend", "leg_m": 0.11, "count": 3},
        {"section": "deformed", "arrangement": "stack", "shape": "crank", "leg_m": 0.11, "count": 3},
    ],
)
@pytest.mark.parametrize("lay", [0, 1])
def test_bars_lie_clear_of_each_other(change: dict[str, Any], lay: int) -> None:
    bars = parts(built(**change, lay=lay))
    for i, one in enumerate(bars):
        for other in bars[i + 1 :]:
            assert not crossed(one, other, np.array([0, 0, -2e-5]))
    if change["arrangement"] != "row":  # every bar of an upper layer lies on some bar below
        for one in bars:
            if one.bounds[0, 2] > 0.01:
                assert any(crossed(one, other, np.array([0, 0, -0.004])) for other in bars if other is not one)


@pytest.mark.ci
@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
def test_sampler_keeps_to_its_budget(seed: int) -> None:
    asset = assets.build("bar", assets.sample("bar", np.random.default_rng(seed)), texel_mm=15.0)
    assert len(asset.faces) < 150_000
    assert 0.2 < np.ptp(asset.vertices, axis=0).max() < 3.5
    assert assets.mesh(asset).is_watertight


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"section": "octagon"}, "round, square, flat"),
        ({"shape": "loop"}, "bend, hook, u, crank"),
        ({"size_mm": float("nan")}, "size_mm nan: give 4 to"),
        ({"length_m": 0.0}, "0.05 to 20 m"),
        ({"section": "flat", "thickness_mm": 25.0}, "thickness_mm 25.0: give 3 to"),
        ({"section": "threaded", "size_mm": 21.0}, "16.0, 20.0"),
        ({"count": 0}, "count 0: give a whole number from 1 to 60"),
        ({"gap_mm": -1.0}, "0 to 1000 mm"),
        ({"lay": 0.5}, "whole number"),
        ({"section": "flat", "thickness_mm": 5.0, "shape": "hook", "leg_m": 0.2}, "can be bent"),
        ({"shape": "hook", "leg_m": 0.05}, "leg_m 0.05: "),
        ({"section": "rebar", "length_m": 10.0, "count": 60}, "fewer or shorter"),
        ({"arrangement": "mat", "count": 5, "gap_mm": 100.0}, "wider than"),
    ],
)
def test_impossible_bars_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        bar.bar(**PLAIN | change)


def test_drawn_mats_of_few_long_bars_keep_within_the_widest_gap() -> None:
    drawn = [bar.sample(np.random.default_rng(seed)) for seed in (13901, *range(2000))]
    assert drawn[0]["gap_mm"] == bar.WIDEST_GAP_MM
    assert all(0 <= one["gap_mm"] <= bar.WIDEST_GAP_MM for one in drawn)
    assert built(**drawn[0]).faces.size
