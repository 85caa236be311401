"""The content of `study.json`. Scores, photos used and times stay in the runs."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corrotwin.benchmarks.study.config import RenderPlan, StudyConfig, from_json, to_json
from corrotwin.benchmarks.study.grid import is_name
from corrotwin.benchmarks.study.run_status import StudyDigests
from corrotwin.twin.core.errors import InputError, as_read
from corrotwin.twin.core.files import read_manifest, versions

if TYPE_CHECKING:
    from corrotwin.segmentation.data.coco import CocoDataset
    from corrotwin.segmentation.data.splits import Split

KIND = "study"
VERSIONED = (
    "corrotwin",
    "numpy",
    "torch",
    "segmentation-models-pytorch",
    "albumentations",
    "statsmodels",
    "ray",
    "bpy",
)


def content(
    config: StudyConfig,
    *,
    data: Mapping[str, Any],
    split: "Split",
    renders: Mapping[str, Any] | None,
    across: Mapping[str, Mapping[str, Any]],
    failed: Mapping[str, str],
) -> dict[str, Any]:
    """Return the content of `study.json`, but for its version and kind.

    Parameters
    ----------
    data, renders : entries made by `photos_entry` and `renders_entry`; `renders` is None if no arm takes renders.
    across : other sets by name, entries made by `set_entry`.
    failed : failed runs and other failed work, each with its error.
    """
    return {
        "config": to_json(config),
        "training": config.training,
        "first_weights": config.first_weights,
        "smoke_backbones": list(config.smoke_backbones),
        "seed": config.seed,
        "versions": versions(*VERSIONED),
        "data": {
            **data,
            "counts": {**data["counts"], **{p: len(getattr(split, p)) for p in ("train", "valid", "test")}},
        },
        "split": {"how": split.how, "seed": split.seed, "digest": split.digest},
        "renders": renders,
        "across": dict(across),
        "failed": dict(failed),
    }


def photos_entry(out: Path, data: Path | None, real: "CocoDataset") -> dict[str, Any]:
    """Return the entry of a study's photos; `data` is None for the stand-in."""
    if data is None:
        return {**_entry(out, out / "standin", real), "name": "stand-in"}
    about = _entry(out, data, real)
    return about if real.classes is None else {**about, "classes": sorted(real.classes)}


def set_entry(out: Path, path: Path, found: "CocoDataset", spots: Mapping[str, str] | None) -> dict[str, Any]:
    """Return the entry of another set at `path`, with the spot of each photo if spots are known."""
    return {**_entry(out, path, found), "spots": spots and dict(spots)}


def renders_entry(
    out: Path, path: Path, renders: "CocoDataset", plan: RenderPlan | None, draws: "Sequence[CocoDataset]" = ()
) -> dict[str, Any]:
    """Return the entry of the renders that train, at `path`.

    Parameters
    ----------
    plan : None if their folder was given.
    draws : draws of the runs, run 0 first; none if all runs share all renders.
    """
    recorded = [{"digest": draw.digest, "images": len(draw.photos)} for draw in draws]
    return {**_entry(out, path, renders), "plan": plan and asdict(plan), **({"draws": recorded} if recorded else {})}


def read(out: Path) -> dict[str, Any] | None:
    """Return the `study.json` of a folder; None if there is none.

    Raises
    ------
    InputError
        It is damaged.
    """
    try:
        manifest = read_manifest(out, KIND)
        if manifest is not None:
            check(manifest)
            _ = from_json(manifest["config"]).training
    except (InputError, AttributeError, KeyError, TypeError) as error:
        raise InputError(
            f"{out / 'study.json'}: damaged ({as_read(error)}); restore it from a copy, or delete it; the runs are kept"
        ) from error
    return manifest


def first_weights_of(manifest: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the initial weights from which the runs of each backbone of a study started; None for random ones."""
    usual = manifest["training"]["encoder_weights"]  # for a study made before they were recorded by backbone
    recorded = manifest.get("first_weights", {})
    return {name: recorded.get(name, usual) for name in from_json(manifest["config"]).backbones}


def digests(manifest: Mapping[str, Any]) -> StudyDigests:
    """Return the digests that a study's runs were made from."""
    return StudyDigests(
        real=manifest["data"]["digest"], split=manifest["split"]["digest"], renders=draws_of(manifest["renders"])
    )


def draws_of(renders: Mapping[str, Any] | None) -> str | tuple[str, ...] | None:
    """Return the digest of each draw in an entry of renders, or the digest of all renders if all runs share them."""
    if renders is None:
        return None
    return tuple(draw["digest"] for draw in renders["draws"]) if "draws" in renders else str(renders["digest"])


def check(manifest: Mapping[str, Any]) -> None:
    """Raise if a `study.json` lacks what a report needs, or gives other sets unsafe names.

    Raises
    ------
    KeyError, TypeError
        Names what is absent or has another type.
    """
    data, split, renders = manifest["data"], manifest["split"], manifest["renders"]
    sets = [data, *([] if renders is None else [renders]), *manifest["across"].values()]
    for entry in sets:
        for name in ("folder", "name", "digest"):
            if not isinstance(entry[name], str):
                raise TypeError(f"{name} {entry[name]!r:.40}")
    counts = [data["counts"][name] for name in ("train", "valid", "test")]
    counts += [entry["counts"][name] for entry in sets for name in ("images", "annotations")]
    if not all(isinstance(count, int) for count in counts):
        raise TypeError("counts that are not whole numbers")
    if strange := [name for name in manifest["across"] if not is_name(name)]:
        raise TypeError(f"a set called {strange[0]!r:.60}")
    if any(not _are_spots(entry.get("spots")) for entry in manifest["across"].values()):
        raise TypeError("spots that are not a table of names")
    texts = [split["how"], split["digest"], *manifest["versions"].values(), *manifest["failed"].values()]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("numbers in place of text")
    if not isinstance(chosen := data.get("classes", []), list) or not all(isinstance(name, str) for name in chosen):
        raise TypeError("classes that are not names")
    draws = [] if renders is None else renders.get("draws", [])
    if not all(isinstance(draw["digest"], str) and isinstance(draw["images"], int) for draw in draws):
        raise TypeError("draws of renders without digests")
    _ = data["photographs"], split["seed"], renders and renders["plan"]


def _are_spots(value: Any) -> bool:
    """Return whether a value can be the spots of photos; None means a set without spots."""
    return value is None or (isinstance(value, Mapping) and all(isinstance(spot, str) for spot in value.values()))


def _entry(out: Path, folder: Path, found: "CocoDataset") -> dict[str, Any]:
    return {
        "folder": os.path.relpath(folder, out),
        "name": folder.name,
        "photographs": not rendered(found.inside),
        "digest": found.digest,
        "counts": {
            "images": len(found.photos),
            "annotations": sum(len(photo.annotations) for photo in found.photos),
        },
    }


def rendered(folder: Path) -> bool:
    """Return whether a dataset is one of our own renders; a stranger's `dataset.json` may be anything."""
    try:
        return read_manifest(folder, "dataset") is not None
    except InputError:
        return False
