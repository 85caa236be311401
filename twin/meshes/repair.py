"""Repair of a surface: double points and faces, holes the size of a flaw, normals that point inwards."""

from dataclasses import dataclass, replace

import numpy as np

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import counted
from corrotwin.twin.geometry.atlas import Integers
from corrotwin.twin.meshes import bodies
from corrotwin.twin.meshes.surface import Surface

WELD_SHARE = 1e-7  # share of the diagonal: points closer than this are one
FLAW_SHARE = 0.02  # share of the diagonal: a hole whose edges are all shorter is a flaw and is closed


@dataclass(frozen=True, kw_only=True)
class Repairs:
    """A repaired surface, and what was repaired."""

    faces: int
    pieces: int
    open_pieces: int
    dropped: int  # faces without area, or there twice
    closed: int  # faces that close holes
    turned: int  # faces whose normals pointed inwards

    def lines(self) -> list[str]:
        """Describe the repairs, a line for each kind."""
        report = [f"{counted(self.faces, 'triangle')} in {counted(self.pieces, 'piece')}"]
        if self.open_pieces:
            report[0] += f", {self.open_pieces} of them open: shells without a far side"
        if self.dropped:
            report.append(f"left out {counted(self.dropped, 'triangle')}: no area, or duplicated")
        if self.closed:
            report.append(f"closed small holes with {counted(self.closed, 'triangle')}")
        if self.turned:
            report.append(f"turned {counted(self.turned, 'triangle')} that faced inwards")
        return report


def repair(surface: Surface) -> tuple[Surface, Repairs]:
    """Return a surface with welded points, without useless faces, with normals outwards where that is defined.

    Raises
    ------
    InputError
        No face has an area.
    """
    before = len(surface.faces)
    surface = welded(surface)
    if not len(surface.faces):
        raise InputError("no triangle has an area")
    dropped = before - len(surface.faces)
    surface, closed = _closed(surface)
    surface, turned = _turned_out(surface)
    piece = surface.pieces()
    is_open = bodies.open_pieces(surface, piece)
    return surface, Repairs(
        faces=len(surface.faces), pieces=len(is_open), open_pieces=int(is_open.sum()), dropped=dropped, closed=closed,
        turned=turned,
    )  # fmt: skip


def welded(surface: Surface) -> Surface:
    """Merge points that coincide, and leave out faces that have no area or are there twice."""
    step = max(surface.diagonal_m * WELD_SHARE, 1e-12)
    points = np.column_stack([np.round(surface.vertices / step).astype(np.int64), _owners(surface)])
    _, first, number = np.unique(points, axis=0, return_index=True, return_inverse=True)
    faces = number.reshape(-1)[surface.faces]
    surface = replace(surface, vertices=surface.vertices[first], faces=faces)
    proper = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    corners = surface.corners
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    height = np.linalg.norm(surface.cross, axis=1) / np.maximum(longest, 1e-30)
    proper &= height > step
    _, once = np.unique(_from_least(faces), axis=0, return_index=True)  # the same face turned over is another side
    kept = np.zeros(len(faces), dtype=bool)
    kept[once] = True
    return surface.of(kept & proper)


def _owners(surface: Surface) -> Integers:
    """Return the part of each vertex, (n,); parts are never welded to each other."""
    owner = np.zeros(len(surface.vertices), dtype=np.int64)
    owner[surface.faces.reshape(-1)] = np.repeat(surface.part, 3)
    return owner


def _from_least(faces: Integers) -> Integers:
    """Return faces (m, 3) that begin at their least vertex, in the same sense."""
    turn = (np.argmin(faces, axis=1)[:, None] + [[0, 1, 2]]) % 3
    return np.asarray(np.take_along_axis(faces, turn, axis=1))


def _closed(surface: Surface) -> tuple[Surface, int]:
    """Close holes of three or four short edges; faces that do so take the labels of their neighbours."""
    import trimesh

    mesh = surface.mesh
    if mesh.is_watertight or not len(surface.faces):
        return surface, 0
    before = len(mesh.faces)
    trimesh.repair.fill_holes(mesh)
    added = np.asarray(mesh.faces[before:], dtype=np.int64)
    if not len(added) or added.max() >= len(surface.vertices):
        return surface, 0
    corners = surface.vertices[added]
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    added = added[longest < FLAW_SHARE * surface.diagonal_m]
    if not len(added):
        return surface, 0
    neighbour = np.zeros(len(surface.vertices), dtype=np.int64)
    neighbour[surface.faces.reshape(-1)] = np.repeat(np.arange(len(surface.faces)), 3)
    labels = {
        name: np.concatenate([getattr(surface, name), getattr(surface, name)[neighbour[added[:, 0]]]])
        for name in ("part", "material", "zone")
    }
    return replace(surface, faces=np.concatenate([surface.faces, added]), **labels), len(added)


def _turned_out(surface: Surface) -> tuple[Surface, int]:
    """Make the faces of each body agree, and turn bodies that face inwards."""
    import trimesh

    before, mesh = surface.faces, surface.mesh
    if not mesh.is_winding_consistent:
        trimesh.repair.fix_winding(mesh)
    faces = np.asarray(mesh.faces, dtype=np.int64)
    surface = bodies.parted(replace(surface, faces=faces))
    piece = surface.pieces()
    turns = bodies.inwards(surface, piece)[piece]
    turned = (_from_least(before) != _from_least(faces)).any(axis=1) ^ turns
    outward = surface.faces.copy()
    outward[turns] = outward[turns][:, ::-1]
    return replace(surface, faces=outward), int(turned.sum())
