r"""Measure trained networks, combined or adapted, on photographs of another set, without training again.

    python -m tools.combined_networks out/across --other painted-steel --part valid
    python -m tools.combined_networks out/across --other painted-steel --table docs/results/across.csv

The first argument is the folder of ``corrotwin benchmarks transfer --folds 1 --across OTHER``. Question: if networks of
photographs do badly on other places and networks of renders better, how good are the two together, without a training
that mixes them? In each run both started from the same initial weights. Combinations:

- ``mean-weights``: one network, halfway between both (M. Wortsman et al., Model soups, ICML 2022);
- ``mean-probabilities``: the mean of what both predict, as ``corrotwin predict --run PHOTOS RENDERS``.

Each network is also measured after its batch normalisation was adapted to the measured photographs, as ``corrotwin
predict --adapt`` does without their masks: ``ARM-adapted``.

``--part valid`` measures on the validation photographs of the other set, to choose by; without it all of its
photographs are measured, and ``--table`` joins the rows to those of the transfer (`tools.result_tables.pooled`).

Cost: one minute of one core for each run and 100 photographs.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
from tyro.conf import Positional, arg

from corrotwin.benchmarks.transfer.protocol import RENDERS
from corrotwin.benchmarks.transfer.resampling import WHOLE
from corrotwin.segmentation.arms import REAL
from corrotwin.segmentation.config import THRESHOLD
from corrotwin.segmentation.data.coco import CocoDataset, read
from corrotwin.twin.core import cli
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_json
from corrotwin.twin.core.text import say
from tools.result_tables import PHOTOGRAPHS, pooled
from tools.result_tables.pooled import Place

if TYPE_CHECKING:
    from corrotwin.segmentation.runs import PerImage

WEIGHTS, PROBABILITIES = "mean-weights", "mean-probabilities"
ADAPTED = "-adapted"  # ends the name of an arm whose networks took statistics of the measured photographs


def measure(folder: Path, other: Path, part: str | None = None) -> dict[Place, "PerImage"]:
    """Measure the networks of a transfer folder, combined and adapted, on another set, or on a part of it.

    Raises
    ------
    InputError
        The other set has no such part, or a run lacks its network of photographs or of renders, or has several.
    """
    data = read(other)
    names = [photo.file_name for photo in data.photos if part in (None, photo.split)]
    if not names:
        raise InputError(f"{other}: has no part {part}")
    run_folders = [path for path in sorted(folder.glob(f"*/*/{WHOLE}")) if path.parts[-3] != other.name]
    if not run_folders:
        raise InputError(f"{folder}: no run of `transfer --folds 1` is here, trained on another set than {other.name}")
    networks: dict[Place, PerImage] = {}
    for run_folder in run_folders:
        runs = _by_arm(run_folder)
        if lacking := {REAL.name, RENDERS} - runs.keys():
            raise InputError(f"{run_folder}: has no complete run of {lacking.pop()}")
        number = read_json(runs[REAL.name] / "run.json")["seed"] + 1
        for arm, counts in _of_run(runs, data, names):
            networks[Place(run_folder.relative_to(folder).parts[0], other.name, number, arm)] = counts
    return networks


def _by_arm(whole: Path) -> dict[str, Path]:
    """Return the folder of the run of each arm."""
    runs: dict[str, Path] = {}
    for path in sorted(whole.glob("*/runs/*/run.json")):
        arm, folder = str(read_json(path)["config"]["arm"]["name"]), path.parent
        if runs.setdefault(arm, folder) != folder:
            first, second = (run_folder.relative_to(whole) for run_folder in (runs[arm], folder))
            raise InputError(
                f"{whole}: has two runs of {arm}, {first} and {second}; give a transfer folder of one set of renders, "
                "made without --render-counts"
            )
    return runs


def _of_run(runs: dict[str, Path], data: CocoDataset, names: list[str]) -> Iterator[tuple[str, "PerImage"]]:
    """Yield the pixel counts of each arm of a run, of each arm when adapted, and of the two combinations."""
    import torch

    from corrotwin.segmentation.evaluation import adaptation, evaluate
    from corrotwin.segmentation.evaluation.loading import load_run
    from corrotwin.segmentation.models.network import torch_settings
    from corrotwin.segmentation.runs import PerImage
    from corrotwin.segmentation.training.averaging import mean_state

    loaded = {arm: load_run(folder) for arm, folder in runs.items()}
    photos, renders, config = loaded[REAL.name].network, loaded[RENDERS].network, loaded[REAL.name].config
    arrays = evaluate.decoded_arrays(data, config)
    with torch_settings(config.threads, config.precision):
        predictions = {
            arm: [*evaluate.probabilities(run.network, config, arrays, names)] for arm, run in loaded.items()
        }
        predicted = {arm: np.array([probability for probability, _ in pairs]) for arm, pairs in predictions.items()}
        predicted[PROBABILITIES] = np.mean([predicted[REAL.name], predicted[RENDERS]], axis=0)
        truth = torch.from_numpy(np.array([mask for _, mask in predictions[REAL.name]]))
        for arm, probability in predicted.items():
            tp, fp, fn, tn = evaluate.confusion(torch.from_numpy(probability > THRESHOLD), truth).numpy()
            yield arm, PerImage(image=tuple(names), tp=tp, fp=fp, fn=fn, tn=tn)
        averaged = mean_state([photos.state_dict(), renders.state_dict()])
        for arm, run in loaded.items():
            adaptation.adapt(run.network, config, adaptation.shown_photos(arrays, names))
            yield f"{arm}{ADAPTED}", evaluate.measure(run.network, config, arrays, names)[1]
        photos.load_state_dict(averaged)
        yield WEIGHTS, evaluate.measure(photos, config, arrays, names)[1]


def combined_networks(
    folder: Positional[Path],
    other: Annotated[Path, arg(help="the other set of photographs")],
    part: Annotated[str | None, arg(help="part of it, such as valid; by default all photographs")] = None,
    table: Annotated[Path | None, arg(help="table that the rows join")] = None,
    spots: Annotated[Path, arg(help="folder of a table SET.csv for each set, with file_name and spot")] = PHOTOGRAPHS,
) -> None:
    """Measure a network of photographs and one of renders on another set: both, their means, and each when adapted.

    Parameters
    ----------
    folder
        folder of a transfer with one fold.
    """
    if part is not None and table is not None:
        raise InputError("`table`: holds whole sets; leave out `part`")
    networks = measure(folder, other, part)
    if table is not None:
        networks = pooled.joined(pooled.read(table), networks)
        pooled.write(table, networks)
    say(pooled.markdown(networks, spots), end="")


if __name__ == "__main__":
    cli.run_one("python -m tools.combined_networks", combined_networks)
