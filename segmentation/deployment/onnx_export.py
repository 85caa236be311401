"""Export of a trained U-Net to one ONNX file that does not need this package, with a model card.

The graph takes decoded photographs and returns probabilities, so the user needs no preprocessing of their own. It is
written only after onnxruntime has reproduced torch's result.
"""

from __future__ import annotations

import copy
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from corrotwin.segmentation import runs
from corrotwin.segmentation.config import SIZE_STEP, TrainConfig
from corrotwin.segmentation.deployment import model_card
from corrotwin.segmentation.evaluation.loading import config_of
from corrotwin.segmentation.prediction.exported_predictor import INPUT, KIND, MODEL, OUTPUT, runner
from corrotwin.segmentation.prediction.predictor import photo_side_of
from corrotwin.twin.core.errors import InputError, WorkError
from corrotwin.twin.core.files import atomic_file, digest, remove, versions, write_manifest, write_text, writing
from corrotwin.twin.core.locks import hold

if TYPE_CHECKING:
    import torch

AGREEMENT = 1e-4  # largest difference in probability from torch
SIDES = 256  # maximum side of an image in steps of `SIZE_STEP`: 8192 pixels
BATCH = 256  # maximum number of images at once
TRIED = 4  # images of each size in the comparison
PATIENCE_SECONDS = 300.0  # of processor time for torch's exporter, whose algebra of sizes may never end


def export(run_folder: Path, out: Path, *, evaluations: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Export a complete run to `model.onnx`, `card.md` and, written last, `model.json`.

    The network computes in float32. Height and width may be any multiple of 32 if the architecture allows it; otherwise
    they are those of training.

    Parameters
    ----------
    run_folder : folder of the run.
    out : absent, empty, or holding an export of this same run, which is then repeated.
    evaluations : folders of `segmentation.evaluation.assessment.assess`, whose scores appear on the card and whose
        threshold its Python example uses (`model_card.threshold`).

    Returns
    -------
    The content of `model.json`.

    Raises
    ------
    InputError
        The run or an evaluation cannot be used, `out` holds something else, or onnx is not installed.
    WorkError
        The results of onnxruntime differ from torch's.
    """
    check_installed()
    run = runs.load(run_folder)
    config = config_of(run_folder, run)
    text = model_card.text(run_folder, evaluations)
    weights = runs.weights_digest(run_folder)
    identity = {"run": digest(run.manifest["config"]), "weights": weights}
    with writing(out), hold(out, KIND, identity):
        from corrotwin.segmentation.models.network import load_weights

        network = photographs_to_probability(
            load_weights(run_folder / runs.WEIGHTS, config.backbone, config.architecture), config.backbone
        )
        content, free = to_onnx(network, config.size)
        difference = disagreement(network, content, _trial_images(config.size, free))
        if not difference < AGREEMENT:
            raise WorkError(
                f"{out}: onnxruntime differs from torch by {difference:.1e} in probability, more than {AGREEMENT:g}; "
                "nothing is written; try another version of onnxruntime"
            )
        remove(out / f"{KIND}.json", missing_ok=True)  # unfinished until it is written again
        with atomic_file(out / MODEL) as stream:
            stream.write(content)
        manifest = {
            **identity,
            **described(config, run, free=free, difference=difference),
            "threshold": model_card.threshold(run, evaluations),
            "photo_side": photo_side_of(run.manifest, config.size, config.framing),
        }
        write_text(out / "card.md", text + model_card.usage(manifest))
        write_manifest(out, KIND, manifest)
    return manifest


def described(config: TrainConfig, run: runs.RunRecord, *, free: bool, difference: float) -> dict[str, Any]:
    """Return what `model.json` says of any exported network: what it takes and gives, and how it was made.

    Parameters
    ----------
    config, run : configuration and record of the exported run; the threshold is the run's own.
    free : whether it takes sizes other than that of training.
    difference : greatest difference in probability from torch.
    """
    return {
        "backbone": config.backbone,
        "architecture": config.architecture,
        "input": {"name": INPUT, "type": "uint8", "shape": ["n", "height", "width", 3], "order": "RGB"},
        "output": {"name": OUTPUT, "type": "float32", "shape": ["n", "height", "width"]},
        "size": config.size,
        "sides": f"multiples of {SIZE_STEP}" if free else f"{config.size} only",
        "framing": config.framing,
        "scale": run.manifest.get("scale"),
        "threshold": run.threshold,
        "greatest_difference_from_torch": difference,
        "versions": versions("torch", "segmentation-models-pytorch", "onnx", "onnxscript", "onnxruntime", "numpy"),
    }


def check_installed() -> None:
    """Raise InputError if onnx, onnxscript or onnxruntime is not installed.

    Raises
    ------
    InputError
        A package is missing.
    """
    from importlib.util import find_spec

    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise InputError(f"export: {', '.join(missing)} not installed; pip install 'corrotwin[export]'")


def photographs_to_probability(network: torch.nn.Module, backbone: str) -> torch.nn.Module:
    """Wrap a network that returns logits: images (n, h, w, 3) uint8 RGB in, corrosion probability (n, h, w) out."""
    import torch

    from corrotwin.segmentation.models.network import normalise

    normalise(torch.zeros(1, 3, 1, 1), backbone)  # makes its constants, which the exporter would make without values

    class Whole(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            pictures = images.permute(0, 3, 1, 2).to(torch.float32) / 255
            return torch.sigmoid(self.network(normalise(pictures, backbone))[:, 0])

    return Whole().eval()


def to_onnx(network: torch.nn.Module, size: int, *, fold: bool = True) -> tuple[bytes, bool]:
    """Convert the module to the bytes of an ONNX file, and return whether it takes sizes other than `size`.

    Parameters
    ----------
    fold : multiply batch normalisation into the weights. Without it, the file has the weights of the module unchanged,
        and onnxruntime folds them when it loads the file.

    Raises
    ------
    InputError
        torch cannot express the module in ONNX, or not within `PATIENCE_SECONDS`.
    """
    import torch
    from torch.export import Dim
    from torch.onnx import OnnxExporterError

    network = constant_padding(network)
    # Two images, not square: the exporter would take a dimension of 1, or two equal ones, for constants.
    images = torch.zeros(2, size, size + SIZE_STEP, 3, dtype=torch.uint8)
    height, width = (SIZE_STEP * Dim(name, min=1, max=SIDES) for name in ("height32", "width32"))
    free = ({0: Dim("n", min=1, max=BATCH), 1: height, 2: width},)
    fixed = ({0: Dim("n", min=1, max=BATCH)},)
    attempts: tuple[tuple[torch.Tensor, Any], ...] = ((images, free), (images[:, :, :size], fixed))
    if _pads_by_size(network):
        attempts = attempts[1:]
    for number, (example, shapes) in enumerate(attempts):
        try:
            with warnings.catch_warnings(), _limited(PATIENCE_SECONDS):
                warnings.simplefilter("ignore")  # torch warns about itself
                program = torch.onnx.export(
                    network, (example,), dynamo=True, dynamic_shapes=shapes,
                    input_names=[INPUT], output_names=[OUTPUT], verbose=False, optimize=fold,
                )  # fmt: skip
        except (OnnxExporterError, _OutOfTimeError) as error:
            if number + 1 < len(attempts):
                continue
            raise InputError(f"export: torch cannot express this network in ONNX ({error!s:.120})") from error
        assert program is not None  # noqa: S101  with dynamo there always is one
        return bytes(program.model_proto.SerializeToString()), shapes is free
    raise AssertionError  # the last attempt returns or raises


def constant_padding(network: torch.nn.Module) -> torch.nn.Module:
    """Return a copy in which convolutions that pad as TensorFlow does ("same") do so by constants.

    timm computes this padding from the size of each image, which torch's exporter follows by algebra for minutes.
    Where the stride divides the side, as it does where sides are multiples of 32, the padding is
    (kernel - 1) dilation + 1 - stride, with the smaller half before the image.
    """
    import torch
    from timm.layers.conv2d_same import Conv2dSame

    network = copy.deepcopy(network)
    for name, layer in list(network.named_modules()):
        if type(layer) is Conv2dSame:
            padding = torch.nn.ZeroPad2d((*_padding(layer, 1), *_padding(layer, 0)))
            layer.__class__ = torch.nn.Conv2d  # type: ignore[assignment]  # its own `padding` is 0
            network.set_submodule(name, torch.nn.Sequential(padding, layer))
    return network


def _padding(layer: torch.nn.Conv2d, axis: int) -> tuple[int, int]:
    pad = max((layer.kernel_size[axis] - 1) * layer.dilation[axis] + 1 - layer.stride[axis], 0)
    return pad // 2, pad - pad // 2


def _pads_by_size(network: torch.nn.Module) -> bool:
    """Return whether other layers, whose timm names end in "Same", compute such padding, which needs a fixed size."""
    return any(type(layer).__name__.endswith("Same") for layer in network.modules())


class _OutOfTimeError(BaseException):
    """Torch's exporter, which catches every Exception to try another way, has taken too long."""


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raise _OutOfTimeError after `seconds` of processor time; only in the main thread, since signals reach no other.

    Any other error after that time is a consequence of it: an interpreter that is stopped while it parses, for example,
    raises SystemError instead.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    message = f"no end in {seconds:g} s of processor time"
    over = False

    def stop(*_: object) -> None:
        nonlocal over
        over = True
        raise _OutOfTimeError(message)

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds, 1.0)  # and again each second: some callbacks lose errors
    try:
        yield
    except Exception as error:
        if over:
            raise _OutOfTimeError(message) from error
        raise
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def disagreement(network: torch.nn.Module, content: bytes, trials: list[npt.NDArray[np.uint8]]) -> float:
    """Return the largest difference in probability between torch and onnxruntime over batches of images, or NaN."""
    import torch

    run = runner(content)
    greatest = 0.0
    for images in trials:
        with torch.no_grad():
            expected = network(torch.from_numpy(images)).numpy()
        actual = run(images)
        if actual.shape != expected.shape:
            return float("inf")
        greatest = float(np.maximum(greatest, np.abs(actual - expected).max()))  # maximum keeps NaN
    return greatest


def _trial_images(size: int, free: bool) -> list[npt.NDArray[np.uint8]]:
    """Return colour blotches, coarse to fine, which exercise a network's whole range better than noise."""
    import cv2

    rng = np.random.default_rng(0)

    def images(height: int, width: int) -> npt.NDArray[np.uint8]:
        batch = []
        for number in range(TRIED):
            cells = 2 ** (number + 2)
            blotches = cv2.resize(rng.random((cells, cells, 3)), (width, height), interpolation=cv2.INTER_CUBIC)
            batch.append(np.clip(255 * blotches, 0, 255).astype(np.uint8))
        return np.stack(batch)

    return [images(size, size)] + ([images(SIZE_STEP * 3, size + SIZE_STEP)] if free else [])
