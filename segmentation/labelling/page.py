"""The page of a ranking: the photos to label, with corrosion outlined by a network, and those that follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from corrotwin.segmentation.data import image_io
from corrotwin.segmentation.prediction.regions import overlay
from corrotwin.twin.pages import pictures
from corrotwin.twin.pages.rendering import write_page

if TYPE_CHECKING:
    from corrotwin.segmentation.labelling.folder import Ranking
    from corrotwin.segmentation.labelling.pre_drawn import Drawn

TILE = 320  # pixels of a thumbnail's longer side
FOLLOWING = 60  # photos after those to label


@dataclass(frozen=True, kw_only=True)
class Thumbnail:
    """A photo on the page: its picture as a data URI, its name, and a line about it."""

    source: str
    name: str
    line: str


def write(path: Path, ranking: Ranking, drawn: Sequence[Drawn]) -> None:
    """Write the page of a ranking; `drawn` are the photos to label, the first of the ranking."""
    count = len(drawn)
    shown = [overlay(image_io.decoded(photo.path), photo.mask, side=TILE) for photo in drawn]
    shown += [image_io.decoded(photo.path) for photo in ranking.photos[count : count + FOLLOWING]]
    thumbnails = [_thumbnail(ranking, place, image) for place, image in enumerate(shown)]
    write_page(
        path,
        Path(__file__).with_name("page.html.j2"),
        title="What to label next",
        first=thumbnails[:count],
        then=thumbnails[count:],
        photos=len(ranking.photos),
        spots=len(set(ranking.spots)),
        labelled=ranking.labelled,
    )


def _thumbnail(ranking: Ranking, place: int, image: npt.NDArray[np.uint8]) -> Thumbnail:
    photo, scores = ranking.photos[place], ranking.photos[place].scores
    line = f"{place + 1}. doubt {ranking.values[place]:.2f}, {100 * scores.corroded:.0f} % called corrosion"
    return Thumbnail(source=pictures.photo(image, TILE).data_uri, name=photo.name, line=line)
