"""HTML page of all pictures of a dataset, to sort and filter, with masks and label maps as optional overlays."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from corrotwin.segmentation.data import coco
from corrotwin.synth.config import EXACT
from corrotwin.synth.labels import maps
from corrotwin.synth.preview.contact_sheet import OUTLINE
from corrotwin.synth.preview.map_colours import SHADINGS, Rgba, css, filled
from corrotwin.synth.spec import MAPS
from corrotwin.twin.core.console import tracked
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import open_file, read_bytes, read_json, reading, writing
from corrotwin.twin.core.locks import check_claim, hold
from corrotwin.twin.core.text import printable
from corrotwin.twin.pages import pictures, viewer

KIND = "preview"
MADE_BY = "corrotwin synth preview"  # content of the generator tag, by which a page of this program is recognised
FOLDER, SINGLE, PAGE = "preview", "preview.html", "index.html"
_START_BYTES = 8192  # beginning of a page, which holds the generator tag
EXACT_COLOUR = (0, 190, 255)
_MEASURES = (
    viewer.Measure(label="corroded", unit="%", about="share of the picture's pixels in the mask"),
    viewer.Measure(label="annotations", digits=0, about="regions of the mask"),
    viewer.BRIGHTNESS,
    viewer.SIZE,
)


def check_destination(folder: Path, *, single: bool) -> None:
    """Raise InputError if the page of a dataset would replace something that `write` did not write; write nothing.

    Raises
    ------
    InputError
        The file or the folder of the page has another origin.
    """
    if not single:
        check_claim(folder / FOLDER, KIND, {})
    elif (page := folder / SINGLE).exists():
        with reading(page), open_file(page) as stream:
            start = stream.read(_START_BYTES)
        if f'<meta name="generator" content="{MADE_BY}">'.encode() not in start:
            raise InputError(f"{page}: was not written by this command; rename it")


def write(folder: Path, *, single: bool = False) -> Path:
    """Write the page of a dataset into its folder, show progress, and return the path of the page.

    Parameters
    ----------
    folder : dataset of any kind that training can read.
    single : write one HTML file with small embedded pictures; otherwise a folder with the page and its pictures.

    Raises
    ------
    InputError
        The dataset is damaged, or the page cannot be written.
    """
    dataset = coco.read(folder, allow_unannotated=True)
    names = tuple(name for name in MAPS if (folder / "maps" / name).is_dir())
    task = _Task(folder=folder, names=names, exact=_exact(folder), kinds=_kinds(folder), single=single)
    target = folder / (SINGLE if single else FOLDER)

    def write_page(page: Path) -> Path:
        finished = viewer.in_threads(task.picture, dataset.photos)
        shown = tracked(finished, "preview", len(dataset.photos), unit="pictures", to=page)
        viewer.write(
            page, Path(__file__).with_name("gallery.html.j2"), shown,
            measures=_MEASURES, layers=task.layers, single=single,
            title=f"{printable(folder.resolve().name)}: pictures", maps=bool(names), exact=bool(task.exact),
            kinds=bool(task.kinds), made_by=MADE_BY,
        )  # fmt: skip
        return page

    with writing(target):
        if single:
            return write_page(target)
        with hold(target, KIND, {}):
            return write_page(target / PAGE)


def _exact(folder: Path) -> Mapping[str, coco.Photo]:
    """Return the pictures of a rendered dataset with exact masks, by file name; empty if it has no exact masks."""
    if not (folder / EXACT).is_file():
        return {}
    return {photo.file_name: photo for photo in coco.read(folder / EXACT, allow_unannotated=True).photos}


def _kinds(folder: Path) -> Mapping[int, str]:
    """Return the kind of asset in each image of a rendered dataset, by image id; empty if none is stated."""
    if not (folder / "dataset.json").is_file() or not (folder / "annotations.json").is_file():
        return {}
    images = read_json(folder / "annotations.json", inside=folder)["images"]
    return {image["id"]: str(image["asset_kind"]) for image in images if "asset_kind" in image}


@dataclass(frozen=True, kw_only=True)
class _Task:
    """A dataset with its map `names`, exact masks by file name, and kinds of asset by image id; makes the pictures."""

    folder: Path
    names: tuple[str, ...]
    exact: Mapping[str, coco.Photo]
    kinds: Mapping[int, str]
    single: bool

    @property
    def layers(self) -> list[viewer.Layer]:
        exact = viewer.Layer(label="exact mask", legend=((css(EXACT_COLOUR), "rust at pixel centres"),))
        return [
            viewer.Layer(label="mask", legend=((css(OUTLINE), "corrosion"),)),
            *([exact] if self.exact else []),
            *(viewer.Layer(label=name.replace("_", " "), legend=SHADINGS[name].legend) for name in self.names),
        ]

    def picture(self, photo: coco.Photo) -> viewer.ViewerPicture:
        """Return a picture of the page with its layers."""
        image, mask = coco.image(photo), coco.mask(photo)
        sides = viewer.sides(photo.width, photo.height, single=self.single)
        shaded = self._shaded(photo, mask)
        kind = f" ({self.kinds[photo.id]})" if photo.id in self.kinds else ""
        return viewer.ViewerPicture(
            name=printable(f"{photo.file_name}{kind}"),
            values=(
                100 * float(mask.mean()), len(photo.annotations), viewer.brightness(image),
                photo.width * photo.height / 1e6,
            ),
            sizes=tuple((pictures.photo(image, side), pictures.colour_layers(shaded, side)) for side in sides),
            aspect=photo.width / photo.height,
        )  # fmt: skip

    def _shaded(self, photo: coco.Photo, mask: NDArray[np.bool_]) -> list[Rgba]:
        """Return the layers of a picture; a map that is absent, damaged or of another size is transparent."""
        shaded = [filled(mask, OUTLINE)]
        if self.exact:
            exact = self.exact.get(photo.file_name)
            shaded.append(filled(np.zeros_like(mask) if exact is None else coco.mask(exact), EXACT_COLOUR))
        for name in self.names:
            path, counts = maps.path(self.folder, name, photo.id - 1), None
            if path.is_file() and coco.header(path, inside=self.folder)[0] == (photo.width, photo.height):
                content = np.frombuffer(read_bytes(path, inside=self.folder), np.uint8)
                pixels = cv2.imdecode(content, cv2.IMREAD_UNCHANGED)  # None if damaged
                counts = pixels[..., ::-1] if pixels is not None and pixels.ndim == 3 else pixels
            shaded.append(SHADINGS[name].layer(counts, (photo.height, photo.width)))
        return shaded
