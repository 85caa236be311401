"""Time and memory of large work, and how they grow: labels of numbers through the real code, nothing rendered.

``python tests/large/measure.py dataset 1000 10000 100000`` makes datasets of so many images of 64 pixels with ten
annotations each; ``python tests/large/measure.py study 8 80 800`` makes studies of so many runs. Each step is a process
of its own, so that its peak of memory is its own; in place of ``dataset``, some of its steps: ``write,read``. Prints
a table in Markdown: seconds of processor time, peak memory, and what 1,000 more cost between the two largest sizes.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "helpers"), str(Path(__file__).resolve().parents[2])]

SIDE, REGIONS = 64, 10
DATASET = ("write", "assemble", "read", "validate", "cache", "split", "alike")
STUDY = ("make", "report")
EXPLAINED = {
    "write": "images, parts and a COCO json with their annotations",
    "assemble": "annotations.json, instances.json, contact sheet, card",
    "read": "`coco.read`: every check, every header and hash",
    "validate": "`synth validate`: every pixel, with the statistics of the labels",
    "cache": "decode to 32 px",
    "split": "`segmentation split --by names`",
    "alike": "groups of photos that look alike (`--by hash`)",
    "make": "run folders and tables (the test's own)",
    "report": "`benchmarks report`",
}


def write(folder: Path, count: int) -> None:
    from photographs import write_parts

    from corrotwin.segmentation.data import coco
    from corrotwin.synth.config import RenderConfig
    from corrotwin.synth.rendering import batch
    from corrotwin.synth.rendering.job import Task
    from corrotwin.twin.core.files import write_json

    places = [(y, x) for y in range(0, SIDE, 16) for x in range(0, SIDE, 16)]

    def draw(index: int) -> tuple[np.ndarray, list[np.ndarray]]:
        rng = np.random.default_rng(index)
        blocks = rng.integers(60, 200, (8, 8, 3)).repeat(8, axis=0).repeat(8, axis=1)
        masks = []
        for place in rng.permutation(len(places))[:REGIONS]:
            (y, x), (height, width) = places[place], rng.integers(3, 15, 2)
            mask = np.zeros((SIDE, SIDE), dtype=bool)
            mask[y : y + height, x : x + width] = True
            masks.append(mask)
        return blocks.astype(np.uint8), masks

    task = Task(config=RenderConfig(preset="quick", size=SIDE, seed=0), shown=None, count=count)
    write_parts(folder, task, draw)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number in task.batches:
        part = batch.read_part(folder, number)
        images += part["images"]
        annotations += [{"id": place, **each} for place, each in enumerate(part["annotations"], len(annotations) + 1)]
    write_json(folder / "annotations.json", coco.document(images, annotations, description="numbers"))


def assemble(folder: Path, count: int) -> None:
    """The command itself: it finds all images rendered."""
    from corrotwin.synth.config import RenderConfig
    from corrotwin.synth.rendering.dataset import render

    render(folder, RenderConfig(preset="quick", size=SIDE, seed=0), count=count)


def read(folder: Path, count: int) -> None:
    from corrotwin.segmentation.data import coco

    found = coco.read(folder)
    assert len(found.photos) == count
    assert sum(len(photo.annotations) for photo in found.photos) == REGIONS * count


def validate(folder: Path, count: int) -> None:
    from corrotwin.synth.labels import label_statistics
    from corrotwin.synth.validation.checks import check

    report = check(folder)
    assert report.findings == ()
    assert label_statistics.summarise(report.labels).images == count


def cache(folder: Path, count: int) -> None:
    from corrotwin.segmentation.data import coco, decoded

    arrays = decoded.arrays(coco.read(folder), 32, cache=folder.parent / "cache")
    assert arrays.images.shape == (count, 32, 32, 3)


def split(folder: Path, count: int) -> None:
    from corrotwin.segmentation.commands.split import split as write_split
    from corrotwin.segmentation.data import splits

    write_split(data=folder, out=folder.parent / "split.json", by=("names",))
    assert len(splits.load(folder.parent / "split.json").group) == count


def alike(folder: Path, count: int) -> None:
    from corrotwin.segmentation.data import coco, groups

    assert len(groups.by_perceptual_hash(coco.read(folder))) == count


def make(folder: Path, count: int) -> None:
    from fakes import make_study

    make_study(folder, runs=max(1, count // 8))


def report(folder: Path, count: int) -> None:
    from fakes import fake_models

    from corrotwin.benchmarks.report import build as page

    with fake_models():
        page.write(folder)


STEPS: dict[str, Callable[[Path, int], None]] = {
    step.__name__: step for step in (write, assemble, read, validate, cache, split, alike, make, report)
}


def measured(steps: Sequence[str], counts: Sequence[int]) -> dict[str, list[tuple[float, float]]]:
    """Seconds and peak memory in MB of each step at each count."""
    found: dict[str, list[tuple[float, float]]] = {step: [] for step in steps}
    for count in counts:
        with tempfile.TemporaryDirectory() as home:
            for step in steps:
                line = [sys.executable, __file__, "step", step, str(Path(home) / "folder"), str(count)]
                done = subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True)
                found[step].append(tuple(json.loads(done.stdout.splitlines()[-1])))
                print(f"{step} {count}: {found[step][-1]}", file=sys.stderr, flush=True)
    return found


def exponent(counts: Sequence[int], values: Sequence[float]) -> float:
    """How what comes on top of the smallest count grows to the largest: 1 is linear, 2 quadratic, whatever is fixed."""
    more, cost = np.subtract(counts[-2:], counts[0]), np.subtract(values[-2:], values[0])
    return float(np.diff(np.log(cost))[0] / np.diff(np.log(more))[0])


def slope(counts: Sequence[int], values: Sequence[float]) -> float:
    """What 1,000 more cost, between the two largest counts."""
    return 1000 * (values[-1] - values[-2]) / (counts[-1] - counts[-2])


def table(counts: Sequence[int], found: dict[str, list[tuple[float, float]]]) -> str:
    """A row a step, as Markdown."""
    lines = [
        f"| step | {' | '.join(f'{count:,} s' for count in counts)} | s for 1,000 more | peak MB | MB for 1,000 more |",
        "|---" * (len(counts) + 4) + "|",
    ]
    for step, values in found.items():
        seconds, memory = zip(*values, strict=True)
        cells = [
            EXPLAINED[step], *(f"{each:.1f}" for each in seconds), f"{slope(counts, seconds):.2f}",
            ", ".join(f"{each:.0f}" for each in memory), f"{slope(counts, memory):.1f}",
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    what, *rest = sys.argv[1:]
    if what == "step":
        step, folder, count = rest
        begun = time.process_time()  # what else the machine does is not a part of it
        STEPS[step](Path(folder), int(count))
        seconds = time.process_time() - begun
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps([seconds, peak]))
        return
    counts = [int(each) for each in rest]
    steps = {"dataset": DATASET, "study": STUDY}.get(what, tuple(what.split(",")))
    print(table(counts, measured(steps, counts)))


if __name__ == "__main__":
    main()
