"""The material of steel that rusts according to the twin's fields.

Textures are procedural, in metres of object space.
"""

from pathlib import Path
from typing import Any

import bpy

from corrotwin.synth.blender import rust, textured
from corrotwin.synth.blender.shader_graph import Graph, scaled
from corrotwin.synth.spec import EDGE_REACH_M, SCRAPE_M, Color, Finish

ATLAS = "atlas"  # name of the UV layer
LABEL = "label"  # render output with rust cover, wall loss, and instance plus a share of the stain
STAIN_SHARE = 0.5  # factor of the stain, which is at most 1, so that the sum stays below the next instance
UV = "uv"  # render output with atlas coordinates
AGE = "age"  # render output with the age of the rust in years
_BRIGHT = (0.72, 0.71, 0.67)  # steel and paint polished by shoes


def rusting(
    finish: Finish,
    fields: bpy.types.Image,
    instance: int,
    *,
    edges: bpy.types.Image | None = None,
    trodden: bool = False,
    gone: bpy.types.Image | None = None,
    folder: Path = Path(),
) -> bpy.types.Material:
    """Make painted, galvanised, cast or bare steel whose rust follows the twin's fields.

    The picture reads the fields with linear interpolation, the label with none, so that a label pixel is exactly one
    texel's value: rust cover, wall loss in mm, and the instance number plus `STAIN_SHARE` of the stain. Paint is
    scraped along outward edges, near which the red of `edges` is 1; without `edges`, nowhere. Its green says where
    treads are, if the steel is `trodden`. Where `gone` is 1 there is no metal, in the picture and in all labels.
    Textures are in `folder`.
    """
    graph = Graph("rusting", finish.seed)
    cover, age, loss, stain = _channels(graph, fields, "Linear")
    coarse, middle, fine = (
        graph.noise(6, detail=3),
        graph.noise(40, detail=4, roughness=0.65),
        graph.noise(300, detail=3, roughness=0.7),
    )
    layers = rust.layers(graph, coarse, middle)

    rusted = rust.extent(graph, finish, (cover, age, stain), middle, fine)
    own_coat, own_rust = (
        None if texture is None else textured.sample(graph, texture, folder)
        for texture in (finish.coat, finish.rust_texture)
    )  # fmt: skip
    if own_rust is None:
        corroded = rust.color(graph, finish, (cover, age, loss), (coarse, middle, fine), layers)
    else:
        corroded = rust.of_texture(graph, finish, own_rust[0], age, loss)
    steel, steel_roughness, metallic = _unrusted(graph, finish, edges, (coarse, middle, fine), own_coat, trodden)
    if finish.kind == "paint":  # around the rust the film has broken off and bares its primer
        bared = graph.step(graph.math("ADD", cover, rust.about_zero(graph, middle, 0.5)), 0.28, 0.36)
        steel = graph.mix(bared, steel, finish.primer)
    # Rust water tints the surface around a spot and below it.
    halo = graph.math("MULTIPLY", graph.step(cover, 0.02, 0.5), graph.math("MULTIPLY", middle, 0.9))
    wet = graph.math("MAXIMUM", halo, graph.math("MULTIPLY", stain, graph.math("ADD", middle, 0.6)), clamp=True)
    # Flakes of the coat inside a frayed outline are as brown as the rust around them, whatever the primer.
    within = graph.math("MULTIPLY", graph.step(cover, 0.42, 0.58), graph.math("ADD", middle, 0.45))
    wet = graph.math("MAXIMUM", wet, within, clamp=True)
    stained = graph.mix(wet, steel, graph.mix(0.85, steel, graph.mix(fine, (0.42, 0.17, 0.04), (0.22, 0.08, 0.025))))

    # A coat of paint stands proud of the rust, its edge lifted; scale and pits roughen the surface below.
    range_m = 0.003 + 0.005 * finish.scale
    film: Any = 0.35
    if own_coat is not None and finish.coat is not None:
        film = graph.math("ADD", graph.math("MULTIPLY", own_coat[2], finish.coat.metres / range_m), film)
    lip = graph.math("MULTIPLY", graph.step(cover, 0.2, 0.4), 0.35 if finish.kind == "paint" else 0.05)
    if own_rust is not None and finish.rust_texture is not None:
        relief = graph.math("MULTIPLY", own_rust[2], finish.rust_texture.metres / range_m)
    else:
        plates = graph.math("MULTIPLY", layers.height, 0.2 + 0.3 * finish.scale)
        rough = graph.math("ADD", graph.math("MULTIPLY", middle, 0.7), graph.math("MULTIPLY", fine, 0.6))
        relief = graph.math("ADD", rough, plates)
    proud = graph.math("MULTIPLY", graph.math("SUBTRACT", 1.0, rusted), graph.math("ADD", film, lip))
    if finish.kind == "cast":
        proud = graph.math("ADD", proud, graph.math("MULTIPLY", middle, 0.5))
    depth = graph.math("MULTIPLY", graph.math("MINIMUM", loss, 2.5), 0.25)
    unrusted_height = graph.math("SUBTRACT", proud, depth)
    height = graph.math("ADD", unrusted_height, graph.math("MULTIPLY", rusted, relief))

    label = graph.tree.nodes.new("ShaderNodeOutputAOV")
    label.aov_name = LABEL
    exact_cover, exact_age, exact_loss, exact_stain = _channels(graph, fields, "Closest")
    instance_stain = graph.math("ADD", graph.math("MULTIPLY", exact_stain, STAIN_SHARE), float(instance))
    packed = graph.node("ShaderNodeCombineColor", Red=exact_cover, Green=exact_loss, Blue=instance_stain)
    left = None if gone is None else graph.math("SUBTRACT", 1.0, _channels(graph, gone, "Closest")[0])
    graph.put(label.inputs["Color"], graph.times(packed.outputs["Color"], left))
    age_output = graph.tree.nodes.new("ShaderNodeOutputAOV")
    age_output.aov_name = AGE
    years = graph.node("ShaderNodeCombineColor", Red=exact_age).outputs["Color"]
    graph.put(age_output.inputs["Color"], graph.times(years, left))
    uv_output = graph.tree.nodes.new("ShaderNodeOutputAOV")
    uv_output.aov_name = UV
    graph.put(uv_output.inputs["Color"], graph.times(_atlas(graph), left))
    youth = rust.youth(graph, age, 10)
    old, young = (rust.OLD, rust.YOUNG) if finish.rust_texture is None else (finish.rust_texture.mean,) * 2
    mean_rust = graph.mix(youth, scaled(old, finish.rust), scaled(young, finish.rust))
    unrusted = graph.reflection(
        color=stained, roughness=steel_roughness, metallic=metallic, normal=graph.bump(unrusted_height, range_m)
    )
    rust_surface = graph.reflection(
        color=corroded, roughness=own_rust[1] if own_rust else graph.blend(fine, 0.75, 1.0),
        normal=graph.bump(height, range_m),
    )  # fmt: skip
    mean = graph.mix(graph.step(cover, 0.42, 0.58), _mean_unrusted(finish), mean_rust)
    return graph.close(graph.either(rusted, unrusted, rust_surface), mean, left=left)


def _mean_unrusted(finish: Finish) -> Color:
    """Return the mean of `_unrusted` over a surface: dirt and wear make pale colours darker and dark ones paler."""
    aged = (finish.dirt + finish.wear) / 2
    share = 0.75 - 0.12 * aged if finish.kind == "bare" else 0.95 - 0.23 * aged
    red, green, blue = (share * channel + 0.04 * aged for channel in finish.color)
    return red, green, blue


def _channels(graph: Graph, image: bpy.types.Image, interpolation: str) -> tuple[Any, Any, Any, Any]:
    """Return the four channels of an image on the atlas at the shaded point, such as those of a body's fields.

    They are separated before use: a colour wired into a value would become its luminance.
    """
    texture = graph.tree.nodes.new("ShaderNodeTexImage")
    texture.image, texture.interpolation, texture.extension = image, interpolation, "EXTEND"
    graph.put(texture.inputs["Vector"], _atlas(graph))
    split = graph.node("ShaderNodeSeparateColor", Color=texture.outputs["Color"])
    return split.outputs["Red"], split.outputs["Green"], split.outputs["Blue"], texture.outputs["Alpha"]


def _atlas(graph: Graph) -> Any:
    """Return the atlas coordinates (u, v, 0) of the shaded point."""
    uv = graph.tree.nodes.new("ShaderNodeUVMap")
    uv.uv_map = ATLAS
    return uv.outputs["UV"]


def _scrape(graph: Graph, finish: Finish, near: Any, coarse: Any, middle: Any) -> Any:
    """Return where paint is scraped off: in stretches of decimetres, within `SCRAPE_M` of an edge, which rubs first."""
    rubbed = graph.step(coarse, 0.68 - 0.2 * finish.wear, 0.85 - 0.1 * finish.wear)
    width = graph.math("MULTIPLY", rubbed, graph.step(middle, 0.2, 0.7), clamp=True)
    inner = graph.math("SUBTRACT", graph.math("ADD", near, graph.math("MULTIPLY", width, SCRAPE_M / EDGE_REACH_M)), 1.0)
    return graph.step(inner, 0.0, 0.1 * SCRAPE_M / EDGE_REACH_M)


def _trodden(graph: Graph, finish: Finish, color: Any, tread: Any, noises: tuple[Any, Any, Any]) -> Any:
    """Return the colour of chequer plate: treads worn bright where people walk, dirt at their feet."""
    coarse, middle, fine = noises
    raised = graph.step(tread, 0.55, 0.8)
    walked = graph.math("MULTIPLY", raised, graph.step(coarse, 0.3, 0.6))
    color = graph.mix(graph.math("MULTIPLY", walked, 0.35 + 0.3 * finish.wear), color, _BRIGHT)
    foot = graph.math("MULTIPLY", graph.step(tread, 0.22, 0.42), graph.math("SUBTRACT", 1.0, raised))
    patches = graph.step(graph.math("ADD", coarse, rust.about_zero(graph, middle, 0.9)), 0.32, 0.6)
    dirty = graph.math("MULTIPLY", graph.math("MULTIPLY", foot, patches), 0.12 + 0.4 * finish.dirt)
    return graph.mix(dirty, color, graph.mix(fine, (0.07, 0.056, 0.036), (0.26, 0.19, 0.09)))


def _unrusted(
    graph: Graph,
    finish: Finish,
    edges: bpy.types.Image | None,
    noises: tuple[Any, Any, Any],
    coat: tuple[Any, Any, Any] | None,
    trodden: bool,
) -> tuple[Any, Any, float]:
    """Return colour, roughness and metalness of the surface where it has not rusted.

    `coat` is colour, roughness and height of the user's own paint, if there is one.
    """
    coarse, middle, fine = noises
    shade = scaled(finish.color, 0.92)
    color = graph.mix(graph.step(coarse, 0.3, 0.75), finish.color, shade) if coat is None else coat[0]
    if finish.kind == "galvanised":
        cells = graph.node("ShaderNodeTexVoronoi", Vector=graph.position, Scale=55.0)
        grey = graph.node("ShaderNodeSeparateColor", Color=cells.outputs["Color"]).outputs["Red"]
        color = graph.mix(grey, color, shade)
    if finish.kind == "bare":  # mill scale, blue-grey, in patches
        color = graph.mix(graph.step(middle, 0.5, 0.62), color, (0.055, 0.06, 0.07))
    if finish.kind == "paint":
        tan = scaled(finish.color, (1.08, 0.96, 0.74))
        dusty = graph.step(graph.noise(2.3, detail=4), 0.5, 0.66)
        color = graph.mix(graph.math("MULTIPLY", dusty, 0.7 * finish.dirt), color, tan)
        chalk = tuple(0.6 * channel + 0.25 for channel in finish.color)
        color = graph.mix(graph.math("MULTIPLY", graph.step(middle, 0.35, 0.75), 0.45 * finish.wear), color, chalk)
        # Chips, where grit has hit.
        chip = graph.step(graph.math("MULTIPLY", fine, graph.math("ADD", coarse, 0.5)), 0.83 - 0.12 * finish.wear, 0.86)
        if edges is None:
            color = graph.mix(chip, color, finish.primer)
        else:
            near, tread, *_ = _channels(graph, edges, "Linear")
            bared = graph.math("MAXIMUM", _scrape(graph, finish, near, coarse, middle), chip)
            color = graph.mix(bared, color, finish.primer)
            color = _trodden(graph, finish, color, tread, noises) if trodden else color
    # Nothing outdoors has a single tone: there are specks of dirt, splashes, chalk.
    speckled = graph.math("ADD", graph.math("MULTIPLY", fine, 0.55), graph.math("MULTIPLY", middle, 0.45))
    uneven = 0.35 + 0.65 * max(finish.dirt, finish.wear)
    dark = graph.math("MULTIPLY", graph.step(speckled, 0.5, 0.34), 0.55 * uneven)
    pale = graph.math("MULTIPLY", graph.step(speckled, 0.52, 0.68), 0.4 * uneven)
    color = graph.mix(dark, color, scaled(finish.color, 0.4))
    color = graph.mix(pale, color, tuple(0.7 * channel + 0.22 for channel in finish.color))
    # Dust lies on surfaces that face up; grime gathers in patches.
    upward = graph.node("ShaderNodeSeparateXYZ", Vector=graph.tree.nodes.new("ShaderNodeNewGeometry").outputs["Normal"])
    dust = graph.math("MULTIPLY", graph.step(upward.outputs["Z"], 0.45, 0.95), graph.step(coarse, 0.25, 0.7))
    color = graph.mix(graph.math("MULTIPLY", dust, 0.45 * finish.dirt), color, (0.21, 0.18, 0.14))
    gathered = graph.math("ADD", graph.math("MULTIPLY", coarse, 0.3), graph.math("MULTIPLY", middle, 0.7))
    grime = graph.math("MULTIPLY", graph.step(gathered, 0.4, 0.7), 0.6 * finish.dirt)
    metallic = {"paint": 0.0, "galvanised": 0.85, "bare": 0.9, "cast": 0.6}[finish.kind]
    base = graph.math("ADD", finish.roughness, graph.math("MULTIPLY", middle, 0.15)) if coat is None else coat[1]
    roughness = graph.blend(grime, base, 0.9)
    # Grime is brown, as it is near much rust.
    return graph.mix(grime, color, graph.mix(fine, (0.07, 0.06, 0.048), (0.15, 0.085, 0.045))), roughness, metallic
