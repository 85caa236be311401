"""Model card of a trained network: what it was trained on, how well it performs, what it is not for.

After M. Mitchell et al., Model Cards for Model Reporting, Proc. FAT* 2019.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from corrotwin.segmentation import runs
from corrotwin.segmentation.config import SIZE_STEP, THRESHOLD
from corrotwin.segmentation.data import splits
from corrotwin.segmentation.evaluation import evaluate
from corrotwin.segmentation.evaluation.loading import config_of
from corrotwin.segmentation.evaluation.threshold import describe
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_manifest
from corrotwin.twin.core.text import counted, escape_markdown, markdown_code, markdown_span

RESAMPLES = 5000
MOST_DRAWN = 2**20  # groups in memory at a time
FEWEST = 5  # groups needed for an interval
GROUPS, PHOTOGRAPHS = "groups of photographs (spots)", "photographs"  # units of the bootstrap


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A mean over photos and its 95 % interval, whose ends are None if there are too few groups."""

    mean: float
    low: float | None
    high: float | None

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"{self.mean:.3f} (too few photos for an interval)"
        return f"{self.mean:.3f} ({self.low:.3f} to {self.high:.3f})"


def interval(values: npt.NDArray[np.float64], groups: Sequence[str]) -> Interval:
    """Return the mean over n photos with the 95 % percentile interval of a bootstrap over whole groups.

    Parameters
    ----------
    values : (n,).
    groups : group of each photo; photos of one spot resemble each other, so they are drawn together.
    """
    from scipy.stats import bootstrap

    names, inverse = np.unique(groups, return_inverse=True)
    batch = max(1, MOST_DRAWN // len(names))
    mean = float(values.mean())
    if len(names) < FEWEST:
        return Interval(mean=mean, low=None, high=None)
    sums, counts = np.bincount(inverse, values), np.bincount(inverse)
    result = bootstrap(
        (sums, counts), lambda s, n, axis: s.sum(axis=axis) / n.sum(axis=axis), paired=True, vectorized=True,
        n_resamples=RESAMPLES, batch=batch, method="percentile", rng=np.random.default_rng(0),
    )  # fmt: skip
    low, high = (float(end) for end in result.confidence_interval)
    return Interval(mean=mean, low=low, high=high)


def text(folder: Path, evaluations: Sequence[Path] = ()) -> str:
    """Return the card of a complete run as Markdown, without the section on use (see `usage`).

    Raises
    ------
    InputError
        The run or an evaluation cannot be read.
    """
    run = runs.load(folder)
    manifest, trained = run.manifest, config_of(folder, run)
    config, renders_alone = asdict(trained), not trained.arm.takes_photos
    counts, data = manifest.get("counts") or {}, manifest.get("data") or {}
    arm, unused = config["arm"], () if config["framing"] == "crop" else ("crops",)
    photos = "no" if renders_alone else counts.get("train_photos", "?")
    split = splits.load(folder / runs.SPLIT) if (folder / runs.SPLIT).is_file() else None
    group = split.group if split is not None else {}
    table = run.per_image
    low, high = np.percentile(evaluate.scores(table.tp, table.fp, table.fn, table.tn)[0], (10, 90))
    clean = table.tp + table.fn == 0
    how = f"{split.how}, seed {split.seed}" if split is not None else "unknown (split.json is missing)"
    rows = [_scored("test part of its own dataset", table, group)]
    rows += [_evaluated(path, runs.weights_digest(folder), group) for path in evaluations]
    lines = [
        f"# {config['architecture']} with {config['backbone']}, trained on {_arm(arm, renders_alone)}",
        "",
        "Outlines corrosion in photographs of steel: for each pixel the probability that it shows corrosion.",
        "",
        "## Training data",
        "",
        *_averaged(manifest),
        f"- {photos} photographs and {counts.get('train_renders', 0)} renders; {_chosen(config, manifest)}, "
        f"{counts.get('test', len(table.image))} were kept for the scores below.",
        *_without_labels(manifest),
        f"- Dataset {markdown_span(str(data.get('real')))} (a hash of images and labels), categories: "
        f"{', '.join(map(escape_markdown, manifest.get('classes') or ())) or 'all, as one'}.",
        *([f"- Renders {markdown_span(str(data['renders']))}."] if data.get("renders") else []),
        f"- Split {markdown_span(str(data.get('split')))}: {how}.",
        f"- {_framing(config, manifest, renders_alone)}",
        f"- {config['epochs']} epochs, batches of {config['batch_size']}, {config['loss']} loss, "
        f"{_first_weights(config, manifest)}augmentation {arm['augmentation']}, "
        f"precision {config['precision']}, seed {config['seed']}.",
        "",
        "## Performance",
        "",
        "Mean over photographs, with 95 % intervals of a bootstrap that draws the units named.",
        "",
        "| photographs | n | F1 | IoU | drawn |",
        "|---|---|---|---|---|",
        *rows,
        "",
        f"On one test photograph in ten F1 is below {low:.2f}, on one in ten above {high:.2f}.",
        *([_clean(table, clean)] if clean.any() else []),
        f"The scores of its own test photographs are at threshold {THRESHOLD:g}. {_drawn(run, evaluations)}",
        "",
        "## Limits",
        "",
        "- These are scores of one run: another seed gives another network, by a point or more of F1.",
        *(
            [
                "- Where photographs are drawn, each counts as independent. If several show one spot, the intervals "
                "are too narrow; if copies of one photograph are in both training and test, the scores are too good."
            ]
            if any(row.endswith(f" {PHOTOGRAPHS} |") for row in rows)
            else []
        ),
        "- It has the habits of its labels: how finely rust was outlined, what counted as rust.",
        "- Photographs with other assets, light or distances than those of its training are another task; measure "
        "before use: `corrotwin segmentation evaluate`.",
        "- It sees only the surface. It does not know how deep corrosion goes, or whether a part is safe.",
        "- The licences of its training images and of its initial weights bind whoever passes it on.",
        "",
        "## How it was made",
        "",
        f"On {escape_markdown(str(manifest.get('device', 'an unknown device')))}, "
        + ", ".join(escape_markdown(f"{name} {number}") for name, number in (manifest.get("versions") or {}).items())
        + ".",
        "",
        "```json",
        markdown_code(json.dumps({key: value for key, value in config.items() if key not in unused}, indent=1)),
        "```",
        "",
    ]
    return "\n".join(lines)


def threshold(run: runs.RunRecord, evaluations: Sequence[Path]) -> float:
    """Return the threshold that all evaluations share, else the one that validation photos chose, else the run's.

    Evaluations with `adapt` do not count: they are of a network with other statistics.
    """
    all_manifests = (read_manifest(path, "evaluation") or {} for path in evaluations)
    manifests = [manifest for manifest in all_manifests if not manifest.get("adapted")]
    stated = {manifest["threshold"] for manifest in manifests}
    chosen = {manifest["threshold"] for manifest in manifests if manifest.get("threshold_from")}
    return float(next((value for values in (stated, chosen) if len(values) == 1 for value in values), run.threshold))


def usage(model: Mapping[str, Any]) -> str:
    """Return the section on use of the exported file as Markdown; `model` is the content of `model.json`."""
    size = model["size"]
    enlarged = ""
    if model["framing"] == "resize":
        taken = f"Photographs are squeezed to {size} x {size} pixels by area, as in training."
        enlarged = "probability = cv2.resize(probability, photo.shape[1::-1], interpolation=cv2.INTER_LINEAR)\n"
        sizing = f"images = cv2.resize(photo, ({size}, {size}), interpolation=cv2.INTER_AREA)[None]"
    elif model["sides"].endswith("only"):
        taken = f"Photographs are taken at their own scale, a square of {size} pixels at a time."
        sizing = f"photo = photo[:{size}, :{size}]\n" + _continued(f"{size} - height", f"{size} - width")
    else:
        taken = "Photographs are taken at their own scale, continued by their border pixels to multiples of 32."
        sizing = _continued(f"-height % {SIZE_STEP}", f"-width % {SIZE_STEP}")
    cut = "" if model["framing"] == "resize" else "[:height, :width]"
    # In whole millionths: anything less is rounding, which differs from one export to the next.
    within = ceil(1e6 * model["greatest_difference_from_torch"]) / 1e6
    return f"""
## How to use it

`model.onnx` takes RGB photographs, uint8 (n, height, width, 3), sides {model["sides"]}, and gives the probability of
corrosion, float32 (n, height, width). {taken} A probability
above {model["threshold"]:.3g} counts as corrosion. These lines read photographs of 8 bits a channel;
`corrotwin predict` also reads those of 16.

```python
import cv2, numpy as np, onnxruntime
from PIL import Image, ImageOps

photo = np.asarray(ImageOps.exif_transpose(Image.open("photo.jpg")).convert("RGB"))
{sizing}
session = onnxruntime.InferenceSession("model.onnx")
probability = session.run(None, {{"images": images}})[0][0]{cut}
{enlarged}Image.fromarray((probability > {model["threshold"]!r}).astype(np.uint8) * 255).save("mask.png")
```

Its output agrees with that of torch within {within:.1e}. Large photographs are better cut
into tiles: `corrotwin predict --tiling always` does that.
"""


def _continued(down: str, right: str) -> str:
    """Return lines of Python that pad a photo with its border pixels, as `evaluate.logits_of` does."""
    return (
        "height, width = photo.shape[:2]\n"
        f'images = np.pad(photo, ((0, {down}), (0, {right}), (0, 0)), mode="edge")[None]'
    )


def _averaged(manifest: Mapping[str, Any]) -> list[str]:
    """Return a line on the runs whose weights were averaged; none for a run that was trained."""
    averaged = manifest.get("averaged")
    if averaged is None:
        return []
    weights = [markdown_span(str(digest)) for digest in averaged["weights"]]
    return [
        f"- The average of the weights of {len(weights)} runs ({', '.join(weights)}), batch-norm statistics "
        f"{averaged['batch_norm']}. Photographs that trained any of them are counted; epochs, batches, loss, "
        "augmentation and seed are those of the first."
    ]


def _without_labels(manifest: Mapping[str, Any]) -> list[str]:
    """Return a line on the pictures that were seen without labels; none if there are none."""
    count = len(manifest.get("seen_unlabelled") or ())
    return [f"- {counted(count, 'file')} of photographs or videos without labels."] if count else []


def _chosen(config: Mapping[str, Any], manifest: Mapping[str, Any]) -> str:
    """Return a clause on what the validation photos decided."""
    count = (manifest.get("counts") or {}).get("valid", "?")
    if config["keep"] == "averaged":
        return f"{count} photographs chose the threshold alone, since the weights are averages of the last steps"
    return f"{count} photographs chose the epoch{' of each run' if manifest.get('averaged') else ''}"


def _first_weights(config: Mapping[str, Any], manifest: Mapping[str, Any]) -> str:
    """Return a clause on the weights of a run before its first step; empty for an average, which states none."""
    if manifest.get("averaged"):
        return ""
    if config["init"] is not None:
        return f"initial weights of another run ({markdown_span(config['init'])}), "
    return f"initial weights {config['encoder_weights'] or 'random'}, "


def _arm(arm: Mapping[str, Any], renders_alone: bool) -> str:
    if renders_alone:
        towards = f", made more like photographs by {arm['adaptation']}" if arm["adaptation"] else ""
        return f"renders alone, arm {arm['name']}{towards}"
    part = "" if arm["real_fraction"] == 1 else f"{100 * arm['real_fraction']:g} % of the "
    return f"{part}real photographs" if arm["name"] == "real" else f"{part}photographs, arm {arm['name']}"


def _framing(config: Mapping[str, Any], manifest: Mapping[str, Any], renders_alone: bool) -> str:
    if config["framing"] == "crop":
        whose = "renders'" if renders_alone else "photographs'"
        return f"Squares of {config['size']} pixels were cut out at the {whose} own scale."
    scale = manifest.get("scale")
    whose = "the photographs'" if renders_alone else "their"
    by = f", which is {scale:.3g} of {whose} own scale" if isinstance(scale, float) else ""
    what = "Renders, and the photographs of the scores, were" if renders_alone else "Photographs were"
    return f"{what} squeezed to {config['size']} x {config['size']} pixels{by}."


def _drawn(run: runs.RunRecord, evaluations: Sequence[Path]) -> str:
    """Return a sentence on the threshold of masks; `usage` takes that of the evaluations if it differs."""
    why = describe(run.manifest.get("threshold")).replace("photos", "photographs")
    drawn = threshold(run, evaluations)
    if drawn == run.threshold:
        return f"Masks are best drawn at {drawn:.3g}{why}."
    return f"The threshold of the run is {run.threshold:.3g}{why}. Masks are drawn below as evaluated, at {drawn:.3g}."


def _clean(table: runs.PerImage, clean: npt.NDArray[np.bool_]) -> str:
    alarms = int((table.fp[clean] > 0).sum())
    return f"Of {int(clean.sum())} test photographs without corrosion, {alarms} have false alarms."


def _evaluated(path: Path, weights: str, group: Mapping[str, str]) -> str:
    """Return the row of the score table for another dataset."""
    evaluation = read_manifest(path, "evaluation")
    if evaluation is None:
        raise InputError(f"{path}: no evaluation (evaluation.json is missing); use corrotwin segmentation evaluate")
    if evaluation.get("weights") != weights:
        raise InputError(f"{path}: belongs to another run; evaluate this one")
    threshold = evaluation.get("threshold")
    if not isinstance(threshold, float) or not 0 < threshold < 1 or not {"photos", "data"} <= set(evaluation):
        raise InputError(f"{path / 'evaluation.json'}: damaged; evaluate again")
    table = runs.read_per_image(path / "per_image.csv")
    which = "all unseen photographs" if evaluation["photos"] == "unseen" else evaluation["photos"]
    where = f"{markdown_span(str(evaluation['data']))} ({escape_markdown(path.name)})"
    adapted = ", transductive: with their batch-norm statistics (`--adapt`), which `model.onnx` lacks"
    shown = f"{escape_markdown(str(which))} of {where}, threshold {threshold:.3g}"
    shown += adapted if evaluation.get("adapted") else ""
    # The groups are those of the run's own photos: a photo of another dataset may share a name with one of them.
    return _scored(shown, table, group if evaluation["photos"] == "test" else {})


def _scored(shown: str, table: runs.PerImage, group: Mapping[str, str]) -> str:
    """Return a row of the score table; its last cell names the units of the bootstrap."""
    f1, iou = evaluate.scores(table.tp, table.fp, table.fn, table.tn)
    groups = [group.get(name, name) for name in table.image]
    unit = GROUPS if len(set(groups)) < len(groups) else PHOTOGRAPHS
    return f"| {shown} | {len(f1)} | {interval(f1, groups)} | {interval(iou, groups)} | {unit} |"
