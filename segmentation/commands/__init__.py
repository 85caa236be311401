"""The commands of ``corrotwin segmentation``."""

from corrotwin.segmentation.commands import deployment, preparation, train
from corrotwin.segmentation.data import roboflow

DESCRIPTION = "Train and evaluate U-Nets that outline corrosion in photographs."
COMMANDS = {"fetch": roboflow.fetch, "train": train.train, **preparation.COMMANDS, **deployment.COMMANDS}
