"""Configurations of runs that train in a second."""

from typing import Any

from corrotwin.segmentation.arms import REAL, DataArm
from corrotwin.segmentation.config import TrainConfig, configure

SMALLEST = "tu-test_resnet"  # trains in a third of the time of the paper's smallest
TENTH = DataArm(name="tenth", real_fraction=0.1, render_share=0.25)
SYNTHETIC = DataArm(name="synthetic", render_share=1.0)
COUNTED = DataArm(name="counted", render_share=None, render_count=3)
TUNED = DataArm(name="tuned", pretrain=0.5, adaptation="colours")
PASTED = DataArm(name="pasted", pretrain=0.5, copy_paste=0.5, augmentation="strong")


class KilledError(Exception):
    """Stands for the end of a process."""


def config_of(arm: DataArm = REAL, **changes: Any) -> TrainConfig:
    """Return the configuration of a run of two epochs on small pictures, with some settings changed."""
    tiny = {"backbone": SMALLEST, "seed": 5, "size": 64, "epochs": 2, "batch_size": 4, "threads": 1}
    limits = {"max_train_images": None, "max_eval_images": None, "encoder_weights": None}
    return configure("quick", arm=arm, **{**tiny, **limits, **changes})
