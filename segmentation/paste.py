"""Copy-paste augmentation: corrosion cut out of one photo and laid into another (Ghiasi et al. 2021, CVPR).

The strongest use of the photos alone that needs no renders, and so the baseline that renders have to beat.
"""

import cv2
import numpy as np
import numpy.typing as npt

SCALE = (0.5, 1.5)
SHIFT = 0.5  # either way, part of the side
KEPT = 0.5  # chance of each region of the other photo
EDGE_PX = 1.0  # standard deviation of the blur of the pasted outline

_Bytes = npt.NDArray[np.uint8]


def paste(
    image: _Bytes,
    mask: _Bytes,
    donor: _Bytes,
    regions: _Bytes,
    *,
    probability: float,
    rng: np.random.Generator,
) -> tuple[_Bytes, _Bytes]:
    """With a probability, paste a random subset of a donor's corroded regions, flipped, scaled and shifted together.

    Parameters
    ----------
    image, donor : (s, s, 3) uint8.
    mask, regions : (s, s) uint8, 0 or 1: the corrosion of each.
    probability : of pasting anything.

    Returns
    -------
    Image and mask of the same shapes; those given where nothing was pasted.
    """
    chance, flip = rng.random(2)
    scale, shift = rng.uniform(*SCALE), rng.uniform(-SHIFT, SHIFT, 2)
    count, labels = cv2.connectedComponents(regions, connectivity=8)
    kept = rng.random(count) < KEPT
    kept[0] = False
    if chance >= probability or not kept.any():
        return image, mask
    side = len(mask)
    turn = -1.0 if flip < 0.5 else 1.0
    middle = (side - 1) / 2
    move = np.array(
        [
            [turn * scale, 0, middle * (1 - turn * scale) + side * shift[0]],
            [0, scale, middle * (1 - scale) + side * shift[1]],
        ]
    )
    cut = cv2.warpAffine(kept[labels].astype(np.uint8), move, (side, side), flags=cv2.INTER_NEAREST)
    if not cut.any():
        return image, mask
    laid = cv2.warpAffine(donor, move, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    share = cv2.GaussianBlur(cut.astype(np.float32), (0, 0), EDGE_PX)[..., None]
    mixed = (share * laid + (1 - share) * image).round().astype(np.uint8)
    return mixed, np.maximum(mask, cut)
