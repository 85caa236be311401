"""Fit a preset and write its file, its textures and its page."""

from pathlib import Path
from typing import Any

from corrotwin.segmentation.models import features
from corrotwin.synth.fitting import exemplars, page
from corrotwin.synth.fitting.fit import fit
from corrotwin.synth.fitting.photographs import Photographs
from corrotwin.synth.presets import custom
from corrotwin.synth.presets.schema import Preset
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_bytes, write_json
from corrotwin.twin.core.locks import CLAIM

WRITTEN = "written.json"  # copy of the preset as written, in the folder of the renders
TEXTURED = 0.5  # share of coats and rusts that get a texture cut from the photographs


def make(out: Path, photos: Photographs, base: Preset, *, textures: bool, seed: int, workers: int | None) -> str:
    """Fit a preset to photographs, write it, its textures and its page; return the result in a few sentences.

    Parameters
    ----------
    out : .json file. The page and the folder of renders, from which the same call resumes, are beside it and have the
        same name with another suffix.
    textures : also cut textures out of the photographs.

    Raises
    ------
    InputError
        See `fit`.
    WorkError
        Renders failed.
    """
    fitted = fit(photos, base, out.with_suffix(".fit"), seed=seed, workers=workers)
    changes: dict[str, Any] = fitted.preset.changes()
    textures_line = ""
    if textures:
        out.parent.mkdir(parents=True, exist_ok=True)
        rust, coats = exemplars.write(out.with_suffix(".textures"), photos.photos, seed=seed)
        changes |= {"rust_textures": rust} if rust else {}
        changes |= {"paint_textures": coats} if coats else {}
        changes |= {"textured_share": TEXTURED} if base.textured_share == 1 else {}
        textures_line = f" Textures: {len(rust)} of rust, {len(coats)} of coats."
    # Raises InputError if the result is not a valid preset.
    custom.changed(Preset.like(fitted.preset.name), changes, folder=out.parent)
    for path in (out.with_suffix(".fit") / WRITTEN, out):
        write_json(path, {custom.LIKE: fitted.preset.name, **changes})
    page.write(out.with_suffix(".html"), fitted, out.stem)
    return f"{out}: {page.answer(fitted)}{textures_line}"


def check(out: Path, seed: int, workers: int | None) -> None:
    """Raise InputError, before photographs are read, if `out` holds files that no fit wrote or a number is invalid.

    Raises
    ------
    InputError
        The message names the option, the file that is in the way, or the package that is missing.
    """
    if out.suffix != ".json":
        raise InputError(f"`out` {out}: give a file that ends in .json")
    if seed < 0:
        raise InputError(f"`seed` {seed}: give a seed of 0 or more")
    if workers is not None and workers < 1:
        raise InputError(f"`workers` {workers}: give at least 1")
    if out.exists() and not _is_ours(out):
        raise InputError(f"{out}: already exists and is not as a fit wrote it; give another `out`, or move it")
    if not (out.with_suffix(".fit") / CLAIM).exists():
        for path in (out.with_suffix(".html"), out.with_suffix(".textures")):
            if path.exists():
                raise InputError(f"{path}: already exists and was not written by a fit; give another `out`, or move it")
    features.check_installed()


def _is_ours(out: Path) -> bool:
    """Return whether a preset's file is unchanged since a fit wrote it."""
    record = out.with_suffix(".fit") / WRITTEN
    return record.is_file() and read_bytes(record) == read_bytes(out)
