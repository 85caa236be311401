"""Required parameters of a new twin, defaults of its optional features, and a report of the values drawn."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from corrotwin.twin import assets
from corrotwin.twin.assets.piping.sizes import OUTSIDE_MM
from corrotwin.twin.geometry.fasteners import SIZES
from corrotwin.twin.model.coating import Paint
from corrotwin.twin.twin_state import TwinState

# Plain features by kind: nothing that was not requested, cut ends, lying down. A parameter that is not listed here and
# has no default in the kind's builder must be stated, and so must those that `missing` returns.
FEATURES: dict[str, dict[str, Any]] = {
    "pipe": {
        "pieces": 1, "flanged": False, "start": "cut", "finish": "cut", "leg_m": 0.0, "leg_degrees": 0.0,
        "branch_nps": "none", "branch_at_m": 0.0, "branch_m": 0.0, "branch_degrees": 0.0, "branch_end": "cut",
        "support": "saddle", "supports_at_m": [], "support_m": 0.0, "upright": False,
    },
    "chain": {
        "layout": "lying", "tension_ratio": 1.0, "incline_degrees": 0.0, "wear_percent": 0.0, "shackles": False,
        "lay": 0,
    },
    "plate": {
        "edge": "rolled", "opening_mm": 0.0, "stiffeners": 0, "stiffener": "flat", "stiffener_height_mm": 80.0,
        "fasteners": "none", "butt_weld": False, "upright": False,
    },
    "bolt": {
        "head": "hexagon", "shown": "head", "washers": True, "nuts": 1, "protrusion_mm": 0.0, "pattern": "single",
        "bolts": 1, "pitch_mm": 0.0, "missing": 0, "joint": "plate", "edge": "rolled", "post_mm": 0.0,
        "upright": False,
    },
    "beam": {
        "stance": "beam", "joint": "none", "joint_m": 0.0, "stiffeners": 0, "end_plate": False, "blocks": False,
    },
    "bearing": {"travel_mm": 0.0, "ribs": 2, "anchors": 4, "girder": "none"},
    "railing": {"infill": "rails", "rails": 1, "ends": "capped", "toe_plate": False, "base": "square"},
    "stair": {"fixing": "welded", "handrail": "none"},
    "bar": {
        "thickness_mm": 0.0, "count": 1, "arrangement": "row", "gap_mm": 0.0, "shape": "straight", "leg_m": 0.0,
        "lay": 0,
    },
    "vessel": {
        "head": "ellipsoidal", "courses": 1, "nozzles_nps": [], "nozzles_at_m": [], "nozzles_degrees": [],
        "head_nozzles_nps": [0.0, 0.0], "nozzle_schedule": "STD", "nozzle_m": 0.15, "nozzle_end": "flange",
        "support": "saddles", "support_m": 1.0, "saddle_m": 0.0,
    },
    "truss": {"braces": "single", "gusset_mm": 10.0, "fastener": "rivets"},
    "column": {"lacing": "single"},
    "girder": {"covers": 0, "cover_mm": 12.0, "pitch_mm": 100.0, "stiffeners": 0},
}  # fmt: skip


def main_dimensions(kind: str) -> tuple[str, ...]:
    """Return the dimensions of a kind that must be stated."""
    return tuple(name for name in inspect.signature(assets.KINDS[kind].build).parameters if name not in features(kind))


def features(kind: str) -> dict[str, Any]:
    """Return the features of a kind with their plain values, including those with a default in its builder."""
    builder = inspect.signature(assets.KINDS[kind].build).parameters
    defaults = {name: option.default for name, option in builder.items() if option.default is not option.empty}
    return defaults | FEATURES.get(kind, {})


def example(kind: str, sampled: Mapping[str, Any]) -> dict[str, Any]:
    """Return a value for every parameter that a kind can have, in the order of its builder.

    Parameters
    ----------
    kind : kind of the asset.
    sampled : parameters that its sampler drew, which leaves out some that have a default.
    """
    values = features(kind) | dict(sampled)
    return {name: values[name] for name in inspect.signature(assets.KINDS[kind].build).parameters}


def missing(kind: str, given: Mapping[str, Any]) -> list[str]:
    """Return the main dimensions that `given` lacks.

    A pipe with a stated wall needs no schedule, and if its outside diameter is stated, too, no nominal size. A flat bar
    needs its thickness.
    """
    lacking = [name for name in main_dimensions(kind) if name not in given]
    if kind == "pipe" and given.get("wall_mm"):
        unneeded = ("nps", "schedule") if given.get("od_mm") else ("schedule",)
        lacking = [name for name in lacking if name not in unneeded]
    if kind == "bar" and given.get("section") == "flat" and "thickness_mm" not in given:
        lacking.append("thickness_mm")
    return lacking


def filled(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return all parameters of an asset from its main dimensions; the others take plain values.

    Some plain values follow from a dimension: a joint lies in the middle of a beam, a thread protrudes from its nut
    by half a diameter, a base plate shows its nuts, saddles stand at a fifth of a vessel's length, and a pipe with a
    stated wall takes the nearest nominal size.
    """
    values = features(kind) | dict(given)
    derived: dict[str, Any] = {}
    if kind == "beam":
        derived["joint_m"] = values["length_m"] / 2
    elif kind == "bolt":
        size = SIZES.get(values["size"])
        derived["protrusion_mm"] = size.diameter / 2 if size else 0.0
        derived["shown"] = "nut" if values["joint"] == "base" else values["shown"]
    elif kind == "vessel" and values["support"] == "saddles":
        derived["saddle_m"] = values["length_m"] / 5
    elif kind == "bar":
        derived["thickness_mm"] = values["size_mm"]
    elif kind == "pipe" and values.get("wall_mm"):
        derived["nps"] = min(OUTSIDE_MM, key=lambda nps: abs(OUTSIDE_MM[nps] - values["od_mm"]))
        derived["schedule"] = "STD"
    return example(kind, values | {name: value for name, value in derived.items() if name not in given})


def history_missing(
    *,
    category: str | None = None,
    climate: object = None,
    coating_life: float | None = None,
    zinc_um: float | None = None,
    bare: bool = False,
) -> list[str]:
    """Return the parts of a history, place and coating, that are not stated and would have to be drawn."""
    place_given = category is not None or climate is not None
    coating_given = bare or coating_life is not None or zinc_um is not None
    place, coating = "`category` or `climate`", "`coating_life`, `zinc_um` or `bare`"
    return [name for name, is_given in ((place, place_given), (coating, coating_given)) if not is_given]


def drawn(twin: TwinState, dimensions: Mapping[str, Any], history: Sequence[str], *, age: bool) -> dict[str, Any]:
    """Return the drawn values of a new twin, by name.

    Parameters
    ----------
    twin : the new twin.
    dimensions : dimensions that were stated.
    history : parts that were drawn, from `history_missing`.
    age : whether the years were drawn.
    """
    builder = inspect.signature(assets.KINDS[twin.kind].build).parameters
    values = {
        name: value
        for name, value in twin.parameters.items()
        if name not in dimensions and value != builder[name].default  # a default was not drawn
    }
    for name in history:
        if "category" in name:
            values["category"] = twin.exposure.periods[0].category
        elif isinstance(twin.coating, Paint):
            values |= {"coating_life": twin.coating.life_years, "defects_per_m2": twin.coating.defects_per_m2}
        else:
            values |= {"bare": True} if twin.coating is None else {"zinc_um": twin.coating.thickness_um}
    return values | ({"years": round(twin.years, 2)} if age else {})
