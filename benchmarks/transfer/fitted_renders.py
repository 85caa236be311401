"""Renders of presets fitted inside redraws, each only to the few photos of its redraw."""

import logging
from dataclasses import replace
from pathlib import Path

from corrotwin.benchmarks.transfer.layout import Photos, Renders
from corrotwin.benchmarks.transfer.resampling import Fold
from corrotwin.segmentation.data import coco
from corrotwin.segmentation.models import features
from corrotwin.synth.fitting import photographs
from corrotwin.synth.presets.schema import Preset
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import digest

_log = logging.getLogger(__name__)

BASE = "balanced"  # the preset that fits start from
SIZE = 224  # side of its renders, pixels
PRESET, FIT, RENDERS = "preset.json", "preset.fit", "fitted"
MINUTES = 25  # estimate for plans: two cores, a fit and 150 renders


def check(photos: Photos, fold: Fold) -> None:
    """Refuse a redraw to whose few photos no preset can be fitted, before other fits take hours.

    Raises
    ------
    InputError
        Too few of the photos have labels, or all show one spot.
    """
    features.check_installed()
    names = {*fold.split.train}
    marked = [photo.file_name for photo in photos.data.photos if photo.annotations and photo.file_name in names]
    if len(marked) < photographs.FEWEST or len({photos.spots[name] for name in marked}) == 1:
        raise InputError(
            f"{photos.path}: a preset is fitted to at least {photographs.FEWEST} photos with labels, of two spots, but "
            f"redraw {fold.run + 1} has {len(marked)} of {len({photos.spots[name] for name in marked})}; give a larger "
            "`real_fraction`, or no `fits`"
        )


def made(out: Path, photos: Photos, fold: Fold, count: int) -> Renders | None:
    """Return `count` renders of the preset fitted in a redraw; None if they do not exist."""
    folder = folder_of(out, photos, fold) / f"{RENDERS}-{count}"
    if not (folder / "dataset.json").exists():
        return None
    data = coco.read(folder)
    return Renders(path=folder, whole=data, data=data, draws=(data,), kind=RENDERS)


def folder_of(out: Path, photos: Photos, fold: Fold) -> Path:
    """Return the folder of the fit of a redraw; its name is a digest of the photos, their masks and the seed.

    A redraw with other photos or labels has another folder, so that no preset has seen the photos that test it.
    """
    name = digest([photos.data.digest, fold.split.train, fold.seed, BASE])[:8]
    return out / photos.name / fold.name / f"fit-{name}"


def make(out: Path, photos: Photos, fold: Fold, count: int) -> Renders | None:
    """Fit a preset to the few photos of a redraw and make `count` renders of it; existing ones are kept.

    Raises
    ------
    InputError
        The redraw has too few photos for a fit.
    WorkError
        Renders failed.
    """
    if (existing := made(out, photos, fold, count)) is not None:
        return existing
    from corrotwin.synth.api import render
    from corrotwin.synth.fitting.fit import fit

    folder = folder_of(out, photos, fold)
    names = {*fold.split.train}
    few = [replace(photo, split=None) for photo in photos.data.photos if photo.file_name in names]
    preset = folder / PRESET
    if not preset.exists():
        _log.info(f"{folder}: fitting a preset to {len(few)} photos")
        seen = photographs.look(replace(photos.data, photos=tuple(few)))
        fitted = fit(seen, Preset.like(BASE), folder / FIT, seed=fold.seed).preset
        fitted.save(preset)
    render(out=folder / f"{RENDERS}-{count}", preset=Preset.read(preset), count=count, size=SIZE, seed=fold.seed)
    return made(out, photos, fold, count)
