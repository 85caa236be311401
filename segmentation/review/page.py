"""The page on which predictions are reviewed, beside true masks if there are any."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from corrotwin.segmentation.data import coco, image_io
from corrotwin.segmentation.evaluation.evaluate import scores
from corrotwin.segmentation.prediction.regions import OUTLINE
from corrotwin.segmentation.review.predictions import PredictedFolder, PredictedPhoto
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import writing
from corrotwin.twin.core.locks import hold
from corrotwin.twin.core.text import printable
from corrotwin.twin.pages import pictures, viewer

KIND = "review"
PAGE = "index.html"
FOLDER, SINGLE = "review", "review.html"  # where a page lies in the folder of its predictions
# Predicted, true, and both: distinct for the colour-blind, and unlike rust and paint.
COLOURS = PREDICTED, TRUE, BOTH = OUTLINE, (0, 190, 255), (255, 225, 0)
_CORRODED = viewer.Measure(label="corroded", unit="%", about="share of the picture's pixels in the predicted mask")
_CONFIDENCE = viewer.Measure(
    label="confidence",
    digits=2,
    about="0 to 1: how sure the network is of its mask; for sorting photos, not a score",
)
_F1 = viewer.Measure(label="F1", digits=3, about="of the predicted mask against the true one; 1 where both are empty")


def write(
    predicted: PredictedFolder,
    out: Path,
    *,
    truth: coco.CocoDataset | None = None,
    single: bool = False,
    on_photo: Callable[[], None] = lambda: None,
) -> None:
    """Write the page of a folder of predictions.

    Parameters
    ----------
    predicted : the folder.
    out : folder of the page, absent, empty or with an earlier one of the same predictions; with `single`, an HTML file.
    truth : photos with true masks. They are matched by content, so their names need not agree.
    single : write one HTML file with small pictures inside.
    on_photo : called after each photo.

    Raises
    ------
    InputError
        A photo is absent or has changed, or a mask is damaged; none of the photos is in `truth`; or the page cannot be
        written.
    """
    if single != (out.suffix.lower() == ".html"):
        expected = "a file that ends in .html" if single else "a folder, or write a single file"
        raise InputError(f"`out` {out}: give {expected}")
    predicted.check()
    photos = predicted.photos
    true_masks = {} if truth is None else {photo.sha256: photo for photo in truth.photos}
    if truth is not None and not any(photo.sha256 in true_masks for photo in photos):
        raise InputError(
            f"{truth.folder}: has none of the photos of {predicted.folder}, by content; give the set they are from"
        )
    task = _Task(
        masks=predicted.folder, true=true_masks if truth is not None else None, single=single,
        has_confidence=any(photo.confidence is not None for photo in photos),
    )  # fmt: skip
    shown = task.pictures(photos, on_photo)

    def write_page(page: Path) -> None:
        viewer.write(
            page, Path(__file__).with_name("page.html.j2"), shown, measures=task.measures, layers=task.layers,
            single=single, review=viewer.Review(source=predicted.source), title="Predicted corrosion, to review",
            has_truth=truth is not None, has_confidence=task.has_confidence,
            without_truth=sum(photo.sha256 not in true_masks for photo in photos),
        )  # fmt: skip

    with writing(out):
        if single:
            write_page(out)
            return
        with hold(out, KIND, {"predictions": predicted.source}):
            write_page(out / PAGE)


@dataclass(frozen=True, kw_only=True)
class _Task:
    """Maker of the pictures of a page; `true` has photos with true masks by content hash, None if none are given."""

    masks: Path
    true: Mapping[str, coco.Photo] | None
    single: bool
    has_confidence: bool

    @property
    def measures(self) -> list[viewer.Measure]:
        measures = ((_CORRODED, True), (_CONFIDENCE, self.has_confidence), (_F1, self.true is not None))
        return [*(measure for measure, is_shown in measures if is_shown), viewer.BRIGHTNESS, viewer.SIZE]

    @property
    def layers(self) -> list[viewer.Layer]:
        predicted = viewer.Layer(label="prediction", legend=((_css(PREDICTED), "predicted corrosion"),))
        if self.true is None:
            return [predicted]
        true = viewer.Layer(label="truth", legend=((_css(TRUE), "true corrosion"),))
        legend = ((_css(BOTH), "both"), (_css(PREDICTED), "predicted only"), (_css(TRUE), "missed"))
        return [predicted, true, viewer.Layer(label="difference", legend=legend)]

    def pictures(
        self, photos: Sequence[PredictedPhoto], on_photo: Callable[[], None]
    ) -> Iterator[viewer.ViewerPicture]:
        """Yield the pictures."""
        for picture in viewer.in_threads(self._picture, photos):
            on_photo()
            yield picture

    def _picture(self, photo: PredictedPhoto) -> viewer.ViewerPicture:
        predicted = photo.read_mask(self.masks)
        sides = viewer.sides(photo.width, photo.height, single=self.single)
        image = image_io.decoded(photo.path, least_side=sides[-1])
        maps, f1 = self._compared(photo, predicted)
        optional = ((photo.confidence, self.has_confidence), (f1, self.true is not None))
        return viewer.ViewerPicture(
            name=printable(photo.name),
            values=(
                100 * float(predicted.mean()), *(value for value, shown in optional if shown), viewer.brightness(image),
                photo.width * photo.height / 1e6,
            ),
            sizes=tuple((pictures.photo(image, side), pictures.flat_layers(maps, COLOURS, side)) for side in sides),
            aspect=photo.width / photo.height, identity=photo.identity,
        )  # fmt: skip

    def _compared(
        self, photo: PredictedPhoto, predicted: npt.NDArray[np.bool_]
    ) -> tuple[list[npt.NDArray[np.uint8]], float | None]:
        """Return the maps of the layers, as numbers of colours, and F1 if there is a true mask."""
        predicted_map = predicted.astype(np.uint8)
        if self.true is None:
            return [predicted_map], None
        if (truth := self.true.get(photo.sha256)) is None:
            return [predicted_map, np.zeros_like(predicted_map), np.zeros_like(predicted_map)], None
        true = coco.mask(truth)
        tp, fp, fn = ((one & other).sum() for one, other in ((predicted, true), (predicted, ~true), (~predicted, true)))
        f1, _ = scores(tp, fp, fn, np.zeros_like(tp))
        return [predicted_map, 2 * true.astype(np.uint8), predicted_map + 2 * true.astype(np.uint8)], float(f1)


def _css(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
