"""``python -m synth``: rendered datasets from the command line."""

from pathlib import Path

from twin.command import run


def render(
    *,
    out: Path | None = None,
    count: int = 24,
    size: int = 320,
    seed: int = 0,
    preset: str = "balanced",
    workers: int | None = None,
    address: str | None = None,
) -> None:
    """Render corroded pipes, chains and plates with COCO masks.

    The folder gets images/, annotations.json, dataset.json and preview.jpg. The same command resumes after a stop;
    a larger count appends. Example: python -m synth render --count 60 --size 320 --out out/renders

    Args:
        out: dataset folder; by default out/synth/<preset>-<size>px-seed<seed>
        count: images, at least 1
        size: picture side in pixels, at least 1
        seed: another seed, other scenes
        preset: balanced or standin
        workers: Blender processes at a time, sharing the cores; by default one
        address: of a Ray cluster (auto, or host:port); by default this machine
    """
    from synth.config import RenderConfig
    from synth.render import render as render_dataset

    config = RenderConfig(preset=preset, size=size, seed=seed)
    folder = out if out is not None else Path("out/synth") / f"{preset}-{size}px-seed{seed}"
    images = render_dataset(folder, config, count=count, workers=workers, address=address)
    print(f"{folder}: {images} images; look at {folder / 'preview.jpg'}")  # noqa: T201


if __name__ == "__main__":
    run("python -m synth", __doc__ or "", {"render": render})
