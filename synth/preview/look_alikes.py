"""Look-alikes of rust in renders, as the card lists them: unlabelled things in the colours of rust, and their share."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from corrotwin.synth.scene.bridges import CAST, STAINED_DECKS
from corrotwin.synth.scene.surroundings import LOOK_ALIKES
from corrotwin.synth.spec import SCRAPE_M

STAINED = "stained concrete"
RED_OVER_GREEN = 2.0  # linear; of labelled rust on photographs the median is 1.5 to 1.7, the 90th percentile 2.6 to 2.9


def is_rust_colored(color: Sequence[float]) -> bool:
    """Return whether linear RGB is red, orange or brown: at least twice as red as green, and no bluer than green."""
    red, green, blue = color
    return red >= RED_OVER_GREEN * green and green >= blue


def look_alikes(preset: Mapping[str, Any], *, alone: bool) -> Iterator[str]:
    """Yield a sentence for each thing in the colours of rust that a preset shows but does not label.

    Parameters
    ----------
    preset : fields of the preset as dataset.json states them; a field that an earlier version did not state yields no
        sentence.
    alone : True if the renders show a saved twin, which stands on open ground whatever the preset's arrangements are.
    """
    weights = dict(preset.get("arrangements", ()))
    drawn = {"yard"} if alone else {name for name in weights if weights[name]}
    is_open = bool(drawn & {"yard", "floor", "rack"})  # these have walls and blocks; bridges and decks do not
    if share := preset.get("red_primer_share"):
        yield (
            f"Primer like red oxide or red lead: {share:.0%} of painted assets, seen in scrapes of at most "
            f"{1000 * SCRAPE_M:g} mm on either side of an edge, in chips of millimetres, and as a rim where paint "
            "breaks back from rust. All other primers are grey or pale."
        )
    paints = preset["paints"]
    if red := sum(map(is_rust_colored, paints)):
        yield f"Paint in red, orange or brown: {red} of {len(paints)} colours, which are drawn equally often."
    if (stain := preset["labels"].get("stain", 1)) < 1:
        yield f"Steel stained by rust water, up to a strength of {stain:g}; stronger stains are labelled."
    else:
        yield "Steel stained by rust water, below and around rust."
    cast_share = _share(STAINED, CAST)
    stained = {
        "beds": _share(STAINED, preset.get("beds", ())) if "bridge" in drawn else 0,
        "walls": _share(STAINED, preset.get("walls", ())) if is_open else 0,
        "grounds": _share(STAINED, preset.get("grounds", ())),
        "walls of bridges": cast_share if drawn & {"bridge", "deck"} else 0,
        "slabs over piers": cast_share if "bridge" in drawn else 0,
        "slabs over girders": STAINED_DECKS if "deck" in drawn else 0,
    }
    if listed := ", ".join(f"{share:.0%} of {name}" for name, share in stained.items() if share):
        yield f"Rust stains on concrete: {listed}, where a scene has them."
    low, high = preset.get("clutter", (0, 0))
    if high:
        brown = sum(color is not None or material in ("brick", "wood") for material, color in LOOK_ALIKES)
        if is_open:
            yield (
                f"Brown and orange blocks, brick and wood: {brown / len(LOOK_ALIKES):.0%} of the {low} to {high} "
                "blocks behind an asset on open ground, unless objects take their place."
            )
        yield (
            "Timber, pallets, bricks, cartons, faded orange and red plastic, dead sticks: among the up to "
            f"{2 * high if is_open else high} objects and the litter around an asset."
        )
    if preset.get("props"):
        yield "Your own objects among them, in the colours of their files: check whether some look rusty."
    own = ("ground_textures", "wall_textures", "paint_textures", "backdrops")
    if pictures := ", ".join(name for name in own if preset.get(name)):
        yield f"Anything with the colours of rust in your own pictures: {pictures}."
    yield "Soil, rubble and fallen leaves on the ground; brown grime and dust on steel."


def _share(name: str, choices: Sequence[str]) -> float:
    """Return the share of a name among choices, which are drawn equally often."""
    return choices.count(name) / max(len(choices), 1)
