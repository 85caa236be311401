"""Plates: what `test_assets` does not know of holes, cut edges and what stands on a face."""

from itertools import pairwise

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from corrotwin.twin import assets
from corrotwin.twin.assets import plate, plate_parts
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry import atlas, slabs
from corrotwin.twin.geometry.slabs import Hole, slab

SIZE = (0.5, 0.4, 0.012)
HOLES = [
    Hole(x=0.05, y=0.01, diameter=0.16, flame=True),
    *(Hole(x=x, y=y, diameter=0.018) for x in (-0.2, -0.1, 0.0, 0.11, 0.2) for y in (-0.15, 0.16)),
]
PLAIN = {
    "length_m": 0.8,
    "width_m": 0.6,
    "thickness_mm": 10.0,
    "edge": "rolled",
    "opening_mm": 0.0,
    "stiffeners": 0,
    "stiffener": "flat",
    "stiffener_height_mm": 100.0,
    "fasteners": "none",
    "butt_weld": False,
    "upright": False,
}


def built(patches: list[atlas.Patch], texel_mm: float = 4.0) -> assets.AssetGeometry:
    return atlas.assemble("slab", {}, patches, thickness_mm=10.0, texel_mm=texel_mm)


@pytest.mark.parametrize("cut", slabs.CUTS)
def test_slab_with_holes_is_one_solid_with_that_many_handles(cut: str) -> None:
    shape = assets.mesh(built(slab("plate", SIZE, cut=cut, holes=HOLES)))
    assert shape.is_watertight
    assert shape.is_winding_consistent
    assert shape.body_count == 1
    assert shape.euler_number == 2 - 2 * len(HOLES)
    np.testing.assert_allclose(np.ptp(shape.vertices, axis=0), SIZE, atol=1e-9)


@pytest.mark.parametrize("cut", slabs.CUTS)
def test_holes_take_their_cylinders_out_of_the_volume(cut: str) -> None:
    whole, holed = (assets.mesh(built(slab("plate", SIZE, cut=cut, holes=holes))) for holes in ([], HOLES))
    gone = sum(np.pi / 4 * hole.diameter**2 for hole in HOLES) * SIZE[2]
    assert whole.volume - holed.volume == pytest.approx(gone, rel=0.012)  # drag lines and facets
    if cut == "rolled":
        r = 0.002
        corner = (1 - np.pi / 4) * r**2  # taken from a square arris by a round one, along the middle of what it takes
        length = 2 * (SIZE[0] + SIZE[1]) - 8 * 0.223 * r
        assert SIZE[0] * SIZE[1] * SIZE[2] - whole.volume == pytest.approx(2 * corner * length, rel=0.12)  # 4 facets


@pytest.mark.ci
def test_texels_round_a_hole_have_their_true_area() -> None:
    """By ring and by quadrant, so that no stretch in one place makes up for another."""
    holes = [Hole(x=0.01, y=0.005, diameter=0.06), Hole(x=-0.05, y=0.03, diameter=0.018)]
    asset = built(slab("plate", (0.14, 0.11, 0.01), cut="rolled", holes=holes), texel_mm=0.15)
    field = assets.texels(asset)
    flat = (field.area_mm2 > 0) & (field.normal[..., 2] > 0.999)
    bores = [island.patch.points for island in asset.islands if island.patch.zone == "hole"]
    for hole, bore in zip(holes, bores, strict=True):
        away = field.position_m[..., :2] - np.array([hole.x, hole.y])
        radius, angle = np.hypot(away[..., 0], away[..., 1]), np.arctan2(away[..., 1], away[..., 0])
        x, y = (bore[0, :, :2] - [hole.x, hole.y]).T
        lines = hole.diameter / 2 + np.array([0, 0.3, 0.6, 1.0]) * min(0.25 * hole.diameter, 0.03)
        for inner, outer in pairwise(lines):
            for quarter in range(4):
                here = flat & (radius <= outer) & (angle // (np.pi / 2) == quarter - 2)
                within = np.pi * inner**2 / 4
                if inner == lines[0]:  # facets lie within the circle
                    side = np.arctan2(y[:-1] + y[1:], x[:-1] + x[1:]) // (np.pi / 2) == quarter - 2
                    within = (x[:-1] * y[1:] - x[1:] * y[:-1])[side].sum() / 2
                else:
                    here &= radius > inner
                expected = 1e6 * (np.pi * outer**2 / 4 - within)
                assert field.area_mm2[here].sum(dtype=float) == pytest.approx(expected, rel=0.01)
    one = next(i for i in asset.islands if i.patch.zone == "face" and i.patch.wrap_u)
    rows, columns = (slice(start, start + size) for start, size in zip((one.row, one.column), one.shape, strict=True))
    square = (2 * holes[0].half) ** 2 - np.pi / 4 * holes[0].diameter ** 2
    assert field.area_mm2[rows, columns].sum(dtype=float) == pytest.approx(1e6 * square, rel=0.01)


def test_drilled_holes_are_round_and_where_they_should_be() -> None:
    patches = [patch for patch in slab("plate", SIZE, cut="rolled", holes=HOLES) if patch.zone == "hole"]
    for hole, patch in zip(HOLES, patches, strict=True):
        radius = np.linalg.norm(patch.points[..., :2] - [hole.x, hole.y], axis=2)
        deep = 0.0015 if hole.flame else 1e-9  # drag lines are cut into the plate, not out of it
        assert hole.diameter / 2 - 1e-9 <= radius.min()
        assert radius.max() <= hole.diameter / 2 + deep


def test_flame_cut_has_drag_lines_which_lag_and_others_have_none() -> None:
    for cut in slabs.CUTS:
        front = next(p for p in slab("plate", SIZE, cut=cut) if p.zone == "edge").points
        depth = front[1:-1, :, 1] + SIZE[1] / 2  # into the plate
        assert depth.min() > -1e-12
        assert depth.max() < 0.0025
        lower = depth[len(depth) // 2]
        bends = np.abs(np.diff(np.sign(np.diff(lower)))).sum() / 4  # lines: a rise and a fall each
        if cut == "flame":
            assert bends == pytest.approx(SIZE[0] / slabs.DRAG_M, rel=0.25)
            middle = slice(100, -100)
            assert np.corrcoef(depth[-1, middle], depth[0, middle])[0, 1] < 0.9
        else:
            assert bends == 0
        np.testing.assert_allclose(np.diff(front[[0, -1]][..., 2], axis=1), 0, atol=1e-12)


def test_bands_give_a_face_its_zones_and_their_arrises_crevices() -> None:
    hole = Hole(x=0.2, y=0.0, diameter=0.02)
    asset = built(slab("plate", SIZE, cut="rolled", holes=[hole], top=[(0.1, "face"), (np.inf, "covered")]))
    area = {
        name: assets.mesh(asset).area_faces[asset.face_zone == index].sum()
        for index, name in enumerate(asset.zone_names)
    }
    assert area["covered"] == pytest.approx((0.15 - 0.002) * (0.4 - 0.004) - np.pi * 0.01**2, rel=0.002)
    assert area["face"] == pytest.approx((0.35 - 0.002) * (0.4 - 0.004), rel=0.002)
    assert area["crevice"] == pytest.approx(np.pi / 2 * 0.002 * (0.4 + 2 * 0.15), rel=0.02)


@pytest.mark.ci
def test_steel_is_left_between_an_opening_and_what_else_is_on_the_plate() -> None:
    """The greatest opening that is allowed, against the vertices of all else."""
    for seed in range(10):
        parameters = assets.sample("plate", np.random.default_rng(seed)) | {"upright": False}
        with pytest.raises(InputError) as refused:
            assets.build("plate", parameters | {"opening_mm": 1e6}, texel_mm=50.0)
        if "there is no room" in str(refused.value):
            continue
        largest = float(str(refused.value).split("or 40 to ")[1].split(" mm")[0])
        asset = assets.build("plate", parameters | {"opening_mm": largest}, texel_mm=50.0)
        assert assets.mesh(asset).is_watertight
        zone = np.array(asset.zone_names)[asset.face_zone]
        bore = asset.vertices[asset.faces[zone == "hole"]].reshape(-1, 3)
        if parameters["fasteners"] != "holes":
            middle = (bore.min(axis=0) + bore.max(axis=0))[:2] / 2
            others = asset.vertices[asset.faces[(asset.face_solid > 0) | (zone == "edge")]].reshape(-1, 3)
            others = others[others[:, 2] < 0.05]  # flanges of ribs may well overhang
            assert np.linalg.norm(others[:, :2] - middle, axis=1).min() > largest / 2000 + 0.003


def test_no_tear_is_over_the_opening_or_beyond_the_plate() -> None:
    chequer = PLAIN | {"fasteners": "chequer", "opening_mm": 200.0, "butt_weld": True, "edge": "flame"}
    patches, _ = plate.plate(**chequer)  # type: ignore[arg-type]  # a plain dict
    points = np.concatenate([p.points.reshape(-1, 3) for p in patches if p.zone == "tear"])
    assert (np.abs(points[:, :2]) < np.array([0.4, 0.3]) - 0.002).all()
    assert np.hypot(points[:, 0] - 0.16, points[:, 1]).min() > 0.102
    assert np.abs(points[:, 0] + 0.08).min() > 0.009
    count = sum(p.zone == "tear" for p in patches)
    free = 0.8 * 0.6 - np.pi * 0.11**2 - 0.04 * 0.6  # without the opening and the weld, roughly
    assert count == pytest.approx(free / (2 * plate_parts.TEAR_PITCH_M**2), rel=0.15)


def test_butt_weld_ends_in_the_fillets_of_the_ribs() -> None:
    asset = assets.build("plate", PLAIN | {"stiffeners": 2, "butt_weld": True}, texel_mm=20.0)
    names = np.array(asset.solid_names)[asset.face_solid]
    webs = [asset.vertices[asset.faces[names == f"web {n}"]].reshape(-1, 3)[:, 1] for n in (1, 2)]
    for number in (1, 2, 3):
        y = asset.vertices[asset.faces[names == f"butt weld {number}"]].reshape(-1, 3)[:, 1]
        assert not any(y.min() < web.max() and web.min() < y.max() for web in webs)
        if number > 1:
            assert y.min() - webs[number - 2].max() < 0.004


@pytest.mark.ci
@settings(max_examples=10)
@given(
    length_m=st.floats(0.05, 1.5),
    width_m=st.floats(0.05, 1.5),
    thickness_mm=st.floats(2, 40),
    edge=st.sampled_from(slabs.CUTS),
    opening_mm=st.sampled_from([0.0, 50.0, 120.0, 333.0]),
    stiffeners=st.integers(0, 5),
    stiffener=st.sampled_from(plate.STIFFENERS),
    stiffener_height_mm=st.floats(20, 300),
    fasteners=st.sampled_from(plate.FASTENERS),
    butt_weld=st.booleans(),
)
def test_any_plate_is_valid_or_refused(**parameters: object) -> None:
    try:
        asset = assets.build("plate", {**parameters, "upright": True}, texel_mm=100.0)
    except InputError:
        return
    for index, name in enumerate(asset.solid_names):
        part = trimesh.Trimesh(asset.vertices, asset.faces[asset.face_solid == index], process=False)
        assert part.is_watertight, name
        assert part.is_winding_consistent, name
        assert part.volume > 0, name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"edge": "torn"}, "rolled, sheared, flame"),
        ({"fasteners": "chequer", "dents": 2}, "with chequer tears: choose one"),
        ({"opening_mm": -1.0}, "0 for none"),
        ({"opening_mm": float("nan")}, "0 for none"),
        ({"opening_mm": 600.0}, "40 to 530 mm"),
        ({"opening_mm": 100.0, "stiffeners": 4, "fasteners": "bolts"}, "40 to 69 mm"),
        ({"opening_mm": 50.0, "stiffeners": 5, "stiffener_height_mm": 200.0}, "there is no room"),
        ({"stiffeners": 4, "stiffener": "tee", "stiffener_height_mm": 300.0}, "they would meet"),
        ({"fasteners": "holes", "width_m": 0.06}, "no room"),
        ({"fasteners": "chequer", "length_m": 19.0, "width_m": 19.0}, "at most 10"),
        ({"length_m": float("inf")}, "0.05 to 20 m"),
    ],
)
def test_bad_plates_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        assets.build("plate", PLAIN | change, texel_mm=20.0)


def test_sampler_knows_every_sort_of_plate() -> None:
    drawn = [assets.sample("plate", np.random.default_rng(seed)) for seed in range(200)]
    assert {one["edge"] for one in drawn} == set(slabs.CUTS)
    assert {one["fasteners"] for one in drawn} == set(plate.FASTENERS)
    assert 20 < sum(one["opening_mm"] > 0 for one in drawn) < 120
    assert {one["stiffeners"] for one in drawn} == {0, 1, 2, 3}
