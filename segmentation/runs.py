"""A training run on disk: `run.json`, `split.json`, `history.csv`, `per_image.csv`, `best.safetensors`.

`run.json` is written last; a folder without it is unfinished. Every score is derived from `per_image.csv`. While a run
trains, `unfinished.json` describes it, and `best.safetensors` has the best weights so far.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from corrotwin.segmentation.config import THRESHOLD, TrainConfig, to_json
from corrotwin.segmentation.data.coco import CocoDataset
from corrotwin.segmentation.data.splits import Split
from corrotwin.twin.core import tables
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import checked, open_file, read_manifest, versions

KIND = "run"
UNFINISHED = "unfinished"  # kind of the manifest of a run until it is complete
WEIGHTS = "best.safetensors"
MOST_BYTES = 8 * 1024**3  # size of the weights of a network
SPLIT = "split.json"
HISTORY = "history.csv"
HISTORY_COLUMNS = ("epoch", "train_loss", "valid_loss", "valid_f1", "valid_iou", "seconds")
PER_IMAGE_COLUMNS = ("image", "tp", "fp", "fn", "tn")
VERSIONED = (
    "corrotwin", "torch", "segmentation-models-pytorch", "timm", "albumentations", "opencv-python-headless", "numpy",
)  # fmt: skip


def made_by() -> dict[str, str]:
    """Return the versions of this project and of the libraries that affect the result of a run.

    What follows a plus is left out: there, builds of PyTorch for CPUs and for GPUs differ.
    """
    return {name: version.partition("+")[0] for name, version in versions(*VERSIONED).items()}


@dataclass(frozen=True, kw_only=True, eq=False)
class PerImage:
    """Pixel counts of each test photo at the measured size: names and four read-only (n,) int64 arrays."""

    image: tuple[str, ...]
    tp: npt.NDArray[np.int64]
    fp: npt.NDArray[np.int64]
    fn: npt.NDArray[np.int64]
    tn: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        for counts in (self.tp, self.fp, self.fn, self.tn):
            counts.setflags(write=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class RunRecord:
    """A run. `history` holds a (epochs,) float64 array for each of `HISTORY_COLUMNS`."""

    manifest: Mapping[str, Any]
    history: Mapping[str, npt.NDArray[np.float64]]
    per_image: PerImage
    """Empty if the run is unfinished."""
    unfinished_epoch: int | None = None
    """Epoch of the weights of an unfinished run; None if the run is complete."""

    @property
    def test(self) -> tuple[str, ...]:
        """The test photos."""
        if self.unfinished_epoch is None:
            return self.per_image.image
        return tuple(self.manifest.get("test") or ())

    @property
    def seen(self) -> frozenset[str] | None:
        """Hashes of the photos that trained or validated the run, or that it saw without labels; None if unknown."""
        labelled = self.manifest.get("seen")
        return None if labelled is None else frozenset([*labelled, *(self.manifest.get("seen_unlabelled") or ())])

    @property
    def threshold(self) -> float:
        """The threshold on the corrosion probability, chosen on the validation photos; 0.5 if none was chosen.

        Raises
        ------
        InputError
            The manifest holds no number between 0 and 1.
        """
        value = (self.manifest.get("threshold") or {}).get("value", THRESHOLD)
        if not isinstance(value, float) or not 0 < value < 1:
            raise InputError(f"run.json: threshold {value!r:.40} is not between 0 and 1; train again")
        return value

    @property
    def note(self) -> str:
        """A note for users of an unfinished run, such as its epoch; empty if the run is complete."""
        if self.unfinished_epoch is None:
            return ""
        reached, epochs = len(self.history["epoch"]), (self.manifest.get("config") or {}).get("epochs", "?")
        return (
            f"unfinished, {reached} of {epochs} epochs trained; its weights are those of epoch {self.unfinished_epoch}"
        )


def identity(
    config: TrainConfig, real: CocoDataset, split: Split, renders: CocoDataset | None, unlabelled: str | None = None
) -> dict[str, Any]:
    """Return what determines a run's result: its configuration and hashes of its data.

    `unlabelled` is the digest of unlabelled pictures, stated only if there are any.
    """
    return {
        "config": to_json(config),
        "data": {
            "real": real.digest,
            "renders": renders.digest if renders is not None and config.arm.takes_renders else None,
            "split": split.digest,
            **({} if unlabelled is None else {"unlabelled": unlabelled}),
        },
    }


def is_complete(
    folder: Path,
    config: TrainConfig,
    real: CocoDataset,
    split: Split,
    renders: CocoDataset | None,
    unlabelled: str | None = None,
) -> bool:
    """Return True if `folder` holds the finished run of exactly this configuration and data."""
    manifest = _manifest(folder)
    if manifest is None:
        return False
    expected = identity(config, real, split, renders, unlabelled)
    data = manifest.get("data") or {}
    return manifest.get("config") == expected["config"] and all(
        data.get(key) == expected["data"].get(key) for key in {*expected["data"], "unlabelled"}
    )


def load(folder: Path) -> RunRecord:
    """Read a complete run.

    Raises
    ------
    InputError
        The folder holds no complete run, or a table in it is damaged.
    """
    folder = Path(folder)
    manifest = _manifest(folder)
    if manifest is None:
        raise InputError(f"{folder}: no complete training run (run.json is missing); run its training again")
    return RunRecord(
        manifest=manifest,
        history=read_history(folder / HISTORY),
        per_image=read_per_image(folder / "per_image.csv"),
    )


def load_usable(folder: Path) -> RunRecord:
    """Read a run that is complete, or unfinished but with weights that can be used already.

    Raises
    ------
    InputError
        The folder holds no such run, or a table in it is damaged.
    """
    from safetensors import SafetensorError, safe_open

    folder = Path(folder)
    manifest = None if (folder / f"{KIND}.json").exists() else _manifest(folder, UNFINISHED)
    path = folder / WEIGHTS
    if manifest is None or not path.exists():
        return load(folder)
    try:
        with safe_open(checked(path, inside=folder, most_bytes=MOST_BYTES), framework="numpy") as stored:
            epoch = int((stored.metadata() or {})["epoch"])
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        if (folder / f"{KIND}.json").exists():  # completed in the meantime
            return load(folder)
        raise InputError(
            f"{path}: damaged ({error!s:.100}); repeat the training command, which resumes and writes it again"
        ) from error
    no_counts = np.empty(0, dtype=np.int64)
    return RunRecord(
        manifest=manifest,
        history=read_history(folder / HISTORY),
        per_image=PerImage(image=(), tp=no_counts, fp=no_counts, fn=no_counts, tn=no_counts),
        unfinished_epoch=epoch,
    )


def _manifest(folder: Path, kind: str = KIND) -> dict[str, Any] | None:
    """Return the content of a run's manifest with the types of its lists and objects checked; None if it is absent."""
    manifest = read_manifest(folder, kind)
    if manifest is None:
        return None
    kind_file = f"{kind}.json"
    expected_types = {
        "config": dict,
        "data": dict,
        "counts": dict,
        "versions": dict,
        "threshold": dict,
        "averaged": dict,
        "classes": list,
        "seen": list,
        "seen_unlabelled": list,
        "seen_looks": list,
        "tested": list,
        "test": list,
    }
    for name, expected_type in expected_types.items():
        if manifest.get(name) is not None and not isinstance(manifest[name], expected_type):
            raise InputError(f"{folder / kind_file}: damaged ({name} is {manifest[name]!r:.40}); train again")
    for name in ("classes", "seen", "seen_unlabelled", "seen_looks", "tested", "test"):
        if not all(isinstance(entry, str) for entry in manifest.get(name) or ()):
            raise InputError(f"{folder / kind_file}: damaged ({name} is not a list of names); train again")
    return manifest


def read_history(path: Path) -> dict[str, npt.NDArray[np.float64]]:
    """Read the table of a run's epochs: a (epochs,) float64 array for each of `HISTORY_COLUMNS`.

    Raises
    ------
    InputError
        The table cannot be read or is damaged.
    """
    table = _read_table(path, HISTORY_COLUMNS)
    try:
        return {name: np.array(column, dtype=np.float64) for name, column in table.items()}
    except ValueError as error:
        raise InputError(f"{path}: damaged ({error}); train again") from error


def read_per_image(path: Path, advice: str = "train again") -> PerImage:
    """Read a table of pixel counts; `advice` ends error messages and says how to make the table again.

    Raises
    ------
    InputError
        The table cannot be read or is damaged.
    """
    table = _read_table(path, PER_IMAGE_COLUMNS, advice)
    try:
        counts = {
            name: np.array([int(value) for value in table[name]], dtype=np.int64) for name in PER_IMAGE_COLUMNS[1:]
        }
    except (ValueError, OverflowError) as error:
        raise InputError(f"{path}: damaged ({error}); {advice}") from error
    if any((column < 0).any() for column in counts.values()):
        raise InputError(f"{path}: damaged (a count below 0); {advice}")
    return PerImage(image=tuple(table["image"]), **counts)


def weights_digest(folder: Path) -> str:
    """Return the SHA-256 of a run's weights, 16 hex digits."""
    return digest_of_weights(folder / WEIGHTS)


def digest_of_weights(path: Path) -> str:
    """Return the SHA-256 of a file of weights, 16 hex digits."""
    with open_file(path, inside=path.parent, most_bytes=MOST_BYTES) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]


def write_history(folder: Path, rows: Iterable[Mapping[str, float]]) -> None:
    """Write `history.csv`, one row per epoch. Floats keep all their bits."""
    tables.write_own(folder / HISTORY, HISTORY_COLUMNS, ([row[name] for name in HISTORY_COLUMNS] for row in rows))


def write_per_image(path: Path, table: PerImage) -> None:
    """Write a table of pixel counts, one row per photo."""
    columns = (table.tp, table.fp, table.fn, table.tn)
    rows = zip(table.image, *(column.tolist() for column in columns), strict=True)
    tables.write_own(path, PER_IMAGE_COLUMNS, rows)


def _read_table(path: Path, columns: Sequence[str], advice: str = "train again") -> dict[str, list[str]]:
    try:
        return tables.read_own(path, columns)
    except InputError as error:
        raise InputError(f"{error}; {advice}") from error
