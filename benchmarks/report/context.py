"""Shared inputs of the report's sections: the study, its comparisons, and its photos and renders where available."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from corrotwin.benchmarks.formatting.style import Figure
from corrotwin.benchmarks.formatting.table import ReportTable, Row
from corrotwin.benchmarks.report import words
from corrotwin.benchmarks.report.families import Families
from corrotwin.benchmarks.stats.tukey import RunScores
from corrotwin.benchmarks.study.preparation import spots_of
from corrotwin.benchmarks.study.results import Results
from corrotwin.twin.core.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from corrotwin.benchmarks.formatting.table import Column
    from corrotwin.segmentation.data.coco import CocoDataset, Photo


@dataclass(frozen=True, kw_only=True, eq=False)
class Material:
    """A study with what is computed once for all sections.

    `photos` are the study's photos by name, `renders` the renders that trained; if they cannot be read, `photos_absent`
    and `renders_absent` say why in a sentence. Everything but the study itself is optional.
    """

    results: Results
    photos: Mapping[str, "Photo"]
    photos_absent: str
    dataset: "CocoDataset | None"
    renders: "CocoDataset | None"
    renders_absent: str

    @cached_property
    def f1(self) -> Families:
        """The comparisons in F1, on which the report's verdicts rest."""
        return Families(results=self.results, scores=self.results.scores, groups=self.results.groups, score="f1")

    @cached_property
    def iou(self) -> Families:
        """The same comparisons in intersection over union."""
        return Families(results=self.results, scores=self.results.scores, groups=self.results.groups, score="iou")

    @property
    def reference(self) -> str:
        """The arm of photos alone at the greatest fraction of them; else the first arm of the study."""
        real = [cell.arm.name for cell in self.results.cells if cell.kind == "real"]
        return real[0] if real else self.results.arms[0].name

    @property
    def on_photos_alone(self) -> bool:
        """True if the reference arm trains on photos alone."""
        return self.f1.place(self.reference)[0] == "real"

    @property
    def reference_fraction(self) -> float:
        """The fraction of the training photos that the reference arm uses; the paper used all."""
        return self.f1.place(self.reference)[1]

    @property
    def backbones(self) -> tuple[str, ...]:
        """Backbones that are ranked: those with a complete run that is more than a smoke test, or else all."""
        planned, smoke = self.results.config.backbones, self.results.smoke_backbones
        scored = {run.backbone for run in self.results.scores}
        return tuple(name for name in planned if name in scored and name not in smoke) or planned

    @property
    def lead(self) -> str:
        """The backbone with the most complete runs, which sentences about arms name first.

        If renders are compared with photos alone, it is a backbone with such a comparison.
        """
        backbones = self.backbones
        gains = self.f1.contrast("real", "mixed")
        compared = [name for name in backbones if any(gain.backbone == name and gain.known for gain in gains)]
        return max(compared or backbones, key=lambda name: sum(run.backbone == name for run in self.results.scores))

    def cell(self, arm: str, backbone: str) -> list[RunScores]:
        """Return the complete runs of an arm and backbone."""
        return [run for run in self.results.scores if (run.arm, run.backbone) == (arm, backbone)]

    @property
    def units(self) -> str:
        """The test photos in words, with their spots if those are known."""
        images, groups = self.results.test_images, self.results.groups
        photos = f"{len(images)} {'test photos' if self.results.photographs else 'rendered test images'}"
        return photos if groups is None else f"{photos} of {len({groups[name] for name in images})} spots"

    @property
    def weighing(self) -> str:
        """A note on the means behind scores and differences; empty if spots are not known."""
        return "" if self.results.groups is None else words.line("renders", "weighing")

    def spots_of(self, name: str) -> Mapping[str, str] | None:
        """Return the spot of each photo of another set, as it was read; None if no spots were given."""
        about = self.results.manifest["across"][name]
        return spots_of(about, self.results.folder / str(about["folder"]))

    def table(
        self, name: str, title: str, caption: str, columns: Sequence["Column"], rows: Iterable[Row], *notes: str,
        command: str = "", files_only: bool = False,
    ) -> ReportTable:  # fmt: skip
        """Return a table whose rows name data and profile, since its file may travel alone."""
        about = {"data": self.results.data_label, "profile": self.results.profile_label}
        return ReportTable(
            name=name,
            title=title,
            caption=caption,
            columns=tuple(columns),
            rows=tuple({**row, **about} for row in rows),
            notes=tuple(note for note in notes if note),
            command=command,
            files_only=files_only,
        )

    def figure(self, name: str, title: str, caption: str, height_in: float, draw: Callable[["Canvas"], None]) -> Figure:
        """Return a figure that names data and profile along its foot."""
        return Figure(name=name, title=title, caption=caption, foot=self.results.label, height_in=height_in, draw=draw)


def gather(results: Results) -> Material:
    """Read those photos and renders of a study that are still where they were."""
    data = results.manifest["data"]
    kept = tuple(data["classes"]) if "classes" in data else None
    dataset, photos_absent = _read(results.data_folder, str(data["digest"]), "photos", kept)
    if results.manifest["renders"] is None:
        renders, renders_absent = None, "No arm of this study takes renders."
    else:
        about = results.manifest["renders"]
        renders, renders_absent = _read(results.folder / str(about["folder"]), str(about["digest"]), "renders")
    return Material(
        results=results,
        photos={photo.file_name: photo for photo in dataset.photos} if dataset else {},
        photos_absent=photos_absent,
        dataset=dataset,
        renders=renders,
        renders_absent=renders_absent,
    )


def _read(
    folder: Path, digest: str, what: str, classes: tuple[str, ...] | None = None
) -> tuple["CocoDataset | None", str]:
    """Return a dataset if it is still the one of the study, else the reason."""
    from corrotwin.segmentation.data import coco

    try:
        dataset = coco.read(folder, classes=classes)
    except InputError as error:
        return None, f"The {what} can no longer be read: {str(error).replace(str(folder), folder.name)}."
    if dataset.digest != digest:
        return None, f"The {what} in {folder.name} have changed since the study."
    return dataset, ""
