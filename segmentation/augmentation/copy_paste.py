"""Copy-paste augmentation: corrosion cut out of one photo and pasted into another (Ghiasi et al. 2021, CVPR).

This is the strongest use of photos without renders, and so the baseline that renders have to beat.
"""

import cv2
import numpy as np
import numpy.typing as npt

SCALE = (0.5, 1.5)  # range of the size of the pasted corrosion, relative to the original
KEPT = 0.5  # probability with which each region of the donor is pasted; one always is
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
    """Paste corroded regions of a donor, flipped and scaled, at a random place, with the given probability.

    Parameters
    ----------
    image, donor : (s, s, 3) uint8.
    mask, regions : (s, s) uint8, 0 or 1: the corrosion of each.
    probability : probability of pasting anything.

    Returns
    -------
    New image and mask of the same shapes; `image` and `mask` themselves if nothing was pasted.
    """
    chance, flip, first = rng.random(3)
    scale, centre = rng.uniform(*SCALE), rng.uniform(0, len(mask), 2)
    count, labels = cv2.connectedComponents(regions, connectivity=8)
    if chance >= probability or count < 2:
        return image, mask
    chosen = 1 + int(first * (count - 1))
    kept = rng.random(count) < KEPT
    kept[0], kept[chosen] = False, True
    rows, columns = np.nonzero(labels == chosen)
    side = len(mask)
    across = -scale if flip < 0.5 else scale
    move = np.array([[across, 0, centre[0] - across * columns.mean()], [0, scale, centre[1] - scale * rows.mean()]])
    moved_mask = cv2.warpAffine(kept[labels].astype(np.uint8), move, (side, side), flags=cv2.INTER_NEAREST)
    moved_donor = cv2.warpAffine(donor, move, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    opacity = cv2.GaussianBlur(moved_mask.astype(np.float32), (0, 0), EDGE_PX)[..., None]
    mixed = (opacity * moved_donor + (1 - opacity) * image).round().astype(np.uint8)
    return mixed, np.maximum(mask, moved_mask)
