"""Draws of renders for the runs of a screen or transfer, and their first renders as smaller sets."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corrotwin.benchmarks.study import draws
from corrotwin.benchmarks.study.manifest import KIND
from corrotwin.benchmarks.transfer import protocol
from corrotwin.benchmarks.transfer.layout import Renders
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import link_or_copy, read_manifest, write_json, writing

if TYPE_CHECKING:
    from corrotwin.segmentation.data.coco import CocoDataset

ANNOTATIONS, FOLDER = "annotations.json", "first"


def of_screen(whole: Renders, folder: Path, *, seed: int) -> Renders:
    """Return renders with a draw for each of the two runs of a screen, whose study may be in a folder.

    Raises
    ------
    InputError
        As of `draws.deal`.
    """
    data, runs = _data(whole), protocol.SCREEN_RUNS
    if _is_shared(folder):
        return replace(whole, draws=(data,) * runs)
    return replace(whole, draws=draws.deal(data, runs=runs, size=max(1, len(data.photos) // runs), seed=seed)[:runs])


def of_transfer(whole: Renders, out: Path, *, runs: int, most: int, size: int | None, seed: int) -> tuple[Renders, ...]:
    """Return the renders of each run of a transfer.

    Parameters
    ----------
    runs, most : runs that need a draw, and those that may have one where there are as many.
    size : most renders of a draw; None takes that of the runs in the folder, for new ones equal shares.

    Raises
    ------
    InputError
        As of `draws.deal`; or a size is given, and the runs in the folder share one draw.
    """
    data = _data(whole)
    if any(_is_shared(folder) for folder in out.glob(f"*/run-*/*/{whole.folder}")):
        if size is not None:
            raise InputError(f"{out}: all runs there share one draw of these renders; leave out {draws.OPTION}")
        return (replace(whole, draws=(data,)),) * most
    if size is None:
        size = max(_kept_sizes(out, whole), default=max(1, len(data.photos) // runs))
    dealt = draws.deal(data, runs=runs, size=size, seed=seed)[:most]
    return tuple(replace(whole, data=draw, draws=(draw,)) for draw in dealt)


def first(found: Sequence[Renders], counts: Sequence[int], out: Path, *, dry_run: bool) -> list[tuple[Renders, ...]]:
    """Return the renders of each run, followed by the first so many of its draw, whose folders are written.

    A dry run writes none, and takes those that exist.

    Raises
    ------
    InputError
        A number is not a proper part of a draw.
    """
    from corrotwin.segmentation.data import coco

    result = []
    for run_renders in found:
        of_run = [run_renders]
        for count in counts:
            draw = _data(run_renders)
            _check_count(draw, count)
            folder = folder_of_first(out, draw, count)
            if not dry_run:
                write_first(out, draw, count)
            data = coco.read(folder) if (folder / ANNOTATIONS).exists() else None
            part = Renders(path=folder, whole=data, data=data, draws=() if data is None else (data,), count=count)
            of_run.append(part)
        result.append(tuple(of_run))
    return result


def _data(renders: Renders) -> "CocoDataset":
    """Return the images, which only the first so many of a dry run lack."""
    if renders.data is None:
        raise InputError(f"{renders.path}: is not written yet")
    return renders.data


def _is_shared(folder: Path) -> bool:
    """Return whether the study in a folder was made while all runs shared all renders."""
    kept = (read_manifest(folder, KIND) or {}).get("renders")
    return kept is not None and "draws" not in kept


def _kept_sizes(out: Path, whole: Renders) -> Iterator[int]:
    """Yield the numbers of images of the draws of some renders on which runs of a transfer were trained.

    The renders are known by their folder, which may have grown, or by their digest, where the folder has moved.
    """
    digest = _data(whole).digest
    for path in out.glob(f"*/run-*/*/{protocol.RENDERS}-*"):
        kept = (read_manifest(path, KIND) or {}).get("renders")
        if kept is not None and ((path / kept["folder"]).resolve() == whole.path or kept["digest"] == digest):
            yield from (draw["images"] for draw in kept.get("draws", ()))


def folder_of_first(out: Path, renders: "CocoDataset", count: int) -> Path:
    """Return the folder in which `write_first` puts the first `count` of some renders."""
    return out / FOLDER / f"{renders.digest[:8]}-{count}"


def existing_counts(out: Path, renders: "CocoDataset") -> list[int]:
    """Return the sizes of the subsets already on disk."""
    start = f"{renders.digest[:8]}-"
    counts = [folder.name.removeprefix(start) for folder in (out / FOLDER).glob(f"{start}*")]
    return [int(count) for count in counts if count.isdecimal()]


def _check_count(renders: "CocoDataset", count: int) -> None:
    """Raise InputError if a number is not a proper part of the renders.

    Raises
    ------
    InputError
        There are not more renders than that, or none of the first so many has corrosion.
    """
    if not 0 < count < len(renders.photos):
        raise InputError(
            f"`render_counts` {count}: a draw of {renders.folder} has {len(renders.photos)}; give fewer, at least 1"
        )
    if not any(photo.annotations for photo in renders.photos[:count]):
        raise InputError(
            f"`render_counts` {count}: the first {count} of a draw of {renders.folder} have no corrosion; give more"
        )


def write_first(out: Path, renders: "CocoDataset", count: int) -> Path:
    """Write a folder of the first `count` renders: their files linked (copied where they cannot be), and their masks.

    An existing one is kept: its name identifies the renders, and its annotations are written last.
    """
    from corrotwin.segmentation.data import coco

    folder = folder_of_first(out, renders, count)
    if (folder / ANNOTATIONS).exists():
        return folder
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    with writing(folder):
        for number, photo in enumerate(renders.photos[:count], start=1):
            target = folder / "images" / photo.file_name
            target.parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(photo.path, target)
            images.append({"id": number, "file_name": photo.file_name, "width": photo.width, "height": photo.height})
            for region in photo.annotations:
                numbers = {"id": len(annotations) + 1, "image_id": number, "category_id": 1}
                annotations.append({**region, **numbers})
        write_json(folder / ANNOTATIONS, coco.document(images, annotations, description=f"first {count} renders"))
    return folder
