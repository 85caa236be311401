"""Self-supervised pretraining of an encoder on unlabelled pictures (SimSiam).

The features of two views of a picture should have the same direction, as far as a small head can predict one from the
other. No pictures are pushed apart, so that small batches suffice. `train --init` takes the result.

References
----------
X. Chen & K. He, Exploring simple siamese representation learning, CVPR 2021. Heads and loss are those of lightly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from corrotwin.segmentation import runs
from corrotwin.segmentation.augmentation import augment
from corrotwin.segmentation.config import DEFAULT_BACKBONE, SIZE_STEP, Precision
from corrotwin.segmentation.data.perceptual_hash import to_hex
from corrotwin.segmentation.models import encoders
from corrotwin.segmentation.models.network import (
    autocast,
    build,
    device,
    memory_format,
    normalise,
    place,
    seeded,
    torch_settings,
)  # fmt: skip
from corrotwin.segmentation.models.tensor_files import save_tensors
from corrotwin.segmentation.sampling import Stream, endless
from corrotwin.segmentation.training import checkpoint, loop
from corrotwin.segmentation.training.initial_weights import PRETRAINED
from corrotwin.segmentation.unlabelled.pictures import Pictures
from corrotwin.twin.core import tables
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import digest, read_manifest, versions, write_manifest, writing
from corrotwin.twin.core.locks import OUTLIVING_SECONDS, hold

COLUMNS = ("epoch", "train_loss", "spread", "seconds")
COLLAPSED = 0.1  # spread relative to uniform directions, below which all pictures look the same to the encoder
PROJECTED, HIDDEN = 256, 64  # numbers of features in the heads


@dataclass(frozen=True, kw_only=True)
class PretrainConfig:
    """All settings of a pretraining. With the pictures they determine the result on one type of CPU."""

    backbone: str = DEFAULT_BACKBONE
    encoder_weights: Literal["imagenet"] | None = "imagenet"
    """Weights that pretraining starts from; None: random ones."""
    size: int = 128
    epochs: int = 100
    batch_size: int = 64
    learning_rate: float = 5e-4
    weight_decay: float = 1e-4
    precision: Precision = "fast"
    seed: int = 0
    threads: int = 2

    def __post_init__(self) -> None:
        if self.size < SIZE_STEP or self.size % SIZE_STEP:
            raise InputError(f"`size` {self.size} is not divisible by {SIZE_STEP}")
        for name, least in (("epochs", 1), ("batch_size", 2), ("threads", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise InputError(f"`{name}` {getattr(self, name)} is below {least}")
        if not 0 < self.learning_rate < 1:
            raise InputError(f"`learning_rate` {self.learning_rate} is not between 0 and 1")

    @property
    def digest(self) -> str:
        """Hash of all settings, 16 hex digits."""
        return digest(asdict(self))


class Siamese(torch.nn.Module):
    """An encoder with SimSiam's heads: from normalised images (b, 3, s, s) to projections and predictions, (b, 256)."""

    def __init__(self, encoder: torch.nn.Module, channels: int) -> None:
        super().__init__()
        try:
            from lightly.models.modules.heads import SimSiamPredictionHead, SimSiamProjectionHead
        except ImportError as error:
            raise InputError(
                "pretraining needs the package lightly: pip install 'corrotwin[selfsupervised]'"
            ) from error
        self.encoder = encoder
        self.projection = SimSiamProjectionHead(channels, PROJECTED, PROJECTED)
        self.prediction = SimSiamPredictionHead(PROJECTED, HIDDEN, PROJECTED)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return projections, through which no gradient passes, and predictions, (b, 256) each."""
        features = self.encoder(images)[-1].mean(dim=(2, 3)).float()
        with torch.autocast(images.device.type, enabled=False):
            projected = self.projection(features)
            return projected.detach(), self.prediction(projected)


def pretrain(
    folder: Path,
    config: PretrainConfig,
    pictures: Pictures,
    *,
    weights: Path | None = None,
    checkpoint_seconds: float = 300.0,
    on_epoch: loop.OnEpoch | None = None,
) -> Mapping[str, Any]:
    """Pretrain an encoder and write its weights to `folder`; resume an interrupted pretraining, keep a complete one.

    Parameters
    ----------
    folder : absent, empty, or holding this same pretraining.
    pictures : unlabelled pictures, gathered at the size of the configuration.
    weights : folder of prepared ImageNet weights; None: take them from a package or the hub.
    checkpoint_seconds : save the state at the end of an epoch if the last save is at least this old.
    on_epoch : called after each epoch with its row of the history.

    Returns
    -------
    The content of ``pretrained.json``.

    Raises
    ------
    InputError
        The settings, the pictures and the folder do not fit together.
    WorkError
        The loss is no longer a number.
    """
    rows = pictures.rows
    if len(rows) < config.batch_size:
        raise InputError(f"`batch_size` {config.batch_size}: there are only {len(rows)} pictures; choose a smaller one")
    encoders.check(config.backbone, "Unet")
    identity = {"config": asdict(config), "pictures": pictures.digest}
    with (
        writing(folder),
        hold(folder, PRETRAINED, identity, patience_seconds=OUTLIVING_SECONDS),
        torch_settings(config.threads, config.precision),
    ):
        hex_hashes = to_hex(pictures.hashes[pictures.is_used])
        if (existing := read_manifest(folder, PRETRAINED)) is not None:
            if existing.get("hashes") != hex_hashes:  # earlier versions kept none
                existing = {**existing, "hashes": hex_hashes}
                write_manifest(folder, PRETRAINED, existing)
            return existing
        state = _begin(config, weights)
        checkpoint.restore(folder, state)
        task = _task(folder, config, pictures, state)
        loop.train(folder, config, task, state, checkpoint_seconds=checkpoint_seconds, on_epoch=on_epoch)
        encoder = state.network.get_submodule("encoder").state_dict()
        save_tensors(folder / runs.WEIGHTS, dict(encoder), {"backbone": config.backbone})
        spread = state.history[-1]["spread"]
        content = {
            **identity,
            "seen": sorted({picture.sha256 for picture in pictures.used}),
            "hashes": hex_hashes,
            "spread": spread,
            "collapsed": spread < COLLAPSED,
            "seconds": sum(row["seconds"] for row in state.history),
            "versions": versions("corrotwin", "torch", "segmentation-models-pytorch", "lightly"),
        }
        write_manifest(folder, PRETRAINED, content)
        checkpoint.remove(folder)
    return content


def _begin(config: PretrainConfig, weights: Path | None) -> checkpoint.State:
    """Return the state before the first step."""
    network = build(
        config.backbone, encoder_weights=config.encoder_weights, weights=weights, seed=config.seed
    ).get_submodule("encoder")
    channels = int(getattr(network, "out_channels")[-1])  # noqa: B009  smp is untyped
    with seeded(torch.device("cpu"), config.seed, Stream.WEIGHTS, 1):
        siamese = Siamese(network, channels)
    placed = place(siamese, config.precision)
    groups = [{"params": list(placed.parameters()), "factor": 1.0}]
    fused = True if config.precision == "fast" else None
    optimizer = torch.optim.AdamW(groups, weight_decay=config.weight_decay, fused=fused)
    return checkpoint.State(network=placed, optimizer=optimizer, average=None, columns=COLUMNS)


def _task(folder: Path, config: PretrainConfig, pictures: Pictures, state: checkpoint.State) -> loop.LearningTask:
    """Return the task of the loop: features of two views of a picture should be alike, those of all pictures not."""
    from lightly.loss import NegativeCosineSimilarity

    alike_loss = NegativeCosineSimilarity()
    rows, where = pictures.rows, device()
    spreads: list[torch.Tensor] = []

    def heads(images: torch.Tensor, first: int) -> tuple[torch.Tensor, torch.Tensor]:
        _, view = augment.views(images, seed=config.seed, first=first, geometry="strong")
        view = normalise(view, config.backbone).contiguous(memory_format=memory_format(config.precision))
        with autocast(config.precision, where.type):
            projected, predicted = state.network(view)
        return projected, predicted

    def loss_of(step: int) -> torch.Tensor:
        state.network.train()
        count = config.batch_size
        drawn_rows = rows[endless(config.seed, Stream.UNLABELLED_ORDER, step * count, count, len(rows))]
        images = augment.image_tensor(pictures.images[drawn_rows], where)
        with seeded(where, config.seed, Stream.DROPOUT, step):  # some encoders drop blocks at random
            (projected_a, predicted_a), (projected_b, predicted_b) = (
                heads(images, (2 * step + view) * count) for view in (0, 1)
            )
        spreads.append(torch.nn.functional.normalize(projected_a, dim=1).std(dim=0).mean() * PROJECTED**0.5)
        value: torch.Tensor = (alike_loss(predicted_a, projected_b) + alike_loss(predicted_b, projected_a)) / 2
        return value

    def measure() -> dict[str, float]:
        spread = float(torch.stack(spreads).mean())
        spreads.clear()
        return {"spread": spread}

    def record(history: Sequence[Mapping[str, float]]) -> None:
        tables.write_own(folder / runs.HISTORY, COLUMNS, ([row[name] for name in COLUMNS] for row in history))

    return loop.LearningTask(
        steps_per_epoch=len(rows) // config.batch_size, loss=loss_of, measure=measure, record=record
    )
