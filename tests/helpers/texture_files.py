"""Texture sets of known content, in files named as the two vendors name theirs."""

import os
from pathlib import Path

import cv2
import numpy as np

os.environ["OPENCV_IO_ENABLE_OPENEXR"] = "1"  # before OpenCV meets the first such file


def hills(side: int, seed: int = 0, relief: float = 0.01) -> np.ndarray:
    """A smooth height that tiles, (side, side), in shares of the side."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side
    waves = [
        np.cos(2 * np.pi * (a * x + b * y) + phase) / np.hypot(a, b)
        for a, b, phase in zip(rng.integers(-6, 7, 20), rng.integers(1, 7, 20), rng.uniform(0, 6.3, 20), strict=True)
    ]
    height = np.sum(waves, axis=0)
    return relief * height / np.abs(height).max()


def normals(height: np.ndarray, *, green_up: bool = True) -> np.ndarray:
    """The normal map of a height that tiles, (H, W, 3) in [0, 1], by central differences."""
    width = height.shape[1]
    across = width * (np.roll(height, -1, 1) - np.roll(height, 1, 1)) / 2
    down = width * (np.roll(height, -1, 0) - np.roll(height, 1, 0)) / 2
    normal = np.stack([-across, down if green_up else -down, np.ones_like(height)], axis=-1)
    return 0.5 + 0.5 * normal / np.linalg.norm(normal, axis=-1, keepdims=True)


def save(path: Path, pixels: np.ndarray, *, deep: bool = False) -> None:
    """Write shares of full scale, RGB or grey: an EXR in floating point, others in 8 bits, or 16 if `deep`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stored = pixels if pixels.ndim == 2 else np.ascontiguousarray(pixels[..., ::-1])
    if path.suffix == ".exr":
        stored = stored.astype(np.float32)
    else:
        stored = np.round((65535 if deep else 255) * stored).astype(np.uint16 if deep else np.uint8)
    assert cv2.imwrite(str(path), stored)


def plain(color: tuple[float, float, float], side: int) -> np.ndarray:
    return np.full((side, side, 3), color)


def ambient_cg(folder: Path, name: str, color: np.ndarray, height: np.ndarray, roughness: float = 0.6) -> Path:
    """A set as ambientCG's archives hold it, with what is not used beside it."""
    side = len(color)
    maps = {
        "Color": color, "Roughness": np.full((side, side), roughness), "NormalGL": normals(height),
        "NormalDX": normals(height, green_up=False), "AmbientOcclusion": np.ones((side, side)),
        "Metalness": np.zeros((side, side)), "Displacement": 0.5 + height / (2 * np.abs(height).max() or 1),
    }  # fmt: skip
    for role, pixels in maps.items():
        save(folder / name / f"{name}_1K-PNG_{role}.png", pixels)
    (folder / name / f"{name}.mtlx").write_text("<materialx/>")
    return folder / name


def poly_haven(folder: Path, name: str, color: np.ndarray, height: np.ndarray, roughness: float = 0.6) -> Path:
    """A set as Poly Haven's archives hold it: maps in `textures`, normals and roughness in EXR."""
    side = len(color)
    maps = {
        "diff_1k.png": color, "rough_1k.exr": np.full((side, side), roughness), "nor_gl_1k.exr": normals(height),
        "ao_1k.jpg": np.ones((side, side)),
    }  # fmt: skip
    for suffix, pixels in maps.items():
        save(folder / name / "textures" / f"{name}_{suffix}", pixels)
    save(folder / name / "textures" / f"{name}_disp_1k.png", 0.5 + height / (2 * np.abs(height).max() or 1), deep=True)
    return folder / name
