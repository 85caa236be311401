"""The published study as data: its tables I to IV, its protocol, and its errors.

References
----------
A. G. Marco, M. S. Oliveira, R. L. Prates, M. C. Lopes, R. G. Casal, C. V. R. Guimarães, "A Study of Computational
Vision Methods for Corrosion Detection in Industrial Assets", Inatel Competence Center.
"""

from collections.abc import Mapping
from dataclasses import dataclass

CITATION = (
    "Marco, Oliveira, Prates, Lopes, Casal, Guimarães: A Study of Computational Vision Methods for Corrosion "
    "Detection in Industrial Assets. Inatel Competence Center."
)

RUNS = 10
"""Runs per backbone behind every mean and standard deviation (caption of Table II)."""


@dataclass(frozen=True, kw_only=True)
class PublishedEstimate:
    """A printed mean ± standard deviation over `RUNS` runs."""

    mean: float
    sd: float


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """One row of Table I. `params_m` and `gflops` are marked "~" in the paper: they describe the classifiers."""

    params_m: float
    depth: int
    gflops: float
    train_minutes: PublishedEstimate


@dataclass(frozen=True, kw_only=True)
class Scores:
    """One row of Table II: per-image F1 and intersection over union on the test photos."""

    f1: PublishedEstimate
    iou: PublishedEstimate


@dataclass(frozen=True, kw_only=True)
class PublishedComparison:
    """One row of Table III or IV. `below` means that the paper prints "<" before the p-value."""

    p: float
    below: bool
    significant: bool

    def __str__(self) -> str:
        return f"{'<' if self.below else ''}{self.p:.4f}"


@dataclass(frozen=True, kw_only=True)
class Note:
    """An error or a gap in the paper, and where it occurs."""

    where: str
    text: str


TABLE_I: Mapping[str, Encoder] = {
    "resnet152": Encoder(params_m=60.2, depth=152, gflops=11.5, train_minutes=PublishedEstimate(mean=67.747, sd=4.898)),
    "vgg16": Encoder(params_m=138.4, depth=16, gflops=15.3, train_minutes=PublishedEstimate(mean=62.820, sd=0.292)),
    "inceptionv4": Encoder(
        params_m=42.6, depth=130, gflops=12.3, train_minutes=PublishedEstimate(mean=45.419, sd=0.048)
    ),
    "mobilenet_v2": Encoder(params_m=3.5, depth=53, gflops=0.3, train_minutes=PublishedEstimate(mean=32.153, sd=0.120)),
}

TABLE_II: Mapping[str, Scores] = {
    "resnet152": Scores(f1=PublishedEstimate(mean=0.859, sd=0.005), iou=PublishedEstimate(mean=0.779, sd=0.006)),
    "inceptionv4": Scores(f1=PublishedEstimate(mean=0.895, sd=0.010), iou=PublishedEstimate(mean=0.828, sd=0.014)),
    "vgg16": Scores(f1=PublishedEstimate(mean=0.880, sd=0.004), iou=PublishedEstimate(mean=0.807, sd=0.005)),
    "mobilenet_v2": Scores(f1=PublishedEstimate(mean=0.892, sd=0.004), iou=PublishedEstimate(mean=0.822, sd=0.005)),
}

# Pairs in alphabetical order of the two names, as in the paper and as statsmodels returns them.
TABLE_III: Mapping[tuple[str, str], PublishedComparison] = {
    ("inceptionv4", "mobilenet_v2"): PublishedComparison(p=0.7687, below=False, significant=False),
    ("inceptionv4", "resnet152"): PublishedComparison(p=0.0001, below=True, significant=True),
    ("inceptionv4", "vgg16"): PublishedComparison(p=0.0001, below=False, significant=True),
    ("mobilenet_v2", "resnet152"): PublishedComparison(p=0.0001, below=True, significant=True),
    ("mobilenet_v2", "vgg16"): PublishedComparison(p=0.0010, below=False, significant=True),
    ("resnet152", "vgg16"): PublishedComparison(p=0.0001, below=True, significant=True),
}

TABLE_IV: Mapping[tuple[str, str], PublishedComparison] = {
    **TABLE_III,
    ("inceptionv4", "mobilenet_v2"): PublishedComparison(p=0.5074, below=False, significant=False),
}

PROTOCOL: Mapping[str, str] = {
    "data": "cor dataset (Roboflow Universe, sem-l2uic/cor-oumk1): 4,949 RGB photos, 640×640, COCO segmentation",
    "split": "random, 70 % training, 15 % validation, 15 % test",
    "input": "224×224 pixels",
    "models": "U-Net with ResNet152, VGG16, InceptionV4 and MobileNetV2 encoders, ImageNet weights",
    "loss": "Dice",
    "epochs": "150",
    "runs": "10 per backbone",
    "scores": "per-image F1 and intersection over union, Tukey HSD over the runs",
    "not stated": "batch size, optimiser, learning rate, augmentation, threshold, hardware",
}

SLIPS: tuple[Note, ...] = (
    Note(
        where="Section III-D, first paragraph under Table I; abstract",
        text="The text gives InceptionV4 the training time of VGG16 (62.82 ± 0.29 min); Table I has 45.419 ± 0.048. "
        "The abstract's “nearly half the training time” rests on it: by Table I the ratio is 32.15 / 45.42 = 0.71.",
    ),
    Note(
        where="Section III-D against Table II",
        text="The text prints InceptionV4's F1 as 0.895 ± 0.011, Table II as 0.895 ± 0.010.",
    ),
    Note(
        where="Section III-D, second paragraph",
        text="The text cites Table IV for the F1 comparison, which is Table III.",
    ),
    Note(
        where="Section III-D against Tables III and IV",
        text="The text claims p < 0.001 for MobileNetV2 against VGG16; both tables print 0.0010.",
    ),
    Note(
        where="Table IV against Table III",
        text="Five of the six p-values for IoU equal those for F1, and cannot all be of the test for IoU. Its six "
        "pairs share one variance, so that the q of neighbouring means add up: q(p = 0.5074) = 1.98 for InceptionV4 "
        "against MobileNetV2 and q(p = 0.0010) = 5.90 for MobileNetV2 against VGG16 give 7.88 for InceptionV4 against "
        "VGG16, which is p = 0.000015 (0.000014 to 0.000016 within rounding); 0.0001 is printed. Those five rows were "
        "probably copied from Table III. The six of Table III can be of one test whose samples are the run means "
        "(0.000053 to 0.000059 for that pair, printed as 0.0001), but of none whose samples are pooled images "
        "(0.000013 to 0.000015).",
    ),
    Note(
        where="Table I, columns Params and FLOPs",
        text="The values are those of the ImageNet classifiers, not of the U-Nets: most of VGG16's 138.4 M parameters "
        "are fully connected layers that a U-Net does not have.",
    ),
    Note(
        where="Table I, caption",
        text="FLOPs are said to be for 224×224 pixels; InceptionV4's 12.3 G is its classifier's usual value for "
        "299×299 (model card of timm's inception_v4). All four count a multiply-accumulate as one operation.",
    ),
    Note(
        where="Section III-C",
        text="Not stated: which epoch is evaluated, whether the ten runs share one split, batch size, optimiser, "
        "learning rate, augmentation, threshold and hardware.",
    ),
)
