"""Write a fit: the preset, its textures, and the page that shows it."""

from pathlib import Path
from typing import Any

from corrotwin.synth.fitting import exemplars, page
from corrotwin.synth.fitting.fit import Fit
from corrotwin.synth.presets import custom
from corrotwin.synth.presets.schema import Preset
from corrotwin.twin.core.files import write_json

TEXTURED = 0.5  # share of coats and rusts that take a texture of the photographs


def write(out: Path, fit: Fit, *, seed: int | None) -> str:
    """Write the preset ``out``, its textures beside it, and the page; return what came of it in two sentences.

    Parameters
    ----------
    out : .json file.
    seed : of the textures; None for none.
    """
    changes: dict[str, Any] = fit.preset.changes()
    if seed is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        rust, coats = exemplars.write(out.with_suffix(".textures"), fit.photos.photos, seed=seed)
        changes |= {"rust_textures": rust, "paint_textures": coats, "textured_share": TEXTURED}
    custom.changed(Preset.like(fit.preset.name), changes, folder=out.parent)  # refuses what no preset may be
    write_json(out, {custom.LIKE: fit.preset.name, **changes})
    page.write(out.with_suffix(".html"), fit, out.stem)
    return f"{out}: {page.answer(fit)}"
