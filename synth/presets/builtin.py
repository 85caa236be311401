"""The built-in presets by name, and a lookup that refuses unknown names."""

from dataclasses import replace

from corrotwin.synth.presets.schema import BALANCED_SENSOR, BRIDGES_SENSOR, PAINTED_SENSOR, LabelRule, Preset, Sensor
from corrotwin.twin.core.errors import InputError

_PLANT = (
    (0.62, 0.66, 0.62), (0.30, 0.42, 0.33), (0.42, 0.47, 0.50), (0.75, 0.74, 0.69), (0.55, 0.42, 0.08),
    (0.05, 0.12, 0.30), (0.33, 0.05, 0.035), (0.20, 0.22, 0.23), (0.48, 0.60, 0.50),
)  # fmt: skip

BALANCED = Preset(
    description="plants, yards and bridges by day and by flash; to train on beside real photographs",
    company=(1, 2),
    paints=_PLANT,
    marker_share=0.1,
    sensor=BALANCED_SENSOR,
    labels=LabelRule(smallest_region=0.0002),
)

PRESETS: dict[str, Preset] = {
    "balanced": BALANCED,
    "quick": replace(
        BALANCED,
        description="a look at what balanced makes, in less time: few samples, one asset a scene",
        arrangements=(("yard", 1.0), ("bridge", 0.7)),
        samples=2,
        company=(0, 0),
    ),
    "bridges": Preset(
        description="steel road bridges, mostly by flash at night: girders on bearings and from below, riveted work",
        kinds=("bearing", "bearing", "bearing", "bearing", "beam", "beam", "girder", "girder", "truss", "plate"),
        arrangements=(("bridge", 1.0), ("deck", 4.0)),
        company=(1, 3),
        aging=(0.9, 1.6),
        defects=1 / 3,
        debris=(1.0, 30.0),
        clean_every=3,
        paints=(
            (0.36, 0.48, 0.38), (0.42, 0.52, 0.44), (0.30, 0.46, 0.42), (0.33, 0.45, 0.33), (0.24, 0.38, 0.28),
            (0.48, 0.57, 0.49), (0.16, 0.36, 0.36), (0.55, 0.58, 0.55), (0.62, 0.63, 0.60), (0.30, 0.40, 0.30),
            (0.30, 0.36, 0.42), (0.28, 0.07, 0.05),
        ),
        dirt=(0.3, 1.0),
        wear=(0.2, 1.0),
        bleeding=(-0.2, 1.1),
        fraying=0.8,
        grounds=("soil", "gravel", "concrete", "grass"),
        beds=("concrete", "stained concrete", "soil", "soil", "gravel"),
        grime=0.5,
        rulers=0.3,
        heaps=0.6,
        worlds=("city", "courtyard", "forest", "sunset", "night"),
        sun_share=0.1,
        flash_share=0.65,
        field_of_view_deg=(42, 66),
        framing=(0.7, 1.3),
        rusted=(0.06, 0.5),
        focus_share=0.05,
        sensor=BRIDGES_SENSOR,
        labels=LabelRule(smallest_region=0.0005, border=-0.002, stain=0.4),
    ),
    "painted": Preset(
        description="painted and galvanised steel underfoot and at hand, by phone: chequer plate, stairs, railings",
        kinds=("plate", "plate", "plate", "plate", "stair", "railing", "bolt", "pipe", "cladding", "panel"),
        arrangements=(("floor", 1.0), ("yard", 0.15)),
        company=(0, 1),
        aging=(0.5, 0.95),
        clean_every=4,
        paints=(
            (0.62, 0.58, 0.45), (0.55, 0.53, 0.44), (0.70, 0.65, 0.49), (0.58, 0.57, 0.50), (0.66, 0.61, 0.45),
            (0.60, 0.24, 0.16), (0.75, 0.72, 0.61), (0.34, 0.40, 0.50),
        ),
        dirt=(0.2, 0.8),
        wear=(0.0, 0.5),
        rust_tone=(0.15, 1.1),
        bleeding=(0.2, 1.4),
        walls=("plain", "concrete", "none"),
        worlds=("city", "courtyard", "forest", "sunrise", "sky", "sky"),
        sun_share=0.5,
        flash_share=0.0,
        work_share=0.0,
        field_of_view_deg=(44, 68),
        framing=(0.25, 0.6),
        rusted=(0.02, 0.09),
        focus_share=0.1,
        marker_share=0.95,
        sensor=PAINTED_SENSOR,
        labels=LabelRule(smallest_region=0.00008, border=-0.002),
    ),
    "timelapse": replace(
        BALANCED,
        description="one scene from one camera, image after image a year older, from new to 25 years; then the next",
        timelapse=25,
        views_per_scene=1,
        clean_every=0,
        arrangements=(("yard", 1.0),),
        company=(0, 1),
        focus_share=0.0,
        flash_share=0.0,
        work_share=0.0,
        marker_share=0.0,
        aging=(1.0, 1.0),
        sensor=Sensor(equalise_share=0.0, stamp_share=0.0, motion_share=0.0),
    ),
    "stress": replace(
        BALANCED,
        description="what is hard to see: glaring sun and flash, tiny spots, things in front of others, look-alikes",
        company=(2, 4),
        aging=(0.35, 0.7),
        clean_every=4,
        clutter=(3, 7),
        dirt=(0.4, 1.0),
        wear=(0.5, 1.0),
        red_primer_share=0.5,
        sun_share=0.5,
        flash_share=0.45,
        work_share=0.05,
        framing=(0.6, 1.4),
        rusted=(0.001, 0.05),
        focus_share=0.5,
        f_number=(4.0, 12.0),
        labels=LabelRule(smallest_region=0.0001),
        sensor=Sensor(exposure_stops=(-1.2, 1.3), contrast=(0.2, 1.0), noise=(0.006, 0.02), jpeg_quality=(45, 80)),
    ),
    "clean": replace(
        BALANCED,
        description="what balanced makes, all freshly coated and without rust: to count false alarms",
        clean_every=1,
    ),
    "standin": Preset(
        description="stands in for real photographs where none are given: other paints, light, framing and sensor",
        company=(0, 1),
        aging=(1.0, 1.8),
        views_per_scene=1,
        clean_every=0,
        paints=((0.10, 0.20, 0.12), (0.70, 0.60, 0.40), (0.16, 0.30, 0.42), (0.80, 0.80, 0.78), (0.50, 0.14, 0.03)),
        dirt=(0.2, 1.0),
        grounds=("soil", "concrete", "gravel"),
        walls=("plain", "brick", "concrete"),
        worlds=("studio", "night", "interior", "city"),
        sun_share=0.15,
        flash_share=0.5,
        field_of_view_deg=(48, 72),
        framing=(0.4, 1.0),
        rusted=(0.08, 0.6),
        sensor=Sensor(contrast=(0.3, 1.0), noise=(0.006, 0.02), jpeg_quality=(60, 85), exposure_stops=(-0.8, 0.4)),
    ),
}  # fmt: skip

PRESETS = {name: replace(unnamed, name=name) for name, unnamed in PRESETS.items()}


def preset(name: str) -> Preset:
    """Return the built-in preset of a name.

    Raises
    ------
    InputError
        There is no such preset; the message lists all names.
    """
    if name not in PRESETS:
        raise InputError(f"unknown preset {name!r}; choose one of {', '.join(PRESETS)}")
    return PRESETS[name]
