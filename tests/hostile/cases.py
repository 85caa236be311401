"""Malformed and malicious inputs, each with the command line that meets it and what that command then says."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import small_inputs
from dataset_cases import ARCHIVES, COCO, MASKS, split
from malformed import GIGAPIXELS, Case, Line, edited, placed
from PIL import Image
from run_cases import RUNS, STUDIES, WEIGHTS
from twin_cases import CAMERAS, MAPS, READINGS, TWINS

from corrotwin.synth.config import RenderConfig
from corrotwin.twin.core.files import write_manifest

# Tables and cards that stand beside.


def beside(make: Callable[[Path], Line], says: str, status: int = 2) -> Case:
    """Any other case."""
    return Case(make=make, says=says, status=status)


def spots(folder: Path) -> Line:
    """A table of spots with a cell that is too long."""
    small_inputs.make_coco(folder / "data")
    (folder / "spots.csv").write_text("file_name,spot\n0.png," + "x" * 200_000 + "\n")
    return split(folder / "data", folder, "--groups-file", folder / "spots.csv")


def means(folder: Path) -> Line:
    """Printed means with an exponent beyond all floats."""
    (folder / "means.csv").write_text("group,mean,sd,n\na,1e99999999,0.1,3\nb,0.5,0.1,3\n")
    return ("benchmarks", "from-summary", folder / "means.csv")


def rendered(folder: Path) -> Line:
    """The card of a rendered dataset that lacks what it is made from."""
    small_inputs.make_coco(folder / "data")
    (folder / "data" / "dataset.json").write_text('{"format_version": 1, "kind": "dataset"}')
    return ("synth", "preview", folder / "data")


def fetched(folder: Path) -> Line:
    """A card of Roboflow's that lacks all but its source."""
    small_inputs.make_fetched(folder)
    edited(folder / "roboflow.json", lambda card: {key: card[key] for key in ("format_version", "kind", "source")})
    return ("segmentation", "fetch", "a/b/1", "--out", folder)


def evaluated(folder: Path) -> Line:
    """An evaluation whose threshold is a word."""
    small_inputs.make_evaluation(folder)
    edited(folder / "evaluation" / "evaluation.json", placed("threshold", value="high"))
    return (
        "segmentation", "export", folder / "run", "--out", folder / "out", "--evaluations", folder / "evaluation",
    )  # fmt: skip


def claimed(folder: Path) -> Line:
    """A claim that is a list."""
    (folder / "out").mkdir()
    (folder / "out" / "claim.json").write_text("[]")
    return ("synth", "render", "--out", folder / "out", "--count", 1)


def begun(folder: Path) -> Line:
    """A dataset that seems to be ours, with a card of words for numbers."""
    from corrotwin.synth.rendering.job import Task
    from corrotwin.twin.core.files import write_json

    settings = Task(config=RenderConfig(preset="quick", size=8, seed=0), shown=None, count=1).settings
    write_json(folder / "out" / "claim.json", {"kind": "dataset", "configuration": settings})
    write_manifest(folder / "out", "dataset", {"images": "many"})
    (folder / "out" / ".lock").touch()
    return ("synth", "render", "--out", folder / "out", "--count", 1, "--preset", "quick", "--size", 8)


def many_faults(folder: Path) -> Line:
    """A dataset with a fault of each kind: validation lists them all."""
    small_inputs.make_coco(folder / "data")
    (folder / "data" / "0.png").write_bytes(GIGAPIXELS)

    Image.new("RGB", (small_inputs.WIDTH, small_inputs.HEIGHT)).save(folder / "data" / "\x1b[2J.png")

    def change(content: Any) -> None:
        content["images"].append({**content["images"][1], "id": 3, "file_name": "\x1b[2J.png"})
        content["images"][1]["file_name"] = "../../\x1b[2J"
        content["annotations"][2]["segmentation"] = [[0, 0, 16, 12, 0, 12, 16, 0] * 250_000]
        content["annotations"].append({"id": 9, "image_id": {}, "category_id": "[red]x"})

    edited(folder / "data" / "annotations.json", change)
    return ("synth", "validate", folder / "data")


def verified(content: bytes) -> Case:
    """A rendered dataset of which a sample is to be rendered again, with another list of what is seen of its assets."""

    def make(folder: Path) -> Line:
        small_inputs.make_coco(folder / "data")
        edited(folder / "data" / "annotations.json", lambda each: each["annotations"].__delitem__(slice(2)))
        config = RenderConfig(preset="quick", size=8, seed=0)
        card = {"configuration": asdict(config), "preset": config.preset_stated(), "device": "CPU"}
        counts = {"images": 3, "annotations": 1, "images_without_corrosion": 2}
        write_manifest(folder / "data", "dataset", {**card, **counts})
        (folder / "data" / "instances.json").write_bytes(content)
        return ("synth", "validate", folder / "data", "--verify", 1)

    return Case(make=make, says=r"\d errors? found; see the list", status=1)


BESIDE = {
    "a list of assets that breaks off": verified(b'{"images": ['),
    "a list of assets nested without end": verified(b"[" * 200_000),
    "a list of assets of nothing": verified(
        b'{"images": [], "annotations": [{"id": 1, "image_id": 7, "category_id": 1}], "categories": []}'
    ),
    "a spot of 200 KB": beside(spots, r"spots\.csv: line 2: not a CSV file"),
    "a mean of 1e99999999": beside(means, r"means\.csv: line 2, column 'mean': .*at most 30 digits"),
    "a card that lacks everything": beside(rendered, r"dataset\.json: damaged"),
    "a card of Roboflow's that lacks everything": beside(fetched, r"roboflow\.json: damaged"),
    "an evaluation with a word for a threshold": beside(evaluated, r"evaluation\.json: damaged"),
    "a claim that is a list": beside(claimed, "is a folder of another kind"),
    "a dataset of ours with words for numbers": beside(begun, r"dataset\.json: damaged"),
    "a dataset with a fault of each kind": beside(many_faults, r"\d+ errors found; see the list", status=1),
}

CASES = {**COCO, **ARCHIVES, **MASKS, **TWINS, **READINGS, **MAPS, **CAMERAS, **RUNS, **WEIGHTS, **STUDIES, **BESIDE}

# What announces or unpacks much, is nested deep or pickled meets the command as a process of its own, its memory
# measured: one of each kind at least.
MEASURED = (
    "json nested without end",
    "a list of assets nested without end",
    "a million points that jump from side to side",
    "run lengths without bound",
    "a photo of 10 gigapixels",
    "a mask of 10 gigapixels",
    "a photo with a text that unpacks to 200 MB",
    "a zip bomb",
    "a bomb of entries that overlap",
    "fields that announce 40 GB",
    "fields with 50 MB behind their end",
    "fields of pickled objects",
    "texels of a nanometre",
    "a thousand million pits",
    "records nested without end",
    "a map that announces terabytes",
    "a key that announces gigabytes",
    "a mask of a photograph of 10 gigapixels",
    "a camera of 10^18 pixels",
    "a photograph of 10 gigapixels",
    "a study of 10^12 runs",
    "weights that are a pickle",
    "weights that announce terabytes",
)

# What stays in the cache: a whole archive, unpacked, and photos that a training decoded before it read the weights.
KEPT = ("an archive whose json is damaged", *WEIGHTS)
