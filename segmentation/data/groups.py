"""Groups of photos that show the same spot: by name, by perceptual hash, or from a table.

A grouping maps the `file_name` of each photo of a dataset to the id of its group. Photos of one group stay in one part
of a split and count as one unit in the statistics. Roboflow names its augmented copies ``name_jpg.rf.<hash>.jpg``;
photos that this program hands out for labelling are named ``003-<hash>-name.jpg``.
"""

import os
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from corrotwin.segmentation.data import coco
from corrotwin.segmentation.data.perceptual_hash import components, hashes, pairs_alike
from corrotwin.twin.core import tables
from corrotwin.twin.core.errors import InputError

COPY_MARK = ".rf."
# The digits of the content include a letter, since people also name photos 001-20240601-pier.jpg.
_CONTENT = r"(?=\d{0,7}[a-f])[0-9a-f]{8}"
_HANDED_OUT = re.compile(rf"(^|/)(?:\d{{3,}}-({_CONTENT}-))+(?=[^/]+$)")
FILE_NAME, SPLIT, SPOT = "file_name", "split", "spot"  # columns of a table of groups
SPOTS = "spots.csv"  # name of the table of spots beside the photos


def by_source_name(dataset: coco.CocoDataset) -> dict[str, str]:
    """Group photos by `source_name`, regardless of the folder (train, valid or test) that holds them.

    Copies of copies join the original photo. Frames of one video stay in separate groups.
    """
    return {photo.file_name: source_name(photo.file_name) for photo in dataset.photos}


def source_name(file_name: str) -> str:
    """Return a photo's name before Roboflow renamed it, in Roboflow's spelling: ``IMG_1_JPG``, also for ``IMG_1.JPG``.

    The folders train, valid and test are dropped, and so is the number that `name_to_label` puts in front. The digits
    of the content stay, since cameras give many photos the same name; if a photo was handed out more than once, its
    first digits stay.
    """
    part, slash, rest = file_name.partition("/")
    name = _HANDED_OUT.sub(r"\1\2", rest if slash and part in coco.SPLITS else file_name)
    original, mark, _ = name.partition(COPY_MARK)
    if mark and original:
        return original
    stem, dot, suffix = name.rpartition(".")
    return f"{stem}_{suffix}" if dot else name


def name_to_label(number: int, sha256: str, file_name: str) -> str:
    """Return the name under which a photo is handed out for labelling: number, eight digits of its content, file name.

    The digits keep a later photo from getting the same name, and with it the labels of this one. They are the first
    eight successive digits of `sha256` with a letter among them.
    """
    content = re.search(_CONTENT, sha256)
    return f"{number:03d}-{content[0] if content else sha256[:8]}-{PurePosixPath(file_name).name}"


def by_perceptual_hash(dataset: coco.CocoDataset) -> dict[str, str]:
    """Group photos that look alike, also if mirrored or rotated by 90°; a chain of similar photos is one group.

    Two photos are alike if the perceptual hash of the first, upright, and that of the second in any of eight
    orientations hardly differ (`perceptual_hash`). This finds copies: photos saved again, mirrored, rotated, lightened,
    darkened or blurred. It does not find one spot photographed from two places, nor copies tilted by 5° or cropped by
    10 %. Images without any structure are all alike.

    Returns
    -------
    For each file name the first file name of its group.

    Raises
    ------
    InputError
        An image cannot be decoded.
    """
    photos = sorted(dataset.photos, key=lambda photo: photo.file_name)
    bits = np.stack([hashes(coco.image(photo)) for photo in photos])
    return _joined([photo.file_name for photo in photos], pairs_alike(bits))


def by_column(csv_path: Path, dataset: coco.CocoDataset, column: str, *, inside: Path | None = None) -> dict[str, str]:
    """Group photos by a column of a csv file, such as the one that holds their spots.

    Parameters
    ----------
    csv_path : a csv file with the columns ``file_name``, optionally ``split``, and `column`. A row refers to the photo
        of this `file_name`, else to the one in the folder that its ``split`` names, else to the only photo of that name
        in any folder, else to the photos that Roboflow made from it (``IMG_1_JPG.rf.<hash>.jpg`` from ``IMG_1.JPG``).
        Rows of photos that the dataset lacks are ignored. Accents may be encoded either way, NFC or NFD.
    dataset : each of its photos needs a row.
    column : name of the column that holds the group ids.
    inside : folder that the file belongs to: links out of it are refused. None for a file that the user named.

    Raises
    ------
    InputError
        The file is not such a table, a photo has no row or no value, rows of one photo differ, or a name is ambiguous.
    """
    direct, renamed = _by_column(csv_path, dataset, column, inside)
    return direct | renamed


def beside(dataset: coco.CocoDataset) -> dict[str, str] | None:
    """Return the spot of each photo from the table `SPOTS` beside them; None if there is no such table.

    Raises
    ------
    InputError
        The table is unusable, or leaves out a photo.
    """
    table = own_table(dataset)
    if table is None:
        return None
    try:
        return by_column(table, dataset, SPOT, inside=dataset.inside)
    except InputError as error:  # users know the archive, not our cache
        raise InputError(str(error).replace(str(dataset.inside), str(dataset.folder))) from error


def required(dataset: coco.CocoDataset) -> dict[str, str]:
    """Return the spot of each photo as `beside` does, but require the table.

    Raises
    ------
    InputError
        There is no table; or see `beside`.
    """
    spots = beside(dataset)
    if spots is None:
        raise InputError(f"{dataset.folder}: has no {SPOTS}; the photos of one spot must stay together")
    return spots


def own_table(dataset: coco.CocoDataset) -> Path | None:
    """Return the path of the table `SPOTS` beside the photos if anything has that name there; else None.

    Anything but a file, such as a pipe or a broken link, is refused when it is read: if it counted as absent, photos of
    one spot could be in training and in test.
    """
    path = dataset.inside / SPOTS
    return path if os.path.lexists(path) else None


def in_ways(
    dataset: coco.CocoDataset,
    ways: Collection[str],
    *,
    table: Path | None = None,
    column: str = SPOT,
    inside: Path | None = None,
) -> dict[str, dict[str, str]]:
    """Group photos in several ways and return each grouping by its name.

    Parameters
    ----------
    dataset : the photos to group.
    ways : "names" for `by_source_name`, "hash" for `by_perceptual_hash`; other names are ignored.
    table, column, inside : arguments of `by_column`, used if `table` is not None; `column` is then the name.

    Raises
    ------
    InputError
        The table is unusable, or an image cannot be decoded.
    """
    groupings: dict[str, dict[str, str]] = {}
    if table is not None:  # first, since errors in it show at once
        groupings[column] = by_column(table, dataset, column, inside=inside)
    if "names" in ways:
        groupings["names"] = by_source_name(dataset)
    if "hash" in ways:
        groupings["hash"] = by_perceptual_hash(dataset)
    return groupings


def renamed_by_roboflow(csv_path: Path, dataset: coco.CocoDataset, column: str) -> int:
    """Return the number of photos that `by_column` matches only by their names before Roboflow renamed them."""
    return len(_by_column(csv_path, dataset, column, None)[1])


def _by_column(
    csv_path: Path, dataset: coco.CocoDataset, column: str, inside: Path | None
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the groups of photos listed under their own name, and of those listed under their source's name."""
    table = _read_column(csv_path, column, inside=inside)
    sources: dict[str, set[str]] = defaultdict(set)
    for key, cells in table.items():
        if COPY_MARK not in key:
            sources[source_name(PurePosixPath(key).name)] |= cells
    full_names = {photo.file_name for photo in dataset.photos}
    bare_names = {name: PurePosixPath(name).name for name in full_names}
    name_counts = Counter([*bare_names.values(), *(name for name in full_names if bare_names[name] != name)])
    direct: dict[str, str] = {}
    renamed: dict[str, str] = {}
    missing = []
    for name in sorted(full_names):
        key = name if _composed(name) in table else bare_names[name]
        values = sorted(table.get(_composed(key), ()))
        matches = direct
        if not values and COPY_MARK in bare_names[name]:
            key, matches = source_name(bare_names[name]), renamed
            values = sorted(sources.get(_composed(key), ()))
        if not values:
            missing.append(name)
        elif matches is direct and key != name and name_counts[key] > 1:
            others = ", ".join(sorted(other for other in full_names if bare_names[other] == key)[:3])
            raise InputError(f"{csv_path}: {key!r} may be any of {others}; write its folder or its split in the row")
        elif len(values) > 1:
            raise InputError(f"{csv_path}: {key!r} has several values of {column} ({', '.join(values[:3])}); keep one")
        else:
            matches[name] = values[0]
    if missing:
        raise InputError(
            f"{csv_path}: {len(missing)} of {len(full_names)} photos of {dataset.folder} have no {column} "
            f"(first: {missing[0]}); add rows for them"
        )
    return direct, renamed


def _read_column(path: Path, column: str, *, inside: Path | None) -> dict[str, set[str]]:
    """Return the values of a column, without empty ones, by file name and, if a row has a split, by ``split/name``."""
    table: dict[str, set[str]] = defaultdict(set)
    for row in tables.read(path, required=(FILE_NAME, column), optional=(SPLIT,), inside=inside).rows:
        name, value, part = _composed(coco.plain_name(row[FILE_NAME])), row[column], row[SPLIT]
        if name and value:
            table[name].add(value)
            if part:
                table[f"{part}/{name}"].add(value)
    return table


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def join(*groupings: Mapping[str, str]) -> dict[str, str]:
    """Merge groupings of the same photos: photos that share a group in any of them share one, also through chains.

    Returns
    -------
    For each file name the first file name of its group; a single grouping keeps its ids.
    """
    if len(groupings) == 1:
        return dict(groupings[0])
    names = sorted(groupings[0])
    index_of = {name: index for index, name in enumerate(names)}
    pairs = []
    for grouping in groupings:
        first_index: dict[str, int] = {}
        pairs += [(first_index.setdefault(grouping[name], index_of[name]), index_of[name]) for name in names]
    return _joined(names, np.array(pairs, dtype=np.intp))


def pairs(*groupings: Mapping[str, str]) -> int:
    """Return the number of pairs of photos that share a group in all the groupings."""
    sizes = Counter(tuple(grouping[name] for grouping in groupings) for name in groupings[0])
    return sum(size * (size - 1) // 2 for size in sizes.values())


def _joined(names: Sequence[str], links: npt.NDArray[np.intp]) -> dict[str, str]:
    """Return the first name of the connected component of each of `names`; `links` (m, 2) join their indices."""
    first_nodes = components(len(names), links)
    return {name: names[node] for name, node in zip(names, first_nodes, strict=True)}
