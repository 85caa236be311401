"""Plain data that describe scenes for the Blender process, exchanged as JSON; only the standard library is imported.

Lengths are metres, angles radians, colours linear RGB in [0, 1]; z is up. Paths are relative to the batch file.
"""

import json
from dataclasses import asdict, dataclass
from math import tan
from pathlib import Path
from typing import Any, Literal, get_args

Color = tuple[float, float, float]
Matrix = tuple[tuple[float, float, float, float], ...]  # 4 x 4, row by row, object to world
# Kinds of label maps that can be written beside the images.
Map = Literal["rust_cover", "stain", "age", "wall_loss", "severity", "instances", "depth", "normals", "uv", "light"]
MAPS: tuple[str, ...] = get_args(Map)
PROGRESS = "#"  # first character of lines with which the Blender process reports progress
EDGE_REACH_M = 0.02  # distance from an outward edge within which a body's file records nearness
MOST_SKINS = 64  # most surfaces of corroded-away steel that one ray passes through
SCRAPE_M = 0.005  # greatest width of a scrape in the paint on either side of its edge


@dataclass(frozen=True, kw_only=True)
class Texture:
    """A texture set of the user's own on a surface, repeated every `metres`.

    The npz file holds ``color (S, S, 3)`` uint8 sRGB, ``roughness (S, S)`` uint8 with 255 for 1, and ``height (S, S)``
    float32 in shares of the side, each with the top row first.
    """

    file: str
    metres: float  # length of surface along the side of the picture
    mean: Color  # mean colour


@dataclass(frozen=True, kw_only=True)
class Finish:
    """Appearance of an asset's surface where it has not rusted, and of its rust."""

    kind: str  # "paint", "galvanised", "cast" or "bare"
    color: Color
    primer: Color  # coat below the paint, visible around its edges
    rust: Color  # factors applied to the colour of rust
    roughness: float
    dirt: float  # 0 clean .. 1 covered
    wear: float  # 0 intact .. 1 scratched and chalked
    scale: float  # 0 smooth .. 1 flaking rust
    seed: float  # shifts the noise of paint, dirt and rust
    fraying: float = 0.0  # of the rust's outline: 0 sharp .. 1 flakes of the coat inside, specks of rust in stains
    coat: Texture | None = None  # texture of the paint, whose mean is `color`
    rust_texture: Texture | None = None  # in place of the procedural rust


@dataclass(frozen=True, kw_only=True)
class Body:
    """A corroding asset, with its mesh and corrosion textures in one npz file.

    The file holds ``vertices (n, 3)`` float32, ``faces (m, 3)`` int32, ``uv (m, 3, 2)`` float32 and
    ``fields (H, W, 4)`` float32: rust cover in [0, 1], age of the rust in years, wall loss in mm, and stain of rust
    water in [0, 1]. For a painted asset it also holds ``edges (H, W)`` uint8, the nearness of an outward edge: 255 on
    it and 0 from `EDGE_REACH_M` on; and ``treads (H, W)`` uint8: 255 on a tread of chequer plate, below 128 beside one.
    ``gone (H, W)`` bool is true where no metal is left; a file without it has metal everywhere.
    """

    file: str
    pose: Matrix
    finish: Finish
    instance: int  # from 1; 0 is the background
    kind: str = ""  # kind of asset, such as "pipe"
    thickness_mm: float = 0.0  # nominal thickness of the whole asset; 0 if unknown
    asset: str = ""  # name of an asset of the user's own


@dataclass(frozen=True, kw_only=True)
class Prop:
    """An object that does not rust: a ground, a wall, a block, a post, stones, blades of grass.

    A mesh file holds ``vertices (n, 3)`` float32, ``faces (m, 3)`` int32 and ``tone (n,)`` float32 in [0, 1], by which
    a material may vary. A mesh of many objects in different colours also holds ``color (n, 3)`` float32, linear RGB,
    which the material "worn" shows. The file of a model, one of the user's own, is as `twin.meshes.textured` writes it.
    """

    shape: str  # "box" (unit cube about the origin), "cylinder" (diameter and height 1, along z), "mesh" or "model"
    pose: Matrix  # the size is its scale
    material: str  # a name in corrotwin.synth.blender.materials.MATERIALS; "" for a model, which has its own
    color: Color
    seed: float
    file: str = ""  # file of a mesh or a model
    role: str = ""  # "ground" or "wall" if it may have a texture
    texture: Texture | None = None  # in place of the material


@dataclass(frozen=True, kw_only=True)
class Light:
    """Light of the world and at most one lamp."""

    world: str  # file stem of an HDRI in the bpy wheel, such as "courtyard"; path, "#" and digest of one of the user's;
    # or "sky", a clear sky with the sun in its place
    world_turn: float
    world_strength: float
    lamp: str  # "none", "sun" (direction from `lamp_from` to the origin), "flash" (at each camera) or "work" (a work
    # light at `lamp_from`)
    lamp_from: tuple[float, float, float]
    lamp_strength: float  # sun: W/m2; others: W
    lamp_color: Color


@dataclass(frozen=True, kw_only=True)
class Lens:
    """Picture size and intrinsics of a pinhole camera, in pixels; the centre of the first pixel is (0, 0)."""

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float

    @staticmethod
    def wide(width: int, height: int, angle: float) -> "Lens":
        """Return the lens with a field of view of `angle` radians across the shorter side of the picture."""
        focal = min(width, height) / 2 / tan(angle / 2)
        return Lens(width=width, height=height, fx=focal, fy=focal, cx=(width - 1) / 2, cy=(height - 1) / 2)

    def finer(self, times: int) -> "Lens":
        """Return the lens of the same picture with `times` as many pixels along each side."""
        return Lens(
            width=self.width * times, height=self.height * times, fx=self.fx * times, fy=self.fy * times,
            cx=(self.cx + 0.5) * times - 0.5, cy=(self.cy + 0.5) * times - 0.5,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Backdrop:
    """A photograph of the user's own behind the assets, and the part of it that is visible."""

    photo: str  # path, "#" and digest
    zoom: float  # side of the part divided by that of the largest part that fits, at most 1
    place: tuple[float, float]  # position of the part: (0, 0) at the top left, (1, 1) at the bottom right


@dataclass(frozen=True, kw_only=True)
class View:
    """One photograph of the scene: `index` is the image's number in the dataset.

    The picture of a lens with distortion is rendered without it, through `frame`, which shows the whole picture, and
    with labels `label_finer` times as fine; then it is warped (`synth.cameras.distortion`).
    """

    index: int
    pose: Matrix  # camera looks along its -z, y up
    lens: Lens
    distortion: tuple[float, ...] = ()  # OpenCV's coefficients
    frame: Lens | None = None  # None: the same as `lens`
    label_finer: int = 1
    name: str = ""  # name of a camera that the user listed
    focus_m: float = 0.0  # depth in focus; 0 if everything is sharp
    f_number: float = 0.0  # as on a full-frame lens with this field of view
    visible: tuple[float, ...] = ()  # for each body, the visible share of its camera-facing surface; () if unknown
    backdrop: Backdrop | None = None  # all views of a scene have one, or none; with one, nothing else is behind


@dataclass(frozen=True, kw_only=True)
class Scene:
    """All data that Blender needs for the photographs of one scene."""

    samples: int  # Cycles samples per pixel
    seed: int  # seed of Cycles' sampling
    bodies: tuple[Body, ...]
    props: tuple[Prop, ...]
    light: Light
    views: tuple[View, ...]
    maps: tuple[str, ...] = ()  # names in `MAPS`; some need more outputs of the label pass


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Scenes that one Blender process renders, its number of threads, and its device."""

    scenes: tuple[Scene, ...]
    threads: int
    device: str = "cpu"  # or "optix", "cuda", "hip", "oneapi", "metal"


def dump(batch: Batch) -> str:
    """Return a batch as JSON text."""
    return json.dumps(asdict(batch))


def load(path: Path) -> Batch:
    """Read a batch from a file that holds the output of `dump`."""
    data = json.loads(path.read_text())
    return Batch(
        scenes=tuple(_scene(scene) for scene in data["scenes"]), threads=data["threads"], device=data["device"]
    )


def _scene(data: dict[str, Any]) -> Scene:
    parts = {
        "bodies": tuple(Body(**{**body, "finish": _finish(body["finish"])}) for body in data["bodies"]),
        "props": tuple(Prop(**_with(prop, Texture, "texture")) for prop in data["props"]),
        "light": Light(**data["light"]),
        "views": tuple(_view(view) for view in data["views"]),
        "maps": tuple(data["maps"]),
    }
    return Scene(**{**data, **parts})


def _view(data: dict[str, Any]) -> View:
    parts = {
        "lens": Lens(**data["lens"]),
        "frame": None if data["frame"] is None else Lens(**data["frame"]),
        "distortion": tuple(data["distortion"]),
        "visible": tuple(data["visible"]),
    }
    return View(**{**_with(data, Backdrop, "backdrop"), **parts})


def _finish(data: dict[str, Any]) -> Finish:
    return Finish(**_with(data, Texture, "coat", "rust_texture"))


def _with(data: dict[str, Any], kind: type, *names: str) -> dict[str, Any]:
    """Return fields in which those named are converted from a mapping to a dataclass; None stays."""
    return {**data, **{name: kind(**data[name]) for name in names if data[name] is not None}}
