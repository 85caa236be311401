"""The fields of a preset: ranges from which scenes, light, cameras and labels are drawn."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

from corrotwin.synth.spec import Color
from corrotwin.twin import plugins
from corrotwin.twin.core.arguments import checked, naming

Range = tuple[float, float]
STEELWORK = ("truss", "column", "girder")  # structures of many riveted or bolted parts
# Kinds of subjects unless a preset names others.
SHOWN = (
    "bar", "beam", "bearing", "bolt", "chain", "pipe", "plate", "railing", "stair", *STEELWORK,
    "cladding", "hull", "panel", "tank",
)  # fmt: skip
KINDS = (*SHOWN, "vessel", *plugins.installed())
POLICIES = ("annotator", "exact")
GROUNDS = ("asphalt", "concrete", "grass", "gravel", "soil", "stained concrete")
# Kinds that each arrangement (`synth.scene.arrangement`) takes as its subject.
SUITS: Mapping[str, tuple[str, ...]] = {
    "yard": KINDS,
    "bridge": ("bearing", "beam", "plate", "bolt", *STEELWORK),
    "deck": ("beam", "girder"),
    "floor": ("plate", "bolt", "railing", "stair", "pipe"),
    "rack": ("pipe",),
}


@dataclass(frozen=True, kw_only=True)
class LabelRule:
    """The rule that turns visible rust into a mask.

    ``exact`` takes the rust cover at pixel centres. ``annotator`` then imitates people's outlines: stained steel may
    count, gaps are bridged (closing) and specks skipped. Radii are shares of the picture's side, areas of its area. A
    border of less than half a pixel, such as 0.002 of a side below 250, moves nothing; regions too thin to shrink stay.
    """

    policy: str = "annotator"  # one of `POLICIES`
    threshold: float = 0.5  # rust cover above which a pixel counts as corroded
    stain: float = 1.0  # strength of rust-water stain from which steel counts as corroded, too; 1: never
    closing_radius: float = 0.008
    border: float = 0.0  # distance by which outlines are moved outward; negative: inward
    smallest_region: float = 0.0004


@dataclass(frozen=True, kw_only=True)
class Sensor:
    """Photometric properties of a camera, in order of use, drawn once per photograph. None of them moves a pixel.

    Lengths are shares of the picture's side; a `..._share` is the share of photographs that show an effect at all.
    """

    softness: Range = (0.0002, 0.0012)  # sigma of the lens blur
    motion_share: float = 0.1
    motion: Range = (0.001, 0.005)  # length of the streak that a moving camera draws
    veil: Range = (0.0, 0.03)  # stray light, as a share of the mean
    vignetting: Range = (0.0, 0.6)  # stops lost in the corners
    exposure_stops: Range = (-0.5, 0.6)  # relative to middle grey
    white_balance: Range = (0.92, 1.09)  # gain of red; blue gets its inverse
    tint: Range = (0.97, 1.03)  # gain of green
    noise: Range = (0.002, 0.011)  # share of full scale, at 0.75 of it; half as much in the deepest shadows
    chroma_noise: Range = (0.1, 0.8)  # share of the noise
    grain: Range = (0.0, 0.0015)  # sigma by which the camera's denoiser blurs the noise
    shoulder: Range = (0.3, 1.0)  # 0 clips highlights, 1 rolls them off
    contrast: Range = (0.0, 0.55)
    saturation: Range = (0.8, 1.25)
    equalise_share: float = 0.1
    equalise_clip: Range = (1.5, 5.0)  # steepest rise, as a multiple of that of an even histogram
    equalise_grid: tuple[int, int] = (2, 8)  # tiles along a side
    equalise_strength: Range = (0.5, 1.0)
    stamp_share: float = 0.12  # date stamp
    sharpening: Range = (0.0, 0.9)
    jpeg_quality: tuple[int, int] = (72, 95)
    second_jpeg_share: float = 0.2  # compressed twice


# Tuned so that renders resemble two kinds of inspection photographs in brightness, contrast, saturation and sharpness.
BRIDGES_SENSOR = Sensor(  # a consumer camera with date stamp, mostly with flash at night
    softness=(0.0005, 0.0016), veil=(0.0, 0.025), vignetting=(0.0, 0.8), exposure_stops=(-0.4, 0.8),
    white_balance=(0.82, 1.02), noise=(0.002, 0.008), shoulder=(0.1, 0.7), contrast=(0.3, 1.1), saturation=(0.7, 1.15),
    equalise_share=0.04, stamp_share=0.85, sharpening=(0.3, 1.3), jpeg_quality=(75, 93),
)  # fmt: skip
PAINTED_SENSOR = Sensor(  # a phone by day, its pictures equalised with few tiles and made warmer on export
    softness=(0.0007, 0.002), motion_share=0.04, veil=(0.0, 0.02), vignetting=(0.0, 0.5), exposure_stops=(0.1, 1.0),
    white_balance=(1.0, 1.23), noise=(0.0008, 0.004), saturation=(0.9, 1.5), contrast=(0.0, 0.8),
    equalise_share=0.95, equalise_clip=(1.0, 2.0), equalise_grid=(1, 3), equalise_strength=(0.7, 1.0), stamp_share=0.0,
    sharpening=(0.0, 0.5), jpeg_quality=(80, 95),
)  # fmt: skip
BALANCED_SENSOR = Sensor(  # cameras of many kinds: soft to clipping contrast, four pictures in ten equalised
    contrast=(0.1, 1.5), saturation=(0.5, 1.05), white_balance=(0.94, 1.12),
    equalise_share=0.4, equalise_clip=(1.0, 2.2), equalise_grid=(1, 4),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, repr=False)
class Preset:
    """A distribution of scenes, light, cameras and labels.

    `Preset.names()` lists the built-in presets, `Preset.like` changes one, and `Preset.read` reads one from a file.
    """

    description: str
    name: str = ""  # name of the built-in preset that it is or was made from
    kinds: tuple[str, ...] = SHOWN  # of subjects, or folders of saved twins; one named twice is drawn twice as often
    arrangements: tuple[tuple[str, float], ...] = (("yard", 1.0), ("bridge", 0.7), ("floor", 0.7), ("rack", 1.0))
    company: tuple[int, int] = (0, 2)  # number of other assets in a yard or on a pier; a rack has up to one more
    aging: Range = (0.8, 1.2)  # factor on the years of service in a twin's history
    defects: float = 1.0  # factor on the number of weak spots of the paint
    debris: Range = (1.0, 1.0)  # factor on the weak spots on ledges, where dirt and water collect
    timelapse: int = 0  # years for which successive images show one scene, each a year older; 0: no time-lapse
    views_per_scene: int = 2
    samples: int = 4  # Cycles samples per pixel, denoised afterwards
    clean_every: int = 6  # one scene in this many is freshly coated, as a negative; 0: none
    paints: tuple[Color, ...]  # colours of painted assets; the twin determines if one is painted, galvanised or bare
    dirt: Range = (0.0, 0.8)
    wear: Range = (0.0, 0.8)
    red_primer_share: float = 0.1  # share of painted assets with primer like rust; all other primers are grey or pale
    rust_tone: Range = (0.55, 1.6)  # factor on the brightness of an asset's rust
    bleeding: Range = (0.0, 0.0)  # strength of the stain around spots of rust; an asset that draws 0 or less has none
    fraying: float = 0.0  # of outlines, by flakes and specks; for label rules that count strong stains as corroded
    grounds: tuple[str, ...] = ("concrete", "stained concrete", "asphalt", "gravel", "soil", "grass")
    beds: tuple[str, ...] = ("concrete", "stained concrete", "stained concrete")  # ground of piers below structures
    grime: float = 0.0  # share of the concrete around them that is brown from dust and water
    rulers: float = 0.0  # share of the concrete piers on which a ruler has been laid
    heaps: float = 0.0  # share of the piers with dirt heaped around the steel
    walls: tuple[str, ...] = ("concrete", "stained concrete", "brick", "plain", "none", "none")
    # The user's own pictures (docs/synth.md): PBR sets, each with the metres of surface that one picture shows.
    ground_textures: tuple[tuple[str, float], ...] = ()
    wall_textures: tuple[tuple[str, float], ...] = ()
    paint_textures: tuple[tuple[str, float], ...] = ()  # the coat, beneath dirt, wear and scrapes
    rust_textures: tuple[tuple[str, float], ...] = ()  # tinted by `rust_tone`
    textured_share: float = 1.0  # share of grounds, walls, coats and rusts that take a texture if sets are given
    backdrops: tuple[str, ...] = ()  # photographs without rust, or folders of them
    backdrop_share: float = 0.5  # share of the scenes that have one of these behind them, and no surroundings
    clutter: tuple[int, int] = (0, 4)
    props: tuple[str, ...] = ()  # GLB files, or folders of them, of objects that do not rust
    props_share: float = 0.5  # share of the pieces of clutter that are drawn from these
    worlds: tuple[str, ...] = ("city", "courtyard", "forest", "sunrise", "sunset", "interior", "sky", "sky")
    sun_share: float = 0.35  # share of the scenes lit by the sun
    flash_share: float = 0.2  # share at night by flash
    work_share: float = 0.06  # share at night by a work light
    field_of_view_deg: Range = (34, 64)  # across the shorter side of the picture
    framing: Range = (0.45, 1.15)  # picture width, from a multiple of the asset's middle extent to one of its length
    rusted: Range = (0.03, 0.75)  # share of the picture that rust should cover, if such a camera position is found
    focus_share: float = 0.3  # share of the pictures in which only the subject is in focus
    f_number: Range = (8.0, 32.0)  # for these, as on a full-frame sensor: a phone's 1.8 is about 12
    marker_share: float = 0.0  # share of the scenes with a fiducial marker, if flat steel is free for it
    sensor: Sensor = Sensor()
    labels: LabelRule = LabelRule()

    def __post_init__(self) -> None:
        if self.timelapse and self.views_per_scene != 1:
            raise ValueError("a time-lapse has one view per scene; set views_per_scene to 1")
        if self.debris[0] < 1:
            raise ValueError(f"debris {self.debris}: give factors of 1 (no debris) or more")
        if self.sun_share + self.flash_share + self.work_share > 1 + 1e-9:
            shares = f"sun_share {self.sun_share:g}, flash_share {self.flash_share:g}, work_share {self.work_share:g}"
            raise ValueError(f"{shares}: sum to more than 1; give shares that sum to at most 1")

    def __repr__(self) -> str:
        changes = "".join(f", {name}={value!r}" for name, value in (self.changes() if self.name else {}).items())
        return f"Preset({self.name!r}{changes})"

    @staticmethod
    def names() -> tuple[str, ...]:
        """Return the names of the built-in presets."""
        from corrotwin.synth.presets.builtin import PRESETS

        return tuple(PRESETS)

    @staticmethod
    @checked()
    def like(name: str, /, **changes: Any) -> "Preset":
        """Return a built-in preset with some of its fields changed.

        Parameters
        ----------
        name : one of `Preset.names()`.
        changes : values by name of the field; for the sensor and the label rule, mappings of their fields, such as
            ``sensor={"saturation": (0.7, 1.1)}``.

        Raises
        ------
        InputError
            There is no such preset or field, or a value is invalid.
        """
        from corrotwin.synth.presets import builtin, custom

        with naming("name"):
            preset = builtin.preset(name)
        return custom.changed(preset, changes)

    @staticmethod
    @checked()
    def read(path: str | Path) -> "Preset":
        """Read a preset from a JSON file such as ``{"like": "painted", "rust_tone": [0.3, 1.2]}``.

        Raises
        ------
        InputError
            The file cannot be read or names no preset; or see `Preset.like`.
        """
        from corrotwin.synth.presets import custom

        return custom.read(Path(path))

    @checked()
    def save(self, path: str | Path) -> None:
        """Write the preset to a JSON file for `Preset.read` and ``corrotwin synth render --preset``."""
        from corrotwin.twin.core.files import write_json

        write_json(Path(path), {"like": self.name, **self.changes()})

    def changes(self) -> dict[str, Any]:
        """Return the fields that differ from the built-in preset of the same name, as JSON values."""
        from corrotwin.synth.presets import builtin

        return _differences(self, builtin.preset(self.name))


def title(name: str, *, changed: bool) -> str:
    """Return the title of a preset on pages and cards: the built-in preset's name, with "changed" if it was changed."""
    return f"{name}, changed" if changed else name


def stated(preset: Preset) -> dict[str, Any]:
    """Return a preset as dataset.json holds it: all fields except the name."""
    content: dict[str, Any] = json.loads(json.dumps(asdict(preset)))
    del content["name"]
    return content


def _differences(part: Any, base: Any) -> dict[str, Any]:
    """Return the fields in which two presets, or parts of them, differ, with the first one's values as JSON values."""
    changes: dict[str, Any] = {}
    for field in fields(part):
        value, base_value = getattr(part, field.name), getattr(base, field.name)
        if is_dataclass(value):
            if inner := _differences(value, base_value):
                changes[field.name] = inner
        elif value != base_value:
            changes[field.name] = json.loads(json.dumps(value))
    return changes


def departures(stated: Mapping[str, Any], kind: type = Preset) -> dict[str, Any]:
    """Return the fields that differ from the defaults; a new field at its default value is therefore not listed.

    Parameters
    ----------
    stated : fields as dataset.json holds them.
    kind : dataclass whose defaults are compared.
    """
    defaults = {field.name: field.default for field in fields(kind) if field.default is not MISSING}
    differing = {}
    for name, value in stated.items():
        default = defaults.get(name, MISSING)
        if is_dataclass(default) and isinstance(value, Mapping):
            if inner := departures(value, type(default)):
                differing[name] = inner
        elif default is MISSING or is_dataclass(default) or value != json.loads(json.dumps(default)):
            differing[name] = value
    return differing
