"""Assets by kind: parametric ones have a deterministic builder and a sampler of their parameters; others are meshes."""

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from corrotwin.twin import plugins
from corrotwin.twin.assets import bar, beam, bearing, bolt, chain, plate, railing, stair
from corrotwin.twin.assets.piping import pipe
from corrotwin.twin.assets.sheets import cladding, hull, panel, tank
from corrotwin.twin.assets.structures import column, girder, truss
from corrotwin.twin.assets.vessels import vessel
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry import charts
from corrotwin.twin.geometry.atlas import AssetGeometry, Patch, Texels, assemble, mesh, patch_areas_m2
from corrotwin.twin.geometry.texels import texels
from corrotwin.twin.meshes import mesh_file

__all__ = [
    "EVERY_KIND", "KINDS", "MESH", "AssetGeometry", "AssetKind", "Patch", "Texels", "area_m2", "build", "mesh",
    "sample", "texels",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class AssetKind:
    """Builder of one kind of asset from keyword parameters, and a sampler of such parameters.

    `build` returns closed solids of patches and the nominal thickness in mm; parameters with a default are features.
    `sample` draws all parameters, as JSON holds them, for `random` and for scenes. Another package adds a kind by an
    entry point of the group ``corrotwin.assets`` (`examples/own_kind`).
    """

    build: Callable[..., tuple[list[Patch], float]]
    sample: Callable[[np.random.Generator], dict[str, Any]]


KINDS: dict[str, AssetKind] = {
    "pipe": AssetKind(build=pipe.pipe, sample=pipe.sample),
    "chain": AssetKind(build=chain.chain, sample=chain.sample),
    "plate": AssetKind(build=plate.plate, sample=plate.sample),
    "bolt": AssetKind(build=bolt.bolt, sample=bolt.sample),
    "beam": AssetKind(build=beam.beam, sample=beam.sample),
    "bearing": AssetKind(build=bearing.bearing, sample=bearing.sample),
    "railing": AssetKind(build=railing.railing, sample=railing.sample),
    "stair": AssetKind(build=stair.stair, sample=stair.sample),
    "bar": AssetKind(build=bar.bar, sample=bar.sample),
    "vessel": AssetKind(build=vessel.vessel, sample=vessel.sample),
    "truss": AssetKind(build=truss.truss, sample=truss.sample),
    "column": AssetKind(build=column.column, sample=column.sample),
    "girder": AssetKind(build=girder.girder, sample=girder.sample),
    "cladding": AssetKind(build=cladding.cladding, sample=cladding.sample),
    "hull": AssetKind(build=hull.hull, sample=hull.sample),
    "tank": AssetKind(build=tank.tank, sample=tank.sample),
    "panel": AssetKind(build=panel.panel, sample=panel.sample),
}

MESH = mesh_file.KIND  # the kind of an asset that is a mesh of the user's own
_SINCE = ("truss", "column", "girder", "cladding", "hull", "tank", "panel")  # kinds added after meshes had their place
_OWN = (*(name for name in KINDS if name not in _SINCE), MESH, *_SINCE)  # a dataset's category is a position in it


def _added() -> dict[str, AssetKind]:
    """Return the kinds that other packages add; each entry point names an `AssetKind`.

    Raises
    ------
    InputError
        An entry point cannot be imported, names no `AssetKind`, or has a name that is ours or no identifier.
    """
    kinds = {}
    for name, point in plugins.installed().items():
        where = f"kind of asset {name!r} of {point.dist.name if point.dist else point.value}"
        try:
            kind = point.load()
        except Exception as error:  # whatever the other package does when it is imported
            raise InputError(
                f"{where}: cannot be imported ({type(error).__name__}: {error}); fix or remove it"
            ) from error
        if not isinstance(kind, AssetKind) or name in _OWN or not name.isidentifier():
            raise InputError(f"{where}: its entry point is not an AssetKind, or its name is taken; remove it")
        kinds[name] = kind
    return kinds


KINDS |= _added()
EVERY_KIND = (*_OWN, *(name for name in KINDS if name not in _OWN))  # ours first: a category is a position in it


def build(kind: str, parameters: Mapping[str, Any], *, texel_mm: float) -> AssetGeometry:
    """Build an asset that rests on z = 0, centred over the origin.

    Parameters
    ----------
    kind : one of `EVERY_KIND`.
    parameters : dimensions and features of the kind, as its builder accepts them; those with a default may be omitted.
        A mesh takes `file`, which `twin.meshes` wrote.
    texel_mm : wanted side of a texel on the surface, 0.05 to 100 mm.

    Raises
    ------
    InputError
        Unknown kind or parameter, an impossible dimension, or an atlas beyond the memory available.
    """
    if not 0.05 <= texel_mm <= 100:
        raise InputError(f"`texel_mm` {texel_mm}: choose 0.05 to 100 mm")
    if kind == MESH:
        return charts.assemble(kind, parameters, _charts(parameters), texel_mm=texel_mm)
    builder = _kind(kind).build
    expected = inspect.signature(builder).parameters
    needed = {name for name, parameter in expected.items() if parameter.default is parameter.empty}
    if wrong := (set(parameters) - set(expected)) | (needed - set(parameters)):
        names = ", ".join(sorted(wrong))
        raise InputError(f"{kind}: unknown or missing parameters: {names}; the kind has {', '.join(expected)}")
    patches, thickness_mm = _patches(kind, json.dumps(parameters, sort_keys=True, default=list))
    lowest = np.array([patch.points.reshape(-1, 3).min(axis=0) for patch in patches]).min(axis=0)
    highest = np.array([patch.points.reshape(-1, 3).max(axis=0) for patch in patches]).max(axis=0)
    shift = np.array([*(lowest + highest)[:2] / 2, lowest[2]])
    moved = [replace(patch, points=patch.points - shift) for patch in patches]
    return assemble(kind, parameters, moved, thickness_mm=thickness_mm, texel_mm=texel_mm)


def area_m2(kind: str, parameters: Mapping[str, Any]) -> float:
    """Return the surface area of an asset, m², without assembling it; `parameters` are those of `build`."""
    if kind == MESH:
        return float(_charts(parameters).areas_m2.sum())
    patches, _ = _patches(kind, json.dumps(parameters, sort_keys=True, default=list))
    return float(patch_areas_m2(patches).sum())


@lru_cache(maxsize=1)  # a drawn asset is asked for its area first, then built
def _patches(kind: str, parameters: str) -> tuple[tuple[Patch, ...], float]:
    """Return the patches of an asset and its nominal thickness in mm; `parameters` are JSON."""
    patches, thickness_mm = _kind(kind).build(**json.loads(parameters))
    return tuple(patches), thickness_mm


def sample(kind: str, rng: np.random.Generator) -> dict[str, Any]:
    """Draw valid parameters of a kind; they can be written as JSON."""
    return _kind(kind).sample(rng)


def _charts(parameters: Mapping[str, Any]) -> charts.Charts:
    return mesh_file.load(Path(str(parameters[mesh_file.FILE])))


def _kind(name: str) -> AssetKind:
    if name not in KINDS:
        raise InputError(f"unknown kind of asset {name!r}; choose from {', '.join(KINDS)}")
    return KINDS[name]
