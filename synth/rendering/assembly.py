"""Write the documents of a dataset once all images exist: annotations, visible assets, card, contact sheet.

Everything is written image by image from the parts. Each of the two COCO files takes two passes over them, one for its
images and one for its annotations, in the order of the file; the numbers for the card are collected on the way.
"""

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from operator import itemgetter
from pathlib import Path
from typing import Any

from corrotwin.segmentation.data import coco
from corrotwin.synth.config import BOTH, EXACT, RenderConfig
from corrotwin.synth.labels import label_statistics, maps
from corrotwin.synth.presets import licences
from corrotwin.synth.presets.schema import title
from corrotwin.synth.preview import card, contact_sheet
from corrotwin.synth.rendering import batch
from corrotwin.synth.rendering.job import Task
from corrotwin.twin.assets import EVERY_KIND
from corrotwin.twin.core.errors import InputError, WorkError
from corrotwin.twin.core.files import remove, write_manifest

Entry = dict[str, Any]
CATEGORY = "corrosion"  # the category of annotations.json


def assemble(out: Path, task: Task) -> None:
    """Write annotations.json, perhaps exact.json, instances.json, preview.jpg, card.md and, last, dataset.json.

    Raises
    ------
    WorkError
        The parts list fewer images than the task.
    InputError
        An annotation is invalid, or an image on the contact sheet cannot be decoded.
    """
    config, shown = task.config, task.shown
    scenes = f"preset {title(config.name, changed=config.is_changed)}"
    text = f"corrotwin renders{f' of the twin {shown.id}' if shown else ''}, {scenes}"
    remove(out / "dataset.json", missing_ok=True)  # an older card would state fewer images
    shutil.rmtree(out / "work", ignore_errors=True)
    gathered = _Gathered(out, task)
    coco.write_document(
        out / "annotations.json", _images(out, task), _numbered(gathered.regions(_parts(out, task))), description=text
    )
    if config.labels == BOTH:
        exact = (region for part in _parts(out, task) for region in part["exact"])
        coco.write_document(out / EXACT, _images(out, task), _numbered(exact), description=f"{text}: exact masks")
    assets = (asset for part in _parts(out, task) for asset in part["assets"])
    coco.write_document(
        out / "instances.json", _images(out, task), _numbered(assets), description=f"{text}: assets",
        categories=[(kind, "asset") for kind in EVERY_KIND],
    )  # fmt: skip
    maps.remove_leftovers(out)
    contents = gathered.contents(text)
    about = {
        "configuration": config.plain(), "seed": config.seed,
        **({} if task.only is None else {"only": task.only}),
        "preset": config.preset_stated(),
        "shows": f"one twin, {shown.id}, {shown.years:g} years old" if shown else "a new twin in each scene",
        **({"twin": shown.record()} if shown else {}),
        "images": contents.images, "annotations": contents.annotations,
        "images_without_corrosion": contents.unannotated,
        "images_by_kind": dict(sorted(contents.kinds.items())),
        **({"maps": {name: maps.MEANING[name] for name in config.maps}} if config.maps else {}),
        "versions": next(part["made_by"] for part in _parts(out, task) if part["images"]),
        "device": task.device.upper(),
        "licence": _licence(config),
    }  # fmt: skip
    card.write_rendered(out, about, contents, gathered.sample)
    write_manifest(out, "dataset", about)


class _Gathered:
    """The numbers and images for the card and the contact sheet, collected while annotations are written."""

    def __init__(self, out: Path, task: Task) -> None:
        self._out, self._task = out, task
        self._kinds: Counter[str] = Counter()
        self._sizes: Counter[str] = Counter()
        self._labels: list[label_statistics.ImageLabels] = []
        self._annotations, self._unannotated = 0, 0
        self._places = set(coco.evenly(range(task.images), contact_sheet.MOST_IMAGES))
        self.sample: list[coco.Photo] = []

    def regions(self, parts: Iterator[Mapping[str, list[Entry]]]) -> Iterator[Entry]:
        """Yield the annotations of all images, and measure each image before its annotations."""
        for part in parts:
            for image in part["images"]:
                regions = [annotation for annotation in part["annotations"] if annotation["image_id"] == image["id"]]
                try:
                    self._look(image, regions)
                except (KeyError, TypeError) as error:
                    raise InputError(
                        f"{self._out / 'parts'}: image {image['id']}: damaged ({error!r:.80}); delete the part that "
                        "lists it, and the same command renders its images again"
                    ) from error
                yield from regions

    def _look(self, image: Entry, own: list[Entry]) -> None:
        width, height = self._task.sides(image["id"] - 1)
        if (image["width"], image["height"]) != (width, height):
            raise TypeError(f"not {width} x {height} pixels")
        source = self._out / "annotations.json"
        for annotation in own:
            coco.check_segmentation({"id": "without id", **annotation}, width, height, source)
        name = coco.file_name(image, source)
        photo = coco.Photo(
            id=image["id"], file_name=name, path=source.parent / "images" / name, width=width, height=height,
            split=None, annotations=tuple(own),
        )  # fmt: skip
        if len(self._labels) in self._places:
            self.sample.append(photo)
        kind: Any = image.get("asset", image["asset_kind"])
        self._kinds[kind] += 1
        self._sizes[f"{width}x{height}"] += 1
        self._annotations += len(own)
        self._unannotated += not own
        self._labels.append(label_statistics.measure(coco.mask(photo)))

    def contents(self, description: str) -> card.Contents:
        """Return the contents of the dataset, once all images have been measured."""
        return card.Contents(
            info={"description": description, "version": "1.0"}, images=len(self._labels),
            annotations=self._annotations, unannotated=self._unannotated,
            categories={CATEGORY: self._annotations} if self._annotations else {},
            sizes=self._sizes, kinds=self._kinds,
            statistics=label_statistics.summarise(self._labels),
        )  # fmt: skip


def _licence(config: RenderConfig) -> str:
    """State who owns the images, and with which light maps and own files they were made."""
    own = licences.listed(config.content())
    return (
        f"the images and labels are yours; made with CC0 light maps from Blender{f' and your own {own}' if own else ''}"
    )


def _parts(out: Path, task: Task) -> Iterator[dict[str, Any]]:
    """Yield the parts of a task one at a time, restricted to the task's images and in their order."""
    for number in task.batches:
        part = batch.read_part(out, number)
        for name in ("images", "annotations", "exact", "assets"):
            key = "id" if name == "images" else "image_id"
            part[name] = sorted((entry for entry in part[name] if entry[key] <= task.count), key=itemgetter(key))
        yield part


def _images(out: Path, task: Task) -> Iterator[Entry]:
    """Yield the images of a task; raise WorkError at the end if parts were deleted in the meantime."""
    listed = 0
    for part in _parts(out, task):
        listed += len(part["images"])
        yield from part["images"]
    if listed != task.images:
        raise WorkError(f"{out}: parts/ lists {listed} of {task.images} images; the same command renders the others")


def _numbered(entries: Iterator[Entry]) -> Iterator[Entry]:
    """Give the entries ids from 1."""
    return ({"id": number, **entry} for number, entry in enumerate(entries, start=1))
