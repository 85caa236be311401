"""Inside and outside of one wall face each other: a ray along minus the normal meets the bore at the nominal thickness.

What an ultrasonic reading measures is the steel between two faces; this is what registers them.
"""

from typing import Any

import numpy as np
import pytest
from scipy.spatial import cKDTree

from corrotwin.twin import assets
from corrotwin.twin.assets import AssetGeometry, Texels

START_M = 0.001  # outside of the surface
NEAR_M = 0.06  # this near to welds, nozzles, branches and the like a ray may meet other steel
PIPE: dict[str, Any] = {
    "nps": "8", "schedule": "40", "run_m": 1.5, "pieces": 2, "flanged": False, "start": "cut", "finish": "cut",
    "leg_m": 0.6, "leg_degrees": 90.0, "branch_nps": "3", "branch_at_m": 0.35, "branch_m": 0.3, "branch_degrees": 0.0,
    "branch_end": "flange", "support": "saddle", "supports_at_m": [0.6, 1.1], "support_m": 0.6, "upright": False,
}  # fmt: skip
VESSEL: dict[str, Any] = {
    "inside_mm": 1000.0, "length_m": 2.6, "shell_mm": 10.0, "head_mm": 12.0, "head": "ellipsoidal", "courses": 2,
    "nozzles_nps": [3.0, 18.0], "nozzles_at_m": [0.25, 1.6], "nozzles_degrees": [0.0, 0.0],
    "head_nozzles_nps": [3.0, 0.0], "nozzle_schedule": "80", "nozzle_m": 0.15, "nozzle_end": "flange",
    "support": "saddles", "support_m": 0.4, "saddle_m": 0.55,
}  # fmt: skip
CASES: list[tuple[str, dict[str, Any], set[str]]] = [
    ("pipe", PIPE, {"body", "elbow"}),
    ("pipe", {**PIPE, "od_mm": 508.0, "wall_mm": 6.35, "run_m": 2.6, "supports_at_m": []}, {"body", "elbow"}),
    (
        "pipe",
        {**PIPE, "nps": "48", "schedule": "XS", "leg_m": 1.0, "run_m": 2.6, "supports_at_m": []},
        {"body", "elbow"},
    ),
    ("vessel", VESSEL, {"body", "head"}),
    ("vessel", {**VESSEL, "head": "torispherical"}, {"body", "head"}),
    ("vessel", {**VESSEL, "support": "skirt", "support_m": 1.0}, {"body", "head"}),
    ("vessel", {**VESSEL, "support": "legs", "support_m": 1.0, "nozzles_at_m": [0.6, 1.7]}, {"body", "head"}),
]


def outside_places(
    asset: AssetGeometry, field: Texels, zone: str, solids: str, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions, normals and nominal thickness of texels at random in one zone, far from welds and other parts."""
    index = asset.zone_names.index(zone)
    chosen = np.flatnonzero((field.zone.ravel() == index) & (field.area_mm2.ravel() > 0))
    own = np.array([name.startswith(tuple(solids.split())) for name in asset.solid_names])
    others = asset.vertices[np.unique(asset.faces[~own[asset.face_solid]])]
    position = field.position_m.reshape(-1, 3)[chosen]
    far = cKDTree(others).query(position)[0] > NEAR_M
    picked = rng.choice(chosen[far], 1500, replace=False)
    return (
        field.position_m.reshape(-1, 3)[picked].astype(float),
        field.normal.reshape(-1, 3)[picked].astype(float),
        field.thickness_mm.ravel()[picked].astype(float),
    )


@pytest.mark.ci
@pytest.mark.parametrize(("kind", "parameters", "zones"), CASES)
def test_a_ray_through_the_wall_meets_the_bore_at_the_nominal_thickness(
    kind: str, parameters: dict[str, Any], zones: set[str]
) -> None:
    asset = assets.build(kind, parameters, texel_mm=8.0)
    field, rng = assets.texels(asset), np.random.default_rng(0)
    bore = asset.zone_names.index("bore")
    for zone in sorted(zones):
        position, normal, nominal = outside_places(asset, field, zone, "run elbow leg shell first second", rng)
        origin = position + START_M * normal
        place, ray, face = asset.welded.ray.intersects_location(origin, -normal, multiple_hits=True)
        through = 1000 * np.linalg.norm(place - origin[ray], axis=1)
        first = np.full(len(position), np.inf)
        inside = asset.face_zone[face] == bore
        np.minimum.at(first, ray[inside], through[inside])
        off = np.abs(first - 1000 * START_M - nominal) / nominal
        assert (off < 0.03).mean() >= 0.99, (zone, np.quantile(off, [0.5, 0.98, 0.99]))


def test_the_bore_is_as_thick_as_the_wall_that_it_lines() -> None:
    asset = assets.build("vessel", VESSEL, texel_mm=20.0)
    found: dict[str, set[float | None]] = {}
    for island in asset.islands:
        if island.patch.zone in ("bore", "body", "head", "nozzle"):
            part = island.patch.solid.split(" of the ")[0].rstrip(" 0123456789")
            found.setdefault(f"{part}/{island.patch.zone}", set()).add(island.patch.thickness_mm)
    assert asset.nominal_thickness_mm == 10.0
    assert found["shell/body"] == found["shell/bore"] == {None}  # the asset's
    for head in ("first head", "second head"):
        assert found[f"{head}/head"] == found[f"{head}/bore"] == {12.0}
    welds = {i.patch.solid: i.patch.thickness_mm for i in asset.islands if i.patch.zone == "weld"}
    assert {welds[f"seam {number}"] for number in (1, 2, 3)} == {10.0}  # of shell and head the thinner
    assert welds["nozzle 1 weld"] == welds["flange weld of the nozzle 1"] == pytest.approx(7.62)
    assert welds["nozzle 2 weld"] == 10.0
    assert {round(wall or 0, 2) for wall in found["nozzle/nozzle"]} == {7.62, 23.83}
