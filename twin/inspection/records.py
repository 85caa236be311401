"""Records of inspections: thickness, pits, degree of rusting, photographs."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from numbers import Real
from pathlib import Path

import numpy as np

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry.atlas import AssetGeometry, Texels
from corrotwin.twin.geometry.solids import COVERED
from corrotwin.twin.model.corrosion import MOST_YEARS
from corrotwin.twin.twin_state import SECONDS_PER_YEAR, TwinState

TOLERANCE = 0.125  # share by which metal may be thicker than nominal
# The same of pipe. (Seamless pipe may be 12.5 % thinner than nominal, ASTM A106 and A530; that no reading is held to.)
PIPE_TOLERANCE = 0.225


@dataclass(frozen=True, kw_only=True)
class ObservationKind:
    """A kind of observation: its unit and the usual errors of its tool; names as those of `Record`."""

    unit: str
    scatter_sd: float
    bias_sd: float
    what: str
    detection: float | None = None
    false_calls: float | None = None


KINDS = {
    "ultrasonic": ObservationKind(unit="mm", scatter_sd=0.1, bias_sd=0.1, what="remaining thickness at a place"),
    "pit": ObservationKind(
        unit="mm", scatter_sd=0.1, bias_sd=0.05, what="depth of the deepest pit of a zone below its surroundings"
    ),
    "grade": ObservationKind(
        unit="Ri", scatter_sd=0.6, bias_sd=0.3, what="degree of rusting of a zone, ISO 4628-3, 0 to 5"
    ),
    "photo": ObservationKind(
        unit="share",
        scatter_sd=0.1,
        bias_sd=0.1,
        what="share of a zone that a photograph shows rusted",
        detection=0.9,
        false_calls=0.01,
    ),
}


@dataclass(frozen=True, kw_only=True)
class Record:
    """One observation; unit and errors default to those usual for its kind.

    Parameters
    ----------
    date : day, as 2016-05-31.
    zone : zone of the asset.
    kind : one of `KINDS`.
    value, unit : value in the unit of its kind.
    tool : name of the tool; all readings of one tool share one unknown bias.
    place : name of a spot that is measured repeatedly; records without a name are of different spots.
    uv : position on the atlas, each in [0, 1]; None for an unknown position in the zone.
    scatter_sd : standard deviation from reading to reading: in mm; for a grade, of the logarithm of the share; for a
        photograph, relative to the share itself.
    bias_sd : standard deviation of the tool's bias; for a photograph, of its probability of detection.
    detection, false_calls : for a photograph, the probabilities that rust and sound surface are called rust.
    seen : for a photograph with a known camera, the file in the twin's folder with the texels that it saw.
    source : file and line that it was read from, for errors; neither kept nor compared.
    """

    date: str
    zone: str
    kind: str
    value: float
    tool: str
    unit: str = ""
    place: str = ""
    uv: tuple[float, float] | None = None
    scatter_sd: float = None  # type: ignore[assignment]  # a number from `__post_init__` on, as are the next three
    bias_sd: float = None  # type: ignore[assignment]
    detection: float = None  # type: ignore[assignment]  # of a photograph alone
    false_calls: float = None  # type: ignore[assignment]
    seen: str = ""
    source: str = field(default="", compare=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("date", "zone", "kind", "tool", "unit", "place", "seen"):
            if not isinstance(text := getattr(self, name), str):
                raise InputError(f"{name} {text!r:.60}: must be text")
        for name in ("value", "scatter_sd", "bias_sd", "detection", "false_calls"):
            number = getattr(self, name)
            if number is not None and (isinstance(number, bool) or not isinstance(number, Real)):
                raise InputError(f"{name} {number!r:.60}: must be a number")
        uv = self.uv
        is_pair = isinstance(uv, tuple) and len(uv) == 2 and all(isinstance(number, Real) for number in uv)
        if uv is not None and not is_pair:
            raise InputError(f"uv {uv!r:.60}: must be two numbers")
        if self.kind not in KINDS:
            raise InputError(f"`kind` {self.kind!r}: choose from {', '.join(KINDS)}")
        usual = KINDS[self.kind]
        here = f"{self.kind} of {self.date}"
        if self.kind != "photo" and any(getattr(self, name) is not None for name in ("detection", "false_calls")):
            raise InputError(f"{here}: `detection` and `false_calls` are of a photo; leave them out")
        for name in ("unit", "scatter_sd", "bias_sd", "detection", "false_calls"):
            if getattr(self, name) in ("", None):
                object.__setattr__(self, name, getattr(usual, name))
        if self.unit != usual.unit:
            raise InputError(f"{here}: unit {self.unit!r}: a {self.kind} is in {usual.unit}")
        try:
            plain = datetime.strptime(self.date, "%Y-%m-%d").replace(tzinfo=UTC)
        except (ValueError, TypeError) as error:
            raise InputError(f"`date` {self.date}: give a day such as 2016-05-31") from error
        if plain.strftime("%Y-%m-%d") != self.date:
            raise InputError(f"`date` {self.date}: give a day such as 2016-05-31")
        if not self.tool or not self.zone:
            raise InputError(f"{here}: give a `zone` and the name of the `tool`")
        if not (np.isfinite(self.value) and self.value >= 0):
            raise InputError(f"{here}: `value` {self.value}: must be a number of at least 0")
        if self.kind == "grade" and self.value not in range(6):
            raise InputError(f"{here}: `value` {self.value:g}: ISO 4628-3 has the degrees 0 to 5")
        if self.kind == "photo" and self.value > 1:
            raise InputError(f"{here}: `value` {self.value:g}: a rusted share is from 0 to 1")
        if not (0 < self.scatter_sd < np.inf and 0 <= self.bias_sd < np.inf):
            raise InputError(
                f"{here}: `scatter` {self.scatter_sd}, `bias` {self.bias_sd}: the one positive, none negative"
            )
        if self.kind == "photo" and not 0 <= self.false_calls < self.detection <= 1:
            raise InputError(
                f"{here}: `detection` {self.detection}, `false_calls` {self.false_calls}: "
                "each from 0 to 1, detection above"
            )
        if self.uv is not None and not all(0 <= x <= 1 for x in self.uv):
            raise InputError(f"{here}: `uv` {self.uv}: each must be from 0 to 1")
        if self.seen and (Path(self.seen).name != self.seen or not self.seen.startswith("photo-")):
            raise InputError(f"{here}: {self.seen!r} is no file of a photograph")

    def years(self, twin: TwinState) -> float:
        """Return years after the twin was built; 0 on that very day, even if it was built in the afternoon."""
        years = (moment(self.date) - twin.built).total_seconds() / SECONDS_PER_YEAR
        return max(years, 0.0) if self.date == f"{twin.built:%Y-%m-%d}" else years


def spoken(record: Record) -> str:
    """Return what an error calls a record: its file and line where it has them, its kind and day."""
    return f"{record.source}: {record.kind} of {record.date}".removeprefix(": ")


def moment(date: str) -> datetime:
    """Return noon of a day, UTC."""
    return datetime.strptime(date, "%Y-%m-%d").replace(hour=12, tzinfo=UTC)


def texel_of(record: Record, asset: AssetGeometry) -> tuple[int, int] | None:
    """Return row and column of the texel where a record was taken, or None."""
    if record.uv is None:
        return None
    height, width = asset.atlas_shape
    return min(int(record.uv[1] * height), height - 1), min(int(record.uv[0] * width), width - 1)


def check(record: Record, twin: TwinState, asset: AssetGeometry, texels: Texels) -> None:
    """Raise InputError if a record cannot be of this twin.

    Raises
    ------
    InputError
        The zone is unknown, the date is before service began, the place is off its zone, or the value is impossible.
    """
    here = spoken(record)
    names = [name for name in asset.zone_names if name != COVERED]
    if record.zone not in names:
        raise InputError(f"{here}: no zone {record.zone!r}; this {asset.kind} has {', '.join(names)}")
    if not 0 <= record.years(twin) <= MOST_YEARS:
        raise InputError(f"{here}: the twin was built on {twin.built:%Y-%m-%d}; give that day or a later one")
    own = texels.zone == asset.zone_names.index(record.zone)
    at = texel_of(record, asset)
    if at is not None and not own[at]:
        actual = asset.zone_names[texels.zone[at]] if texels.zone[at] >= 0 else "no surface"
        raise InputError(f"{here}: uv {record.uv} is {actual}, not {record.zone}; correct either")
    nominal = float(texels.thickness_mm[at] if at is not None else texels.thickness_mm[own].max())
    if record.kind == "ultrasonic":
        most = nominal * (1 + (PIPE_TOLERANCE if asset.kind == "pipe" else TOLERANCE)) + 3 * record.scatter_sd
        if record.value > most:
            raise InputError(
                f"{here}: {record.value:g} mm on {record.zone} is thicker than nominal, {nominal:g} mm, plus tolerance "
                f"({most:.4g} mm); check value and zone"
            )
    if record.kind == "pit" and record.value > nominal:
        raise InputError(f"{here}: a pit of {record.value:g} mm in {nominal:g} mm of metal; check value and zone")
