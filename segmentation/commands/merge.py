"""``corrotwin segmentation merge``: put labelled datasets together."""

from pathlib import Path

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import printable, say, say_error, say_next


def merge(datasets: tuple[Path, ...], /, *, out: Path, classes: tuple[str, ...] = ()) -> None:
    """Merge datasets, such as your labels and those that come back from a labelling tool.

    A file that is in two datasets becomes one photo, with the labels of the later one. Photos that look alike are
    kept, reported, and given the same spot in spots.csv, so that no split separates them.

    Parameters
    ----------
    datasets
        folders or archives of COCO datasets, such as exports of CVAT, Label Studio or Roboflow; later ones
        override earlier ones.
    out
        folder for images/, annotations.json and spots.csv.
    classes
        names of the categories that count as corrosion, each of at least one dataset; by default all categories
        with annotations. Labels that `rank` or `accept` prepared have the category corrosion.
    """
    from corrotwin.segmentation.labelling import merging

    if len(datasets) < 2:
        raise InputError("name two datasets or more; later ones correct earlier ones")
    merged = merging.merge(merging.read(datasets, classes), out)
    for line in merged.lines():
        say_error(printable(line))
    say(f"{out}: {merged.photos} photos")
    say_next("segmentation", "split", "--data", out, "--out", f"{out}-split.json")
