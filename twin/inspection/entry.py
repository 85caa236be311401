"""Turn the arguments of one inspection into records."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from corrotwin.twin import twin_state
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_json
from corrotwin.twin.core.text import first_of, place_name, printable
from corrotwin.twin.inspection import readers
from corrotwin.twin.inspection.events import Event
from corrotwin.twin.inspection.positions import Point, on_atlas
from corrotwin.twin.inspection.records import KINDS, Record
from corrotwin.twin.twin_state import TwinState

MASKS, PARTS = "masks", "parts"  # folders of masks and of what is known of each, below the one with the evaluation
RATES = {"detection": "recall", "false_calls": "false_calls"}  # field of a record: its name in an evaluation.json


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Records and events of an inspection, the file that records of a photograph name, and a note on their rates."""

    records: tuple[Record, ...]
    events: tuple[Event, ...] = ()
    photo: bytes = b""
    note: str = ""


def records_of(
    twin: TwinState,
    *,
    csv: Path | None = None,
    date: str = "",
    kind: str = "",
    zone: str = "",
    value: float | None = None,
    unit: str = "",
    tool: str = "",
    place: str = "",
    uv: tuple[float, float] | None = None,
    at: Point | None = None,
    photo: Sequence[Path] = (),
    uvmap: Sequence[Path] = (),
    scatter: float | None = None,
    bias: float | None = None,
    echo: str = "",
    coated: bool = False,
    evaluation: Path | None = None,
    detection: float | None = None,
    false_calls: float | None = None,
) -> Entry:
    """Return the records of an inspection, with what belongs to them.

    Parameters
    ----------
    twin : that was inspected.
    at : x, y and z of the reading in place of `uv`, of whose surface it takes the zone where none is given.

    All others are as for `Twin.inspect`.

    Raises
    ------
    InputError
        The arguments do not go together, a file cannot be read, or a value is impossible.
    """
    single = (
        date, kind, zone, value, unit, tool, place, uv, at, photo, uvmap, scatter, bias, echo, coated or None,
        evaluation, detection, false_calls,
    )  # fmt: skip
    if csv is not None:
        if any(given not in ("", None, (), []) for given in single):
            raise InputError("inspect: give either `csv` or single values")
        lines = readers.from_csv(csv, twin)
        records = [line for line in lines if isinstance(line, Record)]
        events = tuple(line for line in lines if isinstance(line, Event))
        usual = (KINDS["photo"].detection, KINDS["photo"].false_calls)
        as_usual = any((record.detection, record.false_calls) == usual for record in records)
        return Entry(records=tuple(records), events=events, note=assumed_rates(()) if as_usual else "")
    if photo and (kind or value is not None or unit or place or uv or at):
        raise InputError("inspect: `photo` takes the place of `kind`, `value`, `unit`, `place`, `uv` and `at`")
    if at is not None and uv is not None:
        raise InputError("inspect: give either `uv` or `at`")
    if at is not None:
        zone, uv = on_atlas(twin, twin_state.asset(twin), at, zone)
    if evaluation is not None and not photo and kind != "photo":
        raise InputError("inspect: `evaluation` goes with `photo`, or with `kind` photo")
    if photo and bool(uvmap) == bool(zone):
        raise InputError("inspect: give `uvmap` for each `photo`, or the one `zone` that fills it")
    if photo and zone and len(photo) > 1:
        raise InputError(f"inspect: {len(photo)} photos of {zone}: without `uvmap` give one, or their `value`")
    if uvmap and not photo:
        raise InputError("inspect: `uvmap` goes with `photo`")
    if not photo and value is None:
        raise InputError("inspect: give `csv`, `photo`, or `date`, `kind`, `zone`, `value` and `tool`")
    stated = {"scatter_sd": scatter, "bias_sd": bias, "detection": detection, "false_calls": false_calls}
    errors: dict[str, Any] = {name: float(error) for name, error in stated.items() if error is not None}
    note, unlike = "", ""
    if evaluation is None and photo and None in (detection, false_calls):
        evaluation = evaluation_beside(photo)
        unlike = "" if evaluation is None else unlike_measured(photo, evaluation.parent)
    if evaluation is not None:
        measured, note = measured_rates(evaluation)
        note = "; ".join(filter(None, (note, unlike)))
        errors = measured | errors
    record = Record(
        date=date,
        kind="photo" if photo else kind,
        zone=zone or "all" if photo else zone,
        value=0.0 if value is None else float(value),
        unit=unit,
        tool=" ".join(tool.split()),  # as in a table
        place=place_name(place),
        echo=echo,
        coated=coated,
        uv=None if uv is None else (float(uv[0]), float(uv[1])),
        **errors,
    )
    if record.kind == "photo":
        note = "; ".join(filter(None, (note, assumed_rates(errors))))
    if uvmap:
        records, content = readers.from_photos(photo, uvmap, record, twin)
        return Entry(records=tuple(records), photo=content, note=note)
    if photo:
        record = replace(record, value=readers.rusted_share(photo[0]))
    return Entry(records=(record,), note=note)


def evaluation_beside(masks: Sequence[Path]) -> Path | None:
    """Return the evaluation of the model that drew all masks, from the folder that `corrotwin predict` wrote them into.

    None where the folder has none, as that of a model that was not measured, or the masks lie in several.
    """
    places = [
        {parent.parent / "evaluation.json" for parent in mask.absolute().parents if parent.name == MASKS}
        for mask in masks
    ]
    found = [path for path in set.intersection(*places) if path.is_file()]
    return found[0] if len(found) == 1 else None


def unlike_measured(masks: Sequence[Path], folder: Path) -> str:
    """Return a note on masks in a folder of predictions whose photos are longer than those that were measured.

    `corrotwin predict` gives no interval to their shares.

    Raises
    ------
    InputError
        The part of a mask is damaged.
    """
    names = []
    for mask in masks:
        name = mask.absolute().relative_to(folder / MASKS)
        part = folder / PARTS / name.with_suffix(".json")
        content = read_json(part) if part.is_file() else None
        if isinstance(content, dict) and content.get("rusted_percent_low") is None:
            names.append(printable(name.as_posix()))
    return f"nothing was measured on photos as long as {first_of(names)}: a guess there" if names else ""


def measured_rates(path: Path) -> tuple[dict[str, float], str]:
    """Return detection and false calls as an evaluation of a segmentation model measured them, and a note on it.

    Detection is its recall: of all corroded pixels, the share that the model calls corroded. False calls: of all sound
    pixels, that share. Without corroded or sound pixels the evaluation has none.

    Parameters
    ----------
    path : evaluation.json, from ``corrotwin segmentation evaluate``.

    Raises
    ------
    InputError
        The file cannot be read, or holds no such rates.
    """
    content = read_json(path)
    advice = "give the evaluation.json that corrotwin segmentation evaluate wrote"
    if not isinstance(content, dict) or content.get("kind") != "evaluation" or not set(RATES.values()) <= set(content):
        raise InputError(f"{path}: no evaluation of a model; {advice}")
    rates = {name: content[key] for name, key in RATES.items() if content[key] is not None}
    for name, rate in rates.items():
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
            raise InputError(f"{path}: {RATES[name]} {rate!r:.60} is not a share from 0 to 1; {advice}")
    if not rates:
        raise InputError(f"{path}: measured neither recall nor false calls; {advice}")
    said = ", ".join(f"{name.replace('_', ' ')} {rate:.3g}" for name, rate in rates.items())
    of = content.get("of")  # what a model that ships was measured on
    what = f"of {printable(of)}" if isinstance(of, str) else f"at threshold {content.get('threshold')}"
    measured = f"measured on {content.get('images')} images {what}"
    spread = content.get("recall_sd")  # from photo to photo: taken as the bias of the tool
    if isinstance(spread, int | float) and not isinstance(spread, bool) and 0 < spread <= 1 and "detection" in rates:
        rates["bias_sd"] = spread
        said = said.replace(f"detection {rates['detection']:.3g}", f"detection {rates['detection']:.3g} ± {spread:.2g}")
    rounded = {name: round(float(rate), 6) for name, rate in rates.items()}
    return rounded, f"{said}: {measured}; masks must be of the same model and threshold"


def assumed_rates(known: Iterable[str]) -> str:
    """Return a note on the rates of photographs that are not known, so that the usual ones stand for them."""
    usual = {name: getattr(KINDS["photo"], name) for name in RATES if name not in known}
    said = " and ".join(f"{name.replace('_', ' ')} {rate:g}" for name, rate in usual.items())
    return said and f"{said} of photos: assumed, not measured; an evaluation.json of the model has its own"
