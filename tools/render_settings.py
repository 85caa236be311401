"""Measure what render settings cost a network in F1 on validation photos: samples a pixel and views a scene.

    python -m tools.render_settings --data steel-bridges painted-steel --out out/render-settings

Question: does a network that learns from renders alone lose F1 on photographs if renders have fewer samples a pixel,
or fewer scenes with more views each?

Design: equal numbers of renders of `balanced` at 224 px from one seed, so that arms of equal views show the same scenes
from the same cameras. A pretrained ``tu-tf_efficientnet_lite0`` trains on each arm, 290 steps at 128 px, and is scored
on the validation photos of each set (`tools.renders_alone`). Test photos are never read.

Cost: 5 arms of 100 renders and 4 runs each, some 110 seconds a run on one core: about an hour and a quarter of two
cores.

What settles it: a setting is taken if neither set loses more than twice the standard error of the paired differences
from eight samples and two views, over the seeds.

Results on disk are not made again: the same command resumes where it was cut off.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from corrotwin.twin.core import cli
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import write_text
from corrotwin.twin.core.text import say, say_error

ARMS: Mapping[str, tuple[int, int]] = {  # samples a pixel and views a scene; others are compared with the first
    "8 samples, 2 views": (8, 2),
    "4 samples, 2 views": (4, 2),
    "2 samples, 2 views": (2, 2),
    "1 sample, 2 views": (1, 2),
    "2 samples, 4 views": (2, 4),
}
SIZE, SEED, STEPS = 224, 11, 290


def settings(
    data: Annotated[tuple[Path, ...], arg(help="sets of photos, each with the folders train and valid")],
    out: Annotated[Path, arg(help="folder for renders, runs and table.md")],
    count: Annotated[int, arg(help="renders of each arm")] = 100,
    seeds: Annotated[int, arg(help="networks for each arm")] = 4,
) -> None:
    """Render by each setting, train on the renders alone, and score on validation photos."""
    from corrotwin.segmentation.data import coco
    from corrotwin.synth.api import Preset, render
    from tools import renders_alone

    if seeds < 1 or count < 1:
        raise InputError(f"--seeds {seeds}, --count {count}: give at least 1 of each")
    sets = {folder.resolve().name: folder.resolve() for folder in data}
    scores: dict[str, dict[int, dict[str, float]]] = {arm: {} for arm in ARMS}
    for arm, (samples, views) in ARMS.items():
        preset = Preset.like("balanced", samples=samples, views_per_scene=views)
        renders = out.resolve() / "renders" / f"{samples}-samples-{views}-views"
        render(out=renders, preset=preset, count=count, size=SIZE, seed=SEED)
        rendered = coco.read(renders)
        for seed in range(seeds):
            folder = out.resolve() / "runs" / f"{renders.name}-{seed}"
            scores[arm][seed] = renders_alone.score(rendered, folder, sets, steps=STEPS, seed=seed)
            say_error(f"{arm}, seed {seed}: {scores[arm][seed]}")
            write_text(
                out / "table.md", renders_alone.table({name: by_seed for name, by_seed in scores.items() if by_seed})
            )
    say(renders_alone.table(scores), end="")


if __name__ == "__main__":
    cli.run_one("python -m tools.render_settings", settings)
