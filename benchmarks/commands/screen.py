"""``corrotwin benchmarks screen``: renders alone on validation photos, the inner loop of tuning them."""

from pathlib import Path
from typing import Literal

from corrotwin.benchmarks.commands.transfer import finish
from corrotwin.benchmarks.transfer.protocol import FOLDS, STEPS, Mix, ProtocolSettings, weights_of
from corrotwin.segmentation.arms import MIXED_SHARE, Adaptation
from corrotwin.segmentation.config import DEFAULT_BACKBONE


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

    Test photos are not measured: `corrotwin benchmarks transfer` does that, in the same folder, once the renders are
    good. The same command continues where it stopped; runs without renders serve all renders that are tried there.

    Parameters
    ----------
    renders
        folder of the renders to judge, any COCO dataset; each of the two runs trains on half of its scenes.
    data
        folder of real photos with COCO masks; it may hold spots.csv (file_name, spot).
    out
        the transfer folder.
    reference
        train all real photos on the same fold, too; needed once for all renders.
    mixed
        train on few photos, too, with and without the renders; --render-share, --pretrain, --adaptation and
        --copy-paste imply it.
    real_fraction
        fraction of the real training photos in the arms with few photos.
    clean
        pictures without corrosion, such as `corrotwin synth render --preset clean --seed 1`, to count false alarms.
    classes
        names of the categories that count as corrosion; by default all.
    backbone
        encoder of the U-Nets, any of segmentation-models-pytorch; one for all runs of a folder.
    dry_run
        print the plan (runs, hours, disk) and stop; nothing is written.

    Other Parameters
    ----------------
    render_share
        fraction of each batch of the mixed arm that is renders.
    pretrain
        fraction of the steps, at the start of the mixed arm, whose batches are renders only.
    adaptation
        fourier, histogram or colours: change each render of the mixed arm towards a photo.
    copy_paste
        paste corrosion of one photo into another in the mixed arm, too.
    folds
        of the transfer in the same folder; a screen always takes the first of five.
    encoder_weights
        imagenet or none (random); by default imagenet for tu-tf_efficientnet_lite0, 1 and 2, none for others.
    steps
        optimiser steps, in every arm.
    size
        side of the square that the network sees, in pixels.
    address
        of a Ray cluster to run on, such as auto; without it this machine.
    weights
        folder that `corrotwin segmentation weights` prepared, without internet; needs --encoder-weights imagenet.
    """
    from corrotwin.benchmarks.transfer import inputs, screening
    from corrotwin.segmentation.commands.weights import check_weights

    settings = ProtocolSettings(
        backbone=backbone,
        encoder_weights=weights_of(backbone, encoder_weights),
        steps=steps,
        size=size,
        folds=folds,
        real_fraction=real_fraction,
    )
    check_weights(weights, settings.encoder_weights, "--encoder-weights imagenet")
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
