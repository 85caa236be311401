"""``corrotwin segmentation weights``: download ImageNet weights for machines without internet."""

from pathlib import Path

from corrotwin.segmentation.config import BACKBONES


def weights(*, to: Path, backbones: tuple[str, ...] = BACKBONES) -> None:
    """Collect ImageNet weights of encoders in a folder, for machines without internet access.

    They are downloaded from the hub. tu-tf_efficientnet_lite0, 1 and 2 need no such folder: their weights come with
    the extra pretrained.

    Parameters
    ----------
    to
        folder for weights.json and one safetensors file per encoder; repeat the command to resume, add or repair.
    backbones
        encoders to collect; by default those of the paper.
    """
    from corrotwin.segmentation.models.weights import prepare

    prepare(to, backbones)
