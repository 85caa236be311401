"""Pictures of the user's own, rendered: each surface shows its set, a photograph stands behind, and labels stay."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image
from scipy import ndimage
from texture_files import ambient_cg, hills, plain, poly_haven, save
from views import view

from corrotwin.synth import spec
from corrotwin.synth.config import RenderConfig
from corrotwin.synth.presets.schema import Preset
from corrotwin.synth.rendering import batch, provenance
from corrotwin.synth.scene import edges, sampling, visibility
from corrotwin.synth.textures import backdrops, drawing
from corrotwin.twin.assets import texels
from corrotwin.twin.geometry.atlas import assemble
from corrotwin.twin.geometry.slabs import slab

pytestmark = [pytest.mark.slow, pytest.mark.blender]

SIZE = 96
COLORS = {"ground": (0.9, 0.1, 0.1), "wall": (0.1, 0.1, 0.9), "coat": (0.1, 0.8, 0.1), "rust": (0.8, 0.8, 0.1)}
ABOVE = ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 2.0), (0.0, 0.0, 0.0, 1.0))
LIGHT = spec.Light(
    world="courtyard", world_turn=0.0, world_strength=1.0, lamp="none", lamp_from=(0.0, 0.0, 1.0), lamp_strength=0.0,
    lamp_color=(1.0, 1.0, 1.0),
)  # fmt: skip
FINISH = spec.Finish(
    kind="paint", color=(0.6, 0.6, 0.6), primer=(0.6, 0.6, 0.6), rust=(1.0, 1.0, 1.0), roughness=0.6, dirt=0.0,
    wear=0.0, scale=0.5, seed=3.0,
)  # fmt: skip


def box(x: float, role: str, texture: spec.Texture | None) -> spec.Prop:
    """A square of two metres below the plate."""
    pose = ((2.0, 0.0, 0.0, x), (0.0, 4.0, 0.0, 0.0), (0.0, 0.0, 1.0, -0.51), (0.0, 0.0, 0.0, 1.0))
    return spec.Prop(
        shape="box", pose=pose, material="concrete", color=(0.4, 0.4, 0.4), seed=1.0, role=role, texture=texture
    )


def plates(folder: Path, textures: dict[str, spec.Texture]) -> spec.Scene:
    """A plate, its right half rusted, over a ground on the left and a wall that lies on the right."""
    asset = assemble("plate", {}, slab("plate", (1.0, 1.0, 0.02), cut="rolled"), thickness_mm=20, texel_mm=4)
    surface = texels(asset)
    fields = np.zeros((*asset.atlas_shape, 4), np.float32)
    fields[..., 0] = surface.position_m[..., 0] > 0
    fields[..., 1] = 10.0
    np.savez(
        folder / "plate.npz", vertices=asset.vertices.astype(np.float32), faces=asset.faces.astype(np.int32),
        uv=asset.uv.astype(np.float32), fields=fields, edges=edges.nearness(asset, surface),
    )  # fmt: skip
    flat = ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0))
    finish = replace(FINISH, coat=textures.get("coat"), rust_texture=textures.get("rust"))
    finish = replace(finish, color=finish.coat.mean if finish.coat else finish.color)
    return spec.Scene(
        samples=8, seed=1, light=LIGHT,
        bodies=(spec.Body(file="plate.npz", pose=flat, finish=finish, instance=1),),
        props=(box(-1.0, "ground", textures.get("ground")), box(1.0, "wall", textures.get("wall"))),
        views=(spec.View(index=0, pose=ABOVE, lens=spec.Lens.wide(SIZE, SIZE, 1.0)),),
    )  # fmt: skip


def rendered(folder: Path, *scenes: spec.Scene) -> list[dict[str, np.ndarray]]:
    """Blender's arrays of the first view of each scene, all in one process."""
    numbered = tuple(
        replace(one, views=(replace(one.views[0], index=number),)) for number, one in enumerate(scenes)
    )  # fmt: skip
    (folder / "batch.json").write_text(spec.dump(spec.Batch(scenes=numbered, threads=2)))
    subprocess.run(
        [sys.executable, "-m", "corrotwin.synth.blender", str(folder / "batch.json"), str(os.getpid())],
        check=True, timeout=300, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return [view(folder, number) for number in range(len(scenes))]


def test_each_surface_shows_its_set_and_labels_stay(tmp_path: Path) -> None:
    textures = {}
    for number, (role, color) in enumerate(COLORS.items()):
        made = ambient_cg if number % 2 else poly_haven
        made(tmp_path / "sets", role, plain(color, 64), hills(64, seed=number))
        field = Preset.like("balanced", rust_textures=((str(tmp_path / "sets" / role), 0.4),)).rust_textures
        textures[role] = drawing.texture(field, 1.0, np.random.default_rng(0), tmp_path)
    own, plain_one = rendered(tmp_path, plates(tmp_path, textures), plates(tmp_path, {}))
    assert (own["label"] == plain_one["label"]).all()
    cover, instance = own["label"][..., 0], own["label"][..., 2]
    left = np.arange(SIZE)[None, :] < SIZE // 2
    regions = {
        "ground": (instance == 0) & left, "wall": (instance == 0) & ~left, "coat": (instance == 1) & (cover == 0),
        "rust": (instance == 1) & (cover == 1),
    }  # fmt: skip
    for role, region in regions.items():
        inner = ndimage.binary_erosion(region, iterations=4)
        assert inner.sum() > 200
        wanted = np.array(textures[role].mean)
        colors = {}
        for name, arrays in (("own", own), ("plain", plain_one)):
            seen = arrays["photograph"][inner].astype(np.float32).mean(axis=0)
            colors[name] = np.dot(seen, wanted) / (np.linalg.norm(seen) * np.linalg.norm(wanted))
        assert colors["own"] > 0.97, (role, colors)
        assert colors["plain"] < 0.95, (role, colors)


def test_heights_shade_the_surface(tmp_path: Path) -> None:
    """A low sun on the left brightens what rises to the right, by as much as the slope says."""
    ridge = -0.02 * np.cos(2 * np.pi * (np.arange(64) + 0.5) / 64)[::-1, None].repeat(64, 1)  # upward in the picture
    made = {}
    for name, height in (("ridge", ridge), ("flat", 0 * ridge)):
        poly_haven(tmp_path / "sets", name, plain((0.5, 0.5, 0.5), 64), height)
        field = Preset.like("balanced", ground_textures=((str(tmp_path / "sets" / name), 2.0),)).ground_textures
        made[name] = drawing.texture(field, 1.0, np.random.default_rng(0), tmp_path)
    sun = replace(LIGHT, world_strength=0.0, lamp="sun", lamp_from=(-1.0, 0.0, 0.3), lamp_strength=3.0)
    ground = ((8.0, 0.0, 0.0, 0.0), (0.0, 8.0, 0.0, 0.0), (0.0, 0.0, 1.0, -0.5), (0.0, 0.0, 0.0, 1.0))
    bare = replace(plates(tmp_path, {}), light=sun, bodies=())
    scenes = [
        replace(bare, props=(replace(box(0.0, "ground", made[name]), pose=ground, seed=0.0),))
        for name in ("ridge", "flat")
    ]  # fmt: skip
    ridged, flat = (arrays["photograph"].astype(np.float32).mean(axis=(0, 2)) for arrays in rendered(tmp_path, *scenes))
    x = 4 * np.tan(0.5) * ((np.arange(SIZE) + 0.5) / SIZE - 0.5)  # metres across the picture
    slope = 0.02 * 2 * np.pi * np.sin(np.pi * x)  # on the ground the picture's upward is x
    wanted = (slope + 0.3) / (0.3 * np.hypot(1, slope))
    assert np.corrcoef(ridged / flat, wanted)[0, 1] > 0.98
    assert np.ptp(ridged / flat) == pytest.approx(np.ptp(wanted), rel=0.25)  # little of it is gloss


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photograph that is blue on the left and greener to the right."""
    ramp = np.linspace(0.1, 0.6, 400)[None].repeat(300, 0)
    path = tmp_path_factory.mktemp("photos") / "sea.png"
    save(path, np.stack([0.05 + 0 * ramp, ramp, 0.8 + 0 * ramp], axis=-1))
    return path


def configured(photo: Path) -> RenderConfig:
    preset = Preset.like(
        "balanced", kinds=("plate",), backdrops=(str(photo),), backdrop_share=1.0, clean_every=0, views_per_scene=1,
        samples=4, flash_share=0.0, work_share=0.0,
    )  # fmt: skip
    return RenderConfig(preset=preset, size=SIZE, seed=2)


def test_a_photograph_stands_behind_and_labels_stay(photo: Path, tmp_path: Path) -> None:
    one = sampling.sample_scene(configured(photo), 0, [0], tmp_path)
    opaque = replace(one, views=(replace(one.views[0], backdrop=None),))
    before, ordinary, after = rendered(tmp_path, one, opaque, one)
    assert "alpha" in before
    assert "alpha" not in ordinary
    assert all((before[name] == after[name]).all() for name in before)  # whatever was rendered in between
    assert (before["label"] == ordinary["label"]).all()
    light, alpha = before["photograph"].astype(np.float32), before["alpha"].astype(np.float32)
    hit = before["label"][..., 2] > 0
    assert (before["label"][..., 0] > 0.5).sum() > 50
    nothing, whole = alpha == 0, ndimage.binary_erosion(hit, iterations=2)
    assert nothing.sum() > 200
    assert alpha[whole].min() > 0.99
    assert np.abs(light - ordinary["photograph"])[whole].mean() < 0.05 * light[whole].mean()
    backdrop = one.views[0].backdrop
    reflectance = backdrops.reflectance(before["label"], one.bodies)
    composed = backdrops.behind(light, alpha, backdrop, reflectance)
    part = backdrops.part(backdrop, SIZE, SIZE)
    ratio = composed[nothing] / part[nothing]
    assert np.ptp(ratio) < 1e-4 * ratio.mean()  # the photograph's content, at one brightness
    weights = np.array([0.2126, 0.7152, 0.0722])
    lit = (light @ weights)[~nothing].sum() / alpha.sum() / reflectance
    assert 0.7 < ratio.mean() * (part @ weights).mean() / (0.18 * lit) <= 1.001  # highlights are left out
    assert (composed[whole] >= light[whole]).all()
    origins, directions = visibility.rays(np.array(one.views[0].pose), one.views[0].lens, SIZE)
    solid = np.load(tmp_path / one.bodies[0].file)
    mesh = trimesh.Trimesh(solid["vertices"], solid["faces"], process=False)
    mesh.apply_transform(np.array(one.bodies[0].pose))
    met = mesh.ray.intersects_any(origins, directions).reshape(SIZE, SIZE)
    assert not one.props
    assert (met == hit).mean() > 0.999


def test_a_batch_before_a_photograph_becomes_pictures(photo: Path, tmp_path: Path) -> None:
    config = configured(photo)
    batch.render_batch(tmp_path, config, None, 0, range(1), 2, "cpu", provenance.made_by())
    picture = np.asarray(Image.open(batch.image_file(tmp_path, 0)), np.float32)
    (entry,) = batch.read_part(tmp_path, 0)["images"]
    assert entry["asset_kind"] == "plate"
    assert batch.read_part(tmp_path, 0)["annotations"]
    blue = picture[..., 2] > 1.5 * picture[..., 0]
    assert 0.05 < blue.mean() < 0.95
