"""Compare ways of training on a few photos and renders together, on the validation photos of both sets.

    python -m tools.levers --data steel-bridges painted-steel --renders renders --out out/levers --stage steps
    python -m tools.levers --data steel-bridges painted-steel --renders renders --out out/levers --stage ways
    python -m tools.levers --data steel-bridges painted-steel --renders renders --out out/levers --stage unlabelled
    python -m tools.levers --data steel-bridges painted-steel --renders renders --out out/levers --stage abroad

Stage ``steps`` asks how long photos alone and photos with renders are best trained: 200, 400, 800 or 1,600 steps of 8
images, with 10 % and with all of the training photos of a set. Stage ``ways`` compares other ways of training with half
and half at `STEPS`: renders first and photos last, other ratios, strong augmentation, copy-paste, a larger picture, the
mean of the weights of a network of renders and one of photos. Flips at prediction are scored beside each run.
Statistics of batch normalisation were compared by `tools.fine_tuning`. In stage ``unlabelled``, training photos teach
without their labels: those of the same set, or of the other. Stage ``abroad`` compares recipes of the model that ships,
with all training photos of a set, by their F1 on the other: shares of renders, and two networks in place of one
mixture.

Each run is scored on the validation photos of its own set, at spots that it has not seen, and on those of the other
set. Test photos are left out. Weights are averaged over the last steps: no photo chooses an epoch.

Each finished run is kept: the same command resumes where it was cut off. After each run, a table of rows and one of
means are written, such as ``ways.csv`` and ``ways.md``.
"""

import csv
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from tyro.conf import arg

from corrotwin.segmentation.arms import DataArm
from corrotwin.segmentation.config import DEFAULT_BACKBONE, TrainConfig, configure, epochs_of
from corrotwin.twin.core import cli
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_json, write_json, write_text
from corrotwin.twin.core.locks import hold
from corrotwin.twin.core.machine import by_completion
from corrotwin.twin.core.text import say, say_error
from tools.fine_tuning import split_without_test

Stage = Literal["steps", "ways", "unlabelled", "abroad"]
STEPS = 400  # steps of the ways that are compared with one another
COLUMNS = ("set", "fraction", "way", "steps", "seed", "own", "own_flips", "other", "other_flips", "seconds")
FEW, ALL = 0.1, 1.0


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way of training: fields of the data arm, and settings in place of those of profile ``small``."""

    arm: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    unlabelled: Literal["own", "other"] | None = None
    """The set whose training photos teach without labels."""
    mean_of: tuple[str, ...] = ()
    """Ways whose networks are averaged; nothing is trained then."""
    mean: Literal["weights", "probabilities"] = "weights"
    """Whether their weights or their predictions are averaged."""


HALF = {"render_share": 0.5}
WAYS: Mapping[str, Way] = {
    "photos": Way(),
    "half": Way(arm=HALF),
    "renders": Way(arm={"render_share": 1.0}),
    "photos-strong": Way(arm={"augmentation": "strong"}),
    "half-strong": Way(arm={**HALF, "augmentation": "strong"}),
    "photos-strong-pasted": Way(arm={"augmentation": "strong", "copy_paste": 0.5}),
    "quarter": Way(arm={"render_share": 0.25}),
    "three-quarters": Way(arm={"render_share": 0.75}),
    "renders-first": Way(arm={"render_share": 0.0, "pretrain": 0.5}),
    "renders-first-slow-encoder": Way(arm={"render_share": 0.0, "pretrain": 0.5}, settings={"encoder_rate": 0.1}),
    "half-strong-192": Way(arm={**HALF, "augmentation": "strong"}, settings={"size": 192}),
    "half-224": Way(arm=HALF, settings={"size": 224}),
    "photos-224": Way(settings={"size": 224}),
    "photos-and-renders-averaged": Way(mean_of=("photos", "renders")),
    "renders-first-averaged": Way(mean_of=("renders-first", "renders")),
}
STRONG = {"augmentation": "strong"}
TAUGHT = {"self_training": "unlabelled"}
UNLABELLED_WAYS: Mapping[str, Way] = {
    "renders-taught": Way(arm={"render_share": 1.0, **TAUGHT}, unlabelled="own"),
    "half-strong-taught": Way(arm={**HALF, **STRONG, **TAUGHT}, unlabelled="own"),
    "photos-strong-taught": Way(arm={**STRONG, **TAUGHT}, unlabelled="own"),
    "photos-strong-teacher": Way(arm={**STRONG, "self_training": "photos"}),
    "half-strong-taught-abroad": Way(arm={**HALF, **STRONG, **TAUGHT}, unlabelled="other"),
}
AT_192 = {"size": 192}
ABROAD_WAYS: Mapping[str, Way] = {
    "half-strong-192": WAYS["half-strong-192"],
    "renders-strong-192": Way(arm={"render_share": 1.0, **STRONG}, settings=AT_192),
    "three-quarters-strong-192": Way(arm={"render_share": 0.75, **STRONG}, settings=AT_192),
    "photos-strong-192": Way(arm=STRONG, settings=AT_192),
    "half-and-renders-weights": Way(mean_of=("half-strong-192", "renders-strong-192")),
    "half-and-renders-probabilities": Way(mean_of=("half-strong-192", "renders-strong-192"), mean="probabilities"),
    "photos-and-renders-weights": Way(mean_of=("photos-strong-192", "renders-strong-192")),
    "photos-and-renders-probabilities": Way(mean_of=("photos-strong-192", "renders-strong-192"), mean="probabilities"),
}
ALL_WAYS = {**WAYS, **UNLABELLED_WAYS, **ABROAD_WAYS}
WHOLE_WAYS = ("photos", "half", "quarter", "renders-first")  # ways that train with all photos, too


@dataclass(frozen=True, kw_only=True, order=True)
class LeverRun:
    """One run of the study."""

    seed: int
    fraction: float
    way: str
    steps: int
    data: str

    @property
    def key(self) -> str:
        """The name of its folder."""
        return f"{self.data}-{100 * self.fraction:g}-{self.way}-{self.steps}-{self.seed}"


def cells(stage: Stage, sets: Sequence[str], seeds: Sequence[int]) -> Iterator[LeverRun]:
    """Yield the runs of a stage, those of one seed first."""
    if stage == "steps":
        for seed, steps, fraction, way in itertools.product(seeds, (400, 200, 800, 1600), (FEW, ALL), WAYS):
            if way in ("photos", "half") and (fraction == FEW or seed == seeds[0]):
                for data in sets:
                    yield LeverRun(data=data, fraction=fraction, way=way, steps=steps, seed=seed)
        return
    if stage in ("unlabelled", "abroad"):
        ways, fraction = (UNLABELLED_WAYS, FEW) if stage == "unlabelled" else (ABROAD_WAYS, ALL)
        for seed, way, data in itertools.product(seeds, ways, sets):
            yield LeverRun(data=data, fraction=fraction, way=way, steps=STEPS, seed=seed)
        return
    for seed, way, data in itertools.product(seeds, WAYS, sets):
        yield LeverRun(data=data, fraction=FEW, way=way, steps=STEPS, seed=seed)
    for way, data in itertools.product(WHOLE_WAYS, sets):
        yield LeverRun(data=data, fraction=ALL, way=way, steps=STEPS, seed=seeds[0])


def config_of(cell: LeverRun, photos: int) -> TrainConfig:
    """Return the settings of a run on a split with `photos` training photos."""
    way = ALL_WAYS[cell.way]
    settings = {"size": 128, "batch_size": 8, "keep": "averaged", "threads": 1, **way.settings}
    epochs = epochs_of(cell.steps, photos, settings["batch_size"])
    arm = DataArm(name=cell.way, real_fraction=cell.fraction, **way.arm)
    return configure("small", backbone=DEFAULT_BACKBONE, arm=arm, seed=cell.seed, epochs=epochs, **settings)


def score(cell: LeverRun, out: Path, sets: Mapping[str, Path], renders: Path) -> dict[str, float]:
    """Train a run, or take the existing one, and return its mean F1 by place; see `COLUMNS`."""
    from corrotwin.segmentation.data import coco

    path = out / "runs" / cell.key / "f1.json"
    photos, rendered = coco.read(sets[cell.data]), coco.read(renders)
    claim = {"photos": photos.digest, "renders": rendered.digest, "way": repr(ALL_WAYS[cell.way])}
    with hold(path.parent, "lever", claim):
        if path.exists():
            return {name: float(value) for name, value in read_json(path, inside=out).items()}
        scores = _measured(cell, out, photos, rendered, sets)
        write_json(path, scores)
    return scores


def _measured(cell: LeverRun, out: Path, photos: Any, rendered: Any, sets: Mapping[str, Path]) -> dict[str, float]:
    """Train a run, or average the runs whose mean it is, and return its mean F1 by place."""
    from corrotwin.segmentation.data import coco
    from corrotwin.segmentation.evaluation.loading import load_run
    from corrotwin.segmentation.training.averaging import mean_state
    from corrotwin.segmentation.training.train import train

    split = split_without_test(photos)
    way = ALL_WAYS[cell.way]
    ways = way.mean_of
    folders = [out / "runs" / replace(cell, way=way).key / "run" for way in ways or (cell.way,)]
    seconds = 0.0
    if not ways:
        config = config_of(cell, len(split.train))
        render_set = rendered if config.arm.takes_renders else None
        pictures = _pictures(cell, config, photos, sets)
        run = train(folders[0], config, real=photos, split=split, renders=render_set, unlabelled=pictures)
        seconds = float(run.history["seconds"].sum())
    loaded = [load_run(folder) for folder in folders]
    networks, config = [loaded_run.network for loaded_run in loaded], loaded[0].config
    if way.mean == "weights":
        networks[0].load_state_dict(mean_state([network.state_dict() for network in networks]))
        networks = networks[:1]
    (other,) = (folder for name, folder in sets.items() if name != cell.data)
    other_photos = coco.read(other / "valid")
    return {
        "seconds": seconds,
        **_f1("own", networks, config, photos, split.valid),
        **_f1("other", networks, config, other_photos, tuple(photo.file_name for photo in other_photos.photos)),
    }


def _pictures(cell: LeverRun, config: TrainConfig, photos: Any, sets: Mapping[str, Path]) -> Any:
    """Return the training photos that teach without their labels; None if there are none."""
    from corrotwin.segmentation.data import coco
    from corrotwin.segmentation.unlabelled.pictures import gather
    from corrotwin.twin.core.machine import cache_folder

    source = ALL_WAYS[cell.way].unlabelled
    if source is None:
        return None
    if source == "other":
        (other,) = (folder for name, folder in sets.items() if name != cell.data)
        photos = coco.read(other)
    split = split_without_test(photos)
    measured = (
        {group for name, group in split.group.items() if name.startswith("valid/")} if source == "other" else set()
    )
    train = {name for name in split.train if split.group[name] not in measured}
    paths = [photo.path for photo in photos.photos if photo.file_name in train]
    return gather(paths, size=config.size, framing=config.framing, cache=cache_folder())


def _f1(
    place: str, networks: Sequence[Any], config: TrainConfig, photos: Any, names: Sequence[str]
) -> dict[str, float]:
    """Return the mean F1 over photos, by the mean of the networks' probabilities, and the same averaged over flips."""
    from corrotwin.segmentation.data.decoded import Natives
    from corrotwin.segmentation.evaluation import evaluate
    from corrotwin.segmentation.models.network import torch_settings

    arrays = evaluate.decoded_arrays(photos, config)
    assert not isinstance(arrays, Natives)  # noqa: S101  no way crops
    rows = arrays.rows(names)
    images, masks = arrays.images[rows], arrays.masks[rows] > 0

    def probability(axes: tuple[int, ...]) -> npt.NDArray[np.float32]:
        flipped = np.ascontiguousarray(np.flip(images, axes))
        batches = []
        for first in range(0, len(flipped), 8):
            outputs = [evaluate.logits_of(network, config, flipped[first : first + 8])[:, 0] for network in networks]
            batches.append(np.mean([logits.sigmoid().cpu().numpy() for logits in outputs], axis=0))
        return np.flip(np.concatenate(batches), axes)

    def mean(found: npt.NDArray[np.float32]) -> float:
        called = found > evaluate.THRESHOLD
        counts = [
            (first & second).sum(axis=(1, 2))
            for first, second in ((called, masks), (called, ~masks), (~called, masks), (~called, ~masks))
        ]
        return float(evaluate.scores(*counts)[0].mean())

    with torch_settings(config.threads, config.precision):
        predictions = [probability(axes) for axes in ((), (1,), (2,), (1, 2))]
    return {place: mean(predictions[0]), f"{place}_flips": mean(np.mean(predictions, axis=0))}


def table(rows: Sequence[tuple[LeverRun, Mapping[str, float]]]) -> str:
    """Return the mean F1 of each way by set, fraction and steps, and that with flips, as Markdown."""
    lines = ["| trained on | way | steps | runs | own F1, by flips | other set's F1, by flips |", "|---" * 6 + "|"]
    groups: dict[tuple[str, float, str, int], list[Mapping[str, float]]] = {}
    for cell, scores in sorted(rows, key=lambda row: (row[0].data, row[0].fraction, row[0].way, row[0].steps)):
        groups.setdefault((cell.data, cell.fraction, cell.way, cell.steps), []).append(scores)
    for (data, fraction, way, steps), group_scores in groups.items():
        own, other = (
            ", ".join(f"{np.mean([scores[name + suffix] for scores in group_scores]):.3f}" for suffix in ("", "_flips"))
            for name in ("own", "other")
        )
        lines.append(f"| {100 * fraction:g} % of {data} | {way} | {steps} | {len(group_scores)} | {own} | {other} |")
    return "\n".join(lines) + "\n"


def write(out: Path, stage: Stage, rows: Sequence[tuple[LeverRun, Mapping[str, float]]]) -> None:
    """Write a row for each run, and the table."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / f"{stage}.csv").open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        for cell, scores in sorted(rows, key=lambda row: row[0].key):
            identity = [cell.data, cell.fraction, cell.way, cell.steps, cell.seed]
            writer.writerow([*identity, *(f"{scores[name]:.6g}" for name in COLUMNS[5:])])
    write_text(out / f"{stage}.md", table(rows))


def levers(
    data: Annotated[tuple[Path, ...], arg(help="two sets of photos with masks, and a folder valid each")],
    renders: Annotated[Path, arg(help="renders, a COCO dataset")],
    out: Annotated[Path, arg(help="folder for runs and tables")],
    stage: Annotated[Stage, arg(help="steps, or ways of training")] = "steps",
    seeds: Annotated[tuple[int, ...], arg(help="seeds of the drawn photos and the networks")] = (0, 1),
    workers: Annotated[int, arg(help="runs at a time, one core each")] = 2,
) -> None:
    """Screen how long, and in which way, photos and renders are best trained together."""
    sets = {folder.resolve().name: folder.resolve() for folder in data}
    if len(sets) != 2:
        raise InputError("--data: give two sets of photos")
    rows: list[tuple[LeverRun, Mapping[str, float]]] = []
    planned = list(cells(stage, list(sets), seeds))
    trained = [cell for cell in planned if not ALL_WAYS[cell.way].mean_of]
    for batch in (trained, [cell for cell in planned if cell not in trained]):  # means once their runs exist
        calls = {cell: (cell, out.resolve(), sets, renders.resolve()) for cell in batch}
        for cell, scores in by_completion(score, calls, workers):
            rows.append((cell, scores))
            say_error(f"{cell.key}: {scores['own']:.3f} on its own set, {scores['other']:.3f} on the other")
            write(out, stage, rows)
    say(table(rows), end="")


if __name__ == "__main__":
    cli.run_one("python -m tools.levers", levers)
