"""The page of all test photos: each with its true mask, the predicted masks, and F1 by arm."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

import numpy as np

from corrotwin.benchmarks.report import overlays
from corrotwin.benchmarks.report.context import Material
from corrotwin.benchmarks.stats.tukey import RunScores
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import remove
from corrotwin.twin.core.text import printable
from corrotwin.twin.pages import pictures, viewer

FOLDER = "photos"
MODELS = 2  # that predict, at most: each needs a pass over all test photos
BATCH = 64  # photos whose masks are held at once
_SAFE = "!*'()"  # scripts, too, leave these characters unescaped in an address

Model = tuple[str, list[RunScores]]


def models(material: Material) -> list[Model]:
    """Return the leading backbone's arms at the fewest photos, photos alone first, with their complete runs."""
    fraction = material.results.real_fractions[0]
    arms = [
        (cell.kind, material.cell(cell.arm.name, cell.backbone))
        for cell in material.results.cells
        if (cell.backbone, cell.real_fraction) == (material.lead, fraction)
    ]
    return [(kind, runs) for kind, runs in arms if runs]


def href(material: Material, name: str = "") -> str:
    """Return the address of the page, or of a photo on it; empty if there is no page."""
    if not has_photos(material):
        return ""
    return f"{FOLDER}/index.html" + (f"#{quote(printable(name), safe=_SAFE)}" if name else "")


def has_photos(material: Material) -> bool:
    """Return whether all test photos can be read."""
    return bool(material.results.scores) and all(name in material.photos for name in material.results.test_images)


def write(material: Material, folder: Path) -> None:
    """Write the page into a folder, or remove an earlier page if photos cannot be read."""
    if not has_photos(material):
        remove(folder / "index.html", missing_ok=True)
        return
    arms = models(material)
    shown = [(kind, runs) for kind, runs in arms if overlays.with_weights(material, runs)][:MODELS]
    try:
        _write(material, folder, arms, shown)
    except InputError:  # damaged weights, which the report names
        _write(material, folder, arms, ())


def _write(material: Material, folder: Path, found: Sequence[Model], shown: Sequence[Model]) -> None:
    measures = [viewer.Measure(label=f"F1, {kind}", digits=3, about="mean over runs") for kind, _ in found]
    if len(found) > 1:
        about = f"mean F1 of {found[1][0]} minus that of {found[0][0]}"
        measures.insert(0, viewer.Measure(label="gain", digits=3, about=about))
    corroded = viewer.Measure(label="corroded", unit="%", about="share of the picture's pixels in the true mask")
    folder.mkdir(parents=True, exist_ok=True)
    viewer.write(
        folder / "index.html", Path(__file__).with_name("photo_page.html.j2"), _pictures(material, found, shown),
        measures=[*measures, corroded], layers=_layers(shown), single=False,
        title="Test photos, truth and predictions", backbone=material.lead, models=[kind for kind, _ in shown],
        compared=[kind for kind, _ in found[:2]], label=material.results.label,
    )  # fmt: skip


def _layers(shown: Sequence[Model]) -> list[viewer.Layer]:
    from corrotwin.segmentation.review import page

    both, predicted, true = (f"#{r:02x}{g:02x}{b:02x}" for r, g, b in (page.BOTH, page.PREDICTED, page.TRUE))
    legend = ((both, "found"), (predicted, "predicted only"), (true, "missed"))
    layers = [viewer.Layer(label=kind, legend=legend) for kind, _ in shown]
    return [*layers, viewer.Layer(label="truth", legend=((true, "true corrosion"),))]


def _pictures(material: Material, found: Sequence[Model], shown: Sequence[Model]) -> Iterator[viewer.ViewerPicture]:
    from corrotwin.segmentation.data import coco
    from corrotwin.segmentation.review.page import COLOURS

    names = material.results.test_images
    f1 = [np.mean([run.f1 for run in runs], axis=0) for _, runs in found]
    for first in range(0, len(names), BATCH):
        batch = names[first : first + BATCH]
        masks = [
            overlays.predictions(material, overlays.with_weights(material, runs), batch) or [] for _, runs in shown
        ]
        for index, name in enumerate(batch, first):
            photo = material.photos[name]
            truth, image = coco.mask(photo), coco.image(photo)
            maps = [predicted[index - first].astype(np.uint8) + 2 * truth.astype(np.uint8) for predicted in masks]
            values = [float(scores[index]) for scores in f1]
            gain = [values[1] - values[0]] if len(values) > 1 else []
            sizes = viewer.sides(photo.width, photo.height, single=False)
            layers = [*maps, 2 * truth.astype(np.uint8)]
            yield viewer.ViewerPicture(
                name=printable(name), values=(*gain, *values, 100 * float(truth.mean())),
                sizes=tuple(
                    (pictures.photo(image, side), pictures.flat_layers(layers, COLOURS, side)) for side in sizes
                ),
                aspect=photo.width / photo.height,
            )  # fmt: skip
