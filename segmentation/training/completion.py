"""Completion of a run: measure its test photos, then write its weights and tables, and `run.json` last."""

import platform
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from corrotwin.segmentation import runs
from corrotwin.segmentation.config import TrainConfig
from corrotwin.segmentation.data.splits import Split
from corrotwin.segmentation.evaluation.curves import edges, histograms
from corrotwin.segmentation.evaluation.evaluate import measure, probabilities
from corrotwin.segmentation.evaluation.threshold import choose
from corrotwin.segmentation.models.network import beyond_paper, bf16_supported
from corrotwin.segmentation.models.tensor_files import save_tensors
from corrotwin.segmentation.training.inputs import RunInputs
from corrotwin.twin.core.files import versions, write_manifest
from corrotwin.twin.core.machine import system_text


def known_from_start(identity: Mapping[str, Any], config: TrainConfig, inputs: RunInputs) -> dict[str, Any]:
    """Return the part of a run's manifest that is known before its first step.

    Parameters
    ----------
    identity : from `segmentation.runs.identity`.
    """
    plan = inputs.loader.plan
    return {
        **identity,
        "config_digest": config.digest,
        "counts": {
            "train_photos": plan.photos if config.arm.takes_photos else 0,
            "train_renders": plan.renders,
            "valid": len(inputs.valid),
            "test": len(inputs.test),
            "steps": config.epochs * plan.steps_per_epoch,
        },
        "classes": None if inputs.classes is None else list(inputs.classes),
        "scale": inputs.scale,
        "photo_side": inputs.photo_side,
        "seen": list(inputs.seen),
        **({"seen_unlabelled": list(inputs.unlabelled)} if inputs.unlabelled else {}),
        **({"seen_looks": list(inputs.looks)} if inputs.looks else {}),
        "tested": list(inputs.tested),
        "beyond_paper": beyond_paper(config.backbone, config.architecture),
        "seed": config.seed,
        "threads": config.threads,
        "device": _describe(inputs.loader.where),
        "bfloat16": config.precision == "fast" and bf16_supported(inputs.loader.where.type),
        "versions": versions(*runs.VERSIONED),
    }


def complete(
    folder: Path,
    network: torch.nn.Module,
    config: TrainConfig,
    inputs: RunInputs,
    *,
    split: Split,
    content: Mapping[str, Any],
) -> None:
    """Measure a trained network on the test photos, at 0.5 as published, and write weights, tables and run.json.

    run.json also holds the threshold that is chosen on the validation photos.

    Parameters
    ----------
    network : the network, on its device.
    content : the rest of the manifest, with `best_epoch`.
    split : split of the photos, for their groups.
    """
    predicted = probabilities(network, config, inputs.photos, inputs.valid)
    threshold = choose(histograms(inputs.valid, predicted, edges()), split.groups_of(inputs.valid))
    _, table = measure(network, config, inputs.photos, inputs.test)
    # These entries make the weights usable before run.json exists.
    metadata = {"config_digest": config.digest, "epoch": str(content["best_epoch"])}
    save_tensors(folder / runs.WEIGHTS, network.state_dict(), metadata)
    runs.write_per_image(folder / "per_image.csv", table)
    write_manifest(folder, runs.KIND, {**content, "threshold": asdict(threshold)})


def _describe(where: torch.device) -> str:
    """Return the type of device, on which results depend, such as ``cpu (Intel Xeon, AVX512)``."""
    if where.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(where)})"
    lines = system_text(Path("/proc/cpuinfo")).splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    name = names[0] if names else platform.machine()
    return f"cpu ({name}, {torch.backends.cpu.get_cpu_capability()})"
