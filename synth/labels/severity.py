"""Grade the visible rust: share of rust, bands of wall loss, condition state.

Everything is measured on pixels, so it describes what a picture shows, not the whole asset.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Wall loss in mm from which each band of the severity map begins. Band 0 is below the first: no loss worth a name.
LOSS_BANDS_MM: dict[str, float] = {"light": 0.05, "moderate": 0.25, "heavy": 1.0, "severe": 3.0}

SOUND = "CS1"  # condition state of steel that does not corrode
# Limits of the other states, chosen by this project: see `condition_state`.
EVIDENT_MAX_MM = 0.5  # loss somewhere in the region that an eye or a finger finds
EVIDENT_MEAN_SHARE = 0.02  # of the thickness, over the region
EVIDENT_MAX_SHARE = 0.05  # of the thickness, somewhere in the region
REVIEW_MEAN_SHARE = 0.10
REVIEW_MAX_SHARE = 0.30


def rusted_percent(cover: NDArray[np.floating[Any]], threshold: float) -> float:
    """Return the percentage of visible pixels whose rust cover (n,) is above `threshold`; n is at least 1.

    `twin.core.rust_grade` converts it to a degree of rusting by ISO 4628-3. The standard means shares of the surface;
    here each pixel counts once, near or far.
    """
    return 100 * float((cover > threshold).mean())


def loss_bands(wall_loss_mm: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Return the band of each pixel's wall loss, (H, W) uint8: 0 none, then 1 to 4 in the order of `LOSS_BANDS_MM`."""
    # In the field's own precision: 0.05 as float32 is in the band that begins at 0.05.
    edges = np.array(list(LOSS_BANDS_MM.values()), wall_loss_mm.dtype)
    return np.digitize(wall_loss_mm, edges).astype(np.uint8)


def condition_state(mean_loss_mm: float, max_loss_mm: float, thickness_mm: float) -> str:
    """Return the condition state of a region of rust after AASHTO's Manual for Bridge Element Inspection.

    The manual describes the states in words: CS1 none; CS2 freckled rust, corrosion has initiated; CS3 section loss
    is evident or pack rust is present, but no structural review is warranted; CS4 the condition warrants a structural
    review. The limits between them, the constants of this module, are **this project's, not the standard's**: an
    inspector judges the member, its load and its position, which a region of a picture does not show. Pack rust is not
    recognised. A region of rust is never CS1, which is `SOUND`.

    Parameters
    ----------
    mean_loss_mm, max_loss_mm : wall loss over the region.
    thickness_mm : nominal thickness of the asset, whichever part the region is on; 0 if unknown; then limits that are
        shares of it do not apply, nor does CS4.
    """
    mean_share, max_share = (loss / thickness_mm if thickness_mm > 0 else 0.0 for loss in (mean_loss_mm, max_loss_mm))
    if mean_share >= REVIEW_MEAN_SHARE or max_share >= REVIEW_MAX_SHARE:
        return "CS4"
    if max_loss_mm >= EVIDENT_MAX_MM or mean_share >= EVIDENT_MEAN_SHARE or max_share >= EVIDENT_MAX_SHARE:
        return "CS3"
    return "CS2"
