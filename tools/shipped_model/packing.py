"""The files of the model that ships, from the run of training ``model``: weights, ONNX and manifest."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from corrotwin.segmentation import runs, shipped
from corrotwin.segmentation.deployment import onnx_export
from corrotwin.segmentation.evaluation.loading import config_of
from corrotwin.segmentation.models.network import load_weights
from corrotwin.segmentation.models.tensor_files import save_tensors
from corrotwin.segmentation.prediction.exported_predictor import MODEL
from corrotwin.segmentation.prediction.measured import Measured
from corrotwin.twin.core.errors import WorkError
from corrotwin.twin.core.files import atomic_file, write_manifest

AGREEMENT = 1e-3  # largest difference in probability between the two files
LEAST_HALVED = 64  # least size of a tensor that is stored in half precision


def pack(run_folder: Path, folder: Path, measured: Measured, trials: Sequence[npt.NDArray[np.uint8]]) -> dict[str, Any]:
    """Write the weights (float16), the ONNX file (the same weights, half precision in the file) and the manifest.

    Parameters
    ----------
    run_folder : folder of training ``model``.
    folder : folder of the package, `shipped.FOLDER`.
    measured : measurements on sets that were left out.
    trials : batches of pictures (n, s, s, 3) on which both files must agree.

    Returns
    -------
    The manifest, without the fields that every manifest has.

    Raises
    ------
    WorkError
        The two files disagree.
    """
    import torch

    record = runs.load(run_folder)
    config = config_of(run_folder, record)
    trained = load_weights(run_folder / runs.WEIGHTS, config.backbone, config.architecture)
    state = {
        name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in trained.state_dict().items()
    }
    weights = folder / shipped.WEIGHTS.name
    save_tensors(weights, state, {"license": "GPL-3.0-or-later; ImageNet start Apache-2.0"})
    network = onnx_export.photographs_to_probability(
        load_weights(weights, config.backbone, config.architecture), config.backbone
    )
    content, _ = onnx_export.to_onnx(network, config.size, fold=False)
    content = halved(content)
    difference = onnx_export.disagreement(network, content, list(trials))
    trained_network = onnx_export.photographs_to_probability(trained, config.backbone)
    with torch.no_grad():
        precision_loss = max(
            float((trained_network(torch.from_numpy(batch)) - network(torch.from_numpy(batch))).abs().max())
            for batch in trials
        )
    if not difference < AGREEMENT:
        raise WorkError(f"{folder}: the ONNX file differs from the weights by {difference:.1e} in probability")
    with atomic_file(folder / MODEL) as stream:
        stream.write(content)
    manifest = {
        **onnx_export.described(config, record, free=False, difference=difference),
        "weights": runs.digest_of_weights(weights),
        "model": hashlib.sha256(content).hexdigest()[:16],
        "greatest_difference_by_half_precision": precision_loss,
        "measured": asdict(measured),
        "seen": sorted(record.seen or ()),
    }
    write_manifest(folder, shipped.KIND, manifest)
    return manifest


def halved(content: bytes) -> bytes:
    """Return an ONNX file whose large float32 constants are stored in half precision and cast when it is loaded."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load_from_string(content)
    casts = []
    for index, tensor in enumerate(model.graph.initializer):
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < LEAST_HALVED:
            continue
        stored = f"{tensor.name}.half"
        casts.append(helper.make_node("Cast", [stored], [tensor.name], to=TensorProto.FLOAT))
        model.graph.initializer[index].CopyFrom(numpy_helper.from_array(values.astype(np.float16), stored))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
