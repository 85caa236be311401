"""``corrotwin benchmarks run`` and ``report``: a study and its report."""

import time
from pathlib import Path
from typing import Literal

from corrotwin.segmentation.config import Profile
from corrotwin.twin.core.console import progress
from corrotwin.twin.core.text import say

Arm = Literal["real", "mixed", "copy-paste", "strong", "shuffled"]


def run(
    *,
    profile: Profile = "quick",
    data: Path | None = None,
    out: Path | None = None,
    renders: Path | None = None,
    renders_per_run: int | None = None,
    arms: tuple[Arm, ...] = (),
    render_share: float | None = None,
    real_fractions: tuple[float, ...] = (),
    backbones: tuple[str, ...] = (),
    encoder_weights: Literal["imagenet", "none"] | None = None,
    runs: int | None = None,
    split: Literal["own", "published", "grouped"] | Path | None = None,
    groups_file: Path | None = None,
    across: tuple[Path, ...] = (),
    classes: tuple[str, ...] = (),
    threads: int | None = None,
    size: int | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    address: str | None = None,
    weights: Path | None = None,
    dry_run: bool = False,
    mlflow: str | None = None,
) -> int:
    """Train U-Nets on real photos with and without renders, test them, and write the report.

    The same command continues where it stopped; with more arms, real fractions, backbones or runs it adds them to the
    study in the folder and repeats nothing.

    Parameters
    ----------
    profile
        quick shows in minutes that everything works; small asks what renders add to 10 % and to all of the photos, with
        one pretrained network, and takes a CPU a night or more; paper is as published and wants a GPU.
    data
        folder of real photos with COCO masks (a Roboflow export, or one json beside the images); without it a rendered
        stand-in takes their place.
    out
        the study's folder; by default out/benchmark/<profile>-<name of the data>.
    renders
        folder of renders to train on (any COCO dataset), split by whole scenes into one draw per run; by default
        the profile's are rendered.
    backbones
        encoders of the U-Nets, any of segmentation-models-pytorch; by default the study's, of a new one the profile's.
    runs
        per arm, real fraction and backbone; by default the study's, of a new one the profile's.
    classes
        names of the categories that count as corrosion, in --data and --across; by default all, or the study's.
    dry_run
        print the plan (runs, hours, disk) and stop; nothing is written.

    Other Parameters
    ----------------
    renders_per_run
        most renders in the draw of a run; by default the study's, of a new one equal shares of the folder.
    arms
        what batches hold, at equal optimiser steps: real, mixed (photos and renders), and the controls copy-paste,
        strong (augmentation) and shuffled (masks of renders); by default the study's, of a new one the profile's.
    render_share
        fraction of each batch that is renders in the arms mixed and shuffled; by default the study's, of a new one
        0.5.
    real_fractions
        fractions of the real training photos, such as 0.1 1; each arm is trained at each; by default the study's, of a
        new one the profile's.
    encoder_weights
        imagenet or none (random) for all of them; by default the profile's, and imagenet for tu-tf_efficientnet_lite0,
        1 and 2.
    split
        own (the export's folders), published (70/15/15 photo by photo), grouped (by whole spots), or a file
        that `corrotwin segmentation split` wrote; by default the study's, for a new one own where there is one, else
        grouped where spots are known, else published; in profile paper published.
    groups_file
        csv file with the spot of each photo (columns file_name, spot, perhaps split).
    across
        folders of other real sets; every run is measured on all their photos too.
    threads
        CPU threads of a run, by default the profile's.
    size
        side of the square that networks train on, in pixels, by default the profile's; divisible by 32.
    epochs
        of every run, by default the profile's.
    batch_size
        images of an optimiser step, by default the profile's.
    learning_rate
        by default the profile's; `corrotwin segmentation tune` finds a good one.
    address
        of a Ray cluster to run on, such as auto; without it this machine.
    weights
        folder that `corrotwin segmentation weights` prepared, where there is no internet; needs --profile paper.
    mlflow
        address of an MLflow server or database to send each run to when it is complete, as for `corrotwin segmentation
        train`.
    """
    from corrotwin.benchmarks.report import build
    from corrotwin.benchmarks.study import runner
    from corrotwin.benchmarks.study.config import choose
    from corrotwin.benchmarks.study.preparation import kept_config
    from corrotwin.benchmarks.study.sources import RUNS, Sources
    from corrotwin.segmentation.commands.weights import check_weights
    from corrotwin.segmentation.training.tracking import Tracking

    begun = time.monotonic()
    if out is None:
        out = Path("out/benchmark") / f"{profile}-{data.resolve().name if data else 'standin'}"
    changes = {
        "size": size,
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "encoder_weights": encoder_weights,
    }
    config = choose(
        profile,
        kinds=arms,
        real_fractions=real_fractions,
        backbones=backbones,
        runs=runs,
        threads=threads,
        changes=changes,
        earlier=kept_config(out),
    )
    check_weights(weights, next(iter(config.grid.values())).encoder_weights, "--profile paper")
    sources = Sources(
        data=data,
        renders=renders,
        renders_per_run=renders_per_run,
        render_share=render_share,
        split=split,
        groups_file=groups_file,
        across=across,
        classes=classes or None,
    )
    with Tracking(mlflow) as tracked:
        failed = runner.run(
            out, config, sources, address=address, weights=weights, dry_run=dry_run,
            on_end=lambda key: tracked.send(out / RUNS / key, f"{out.name}/{key}"),
        )  # fmt: skip
    if dry_run:
        return 0
    with progress("report", to=out):
        page = build.write(out)
    minutes = (time.monotonic() - begun) / 60
    say(f"{page}: open it in a browser ({minutes:.1f} min in all)")
    if failed:
        say(f"{len(failed)} runs failed: {', '.join(failed)}; the same command tries them again")
    return 1 if failed else 0


def report(out: Path) -> int:
    """Write the report of a study again from its folder. Exits 1 where runs are missing.

    Parameters
    ----------
    out
        the study's folder.
    """
    from corrotwin.benchmarks.study.results import load

    missing = load(out).missing  # before the heavy imports of the page
    from corrotwin.benchmarks.report import build

    with progress("report", to=out):
        page = build.write(out)
    say(str(page))
    return 1 if missing else 0
