"""The viewer: a page of thousands of pictures to sort, filter and look through, with layers to lay over them.

It serves predictions, whose masks a person accepts or rejects in it, and rendered datasets with their label maps. The
page is one HTML file with its pictures beside it or inside; it needs no server and asks the network for nothing.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from corrotwin.segmentation.pages.pictures import EncodedPicture
from corrotwin.segmentation.pages.rendering import write_page
from corrotwin.twin.core.files import new_file, remove

PICTURES = "pictures"  # folder beside the page
SMALL, LARGE = 320, 1280  # pixels of the longer side: in the list, and of the picture that is looked at
INSIDE = 480  # the same of both in a page that holds its pictures


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A number of each picture, by which the page sorts and filters.

    Parameters
    ----------
    label : its name, such as "corroded".
    unit : behind each number, such as "%"; empty for none.
    digits : behind the decimal point.
    about : a sentence that says what it is.
    """

    label: str
    unit: str = ""
    digits: int = 1
    about: str = ""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """Something to lay over the pictures; `legend` has pairs of a CSS colour and what it stands for."""

    label: str
    legend: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class ViewerPicture:
    """A picture of the viewer.

    Parameters
    ----------
    name : shown as it is.
    values : one for each measure; None where there is none.
    small, small_layers : the picture in the list, and its layers one below the other in one picture.
    large, large_layers : the picture that is looked at; None: the small one.
    aspect : width over height.
    identity : what a decision on it states, so that it can be found again; only of pages on which one decides.
    """

    name: str
    values: tuple[float | None, ...]
    small: EncodedPicture
    small_layers: EncodedPicture | None
    large: EncodedPicture | None = None
    large_layers: EncodedPicture | None = None
    aspect: float
    identity: Mapping[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Review:
    """What decisions of a page are about: `source` identifies the folder of predictions."""

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
) -> int:
    """Write a page with its pictures, and return how many these are.

    Parameters
    ----------
    page : the HTML file. Unless `single`, the folder `PICTURES` beside it gets the pictures, named by their content, so
        that an earlier page stays whole until it is replaced; pictures that only the earlier one had are then removed.
    template : extends ``viewer.html.j2`` and says what the page shows.
    pictures : in the order of the page; each is written before the next is asked for.
    measures : of each picture; the page is sorted by the first to begin with, largest first.
    layers : of each picture, in the order in which they lie in its file.
    single : put the pictures into the page.
    review : of pages on which one decides; None for others.
    values : for the template.
    """
    shown = []
    written: set[str] = set()
    if not single:
        (page.parent / PICTURES).mkdir(parents=True, exist_ok=True)
    for picture in pictures:
        addresses = {}
        for name in ("small", "small_layers", "large", "large_layers"):
            encoded: EncodedPicture | None = getattr(picture, name)
            if encoded is None:
                addresses[name] = ""
            elif single:
                addresses[name] = encoded.data_uri
            else:
                file = f"{hashlib.sha256(encoded.content).hexdigest()[:20]}.{encoded.kind}"
                with new_file(page.parent / PICTURES / file, replace=True) as stream:
                    stream.write(encoded.content)
                written.add(file)
                addresses[name] = f"{PICTURES}/{file}"
        shown.append(
            {
                "name": picture.name, "values": picture.values, "aspect": round(picture.aspect, 4), **addresses,
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
    for left in () if single else (page.parent / PICTURES).iterdir():
        if left.name not in written:
            remove(left)
    return len(shown)
