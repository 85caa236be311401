"""Colour and relief of rust: its age, the layers in which it lifts, its rim, and how it shows through a coat.

Colours follow what rust is made of: young lepidocrocite is orange, old goethite and magnetite are dark brown to black.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Any

from corrotwin.synth.blender.shader_graph import Graph
from corrotwin.synth.spec import Finish

# Age runs from fresh (0) to old (1). Under the lights and cameras of `balanced`, without the patches below, red over
# green is 1.5 to 1.7 and blue over green 0.6, as in labelled pixels of photographs (tools/tones.py).
_RUST = (
    (0.0, (0.46, 0.215, 0.075)),
    (0.3, (0.27, 0.132, 0.062)),
    (0.6, (0.135, 0.070, 0.042)),
    (0.82, (0.058, 0.034, 0.024)),
    (1.0, (0.022, 0.015, 0.012)),
)
YOUNG, OLD = (0.275, 0.138, 0.065), (0.112, 0.062, 0.038)  # means of `color`
_MAROON = (0.15, 0.055, 0.03)
_DEPOSIT = (0.44, 0.35, 0.25)  # dust, salts and lime
_DEEP = (0.018, 0.012, 0.01)  # where little light reaches
_WET = ((0.3, (0.20, 0.07, 0.016)), (0.7, (0.50, 0.20, 0.045)))
_FILM = ((0.3, (0.25, 0.115, 0.04)), (0.7, (0.42, 0.21, 0.08)))
_DULL = ((0.3, (0.085, 0.075, 0.066)), (0.7, (0.29, 0.265, 0.24)))
LAYERS = 10.0  # per unit of the noise that they follow: outlines some 5 cm apart
UNDERCUT_YEARS = 1.5  # rust younger than this lies within millimetres of its front
GOLDEN = 0.618034  # the fractional parts of its multiples are spread evenly and without order


@dataclass(frozen=True, kw_only=True)
class Layers:
    """Layers of rust that flake off one by one: outputs of a graph."""

    tone: Any  # of the layer that shows, in [0, 1]
    height: Any  # rises by 1 at each outline, where the layer's edge is lifted
    shaded: Any  # 1 at the foot of the next layer, under its edge
    lit: Any  # 1 at the layer's own edge


def layers(graph: Graph, coarse: Any, middle: Any) -> Layers:
    """Return layers of rust, whose outlines follow noise like the contour lines on a map."""
    mixed = graph.math("ADD", graph.math("MULTIPLY", coarse, 0.6), graph.math("MULTIPLY", middle, 0.4))
    level = graph.math("MULTIPLY", mixed, LAYERS)
    along = graph.math("FRACT", level)  # 0 at the edge of a layer, 1 at the foot of the next
    number = graph.math("SUBTRACT", level, along)
    rise = graph.step(along, 0.0, 0.2)
    curl = graph.math("MULTIPLY", graph.math("SUBTRACT", 1.0, along), 0.7)
    return Layers(
        tone=graph.math("FRACT", graph.math("MULTIPLY", number, GOLDEN)),
        height=graph.math("ADD", number, graph.math("MULTIPLY", rise, graph.math("ADD", curl, 1.0))),
        shaded=graph.step(along, 0.6, 0.95),
        lit=graph.step(along, 0.35, 0.1),
    )


def youth(graph: Graph, age: Any, years: float) -> Any:
    """Return 1 for fresh rust, decaying to 1 / e after `years`."""
    return graph.math("EXPONENT", graph.math("MULTIPLY", age, -1 / years))


def about_zero(graph: Graph, noise: Any, weight: float) -> Any:
    """Return noise of [0, 1] moved to a mean of about 0, times a weight."""
    return graph.math("MULTIPLY", graph.math("SUBTRACT", noise, 0.5), weight)


def extent(graph: Graph, finish: Finish, fields: tuple[Any, Any, Any], middle: Any, fine: Any) -> Any:
    """Return where rust shows: as in the field, except that its outline may fray.

    A frayed rim, which is young, has tinted flakes of the coat, and stained paint has specks of rust. An
    outline thus dissolves over some centimetres, as in photographs; the label keeps the outline of the field.
    """
    cover, age, stain = fields
    solid = graph.step(graph.math("ADD", cover, about_zero(graph, fine, 0.16)), 0.42, 0.58)
    if not finish.fraying:
        return solid
    frayed = graph.math("ADD", graph.math("MULTIPLY", middle, 0.6), graph.math("MULTIPLY", fine, 0.4))
    young = youth(graph, age, 6)
    flakes = graph.step(graph.math("ADD", frayed, graph.math("MULTIPLY", young, 0.34)), 0.66, 0.74)
    specks = graph.step(graph.math("ADD", frayed, graph.math("MULTIPLY", stain, 0.38)), 0.66, 0.76)
    spared = graph.math("SUBTRACT", 1.0, graph.math("MULTIPLY", flakes, finish.fraying))
    return graph.math("MAXIMUM", graph.math("MULTIPLY", solid, spared), graph.math("MULTIPLY", specks, finish.fraying))


def color(
    graph: Graph, finish: Finish, fields: tuple[Any, Any, Any], noises: tuple[Any, Any, Any], layer: Layers
) -> Any:
    """Return the colour of rust: it darkens with age, fast at first, and every patch mixes tones, layers and powder."""
    cover, age, loss = fields
    coarse, middle, fine = noises
    young = youth(graph, age, 5)
    thick = 0.55 + 0.45 * finish.scale
    laminated = graph.math("MULTIPLY", graph.math("SUBTRACT", 1.0, young), thick)
    stage = graph.math("SUBTRACT", 0.71, graph.math("MULTIPLY", young, 0.45))
    for noise, weight in ((coarse, 1.2), (middle, 1.2), (fine, 0.6)):
        stage = graph.math("ADD", stage, about_zero(graph, noise, weight))
    # Each layer has its own age, and it is fresh where its edge has broken off.
    of_layer = graph.math("SUBTRACT", about_zero(graph, layer.tone, 0.75), graph.math("MULTIPLY", layer.lit, 0.18))
    stage = graph.math("ADD", stage, graph.math("MULTIPLY", of_layer, laminated))
    # The rim of rust is younger.
    stage = graph.math(
        "SUBTRACT", stage, graph.math("MULTIPLY", graph.math("SUBTRACT", 1.0, graph.step(cover, 0.5, 0.9)), 0.2)
    )
    rust = graph.ramp(stage, _RUST)
    tone = graph.noise(17, detail=3, roughness=0.6)
    rust = graph.mix(graph.math("MULTIPLY", graph.step(tone, 0.45, 0.7), 0.6), rust, _MAROON)
    dusty = graph.math(
        "MULTIPLY", graph.step(graph.math("ADD", middle, about_zero(graph, tone, -0.6)), 0.5, 0.75), fine
    )
    rust = graph.mix(graph.math("MULTIPLY", dusty, 0.4 + 0.6 * finish.dirt), rust, _DEPOSIT)
    rust = graph.multiply(rust, finish.rust)
    # Patches some decimetres wide: orange where rust was wet lately, grey where dust and lime lie. They lie on rust of
    # any darkness, as does the orange film with which rust creeps under the coat.
    lightly = tuple(sqrt(channel) for channel in finish.rust)
    wet, dull = (graph.noise(scale, detail=4, roughness=0.6) for scale in (3.7, 5.3))
    for share, tint in (
        (graph.math("MULTIPLY", graph.step(wet, 0.5, 0.64), 0.75), graph.ramp(fine, _WET)),
        (graph.math("MULTIPLY", graph.step(dull, 0.5, 0.64), 0.5 + 0.4 * finish.dirt), graph.ramp(fine, _DULL)),
        (graph.math("MULTIPLY", youth(graph, age, 2), graph.step(tone, 0.35, 0.65)), graph.ramp(fine, _FILM)),
    ):
        rust = graph.mix(share, rust, graph.multiply(tint, lightly))
    # Little light reaches under the edges of layers, under the lifted edge of paint, into hollows and into deep places.
    hollow = graph.math("SUBTRACT", 1.0, graph.step(graph.math("ADD", fine, about_zero(graph, middle, 0.5)), 0.3, 0.5))
    under = graph.math("MULTIPLY", graph.math("MULTIPLY", layer.shaded, laminated), 0.8)
    deep = graph.math("MULTIPLY", graph.step(loss, 0.5, 2.2), 0.75)
    lifted = graph.math("MULTIPLY", graph.step(tone, 0.52, 0.36), 0.75 if finish.kind == "paint" else 0.0)
    undercut = graph.math("MULTIPLY", graph.step(age, UNDERCUT_YEARS, 0.0), lifted)
    for dark in (graph.math("MULTIPLY", hollow, 0.4), under, undercut, deep):
        rust = graph.mix(dark, rust, _DEEP)
    return rust


def of_texture(graph: Graph, finish: Finish, texture: Any, age: Any, loss: Any) -> Any:
    """Return the colour of rust from a texture: somewhat brighter where young, nearly black where it is deep."""
    fresh = graph.mix(youth(graph, age, 5), (0.85, 0.85, 0.85), (1.3, 1.25, 1.2))
    rust = graph.multiply(graph.multiply(texture, finish.rust), fresh)
    return graph.mix(graph.math("MULTIPLY", graph.step(loss, 0.5, 2.2), 0.6), rust, _DEEP)
