"""``corrotwin twin new``: make a twin of a parametric asset, or of a mesh of the user's own."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tyro.conf import Positional

from corrotwin.twin.commands.options import check_stated, dimensions_of, in_words, thickness_of
from corrotwin.twin.core.arguments import check_seed
from corrotwin.twin.core.console import progress, rich_console
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import printable, say, say_next

if TYPE_CHECKING:
    from collections.abc import Mapping

    from corrotwin.twin.twin_state import TwinState

STATE_IT = (
    "unknown: state it with --mechanism process rate_mm_year=0.1, or --mechanism co2 ..., or give --mechanism none"
)
SHAPE = "shape"  # the usual `zones`


def new(
    kind: Positional[str] = "",
    *,
    out: Path,
    name: str = "",
    mesh: Path | None = None,
    units: Literal["m", "cm", "mm", "in", "ft"] | None = None,
    thickness: tuple[str, ...] = (),
    zones: str = SHAPE,
    up: Literal["y", "z"] | None = None,
    simplify: int | None = None,
    seed: int = 0,
    set: tuple[str, ...] = (),  # noqa: A002  the name of the option
    years: float | None = None,
    built: str | None = None,
    category: str | None = None,
    climate: tuple[float, float, float, float] | None = None,
    splash: tuple[float, float] | None = None,
    debris: float = 1.0,
    coating_life: float | None = None,
    zinc_um: float | None = None,
    bare: bool = False,
    mechanism: tuple[str, ...] = (),
    random: bool = False,
    texel_mm: float = 2.0,
) -> None:
    """Create a twin of an asset from its main dimensions or a mesh, its surroundings and its coating.

    Example: corrotwin twin new pipe --out spool --set nps=8 schedule=40 run_m=3 --built 2010-05-31 --category C4
    --coating-life 8, or: corrotwin twin new pipe --out spool --random --seed 7, or: corrotwin twin new --mesh valve.stl
    --units mm --thickness 10 --out valve --category C4 --bare

    Parameters
    ----------
    kind
        pipe, vessel, chain, plate, bolt, bar, beam, bearing, railing, stair, truss, column, girder, cladding,
        hull, tank or panel; leave it out with --mesh.
    out
        folder for the twin, new or empty. Files with readings of many assets refer to a twin by the name of its
        folder.
    name
        name of the twin on pages, plots and exports; by default its kind and a number that the seed draws.
    mesh
        file with your own geometry: STL, OBJ, PLY, GLB, glTF, or STEP with the extra cad.
    units
        unit of the mesh's coordinates; required for formats that do not state one (STL, OBJ, PLY). For GLB and
        glTF it replaces the metres of their standard; leave it out for STEP, which states its unit.
    thickness
        thickness of the mesh's metal in mm: one value, or part=value for each part; or rays, the default, which
        measures it through the solid.
    seed
        random seed: where corrosion starts and how it spreads and, with --random, everything that is drawn.
    set
        dimensions and features as name=value; an unknown name prints those of the kind. Main dimensions are
        required; features such as branches and supports are omitted unless given.
    years
        years in service so far; by default from --built until today, or 0 without --built.
    built
        date on which service began, such as 2004-05-31; by default --years ago.
    category
        ISO 9223 corrosivity category, C1 to CX; either this or --climate is required.
    climate
        instead of --category: mean temperature in °C, relative humidity in %, deposition of SO2 and of chloride
        in mg/(m² d).
    coating_life
        for painted steel: years after which most weak spots of the paint have broken down.
    zinc_um
        for galvanised steel: thickness of the zinc in µm.
    bare
        neither painted nor galvanised; one of --bare, --coating-life and --zinc-um is required.
    random
        draw whatever is not given (dimensions, features, surroundings, coating and, without --built, the
        years), and print what was drawn.

    Other Parameters
    ----------------
    zones
        how to divide the mesh's surface into zones: shape (body, edges, crevices and covered faces), parts,
        materials, or a CSV file with the columns zone and one of part, material or face.
    up
        the mesh's axis that points up; by default y for glTF, z for all others.
    simplify
        number of triangles to reduce the mesh to; required above 500,000.
    splash
        lower and upper height of the splash zone, in m above the lowest point.
    debris
        how many times as many weak spots the paint has on ledges where dirt and water lie, 1 to 100.
    mechanism
        corrosion besides that in the open air: process, co2, insulation, soil, splash, immersion or own,
        followed by its settings as name=value, then the next one, as in: co2 zone=bore temperature_c=60
        co2_bar=2 ph=5. An unknown name prints those of the kind. By default an unknown process fluid corrodes
        the bore of a pipe or vessel; none switches this off.
    texel_mm
        resolution on the surface, in mm.
    """
    from tempfile import TemporaryDirectory

    from corrotwin.twin import creation, defaults, store
    from corrotwin.twin.mechanisms.process import is_unknown

    check_seed(seed)
    store.check_new(out)
    history = defaults.history_missing(
        category=category, climate=climate, coating_life=coating_life, zinc_um=zinc_um, bare=bare
    )
    stated = () if random else tuple(history)
    of_mesh = {"units": units, "thickness": thickness, "up": up, "simplify": simplify, "zones": zones}
    with TemporaryDirectory() as work:
        dimensions: dict[str, Any] = {}
        if mesh is None:
            shaped, dimensions = _parametric(kind, set, of_mesh, stated, seed=seed, texel_mm=texel_mm, random=random)
        else:
            shaped = _of_mesh(mesh, kind, set, of_mesh, stated, Path(work), seed=seed, texel_mm=texel_mm)
        twin = creation.specify(
            shaped, name=name, years=years, built=built, category=category, climate=climate, splash=splash,
            debris=debris, coating_life=coating_life, zinc_um=zinc_um, bare=bare, mechanisms=mechanism or None,
            random=random,
        )  # fmt: skip
        with progress(f"growing {kind or 'mesh'}", to=out):
            store.save(twin, out, new=True)
    say(f"{printable(twin.id)}: {twin.kind} of {twin.years:.6g} years on {twin.clock:%Y-%m-%d} in {out}")
    for acting in twin.mechanisms:
        say(f"{acting}; {STATE_IT}" if is_unknown(acting) else str(acting))
    if random:
        _print_drawn(defaults.drawn(twin, dimensions, history, age=years is None and built is None), seed)
    elif mesh is None and (
        plain := {
            name: value
            for name, value in twin.parameters.items()
            if name not in dimensions and not (value == 0 and name in ("od_mm", "wall_mm"))  # those of the table
        }
    ):
        say(f"defaults used: {in_words(plain)}")
    say_next("twin", "show", out)


def _parametric(
    kind: str,
    changes: tuple[str, ...],
    of_mesh: "Mapping[str, Any]",
    history: tuple[str, ...],
    *,
    seed: int,
    texel_mm: float,
    random: bool,
) -> "tuple[TwinState, dict[str, Any]]":
    """Return a twin of a kind, and its dimensions that were given; `history` is what must be stated and is not."""
    import numpy as np

    from corrotwin.twin import assets, creation, twin_state

    if given := [name for name, value in of_mesh.items() if value not in (None, (), SHAPE)]:
        raise InputError(f"--{given[0]}: applies only to a mesh; give --mesh as well, or leave it out")
    if not kind:
        raise InputError(f"give a kind of asset, one of {', '.join(assets.KINDS)}, or --mesh FILE")
    sampled = twin_state.sample_twin(kind, np.random.default_rng(seed), texel_mm=texel_mm)
    dimensions = dimensions_of(sampled, changes)
    if not random:
        check_stated(kind, dimensions, history)
    return creation.shaped(kind, dimensions, seed=seed, texel_mm=texel_mm, random=random), dimensions


def _of_mesh(
    mesh: Path,
    kind: str,
    changes: tuple[str, ...],
    of_mesh: "Mapping[str, Any]",
    history: tuple[str, ...],
    work: Path,
    *,
    seed: int,
    texel_mm: float,
) -> "TwinState":
    """Return a twin of a mesh, whose file is written into the folder `work`, and print what was done to the mesh."""
    from corrotwin.twin import creation
    from corrotwin.twin.meshes import child
    from corrotwin.twin.meshes.conversion import MeshOptions

    if kind or changes:
        raise InputError(
            f"--mesh {mesh}: the mesh is the asset; leave out {f'--set {changes[0]}' if changes else kind}"
        )
    if history:
        raise InputError(f"{mesh}: give {', and '.join(history)}; or `random` to draw what is not given")
    options = MeshOptions(**{**of_mesh, "thickness": thickness_of(of_mesh["thickness"])})
    with progress(f"reading {mesh.name}"):
        asset = child.convert(mesh, options, work)
    for line in asset.report:
        say(f"{mesh.name}: {line}")
    return creation.of_mesh(asset, seed=seed, texel_mm=texel_mm)


def _print_drawn(drawn: "Mapping[str, object]", seed: int) -> None:
    """Print a table of what was drawn."""
    from rich.table import Table

    table = Table("drawn", "value", title=f"drawn from seed {seed}")
    for name, value in drawn.items():
        table.add_row(name, in_words({name: value}).partition("=")[2])
    if drawn:
        rich_console().print(table)
