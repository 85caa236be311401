"""Groups of photos that show the same spot: by name, by look, or from a table.

A grouping maps the `file_name` of each photo of a dataset to the id of its group. Photos of one group belong in one
part of a split and are one unit of statistics. Roboflow names its augmented copies ``name_jpg.rf.<hash>.jpg``; photos
that this program hands out for labelling are named ``003-<hash>-name.jpg``.
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
# A letter is among the digits of the content: 001-20240601-pier.jpg is a person's name for a photo.
_CONTENT = r"(?=\d{0,7}[a-f])[0-9a-f]{8}"
_HANDED_OUT = re.compile(rf"(^|/)(?:\d{{3,}}-({_CONTENT}-))+(?=[^/]+$)")
FILE_NAME, SPLIT, SPOT = "file_name", "split", "spot"  # columns of a table of groups
SPOTS = "spots.csv"  # name of such a table beside the photos


def by_source_name(dataset: coco.CocoDataset) -> dict[str, str]:
    """Group photos by `source_name`, whatever train, valid or test folder they lie in.

    Copies of copies join the original photo. Frames of one video stay in separate groups.
    """
    return {photo.file_name: source_name(photo.file_name) for photo in dataset.photos}


def source_name(file_name: str) -> str:
    """Return a photo's name before Roboflow renamed it, in Roboflow's spelling: ``IMG_1_JPG``, also for ``IMG_1.JPG``.

    The folders train, valid and test are left out of the name, and the number that `name_to_label` puts before it, but
    not the digits of the content: cameras name many photos alike. Of a photo that had such a name already, the
    first digits stay.
    """
    part, slash, rest = file_name.partition("/")
    name = _HANDED_OUT.sub(r"\1\2", rest if slash and part in coco.SPLITS else file_name)
    before, mark, _ = name.partition(COPY_MARK)
    if mark and before:
        return before
    stem, dot, ending = name.rpartition(".")
    return f"{stem}_{ending}" if dot else name


def name_to_label(number: int, sha256: str, file_name: str) -> str:
    """Return the name of a photo among those to label: its number, eight digits of its content, and its file's name.

    No later photo gets the name, and with it labels of this one. The digits are the first eight with a letter.
    """
    content = re.search(_CONTENT, sha256)
    return f"{number:03d}-{content[0] if content else sha256[:8]}-{PurePosixPath(file_name).name}"


def by_perceptual_hash(dataset: coco.CocoDataset) -> dict[str, str]:
    """Group photos that look alike, also mirrored or rotated by 90°; similarity is extended along chains.

    Two photos are alike if the perceptual hash of the first, upright, and that of the second in any of eight
    orientations hardly differ (`perceptual_hash`). This finds copies: a photo saved again, mirrored, rotated, lighter,
    darker, blurred. It does not find one spot photographed from two places, nor copies tilted by 5° or cropped by 10 %.
    Images without any structure are all alike.

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
    """Group photos by a column of a csv file, such as the spot of each.

    Parameters
    ----------
    csv_path : a csv file with the columns ``file_name``, optionally ``split``, and `column`. A row refers to the photo
        of this `file_name`, else to the one in the folder that its ``split`` names, else to the only photo of that name
        in any folder, else to the photos that Roboflow made from it (``IMG_1_JPG.rf.<hash>.jpg`` from ``IMG_1.JPG``).
        Rows of photos that the dataset lacks are ignored. Accents may be encoded either way, NFC or NFD.
    dataset : each of its photos needs a row.
    column : name of the column that holds the group ids.
    inside : folder that the file belongs to, out of which no link is followed; None for a file that the user named.

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
    except InputError as error:  # a person knows the archive, not our cache
        raise InputError(str(error).replace(str(dataset.inside), str(dataset.folder))) from error


def required(dataset: coco.CocoDataset) -> dict[str, str]:
    """Return the spot of each photo as `beside` does; the table must be there.

    Raises
    ------
    InputError
        There is no table, or as of `beside`.
    """
    spots = beside(dataset)
    if spots is None:
        raise InputError(f"{dataset.folder}: has no {SPOTS}; the photos of one spot must stay together")
    return spots


def own_table(dataset: coco.CocoDataset) -> Path | None:
    """Return the path of the table `SPOTS` beside the photos, whatever lies there; None if nothing does.

    What is not a file, such as a pipe or a link that leads nowhere, is refused when it is read: to take it for absent
    would let photos of one spot train and test.
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
    """Group photos in several ways, each grouping by its name.

    Parameters
    ----------
    dataset : whose photos are grouped.
    ways : of which "names" is `by_source_name` and "hash" is `by_perceptual_hash`.
    table, column, inside : for `by_column`; `table` None for no table.

    Raises
    ------
    InputError
        The table is unusable, or an image cannot be decoded.
    """
    found: dict[str, dict[str, str]] = {}
    if table is not None:  # first, since it is quick to be wrong
        found[column] = by_column(table, dataset, column, inside=inside)
    if "names" in ways:
        found["names"] = by_source_name(dataset)
    if "hash" in ways:
        found["hash"] = by_perceptual_hash(dataset)
    return found


def renamed_by_roboflow(csv_path: Path, dataset: coco.CocoDataset, column: str) -> int:
    """Return the number of photos that `by_column` matches only by their names before Roboflow renamed them."""
    return len(_by_column(csv_path, dataset, column, None)[1])


def _by_column(
    csv_path: Path, dataset: coco.CocoDataset, column: str, inside: Path | None
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the groups of photos found under their own name, and of those found under their source's name."""
    table = _read_column(csv_path, column, inside=inside)
    sources: dict[str, set[str]] = defaultdict(set)
    for key, each in table.items():
        if COPY_MARK not in key:
            sources[source_name(PurePosixPath(key).name)] |= each
    full = {photo.file_name for photo in dataset.photos}
    bare = {name: PurePosixPath(name).name for name in full}
    shared = Counter([*bare.values(), *(name for name in full if bare[name] != name)])
    direct: dict[str, str] = {}
    renamed: dict[str, str] = {}
    missing = []
    for name in sorted(full):
        key = name if _composed(name) in table else bare[name]
        values = sorted(table.get(_composed(key), ()))
        result = direct
        if not values and COPY_MARK in bare[name]:
            key, result = source_name(bare[name]), renamed
            values = sorted(sources.get(_composed(key), ()))
        if not values:
            missing.append(name)
        elif result is direct and key != name and shared[key] > 1:
            others = ", ".join(sorted(each for each in full if bare[each] == key)[:3])
            raise InputError(f"{csv_path}: {key!r} may be any of {others}; write its folder or its split in the row")
        elif len(values) > 1:
            raise InputError(f"{csv_path}: {key!r} has several values of {column} ({', '.join(values[:3])}); keep one")
        else:
            result[name] = values[0]
    if missing:
        raise InputError(
            f"{csv_path}: {len(missing)} of {len(full)} photos of {dataset.folder} have no {column} "
            f"(first: {missing[0]}); add rows for them"
        )
    return direct, renamed


def _read_column(path: Path, column: str, *, inside: Path | None) -> dict[str, set[str]]:
    """Return the values of a column, without empty ones, by file name and also, where given, by ``split/name``."""
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
    """Merge groupings of the same photos: photos that share a group in any of them share one, also along chains.

    Returns
    -------
    For each file name the first file name of its group; a single grouping keeps its ids.
    """
    if len(groupings) == 1:
        return dict(groupings[0])
    names = sorted(groupings[0])
    place = {name: index for index, name in enumerate(names)}
    pairs = []
    for grouping in groupings:
        first: dict[str, int] = {}
        pairs += [(first.setdefault(grouping[name], place[name]), place[name]) for name in names]
    return _joined(names, np.array(pairs, dtype=np.intp))


def pairs(*groupings: Mapping[str, str]) -> int:
    """Count the pairs of photos that share a group in every one of the groupings."""
    sizes = Counter(tuple(grouping[name] for grouping in groupings) for name in groupings[0])
    return sum(size * (size - 1) // 2 for size in sizes.values())


def _joined(names: Sequence[str], links: npt.NDArray[np.intp]) -> dict[str, str]:
    """Return for each of `names` the first name of its connected component; `links` (m, 2) join their indices."""
    first = components(len(names), links)
    return {name: names[place] for name, place in zip(names, first, strict=True)}
