"""Records of inspections: thickness, pits, degree of rusting, photographs."""

import functools
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path

import numpy as np

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry.atlas import AssetGeometry, Texels
from corrotwin.twin.geometry.solids import COVERED
from corrotwin.twin.inspection.dates import is_day, service_years
from corrotwin.twin.model.corrosion import MOST_YEARS
from corrotwin.twin.twin_state import TwinState

TOLERANCE = 0.125  # share by which metal may be thicker than nominal
# The same for pipe. (Seamless pipe may be 12.5 % thinner than nominal by ASTM A106 and A530; no reading is checked for
# that.)
PIPE_TOLERANCE = 0.225
IMPOSSIBLE = 2.0  # times nominal: what a gauge shows if it mistakes the second echo for the first
UNITS_MM = {"mm": 1.0, "inch": 25.4, "in": 25.4, "mil": 0.0254}  # units of a thickness or a pit, in mm
_DECIMALS = 9  # to which values are rounded
ECHOES = ("", "single", "multiple")
ABOUT = ("technician", "calibration", "procedure")  # fields of a record that are stored unchanged
# Through paint, a gauge that times a single echo mistakes the paint for steel and shows it as this many times its
# thickness, the ratio of the sound velocities: double (Olympus NDT, Thickness Gage Tutorial, "Coatings",
# www.olympus-ims.com/en/ndt-theory/thickness-gage/coatings), 2.35 (GVDA, "Ultrasonic Thickness Gauge through
# Coating"), roughly 2.5 (Sonatest, application note "Echo to Echo and Coating Thickness Measurements").
PAINT_READS = (2.0, 2.5)
# From one coat to a system of ISO 12944-5 for C4 or C5 (0.2 to 0.3 mm and more) repainted once: an assumption.
PAINT_MM = (0.1, 0.5)


@dataclass(frozen=True, kw_only=True)
class ObservationKind:
    """A kind of observation: its unit and the usual errors of its tool; its fields are named as those of `Record`."""

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


def _product(*spans: tuple[float, float]) -> tuple[float, float]:
    """Return the mean and standard deviation of a product of independent numbers, each uniform between two limits."""
    mean = float(np.prod([(low + high) / 2 for low, high in spans]))
    square = float(np.prod([(low * low + low * high + high * high) / 3 for low, high in spans]))
    return mean, float(np.sqrt(square - mean**2))


_SINGLE_MM = _product(PAINT_MM, PAINT_READS)  # 0.675 and 0.264: what paint adds to a single echo, mean and SD
# If single and multiple echoes are equally likely: half the mean, and the SD of that mixture, 0.386.
_UNKNOWN_MM = (_SINGLE_MM[0] / 2, float(np.sqrt(_SINGLE_MM[1] ** 2 / 2 + _SINGLE_MM[0] ** 2 / 4)))


@dataclass(frozen=True, kw_only=True)
class Record:
    """One observation; unit and errors default to those usual for its kind.

    Thickness and pits may be stated in mm, inch or mil. The record holds mm, with the original value in `stated`.

    All readings of one visit with one ultrasonic gauge have the same bias, since the operator calibrates it for each
    visit: readings of one `tool` on one `date` share it, and those of another day have their own.

    Parameters
    ----------
    date : day, as 2016-05-31.
    zone : zone of the asset.
    kind : one of `KINDS`.
    value, unit : value in the unit of its kind; thickness and pits also in inch or mil, which are converted to mm.
    tool : name of the tool or instrument; its readings share one unknown bias.
    place : name of a place that is measured repeatedly; records without a name belong to different places.
    uv : position on the atlas, each in [0, 1]; None if the position in the zone is unknown.
    scatter_sd : standard deviation from reading to reading: in the unit of the value; for a grade, of the logarithm of
        the share; for a photograph, relative to the share itself.
    bias_sd : standard deviation of the tool's bias, in the unit of the value; for a photograph, of its probability of
        detection. The default includes that of paint (see `thick_bias_mm`), and a stated value must include it too.
    detection, false_calls : for a photograph, the probabilities that rust and that sound surface is called rust.
    echo : of an ultrasonic gauge: "single", "multiple" (echo to echo, which paint does not disturb), "" for unknown.
    coated : True for an ultrasonic reading through paint.
    seen : for a photograph with a known camera, the file in the twin's folder with the texels that it shows.
    stated : the value and unit that were converted to mm, such as "0.322 inch"; empty if stated in mm.
    technician, calibration, procedure : who measured, after which calibration, by which procedure; stored, not used.
    accepted : True if a ruling in the log accepts the suspect reading; not compared.
    source : file and line that it was read from, for error messages; neither stored nor compared.
    """

    date: str
    zone: str
    kind: str
    value: float
    tool: str
    unit: str = ""
    place: str = ""
    uv: tuple[float, float] | None = None
    scatter_sd: float = None  # type: ignore[assignment]  # `__post_init__` makes this and the next three numbers
    bias_sd: float = None  # type: ignore[assignment]
    detection: float = None  # type: ignore[assignment]  # only of a photograph
    false_calls: float = None  # type: ignore[assignment]
    echo: str = ""
    coated: bool = False
    seen: str = ""
    stated: str = field(default="", compare=False)
    technician: str = field(default="", compare=False)
    calibration: str = field(default="", compare=False)
    procedure: str = field(default="", compare=False)
    accepted: bool = field(default=False, compare=False)
    source: str = field(default="", compare=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("date", "zone", "kind", "tool", "unit", "place", "echo", "seen", "stated", *ABOUT):
            if not isinstance(text := getattr(self, name), str):
                raise InputError(f"{name} {text!r:.60}: must be text")
            check_text(name, text)
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
        where = f"{self.kind} of {self.date}"
        if self.kind != "photo" and any(getattr(self, name) is not None for name in ("detection", "false_calls")):
            raise InputError(f"{where}: `detection` and `false_calls` apply only to a photo; leave them out")
        if not isinstance(self.coated, bool):
            raise InputError(f"{where}: `coated` {self.coated!r:.60}: give True or False")
        if self.echo not in ECHOES:
            raise InputError(f"{where}: `echo` {self.echo!r:.60}: choose single or multiple, or leave it out")
        if self.kind != "ultrasonic" and (self.echo or self.coated):
            raise InputError(f"{where}: `echo` and `coated` apply only to an ultrasonic reading; leave them out")
        self._convert(usual)
        defaults = {**self.usual_errors, "detection": usual.detection, "false_calls": usual.false_calls}
        for name, error in defaults.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, error)
        if not is_day(self.date):
            raise InputError(f"`date` {self.date}: give a day such as 2016-05-31")
        if not self.tool or not self.zone:
            raise InputError(f"{where}: give a `zone` and the name of the `tool`")
        if not (np.isfinite(self.value) and self.value >= 0):
            raise InputError(f"{where}: `value` {self.value}: must be a number of at least 0")
        if self.kind == "grade" and self.value not in range(6):
            raise InputError(f"{where}: `value` {self.value:g}: must be a degree of ISO 4628-3, 0 to 5")
        if self.kind == "photo" and self.value > 1:
            raise InputError(f"{where}: `value` {self.value:g}: a rusted share must be from 0 to 1")
        if not (0 < self.scatter_sd < np.inf and 0 <= self.bias_sd < np.inf):
            raise InputError(f"{where}: `scatter` {self.scatter_sd} must be positive, `bias` {self.bias_sd} at least 0")
        if self.kind == "photo" and not 0 <= self.false_calls < self.detection <= 1:
            raise InputError(
                f"{where}: `detection` {self.detection}, `false_calls` {self.false_calls}: "
                "must be from 0 to 1, detection above false calls"
            )
        if self.uv is not None and not all(0 <= coordinate <= 1 for coordinate in self.uv):
            raise InputError(f"{where}: `uv` {self.uv}: each must be from 0 to 1")
        if self.seen and (Path(self.seen).name != self.seen or not self.seen.startswith("photo-")):
            raise InputError(f"{where}: {self.seen!r} is not the file of a photograph")

    def _convert(self, usual: ObservationKind) -> None:
        """Convert value and errors to the unit of the kind, and keep the stated value if its unit is another.

        Values are rounded to nine decimals: a workbook stores fewer digits than a double, and its readings must be
        recognised as equal.
        """
        if self.unit in ("", usual.unit):
            object.__setattr__(self, "unit", usual.unit)
            object.__setattr__(self, "value", round(self.value, _DECIMALS))
            return
        where = f"{self.kind} of {self.date}"
        if usual.unit != "mm" or self.unit not in UNITS_MM:
            units = "mm, inch or mil" if usual.unit == "mm" else f"{usual.unit}, or leave it out"
            raise InputError(f"{where}: `unit` {self.unit!r:.60}: give {units}")
        object.__setattr__(self, "stated", f"{float(self.value):.12g} {'inch' if self.unit == 'in' else self.unit}")
        for name in ("value", "scatter_sd", "bias_sd"):
            if (number := getattr(self, name)) is not None:
                object.__setattr__(self, name, round(float(number) * UNITS_MM[self.unit], _DECIMALS))
        object.__setattr__(self, "unit", usual.unit)

    @functools.cached_property
    def read_mm(self) -> float:
        """Thickness of steel that a reading shows, mm: its value minus what paint adds on average."""
        return self.value - self.thick_bias_mm

    @property
    def thick_bias_mm(self) -> float:
        """Mean excess that paint adds to a thickness reading, mm, to be subtracted; 0 if it adds none.

        A single echo passes through 0.1 to 0.5 mm of paint, which reads as 2 to 2.5 times its thickness of steel
        (`PAINT_MM`, `PAINT_READS`, both uniform): 0.675 mm with a standard deviation of 0.264 mm. If it is not known
        whether the echo was single, both are taken as equally likely: 0.338 mm with 0.386 mm.
        """
        return self._paint_mm[0]

    @property
    def paint_sd_mm(self) -> float:
        """Standard deviation of the excess in `thick_bias_mm`, mm, which the default of `bias_sd` includes."""
        return self._paint_mm[1]

    @property
    def _paint_mm(self) -> tuple[float, float]:
        if not self.coated or self.echo == "multiple":
            return 0.0, 0.0
        return _SINGLE_MM if self.echo == "single" else _UNKNOWN_MM

    @property
    def usual_errors(self) -> dict[str, float]:
        """Default standard deviations, used if none are stated."""
        usual = KINDS[self.kind]
        return {"scatter_sd": usual.scatter_sd, "bias_sd": float(np.hypot(usual.bias_sd, self.paint_sd_mm))}

    def years(self, twin: TwinState) -> float:
        """Return the date as years since the twin was built; 0 on that day, even if it was built in the afternoon."""
        return service_years(self.date, twin)


def check_text(name: str, text: str) -> None:
    """Raise InputError if text has bytes in another encoding than UTF-8: it could be written, but not read again."""
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise InputError(f"`{name}` {text!r:.60}: is not in UTF-8; write it in plain letters")


def spoken(record: Record) -> str:
    """Return the description of a record for error messages: file and line if known, kind and day."""
    return f"{record.source}: {record.kind} of {record.date}".removeprefix(": ")


def texel_of(record: Record, asset: AssetGeometry) -> tuple[int, int] | None:
    """Return the row and column of the texel where a record was taken, or None if its position is unknown."""
    return None if record.uv is None else asset.texel_at(record.uv)


def wall_mm(record: Record, asset: AssetGeometry) -> float:
    """Return the nominal thickness where a record was taken, mm; the greatest of its zone if the place is unknown."""
    return asset.wall_mm(record.zone, record.uv)


def most_mm(record: Record, asset: AssetGeometry) -> float:
    """Return the greatest reading, mm, that the wall at its place, the gauge and paint can explain.

    It is nominal plus `TOLERANCE` (for a pipe `PIPE_TOLERANCE`), plus what paint adds on average, plus three times the
    combined standard deviation of scatter and paint.
    """
    tolerance = PIPE_TOLERANCE if asset.kind == "pipe" else TOLERANCE
    spread = float(np.hypot(record.scatter_sd, record.paint_sd_mm))
    return wall_mm(record, asset) * (1 + tolerance) + record.thick_bias_mm + 3 * spread


def check(record: Record, twin: TwinState, asset: AssetGeometry, texels: Texels) -> None:
    """Raise InputError if a record is impossible for this twin.

    A thickness above nominal plus tolerance passes, as it is only suspect (`plausibility.suspects`). One above
    `IMPOSSIBLE` times nominal does not.

    Raises
    ------
    InputError
        The zone is unknown, the date precedes service, the position is outside the zone, or the value is impossible.
    """
    where = spoken(record)
    names = [name for name in asset.zone_names if name != COVERED]
    if record.zone not in names:
        raise InputError(f"{where}: no zone {record.zone!r}; this {asset.kind} has {', '.join(names)}")
    if not 0 <= record.years(twin) <= MOST_YEARS:
        raise InputError(f"{where}: the twin was built on {twin.built:%Y-%m-%d}; give that day or a later one")
    texel = texel_of(record, asset)
    if texel is not None and texels.zone[texel] != asset.zone_names.index(record.zone):
        actual = asset.zone_names[texels.zone[texel]] if texels.zone[texel] >= 0 else "no surface"
        raise InputError(f"{where}: uv {record.uv} is on {actual}, not on {record.zone}; correct one of them")
    nominal = wall_mm(record, asset)
    if record.kind == "ultrasonic" and record.value > IMPOSSIBLE * nominal:
        raise InputError(
            f"{where}: {record.value:g} mm on {record.zone} is impossible, more than {IMPOSSIBLE:g} times nominal, "
            f"{nominal:g} mm; check value, unit and zone, and whether the gauge counted an echo twice"
        )
    if record.kind == "pit" and record.value > nominal:
        raise InputError(
            f"{where}: a pit of {record.value:g} mm is deeper than the metal, {nominal:g} mm; "
            "check value, unit and zone"
        )
