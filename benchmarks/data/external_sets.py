"""Measurements of runs on all photos of another set: pixel counts in ``runs/<id>/across/<name>.csv``."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_bytes, read_json, remove, write_json

if TYPE_CHECKING:
    from corrotwin.segmentation.data.coco import CocoDataset
    from corrotwin.segmentation.runs import PerImage

FOLDER = "across"
REMEDY = "delete it, and the same command measures again"


def measure(run: str, name: str, data: "CocoDataset") -> None:
    """Measure a complete run on all photos of a set that it was not trained on; Ray workers run this function.

    Raises
    ------
    InputError
        The run learned from some of them, or was validated on them: its counts would be too good, or cover fewer
        photos than those of other runs.
    """
    from corrotwin.segmentation import runs
    from corrotwin.segmentation.evaluation import evaluate

    folder = Path(run)
    table, key = _paths(folder, name)
    if used := len(data.photos) - len(evaluate.measured_photos(runs.load(folder), data)):
        raise InputError(
            f"{name}: {used} of its photos trained or validated {folder.name}, or were seen without labels; take them "
            "out of the set"
        )
    counts = evaluate.measure_run(folder, data)
    remove(key, missing_ok=True)  # first, so that a key never vouches for a table of other photos or weights
    runs.write_per_image(table, counts)
    write_json(key, _key(folder, data.digest))


def is_measured(run: Path, name: str, digest: str) -> bool:
    """Return whether this version of the run was measured on this version of the photos."""
    table, key = _paths(run, name)
    try:
        return table.is_file() and read_json(key, inside=run) == _key(run, digest)
    except (InputError, OSError):
        return False


def read(run: Path, name: str, digest: str) -> "PerImage | None":
    """Return the pixel counts of a run on another set; None if they are absent, or belong to other photos or weights.

    Raises
    ------
    InputError
        The table is damaged.
    """
    from corrotwin.segmentation.runs import read_per_image

    if not is_measured(run, name, digest):
        return None
    path, _ = _paths(run, name)
    table = read_per_image(path, REMEDY)
    if not table.image:
        raise InputError(f"{path}: damaged (no rows); {REMEDY}")
    return table


def _paths(run: Path, name: str) -> tuple[Path, Path]:
    """Return the paths of a set's table and of the key that identifies what was measured."""
    return run / FOLDER / f"{name}.csv", run / FOLDER / f"{name}.json"


def _key(run: Path, digest: str) -> dict[str, str]:
    """Return the key of the counts: the digest of the photos and a hash of the run's own table."""
    table_hash = hashlib.sha256(read_bytes(run / "per_image.csv", inside=run)).hexdigest()
    return {"data": digest, "run": table_hash[:16]}
