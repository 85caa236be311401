"""Score renders by a network that learns from them alone, and its F1 on validation photos of each set.

Settings are the same for all renders: an ImageNet encoder, equal steps, averaged weights, threshold 0.5. No photo
chooses anything. Test photos are never read.
"""

from collections.abc import Mapping
from pathlib import Path

from corrotwin.segmentation.arms import DataArm
from corrotwin.segmentation.config import DEFAULT_BACKBONE, TrainConfig, configure
from corrotwin.segmentation.data import coco, splits
from corrotwin.segmentation.evaluation.evaluate import measure_run, scores
from corrotwin.segmentation.training.train import train
from corrotwin.twin.core.files import read_json, write_json

SIZE, BATCH = 128, 8
EPOCH_STEPS = 10
ALONE = DataArm(name="renders", render_share=1.0)


def config_of(steps: int, seed: int) -> TrainConfig:
    """Return the settings of a run of `steps` steps, a multiple of `EPOCH_STEPS`."""
    return configure(
        "small", backbone=DEFAULT_BACKBONE, arm=ALONE, seed=seed, size=SIZE, batch_size=BATCH, keep="averaged",
        threads=1, epochs=steps // EPOCH_STEPS, max_train_images=EPOCH_STEPS * BATCH, max_eval_images=BATCH,
    )  # fmt: skip


def score(renders: Path, out: Path, sets: Mapping[str, Path], *, steps: int, seed: int) -> dict[str, float]:
    """Train on renders and return the mean F1 over the validation photos of each set; what `out` holds is kept.

    Parameters
    ----------
    renders : a COCO dataset.
    out : folder of the run, and of its scores.
    sets : folders by name, each with ``train`` and ``valid``. The training photos of the first make up the epochs of
        the run, which sees none of them.
    """
    path = out / "f1.json"
    if path.exists():
        return {name: float(value) for name, value in read_json(path, inside=out).items()}
    photos = coco.read(next(iter(sets.values())) / "train")
    split = splits.split(photos, how="published", seed=0)
    run = out / "run"
    train(run, config_of(steps, seed), real=photos, split=split, renders=coco.read(renders))
    found: dict[str, float] = {}
    for name, folder in sets.items():
        table = measure_run(run, coco.read(folder / "valid"))
        found[name] = float(scores(table.tp, table.fp, table.fn, table.tn)[0].mean())
    write_json(path, found)
    return found
