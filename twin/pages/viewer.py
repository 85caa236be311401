"""The viewer: a page of thousands of pictures to sort, filter and browse, with layers to lay over them.

It shows predictions, whose masks a person accepts or rejects, and rendered datasets with their label maps. The page is
one HTML file with its pictures beside it or inside; it needs no server and no network.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from corrotwin.twin.core.cli import available_cores
from corrotwin.twin.core.files import new_file, remove
from corrotwin.twin.pages.pictures import EncodedPicture
from corrotwin.twin.pages.rendering import write_page

Item = TypeVar("Item")
PICTURES = "pictures"  # folder beside the page
SMALL, LARGE = 320, 1280  # pixels of the longer side: in the list, and in the enlarged view
INSIDE = 480  # pixels of the longer side of both if the pictures are inside the page


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A number of each picture, by which the page sorts and filters.

    Parameters
    ----------
    label : name, such as "corroded".
    unit : unit behind each number, such as "%"; empty for none.
    digits : digits behind the decimal point.
    about : sentence that explains the number.
    """

    label: str
    unit: str = ""
    digits: int = 1
    about: str = ""


BRIGHTNESS = Measure(label="brightness", unit="%", digits=0, about="mean luminance; 100 % is white")
SIZE = Measure(label="size", unit="megapixels", digits=2)


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A layer over the pictures; `legend` has pairs of a CSS colour and its meaning."""

    label: str
    legend: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class ViewerPicture:
    """A picture of the viewer.

    Parameters
    ----------
    name : text that the page shows unchanged.
    values : a value for each measure; None if there is none.
    sizes : the picture in the list and the enlarged one, or one for both; each with its layers, which lie one below
        the other in one picture.
    aspect : width over height.
    identity : what a decision records of the picture, to find it again; only on pages with decisions.
    """

    name: str
    values: tuple[float | None, ...]
    sizes: tuple[tuple[EncodedPicture, EncodedPicture], ...]
    aspect: float
    identity: Mapping[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Review:
    """Subject of a page's decisions: `source` identifies the folder of predictions."""

    source: str


def write(
    page: Path,
    template: Path,
    pictures: Iterable[ViewerPicture],
    *,
    measures: Sequence[Measure],
    layers: Sequence[Layer],
    single: bool,
    review: Review | None = None,
    **values: Any,
) -> None:
    """Write a page with its pictures.

    Parameters
    ----------
    page : the HTML file. Unless `single`, the folder `PICTURES` beside it gets the pictures, named by their content, so
        that an earlier page works until it is replaced; pictures that only the earlier one had are then removed.
    template : template that extends ``viewer.html.j2`` and says what the page shows.
    pictures : pictures in the order of the page; each is written before the next is requested.
    measures : measures of each picture; at first the page is sorted by the first one, largest first.
    layers : layers of each picture, in the order in which they lie in its file.
    single : put the pictures into the page.
    review : subject of the decisions; None on pages without.
    values : further values for the template.
    """
    shown = []
    written: set[str] = set()
    if not single:
        (page.parent / PICTURES).mkdir(parents=True, exist_ok=True)
    for picture in pictures:
        if single:
            addresses = [[encoded.data_uri for encoded in pair] for pair in picture.sizes]
        else:
            addresses = [[_write(page.parent, encoded) for encoded in pair] for pair in picture.sizes]
            written.update(Path(address).name for pair in addresses for address in pair)
        shown.append(
            {
                "name": picture.name, "values": picture.values, "aspect": round(picture.aspect, 4),
                "small": addresses[0], "large": addresses[-1],
                **({} if picture.identity is None else {"identity": picture.identity}),
            }
        )  # fmt: skip
    data = {
        "measures": [asdict(measure) for measure in measures],
        "layers": [asdict(layer) for layer in layers],
        "review": None if review is None else asdict(review),
        "pictures": shown,
    }
    write_page(page, template, data=data, count=len(shown), decides=review is not None, **values)
    for path in () if single else (page.parent / PICTURES).iterdir():
        if path.name not in written:
            remove(path)


def _write(folder: Path, encoded: EncodedPicture) -> str:
    """Write a picture under a name made from its content, and return its address on a page in this folder."""
    name = f"{hashlib.sha256(encoded.content).hexdigest()[:20]}.{encoded.kind}"
    with new_file(folder / PICTURES / name, replace=True) as stream:
        stream.write(encoded.content)
    return f"{PICTURES}/{name}"


def in_threads(make: Callable[[Item], ViewerPicture], items: Sequence[Item]) -> Iterator[ViewerPicture]:
    """Yield the picture of each item, made by a thread per core, few ahead of the requested one."""
    cores = available_cores()
    with ThreadPoolExecutor(cores) as pool:
        for first in range(0, len(items), 4 * cores):
            yield from pool.map(make, items[first : first + 4 * cores])


def sides(width: int, height: int, *, single: bool) -> tuple[int, ...]:
    """Return the sizes of a picture on a page: the most pixels of its longer side."""
    if single:
        return (INSIDE,)
    return (SMALL, LARGE) if max(width, height) > SMALL else (SMALL,)


def brightness(image: npt.NDArray[np.uint8]) -> float:
    """Return the mean luminance of a picture (h, w, 3), RGB, in percent of white (ITU-R BT.709)."""
    return 100 * float(image.mean(axis=(0, 1)) @ (0.2126, 0.7152, 0.0722)) / 255
