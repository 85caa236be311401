import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from corrotwin.synth.labels import masks
from corrotwin.synth.labels.morphology import closed
from corrotwin.synth.presets.schema import LabelRule

mask_arrays = arrays(np.bool_, st.tuples(st.integers(1, 30), st.integers(1, 30)))


def scipys(mask: np.ndarray, radius: int, **padding: str) -> np.ndarray:
    """Closing by scipy of a mask with so wide a rim that nothing within depends on the rim's own end."""
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    rim = 2 * radius + 1
    return ndimage.binary_closing(np.pad(mask, rim, **padding), x**2 + y**2 <= radius**2)[rim:-rim, rim:-rim]


@settings(max_examples=30)
@given(mask_arrays, st.integers(0, 7))
def test_closing_is_that_of_scipy_on_an_unbounded_plane(mask: np.ndarray, radius: int) -> None:
    found = closed(mask, radius)
    assert (found == scipys(mask, radius)).all()
    assert not (mask & ~found).any()


@settings(max_examples=30)
@given(mask_arrays)
def test_the_annotators_closing_takes_what_ends_at_the_pictures_edge_for_going_on(mask: np.ndarray) -> None:
    rule = LabelRule(closing_radius=0.2, smallest_region=0.0)
    label = np.stack([mask, mask, np.ones_like(mask)], -1).astype(np.float32)
    assert (masks.annotated(label, rule) == scipys(mask, round(0.2 * min(mask.shape)), mode="edge")).all()
