"""Places where corrosion has used up the metal: holes, the same on both faces of a sheet, and corroded edges.

Metal is gone where the losses of a face and of the face behind it add up to the thickness. The narrow faces around a
sheet are gone where the sheet beside them is, and pieces that nothing holds have fallen.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from corrotwin.twin.geometry.atlas import AssetGeometry, Floats, Integers, Singles, Texels
from corrotwin.twin.geometry.opposite import texels_behind
from corrotwin.twin.model.corrosion import FILM_STREAM
from corrotwin.twin.model.noise import LIMIT, fractal

# A film of metal, at most `FILM` of the thickness, does not last: it breaks out along a ragged line.
FILM, RAGGED_MM = 0.1, (24.0, 12.0, 6.0, 3.0)
STRAND_MM = 4.0  # narrower strands between holes have rusted through from their sides
SCRAP = 0.1  # share of its solid's surface: a smaller piece, cut off from the rest, has fallen
LINK = 3.0  # distance, in texels, at which two pieces of the atlas join
ACROSS = 0.7  # |cosine| between the normals of a sheet and of the narrow face around it, at most

Mask = NDArray[np.bool_]


def gone(asset: AssetGeometry, texels: Texels, wall_loss_mm: Singles, seed: int) -> Mask | None:
    """Return where no metal is left, (H, W), or None if there is some everywhere.

    Metal that is gone stays gone under any greater loss. A texel of the gutter takes the state of the one it repeats.

    Parameters
    ----------
    asset, texels : the surface.
    wall_loss_mm : (H, W) loss of each face.
    seed : seed of the twin; ragged outlines have a random stream of their own.
    """
    loss, thickness = wall_loss_mm.reshape(-1), texels.thickness_mm.reshape(-1)
    surface = texels.area_mm2.reshape(-1) > 0
    # The face behind a place cannot have lost more than the greatest loss anywhere.
    thin = np.flatnonzero(surface & (loss + loss.max(initial=0) >= (1 - FILM) * thickness))
    if not len(thin):
        return None
    behind = texels_behind(asset, texels, thin)
    lost = loss[thin] + np.where(behind >= 0, loss[behind], 0)
    places = texels.position_m.reshape(-1, 3)
    noise = fractal(places[thin], RAGGED_MM, 0.7, np.random.SeedSequence(seed, spawn_key=(FILM_STREAM,)))
    worn = lost >= thickness[thin] * (1 - FILM * (0.5 + noise / (2 * LIMIT)))
    if not worn.any():
        return None
    holes = np.zeros(len(loss), dtype=bool)
    holes[thin[worn]] = True
    holes[behind[worn & (behind >= 0)]] = True
    _break_strands(asset, surface, holes)
    solid = _solids(asset, texels)
    _settle_rims(asset, texels, solid, holes)
    fallen = _scraps(asset, texels, solid, holes)
    holes[fallen] = True
    opposite = texels_behind(asset, texels, fallen)
    holes[opposite[opposite >= 0]] = True
    gutter = np.flatnonzero((texels.zone.reshape(-1) >= 0) & ~surface)
    inner = np.flatnonzero(surface)
    _, nearest = cKDTree(places[inner], balanced_tree=False, compact_nodes=False).query(places[gutter])
    holes[gutter] = holes[inner[nearest]]
    return holes.reshape(wall_loss_mm.shape)


def _solids(asset: AssetGeometry, texels: Texels) -> Integers:
    """Return the solid of each texel, (N,); for an asset of charts, which state none, its connected piece."""
    solid = np.zeros(asset.atlas_shape, dtype=np.int64)
    if asset.face_chart is not None:
        return np.maximum(_linked(asset, texels, solid.reshape(-1), texels.area_mm2 > 0), 0)
    for island in asset.islands:
        height, width = island.shape
        number = asset.solid_names.index(island.patch.solid)
        solid[island.row : island.row + height, island.column : island.column + width] = number
    return solid.reshape(-1)


def _break_strands(asset: AssetGeometry, surface: Mask, holes: Mask) -> None:
    """Add the strands between holes that are narrower than `STRAND_MM` to the holes."""
    radius = int(STRAND_MM / 2 / asset.texel_mm)
    if radius:
        row, column = np.mgrid[-radius : radius + 1, -radius : radius + 1]
        kept = (~holes | ~surface).reshape(asset.atlas_shape)
        opened = ndimage.binary_opening(np.pad(kept, radius, constant_values=True), row**2 + column**2 <= radius**2)
        holes |= surface & ~opened[radius:-radius, radius:-radius].reshape(-1)


def _apart(texels: Texels, solid: Integers, some: Integers) -> Floats:
    """Return places of texels with a fourth coordinate that sets solids far apart, (n, 4) metres."""
    places = texels.position_m.reshape(-1, 3)
    return np.column_stack([places[some], solid[some] * (1.0 + 2 * np.abs(places).max())]).astype(np.float64)


def _linked(asset: AssetGeometry, texels: Texels, solid: Integers, kept: Mask) -> Integers:
    """Return the number of each texel's connected piece of `kept`, (H, W), also across borders of patches: (N,).

    It is -1 elsewhere. Pieces of different solids are not linked.
    """
    from trimesh.graph import connected_component_labels

    piece, count = ndimage.label(kept)
    rim = np.flatnonzero(kept & ndimage.binary_dilation(texels.area_mm2 <= 0, np.ones((3, 3)), border_value=1))
    place = _apart(texels, solid, rim)
    pairs = piece.reshape(-1)[rim[cKDTree(place).query_pairs(LINK * asset.texel_mm / 1000, output_type="ndarray")]] - 1
    whole = connected_component_labels(pairs, count)
    return np.asarray(np.append(whole, -1)[piece - 1].reshape(-1), dtype=np.int64)


def _settle_rims(asset: AssetGeometry, texels: Texels, solid: Integers, holes: Mask) -> None:
    """Remove the narrow faces around a sheet where the sheet beside them is gone, and keep them where it is not.

    A texel of such a face has nothing behind it, and its normal is across that of the nearest texel that does.
    """
    normal = texels.normal.reshape(-1, 3)
    reach = texels.thickness_mm.reshape(-1) / 2000 + LINK / 2 * asset.texel_mm / 1000
    hole_texels, metal_texels = np.flatnonzero(holes), np.flatnonzero((texels.area_mm2.reshape(-1) > 0) & ~holes)
    if not len(metal_texels):
        return
    # Twice the reach of a rim, so that the texel beside each rim texel is included.
    far = 2 * float(reach[hole_texels].max())
    hole_places, metal_places = _apart(texels, solid, hole_texels), _apart(texels, solid, metal_texels)
    near_hole = np.isfinite(cKDTree(hole_places).query(metal_places, distance_upper_bound=far)[0])
    near_metal = np.isfinite(cKDTree(metal_places).query(hole_places, distance_upper_bound=far)[0])
    around = np.concatenate([metal_texels[near_hole], hole_texels[near_metal]])
    sheet = texels_behind(asset, texels, around) >= 0
    rim, faces = around[~sheet], around[sheet]
    if not len(rim) or not len(faces):
        return
    distance, nearest = cKDTree(_apart(texels, solid, faces)).query(_apart(texels, solid, rim))
    beside = faces[nearest]
    across = (distance <= reach[rim]) & (np.abs((normal[rim] * normal[beside]).sum(axis=1)) < ACROSS)
    holes[rim[across]] = holes[beside[across]]


def _scraps(asset: AssetGeometry, texels: Texels, solid: Integers, holes: Mask) -> Integers:
    """Return the texels, flat indices, of pieces smaller than `SCRAP` that holes cut off from their solid."""
    surface = texels.area_mm2 > 0
    worn = np.zeros(int(solid.max()) + 1, dtype=bool)
    worn[solid[holes]] = True
    kept = surface & ~holes.reshape(surface.shape) & worn[solid].reshape(surface.shape)
    inside = np.flatnonzero(kept)
    piece, area = _linked(asset, texels, solid, kept)[inside], texels.area_mm2.reshape(-1).astype(np.float64)
    of_solid = np.bincount(solid[surface.reshape(-1)], weights=area[surface.reshape(-1)], minlength=len(worn))
    small = np.bincount(piece, weights=area[inside])[piece] < SCRAP * of_solid[solid[inside]]
    return np.asarray(inside[small])
