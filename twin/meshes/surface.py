"""A surface of triangles as it comes from a file, with the part and the material of each face."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin.geometry.atlas import Floats, Integers

if TYPE_CHECKING:
    import trimesh


@dataclass(frozen=True, kw_only=True)
class Frame:
    """Coordinates of a mesh file: metres per unit, upward axis, and the shift taken off so that it rests on z = 0."""

    metres: float = 1.0
    up: str = "z"
    shift_m: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def to_asset(self, points: Floats) -> Floats:
        """Return points (..., 3) of the file in the coordinates of the asset, metres."""
        x, y, z = np.moveaxis(np.asarray(points, dtype=float) * self.metres, -1, 0)
        turned = np.stack([x, -z, y] if self.up == "y" else [x, y, z], axis=-1)
        return np.asarray(turned - self.shift_m)


@dataclass(frozen=True, kw_only=True, eq=False)
class Surface:
    """Triangles, metres, z up; `part`, `material` and `zone` are indices into their names, one for each face."""

    vertices: Floats  # (n, 3)
    faces: Integers  # (m, 3)
    part: Integers  # (m,)
    part_names: tuple[str, ...]
    material: Integers  # (m,)
    material_names: tuple[str, ...]
    zone: Integers  # (m,)
    zone_names: tuple[str, ...]
    frame: Frame = Frame()

    @property
    def corners(self) -> Floats:
        """The corners of the faces, (m, 3, 3)."""
        return np.asarray(self.vertices[self.faces])

    @property
    def cross(self) -> Floats:
        """Normals times twice the areas, (m, 3)."""
        corners = self.corners
        return np.asarray(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]))

    @property
    def diagonal_m(self) -> float:
        """The diagonal of the box around the surface."""
        return float(np.linalg.norm(np.ptp(self.vertices, axis=0)))

    @property
    def mesh(self) -> "trimesh.Trimesh":
        """The triangles alone, for measurements and rays."""
        import trimesh

        return trimesh.Trimesh(self.vertices, self.faces, process=False)

    def of(self, faces: "Integers | NDArray[np.bool_]") -> "Surface":
        """Return the surface of some of its faces."""
        labels = {name: getattr(self, name)[faces] for name in ("part", "material", "zone")}
        return replace(self, faces=self.faces[faces], **labels)

    def pieces(self) -> Integers:
        """Return the number of the connected piece of each face, (m,)."""
        from trimesh.graph import connected_component_labels

        ends = np.concatenate([self.faces[:, [0, 1]], self.faces[:, [1, 2]]])
        label = connected_component_labels(ends, len(self.vertices))
        _, number = np.unique(label[self.faces[:, 0]], return_inverse=True)
        return np.asarray(number.reshape(-1), dtype=np.int64)
