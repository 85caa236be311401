"""Malformed runs, weights and studies."""

import hashlib
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import small_inputs
from malformed import Case, Evil, Line, edited, encoded, filed, placed, safetensors

from corrotwin.segmentation import runs

# Runs, their weights, and what is made of them.


def run(change: Callable[[Path], object], says: str) -> Case:
    """A run that is to predict a photo."""

    def make(folder: Path) -> Line:
        small_inputs.make_run(folder / "run")
        change(folder / "run")
        (folder / "photo.png").write_bytes(encoded("PNG"))
        return ("predict", folder / "photo.png", "--run", folder / "run", "--out", folder / "out")

    return Case(make=make, says=says)


def stated(*way: str | int, value: Any) -> Callable[[Path], None]:
    """A change of what run.json says."""
    return lambda folder: edited(folder / "run.json", placed(*way, value=value))


RUNS = {
    "a run at a billion pixels": run(stated("config", "size", value=32 * 10**9), "is above 8192"),
    "a run of half a thread": run(stated("config", "threads", value=0.5), "is not a whole number"),
    "a run of an encoder from the internet": run(
        stated("config", "backbone", value="tu-hf-hub:someone/evil"), "is unknown"
    ),
    "a run at an absurd scale": run(stated("scale", value=1e9), r"is not above 0 and at most|weights cannot be read"),
    "a run whose classes are numbers": run(stated("classes", value=[1]), "classes is not a list of names"),
    "a run without a configuration": run(stated("config", value={}), "missing or unknown"),
    "counts beyond all integers": run(
        filed("per_image.csv", lambda f: b"image,tp,fp,fn,tn\na.png,9999999999999999999999,0,0,0\n"), "damaged"
    ),
    "counts below zero": run(
        filed("per_image.csv", lambda f: b"image,tp,fp,fn,tn\na.png,-1,0,0,0\n"), "a count below 0"
    ),
    "a history of other columns": run(filed("history.csv", lambda f: b"a,b\n1,2\n"), "expected the columns"),
    "weights that are a pickle": run(
        filed(runs.WEIGHTS, lambda f: pickle.dumps(Evil(f.parent / "owned"))), "weights cannot be read"
    ),
    "weights whose header has 2^60 bytes": run(
        filed(runs.WEIGHTS, lambda f: struct.pack("<Q", 2**60) + b"{}"), "weights cannot be read"
    ),
    "weights that announce terabytes": run(
        filed(
            runs.WEIGHTS,
            lambda f: safetensors({"x": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4 * 10**12]}}),
        ),
        "weights cannot be read",
    ),
    "weights of another network": run(
        filed(
            runs.WEIGHTS, lambda f: safetensors({"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, bytes(4))
        ),
        "holds the weights of another network",
    ),
}


def prepared(change: Callable[[Path], object], says: str) -> Case:
    """A prepared folder of ImageNet weights, for a training."""

    def make(folder: Path) -> Line:
        small_inputs.make_coco(folder / "data")
        small_inputs.make_weights(folder / "weights")
        change(folder / "weights")
        return (
            "segmentation", "train", "--data", folder / "data", "--out", folder / "out", "--profile", "quick",
            "--split", "published", "--backbone", "mobilenet_v2", "--encoder-weights", "imagenet",
            "--weights", folder / "weights",
        )  # fmt: skip

    return Case(make=make, says=says)


def vouched(content: Callable[[Path], bytes]) -> Callable[[Path], None]:
    """Other weights, with their hash in the manifest."""

    def change(folder: Path) -> None:
        path = folder / "mobilenet_v2.safetensors"
        path.write_bytes(content(folder))
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        edited(folder / "weights.json", placed("encoders", "mobilenet_v2", "sha256", value=sha256))

    return change


WEIGHTS = {
    "a list of weights that is not a list": prepared(
        lambda f: edited(f / "weights.json", placed("encoders", value=[1])), r"weights\.json: damaged"
    ),
    "weights that were changed": prepared(filed("mobilenet_v2.safetensors", lambda f: b"x"), "SHA-256 differs"),
    "a pickle that the list vouches for": prepared(
        vouched(lambda f: pickle.dumps(Evil(f.parent / "owned"))), "weights cannot be read"
    ),
}


# Studies.


def study(change: Callable[[Path], object], says: str) -> Case:
    """A study whose report is written."""

    def make(folder: Path) -> Line:
        (folder / "study").mkdir()
        small_inputs.make_study(folder / "study")
        change(folder / "study")
        return ("benchmarks", "report", "--out", folder / "study")

    return Case(make=make, says=says)


def planned(*way: str | int, value: Any) -> Callable[[Path], None]:
    """A change of what study.json says."""
    return lambda folder: edited(folder / "study.json", placed(*way, value=value))


STUDIES = {
    "a study of 10^12 runs": study(
        planned("config", "cells", 0, "runs", value=10**12), r"study\.json: .*not a whole number from 1 to"
    ),
    "an arm whose name leads out": study(
        planned("config", "cells", 0, "arm", "name", value="../../../owned"), r"study\.json: .*cannot name a folder"
    ),
    "a set whose name leads out": study(
        lambda f: edited(f / "study.json", lambda d: d["across"].update({"../../owned": d["across"]["other"]})),
        r"study\.json: a set called",
    ),
    "a study without a configuration": study(planned("config", value=[]), r"study\.json: .*damaged"),
    "counts that are words": study(planned("data", "counts", "train", value="many"), r"study\.json: .*damaged"),
    "a split with an infinite seed": study(
        lambda f: edited(f / "split.json", placed("seed", value=float("inf"))), r"split\.json: not a split"
    ),
    "a split whose parts are words": study(
        lambda f: edited(f / "split.json", placed("train", value="abc")), r"split\.json: not a split"
    ),
}
