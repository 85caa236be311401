"""Sheet and shell forms: developed widths, volumes, true thickness, dents, and what is refused."""

from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad

from corrotwin.twin import assets
from corrotwin.twin.assets import AssetGeometry
from corrotwin.twin.assets.sheets.profiled import PROFILES
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry.opposite import opposite_surface

KINDS = ("cladding", "hull", "panel", "tank")
CLADDING: dict[str, Any] = {"profile": "corrugated 76/18", "thickness_mm": 0.6, "sheets": 1, "length_m": 1.4}
HULL: dict[str, Any] = {"length_m": 2.4, "girth_m": 2.0, "thickness_mm": 10.0, "frames": 4}
PANEL: dict[str, Any] = {"width_m": 0.95, "height_m": 0.62, "thickness_mm": 0.8}
TANK: dict[str, Any] = {"diameter_m": 2.0, "height_m": 2.4, "shell_mm": 6.0, "bottom_mm": 8.0}
GIVEN = {"cladding": CLADDING, "hull": HULL, "panel": PANEL, "tank": TANK}


def built(kind: str, **changes: Any) -> AssetGeometry:
    return assets.build(kind, {**GIVEN[kind], **changes}, texel_mm=20.0)


def volume(asset: AssetGeometry, solid: str) -> float:
    faces = asset.faces[asset.face_solid == asset.solid_names.index(solid)]
    a, b, c = (asset.vertices[faces[:, corner]] for corner in range(3))
    return float((a * np.cross(b, c)).sum() / 6)


def developed(profile: str) -> float:
    """Length of one sheet of a profile across its ribs, m, by another way than its mesh."""
    shape = PROFILES[profile]
    pitch, depth = shape.pitch / 1000, shape.depth / 1000
    if shape.round:
        slope = np.pi * depth / pitch
        one = quad(lambda x: np.sqrt(1 + (slope * np.sin(2 * np.pi * x / pitch)) ** 2), 0, pitch)[0]
    else:
        web = (pitch - (shape.crown + shape.trough) / 1000) / 2
        one = (shape.crown + shape.trough) / 1000 + 2 * np.hypot(web, depth)
    return float((shape.ribs + 1) * one)  # half a pitch more at either side, half of which laps


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profiled_sheet_has_the_volume_of_its_developed_width(profile: str) -> None:
    asset = built("cladding", profile=profile)
    steel = developed(profile) * 1.4 * 0.0006
    assert volume(asset, "sheet 1") == pytest.approx(steel, rel=0.006)
    face = asset.face_zone == asset.zone_names.index("face")
    sheet = face & (asset.face_solid == asset.solid_names.index("sheet 1"))
    assert assets.mesh(asset).area_faces[sheet].sum() == pytest.approx(developed(profile) * 1.4, rel=0.01)


def test_sheets_lap_by_a_pitch_and_press_on_each_other() -> None:
    one, three = built("cladding"), built("cladding", sheets=3)
    pitch, ribs = 0.076, PROFILES["corrugated 76/18"].ribs
    wide = [np.ptp(asset.vertices[:, 0]) for asset in (one, three)]
    assert wide[1] - wide[0] == pytest.approx(2 * ribs * pitch, abs=1e-3)
    covered = three.face_zone == three.zone_names.index("covered")
    sheets = np.array([name.startswith("sheet") for name in three.solid_names])[three.face_solid]
    area = assets.mesh(three).area_faces[covered & sheets].sum()
    per_lap = 2 * developed("corrugated 76/18") / (ribs + 1) * 1.4  # both faces of a pitch
    assert area == pytest.approx(2 * per_lap, rel=0.02)


def test_every_screw_sits_over_a_purlin_on_the_sheet() -> None:
    asset = built("cladding", sheets=2, purlins=2, fixing="crest", every=1)
    heads = [name for name in asset.solid_names if name.startswith("washer")]
    assert len(heads) == 2 * 2 * PROFILES["corrugated 76/18"].ribs
    for name in heads:
        own = asset.vertices[np.unique(asset.faces[asset.face_solid == asset.solid_names.index(name)])]
        other = asset.vertices[np.unique(asset.faces[asset.face_solid == asset.solid_names.index("sheet 1")])]
        assert own[:, 1].min() < other[:, 1].min() + 0.001  # the crest is in front: a wall looks to -y


@pytest.mark.parametrize(
    ("kind", "zone", "solid", "mm"),
    [
        ("cladding", "face", "sheet 1", 0.6), ("hull", "side", "plating", 10.0), ("panel", "back", "skin", 0.8),
        ("panel", "face", "inner", 0.7), ("tank", "body", "course 1", 6.0),
    ],
)  # fmt: skip
def test_the_other_face_is_as_far_away_as_the_sheet_is_thick(kind: str, zone: str, solid: str, mm: float) -> None:
    asset = built(kind, **({"dents": 3, "lay": 5} if kind != "tank" else {}))
    field = assets.texels(asset)
    owner = np.full(asset.atlas_shape, -1)
    for island in asset.islands:
        rows, columns = (slice(at, at + n) for at, n in zip((island.row, island.column), island.shape, strict=True))
        owner[rows, columns] = asset.solid_names.index(island.patch.solid)
    here = (field.zone == asset.zone_names.index(zone)) & (owner == asset.solid_names.index(solid))
    here &= field.area_mm2 > 0
    place, normal = field.position_m[here][::7], field.normal[here][::7]
    np.testing.assert_allclose(field.thickness_mm[here], mm, rtol=1e-6)
    behind = opposite_surface(asset, place, normal, field.thickness_mm[here][::7])
    assert behind.found.mean() > 0.97
    depth = np.linalg.norm(behind.position_m - place, axis=1)[behind.found] * 1000
    assert np.quantile(np.abs(depth / mm - 1), 0.9) < 0.05


def test_plating_is_bowed_by_the_stated_depth_in_the_middle_of_bays_and_not_at_frames() -> None:
    flat, bowed = (built("hull", bow_mm=mm, butt=False, strakes=1, sweep_m=1000.0) for mm in (0.0, 18.0))
    solid = flat.solid_names.index("plating")
    points = [asset.vertices[np.unique(asset.faces[asset.face_solid == solid])] for asset in (flat, bowed)]
    # The assets are centred by their own boxes: compare with the frames, which stay.
    web = [
        asset.vertices[np.unique(asset.faces[asset.face_solid == asset.solid_names.index("web 2")])]
        for asset in (flat, bowed)
    ]
    inward = (points[1] - web[1].mean(axis=0)) - (points[0] - web[0].mean(axis=0))
    deep = 1000 * np.linalg.norm(inward, axis=1)
    assert deep.max() == pytest.approx(18.0, abs=0.3)
    x = points[0][:, 0]
    frames = np.linspace(0.12 - 1.2, 1.2 - 0.12, 4)
    at_frames = np.abs(x[:, None] - frames).min(axis=1) < 1e-6
    assert deep[at_frames].max() < 0.05
    assert at_frames.sum() > 50


def test_a_tank_holds_the_volume_of_its_steel() -> None:
    asset = built("tank", courses=2)
    radius = 1.0
    shell = sum(volume(asset, f"course {number}") for number in (1, 2))
    assert shell == pytest.approx(np.pi * (radius**2 - (radius - 0.006) ** 2) * 2.4, rel=2e-3)
    assert volume(asset, "bottom") == pytest.approx(np.pi * (radius + 0.055) ** 2 * 0.008, rel=2e-3)
    riveted = built("tank", courses=2, seams="riveted")
    lap = sum(volume(riveted, f"course {number}") for number in (1, 2)) / shell
    assert lap == pytest.approx(1 + 0.13 / 2.4, rel=0.01)


def test_the_skin_of_a_door_is_hemmed_round_its_inner_panel() -> None:
    asset = built("panel")
    low = {}
    for solid in ("skin", "inner"):
        own = asset.vertices[np.unique(asset.faces[asset.face_solid == asset.solid_names.index(solid)])]
        low[solid] = own[:, [0, 2]].min(axis=0), own[:, [0, 2]].max(axis=0)
    reach = 0.0008 + 0.00035  # of the bend beyond the edge
    np.testing.assert_allclose(low["inner"][0] - low["skin"][0], reach, atol=6e-4)
    np.testing.assert_allclose(low["skin"][1] - low["inner"][1], reach, atol=6e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_dent_of_each_kind_moves_metal_and_keeps_solids_closed(kind: str) -> None:
    if kind == "tank":
        pytest.skip("has no dents")
    plain, bent = built(kind), built(kind, dents=4, dent_mm=6.0, lay=3)
    assert assets.mesh(bent).is_watertight
    assert len(bent.faces) > len(plain.faces)
    assert assets.mesh(bent).volume == pytest.approx(assets.mesh(plain).volume, rel=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_what_the_sampler_draws_is_accepted(kind: str) -> None:
    for seed in range(200):
        patches, thickness = assets.KINDS[kind].build(**assets.sample(kind, np.random.default_rng(seed)))
        assert thickness > 0
        assert sum(2 * (p.points.shape[0] - 1) * (p.points.shape[1] - 1) for p in patches) < 260_000


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("cladding", {"profile": "wavy"}, "corrugated 76/18"),
        ("cladding", {"thickness_mm": 5.0}, "0.4 to 1.5 mm"),
        ("cladding", {"sheets": 0}, "1 to 12"),
        ("cladding", {"purlins": 9}, "2 to 8"),
        ("cladding", {"dents": -1}, "up to 20 dents"),
        ("hull", {"frames": 2}, "0.35 to 1.05 m"),
        ("hull", {"bow_mm": 500.0}, "hull bow_mm 500.0: give 0 to"),
        ("hull", {"fender_m": 0.1}, "0 for none, or"),
        ("hull", {"strakes": 5, "girth_m": 1.8}, "0.4 m for each"),
        (
            "hull",
            {"strakes": 1, "girth_m": 1.0, "bilge_m": 4.0, "keel": True, "fender_m": 0.0},
            "hull keel with bilge_m",
        ),
        ("hull", {"strakes": 1, "girth_m": 1.0, "bilge_m": 4.0, "fender_m": 0.5}, "no room above the bilge"),
        ("panel", {"thickness_mm": 3.0}, "0.6 to 1.2 mm"),
        ("panel", {"arch_mm": 500.0}, "40 to"),
        ("panel", {"sill": True, "lean_degrees": 8.0}, "0 over a sill"),
        ("tank", {"seams": "glued"}, "welded, riveted"),
        ("tank", {"diameter_m": 5.0, "seams": "riveted"}, "choose welded seams"),
        ("tank", {"courses": 1, "girder": True}, "two courses"),
        ("tank", {"height_m": 0.9, "courses": 1, "outlet_nps": "6", "manhole_nps": "24"}, "no room"),
    ],
)
def test_impossible_sheets_are_refused_in_one_line(kind: str, change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as refused:
        built(kind, **change)
    assert len(str(refused.value).splitlines()) == 1
