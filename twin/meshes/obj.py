"""Reading of Wavefront OBJ: its points and faces, objects and materials; faces may have any number of corners.

The materials are those that the file itself names; no material file is needed beside it.
"""

from collections.abc import Iterator
from itertools import takewhile

import numpy as np

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry.atlas import Floats, Integers
from corrotwin.twin.meshes.polygons import triangles

UNNAMED = "none"  # the material before one is named


def bodies(content: bytes, stem: str) -> Iterator[tuple[str, str, Floats, Integers]]:
    """Yield the mesh of each object and material: both names, vertices (n, 3) and triangles (m, 3).

    Parameters
    ----------
    content : bytes of the file.
    stem : the name for faces that belong to no object.

    Raises
    ------
    InputError
        A line is malformed, a face names a vertex that does not exist, or crosses itself.
    """
    part, material = stem, UNNAMED
    places: list[list[float]] = []
    polygons: dict[tuple[str, str], tuple[list[int], list[int]]] = {}
    for number, line in enumerate(_text(content).split("\n"), start=1):
        kind, *words = line.split(None, 1) or [""]
        value = words[0].strip() if words else ""
        try:
            if kind == "v":
                places.append([float(word) for word in value.split()[:3]])
                if len(places[-1]) < 3:
                    raise ValueError
            elif kind == "f":
                face = [_index(word, len(places)) for word in takewhile(lambda word: word[0] != "#", value.split())]
                if len(face) > 2:
                    corners, counts = polygons.setdefault((part, material), ([], []))
                    corners += face
                    counts.append(len(face))
        except ValueError as error:
            raise InputError(
                f"line {number}: {line.strip():.60} is not a valid line of an OBJ; export it again"
            ) from error
        if kind == "o":
            part = value or stem
        elif kind == "usemtl":
            material = value or UNNAMED
    points = np.array(places, dtype=float).reshape(-1, 3)
    for (part, material), (corners, counts) in polygons.items():
        faces, _ = triangles(points, np.array(corners), np.array(counts))
        used, renumbered = np.unique(faces, return_inverse=True)
        yield part, material, points[used], renumbered.reshape(-1, 3)


def _text(content: bytes) -> str:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\\\n", " ")


def _index(word: str, count: int) -> int:
    """Return which vertex a corner such as 3, 3/1, 3//2 or -1 names, from 0; there are `count` so far."""
    number = int(word.split("/", 1)[0])
    index = number - 1 if number > 0 else count + number
    if number == 0 or index < 0:
        raise ValueError
    return index
