"""``corrotwin benchmarks transfer``: measure what renders are worth on photos of unseen spots."""

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
from corrotwin.segmentation.config import DEFAULT_BACKBONE, check_weights
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
    seed: int = 0,
    address: str | None = None,
    weights: Path | None = None,
    dry_run: bool = False,
) -> int:
    """Measure what renders are worth on photographs of unseen spots, by a fixed protocol.

    Each redraw selects few photos at random and tests on all others; with all photos it cross-validates. Every use
    of test photos is logged in the folder, so tune the renders with `corrotwin benchmarks screen` first. Repeat the
    command to resume it; runs without renders are shared by all renders that are tried in the folder.

    Parameters
    ----------
    renders
        folder of the renders to judge, any COCO dataset, split by whole scenes into one draw per run.
    data
        folders of real photos with COCO masks; each may contain spots.csv (file_name, spot).
    out
        folder of the transfer study.
    redraws
        number of redraws of few photos: each trains all arms of few photos once and tests all other photos.
        More can be added later.
    real_fraction
        fraction of all photos, in whole spots, that are the few photos of a redraw.
    unlabelled
        fraction of all photos whose labels each redraw hides: they teach without labels (self-training) in arms
        of their own and are not tested. Adds the arm that has their labels, and the teacher's control.
    runs
        number of runs of the arms with all photos and with renders alone, each in all folds. More can be added
        later.
    folds
        folds of the cross-validation, by whole spots, drawn at random for each run. With 1, all photos train, and
        only --across is tested.
    fits
        in this many redraws, fit a preset to the few photos (corrotwin synth fit) and train with its renders as
        well.
    across
        other real sets, on which every run is measured as well.
    clean
        pictures without corrosion, such as those of `corrotwin synth render --preset clean --seed 1`, on which
        false alarms are counted.
    classes
        names of the categories that count as corrosion, in --data and --across; by default all.
    backbone
        encoder of the U-Nets, any of segmentation-models-pytorch; the same for all runs of a folder.
    dry_run
        print the plan (runs, hours, disk) and stop; nothing is written, and no test photo is measured.

    Other Parameters
    ----------------
    renders_per_run
        maximum number of renders in the draw of a run; by default that of the folder's runs, or equal shares
        for new ones.
    mixed_only
        of the arms with renders train only the one with few photos, to try another way of mixing.
    renders_of_fit
        number of renders of each fitted preset.
    render_share
        fraction of each batch of the mixed arms that is renders.
    pretrain
        fraction of the mixed arms' steps, at the start, that see only renders.
    adaptation
        fourier, histogram or colours: make each render of the mixed arms look more like a photo.
    copy_paste
        also paste corrosion of one photo into another in the mixed arms.
    render_counts
        numbers N, such as 50 100: also train on the first N renders of each draw, alone and with few photos.
    seen
        photos with which the renders were tuned, besides those of screens: patterns of file names such as
        'train/*'. The goals are also reported without them.
    renders_goal
        goal for renders alone: share of the gain of all photos over calling everything rust.
    encoder_weights
        imagenet or none (random); by default imagenet for tu-tf_efficientnet_lite0, 1 and 2, none for all
        others.
    steps
        optimiser steps of every arm.
    photo_steps
        number of steps at which few photos alone do best, if it differs from --steps; adds an arm trained for
        so long.
    augmentation
        strength of the random changes to every image, in all arms: standard or strong.
    size
        side of the network's square input, in pixels.
    seed
        seed of the first redraw and run; each further one adds 1. Folders of disjoint seeds share a study between
        machines.
    address
        address of a Ray cluster to run on, such as auto; by default this machine.
    weights
        folder prepared by `corrotwin segmentation weights`, for machines without internet access; requires
        --encoder-weights imagenet.
    """
    from corrotwin.benchmarks.transfer import inputs, resampling, runner

    if mixed_only and render_counts:
        raise InputError(
            "--render-counts compares runs on renders alone, which --mixed-only leaves out; give one of the two"
        )
    counts = resampling.Counts(redraws=redraws, runs=runs, fits=fits, renders_of_fit=renders_of_fit)
    if fits and unlabelled:
        raise InputError(
            "--fits: a preset would be fitted to photos whose labels --unlabelled hides; give one of the two"
        )
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
        seed=seed,
    )
    check_weights(weights, settings.encoder_weights)
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
    """Print the runs that failed on stderr and return the exit status: 1 if there are any, else 0."""
    for name in failed:
        say_error(f"failed: {name}; the same command tries it again")
    return 1 if failed else 0
