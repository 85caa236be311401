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

MASKS, PARTS = "masks", "parts"  # folders of masks, and of JSON files on each, beside the evaluation
RATES = {"detection": "recall", "false_calls": "false_calls"}  # field of a record: its name in an evaluation.json


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Records and events of an inspection, the content of the photo file that they name, and a note on error rates."""

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
    """Return the records of an inspection, with its events, photo file and note.

    Parameters
    ----------
    twin : twin that was inspected.
    at : x, y and z of the reading in place of `uv`; also determines the zone if none is given.

    All others are as for `Twin.inspect`.

    Raises
    ------
    InputError
        The arguments conflict, a file cannot be read, or a value is impossible.
    """
    single = (
        date, kind, zone, value, unit, tool, place, uv, at, photo, uvmap, scatter, bias, echo, coated or None,
        evaluation, detection, false_calls,
    )  # fmt: skip
    if csv is not None:
        if any(argument not in ("", None, (), []) for argument in single):
            raise InputError("inspect: give either `csv` or single values")
        entries = readers.from_csv(csv, twin)
        records = [entry for entry in entries if isinstance(entry, Record)]
        events = tuple(entry for entry in entries if isinstance(entry, Event))
        usual = (KINDS["photo"].detection, KINDS["photo"].false_calls)
        uses_defaults = any((record.detection, record.false_calls) == usual for record in records)
        return Entry(records=tuple(records), events=events, note=assumed_rates(()) if uses_defaults else "")
    if photo and (kind or value is not None or unit or place or uv or at):
        raise InputError("inspect: `photo` replaces `kind`, `value`, `unit`, `place`, `uv` and `at`; leave them out")
    if at is not None and uv is not None:
        raise InputError("inspect: give either `uv` or `at`")
    if at is not None:
        zone, uv = on_atlas(twin, twin_state.asset(twin), at, zone)
    if evaluation is not None and not photo and kind != "photo":
        raise InputError("inspect: `evaluation` requires `photo`, or `kind` photo")
    if photo and bool(uvmap) == bool(zone):
        raise InputError("inspect: give a `uvmap` for each `photo`, or the `zone` that fills the photo")
    if photo and zone and len(photo) > 1:
        raise InputError(
            f"inspect: {len(photo)} photos of {zone}: without `uvmap`, give one photo, or no photo but their rusted "
            "share as `value`"
        )
    if uvmap and not photo:
        raise InputError("inspect: `uvmap` requires `photo`")
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
    """Return the path of evaluation.json in the folder into which `corrotwin predict` wrote all these masks.

    None if the folder has no such file, because the model was not evaluated, or if the masks are in several folders.
    """
    candidates = [
        {parent.parent / "evaluation.json" for parent in mask.absolute().parents if parent.name == MASKS}
        for mask in masks
    ]
    shared = [path for path in set.intersection(*candidates) if path.is_file()]
    return shared[0] if len(shared) == 1 else None


def unlike_measured(masks: Sequence[Path], folder: Path) -> str:
    """Return a note that names masks of photos longer than those of the evaluation; empty if there are none.

    `corrotwin predict` gives no interval for the rusted share of such photos, which identifies them.

    Parameters
    ----------
    masks : masks in the folder of predictions.
    folder : folder of predictions, which holds `MASKS` and `PARTS`.

    Raises
    ------
    InputError
        The JSON file of a mask is damaged.
    """
    names = []
    for mask in masks:
        name = mask.absolute().relative_to(folder / MASKS)
        part = folder / PARTS / name.with_suffix(".json")
        content = read_json(part) if part.is_file() else None
        if isinstance(content, dict) and content.get("rusted_percent_low") is None:
            names.append(printable(name.as_posix()))
    return f"the evaluation has no photos as long as {first_of(names)}: its rates are a guess there" if names else ""


def measured_rates(path: Path) -> tuple[dict[str, float], str]:
    """Return detection and false calls as measured by an evaluation of a segmentation model, and a note on them.

    Detection is the recall: the share of all corroded pixels that the model calls corroded. False calls are the share
    of all sound pixels that it calls corroded. An evaluation without corroded or sound pixels lacks that rate.

    Parameters
    ----------
    path : evaluation.json as written by ``corrotwin segmentation evaluate``.

    Raises
    ------
    InputError
        The file cannot be read, or holds no such rates.
    """
    content = read_json(path)
    advice = "give the evaluation.json that corrotwin segmentation evaluate wrote"
    if not isinstance(content, dict) or content.get("kind") != "evaluation" or not set(RATES.values()) <= set(content):
        raise InputError(f"{path}: not an evaluation of a model; {advice}")
    rates = {name: content[key] for name, key in RATES.items() if content[key] is not None}
    for name, rate in rates.items():
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
            raise InputError(f"{path}: {RATES[name]} {rate!r:.60} is not a share from 0 to 1; {advice}")
    if not rates:
        raise InputError(f"{path}: has neither recall nor false calls; {advice}")
    listed = ", ".join(f"{name.replace('_', ' ')} {rate:.3g}" for name, rate in rates.items())
    source = content.get("of")  # what the built-in model was measured on
    condition = f"of {printable(source)}" if isinstance(source, str) else f"at threshold {content.get('threshold')}"
    measured = f"measured on {content.get('images')} images {condition}"
    spread = content.get("recall_sd")  # from photo to photo; used as the bias of the tool
    if isinstance(spread, int | float) and not isinstance(spread, bool) and 0 < spread <= 1 and "detection" in rates:
        rates["bias_sd"] = spread
        listed = listed.replace(
            f"detection {rates['detection']:.3g}", f"detection {rates['detection']:.3g} ± {spread:.2g}"
        )
    rounded = {name: round(float(rate), 6) for name, rate in rates.items()}
    return rounded, f"{listed}: {measured}; masks must come from the same model and threshold"


def assumed_rates(known: Iterable[str]) -> str:
    """Return a note on those rates of photographs that are not known, so that the usual ones are assumed."""
    usual = {name: getattr(KINDS["photo"], name) for name in RATES if name not in known}
    listed = " and ".join(f"{name.replace('_', ' ')} {rate:g}" for name, rate in usual.items())
    return listed and f"{listed} of photos: assumed, not measured; the evaluation.json of the model has measured rates"
