"""A plate before a camera: what tests of rays and of cameras share."""

from math import pi

import numpy as np
import trimesh

from corrotwin.synth.scene import visibility


def plate(*, cover: float) -> visibility.Target:
    """A square metre facing -y, all of it rusted to `cover`, with its atlas upright."""
    vertices = np.array([[-0.5, 0, 0.2], [0.5, 0, 0.2], [0.5, 0, 1.2], [-0.5, 0, 1.2]])
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    uv = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)[faces]
    return visibility.Target(
        vertices=vertices,
        faces=faces,
        uv=uv,
        cover=np.full((4, 4), cover, np.float32),
        outside=np.ones(2, bool),
    )


def space(*targets: visibility.Target, others: tuple[trimesh.Trimesh, ...] = ()) -> visibility.ViewingSpace:
    return visibility.ViewingSpace(
        targets=targets,
        solid=visibility.combined_mesh(targets, others),
        around=(-150, -30),
        height=(-8, 65),
        floor_m=0.05,
    )


def head_on(distance: float) -> np.ndarray:
    """A camera at (0, -distance, 0.7) that looks along +y."""
    pose = trimesh.transformations.rotation_matrix(pi / 2, [1, 0, 0])
    pose[:3, 3] = [0, -distance, 0.7]
    return pose
