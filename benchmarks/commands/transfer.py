"""``corrotwin benchmarks transfer``: what renders are worth on photographs of unseen spots."""

import shlex
import sys
from collections.abc import Sequence
from math import inf
from pathlib import Path
from typing import Literal

from corrotwin.benchmarks.transfer.protocol import (
    FOLDS,
    REDRAWS,
    RENDERS_GOAL,
    STEPS,
    WHOLE_RUNS,
    Mix,
    ProtocolSettings,
    weights_of,
)
from corrotwin.segmentation.arms import MIXED_SHARE, Adaptation, Augmentation
from corrotwin.segmentation.config import DEFAULT_BACKBONE
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import say_error


def transfer(
    *,
    renders: Path,
    renders_per_run: int | None = None,
    data: tuple[Path, ...],
    out: Path = Path("out/transfer"),
    mixed_only: bool = False,
    redraws: int = REDRAWS,
    real_fraction: float = 0.1,
    unlabelled: float = 0.0,
    runs: int = WHOLE_RUNS,
    folds: int = FOLDS,
    fits: int = 0,
    renders_of_fit: int = 150,
    render_share: float = MIXED_SHARE,
    pretrain: float = 0.0,
    adaptation: Adaptation | None = None,
    copy_paste: bool = False,
    render_counts: tuple[int, ...] = (),
    across: tuple[Path, ...] = (),
    clean: Path | None = None,
    seen: tuple[str, ...] = (),
    classes: tuple[str, ...] = (),
    renders_goal: float = RENDERS_GOAL,
    backbone: str = DEFAULT_BACKBONE,
    encoder_weights: Literal["imagenet", "none"] | None = None,
    steps: int = STEPS,
    photo_steps: int | None = None,
    augmentation: Augmentation = "standard",
    size: int = 128,
    address: str | None = None,
    weights: Path | None = None,
    dry_run: bool = False,
) -> int:
    """Measure what renders are worth on photographs of unseen spots, by a fixed protocol.

    Few photos are drawn anew by each redraw, and all others tested; all photos are cross-validated. It measures the
    test photos and logs that in the folder, so tune the renders with `corrotwin benchmarks screen` first. The same
    command continues where it stopped; runs without renders serve all renders that are tried in the folder.

    Parameters
    ----------
    renders
        folder of the renders to judge, any COCO dataset, split by whole scenes into one draw per run.
    data
        folders of real photos with COCO masks; each may hold spots.csv (file_name, spot).
    out
        the transfer folder.
    redraws
        of few photos: each trains all arms of few photos once, and tests all others; more may be added later.
    real_fraction
        the few photos of a redraw, by whole spots, as a fraction of all.
    unlabelled
        fraction of all photos of which a redraw hides the labels: they teach in arms of their own (self-training), and
        are not tested; with it the arm in which they have their labels, and the teacher's control.
    runs
        of the arms of all photos and of renders alone, each in all folds; more may be added later.
    folds
        of the cross-validation, by whole spots, drawn anew for each run. 1: all photos train, to test --across alone.
    fits
        the first so many redraws fit a preset to their few photos (corrotwin synth fit) and try its renders beside
        them.
    across
        other real sets, on which every run is measured, too.
    clean
        pictures without corrosion, such as `corrotwin synth render --preset clean --seed 1`, to count false alarms.
    classes
        names of the categories that count as corrosion, in --data and --across; by default all.
    backbone
        encoder of the U-Nets, any of segmentation-models-pytorch; one for all runs of a folder.
    dry_run
        print the plan (runs, hours, disk) and stop; nothing is written and no test photo measured.

    Other Parameters
    ----------------
    renders_per_run
        most renders in the draw of a run; by default that of the runs in the folder, for new ones equal shares.
    mixed_only
        of the arms with renders train only the one with few photos, to try another way of mixing.
    renders_of_fit
        pictures of each fitted preset.
    render_share
        fraction of each batch of the mixed arms that is renders.
    pretrain
        fraction of the steps, at the start of the mixed arms, whose batches are renders only.
    adaptation
        fourier, histogram or colours: change each render of the mixed arms towards a photo.
    copy_paste
        paste corrosion of one photo into another in the mixed arms, too.
    render_counts
        numbers N such as 50 100: train also on the first N renders of each draw, alone and with few photos.
    seen
        photos with which the renders were tuned, besides those of screens: patterns of file names such as 'train/*'.
        Goals are given again without them.
    renders_goal
        share that renders alone should reach of what all photos gain over everything called rust.
    encoder_weights
        imagenet or none (random); by default imagenet for tu-tf_efficientnet_lite0, 1 and 2, none for others.
    steps
        optimiser steps, in every arm.
    photo_steps
        where few photos alone are best after another number of steps, that: they are trained so, too.
    augmentation
        standard or strong random changes to every image, in all arms.
    size
        side of the square that the network sees, in pixels.
    address
        of a Ray cluster to run on, such as auto; without it this machine.
    weights
        folder that `corrotwin segmentation weights` prepared, without internet; needs --encoder-weights imagenet.
    """
    from corrotwin.benchmarks.transfer import inputs, resampling, runner
    from corrotwin.segmentation.commands.weights import check_weights

    if mixed_only and render_counts:
        raise InputError("--render-counts needs renders alone, which --mixed-only leaves out; give one of the two")
    counts = resampling.Counts(redraws=redraws, runs=runs, fits=fits, renders_of_fit=renders_of_fit)
    if fits and unlabelled:
        raise InputError("--fits: a preset would be fitted to photos whose labels --unlabelled hides; leave out one")
    if not 0 < renders_goal < inf:
        raise InputError(
            f"--renders-goal {renders_goal:g} must be a number above 0; 0.7 is 70 % of what all photos gain"
        )
    settings = ProtocolSettings(
        backbone=backbone,
        encoder_weights=weights_of(backbone, encoder_weights),
        steps=steps,
        photo_steps=photo_steps,
        augmentation=augmentation,
        size=size,
        folds=folds,
        real_fraction=real_fraction,
        unlabelled=unlabelled,
    )
    check_weights(weights, settings.encoder_weights, "--encoder-weights imagenet")
    mix = Mix(render_share=render_share, pretrain=pretrain, adaptation=adaptation, copy_paste=copy_paste)
    sources = inputs.read(
        out,
        renders=renders,
        renders_per_run=renders_per_run,
        data=data,
        across=across,
        clean=clean,
        seen=seen,
        classes=classes or None,
        counts=render_counts,
        address=address,
        weights=weights,
        dry_run=dry_run,
    )
    command = shlex.join(["corrotwin", *sys.argv[1:]])
    return finish(
        runner.confirm(
            sources, settings, mix, mixed_only=mixed_only, counts=counts, renders_goal=renders_goal, command=command
        )
    )


def finish(failed: Sequence[str]) -> int:
    """Name the runs that failed on stderr and return the exit status."""
    for name in failed:
        say_error(f"failed: {name}; the same command tries it again")
    return 1 if failed else 0
