"""Scrapes in paint, rendered: they show the primer, and lie within millimetres of an edge."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from corrotwin.synth import spec
from corrotwin.synth.scene import edges, visibility
from corrotwin.twin.assets import texels
from corrotwin.twin.geometry.atlas import assemble
from corrotwin.twin.geometry.slabs import slab

SIZE = 160  # pixels
SIDE_M = 0.5
WORN = spec.Finish(
    kind="paint", color=(0.6, 0.6, 0.6), primer=(0.0, 0.0, 0.9), rust=(1.0, 1.0, 1.0), roughness=0.6, dirt=0.0,
    wear=1.0, scale=0.5, seed=3.0,
)  # fmt: skip


def lifted(height_m: float) -> spec.Matrix:
    """A pose upright over the origin; a camera there looks straight down."""
    pose = np.eye(4)
    pose[2, 3] = height_m
    return tuple(tuple(row) for row in pose.tolist())


@pytest.mark.blender
def test_scrapes_show_the_primer_along_edges_and_nowhere_else(tmp_path: Path) -> None:
    asset = assemble("plate", {}, slab("plate", (SIDE_M, SIDE_M, 0.02), cut="rolled"), thickness_mm=20, texel_mm=2)
    surface = texels(asset)
    fields = np.zeros((*asset.atlas_shape, 4), np.float32)
    body = {
        "vertices": asset.vertices.astype(np.float32), "faces": asset.faces.astype(np.int32),
        "uv": asset.uv.astype(np.float32), "fields": fields,
    }  # fmt: skip
    np.savez(tmp_path / "worn.npz", **body, edges=edges.nearness(asset, surface))
    np.savez(tmp_path / "whole.npz", **body)
    pose, above = lifted(0.0), lifted(1.0)
    scene = spec.Scene(
        size=SIZE, samples=16, seed=1, bodies=(spec.Body(file="worn.npz", pose=pose, finish=WORN, instance=1),),
        props=(),
        light=spec.Light(
            world="courtyard", world_turn=0.0, world_strength=1.0, lamp="none", lamp_from=(0.0, 0.0, 1.0),
            lamp_strength=0.0, lamp_color=(1.0, 1.0, 1.0),
        ),
        views=(spec.View(index=0, pose=above, field_of_view=0.55),),
    )  # fmt: skip
    whole = replace(
        scene, bodies=(replace(scene.bodies[0], file="whole.npz"),), views=(replace(scene.views[0], index=1),)
    )
    (tmp_path / "batch.json").write_text(spec.dump(spec.Batch(scenes=(scene, whole), threads=2)))
    subprocess.run(
        [sys.executable, "-m", "corrotwin.synth.blender", str(tmp_path / "batch.json"), str(os.getpid())],
        check=True, timeout=120, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    worn, sound = (np.load(tmp_path / f"view-{index}.npz") for index in (0, 1))
    assert (worn["label"] == sound["label"]).all()
    changed = np.abs(worn["photograph"] - sound["photograph"]).max(axis=-1) > 0.05
    red, _, blue = np.moveaxis(worn["photograph"][changed], -1, 0)
    assert changed.sum() > 30
    assert np.median(blue / red) > 2  # the primer's colour
    origins, directions = visibility.rays(np.array(above), 0.55, SIZE)
    ground = origins + directions * ((0.02 - origins[:, 2:]) / directions[:, 2:])  # on the plate's upper face
    inside = (SIDE_M / 2 - np.abs(ground[:, :2])).min(axis=1).reshape(SIZE, SIZE)
    # Beyond a scrape's width by two pixels at most, which filter and denoiser blur, and an arris.
    assert inside[changed].max() < spec.SCRAPE_M + 2 * 0.565 / SIZE + 0.002
    assert changed.sum() < 0.5 * (np.abs(inside) < spec.SCRAPE_M).sum()  # stretches of the edge, not all of it
