"""Commands ``corrotwin synth render`` and ``fit``: datasets of renders, and presets fitted to photographs."""

from pathlib import Path
from typing import Literal

from corrotwin.synth.spec import Map
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import counted, say, say_next


def render(
    *,
    out: Path | None = None,
    count: int | None = None,
    size: str = "320",
    seed: int = 0,
    preset: str = "balanced",
    twin: Path | None = None,
    cameras: Path | None = None,
    labels: Literal["annotator", "exact", "both"] = "annotator",
    maps: tuple[Map, ...] = (),
    polygons: bool = False,
    only: int | None = None,
    device: str = "cpu",
    workers: int | None = None,
    address: str | None = None,
    dry_run: bool = False,
) -> None:
    """Render corroded assets, drawn at random or from a saved twin, with COCO masks.

    Writes images/, annotations.json, instances.json, dataset.json and preview.jpg. Repeat the command to resume it,
    or with a larger --count to append. Example: corrotwin synth render --count 60 --size 320 --out out/renders, or,
    from cameras of your choice: corrotwin synth render --twin spool --cameras cameras.json --size 512

    Parameters
    ----------
    out
        dataset folder; by default out/synth/<preset>-<size>px-seed<seed>, with the twin's ID in place of the
        preset for a twin
    count
        number of images; by default 24, or one for each camera in the file
    size
        side of the picture in pixels, or width x height, as 640x480
    seed
        random seed; another seed draws other scenes
    preset
        balanced, quick, bridges, painted, timelapse, stress, clean or standin; or a .json file of your own, as
        {"like": "painted", "rust_tone": [0.3, 1.2]}; see docs/synth.md
    twin
        folder of a saved twin to photograph; by default each scene has a new one
    cameras
        camera file: JSON list of {"eye_m": [x, y, z], "look_at_m": [x, y, z], "field_of_view_deg": 50}, or with
        size, intrinsics, distortion and pose; see docs/cameras.md; by default cameras are drawn at random
    dry_run
        estimate batches, hours and bytes from one batch rendered here; write nothing

    Other Parameters
    ----------------
    labels
        masks as people draw them, exact masks of the rust at pixel centres, or both, with exact.json beside
        annotations.json
    maps
        exact maps to write beside the images: rust_cover, stain, age, wall_loss, severity, instances, depth,
        normals, uv, light; see docs/formats.md
    polygons
        write polygons instead of compressed RLE; they lose holes, and polygon_iou says how much
    only
        number of a single image, as in its file name, to render alone; its files are the same as in the whole dataset
    device
        cpu, optix, cuda, hip, oneapi, metal, or auto, the first that can render; not yet tried on a
        graphics card, so the default is cpu
    workers
        number of Blender processes, which share cores and graphics cards; by default one for every four cores,
        at least two, or one per card
    address
        address of a Ray cluster (auto, or host:port); by default this machine
    """
    from corrotwin.synth.config import RenderConfig, size_of
    from corrotwin.synth.presets.schema import Preset
    from corrotwin.synth.rendering import dataset
    from corrotwin.synth.rendering.dry_run import estimate
    from corrotwin.synth.rendering.job import Task
    from corrotwin.synth.scene import subject

    config = RenderConfig(
        preset=Preset.read(preset) if preset.endswith(".json") else preset,
        size=size_of(size), seed=seed, labels=labels, maps=tuple(sorted(set(maps))),
        polygons=polygons,
    )  # fmt: skip
    if cameras is not None and twin is None:
        raise InputError(f"--cameras {cameras}: cameras need a twin; give its folder with --twin")
    listed = () if cameras is None else subject.read_cameras(cameras, size=config.sides)
    shown = None if twin is None else subject.saved(twin, listed)
    if only is not None and count is not None:
        raise InputError(f"--only {only} with --count {count}: give one of them")
    name = (Path(preset).stem if shown is None else shown.id) + f"-{size}px-seed{seed}"
    folder = out if out is not None else Path("out/synth") / (name if only is None else f"{name}-only{only}")
    images_wanted = count if count is not None else len(listed) or 24
    if dry_run:
        if only is not None:
            raise InputError(f"--dry-run with --only {only}: a single image needs no estimate; leave one of them out")
        task = Task(config=config, shown=shown, count=images_wanted, device=device)
        say(estimate(folder, task, workers=workers, address=address))
        return
    images = dataset.render(
        folder, config, count=images_wanted, shown=shown, only=only, device=device, workers=workers, address=address
    )
    say(f"{folder}: {counted(images, 'image')}; look at {folder / 'preview.jpg'}")
    say_next("synth", "validate", folder)


def fit(
    *,
    photos: Path,
    out: Path,
    unlabelled: Path | None = None,
    split: Path | None = None,
    classes: tuple[str, ...] = (),
    preset: str = "balanced",
    textures: bool = False,
    seed: int = 0,
    workers: int | None = None,
) -> None:
    """Fit a preset to ten or more labelled photographs, so that renders look like them.

    Writes a preset for `corrotwin synth render --preset` and a page (.html) that shows photographs beside renders
    before and after. Small renders are kept in a folder (.fit), from which the same command resumes. Takes about 15
    minutes on two cores. It uses no other photographs. Example: corrotwin synth fit --photos
    my-export --out mine.json

    Parameters
    ----------
    photos
        a COCO dataset, or photos with PNG masks; photos without labels count as unlabelled
    out
        .json file for the preset
    unlabelled
        folder of unlabelled photographs, of which at most 300 are used, for light, camera and surroundings
    split
        file of `corrotwin segmentation split`: only training photographs are used; by default all but those in
        an export's test folder
    textures
        also cut rust and coats out of the photographs and synthesise textures from them, in a folder
        (.textures)

    Other Parameters
    ----------------
    classes
        names of the categories that count as corrosion; by default all
    preset
        preset that the fit starts from: a name, or a .json file of your own
    seed
        random seed of the renders used in the search
    workers
        number of Blender processes; by default one per core
    """
    from corrotwin.synth.fitting import output, photographs
    from corrotwin.synth.presets import builtin
    from corrotwin.synth.presets.schema import Preset
    from corrotwin.twin.core.arguments import naming

    output.check(out, seed, workers)
    if preset.endswith(".json"):
        base = Preset.read(preset)
    else:
        with naming("preset"):
            base = builtin.preset(preset)
    measured = photographs.read(photos, unlabelled, classes or None, split)
    say(output.make(out, measured, base, textures=textures, seed=seed, workers=workers))
    say(f"{out}: preset written; look at {out.with_suffix('.html')}")
    say_next("synth", "render", "--preset", out, "--count", 300, "--size", 224)
