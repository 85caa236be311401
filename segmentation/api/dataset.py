"""`Dataset`: photos or renders with their masks, and how they are split."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal, get_args

from corrotwin.segmentation.data import coco, groups, leakage, splits
from corrotwin.segmentation.data.splits import How, Split
from corrotwin.segmentation.labelling import merging
from corrotwin.twin.core.arguments import checked, one_or_more
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import counted

logger = logging.getLogger(__name__)

By = Literal["spot", "names", "hash", "photo", "folder"]


class Dataset:
    """A checked dataset of photos or renders with masks.

    Parameters
    ----------
    path : a Roboflow COCO export, one COCO json and its images, images and PNG masks, a rendered dataset, or a zip of
        one.
    classes : names of the categories that count as corrosion; by default all.
    split : file that `Dataset.save_split` or ``corrotwin segmentation split`` wrote.

    Raises
    ------
    InputError
        An image or annotation is unusable, a class is unknown, or the split is that of other photos.
    """

    @checked()
    def __init__(
        self, path: str | Path, /, *, classes: str | Sequence[str] = (), split: str | Path | None = None
    ) -> None:
        self._path = Path(path).absolute()  # so that it stays valid in another working directory
        self._data = coco.read(self._path, classes=one_or_more(classes) or None, allow_unannotated=True)
        self._shown = str(Path(path) if self._data.folder == self._path else Path(path).parent)
        self._split = None if split is None else splits.load(Path(split))
        self._by = "file"
        if self._split is not None:
            splits.check(self._split, self._data)

    @property
    def data(self) -> coco.CocoDataset:
        """The photos with their annotations."""
        return self._data

    @property
    def path(self) -> Path:
        """The path that it was read from."""
        return self._path

    @property
    def folder(self) -> Path:
        """The folder, or the archive."""
        return self._data.folder

    @property
    def names(self) -> tuple[str, ...]:
        """The file names of the photos."""
        return tuple(photo.file_name for photo in self._data.photos)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the categories that count as corrosion."""
        return self._data.classes or tuple(sorted(self._data.categories))

    @property
    def digest(self) -> str:
        """A hash of names, image bytes and masks, 16 hex digits."""
        return self._data.digest

    @property
    def parts(self) -> Split | None:
        """The file names that train, validate and test, and the group of each photo; None without a split."""
        return None if self._split is None else replace(self._split)  # with a copy of the groups

    @property
    def counts(self) -> MappingProxyType[str, int]:
        """The number of photos that train, validate and test; empty without a split."""
        parts = () if self._split is None else coco.SPLITS
        return MappingProxyType({name: len(getattr(self._split, name)) for name in parts})

    def __len__(self) -> int:
        return len(self._data.photos)

    @checked()
    def split(
        self,
        by: By | Sequence[By] = "spot",
        *,
        seed: int = 0,
        groups_file: str | Path | None = None,
        column: str = groups.SPOT,
    ) -> "Dataset":
        """Return the dataset with its photos split into training, validation and test.

        Parameters
        ----------
        by : what stays together. "spot": whole spots, as a table says; "names": Roboflow's copies of one photo; "hash":
            photos that look alike; several of these are joined. "photo": nothing, drawn photo by photo as published.
            "folder": the train, valid and test folders of the export.
        seed : random seed of the draw, 70/15/15.
        groups_file : csv file with a row for each photo, columns file_name and `column`; by default spots.csv beside
            the photos.
        column : column of that table that holds the spots.

        Raises
        ------
        InputError
            There are too few photos or groups, or no table of spots.
        """
        ways = one_or_more(by)
        if not ways or not set(ways) <= set(get_args(By)):
            raise InputError(f"`by` {by!r:.60}: choose from {', '.join(get_args(By))}")
        if len(ways) > 1 and set(ways) & {"photo", "folder"}:
            raise InputError(f"`by` {ways}: photo and folder go with nothing else")
        if groups_file is not None and "spot" not in ways:
            raise InputError(f"`groups_file` {groups_file}: goes with `by` spot")
        table = Path(groups_file) if groups_file is not None else groups.own_table(self._data)
        if "spot" in ways and table is None:
            raise InputError(
                f"{self.folder}: no {groups.SPOTS} beside the photos; give `groups_file`, or `by` names or hash"
            )
        inside = self._data.inside if groups_file is None else None
        table = table if "spot" in ways else None
        groupings = groups.in_ways(self._data, ways, table=table, column=column, inside=inside)
        how: How = "own" if "folder" in ways else "published" if "photo" in ways else "grouped"
        result = Dataset.__new__(Dataset)
        result._path, result._shown = self._path, self._shown
        result._data, result._by = self._data, " and ".join(ways)
        result._split = splits.split(
            self._data, how=how, seed=seed, groups=groups.join(*groupings.values()) if groupings else None
        )
        return result

    @checked()
    def save_split(self, path: str | Path) -> None:
        """Write the split as json, which `Dataset` and ``corrotwin segmentation train --split`` take.

        Raises
        ------
        InputError
            There is no split, or the file holds something else.
        """
        if self._split is None:
            raise InputError(f"{self.folder}: not split yet; call split")
        splits.save(self._split, Path(path))

    @checked()
    def merge(self, *later: "Dataset | str | Path", out: str | Path) -> "Dataset":
        """Return this dataset merged with others, such as those that came back from a labelling tool.

        A file in two datasets becomes one photo with the labels of the later one. Photos that look alike share a spot
        and are logged.

        Parameters
        ----------
        later : datasets, or their folders; later ones correct earlier ones. A folder is read with those of the classes
            of this dataset that it has; for other classes, give a `Dataset`.
        out : folder for images/, annotations.json and spots.csv.

        Raises
        ------
        InputError
            There is no other dataset, one has annotations but none of the classes, or the folder holds something else.
        """
        classes = self._data.classes or ()
        others = (
            dataset.data if isinstance(dataset, Dataset) else merging.read_one(Path(dataset), classes)
            for dataset in later
        )
        merged = merging.merge([self._data, *others], Path(out))
        for line in merged.lines():
            logger.warning(line)
        return Dataset(out)

    def leaks(self) -> tuple[str, ...]:
        """Return a line for each fault of the split: photos left out, copies or spots torn apart."""
        if self._split is None:
            return ()
        lines = (
            splits.unused_warning(self._split, self._data),
            leakage.copies_warning(self._split, self._data),
            leakage.contents_warning(self._split, self._data),
            leakage.spots_warning(self._split, self._data),
        )
        return tuple(line for line in lines if line)

    def __repr__(self) -> str:
        corroded = sum(bool(photo.annotations) for photo in self._data.photos)
        what = f"{counted(len(self), 'image')}, {corroded} with {', '.join(self.classes) or 'nothing'}"
        parts = ", ".join(f"{count} {name}" for name, count in self.counts.items())
        return f"Dataset({self._shown!r}, {what}{f'; {parts} by {self._by}' if parts else ''})"
