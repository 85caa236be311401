"""What a study is made from: folders as they were asked for, read, and checked against what the study's folder holds.

Nothing is written here. What a later command leaves out (split, renders, other sets) stays as the study has it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corrotwin.benchmarks.data import photo_groups
from corrotwin.benchmarks.study import config as configuration
from corrotwin.benchmarks.study import run_status
from corrotwin.benchmarks.study.config import TUNED, RenderPlan, StudyConfig, is_name
from corrotwin.benchmarks.study.manifest import KIND, check
from corrotwin.benchmarks.study.splitting import SPLIT, split_of
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_manifest
from corrotwin.twin.core.locks import CLAIM, check_claim

if TYPE_CHECKING:
    from corrotwin.segmentation.data.coco import CocoDataset
    from corrotwin.segmentation.data.splits import How, Split

STANDIN, RENDERS, RUNS = "standin", "renders", "runs"


@dataclass(frozen=True, kw_only=True)
class Sources:
    """The images of a study, as they were asked for.

    `data` is a dataset of real photos, None a stand-in. `synth` holds the renders that train, None renders them.
    `split` says how the photos are split, names a file, or is the split itself; None takes the study's, for a new study
    the export's own, else whole spots where those are known, else the published way. `groups_file` gives each photo's
    spot; None takes the table beside the photos, if there is one. `across` are other sets to measure on.
    `classes` names the categories of all these photos that count as corrosion; None takes the study's, for a new study
    all.
    """

    data: Path | None = None
    synth: Path | None = None
    split: "How | Path | Split | None" = None
    groups_file: Path | None = None
    across: tuple[Path, ...] = ()
    classes: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """A dataset, the path that was given for it, its spots, and for renders of the study's own the plan of them."""

    path: Path
    dataset: "CocoDataset"
    spots: Mapping[str, str] | None = None
    plan: RenderPlan | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Study:
    """A study with what it is made from.

    `config` has the cells that are asked for and all that the folder had before; `earlier` is its `study.json`, None
    where the study is new. `data` is the path of the photos, None for a stand-in. `photos`, `split` and `renders` are
    None where they are not rendered yet, `renders` also where none are needed. `gone` holds the sets across of before
    that are no longer where they were.
    """

    out: Path
    config: StudyConfig
    earlier: Mapping[str, Any] | None
    data: Path | None
    photos: "CocoDataset | None"
    split: "Split | None"
    renders: Found | None
    across: Mapping[str, Found]
    gone: Mapping[str, Mapping[str, Any]]

    @property
    def shared(self) -> dict[str, Any]:
        """What all runs share, whatever cells are added: the claim of the folder."""
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
        """What `study.json` says of the renders; None where it has none."""
        return self.earlier and self.earlier["renders"]

    @property
    def digests(self) -> dict[str, str | None]:
        """What the runs are made from, as far as it is there."""
        before = self.renders_before
        renders = None if before is None else before["digest"]
        return {
            "real": None if self.photos is None else self.photos.digest,
            "split": None if self.split is None else self.split.digest,
            "renders": renders if self.renders is None else self.renders.dataset.digest,
        }

    def standing(self) -> "run_status.Standing":
        """The runs that are complete, those to do, and those that something is in the way of, with the reason."""
        complete, todo, blocked = run_status.standing(self.out / RUNS, self.config.grid, self.digests)
        return complete, todo, {key: reason.replace(f"{self.out}/", "") for key, reason in blocked.items()}


def prepare(out: Path, config: StudyConfig, sources: Sources) -> Study:
    """Read and check everything that a study in `out` is made from.

    Raises
    ------
    InputError
        A source is unusable, or `out` holds something else, or the study there has other settings, photos, split or
        renders (the message names the difference).
    """
    from corrotwin.segmentation.data import coco

    photos = None
    standin = out / STANDIN
    earlier = _earlier(out)
    if sources.data is None and sources.classes is not None:
        raise InputError("--classes: chooses among the categories of photos; give --data, too")
    if sources.data is not None:
        kept = None if earlier is None else earlier["data"].get("classes")
        photos = coco.read(sources.data, classes=sources.classes or (None if kept is None else tuple(kept)))
    elif read_manifest(standin, "dataset") is not None:
        photos = coco.read(standin)
    study = Study(
        out=out,
        config=config,
        earlier=None,
        data=sources.data and sources.data.resolve(),
        photos=photos,
        split=None,
        renders=None,
        across={},
        gone={},
    )
    before = None if earlier is None else configuration.from_json(earlier["config"])
    if before is not None:
        _check_training(out, config, before)
    if not is_gathered(out):
        check_claim(out, KIND, study.shared)
    if before is not None:
        config = config.joined(before)
    study = replace(study, earlier=earlier, config=config)
    if photos is not None:
        study = replace(study, split=split_of(out, config, photos, sources.split, sources.groups_file))
    study = replace(study, renders=_renders(study, sources))
    across, gone = _across(study, sources)
    return replace(study, across=across, gone=gone)


def is_gathered(out: Path) -> bool:
    """Whether a folder that no study has claimed holds runs put there by hand, beside their split, and nothing else."""
    if not (out / SPLIT).is_file() or (out / CLAIM).exists():
        return False
    known = {RUNS, RENDERS, STANDIN, SPLIT}
    return all(path.name in known for path in out.glob("[!.]*"))


def _earlier(out: Path) -> dict[str, Any] | None:
    try:
        manifest = read_manifest(out, KIND)
        if manifest is not None:
            check(manifest)
            _ = configuration.from_json(manifest["config"]).training
    except (InputError, AttributeError, KeyError, TypeError) as error:
        raise InputError(
            f"{out / 'study.json'}: damaged ({error}); put an intact one there, or delete it: runs stay"
        ) from error
    return manifest


def _check_training(out: Path, config: StudyConfig, before: StudyConfig) -> None:
    """Refuse training settings that differ from the study's in nothing but what its command takes; say what to give."""
    there, asked = before.training, config.training
    different = [name for name in (*TUNED, *there, *asked) if there.get(name) != asked.get(name)]
    if before.profile != config.profile or not different or not set(different) <= set(TUNED):
        return
    names = [name for name in TUNED if name in different]
    told = ", ".join(f"training {name}: {there[name]!r:.40} there, {asked[name]!r:.40} asked" for name in names)
    given = configuration.options({name: there[name] for name in names})
    raise InputError(f"{out}: {told}; give {given} as before, or choose another folder")


def _renders(study: Study, sources: Sources) -> Found | None:
    """Renders that were given, now or before; None where the study renders its own or no run to do takes any."""
    from corrotwin.segmentation.data import coco, splits

    before = study.renders_before
    path, option = sources.synth and sources.synth.resolve(), "--synth"
    if path is None:
        if before is None:
            return _own_renders(study)
        if before["plan"] is not None:
            return None
        _, todo, _ = study.standing()
        if not any(config.arm.takes_renders for config in todo.values()):
            return None
        path, option = (study.out / before["folder"]).resolve(), "give --synth, since"
    elif not any(arm.takes_renders for arm in study.config.arms):
        return None
    try:
        found = Found(path=path, dataset=coco.read(path))
    except InputError as error:
        raise InputError(f"{option} {error}") from error
    if before is not None and before["digest"] != found.dataset.digest:
        raise InputError(
            f"{study.out}: renders: {before['folder']} ({before['digest']}) there, {path} ({found.dataset.digest}) "
            "asked; give those there, or choose another folder"
        )
    if study.photos is not None and found.dataset.digest == study.photos.digest:
        raise InputError(f"{path}: these are the photos themselves; give --synth a rendered dataset")
    if study.photos is not None and study.split is not None:
        splits.check_renders(study.split, study.photos, found.dataset)
    return found


def _own_renders(study: Study) -> Found | None:
    """Renders that lie whole in the folder of a study that is new."""
    from corrotwin.segmentation.data import coco

    own = study.out / RENDERS
    if read_manifest(own, "dataset") is None or not any(arm.takes_renders for arm in study.config.arms):
        return None
    found = Found(path=own, dataset=coco.read(own), plan=study.config.renders)
    return found if len(found.dataset.photos) >= study.config.renders.count else None


def _across(study: Study, sources: Sources) -> tuple[dict[str, Found], dict[str, Mapping[str, Any]]]:
    """The sets to measure all runs on, by name; and those of before that are gone or have changed."""
    from corrotwin.segmentation.data import coco

    found: dict[str, Found] = {}
    before = (study.earlier or {}).get("across", {})
    for path in sources.across:
        name = path.resolve().name
        if name in found:
            raise InputError(f"--across: two sets are called {name}; rename a folder")
        if not is_name(name):
            raise InputError(f"--across {path}: {name!r:.60} cannot name a set in a table; rename the folder")
        dataset = coco.read(path, classes=study.classes, allow_unannotated=True)
        found[name] = Found(path=path.resolve(), dataset=dataset, spots=photo_groups.spots(dataset))
        if study.photos is not None and dataset.digest == study.photos.digest:
            raise InputError(f"--across {path}: these are the photos of the study; its runs are tested on them already")
        _check_unseen(path, dataset, study)
        there = (study.out / before[name]["folder"]).resolve() if name in before else path.resolve()
        if there != path.resolve() and before[name]["digest"] != dataset.digest:
            raise InputError(f"--across {path}: the study has another set called {name} ({there}); rename the folder")
    gone: dict[str, Mapping[str, Any]] = {}
    for name in before.keys() - found.keys():
        path = (study.out / before[name]["folder"]).resolve()
        try:
            dataset = coco.read(path, classes=study.classes, allow_unannotated=True)
        except InputError:
            gone[name] = before[name]
            continue
        if dataset.digest == before[name]["digest"]:
            found[name] = Found(path=path, dataset=dataset, spots=spots_of(before[name], path))
        else:
            gone[name] = before[name]
    return dict(sorted(found.items())), gone


def _check_unseen(path: Path, data: "CocoDataset", study: Study) -> None:
    """Refuse another set that holds photos of the study's training or validation: scores there would be too good."""
    if study.photos is None or study.split is None:
        return
    known = {*study.split.train, *study.split.valid}
    seen = {photo.sha256 for photo in study.photos.photos if photo.file_name in known}
    if shared := [photo.file_name for photo in data.photos if photo.sha256 in seen]:
        raise InputError(
            f"--across {path}: {len(shared)} of its photos train or validate the study's runs, such as {shared[0]}; "
            "take them out of the set"
        )


def spots_of(about: Mapping[str, Any], path: Path) -> Mapping[str, str] | None:
    """The spots of another set at `path`: as `study.json` has them, or beside the photos if an earlier version did."""
    from corrotwin.segmentation.data import coco, groups

    if "spots" in about:
        kept: Mapping[str, str] | None = about["spots"]
        return kept
    try:
        return groups.beside(coco.read(path, allow_unannotated=True))
    except InputError:
        return None
