"""Foreign meshes for tests, used in place: the folder CORROSION_MESHES, or shared/meshes beside the checkout."""

from functools import cache
from pathlib import Path

import numpy as np
from outside import outside

from corrotwin.twin import store, twin_state
from corrotwin.twin.assets import AssetGeometry
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry import charts
from corrotwin.twin.meshes import mesh_file
from corrotwin.twin.meshes.conversion import Converted, MeshOptions, convert
from corrotwin.twin.model.coating import Paint
from corrotwin.twin.model.exposure import at

MESH = "mesh "
NAMES = (
    "I_beam", "anvil", "axle_nut", "bucket", "chain_link", "drain_cover_01", "flat_bottom_rail", "g_clamp",
    "oil_barrel", "padlock", "propeller_01", "spring", "steel_ladder", "t_hinge", "tram_rail", "valve_wheel_01",
    "water_faucet_01",
)  # fmt: skip


def folder() -> Path:
    """Return the folder of foreign meshes."""
    return outside("CORROSION_MESHES", "meshes", "I_beam.glb", "foreign meshes")


@cache
def converted(name: str) -> Converted:
    """Return a foreign mesh as an asset; one that is open, whose thickness rays cannot measure, of 5 mm."""
    path = folder() / f"{name}.glb"
    try:
        return convert(path, MeshOptions())
    except InputError as error:
        if "`thickness`" not in str(error):
            raise
    return convert(path, MeshOptions(thickness=5.0))


@cache
def built(name: str) -> AssetGeometry:
    """Return the geometry of a foreign mesh, at some 60,000 texels."""
    made = converted(name).charts
    texel_mm = float(np.clip(1000 * np.sqrt(made.areas_m2.sum() / 60_000), 0.05, 100))
    return charts.assemble("mesh", {}, made, texel_mm=texel_mm)


def saved(name: str, out: Path) -> Path:
    """Save a twin of a foreign mesh, new and painted, and return its folder."""
    return saved_charts(converted(name).charts, out)


def saved_charts(made: charts.Charts, out: Path) -> Path:
    """Save a twin of a mesh that is converted, new and painted, and return its folder."""
    source = out.with_name(f"{out.name}-mesh")
    source.mkdir(parents=True, exist_ok=True)
    state = twin_state.TwinState(
        id=out.name, kind="mesh", parameters={mesh_file.FILE: str(mesh_file.save(made, source))}, texel_mm=100.0,
        exposure=at("C4"), coating=Paint(life_years=8.0), pits=None, built=twin_state.EPOCH, clock=twin_state.EPOCH,
        seed=0,
    )  # fmt: skip
    store.save(state, out)
    return out
