"""Inputs of a study: the folders that a command names, and the datasets that are read from them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corrotwin.benchmarks.study import manifest, run_status
from corrotwin.benchmarks.study.config import RenderPlan, StudyConfig
from corrotwin.twin.core.errors import InputError

if TYPE_CHECKING:
    from corrotwin.segmentation.data.coco import CocoDataset
    from corrotwin.segmentation.data.splits import How, Split

STANDIN, RENDERS, RUNS = "standin", "renders", "runs"


@dataclass(frozen=True, kw_only=True)
class Sources:
    """The images of a study, as a command names them.

    `data` is a dataset of real photos; None takes a stand-in. `renders` is the dataset of renders that train; None
    renders it. `renders_per_run` is the size of each run's draw of renders; None takes the existing study's, or equal
    shares in a new study. `draws` are the draws themselves, if a caller has made them.
    `render_share` is the share of renders in each batch of arms with photos and renders; None takes the existing
    study's, or that of the configuration in a new study.
    `split` says how the photos are split, names a file, or is the split itself; None takes the existing study's. In a
    new study None takes the export's own, else whole spots if those are known, else the published way. `groups_file`
    gives each photo's spot; None takes the table beside the photos, if there is one. `across` are other sets to measure
    on. `classes` names the categories of all these photos that count as corrosion; None takes the existing study's, or
    all in a new study. `false_alarms` asks to count false alarms of every run on the clean parts of its test photos.
    `held` are datasets that a caller has read, by their resolved paths.
    """

    data: Path | None = None
    renders: Path | None = None
    renders_per_run: int | None = None
    draws: "tuple[CocoDataset, ...]" = ()
    render_share: float | None = None
    split: "How | Path | Split | None" = None
    groups_file: Path | None = None
    across: tuple[Path, ...] = ()
    classes: tuple[str, ...] | None = None
    false_alarms: bool = False
    held: "Mapping[Path, CocoDataset]" = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.renders_per_run is not None and self.renders_per_run < 1:
            raise InputError(f"`renders_per_run` {self.renders_per_run} is below 1")

    def read(self, path: Path, **options: Any) -> "CocoDataset":
        """Return the dataset at a path, read now unless a caller has read it; options are those of `coco.read`."""
        from corrotwin.segmentation.data import coco

        path = path.resolve()  # Ray's workers run in folders of their own
        return self.held.get(path) or coco.read(path, **options)


@dataclass(frozen=True, kw_only=True, eq=False)
class StudyDataset:
    """A dataset, its given path, its spots, and the plan of renders that the study made itself.

    `draws` are the draws of the runs, run 0 first; none if all runs share all renders.
    """

    path: Path
    dataset: "CocoDataset"
    spots: Mapping[str, str] | None = None
    plan: RenderPlan | None = None
    draws: "tuple[CocoDataset, ...]" = ()

    def of_run(self, key: str) -> "CocoDataset":
        """Return the images of one run."""
        return self.draws[run_status.run_number(key)] if self.draws else self.dataset


@dataclass(frozen=True, kw_only=True, eq=False)
class Study:
    """A study with its inputs.

    `sources` are those of the command. `config` has the requested cells and all that the folder had before; `earlier`
    is its `study.json`, None if the study is new. `data` is the path of the photos, None for a stand-in. `photos`,
    `split` and `renders` are None if they are not rendered yet, `renders` also if none are needed. `gone` holds earlier
    other sets that are missing or have changed. `shares_renders` is True if all runs train on all renders: in a folder
    that was gathered by hand, and in studies made before each run had its draw.
    """

    out: Path
    sources: Sources
    config: StudyConfig
    data: Path | None
    photos: "CocoDataset | None"
    earlier: Mapping[str, Any] | None = None
    split: "Split | None" = None
    renders: StudyDataset | None = None
    across: Mapping[str, StudyDataset] = field(default_factory=dict)
    gone: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    shares_renders: bool = False

    @property
    def shared(self) -> dict[str, Any]:
        """The settings that all runs share, whatever cells are added: the claim of the folder."""
        training = {f"training {name}": value for name, value in self.config.training.items()}
        return {
            "profile": self.config.profile,
            "threads": self.config.threads,
            "seed": self.config.seed,
            **training,
            "data": None if self.data is None or self.photos is None else self.photos.digest,
            "standin": asdict(self.config.standin) if self.data is None else None,
            **({} if self.classes is None else {"classes": sorted(self.classes)}),
        }

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The categories of the photos that count as corrosion; None for all."""
        return None if self.photos is None else self.photos.classes

    @property
    def renders_before(self) -> Mapping[str, Any] | None:
        """The entry of the renders in `study.json`; None if it has none."""
        return self.earlier and self.earlier["renders"]

    @property
    def digests(self) -> "run_status.StudyDigests":
        """The digests of the runs' inputs, as far as they exist."""
        renders = manifest.draws_of(self.renders_before)
        if self.renders is not None:
            renders = tuple(draw.digest for draw in self.renders.draws) or self.renders.dataset.digest
        return run_status.StudyDigests(
            real=None if self.photos is None else self.photos.digest,
            split=None if self.split is None else self.split.digest,
            renders=renders,
        )

    def run_status(self) -> "run_status.RunStatus":
        """Return the runs that are complete, those to do, and those that are blocked, with the reason."""
        complete, todo, blocked = run_status.classify(self.out / RUNS, self.config.grid, self.digests)
        return complete, todo, {key: reason.replace(f"{self.out}/", "") for key, reason in blocked.items()}
