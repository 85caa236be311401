"""File names of the maps in PBR texture sets from ambientCG and Poly Haven."""

import re
from collections.abc import Iterable, Mapping

ROLES = ("color", "roughness", "packed", "normal_gl", "normal_dx", "height")
_AMBIENT_CG = re.compile(
    r"(?P<set>.+)_(?P<role>color|roughness|normalgl|normaldx|displacement)\.(?P<suffix>jpe?g|png|exr)", re.IGNORECASE
)  # Rust004_1K-JPG_NormalGL.jpg
_POLY_HAVEN = re.compile(
    r"(?P<set>.+?)_(?P<role>diff|diffuse|col|color|albedo|rough|arm|nor_gl|nor_dx|disp)"
    r"_(?P<size>\d+k)\.(?P<suffix>jpe?g|png|exr)",
    re.IGNORECASE,
)  # rusty_metal_02_nor_gl_1k.exr
_MEANING = {
    "color": "color", "diff": "color", "diffuse": "color", "col": "color", "albedo": "color",
    "roughness": "roughness", "rough": "roughness", "arm": "packed", "normalgl": "normal_gl", "nor_gl": "normal_gl",
    "normaldx": "normal_dx", "nor_dx": "normal_dx", "displacement": "height", "disp": "height",
}  # fmt: skip
_PREFERRED = ("png", "jpg", "jpeg", "exr")  # order of choice if a map exists in several formats


def by_set(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Group the file names of a folder by texture set.

    Parameters
    ----------
    names : file names; those that do not name a map are ignored.

    Returns
    -------
    File names by role in `ROLES`, for each set by the part of the name that its maps share. "packed" is a picture of
    occlusion, roughness and metalness in red, green and blue.
    """
    sets: dict[str, dict[str, str]] = {}
    for name in sorted(names):
        match = _POLY_HAVEN.fullmatch(name) or _AMBIENT_CG.fullmatch(name)
        if match is None:
            continue
        parts: Mapping[str, str] = match.groupdict()
        role, suffix = _MEANING[parts["role"].lower()], parts["suffix"].lower()
        if role == "color" and suffix == "exr":  # EXR colours are linear, but `in_color` reads sRGB
            continue
        maps = sets.setdefault("_".join(filter(None, (parts["set"], parts.get("size")))), {})
        if role not in maps or _PREFERRED.index(suffix) < _PREFERRED.index(_suffix(maps[role])):
            maps[role] = name
    return sets


def _suffix(name: str) -> str:
    return name.rpartition(".")[2].lower()
