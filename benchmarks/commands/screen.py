"""``corrotwin benchmarks screen``: train on renders alone and score validation photos, to tune renders."""

from pathlib import Path
from typing import Literal

from corrotwin.benchmarks.commands.transfer import finish
from corrotwin.benchmarks.transfer.protocol import FOLDS, STEPS, Mix, ProtocolSettings, weights_of
from corrotwin.segmentation.arms import MIXED_SHARE, Adaptation
from corrotwin.segmentation.config import DEFAULT_BACKBONE, check_weights


def screen(
    *,
    renders: Path,
    data: Path,
    out: Path = Path("out/transfer"),
    reference: bool = False,
    mixed: bool = False,
    real_fraction: float = 0.1,
    render_share: float = MIXED_SHARE,
    pretrain: float = 0.0,
    adaptation: Adaptation | None = None,
    copy_paste: bool = False,
    clean: Path | None = None,
    classes: tuple[str, ...] = (),
    folds: int = FOLDS,
    backbone: str = DEFAULT_BACKBONE,
    encoder_weights: Literal["imagenet", "none"] | None = None,
    steps: int = STEPS,
    size: int = 128,
    address: str | None = None,
    weights: Path | None = None,
    dry_run: bool = False,
) -> int:
    """Train twice on renders alone, score validation photos, and show where the model fails.

    Test photos are not used: `corrotwin benchmarks transfer` measures them, in the same folder, once the renders
    are good. Repeat the command to resume it; runs without renders are shared by all renders that are tried in the
    folder.

    Parameters
    ----------
    renders
        folder of the renders to judge, any COCO dataset; each of the two runs trains on half of its scenes.
    data
        folder of real photos with COCO masks; it may contain spots.csv (file_name, spot).
    out
        folder of the transfer study.
    reference
        also train on all real photos, on the same fold; needed once for all renders.
    mixed
        also train on few photos, with and without the renders; implied by --render-share, --pretrain,
        --adaptation and --copy-paste.
    real_fraction
        fraction of the real training photos in the arms with few photos.
    clean
        pictures without corrosion, such as those of `corrotwin synth render --preset clean --seed 1`, on which
        false alarms are counted.
    classes
        names of the categories that count as corrosion; by default all.
    backbone
        encoder of the U-Nets, any of segmentation-models-pytorch; the same for all runs of a folder.
    dry_run
        print the plan (runs, hours, disk) and stop; nothing is written.

    Other Parameters
    ----------------
    render_share
        fraction of each batch of the mixed arm that is renders.
    pretrain
        fraction of the mixed arm's steps, at the start, that see only renders.
    adaptation
        fourier, histogram or colours: make each render of the mixed arm look more like a photo.
    copy_paste
        also paste corrosion of one photo into another in the mixed arm.
    folds
        number of folds of the transfer study in the same folder; a screen always uses the first of five.
    encoder_weights
        imagenet or none (random); by default imagenet for tu-tf_efficientnet_lite0, 1 and 2, none for all
        others.
    steps
        optimiser steps of every arm.
    size
        side of the network's square input, in pixels.
    address
        address of a Ray cluster to run on, such as auto; by default this machine.
    weights
        folder prepared by `corrotwin segmentation weights`, for machines without internet access; requires
        --encoder-weights imagenet.
    """
    from corrotwin.benchmarks.transfer import inputs, screening

    settings = ProtocolSettings(
        backbone=backbone,
        encoder_weights=weights_of(backbone, encoder_weights),
        steps=steps,
        size=size,
        folds=folds,
        real_fraction=real_fraction,
    )
    check_weights(weights, settings.encoder_weights)
    mix = Mix(render_share=render_share, pretrain=pretrain, adaptation=adaptation, copy_paste=copy_paste)
    sources = inputs.read(
        out,
        renders=renders,
        data=(data,),
        clean=clean,
        classes=classes or None,
        address=address,
        weights=weights,
        dry_run=dry_run,
    )
    return finish(screening.run(sources, settings, mix if mixed or mix != Mix() else None, reference=reference))
