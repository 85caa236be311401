"""The commands of ``corrotwin segmentation``. Each imports heavy libraries only when it runs."""

from corrotwin.segmentation.commands import (
    average,
    evaluate,
    export,
    latency,
    merge,
    pretrain,
    rank,
    review,
    split,
    train,
    tune,
    weights,
)
from corrotwin.segmentation.data import roboflow

DESCRIPTION = "Train and evaluate U-Nets that outline corrosion in photographs; `corrotwin predict` draws their masks."
COMMANDS = {
    "fetch": roboflow.fetch,
    "train": train.train,
    "split": split.split,
    "merge": merge.merge,
    "evaluate": evaluate.evaluate,
    "average": average.average,
    "tune": tune.tune,
    "weights": weights.weights,
    "rank": rank.rank,
    "review": review.review,
    "accept": review.accept,
    "pretrain": pretrain.pretrain,
    "export": export.export,
    "latency": latency.latency,
}
