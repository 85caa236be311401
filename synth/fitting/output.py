"""Fit a preset and write it, its textures, and the page that shows it."""

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

WRITTEN = "written.json"  # the preset as it was written, among the renders of the fit
TEXTURED = 0.5  # share of coats and rusts that take a texture of the photographs


def make(out: Path, photos: Photographs, base: Preset, *, textures: bool, seed: int, workers: int | None) -> str:
    """Fit a preset to photographs, write it, its textures and its page; return what came of it in two sentences.

    Parameters
    ----------
    out : .json file; a page beside it has its name, as has the folder of renders from which the same call goes on.
    textures : also cut textures out of the photographs.

    Raises
    ------
    InputError
        As of `fit`.
    WorkError
        Renders failed.
    """
    found = fit(photos, base, out.with_suffix(".fit"), seed=seed, workers=workers)
    changes: dict[str, Any] = found.preset.changes()
    cut = ""
    if textures:
        out.parent.mkdir(parents=True, exist_ok=True)
        rust, coats = exemplars.write(out.with_suffix(".textures"), photos.photos, seed=seed)
        changes |= {"rust_textures": rust} if rust else {}
        changes |= {"paint_textures": coats} if coats else {}
        changes |= {"textured_share": TEXTURED} if base.textured_share == 1 else {}
        cut = f" Textures: {len(rust)} of rust, {len(coats)} of coats."
    custom.changed(Preset.like(found.preset.name), changes, folder=out.parent)  # refuses what no preset may be
    for path in (out.with_suffix(".fit") / WRITTEN, out):
        write_json(path, {custom.LIKE: found.preset.name, **changes})
    page.write(out.with_suffix(".html"), found, out.stem)
    return f"{out}: {page.answer(found)}{cut}"


def check(out: Path, seed: int, workers: int | None) -> None:
    """Raise InputError for files that no fit wrote, or a number that cannot be, before photographs are read.

    Raises
    ------
    InputError
        The message names the option, the file that is in the way, or the package that is missing.
    """
    if out.suffix != ".json":
        raise InputError(f"`out` {out}: a preset is written as .json")
    if seed < 0:
        raise InputError(f"`seed` {seed}: give a seed of 0 or more")
    if workers is not None and workers < 1:
        raise InputError(f"`workers` {workers}: give at least 1")
    if out.exists() and not _is_ours(out):
        raise InputError(f"{out}: is there, and no fit wrote it as it is now; give another `out`, or move it")
    if not (out.with_suffix(".fit") / CLAIM).exists():
        for path in (out.with_suffix(".html"), out.with_suffix(".textures")):
            if path.exists():
                raise InputError(f"{path}: is there, and no fit wrote it; give another `out`, or move it")
    features.check_installed()


def _is_ours(out: Path) -> bool:
    """Return whether a preset's file is as a fit wrote it."""
    kept = out.with_suffix(".fit") / WRITTEN
    return kept.is_file() and read_bytes(kept) == read_bytes(out)
