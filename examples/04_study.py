"""Ask with honest statistics what renders are worth beside photos.

    python examples/04_study.py my-export --out out/examples

Without photos a rendered stand-in takes their place. The default is a smoke test; --profile small takes a night.
"""

import argparse
from pathlib import Path

import corrotwin as ct

if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("photos", type=Path, nargs="?")
    options.add_argument("--renders", type=Path, help="a rendered dataset; by default one is rendered")
    options.add_argument("--out", type=Path, default=Path("out/examples"))
    options.add_argument("--profile", default="quick")
    options.add_argument("--backbones", nargs="+", help="by default those of the profile; in quick two")
    options.add_argument("--epochs", type=int, help="by default those of the profile; in quick 6")
    given = options.parse_args()
    if given.profile == "quick":
        given.backbones = given.backbones or ["mobilenet_v2", "vgg16"]
        given.epochs = 6 if given.epochs is None else given.epochs

    report = ct.study(
        given.photos, renders=given.renders, arms=["real", "mixed", "copy-paste"], backbones=given.backbones or [],
        profile=given.profile, epochs=given.epochs, out=given.out / "study",
    )  # fmt: skip
    print(report.to_frame().groupby(["backbone", "arm"])["f1"].agg(["count", "mean", "std"]))
    print("Open", report.page)
