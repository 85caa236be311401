"""A study: a grid of training runs (backbone x data arm x fraction x run) over one split of the photos, in one folder.

The folder holds `split.json`, `runs/<id>/`, the renders, the stand-in where no photos are given, `study.json` and
`report/`. Whatever is complete there is not made again, and a later command may add cells and runs.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corrotwin.benchmarks.data import classes, external_sets, photo_groups
from corrotwin.benchmarks.study import manifest, planning, run_status
from corrotwin.benchmarks.study.config import RenderPlan, StudyConfig
from corrotwin.benchmarks.study.sources import RENDERS, RUNS, STANDIN, Found, Sources, Study, is_gathered, prepare
from corrotwin.benchmarks.study.splitting import SPLIT, split_of
from corrotwin.segmentation.config import GPU_SHARE, TrainConfig
from corrotwin.twin.core import cluster
from corrotwin.twin.core.cli import available_cores, shown
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_manifest, write_json, write_manifest
from corrotwin.twin.core.locks import CLAIM, hold

if TYPE_CHECKING:
    from corrotwin.segmentation.data.coco import CocoDataset
    from corrotwin.segmentation.data.splits import Split
    from corrotwin.synth.rendering.fanout import ProgressCounter

STANDIN_SEED_OFFSET = 1_000_000  # the stand-in shares no scene with the renders that train


def run(
    out: Path,
    config: StudyConfig,
    sources: Sources,
    *,
    address: str | None = None,
    weights: Path | None = None,
    dry_run: bool = False,
    whole: planning.Plan | None = None,
) -> list[str]:
    """Do whatever is missing of a study in `out`, and return the keys of what failed.

    The plan is printed first. `study.json` is written when the images are there, so that a study can be reported and
    extended while it trains, and again at the end.

    Parameters
    ----------
    out : the study's folder; absent, empty, or of the same study. Cells that it had before stay, and are done too.
    config : the cells that are asked for, and what all runs share.
    sources : the photos, renders and other sets.
    address : of a Ray cluster; None for this machine.
    weights : folder of prepared ImageNet weights; None asks the hub, where the profile wants them.
    dry_run : print the plan, and write nothing.
    whole : a plan that a caller has told, of this study and others: nothing is probed and no plan printed.

    Raises
    ------
    InputError
        The sources are unusable, or `out` holds something else. Nothing is written then.
    """
    from corrotwin.segmentation.data import splits

    out = out.resolve()
    if address is not None:
        cluster.connect(address)
    study = prepare(out, config, sources)
    plan = planning.make(study, address, whole)
    if whole is None:
        if study.photos is not None and study.data is not None:
            classes.tell(study.photos, "--data")
            for line in _told(study.photos, study.split) if study.split is not None else ():
                print(shown(f"--data {line}"), file=sys.stderr)  # noqa: T201
        for path in sources.across:
            classes.tell(study.across[path.resolve().name].dataset, "--across")
        print(planning.describe(plan, study), flush=True)  # noqa: T201
    if dry_run:
        return []
    # Every photo is decoded before the folder is claimed: the runs find it done, and what is wrong shows now.
    given = [] if study.photos is None or study.data is None else [study.photos]
    given += [found.dataset for found in (study.renders, *study.across.values()) if found is not None]
    decode(given, config.training["size"])
    if is_gathered(out):
        write_json(out / CLAIM, {"kind": manifest.KIND, "configuration": study.shared})
    with hold(out, manifest.KIND, study.shared):
        real, split = _photos(study, sources, address)
        study = _with_renders(replace(study, photos=real, split=split), address)
        splits.save(split, out / SPLIT)
        complete, todo, blocked = study.standing()
        _write(study, real, split, blocked)
        plan = replace(plan, complete=complete, todo=todo, blocked=blocked)
        failed = blocked | _train(study, plan, real, split, address, weights and weights.resolve())
        failed |= _measure_across(study, address)
        for key, error in failed.items():
            print(f"{key} failed: {error}", file=sys.stderr)  # noqa: T201
        _write(study, real, split, failed)
    return list(failed)


def decode(every: "Iterable[CocoDataset]", size: int) -> None:
    """Decode all pictures into the cache, where runs at this size find them.

    Raises
    ------
    InputError
        One cannot be decoded.
    """
    from corrotwin.segmentation.data import decoded
    from corrotwin.segmentation.data.cache import cache_folder

    for each in every:
        decoded.arrays(each, size, cache=cache_folder())


def _told(photos: "CocoDataset", split: "Split") -> Iterator[str]:
    """What a user should know of the split: where spots come from, and photos that it leaves out."""
    from corrotwin.segmentation.data import groups, splits

    if split.group == (named := groups.beside(photos)):
        yield f"{photos.folder}: {len(named)} photos of {len(set(named.values()))} spots, by {groups.SPOTS} there"
    elif split.group == (named := photo_groups.of(photos)):
        yield f"{photos.folder}: {photo_groups.said(named)}; --groups-file tells spots"
    if left := splits.unused_warning(split, photos):
        yield left


def _photos(study: Study, sources: Sources, address: str | None) -> "tuple[CocoDataset, Split]":
    """The photos and their split; photos are rendered where none were given."""
    from corrotwin.segmentation.data import coco

    real = study.photos
    if real is None:
        folder = study.out / STANDIN
        _render(folder, study.config.standin, study.config.seed + STANDIN_SEED_OFFSET, address)
        real = coco.read(folder)
    return real, study.split or split_of(study.out, study.config, real, sources.split, sources.groups_file)


def _with_renders(study: Study, address: str | None) -> Study:
    """The study with the renders that its runs to do take: given, those it was begun with, else rendered.

    Raises
    ------
    InputError
        They had to be rendered again, and are not those that the study's runs were trained on.
    """
    from corrotwin.segmentation.data import coco

    _, todo, _ = study.standing()
    folder = study.out / RENDERS
    is_given = study.renders is not None and study.renders.plan is None
    if is_given or not any(config.arm.takes_renders for config in todo.values()):
        return study
    before = study.renders_before
    if before is None or (dataset := _whole(folder)) is None or dataset.digest != before["digest"]:
        _render(folder, study.config.renders, study.config.seed, address)
        dataset = coco.read(folder)
    found = Found(path=folder, dataset=dataset, plan=study.config.renders)
    if before is not None and before["digest"] != found.dataset.digest:
        raise InputError(
            f"{folder}: not the renders of the study ({before['digest']} there, {found.dataset.digest} rendered now); "
            "put those back"
        )
    return replace(study, renders=found)


def _whole(folder: Path) -> "CocoDataset | None":
    """The renders in a folder; None where they are unfinished or lack a file."""
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


def _write(study: Study, real: "CocoDataset", split: "Split", failed: Mapping[str, str]) -> None:
    """Write `study.json`."""
    renders = study.renders_before
    if study.renders is not None and renders is None:
        found = study.renders
        renders = manifest.of_renders(study.out, found.path, found.dataset, found.plan)
    sets = {
        name: manifest.of_set(study.out, each.path, each.dataset, each.spots) for name, each in study.across.items()
    }
    content = manifest.content(
        study.config,
        data=manifest.of_photos(study.out, study.data, real),
        split=split,
        renders=renders,
        across={**study.gone, **sets},
        failed=failed,
    )
    write_manifest(study.out, manifest.KIND, content)


def _train(
    study: Study, plan: planning.Plan, real: "CocoDataset", split: "Split", address: str | None, weights: Path | None
) -> dict[str, str]:
    """Train the runs to do; the ids of those that failed, each with its error."""
    from corrotwin.synth.rendering import fanout

    progress = planning.Progress(out=study.out, plan=plan)
    items = {}
    for key, config in plan.todo.items():
        renders = study.renders.dataset if study.renders and config.arm.takes_renders else None
        items[key] = (config.backbone, (str(study.out / RUNS / key), config, real, split, renders, weights))
    return _spread(
        train_run,
        items,
        is_done=lambda key: run_status.find(study.out / RUNS / key, plan.todo[key], study.digests) is not None,
        label="training",
        counter=fanout.ProgressCounter(unit="runs", total=len(study.config.grid), done=progress.done),
        threads=study.config.threads,
        address=address,
    )


def _measure_across(study: Study, address: str | None) -> dict[str, str]:
    """Measure the complete runs on the other sets where that is not done; what failed, with its error."""
    from corrotwin.segmentation.runs import WEIGHTS

    for name, record in study.gone.items():
        where = study.out / record["folder"]
        print(f"across {name}: {where} is gone or has changed; nothing new is measured there", file=sys.stderr)  # noqa: T201
    complete, _, _ = study.standing()
    folders: dict[str, tuple[Path, str, CocoDataset]] = {}
    items: dict[str, tuple[str, tuple[Any, ...]]] = {}
    for name, found in study.across.items():
        lost = []
        for key, each in complete.items():
            folder = study.out / RUNS / key
            if external_sets.is_measured(folder, name, found.dataset.digest):
                continue
            if not (folder / WEIGHTS).is_file():
                lost.append(key)
                continue
            label = f"{key} on {name}"
            folders[label] = (folder, name, found.dataset)
            items[label] = (each.manifest["config"]["backbone"], (str(folder), name, found.dataset))
        if lost:
            print(f"across {name}: not measured, since their weights are absent: {', '.join(lost)}", file=sys.stderr)  # noqa: T201

    def is_done(label: str) -> bool:
        folder, name, dataset = folders[label]
        return external_sets.is_measured(folder, name, dataset.digest)

    return _spread(
        external_sets.measure,
        items,
        is_done=is_done,
        label="measuring on other sets",
        counter=None,
        threads=study.config.threads,
        address=address,
    )


def _spread(
    task: Callable[..., None],
    items: Mapping[str, tuple[str, tuple[Any, ...]]],
    *,
    is_done: Callable[[str], bool],
    label: str,
    counter: "ProgressCounter | None",
    threads: int,
    address: str | None,
) -> dict[str, str]:
    """Spread tasks over Ray, each a backbone and arguments; the keys of those that failed, with their errors."""
    from corrotwin.synth.rendering import fanout

    if not items:
        return {}
    cluster.connect(address)
    failed: dict[str, str] = {}
    shares = {backbone: _gpu_share(backbone) for backbone, _ in items.values()}
    for share in sorted(set(shares.values()), reverse=True):  # on CPUs alone: one call
        # A machine with fewer cores than `threads` still gets its turn.
        cpus = threads if address is not None else min(threads, available_cores())
        chosen = [
            fanout.Item(key=key, arguments=arguments)
            for key, (backbone, arguments) in items.items()
            if shares[backbone] == share
        ]
        for failure in fanout.fan_out(
            task,
            chosen,
            is_done=is_done,
            label=label,
            needs=fanout.Needs(cpus=cpus, gpus=share),
            address=address,
            counter=counter,
        ):
            failed[failure.key] = failure.error
    return failed


def train_run(
    folder: str,
    config: TrainConfig,
    real: "CocoDataset",
    split: "Split",
    renders: "CocoDataset | None",
    weights: Path | None,
) -> None:
    """Train one run of the grid in its folder. The task that Ray workers execute."""
    from corrotwin.segmentation.training.inputs import augmentation_workers
    from corrotwin.segmentation.training.train import train

    workers = augmentation_workers(config.threads)  # the task's cores
    train(Path(folder), config, real=real, split=split, renders=renders, weights=weights, workers=workers)


def _gpu_share(backbone: str) -> float:
    """The share of a GPU that a run asks for: none where the machines have none."""
    return GPU_SHARE[backbone] if cluster.has_gpus() else 0.0
