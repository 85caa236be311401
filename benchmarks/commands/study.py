"""``corrotwin benchmarks run`` and ``report``: train and test the runs of a study, and write its report."""

import time
from pathlib import Path
from typing import Literal

from corrotwin.segmentation.config import Profile
from corrotwin.twin.core.console import progress
from corrotwin.twin.core.text import counted, say, say_error

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

    Repeat the command to resume it; more arms, real fractions, backbones or runs are added to the study in the
    folder, and nothing is repeated.

    Parameters
    ----------
    profile
        quick shows within minutes that everything works; small measures what renders add to 10 % and to all of
        the photos, with one pretrained network, in a night or more on a CPU; paper is the published study and
        needs a GPU.
    data
        folder of real photos with COCO masks (a Roboflow export, or one JSON file beside the images); by
        default rendered stand-ins.
    out
        folder of the study; by default out/benchmark/<profile>-<name of the data>.
    renders
        folder of renders to train on (any COCO dataset), split by whole scenes into one draw per run; by
        default those of the profile are rendered.
    backbones
        encoders of the U-Nets, any of segmentation-models-pytorch; by default those of the study, or of the
        profile for a new study.
    runs
        number of runs per arm, real fraction and backbone; by default that of the study, or of the profile for
        a new study.
    classes
        names of the categories that count as corrosion, in --data and --across; by default those of the study,
        or all.
    dry_run
        print the plan (runs, hours, disk) and stop; nothing is written.

    Other Parameters
    ----------------
    renders_per_run
        maximum number of renders in the draw of a run; by default that of the study, or equal shares of the
        folder for a new study.
    arms
        what batches contain, at equal optimiser steps: real, mixed (photos and renders), and the controls
        copy-paste, strong (augmentation) and shuffled (masks of renders); by default those of the study, or of
        the profile for a new study.
    render_share
        fraction of each batch that is renders in the arms mixed and shuffled; by default that of the study, or
        0.5 for a new study.
    real_fractions
        fractions of the real training photos, such as 0.1 1, at which each arm is trained; by default those of
        the study, or of the profile for a new study.
    encoder_weights
        imagenet or none (random), for all encoders; by default that of the profile, and imagenet for
        tu-tf_efficientnet_lite0, 1 and 2.
    split
        own (the export's folders), published (70/15/15 photo by photo), grouped (by whole spots), or a file
        written by `corrotwin segmentation split`. By default that of the study; for a new study own if there is
        one, else grouped if spots are known, else published; in profile paper published.
    groups_file
        CSV file with the spot of each photo (columns file_name, spot and optionally split).
    across
        folders of other real sets, on all photos of which every run is measured as well.
    threads
        CPU threads of each run; by default those of the profile.
    size
        side of the network's square input, in pixels, divisible by 32; by default that of the profile.
    epochs
        epochs of every run; by default those of the profile.
    batch_size
        images per optimiser step; by default that of the profile.
    learning_rate
        peak learning rate; by default that of the profile. `corrotwin segmentation tune` finds a good one.
    address
        address of a Ray cluster to run on, such as auto; by default this machine.
    weights
        folder prepared by `corrotwin segmentation weights`, for machines without internet access. Backbones whose
        initial weights are random do not use it; refused if none does.
    mlflow
        address of an MLflow server or database that receives each complete run, as for `corrotwin segmentation
        train`.
    """
    from corrotwin.benchmarks.report import build
    from corrotwin.benchmarks.study import runner
    from corrotwin.benchmarks.study.config import choose
    from corrotwin.benchmarks.study.preparation import kept_config
    from corrotwin.benchmarks.study.sources import RUNS, Sources
    from corrotwin.segmentation.training.tracking import Tracking

    started = time.monotonic()
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
    with Tracking(mlflow) as tracker:
        failed = runner.run(
            out, config, sources, address=address, weights=weights, dry_run=dry_run,
            on_end=lambda key: tracker.send(out / RUNS / key, f"{out.name}/{key}"),
        )  # fmt: skip
    if dry_run:
        return 0
    with progress("report", to=out):
        page = build.write(out)
    minutes = (time.monotonic() - started) / 60
    say(f"{page}: open it in a browser ({minutes:.1f} min in all)")
    if failed:
        say_error(f"{counted(len(failed), 'run')} failed: {', '.join(failed)}; the same command tries again")
    return 1 if failed else 0


def report(out: Path) -> int:
    """Write the report of a study again from its folder. Exit with status 1 if runs are missing.

    Parameters
    ----------
    out
        folder of the study.
    """
    from corrotwin.benchmarks.study.results import load

    missing = load(out).missing  # first, so that a damaged study is reported without the slow imports of the page
    from corrotwin.benchmarks.report import build

    with progress("report", to=out):
        page = build.write(out)
    say(str(page))
    return 1 if missing else 0
