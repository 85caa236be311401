"""Primer where paint is lost, rendered: in thin scrapes along edges, and never bare within what is labelled as rust."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import views

from corrotwin.synth import spec
from corrotwin.synth.scene import edges, visibility
from corrotwin.twin.assets import texels
from corrotwin.twin.geometry.atlas import AssetGeometry, assemble
from corrotwin.twin.geometry.slabs import slab

pytestmark = [pytest.mark.slow, pytest.mark.blender]

SIZE = 160  # pixels
SIDE_M, ANGLE = 0.5, 0.55  # of the plate, and of the camera a metre above it
WORN = spec.Finish(
    kind="paint", color=(0.6, 0.6, 0.6), primer=(0.0, 0.0, 0.9), rust=(1.0, 1.0, 1.0), roughness=0.6, dirt=0.0,
    wear=1.0, scale=0.5, seed=3.0,
)  # fmt: skip


def lifted(height_m: float) -> spec.Matrix:
    """A pose upright over the origin; a camera there looks straight down."""
    pose = np.eye(4)
    pose[2, 3] = height_m
    return tuple(tuple(row) for row in pose.tolist())


def plate() -> AssetGeometry:
    return assemble("plate", {}, slab("plate", (SIDE_M, SIDE_M, 0.02), cut="rolled"), thickness_mm=20, texel_mm=2)


def seen(
    folder: Path, asset: AssetGeometry, *each: tuple[spec.Finish, dict[str, np.ndarray]]
) -> list[dict[str, np.ndarray]]:
    """Blender's arrays of a plate from above, in each finish with each fields and edges."""
    scenes = []
    for number, (finish, arrays) in enumerate(each):
        np.savez(
            folder / f"{number}.npz", vertices=asset.vertices.astype(np.float32), faces=asset.faces.astype(np.int32),
            uv=asset.uv.astype(np.float32), **arrays,
        )  # fmt: skip
        scenes.append(
            spec.Scene(
                samples=16, seed=1, props=(),
                bodies=(spec.Body(file=f"{number}.npz", pose=lifted(0.0), finish=finish, instance=1),),
                light=spec.Light(
                    world="courtyard", world_turn=0.0, world_strength=1.0, lamp="none", lamp_from=(0.0, 0.0, 1.0),
                    lamp_strength=0.0, lamp_color=(1.0, 1.0, 1.0),
                ),
                views=(spec.View(index=number, pose=lifted(1.0), lens=spec.Lens.wide(SIZE, SIZE, ANGLE)),),
            )
        )  # fmt: skip
    (folder / "batch.json").write_text(spec.dump(spec.Batch(scenes=tuple(scenes), threads=2)))
    subprocess.run(
        [sys.executable, "-m", "corrotwin.synth.blender", str(folder / "batch.json"), str(os.getpid())],
        check=True, timeout=300, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return [views.view(folder, number) for number in range(len(each))]


def test_scrapes_show_the_primer_along_edges_and_nowhere_else(tmp_path: Path) -> None:
    asset = plate()
    fields = np.zeros((*asset.atlas_shape, 4), np.float32)
    whole = {"fields": fields}
    scraped = {"fields": fields, "edges": edges.nearness(asset, texels(asset))}
    worn, sound = seen(tmp_path, asset, (WORN, scraped), (WORN, whole))
    assert (worn["label"] == sound["label"]).all()
    changed = np.abs(worn["photograph"] - sound["photograph"]).max(axis=-1) > 0.05
    red, _, blue = np.moveaxis(worn["photograph"][changed], -1, 0)
    assert changed.sum() > 30
    assert np.median(blue / red) > 2  # the primer's colour
    origins, directions = visibility.rays(np.array(lifted(1.0)), spec.Lens.wide(SIZE, SIZE, ANGLE), SIZE)
    met = origins + directions * ((0.02 - origins[:, 2:]) / directions[:, 2:])  # on the plate's upper face
    inside = (SIDE_M / 2 - np.abs(met[:, :2])).min(axis=1).reshape(SIZE, SIZE)
    # Beyond a scrape's width by two pixels at most, which filter and denoiser blur, and an arris.
    assert inside[changed].max() < spec.SCRAPE_M + 2 * 0.565 / SIZE + 0.002
    assert changed.sum() < 0.5 * (np.abs(inside) < spec.SCRAPE_M).sum()  # stretches of the edge, not all of it


def test_labelled_rust_is_brown_whatever_the_primer_and_however_frayed(tmp_path: Path) -> None:
    asset = plate()
    fields = np.zeros((*asset.atlas_shape, 4), np.float32)
    fields[..., 0], fields[..., 1] = 1.0, 0.5  # rust half a year old, of which most is flakes of the coat
    finishes = [replace(WORN, fraying=0.8, primer=primer) for primer in ((0.33, 0.33, 0.33), (0.2, 0.045, 0.03))]
    for view in seen(tmp_path, asset, *((finish, {"fields": fields}) for finish in finishes)):
        rust = view["photograph"][view["label"][..., 0] > 0.5]
        red, green, blue = rust.mean(axis=0)
        assert len(rust) > 1000
        assert red > 1.4 * green  # of labelled rust on photographs the medians are 1.5 to 1.7
        assert blue < green
