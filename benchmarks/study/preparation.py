"""Read and check the inputs of a study; nothing is written here.

Inputs that a later command leaves out (split, renders, other sets) stay as they are in the study.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corrotwin.benchmarks.data import photo_groups
from corrotwin.benchmarks.study import config as configuration
from corrotwin.benchmarks.study import draws, manifest
from corrotwin.benchmarks.study.config import TUNED, StudyConfig
from corrotwin.benchmarks.study.grid import is_name
from corrotwin.benchmarks.study.manifest import KIND
from corrotwin.benchmarks.study.sources import RENDERS, RUNS, STANDIN, Sources, Study, StudyDataset
from corrotwin.benchmarks.study.split_choice import SPLIT, split_of
from corrotwin.segmentation.config import BACKBONES, DEFAULT_BACKBONE
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_manifest
from corrotwin.twin.core.locks import CLAIM, check_claim

if TYPE_CHECKING:
    from corrotwin.segmentation.data.coco import CocoDataset


def prepare(out: Path, config: StudyConfig, sources: Sources) -> Study:
    """Read and check all inputs of a study in `out`.

    Raises
    ------
    InputError
        An encoder is unknown, a source is unusable, `out` holds something else, or the study there has other settings,
        photos, split or renders (the message names the difference).
    """
    from corrotwin.segmentation.data import coco

    check_backbones(config.backbones)
    photos = None
    standin = out / STANDIN
    earlier = manifest.read(out)
    if sources.data is None and sources.classes is not None:
        raise InputError("`classes`: selects categories of photos; give `data`, too")
    if sources.data is not None:
        kept = None if earlier is None else earlier["data"].get("classes")
        photos = sources.read(sources.data, classes=sources.classes or (None if kept is None else tuple(kept)))
    elif read_manifest(standin, "dataset") is not None:
        photos = coco.read(standin)
    before = None if earlier is None else configuration.from_json(earlier["config"])
    config = _at_render_share(out, config, before, sources.render_share)
    if earlier is not None and before is not None and before.profile == config.profile:
        config = _at_first_weights(out, config, before, manifest.first_weights_of(earlier))
        _check_training(out, config, before)
    data = sources.data and sources.data.resolve()
    study = Study(out=out, sources=sources, config=config, data=data, photos=photos)
    if not is_gathered(out):
        check_claim(out, KIND, study.shared)
    if before is not None:
        config = config.joined(before)
    recorded = earlier and earlier["renders"]
    is_shared = is_gathered(out) if recorded is None else "draws" not in recorded
    study = replace(study, earlier=earlier, config=config, shares_renders=is_shared)
    if photos is not None:
        study = replace(study, split=split_of(out, config, photos, sources.split, sources.groups_file))
    study = replace(study, renders=_renders(study, sources))
    across, gone = _across(study, sources)
    return replace(study, across=across, gone=gone)


def kept_config(out: Path) -> StudyConfig | None:
    """Return the configuration of the study in a folder; None if there is no study."""
    earlier = manifest.read(out)
    return None if earlier is None else configuration.from_json(earlier["config"])


def check_backbones(names: Sequence[str], option: str = "`backbones`") -> None:
    """Raise InputError, naming the option, if an encoder is unknown; usual encoders are checked without an import."""
    if strange := [name for name in names if name not in (*BACKBONES, DEFAULT_BACKBONE)]:
        from corrotwin.segmentation.models import encoders

        for name in strange:
            try:
                encoders.check(name)
            except InputError as error:
                raise InputError(f"{option}: {error}") from error


def _at_render_share(out: Path, config: StudyConfig, before: StudyConfig | None, wanted: float | None) -> StudyConfig:
    """Return the configuration with the requested render share, else with that of the existing study.

    Raises
    ------
    InputError
        The existing study has another share than the requested one.
    """
    kept = None if before is None else before.render_share
    share = kept if wanted is None else wanted
    if share is None or config.render_share is None:
        return config
    if kept is not None and kept != share:
        raise InputError(
            f"{out}: {100 * kept:g} % of each batch are renders in the arms there, {100 * share:g} % requested; "
            "leave out `render_share`, or choose another folder"
        )
    return config.at_render_share(share)


def is_gathered(out: Path) -> bool:
    """Return whether an unclaimed folder holds runs put there by hand beside their split, and nothing else."""
    if not (out / SPLIT).is_file() or (out / CLAIM).exists():
        return False
    known = {RUNS, RENDERS, STANDIN, SPLIT}
    return all(path.name in known for path in out.glob("[!.]*"))


def _at_first_weights(
    out: Path, config: StudyConfig, before: StudyConfig, recorded: Mapping[str, str | None]
) -> StudyConfig:
    """Return the configuration with the study's setting of initial weights, if it means the same for all backbones.

    Parameters
    ----------
    recorded : initial weights of the runs there, by backbone.

    Raises
    ------
    InputError
        Runs of a backbone would start from other weights than the existing runs.
    """
    wanted, usual = (
        {**replace(setting, cells=config.cells).first_weights, **replace(setting, cells=before.cells).first_weights}
        for setting in (config, before)
    )
    kept = "encoder_weights" in before.changes
    for name, weights in {**usual, **recorded}.items():
        if weights != wanted[name]:
            there, asked = configuration.shown(weights), configuration.shown(wanted[name])
            is_usual = weights == usual[name] and not kept
            advice = "leave out `encoder_weights`" if is_usual else f"give `encoder_weights` {there} as before"
            raise InputError(
                f"{out}: initial weights of {name}: {there} there, {asked} requested; {advice}, or choose another "
                "folder"
            )
    if wanted != usual:
        return config
    changes = {name: value for name, value in config.changes.items() if name != "encoder_weights"}
    return replace(config, changes=changes | ({"encoder_weights": before.changes["encoder_weights"]} if kept else {}))


def _check_training(out: Path, config: StudyConfig, before: StudyConfig) -> None:
    """Raise InputError if training settings differ from the study's, naming the arguments to pass."""
    there, wanted = before.training, config.training
    different = [name for name in (*TUNED, *there, *wanted) if there.get(name) != wanted.get(name)]
    if not different or not set(different) <= set(TUNED):
        return
    names = [name for name in TUNED if name in different]
    differences = ", ".join(
        f"training {name}: {there[name]!r:.40} there, {wanted[name]!r:.40} requested" for name in names
    )
    arguments = " ".join(f"`{name}` {configuration.shown(there[name])}" for name in names)
    raise InputError(f"{out}: {differences}; give {arguments} as before, or choose another folder")


def _renders(study: Study, sources: Sources) -> StudyDataset | None:
    """Return renders that were given, now or before; None if the study renders its own or needs none."""
    from corrotwin.segmentation.data import splits

    before = study.renders_before
    path, option = sources.renders and sources.renders.resolve(), "`renders`"
    if path is None:
        if before is None:
            return _own_renders(study)
        if before["plan"] is not None:
            return None
        _, todo, _ = study.run_status()
        if not any(config.arm.takes_renders for config in todo.values()):
            return None
        path, option = (study.out / before["folder"]).resolve(), "give `renders`, since"
    elif not any(arm.takes_renders for arm in study.config.arms):
        return None
    try:
        renders = StudyDataset(path=path, dataset=sources.read(path))
    except InputError as error:
        raise InputError(f"{option} {error}") from error
    renders = dealt(study, renders, sources.renders_per_run, sources.draws)
    if study.photos is not None and renders.dataset.digest == study.photos.digest:
        raise InputError(f"{path}: these are the photos themselves; give `renders` a rendered dataset")
    if study.photos is not None and study.split is not None:
        splits.check_renders(study.split, study.photos, renders.dataset)
    return renders


def dealt(study: Study, found: StudyDataset, size: int | None, given: "tuple[CocoDataset, ...]" = ()) -> StudyDataset:
    """Return renders with a draw for each run; if the existing runs share one draw, so do further runs.

    Parameters
    ----------
    size : most images of a draw; None takes the existing study's, or equal shares in a new study.
    given : draws that the caller has made already.

    Raises
    ------
    InputError
        As for `draws.deal`; or these are not the renders of the existing study.
    """
    is_shared, before = study.shares_renders, study.renders_before
    if is_shared and size is not None:
        raise InputError(f"{study.out}: all runs there share one draw of renders; leave out {draws.OPTION}")
    if not is_shared:
        runs = study.config.render_runs
        kept = [draw["images"] for draw in (before or {}).get("draws", ())]
        if size is None:
            size = max(kept, default=max(1, len(found.dataset.photos) // runs))
        dealt_now = given or draws.deal(found.dataset, runs=runs, size=size, seed=study.config.seed)
        found = replace(found, draws=dealt_now[: max(runs, len(kept))])
    if before is None:
        return found
    recorded = [before["digest"]] if is_shared else [draw["digest"] for draw in before["draws"]]
    now = [draw.digest for draw in found.draws] or [found.dataset.digest]
    for number, (old, new) in enumerate(zip(recorded, now, strict=False)):
        if old != new:
            which = "" if is_shared else f" draw {number + 1}:"
            raise InputError(
                f"{study.out}: renders:{which} {before['folder']} ({old}) there, {found.path} ({new}) requested; "
                f"give those there, or choose another folder{draws.grown_note(found.dataset)}"
            )
    return found


def _own_renders(study: Study) -> StudyDataset | None:
    """Return the complete renders in the folder of a new study; None if there are none."""
    from corrotwin.segmentation.data import coco

    folder = study.out / RENDERS
    if read_manifest(folder, "dataset") is None or not any(arm.takes_renders for arm in study.config.arms):
        return None
    renders = StudyDataset(path=folder, dataset=coco.read(folder), plan=study.config.renders)
    count = study.config.renders.count
    wanted = count if study.shares_renders else count * study.config.render_runs
    if len(renders.dataset.photos) < wanted:
        return None
    return dealt(study, renders, None if study.shares_renders else count)


def _across(study: Study, sources: Sources) -> tuple[dict[str, StudyDataset], dict[str, Mapping[str, Any]]]:
    """Return the sets to measure all runs on, by name, and earlier sets that are missing or have changed."""
    sets: dict[str, StudyDataset] = {}
    before = (study.earlier or {}).get("across", {})
    for path in sources.across:
        name = path.resolve().name
        if name in sets:
            raise InputError(f"`across`: two sets are called {name}; rename a folder")
        if not is_name(name):
            raise InputError(f"`across` {path}: {name!r:.60} cannot name a set in a table; rename the folder")
        dataset = sources.read(path, classes=study.classes, allow_unannotated=True)
        sets[name] = StudyDataset(path=path.resolve(), dataset=dataset, spots=photo_groups.spots(dataset))
        if study.photos is not None and dataset.digest == study.photos.digest:
            raise InputError(f"`across` {path}: these are the photos of the study; its runs are tested on them already")
        _check_unseen(path, dataset, study)
        earlier_path = (study.out / before[name]["folder"]).resolve() if name in before else path.resolve()
        if earlier_path != path.resolve() and before[name]["digest"] != dataset.digest:
            raise InputError(
                f"`across` {path}: the study has another set called {name} ({earlier_path}); rename the folder"
            )
    gone: dict[str, Mapping[str, Any]] = {}
    for name in before.keys() - sets.keys():
        path = (study.out / before[name]["folder"]).resolve()
        try:
            dataset = sources.read(path, classes=study.classes, allow_unannotated=True)
        except InputError:
            gone[name] = before[name]
            continue
        if dataset.digest == before[name]["digest"]:
            sets[name] = StudyDataset(path=path, dataset=dataset, spots=spots_of(before[name], path))
        else:
            gone[name] = before[name]
    return dict(sorted(sets.items())), gone


def _check_unseen(path: Path, data: "CocoDataset", study: Study) -> None:
    """Raise InputError if another set holds photos of the study's training or validation (leakage)."""
    if study.photos is None or study.split is None:
        return
    known = {*study.split.train, *study.split.valid}
    seen = {photo.sha256 for photo in study.photos.photos if photo.file_name in known}
    if shared := [photo.file_name for photo in data.photos if photo.sha256 in seen]:
        raise InputError(
            f"`across` {path}: {len(shared)} of its photos train or validate the study's runs, such as {shared[0]}; "
            "take them out of the set"
        )


def spots_of(about: Mapping[str, Any], path: Path) -> Mapping[str, str] | None:
    """Return the spots of another set at `path`: as recorded in `study.json`, else from the table beside the photos."""
    from corrotwin.segmentation.data import coco, groups

    if "spots" in about:
        kept: Mapping[str, str] | None = about["spots"]
        return kept
    try:
        return groups.beside(coco.read(path, allow_unannotated=True))
    except InputError:
        return None
