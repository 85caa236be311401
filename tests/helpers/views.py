"""Read and write the files of a view as the Blender process does."""

from pathlib import Path

import numpy as np


def view(folder: Path, index: int) -> dict[str, np.ndarray]:
    """Photograph and labels of a view, by name."""
    return {
        name: values
        for file in (f"view-{index}.npz", f"view-{index}-labels.npz")
        for name, values in np.load(folder / file).items()
    }


def save_view(file: Path, photograph: np.ndarray, **labels: np.ndarray) -> None:
    """Write a made-up view as Blender does."""
    np.savez(file, photograph=photograph)
    np.savez(file.with_name(f"{file.stem}-labels.npz"), **labels)
