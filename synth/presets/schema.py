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
# Kinds of subjects unless a preset names others.
STEELWORK = ("truss", "column", "girder")  # structures of many riveted or bolted parts
SHOWN = (
    "bar", "beam", "bearing", "bolt", "chain", "pipe", "plate", "railing", "stair", *STEELWORK,
    "cladding", "hull", "panel", "tank",
)  # fmt: skip
KINDS = (*SHOWN, "vessel", *plugins.installed())
POLICIES = ("annotator", "exact")
GROUNDS = ("asphalt", "concrete", "grass", "gravel", "soil", "stained concrete")
# Which kinds each arrangement (`synth.scene.arrangement`) takes as its subject.
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

    ``exact`` is the field through the pixel centres. ``annotator`` is then treated as people outline: stained steel may
    count, gaps are bridged (closing) and specks skipped. Radii are shares of the picture's side, areas of its area. A
    border below half a pixel, such as 0.002 of less than 250, moves nothing; what is too thin to shrink stays.
    """

    policy: str = "annotator"  # one of `POLICIES`
    threshold: float = 0.5  # of rust cover
    stain: float = 1.0  # of rust water, from which steel counts as corroded too; 1: never
    closing_radius: float = 0.008
    border: float = 0.0  # by which outlines are moved outward; inward where negative
    smallest_region: float = 0.0004


@dataclass(frozen=True, kw_only=True)
class Sensor:
    """A camera's photometric properties, in the order of their use, drawn once per photograph. None moves a pixel.

    Lengths are shares of the picture's side; a `..._share` says how many photographs have a thing at all.
    """

    softness: Range = (0.0002, 0.0012)  # sigma of the lens's blur
    motion_share: float = 0.1
    motion: Range = (0.001, 0.005)  # length of the streak that a moved camera draws
    veil: Range = (0.0, 0.03)  # stray light, of the mean
    vignetting: Range = (0.0, 0.6)  # stops lost in the corners
    exposure_stops: Range = (-0.5, 0.6)  # about middle grey
    white_balance: Range = (0.92, 1.09)  # gain of red; blue gets its inverse
    tint: Range = (0.97, 1.03)  # gain of green
    noise: Range = (0.002, 0.011)  # of full scale, at 0.75 of it; half as much in the deepest shadows
    chroma_noise: Range = (0.1, 0.8)  # of the noise
    grain: Range = (0.0, 0.0015)  # sigma by which the camera's denoiser blurs the noise
    shoulder: Range = (0.3, 1.0)  # 0 clips highlights, 1 rolls them off
    contrast: Range = (0.0, 0.55)
    saturation: Range = (0.8, 1.25)
    equalise_share: float = 0.1
    equalise_clip: Range = (1.5, 5.0)  # steepest rise, of that of an even histogram
    equalise_grid: tuple[int, int] = (2, 8)  # tiles a side
    equalise_strength: Range = (0.5, 1.0)
    stamp_share: float = 0.12  # a date burnt in
    sharpening: Range = (0.0, 0.9)
    jpeg_quality: tuple[int, int] = (72, 95)
    second_jpeg_share: float = 0.2  # saved twice


# Tuned so that renders come near two kinds of inspection photographs in brightness, contrast, saturation and sharpness.
BRIDGES_SENSOR = Sensor(  # a consumer camera, mostly with flash at night, that burns the date in
    softness=(0.0005, 0.0016), veil=(0.0, 0.025), vignetting=(0.0, 0.8), exposure_stops=(-0.4, 0.8),
    white_balance=(0.82, 1.02), noise=(0.002, 0.008), shoulder=(0.1, 0.7), contrast=(0.3, 1.1), saturation=(0.7, 1.15),
    equalise_share=0.04, stamp_share=0.85, sharpening=(0.3, 1.3), jpeg_quality=(75, 93),
)  # fmt: skip
PAINTED_SENSOR = Sensor(  # a phone by day, its pictures equalised, with few tiles, and warmed on export
    softness=(0.0007, 0.002), motion_share=0.04, veil=(0.0, 0.02), vignetting=(0.0, 0.5), exposure_stops=(0.1, 1.0),
    white_balance=(1.0, 1.23), noise=(0.0008, 0.004), saturation=(0.9, 1.5), contrast=(0.0, 0.8),
    equalise_share=0.95, equalise_clip=(1.0, 2.0), equalise_grid=(1, 3), equalise_strength=(0.7, 1.0), stamp_share=0.0,
    sharpening=(0.0, 0.5), jpeg_quality=(80, 95),
)  # fmt: skip
BALANCED_SENSOR = Sensor(  # cameras of many kinds: contrast soft to clipping, four pictures in ten equalised
    contrast=(0.1, 1.5), saturation=(0.5, 1.05), white_balance=(0.94, 1.12),
    equalise_share=0.4, equalise_clip=(1.0, 2.2), equalise_grid=(1, 4),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, repr=False)
class Preset:
    """A distribution of scenes, light, cameras and labels.

    `Preset.names()` lists the built-in ones, `Preset.like` changes one, `Preset.read` takes one from a file.
    """

    description: str
    name: str = ""  # of the built-in preset that it is or was made from
    kinds: tuple[str, ...] = SHOWN  # of subjects, or folders of saved twins; one named twice is drawn twice as often
    arrangements: tuple[tuple[str, float], ...] = (("yard", 1.0), ("bridge", 0.7), ("floor", 0.7), ("rack", 1.0))
    company: tuple[int, int] = (0, 2)  # other assets in a yard or on a pier; a rack has up to one more
    aging: Range = (0.8, 1.2)  # factor on the years of service that a twin's history gives it
    defects: float = 1.0  # factor on the weak spots of its paint
    debris: Range = (1.0, 1.0)  # times as many of them on ledges, where dirt and water lie
    timelapse: int = 0  # if above 0, image after image shows one scene a year older, for so many years
    views_per_scene: int = 2
    samples: int = 4  # Cycles samples per pixel, denoised afterwards
    clean_every: int = 6  # one scene in so many is freshly coated: a negative
    paints: tuple[Color, ...]  # colours of painted assets; whether one is painted, galvanised or bare its twin says
    dirt: Range = (0.0, 0.8)
    wear: Range = (0.0, 0.8)
    red_primer_share: float = 0.1  # of painted assets, whose primer looks like rust; that of all others is grey or pale
    rust_tone: Range = (0.55, 1.6)  # factor on the brightness of an asset's rust
    bleeding: Range = (0.0, 0.0)  # strength of the stain about spots of rust; an asset that draws 0 or less has none
    fraying: float = 0.0  # of outlines, by flakes and specks; for label rules of annotators who take strong stains in
    grounds: tuple[str, ...] = ("concrete", "stained concrete", "asphalt", "gravel", "soil", "grass")
    beds: tuple[str, ...] = ("concrete", "stained concrete", "stained concrete")  # of piers, on which structures stand
    grime: float = 0.0  # share of the concrete about them that is brown with dust and water
    rulers: float = 0.0  # share of the concrete piers on which one has been laid
    heaps: float = 0.0  # share of the piers on which dirt lies heaped about the steel
    walls: tuple[str, ...] = ("concrete", "stained concrete", "brick", "plain", "none", "none")
    # Pictures of the user's own (docs/synth.md): PBR sets, each with the metres of surface that one picture shows.
    ground_textures: tuple[tuple[str, float], ...] = ()
    wall_textures: tuple[tuple[str, float], ...] = ()
    paint_textures: tuple[tuple[str, float], ...] = ()  # the coat; dirt, wear and scrapes lie on it
    rust_textures: tuple[tuple[str, float], ...] = ()  # tinted by `rust_tone`
    textured_share: float = 1.0  # of grounds, walls, coats and rusts that take one where sets are given
    backdrops: tuple[str, ...] = ()  # photographs without rust, or folders of them
    backdrop_share: float = 0.5  # of the scenes, which stand before one of them without surroundings
    clutter: tuple[int, int] = (0, 4)
    props: tuple[str, ...] = ()  # GLB files, or folders of them, of things that do not rust
    props_share: float = 0.5  # of the pieces of clutter, that are drawn from these
    worlds: tuple[str, ...] = ("city", "courtyard", "forest", "sunrise", "sunset", "interior", "sky", "sky")
    sun_share: float = 0.35  # of the scenes, by day
    flash_share: float = 0.2  # by night, as are those with a work light
    work_share: float = 0.06
    field_of_view_deg: Range = (34, 64)  # across the shorter side of the picture
    framing: Range = (0.45, 1.15)  # picture width: from so much of the asset's middle extent to so much of its length
    rusted: Range = (0.03, 0.75)  # share of the picture that rust shall cover, where a camera can be found for it
    focus_share: float = 0.3  # of the pictures that are sharp at the subject alone
    f_number: Range = (8.0, 32.0)  # of these, for a full-frame sensor: a phone's 1.8 is about 12
    marker_share: float = 0.0  # of the scenes, that have a fiducial marker on flat steel, where some is free
    sensor: Sensor = Sensor()
    labels: LabelRule = LabelRule()

    def __post_init__(self) -> None:
        if self.timelapse and self.views_per_scene != 1:
            raise ValueError("a time-lapse has one view a scene")
        if self.debris[0] < 1:
            raise ValueError(f"debris {self.debris}: 1 is none")
        if self.sun_share + self.flash_share + self.work_share > 1 + 1e-9:
            shares = f"sun_share {self.sun_share:g}, flash_share {self.flash_share:g}, work_share {self.work_share:g}"
            raise ValueError(f"{shares}: more than all scenes; give shares that sum to at most 1")

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
        changes : fields by name; of its sensor and its label rule as mappings, such as
            ``sensor={"saturation": (0.7, 1.1)}``.

        Raises
        ------
        InputError
            There is no such preset or field, or a value is not what it may be.
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
            The file cannot be read or names no preset, or as of `Preset.like`.
        """
        from corrotwin.synth.presets import custom

        return custom.read(Path(path))

    @checked()
    def save(self, path: str | Path) -> None:
        """Write the preset to a JSON file that `Preset.read` and ``corrotwin synth render --preset`` take."""
        from corrotwin.twin.core.files import write_json

        write_json(Path(path), {"like": self.name, **self.changes()})

    def changes(self) -> dict[str, Any]:
        """Return the fields that differ from the built-in preset of the same name, as JSON holds them."""
        from corrotwin.synth.presets import builtin

        return _differences(self, builtin.preset(self.name))


def title(name: str, *, changed: bool) -> str:
    """Return how pages and cards call a preset: by the built-in one that it is, or is made from."""
    return f"{name}, changed" if changed else name


def stated(preset: Preset) -> dict[str, Any]:
    """Return a preset as dataset.json holds it: all fields but the name."""
    content: dict[str, Any] = json.loads(json.dumps(asdict(preset)))
    del content["name"]
    return content


def _differences(part: Any, base: Any) -> dict[str, Any]:
    """Return the fields in which two presets, or parts of them, differ, as JSON holds those of the first."""
    changes: dict[str, Any] = {}
    for field in fields(part):
        value, usual = getattr(part, field.name), getattr(base, field.name)
        if is_dataclass(value):
            if inner := _differences(value, usual):
                changes[field.name] = inner
        elif value != usual:
            changes[field.name] = json.loads(json.dumps(value))
    return changes


def departures(stated: Mapping[str, Any], kind: type = Preset) -> dict[str, Any]:
    """Return the fields that differ from the defaults, so that a new field at its default changes nothing."""
    defaults = {field.name: field.default for field in fields(kind) if field.default is not MISSING}
    found = {}
    for name, value in stated.items():
        default = defaults.get(name, MISSING)
        if is_dataclass(default) and isinstance(value, Mapping):
            if inner := departures(value, type(default)):
                found[name] = inner
        elif default is MISSING or is_dataclass(default) or value != json.loads(json.dumps(default)):
            found[name] = value
    return found
