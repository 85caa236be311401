"""Averages of the weights of several runs, each a run itself (M. Wortsman et al., Model soups, ICML 2022)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

import torch

from corrotwin.segmentation import runs
from corrotwin.segmentation.arms import REAL
from corrotwin.segmentation.config import TrainConfig
from corrotwin.segmentation.data import splits
from corrotwin.segmentation.data.coco import CocoDataset
from corrotwin.segmentation.evaluation.evaluate import trained_on
from corrotwin.segmentation.evaluation.loading import config_of
from corrotwin.segmentation.evaluation.verification import run_split
from corrotwin.segmentation.models.network import load_weights, place, torch_settings
from corrotwin.segmentation.training import checkpoint, completion, fine_tuning
from corrotwin.segmentation.training.inputs import RunInputs, prepare
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import digest, writing
from corrotwin.twin.core.locks import hold

Statistics = Literal["re-estimated", "averaged"]
# Settings that the runs must share; the average takes the others from the first run.
SAME = ("backbone", "architecture", "arm", "size", "framing", "precision", "max_eval_images")


def checked_records(folders: Sequence[Path]) -> list[runs.RunRecord]:
    """Return the records of runs if these can be averaged.

    Raises
    ------
    InputError
        There are fewer than two runs, one is incomplete or named twice, or they differ in a setting of `SAME`, photos,
        split or renders.
    """
    if len(set(folders)) < max(2, len(folders)):
        raise InputError("an average needs two different runs or more; name their folders")
    records = [runs.load(folder) for folder in folders]
    first = config_of(folders[0], records[0])
    for folder, run in zip(folders[1:], records[1:], strict=True):
        config = config_of(folder, run)
        pairs = {name: (getattr(config, name), getattr(first, name)) for name in SAME}
        theirs, ours = (record.manifest.get("data") or {} for record in (run, records[0]))
        pairs |= {name: (theirs.get(name), ours.get(name)) for name in ("real", "split", "renders")}
        for name, (other, own) in pairs.items():
            if other != own:
                what = {"real": "photos"}.get(name, name)
                raise InputError(f"{folder}: {what} is {other}, but {own} in {folders[0]}; choose runs that agree")
    return records


def average(folders: Sequence[Path], out: Path, *, data: CocoDataset, batch_norm: Statistics) -> runs.RunRecord:
    """Average the weights of complete runs and write the average as a complete run to `out`.

    Its configuration is that of the first run, with `init` the digest of all weights; `averaged` in `run.json` lists
    them and says where the statistics of batch normalisation come from.

    Parameters
    ----------
    folders : runs of one network, one dataset and one split.
    out : absent, empty, or holding the same average.
    data : the real photos that the runs were trained on.
    batch_norm : re-estimated over the photos that trained any of the runs, or averaged as the weights are.

    Raises
    ------
    InputError
        The runs do not fit one another or the data, or saw no photos on which to re-estimate statistics.
    """
    records = checked_records(folders)
    configs = [config_of(folder, run) for folder, run in zip(folders, records, strict=True)]
    if not trained_on(records[0], data):
        raise InputError(f"{data.folder}: is not the dataset that {folders[0]} was trained on; give that one")
    split = run_split(folders[0], records[0])
    digests = [runs.weights_digest(folder) for folder in folders]
    config = replace(configs[0], init=digest([*digests, batch_norm]), encoder_weights=None)
    inputs = _inputs(config, data, split, records)
    if batch_norm == "re-estimated" and not len(inputs.loader.photos.rows):
        raise InputError(f"{folders[0]}: these runs were trained without photos; choose `batch_norm` averaged")
    identity = runs.identity(config, data, split, None)
    identity["data"]["renders"] = (records[0].manifest.get("data") or {}).get("renders")
    settings = {**identity["config"], "averaged": digests, "batch_norm": batch_norm}
    first_network = load_weights(folders[0] / runs.WEIGHTS, config.backbone, config.architecture)
    other_networks = [
        load_weights(folder / runs.WEIGHTS, config.backbone, config.architecture) for folder in folders[1:]
    ]
    with writing(out), hold(out, runs.KIND, settings), torch_settings(config.threads, config.precision):
        if (out / f"{runs.KIND}.json").exists():
            return runs.load(out)
        first_network.load_state_dict(
            mean_state([network.state_dict() for network in (first_network, *other_networks)])
        )
        network = place(first_network, config.precision)
        if batch_norm == "re-estimated":
            fine_tuning.re_estimate(network, config, inputs.loader)
        splits.save(split, out / runs.SPLIT)
        runs.write_history(out, [])
        content = {
            **completion.known_from_start(identity, config, inputs),
            "best_epoch": 0,
            "train_seconds": sum(run.manifest.get("train_seconds") or 0.0 for run in records),
            "averaged": {"weights": digests, "batch_norm": batch_norm},
        }
        completion.complete(out, network, config, inputs, split=split, content=content)
        checkpoint.remove(out)
    return runs.load(out)


def _inputs(
    config: TrainConfig, data: CocoDataset, split: splits.Split, records: Sequence[runs.RunRecord]
) -> RunInputs:
    """Return the inputs of a run on all photos that trained any of the runs, with what these record of their inputs."""
    manifests = [run.manifest for run in records]
    inputs = prepare(replace(config, arm=REAL, batch_norm="train"), data, split, None, workers=0)
    hashes, unlabelled, looks = (
        {entry for manifest in manifests for entry in manifest.get(name) or ()}
        for name in ("seen", "seen_unlabelled", "seen_looks")
    )
    names = [photo.file_name for photo in data.photos if photo.sha256 in hashes and photo.file_name in set(split.train)]
    loader = replace(
        inputs.loader,
        config=replace(config, arm=REAL, batch_norm="train"),
        photos=replace(inputs.loader.photos, rows=inputs.photos.rows(names)),
        plan=replace(
            inputs.loader.plan,
            photos=len(names),
            renders=(manifests[0].get("counts") or {}).get("train_renders", 0),
        ),
    )
    return replace(
        inputs,
        loader=loader,
        seen=sorted(hashes),
        unlabelled=sorted(unlabelled),
        looks=sorted(looks),
        scale=fmean(manifest.get("scale") or inputs.scale for manifest in manifests),
        photo_side=fmean(manifest.get("photo_side") or inputs.photo_side for manifest in manifests),
    )


def mean_state(states: Sequence[Mapping[str, torch.Tensor]]) -> dict[str, Any]:
    """Return the mean of weights, computed in float64; integer counters are those of the first."""
    return {
        name: torch.stack([state[name].double() for state in states]).mean(dim=0).to(tensor.dtype)
        if tensor.is_floating_point()
        else tensor
        for name, tensor in states[0].items()
    }
