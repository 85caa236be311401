"""``python -m synth``: rendered datasets from the command line."""

from pathlib import Path

from twin.command import run
from twin.files import InputError


def render(
    *,
    out: Path | None = None,
    count: int | None = None,
    size: int = 320,
    seed: int = 0,
    preset: str = "balanced",
    twin: Path | None = None,
    cameras: Path | None = None,
    workers: int | None = None,
    address: str | None = None,
) -> None:
    """Render corroded assets with COCO masks: drawn at random, or a twin of yours.

    The folder gets images/, annotations.json, dataset.json and preview.jpg. The same command resumes after a stop;
    a larger count appends. Example: python -m synth render --count 60 --size 320 --out out/renders, or, from cameras
    of your choice: python -m synth render --twin spool --cameras cameras.json --size 512

    Args:
        out: dataset folder; by default out/synth/<preset>-<size>px-seed<seed>, or with <twin id> for <preset>
        count: images, at least 1; by default 24, or one by each camera of the file
        size: picture side in pixels, at least 1
        seed: another seed, other scenes
        preset: balanced or standin
        twin: folder of a twin to photograph as it stands there; by default each scene has its own
        cameras: JSON list of {"eye_m": [x, y, z], "look_at_m": [x, y, z], "field_of_view_deg": 50}, see docs/synth.md;
            by default they are drawn
        workers: Blender processes at a time, sharing the cores; by default one
        address: of a Ray cluster (auto, or host:port); by default this machine
    """
    from synth import subject
    from synth.config import RenderConfig
    from synth.render import render as render_dataset

    config = RenderConfig(preset=preset, size=size, seed=seed)
    if cameras is not None and twin is None:
        raise InputError(f"--cameras {cameras}: cameras stand about a twin; give its folder with --twin")
    stated = () if cameras is None else subject.read_cameras(cameras)
    shown = None if twin is None else subject.saved(twin, stated)
    name = preset if shown is None else shown.id
    folder = out if out is not None else Path("out/synth") / f"{name}-{size}px-seed{seed}"
    wanted = count if count is not None else len(stated) or 24
    images = render_dataset(folder, config, count=wanted, shown=shown, workers=workers, address=address)
    print(f"{folder}: {images} images; look at {folder / 'preview.jpg'}")  # noqa: T201


if __name__ == "__main__":
    run("python -m synth", __doc__ or "", {"render": render})
