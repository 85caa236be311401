"""The cost in F1 of cutting large photos into tiles: photos laid side by side as one, and each photo alone.

The network sees the same pixels at the same scale both ways; in tiles it sees other surroundings, and seams.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import numpy.typing as npt
from tyro.conf import Positional, arg

from corrotwin.twin.core import cli, text

if TYPE_CHECKING:
    from corrotwin.segmentation.data.coco import Photo
    from corrotwin.segmentation.prediction.predictor import Predictor

Mask = npt.NDArray[np.bool_]
LEAST_SIDE = 3000  # pixels of a composite
OVERLAPS = (0.0, 0.25, 0.5)


def composites(photos: Sequence["Photo"]) -> Iterator[tuple[npt.NDArray[np.uint8], list[tuple[slice, slice]]]]:
    """Lay photos side by side, at their own size, on grey; a side has at least `LEAST_SIDE` pixels.

    Yields
    ------
    The composite, (h, w, 3) uint8, and where each of its photos lies.
    """
    from corrotwin.segmentation.data import coco

    cell = max(max(photo.height, photo.width) for photo in photos)
    columns = -(-LEAST_SIDE // cell)
    for first in range(0, len(photos), columns**2):
        canvas = np.full((columns * cell, columns * cell, 3), 128, dtype=np.uint8)
        places = []
        for number, photo in enumerate(photos[first : first + columns**2]):
            y, x = number // columns * cell, number % columns * cell
            places.append((slice(y, y + photo.height), slice(x, x + photo.width)))
            canvas[places[-1]] = coco.image(photo)
        yield canvas, places


def score(photos: Sequence["Photo"], predicted: Sequence[Mask]) -> npt.NDArray[np.float64]:
    """Return the F1 of masks, each at its photo's own size, (n,)."""
    import torch

    from corrotwin.segmentation.data import coco
    from corrotwin.segmentation.evaluation import evaluate

    counts = [
        [
            values[0]
            for values in evaluate.confusion(
                *(torch.from_numpy(mask_array)[None] for mask_array in (mask, coco.mask(photo)))
            )
        ]
        for photo, mask in zip(photos, predicted, strict=True)
    ]
    tp, fp, fn, tn = np.array(counts).T
    return evaluate.scores(tp, fp, fn, tn)[0]


def whole(predictor: "Predictor", photos: Sequence["Photo"]) -> npt.NDArray[np.float64]:
    """Return the F1 of each photo alone, as the run was measured, but at the photo's own size."""
    from corrotwin.segmentation.data import coco

    masks = [predictor.probability(coco.image(photo))[0] > predictor.threshold for photo in photos]
    return score(photos, masks)


def tiled(predictor: "Predictor", photos: Sequence["Photo"]) -> tuple[npt.NDArray[np.float64], int]:
    """Return the F1 of each photo, cut out of the masks of composites, and the number of tiles."""
    masks, tiles = [], 0
    for canvas, places in composites(photos):
        probability, count = predictor.probability(canvas)
        masks += [probability[place] > predictor.threshold for place in places]
        tiles += count
    return score(photos, masks), tiles


def table(run_folder: Path, data: Path, *, flips: bool = False) -> str:
    """Return the mean F1 of photos predicted alone, and of the same photos in tiled composites, as Markdown.

    Parameters
    ----------
    run_folder : folder of a complete run.
    data : COCO dataset: the run's test photos if it was trained on this dataset, else all photos.
    flips : average over mirror images.

    Raises
    ------
    InputError
        The run or the data cannot be used.
    """
    from scipy.stats import t

    from corrotwin.segmentation import runs
    from corrotwin.segmentation.data import coco
    from corrotwin.segmentation.evaluation import evaluate
    from corrotwin.segmentation.prediction.predictor import Settings
    from corrotwin.segmentation.prediction.run_predictor import RunPredictor

    run = runs.load(run_folder)
    photos = coco.read(data, classes=tuple(run.manifest.get("classes") or ()) or None, allow_unannotated=True)
    names = set(evaluate.measured_photos(run, photos))
    chosen = [photo for photo in photos.photos if photo.file_name in names]
    predictor = RunPredictor(run_folder, Settings(tiling="never", flips=flips))
    with predictor.working():
        base = whole(predictor, chosen)
        lines = [
            "| predicted | tiles | mean F1 | difference, 95 % interval |",
            "|---|---|---|---|",
            f"| each of {len(chosen)} photos alone | – | {base.mean():.4f} | |",
        ]
        for overlap in OVERLAPS:
            predictor.settings = replace(predictor.settings, tiling="always", overlap=overlap)
            f1, tiles = tiled(predictor, chosen)
            difference = f1 - base
            interval = ""
            if len(chosen) > 1:
                half_width = float(t.isf(0.025, len(chosen) - 1)) * difference.std(ddof=1) / np.sqrt(len(chosen))
                interval = f" ± {half_width:.4f}"
            lines.append(
                f"| tiles that share {overlap:g} | {tiles} | {f1.mean():.4f} | {difference.mean():+.4f}{interval} |"
            )
    return "\n".join(lines) + "\n"


def tiling(
    run_folder: Positional[Path],
    data: Annotated[Path, arg(help="photos with masks; if the run was trained on them, its test photos are used")],
    flips: Annotated[bool, arg(help="average over mirror images")] = False,
) -> None:
    """Compare masks of photos laid side by side as one large photo with masks of each photo alone."""
    text.say(table(run_folder, data, flips=flips), end="")


if __name__ == "__main__":
    cli.run_one("python -m tools.tiling", tiling)
