"""Evaluation of a run on a dataset: scores, curves and calibration, as a summary and as a folder on disk.

The folder holds `per_image.csv`, `curve.csv`, `calibration.csv` and, written last, `evaluation.json`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from corrotwin.segmentation import runs
from corrotwin.segmentation.data import coco, groups, splits
from corrotwin.segmentation.evaluation import adaptation, curves, evaluate
from corrotwin.segmentation.evaluation.loading import load_run
from corrotwin.segmentation.evaluation.threshold import choose
from corrotwin.segmentation.evaluation.threshold import describe as describe_choice
from corrotwin.segmentation.evaluation.verification import run_split
from corrotwin.segmentation.runs import PerImage
from corrotwin.twin.core import tables
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import digest, remove, versions, write_manifest, writing
from corrotwin.twin.core.locks import check_claim, hold

KIND = "evaluation"
CURVE_COLUMNS = ("threshold", "precision", "recall", "f1_mean", "f1_pooled")
CALIBRATION_COLUMNS = ("bin", "mean_predicted", "observed_share", "pixels")

Threshold = float | Literal["valid"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Assessment:
    """Result of an evaluation: `summary` is the content of `evaluation.json`, `per_image` the counts per photo."""

    summary: Mapping[str, Any]
    per_image: PerImage
    histograms: curves.Histograms


def check_threshold(threshold: Threshold | None) -> None:
    """Raise InputError for a threshold that is neither None nor ``valid`` nor between 0 and 1."""
    if threshold is not None and threshold != "valid" and not 0 < threshold < 1:
        raise InputError(f"`threshold` {threshold} is not between 0 and 1; give such a number or valid")


def assess(
    folder: Path,
    data: coco.CocoDataset,
    *,
    threshold: Threshold | None,
    adapt: bool = False,
    out: Path | None = None,
    on_photo: Callable[[int, int], None] = lambda done, count: None,
) -> Assessment:
    """Evaluate a run, complete or not, on a dataset and, if `out` is given, write the evaluation there.

    On the dataset that the run was trained on, its test photos are measured; on any other dataset all photos that it
    has not seen (`evaluate.measured_photos`). Photos without annotations count as free of corrosion.

    Parameters
    ----------
    folder : folder of the run.
    data : the dataset; read it with `allow_unannotated` if all photos may be free of corrosion.
    threshold : threshold on the corrosion probability, between 0 and 1; None for the run's own; or ``valid`` to choose
        it again on the run's validation photos, as training does.
    adapt : take the statistics of batch normalisation from the measured photos, too (`evaluation.adaptation`).
    out : absent, empty, or holding this same evaluation, which is then repeated.
    on_photo : called with the number of photos done and the number of all photos.

    Raises
    ------
    InputError
        The run, the dataset, the threshold or `out` cannot be used, or an image cannot be decoded; nothing is written.
    """
    from corrotwin.segmentation.models.network import torch_settings

    check_threshold(threshold)
    loaded = load_run(folder)
    run, network, config = loaded.record, loaded.network, loaded.config
    names = evaluate.measured_photos(run, data)
    valid = _validation_photos(folder, run, data) if threshold == "valid" else ()
    stored = run.manifest.get("threshold") if threshold is None else None
    threshold = run.threshold if threshold is None else threshold
    identity = {
        "run": digest(run.manifest["config"]),
        "weights": loaded.weights,
        "data": data.digest,
        "threshold": threshold,
        **({"adapted": True} if adapt else {}),
    }
    if out is not None:
        check_claim(out, KIND, identity)
    arrays = evaluate.decoded_arrays(data, config)

    def gather(photos: Sequence[str], cell_edges: npt.NDArray[np.float32]) -> curves.Histograms:
        return curves.histograms(photos, predictions(photos), cell_edges)

    def predictions(photos: Sequence[str]) -> Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]]:
        for done, prediction in enumerate(evaluate.probabilities(network, config, arrays, photos), 1):
            yield prediction
            on_photo(done, len(photos))

    with torch_settings(config.threads, config.precision):
        if threshold == "valid":
            groups_of_valid = run_split(folder, run).groups_of(valid)
            choice = choose(gather(valid, curves.edges()), groups_of_valid)
            stored, chosen = asdict(choice), choice.value
        else:
            chosen = float(threshold)
        if adapt:
            adaptation.adapt(network, config, adaptation.shown_photos(arrays, names))
        histograms = gather(names, curves.edges(chosen))
    table = curves.per_image(histograms, chosen)
    assessment = Assessment(
        summary={
            **identity,
            "threshold": chosen,
            "threshold_from": stored,
            **_measured_photos(folder, run, data, names),
            **{name: getattr(config, name) for name in ("backbone", "size", "precision", "threads")},
            **_summary(table, histograms),
            "versions": versions("torch", "segmentation-models-pytorch", "numpy"),
        },
        per_image=table,
        histograms=histograms,
    )
    if out is not None:
        with writing(out), hold(out, KIND, identity):
            _write(out, assessment)
    return assessment


def describe(summary: Mapping[str, Any]) -> str:
    """Describe, in a few lines, what a summary holds beyond mean F1 and IoU."""
    chosen = describe_choice(summary["threshold_from"])
    if summary["photos"] == "test":
        measured = "test photos of the run"
    elif summary["photos"] == "renders":
        measured = "all images; these are the renders that the run was trained with"
    elif summary["left_out"] is None:
        measured = "all photos; whether some of them trained the run is not known, since an earlier version trained it"
    elif summary["left_out"]:
        left_out = summary["left_out"]
        measured = f"all photos but {left_out} that trained or validated the run, or were seen without labels"
    elif summary["same_names"] == 0:
        measured = "all photos; the run was trained elsewhere"
    else:
        measured = "all photos; none of their files trained or validated the run, or was seen without labels"
    if summary.get("adapted"):
        measured += "; transductive, since its statistics of batch normalisation were taken from these photos, too"
    if summary["same_names"]:
        measured += (
            f"; {summary['same_names']} photos have names of photos that trained or validated it; they may be the "
            "same, saved again"
        )
    f1, iou, clean = summary["f1"], summary["iou"], summary["clean"]
    lines = [
        f"{measured}; threshold {summary['threshold']}{chosen}",
        f"SD over images F1 {_shown(f1['sd'])}, IoU {_shown(iou['sd'])}; "
        f"pooled over pixels F1 {_shown(f1['pooled'])}, IoU {_shown(iou['pooled'])}",
        f"of all pixels called corroded {_shown(summary['precision'])} are (precision), of all corroded ones "
        f"{_shown(summary['recall'])} are called so (recall), of all sound ones {_shown(summary['false_calls'])} "
        "(false calls)",
        f"average precision {_shown(summary['average_precision'])}, expected calibration error "
        f"{_shown(summary['expected_calibration_error'])}, Brier score {_shown(summary['brier_score'])}",
    ]
    if clean["images"]:
        only = "no image shows corrosion" if clean["images"] == summary["images"] else f"{clean['images']} clean images"
        lines.append(
            f"{only}: {clean['with_false_alarms']} with false alarms, on average "
            f"{100 * clean['mean_false_alarm_share']:.3f} % of their pixels"
        )
    return "\n".join(lines)


def _measured_photos(folder: Path, run: runs.RunRecord, data: coco.CocoDataset, names: Sequence[str]) -> dict[str, Any]:
    """Return which photos were measured, and how many were left out because the run has seen their files.

    `same_names` counts measured photos whose name before Roboflow's renaming is that of a photo that the run has seen:
    they may be the same photo, saved again. It is None if the run's split is absent.
    """
    if evaluate.trained_on(run, data):
        return {"photos": "test", "left_out": None, "same_names": None}
    if run.manifest.get("data", {}).get("renders") == data.digest:
        return {"photos": "renders", "left_out": None, "same_names": None}
    same_names = _same_names(folder, names)
    if run.manifest.get("seen") is None:  # trained by an earlier version
        return {"photos": "all", "left_out": None, "same_names": same_names}
    left_out = len(data.photos) - len(names)
    return {"photos": "unseen" if left_out else "all", "left_out": left_out, "same_names": same_names}


def _same_names(folder: Path, names: Sequence[str]) -> int | None:
    if not (folder / runs.SPLIT).is_file():
        return None
    split = splits.load(folder / runs.SPLIT)
    seen = {groups.source_name(name) for name in (*split.train, *split.valid)}
    return sum(groups.source_name(name) in seen for name in names)


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _validation_photos(folder: Path, run: runs.RunRecord, data: coco.CocoDataset) -> tuple[str, ...]:
    if not evaluate.trained_on(run, data):
        raise InputError(
            f"threshold valid: {data.folder} is not the dataset that {folder} was trained on, which has its validation "
            "photos; give that one, or a number"
        )
    split = run_split(folder, run)
    if not split.valid:
        raise InputError(f"{folder / runs.SPLIT}: has no validation photos to choose a threshold on; give a number")
    return split.valid


def _summary(table: PerImage, histograms: curves.Histograms) -> dict[str, Any]:
    """Return the numbers of `evaluation.json`; undefined ones, such as recall without corrosion, are None."""
    counts = (table.tp, table.fp, table.fn, table.tn)
    sums = [column.sum() for column in counts]
    tp, fp, fn, tn = map(int, sums)
    per_photo, pooled = evaluate.scores(*counts), evaluate.scores(*sums)
    clean = table.tp + table.fn == 0
    alarms = table.fp[clean] / (table.fp + table.tn)[clean]
    return {
        "images": len(table.image),
        **{
            name: {
                "mean": float(values.mean()),
                "sd": float(values.std(ddof=1)) if len(values) > 1 else None,
                "pooled": float(pooled_score),
            }
            for name, values, pooled_score in zip(("f1", "iou"), per_photo, pooled, strict=True)
        },
        "precision": tp / (tp + fp) if tp + fp else None,
        "recall": tp / (tp + fn) if tp + fn else None,
        "false_calls": fp / (fp + tn) if fp + tn else None,
        "clean": {
            "images": int(clean.sum()),
            "with_false_alarms": int((alarms > 0).sum()),
            "mean_false_alarm_share": float(alarms.mean()) if clean.any() else None,
        },
        "average_precision": _defined(curves.average_precision(histograms)),
        "expected_calibration_error": curves.expected_calibration_error(curves.calibration(histograms)),
        "brier_score": curves.brier_score(histograms),
    }


def _write(out: Path, assessment: Assessment) -> None:
    remove(out / f"{KIND}.json", missing_ok=True)  # unfinished until it is written again
    runs.write_per_image(out / "per_image.csv", assessment.per_image)
    curve = curves.curve(assessment.histograms)
    rows = zip(*(getattr(curve, name) for name in CURVE_COLUMNS), strict=True)
    tables.write_own(out / "curve.csv", CURVE_COLUMNS, ([row[0], *map(_defined, row[1:])] for row in rows))
    bins = curves.calibration(assessment.histograms)
    bin_rows = zip(bins.mean_predicted, bins.observed_share, bins.pixels, strict=True)
    tables.write_own(
        out / "calibration.csv",
        CALIBRATION_COLUMNS,
        ([number, _defined(mean), _defined(share), pixels] for number, (mean, share, pixels) in enumerate(bin_rows, 1)),
    )
    write_manifest(out, KIND, assessment.summary)


def _defined(value: float) -> float | None:
    """Return None for NaN, so that csv holds nothing and json null."""
    return None if math.isnan(value) else float(value)
