"""How well a picture and its labels lie on each other."""

from itertools import product

import numpy as np


def agreement(drawn: np.ndarray, cast: np.ndarray) -> float:
    assert cast.sum() > 300
    return float((drawn & cast).sum() / (drawn | cast).sum())


def displaced(picture: np.ndarray, classes: np.ndarray, most: int = 5) -> tuple[int, int]:
    """By how many pixels, down and right, classes (H, W) must be moved to part the colours of a photograph best."""

    def scatter(move: tuple[int, int]) -> float:
        moved = np.roll(classes, move, (0, 1))[most:-most, most:-most]
        of_each = [picture[most:-most, most:-most][moved == each] for each in np.unique(moved)]
        return sum(float(((pixels - pixels.mean(axis=0)) ** 2).sum()) for pixels in of_each)

    return min(product(range(-most, most + 1), repeat=2), key=scatter)
