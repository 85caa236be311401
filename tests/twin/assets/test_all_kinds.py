"""One contract for all kinds of asset, foreign meshes among them, and what each kind promises of its own."""

import re
from functools import cache
from math import prod

import foreign
import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from corrotwin.twin import assets
from corrotwin.twin.assets import AssetGeometry
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry import atlas, packing

CASES = [
    pytest.param(kind, seed, marks=[pytest.mark.slow] if seed else []) for kind in assets.KINDS for seed in (0, 1, 4)
]
# Finer than ribs, pressings and rounded arrises; of other kinds 6 mm.
TEXEL_MM = {"bar": 0.3, "panel": 2.0, "truss": 2.0, "column": 2.0, "girder": 2.0}
FOREIGN = [pytest.param(f"{foreign.MESH}{name}", 0) for name in foreign.NAMES]
SURFACES = [*CASES, *FOREIGN]


@cache
def built(kind: str, seed: int) -> AssetGeometry:
    if kind.startswith(foreign.MESH):
        return foreign.built(kind.removeprefix(foreign.MESH))
    parameters = assets.sample(kind, np.random.default_rng(seed))
    return assets.build(kind, parameters, texel_mm=TEXEL_MM.get(kind, 6.0))


@cache
def texels(kind: str, seed: int) -> assets.Texels:
    return assets.texels(built(kind, seed))


def volumes(asset: AssetGeometry) -> np.ndarray:
    """Volume of each solid, m³; negative if its normals point inwards."""
    a, b, c = (asset.vertices[asset.faces[:, corner]] for corner in range(3))
    return np.bincount(asset.face_solid, (a * np.cross(b, c)).sum(axis=1)) / 6


def assert_solid(asset: AssetGeometry) -> None:
    """Every solid closed, consistently wound, its normals out; nothing shared between solids."""
    shape = assets.mesh(asset)
    assert shape.is_watertight
    assert shape.is_winding_consistent
    assert (volumes(asset) > 0).all()
    owner = np.full(len(asset.vertices), -1)
    owner[asset.faces] = asset.face_solid[:, None]
    assert (owner[asset.faces] == asset.face_solid[:, None]).all()


@pytest.mark.parametrize(("kind", "seed"), CASES)
def test_solids_are_closed_with_normals_out(kind: str, seed: int) -> None:
    assert_solid(built(kind, seed))


def winding(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """How often each point (n, 3) is enclosed by triangles (m, 3, 3): the sum of solid angles over 4 pi.

    A. van Oosterom and J. Strackee, The solid angle of a plane triangle, IEEE Trans. Biomed. Eng. 30 (1983).
    """
    total = np.zeros(len(points))
    for start in range(0, len(triangles), 4000):
        a, b, c = (triangles[None, start : start + 4000, corner] - points[:, None] for corner in range(3))
        la, lb, lc = (np.linalg.norm(one, axis=2) for one in (a, b, c))
        volume = (a * np.cross(b, c)).sum(axis=2)
        dots = (a * b).sum(axis=2) * lc + (b * c).sum(axis=2) * la + (c * a).sum(axis=2) * lb
        total += np.arctan2(volume, la * lb * lc + dots).sum(axis=1)
    return total / (2 * np.pi)


def surface_points(
    asset: AssetGeometry, faces: np.ndarray, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, ...]:
    """Points (n, 3), their normals (n, 3) and their faces (n,), at random by area over some faces of an asset."""
    part = trimesh.Trimesh(asset.vertices, asset.faces[faces], process=False)
    points, index = trimesh.sample.sample_surface(part, count, seed=int(rng.integers(2**31)))
    return np.asarray(points), part.face_normals[index], faces[index]


@pytest.mark.ci
@pytest.mark.parametrize(("kind", "seed"), CASES)
def test_no_solid_pierces_itself(kind: str, seed: int) -> None:
    """Just outside of its surface a solid encloses a point never, just inside once."""
    asset, rng = built(kind, seed), np.random.default_rng(0)
    sorts = {re.sub(r"[0-9]+", "", name): index for index, name in enumerate(asset.solid_names)}  # one of each sort
    for name, index in sorts.items():
        faces = np.flatnonzero(asset.face_solid == index)
        points, normals, _ = surface_points(asset, faces, 40, rng)
        for side, expected in ((1, 0), (-1, 1)):
            enclosed = winding(points + side * 2e-5 * normals, asset.vertices[asset.faces[faces]])
            # A point beside an edge may lie on the other side of the neighbouring face: no more than one in twenty.
            assert (np.abs(enclosed - expected) < 0.1).mean() >= 0.95, name
            assert (np.abs(enclosed - 0.5) < 0.6).all(), name  # enclosed twice, or turned inside out


@pytest.mark.ci
@pytest.mark.parametrize(("kind", "seed"), CASES)
def test_solids_rest_on_each_other_and_do_not_pass_through(kind: str, seed: int) -> None:
    """Hardly any surface in the air lies in another solid as large or larger, or against it; weld beads may.

    (A large solid may well reach into a small one: a plate lies under its rivets.)
    """
    asset, rng = built(kind, seed), np.random.default_rng(0)
    volume = volumes(asset)
    zone = np.array(asset.zone_names)[asset.face_zone]
    faces = np.flatnonzero((zone != "covered") & (zone != "weld"))
    points, normals, face = surface_points(asset, faces, 1500, rng)
    points = points + 0.0005 * normals
    inside = np.zeros(len(points), dtype=bool)
    for index in range(len(asset.solid_names)):
        mine = np.flatnonzero(asset.face_solid == index)
        if (zone[mine] == "weld").any():
            continue
        corners = asset.vertices[asset.faces[mine]]
        low, high = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))
        near = ((points > low) & (points < high)).all(axis=1) & (asset.face_solid[face] != index)
        near &= volume[asset.face_solid[face]] <= 1.01 * volume[index]
        if near.any():
            inside[near] |= winding(points[near], corners) > 0.5
    assert inside.mean() < 0.02, {asset.solid_names[asset.face_solid[one]] for one in face[inside]}


@pytest.mark.ci
@pytest.mark.parametrize(("kind", "seed"), SURFACES)
def test_asset_rests_on_the_ground_over_the_origin(kind: str, seed: int) -> None:
    low, high = built(kind, seed).vertices.min(axis=0), built(kind, seed).vertices.max(axis=0)
    np.testing.assert_allclose([low[2], *(low + high)[:2]], 0, atol=1e-9)


@pytest.mark.ci
@pytest.mark.parametrize(("kind", "seed"), CASES)
def test_islands_with_gutters_do_not_overlap(kind: str, seed: int) -> None:
    asset = built(kind, seed)
    uses = np.zeros(asset.atlas_shape, dtype=int)
    for island in asset.islands:
        height, width = island.shape
        assert island.row >= atlas.GUTTER <= island.column
        uses[
            island.row - atlas.GUTTER : island.row + height + atlas.GUTTER,
            island.column - atlas.GUTTER : island.column + width + atlas.GUTTER,
        ] += 1
    assert uses.max() == 1
    np.testing.assert_array_equal(uses == 1, texels(kind, seed).zone >= 0)


@pytest.mark.ci
@pytest.mark.parametrize(("kind", "seed"), SURFACES)
def test_texel_areas_sum_to_the_area_of_each_zone(kind: str, seed: int) -> None:
    asset = built(kind, seed)
    areas = assets.mesh(asset).area_faces * 1e6
    for zone in range(len(asset.zone_names)):
        total = texels(kind, seed).area_mm2[texels(kind, seed).zone == zone].sum(dtype=float)
        assert total == pytest.approx(areas[asset.face_zone == zone].sum(), rel=0.01)


@pytest.mark.ci
@pytest.mark.parametrize(("kind", "seed"), SURFACES)
def test_texel_under_a_point_of_the_mesh_lies_there(kind: str, seed: int) -> None:
    """The renderer goes from a hit to uv to a texel; the field there was computed for the texel's own place.

    Not where a chart of a foreign mesh folds over itself: no more than one place in a thousand.
    """
    asset, field = built(kind, seed), texels(kind, seed)
    rng = np.random.default_rng(0)
    face = rng.choice(len(asset.faces), 4000)
    weights = rng.dirichlet([1, 1, 1], len(face))
    point = (weights[..., None] * asset.vertices[asset.faces[face]]).sum(axis=1)
    u, v = (weights[..., None] * asset.uv[face]).sum(axis=1).T
    height, width = asset.atlas_shape
    row, column = np.floor(v * height).astype(int), np.floor(u * width).astype(int)
    is_foreign = asset.face_chart is not None
    assert (field.zone[row, column] == asset.face_zone[face]).mean() >= (0.999 if is_foreign else 1)
    away = np.linalg.norm(field.position_m[row, column] - point, axis=1)
    if is_foreign:
        assert np.quantile(away, 0.9) < 1e-3 * asset.texel_mm
        assert np.quantile(away, 0.999) < 2e-3 * asset.texel_mm
        return
    # Half a texel's diagonal; islands have at least two texels a side, and stretch where circles shrink.
    assert np.quantile(away, 0.9) < 0.008
    assert away.max() < 0.03


@pytest.mark.ci
@pytest.mark.parametrize(("kind", "seed"), SURFACES)
def test_texel_normals_are_those_of_the_mesh(kind: str, seed: int) -> None:
    asset, field = built(kind, seed), texels(kind, seed)
    inside = field.area_mm2 > 0
    np.testing.assert_allclose(np.linalg.norm(field.normal[inside], axis=1), 1, atol=1e-5)
    height, width = asset.atlas_shape
    u, v = asset.uv.mean(axis=1).T
    row, column = np.floor(v * height).astype(int), np.floor(u * width).astype(int)
    shape = assets.mesh(asset)
    corners = asset.vertices[asset.faces]
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    large = 2 * shape.area_faces / longest > 0.0005 * asset.texel_mm  # no narrower than half a texel
    assert large.sum() > 10
    agreement = (shape.face_normals * field.normal[row, column]).sum(axis=1)[large]
    # A neighbouring facet of the bar is 7.5 degrees away; of a foreign mesh a sharp edge may lie within the texel, and
    # of a rounded arris the next facet: slivers, of which a girder of many plates has many.
    least = 0.98 if asset.face_chart is not None else 0.995 if kind in ("truss", "column", "girder") else 1
    assert np.average(agreement > 0.95, weights=shape.area_faces[large]) >= least


@pytest.mark.ci
@pytest.mark.parametrize(("kind", "seed"), FOREIGN)
def test_charts_keep_apart_by_their_gutters(kind: str, seed: int) -> None:
    """A texel between two charts that lookups reach belongs to one of them alone."""
    asset = built(kind, seed)
    assert asset.face_chart is not None
    height, width = asset.atlas_shape
    uses = np.zeros((height + 1, width + 1), dtype=int)
    texel = asset.uv * (width, height)
    for chart in range(int(asset.face_chart.max()) + 1):
        own = texel[asset.face_chart == chart].reshape(-1, 2)
        column, row = np.floor(own.min(axis=0) + 1e-6).astype(int)
        last_column, last_row = np.ceil(own.max(axis=0) - 1e-6).astype(int)
        assert row >= atlas.GUTTER <= column
        uses[row - atlas.GUTTER : last_row + atlas.GUTTER, column - atlas.GUTTER : last_column + atlas.GUTTER] += 1
    assert uses.max() == 1


@pytest.mark.ci
@pytest.mark.parametrize(("kind", "seed"), FOREIGN)
def test_texels_of_charts_are_true_in_size(kind: str, seed: int) -> None:
    asset = built(kind, seed)
    height, width = asset.atlas_shape
    first, second = ((asset.uv[:, corner] - asset.uv[:, 0]) * (width, height) for corner in (1, 2))
    shown = np.abs(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]) * (asset.texel_mm / 1000) ** 2
    doubled = asset.triangles[2]
    large = doubled > 1e-12
    assert np.abs(shown / np.maximum(doubled, 1e-30) - 1)[large].max() < 0.11


@pytest.mark.ci
@pytest.mark.parametrize("kind", assets.KINDS)
def test_building_twice_gives_the_same_bytes(kind: str) -> None:
    first = built(kind, 0)
    second = assets.build(kind, assets.sample(kind, np.random.default_rng(0)), texel_mm=TEXEL_MM.get(kind, 6.0))
    for name in ("vertices", "faces", "uv", "face_zone", "face_solid"):
        assert getattr(first, name).tobytes() == getattr(second, name).tobytes(), name
    assert texels(kind, 0).position_m.tobytes() == assets.texels(second).position_m.tobytes()


@pytest.mark.parametrize("kind", assets.KINDS)
@settings(max_examples=1)
@given(seed=st.integers(0, 2**32 - 1))
def test_sampler_makes_a_valid_asset(kind: str, seed: int) -> None:
    assert_drawn_well(kind, seed)


@pytest.mark.slow
@pytest.mark.parametrize("kind", assets.KINDS)
@settings(max_examples=80)
@given(seed=st.integers(0, 2**32 - 1))
def test_sampler_never_makes_an_invalid_asset(kind: str, seed: int) -> None:
    assert_drawn_well(kind, seed)


def assert_drawn_well(kind: str, seed: int) -> None:
    asset = assets.build(kind, assets.sample(kind, np.random.default_rng(seed)), texel_mm=15.0)
    assert_solid(asset)
    field = assets.texels(asset)
    assert np.isfinite(field.position_m).all()
    assert field.area_mm2.sum(dtype=float) == pytest.approx(assets.mesh(asset).area * 1e6, rel=0.01)


def test_gutter_of_a_wrapped_island_carries_the_other_side() -> None:
    asset = built("pipe", 1)
    field = texels("pipe", 1)
    island = next(i for i in asset.islands if i.patch.zone == "body")
    rows = slice(island.row, island.row + island.shape[0])
    left, right = island.column, island.column + island.shape[1]
    for step in (1, 2):
        np.testing.assert_array_equal(field.position_m[rows, left - step], field.position_m[rows, right - step])
        np.testing.assert_array_equal(field.position_m[rows, right + step - 1], field.position_m[rows, left + step - 1])
    below = field.position_m[island.row - 1, left:right]
    np.testing.assert_array_equal(below, field.position_m[island.row, left:right])
    assert (field.area_mm2[rows, left - 1] == 0).all()


def test_finer_texels_keep_the_mesh() -> None:
    parameters = assets.sample("plate", np.random.default_rng(0))
    coarse, fine = (assets.build("plate", parameters, texel_mm=size) for size in (8.0, 4.0))
    np.testing.assert_array_equal(coarse.vertices, fine.vertices)
    np.testing.assert_array_equal(coarse.faces, fine.faces)


def test_pipe_has_the_volume_of_its_steel() -> None:
    parameters = {
        **assets.sample("pipe", np.random.default_rng(0)),
        "nps": "8",
        "schedule": "80",
        "run_m": 1.5,
        "leg_m": 0,
        "pieces": 1,
        "flanged": False,
        "start": "cut",
        "finish": "cut",
        "branch_nps": "none",
        "supports_at_m": [],
        "upright": True,
    }
    asset = assets.build("pipe", parameters, texel_mm=10.0)
    exact = np.pi / 4 * (0.2191**2 - (0.2191 - 2 * 0.0127) ** 2) * 1.5
    assert assets.mesh(asset).volume == pytest.approx(exact, rel=2e-3)
    assert asset.nominal_thickness_mm == 12.7
    np.testing.assert_allclose(
        asset.vertices.max(axis=0) - asset.vertices.min(axis=0), [0.2191, 0.2191, 1.5], rtol=1e-3
    )


PIPE = {
    "nps": "8", "schedule": "40", "run_m": 1.5, "pieces": 1, "flanged": False, "start": "cut", "finish": "cut",
    "leg_m": 0.0, "branch_nps": "none", "upright": False, "supports_at_m": [0.5], "support_m": 0.6, "support": "saddle",
}  # fmt: skip
SMALL_PIPE = {**PIPE, "nps": "1", "support": "clamp", "support_m": 0.3}
BEAM = {"section": "HEB 200", "length_m": 1.5, "joint_m": 0.7, "joint": "none", "stance": "beam", "stiffeners": 0}
BEARING = {
    "design": "sliding", "height_m": 0.1, "travel_mm": 0.0, "width_m": 0.3, "ribs": 2, "anchors": 2,
    "girder": "girder 800", "span_m": 1.0,
}  # fmt: skip
STAIR = {"slope_degrees": 40.0, "rise_mm": 180.0}
RIBBED = {"thickness_mm": 20.0, "stiffeners": 1, "stiffener": "tee", "stiffener_height_mm": 80.0, "width_m": 1.0}


@pytest.mark.parametrize(
    ("kind", "change", "expected"),
    [
        ("beam", BEAM, {"beam 1/flange": {15}, "beam 1/edge": {15}, "beam 1/web": {9}, "beam 1/end": {9}}),
        (
            "beam",
            {**BEAM, "joint": "cleats"},
            {"framed beam/flange": {6.3}, "framed beam/web": {4.4}, "cleat left/edge": {6}},
        ),
        ("bearing", BEARING, {"girder/flange": {25}, "girder/web": {10}, "girder/weld": {10}, "girder/end": {10}}),
        (
            "stair",
            {**STAIR, "stringer": "channel"},
            {"stringer left/stringer": {7, 12.5}, "stringer left/edge": {12.5}},
        ),
        ("stair", {**STAIR, "stringer": "flat"}, {"stringer left/stringer": {10}, "stringer left/edge": {10}}),
        ("plate", RIBBED, {"plate/face": {20}, "web 1/stiffener": {8}, "flange 1/stiffener": {8}}),
        ("pipe", PIPE, {"run 1/body": {8.18}, "pad of support 1/clamp": {5.48}, "post of support 1/post": {5, 8}}),
        ("pipe", {**PIPE, "support": "ubolt", "upright": True}, {"rail/post": {5, 8}, "rail/edge": {8}}),
        (
            "pipe",
            SMALL_PIPE,
            {"post of support 1/post": {3}, "strap upper of support 1/clamp": {4}, "shank 1 of support 1/bolt": {10}},
        ),
    ],
)
def test_metal_is_as_thick_as_its_own_part(kind: str, change: dict[str, object], expected: dict[str, set]) -> None:
    asset = assets.build(kind, {**assets.sample(kind, np.random.default_rng(0)), **change}, texel_mm=20.0)
    found: dict[str, set[float]] = {}
    for island in asset.islands:
        own = island.patch.thickness_mm
        behind = asset.nominal_thickness_mm if own is None else own
        found.setdefault(f"{island.patch.solid}/{island.patch.zone}", set()).add(round(behind, 2))
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("boat", {}, "pipe, chain, plate"),
        ("pipe", {"nps": "7"}, "choose from nps 1/2, 3/4"),
        ("pipe", {"schedule": "41"}, "choose from schedules 5, 10"),
        ("pipe", {"run_m": 0.01}, "too short"),
        ("pipe", {"run_m": float("nan")}, "too short"),
        ("pipe", {"colour": "red"}, "colour"),
        ("chain", {"link": "round"}, "stud, studless"),
        ("chain", {"links": 0}, "chain links 0: give a whole number from 1 to"),
        ("chain", {"diameter_mm": -5.0}, "1 to 500 mm"),
        ("plate", {"thickness_mm": 0.0}, "thickness_mm 0.0: give 2 to"),
        ("plate", {"fasteners": "glue"}, "rivets"),
        ("plate", {"stiffeners": 19, "width_m": 0.5}, "0.1 m"),
    ],
)
def test_impossible_assets_are_refused(kind: str, change: dict[str, object], message: str) -> None:
    parameters = assets.sample(kind, np.random.default_rng(0)) if kind in assets.KINDS else {}
    with pytest.raises(InputError, match=message):
        assets.build(kind, {**parameters, **change}, texel_mm=5.0)


def test_too_fine_an_atlas_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where memory is short, however few texels; and at any rate where their files would be too large."""
    parameters = assets.sample("plate", np.random.default_rng(0))
    assert prod(assets.build("plate", parameters, texel_mm=4.0).atlas_shape) * packing.TEXEL_BYTES < 1e9
    monkeypatch.setattr(packing, "available_bytes", lambda: 2_000_000)
    with pytest.raises(InputError, match=r"of memory, but 0.0 GB are available; choose a larger texel") as refused:
        assets.build("plate", parameters, texel_mm=4.0)
    assert len(str(refused.value).splitlines()) == 1
    monkeypatch.setattr(packing, "available_bytes", lambda: None)  # not known
    assert assets.build("plate", parameters, texel_mm=4.0)
    with pytest.raises(InputError, match="more than 64,000,000; choose a larger texel"):
        assets.build("plate", parameters, texel_mm=0.1)


def test_twelve_metres_of_a_large_pipe_at_two_millimetres_fit_four_gigabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "available_bytes", lambda: 4_000_000_000)
    given = {**PIPE, "nps": "24", "run_m": 12.0, "supports_at_m": []}
    asset = assets.build("pipe", {**assets.sample("pipe", np.random.default_rng(0)), **given}, texel_mm=2.0)
    assert 16_000_000 < prod(asset.atlas_shape) < 25_000_000
