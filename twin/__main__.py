"""Command line: make a twin, let years pass, look at it, export it."""

from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from twin.command import run
from twin.files import InputError


def new(
    kind: Positional[str],
    out: Path,
    seed: int = 0,
    years: float | None = None,
    category: str | None = None,
    coating_life: float | None = None,
    texel_mm: float = 2.0,
) -> None:
    """Make a twin with random shape and history; what is given here replaces what would be drawn.

    Example: python -m twin new pipe --out spool --seed 7 --category C5 --years 12

    Args:
        kind: pipe, chain or plate.
        out: folder for the twin; new or empty.
        seed: decides everything that is drawn.
        years: of service so far.
        category: ISO 9223 corrosivity, C1 to CX.
        coating_life: years by which most weak spots of the coating have opened; 0 for bare steel.
        texel_mm: resolution on the surface.
    """
    from dataclasses import replace

    import numpy as np

    from twin import files, state
    from twin.corrosion import Coating, Exposure

    if seed < 0:
        raise InputError(f"--seed {seed}: must be at least 0")
    twin = state.sample_twin(kind, np.random.default_rng(seed), texel_mm=texel_mm)
    if years is not None:
        twin = replace(twin, years=years)
    if category is not None:
        twin = replace(twin, exposure=Exposure(category=category))
    if coating_life is not None:
        twin = replace(twin, coating=Coating(life_years=coating_life) if coating_life else None)
    if files.read_manifest(out, "twin") is not None:
        raise InputError(f"{out}: holds a twin already; grow it, or choose another --out")
    state.save(twin, out)
    print(f"{twin.id}: {kind} of {twin.years:g} years in {out}")  # noqa: T201


def grow(folder: Positional[Path], years: float) -> None:
    """Let years pass.

    Example: python -m twin grow spool --years 5

    Args:
        folder: of the twin.
        years: to add, at least 0.
    """
    from twin import state

    twin = state.advance(folder, years)
    print(f"{twin.id}: now {twin.years:g} years")  # noqa: T201


def show(folder: Positional[Path]) -> None:
    """Print a table of the twin's zones: area, rusted share, mean and greatest wall loss.

    Example: python -m twin show spool

    Args:
        folder: of the twin.
    """
    from rich.console import Console
    from rich.table import Table

    from twin import assets, export, state

    twin, fields = state.load(folder)
    built = state.asset(twin)
    coating = f"coating life {twin.coating.life_years:g} years" if twin.coating else "bare steel"
    title = f"{twin.id}: {twin.years:g} years in {twin.exposure.category}, {coating}"
    table = Table("zone", "area m²", "rusted %", "mean loss mm", "max loss mm", title=title)
    for name, area, rusted, mean, greatest in export.zone_table(built, assets.texels(built), fields):
        table.add_row(name, f"{area:.4f}", f"{rusted:.1f}", f"{mean:.4f}", f"{greatest:.4f}")
    Console().print(table)


def export(folder: Positional[Path], out: Path, look: Literal["rust", "loss"] = "rust") -> None:
    """Write the twin as a textured mesh (.glb) or as a table of zones (.csv).

    Example: python -m twin export spool --out spool.glb

    Args:
        folder: of the twin.
        out: file to write; its suffix chooses the format.
        look: texture of the mesh: rust as it looks, or wall loss.
    """
    from twin import assets, state
    from twin import export as exporter

    exporter.check_suffix(out)
    twin, fields = state.load(folder)
    built = state.asset(twin)
    exporter.write(out, built, assets.texels(built), fields, look=look)
    print(f"{twin.id}: written to {out}")  # noqa: T201


if __name__ == "__main__":
    run(
        "python -m twin",
        "Digital twins of corroding assets: make one, let years pass, look at it, export it.",
        {"new": new, "grow": grow, "show": show, "export": export},
    )
