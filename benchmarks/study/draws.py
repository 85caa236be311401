"""Draws of renders: run r trains on draw r, whole scenes that no other run trains on.

Renders are a sample of what their preset could have shown. Runs that share one draw share its error, which no test over
runs can see: intervals would describe these renders alone, not the preset.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from corrotwin.benchmarks.data.scenes import group_by_scene
from corrotwin.benchmarks.formatting.wording import span
from corrotwin.benchmarks.study.config import STUDIES
from corrotwin.benchmarks.study.manifest import rendered
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import digest
from corrotwin.twin.core.text import counted

if TYPE_CHECKING:
    from corrotwin.segmentation.data.coco import CocoDataset, Photo

OPTION = "`renders_per_run`"


def deal(renders: "CocoDataset", *, runs: int, size: int, seed: int) -> tuple["CocoDataset", ...]:
    """Return all draws that a rendered dataset holds, at least one for each run.

    A draw takes whole scenes, one after another, while it has at most `size` images. Our own renders are taken in
    their order, in which scenes are independent, so that a folder that grows keeps its first draws. If there are more
    draws than runs, the last is left out if the folder's end may have cut off its last scene. Images of any other
    dataset are shuffled by the seed first, since their order may mean something: when such a dataset grows, it is
    divided afresh, which a study refuses.

    Parameters
    ----------
    runs : number of draws needed.
    size : most images of a draw.
    seed : seed of the study.

    Raises
    ------
    InputError
        There are too few renders, a scene is larger than a draw, a draw has no corrosion, or two draws hold one image.
    """
    if size < 1:
        raise InputError(f"{OPTION} {size} is below 1")
    scenes = _scenes(renders, seed)
    largest = max(map(len, scenes))
    parts: list[list[Photo]] = [[]]
    for scene in scenes:
        if parts[-1] and len(parts[-1]) + len(scene) > size:
            parts.append([])
        parts[-1] += scene
    may_grow = len(scenes[-1]) < largest and rendered(renders.inside)  # the last scene, with more renders
    if len(parts[-1]) + largest <= size or (may_grow and len(parts) > runs):
        parts.pop()
    if len(parts) < runs or size < largest:
        needed = max(size, largest)
        raise InputError(
            f"{renders.folder}: {len(renders.photos)} renders in scenes of {largest} are too few for {runs} runs with "
            f"a draw of {needed} each; render at least {runs * needed}, or give fewer runs or a smaller {OPTION}"
        )
    _check(renders, parts[:runs])
    return tuple(subset(renders, part) for part in parts)


def grown_note(renders: "CocoDataset") -> str:
    """Return the end of a refusal, that only our own renders keep their draws when a folder grows; empty for those."""
    return (
        "" if rendered(renders.inside) else "; only renders of `synth render` keep their draws in a folder that grows"
    )


def describe(sizes: Sequence[int], whole: int, wanted: int = STUDIES["small"].renders.count) -> str:
    """Say how many renders each run's draw has and how many `wanted` would take, or that all runs share one draw."""
    if not sizes:
        return f"  renders: all runs share one draw of {whole}, so what is found speaks of these renders alone"
    needed = wanted * len(sizes)
    few = f"; few: render {needed} for {wanted} each" if whole < needed else ""
    return f"  renders: {counted(len(sizes), 'draw')} of {span(sizes)} out of {whole}; no two runs share a scene{few}"


def subset(renders: "CocoDataset", photos: Sequence["Photo"]) -> "CocoDataset":
    """Return a dataset of some images of another, with a digest of its own."""
    content = [
        [photo.file_name, photo.sha256, [annotation["segmentation"] for annotation in photo.annotations]]
        for photo in photos
    ]
    return replace(renders, photos=tuple(photos), digest=digest(content))


def _scenes(renders: "CocoDataset", seed: int) -> list[list["Photo"]]:
    """Return the images of each scene, in the order in which draws take scenes."""
    import numpy as np

    scene_of = group_by_scene(renders) or {}
    scenes: dict[str, list[Photo]] = {}
    for photo in renders.photos:
        scenes.setdefault(scene_of.get(photo.file_name, photo.file_name), []).append(photo)
    ordered = list(scenes.values())
    if rendered(renders.inside):
        return ordered
    return [ordered[index] for index in np.random.default_rng(seed).permutation(len(ordered))]


def _check(renders: "CocoDataset", parts: Sequence[Sequence["Photo"]]) -> None:
    """Raise InputError if a draw has no corrosion, or two draws hold the same image."""
    first: dict[str, tuple[int, str]] = {}
    for number, part in enumerate(parts, start=1):
        if not any(photo.annotations for photo in part):
            raise InputError(
                f"{renders.folder}: draw {number} of {len(part)} renders has no corrosion; give a larger {OPTION}"
            )
        for photo in part:
            other, name = first.setdefault(photo.sha256 or photo.file_name, (number, photo.file_name))
            if other != number:
                raise InputError(
                    f"{renders.folder}: draws overlap: {name} of draw {other} and {photo.file_name} of draw {number} "
                    "are one image; take one out"
                )
