"""Turn the arguments of one inspection into records."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.inspection import readers
from corrotwin.twin.inspection.records import Record
from corrotwin.twin.twin_state import TwinState


def records_of(
    twin: TwinState,
    *,
    csv: Path | None = None,
    date: str = "",
    kind: str = "",
    zone: str = "",
    value: float | None = None,
    tool: str = "",
    place: str = "",
    uv: tuple[float, float] | None = None,
    photo: Sequence[Path] = (),
    uvmap: Sequence[Path] = (),
    scatter: float | None = None,
    bias: float | None = None,
    detection: float | None = None,
    false_calls: float | None = None,
) -> tuple[list[Record], bytes]:
    """Return the records of an inspection, and the content of the file that those of a photograph name.

    Parameters
    ----------
    twin : that was inspected.
    csv : table of readings, instead of all other arguments.
    date, kind, zone, value, tool, place, uv : one reading; see `twin.inspection.records.Record`.
    photo : masks of the photographs of a day, instead of kind and value.
    uvmap : of each mask; without it one mask, of a photograph that shows nothing but `zone`.
    scatter, bias, detection, false_calls : errors of the tool, instead of what is usual for the kind.

    Raises
    ------
    InputError
        The arguments do not go together, a file cannot be read, or a value is impossible.
    """
    single = (date, kind, zone, value, tool, place, uv, photo, uvmap, scatter, bias, detection, false_calls)
    if csv is not None:
        if any(given not in ("", None, (), []) for given in single):
            raise InputError("inspect: give either `csv` or single values")
        return readers.from_csv(csv), b""
    if photo and (kind or value is not None or place or uv):
        raise InputError("inspect: `photo` takes the place of `kind`, `value`, `place` and `uv`")
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
    record = Record(
        date=date,
        kind="photo" if photo else kind,
        zone=zone or "all" if photo else zone,
        value=0.0 if value is None else float(value),
        tool=tool,
        place=place,
        uv=None if uv is None else (float(uv[0]), float(uv[1])),
        **errors,
    )
    if uvmap:
        return readers.from_photos(photo, uvmap, record, twin)
    if photo:
        record = replace(record, value=readers.rusted_share(photo[0]))
    return [record], b""
