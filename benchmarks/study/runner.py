"""Make or extend a study: a grid of training runs (backbone x data arm x real fraction x run) over one split.

The folder holds `split.json`, `runs/<id>/`, the renders, the stand-in if no photos are given, `study.json` and
`report/`. Complete work is not repeated, and a later command may add cells and runs.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from corrotwin.benchmarks.data import classes, photo_groups
from corrotwin.benchmarks.study import dispatch, manifest, planning
from corrotwin.benchmarks.study.config import RenderPlan, StudyConfig
from corrotwin.benchmarks.study.preparation import dealt, is_gathered, prepare
from corrotwin.benchmarks.study.sources import RENDERS, STANDIN, Sources, Study, StudyDataset
from corrotwin.benchmarks.study.split_choice import SPLIT, split_of
from corrotwin.segmentation.config import check_weights
from corrotwin.twin.core import cluster
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_manifest, write_json, write_manifest
from corrotwin.twin.core.locks import CLAIM, hold
from corrotwin.twin.core.text import printable

if TYPE_CHECKING:
    from corrotwin.segmentation.data.coco import CocoDataset
    from corrotwin.segmentation.data.splits import Split

_log = logging.getLogger(__name__)

STANDIN_SEED_OFFSET = 1_000_000  # the stand-in shares no scene with the renders that train


def run(
    out: Path,
    config: StudyConfig,
    sources: Sources,
    *,
    address: str | None = None,
    weights: Path | None = None,
    dry_run: bool = False,
    on_end: Callable[[str], None] | None = None,
) -> list[str]:
    """Do the missing work of the study in `out`, and return the keys of what failed.

    The plan is printed first. `study.json` is written when the images are there, so that a study can be reported and
    extended while it trains, and again at the end.

    Parameters
    ----------
    out : the study's folder; absent, empty, or with the same study. Its earlier cells stay, and are completed too.
    config : the requested cells, and the settings that all runs share.
    sources : the photos, renders and other sets.
    address : address of a Ray cluster; None for this machine.
    weights : folder of prepared ImageNet weights; None asks the hub if the profile needs them. Backbones with random
        initial weights are named.
    dry_run : print the plan, and write nothing.
    on_end : called with the key of each run that has ended, done or failed.

    Raises
    ------
    InputError
        The sources are unusable, `out` holds something else, or `weights` are given and all backbones start at
        random. Nothing is written then.
    """
    out = out.resolve()
    if address is not None:
        cluster.connect(address)
    study = prepare(out, config, sources)
    first = study.config.first_weights
    check_weights(weights, *first.values())
    if weights is not None and None in first.values():
        names = ", ".join(name for name, source in first.items() if source is None)
        _log.warning(f"--weights {weights}: not used by {names}; they start from random weights")
    plan = planning.plan_study(study, address)
    if study.photos is not None and study.data is not None:
        classes.report_unnamed(study.photos, "--data")
        for line in _told(study.photos, study.split) if study.split is not None else ():
            _log.warning(printable(f"--data {line}"))
    for path in sources.across:
        classes.report_unnamed(study.across[path.resolve().name].dataset, "--across")
    _log.info(planning.describe(plan, study))
    if dry_run:
        return []
    # Every photo is decoded before the folder is claimed: runs need not decode it again, and errors show now.
    datasets = [] if study.photos is None or study.data is None else [study.photos]
    datasets += [external.dataset for external in study.across.values()]
    datasets += [] if study.renders is None else study.renders.draws or [study.renders.dataset]
    decode(datasets, config.training["size"])
    with holding(study):
        study = begin(study, address)
        complete, todo, blocked = study.run_status()
        plan = replace(plan, complete=complete, todo=todo, blocked=blocked)
        failed = blocked | dispatch.make({"": study}, plan, address, weights and weights.resolve(), on_end)
        for key, error in failed.items():
            _log.warning(f"{key} failed: {error}")
        write(study, failed)
    return list(failed)


@contextmanager
def holding(study: Study) -> Iterator[None]:
    """Claim and lock the folder of a study for writing.

    Raises
    ------
    InputError
        As for `locks.hold`.
    """
    if is_gathered(study.out):
        write_json(study.out / CLAIM, {"kind": manifest.KIND, "configuration": study.shared})
    with hold(study.out, manifest.KIND, study.shared):
        yield


def begin(study: Study, address: str | None) -> Study:
    """Return a study with all its images, rendered if they are not given, and write its split and `study.json`.

    Raises
    ------
    InputError
        The renders had to be rendered again, and are not those that the study's runs were trained on.
    """
    from corrotwin.segmentation.data import splits

    real, split = _photos(study, address)
    study = _with_renders(replace(study, photos=real, split=split), address)
    splits.save(split, study.out / SPLIT)
    _, _, blocked = study.run_status()
    write(study, blocked)
    return study


def decode(every: "Iterable[CocoDataset]", size: int) -> None:
    """Decode all pictures into the cache, where runs at this size find them.

    Raises
    ------
    InputError
        One cannot be decoded.
    """
    from corrotwin.segmentation.data import decoded
    from corrotwin.twin.core.machine import cache_folder

    for dataset in every:
        decoded.arrays(dataset, size, cache=cache_folder())


def _told(photos: "CocoDataset", split: "Split") -> Iterator[str]:
    """Yield notes on the split: the source of its spots, and the photos that it leaves out."""
    from corrotwin.segmentation.data import groups, splits

    if split.group == (named := groups.beside(photos)):
        yield f"{photos.folder}: {len(named)} photos of {len(set(named.values()))} spots, by {groups.SPOTS} there"
    elif split.group == (named := photo_groups.group_copies(photos)):
        yield f"{photos.folder}: {photo_groups.describe_copies(named)}; --groups-file gives spots"
    if left := splits.unused_warning(split, photos):
        yield left


def _photos(study: Study, address: str | None) -> "tuple[CocoDataset, Split]":
    """Return the photos and their split; photos are rendered if none were given."""
    from corrotwin.segmentation.data import coco

    real = study.photos
    if real is None:
        folder = study.out / STANDIN
        _render(folder, study.config.standin, study.config.seed + STANDIN_SEED_OFFSET, address)
        real = coco.read(folder)
    wanted, groups_file = study.sources.split, study.sources.groups_file
    return real, study.split or split_of(study.out, study.config, real, wanted, groups_file)


def _with_renders(study: Study, address: str | None) -> Study:
    """Return the study with the renders that its runs to do need: given, its earlier ones, or rendered now.

    Raises
    ------
    InputError
        They had to be rendered again, and are not those that the study's runs were trained on.
    """
    from corrotwin.segmentation.data import coco

    _, todo, _ = study.run_status()
    folder = study.out / RENDERS
    is_given = study.renders is not None and study.renders.plan is None
    if is_given or not any(config.arm.takes_renders for config in todo.values()):
        return study
    plan, before = study.config.renders, study.renders_before
    wanted = replace(plan, count=plan.count * (1 if study.shares_renders else study.config.render_runs))
    dataset = None if before is None and study.renders is None else _whole(folder)
    if dataset is None or len(dataset.photos) < wanted.count:
        _render(folder, wanted, study.config.seed, address)
        dataset = coco.read(folder)
    renders = StudyDataset(path=folder, dataset=dataset, plan=plan)
    return replace(study, renders=dealt(study, renders, None if study.shares_renders else plan.count))


def _whole(folder: Path) -> "CocoDataset | None":
    """Return the renders in a folder; None if they are unfinished or lack a file."""
    from corrotwin.segmentation.data import coco

    try:
        return None if read_manifest(folder, "dataset") is None else coco.read(folder)
    except InputError:
        return None


def _render(folder: Path, plan: RenderPlan, seed: int, address: str | None) -> None:
    from corrotwin.synth.config import RenderConfig
    from corrotwin.synth.rendering.dataset import render

    config = RenderConfig(preset=plan.preset, size=plan.size, seed=seed)
    render(folder, config, count=plan.count, address=address)


def write(study: Study, failed: Mapping[str, str]) -> None:
    """Write the `study.json` of a study that has begun, with the runs that failed, each with its error."""
    real, split = study.photos, study.split
    if real is None or split is None:
        raise ValueError("the study has no photos yet")
    renders = study.renders_before
    if (current := study.renders) is not None and (renders is None or "draws" in renders):
        renders = manifest.renders_entry(study.out, current.path, current.dataset, current.plan, current.draws)
    sets = {
        name: manifest.set_entry(study.out, external.path, external.dataset, external.spots)
        for name, external in study.across.items()
    }
    content = manifest.content(
        study.config,
        data=manifest.photos_entry(study.out, study.data, real),
        split=split,
        renders=renders,
        across={**study.gone, **sets},
        failed=failed,
    )
    write_manifest(study.out, manifest.KIND, content)
