"""Photos that are a few pixels high: what a network sees of them stays in proportion to the photo."""

from pathlib import Path

import numpy as np
import pytest

from corrotwin.segmentation.prediction.predictor import MOST_SCALE, NetworkPredictor, Settings


class Grey(NetworkPredictor):
    """Predicts the brightness of what it is given, and remembers how many pixels that was."""

    folder, settings, threshold, scale, framing = Path("grey"), Settings(), 0.5, 1.0, "resize"
    size, batch_size = 64, 4

    def __init__(self) -> None:
        self.pixels = 0

    def network_output(self, images: np.ndarray) -> np.ndarray:
        self.pixels += images[..., 0].size
        return np.asarray(images.mean(axis=3) / 255, dtype=np.float32)

    def adapt(self, photos: object) -> int:
        raise NotImplementedError


@pytest.mark.parametrize("shape", [(1, 30_000), (30_000, 1), (3, 20_000), (16, 4_000), (64, 2_000), (1, 1)])
def test_a_photo_is_not_magnified_without_bound(shape: tuple[int, int]) -> None:
    predictor = Grey()
    image = np.full((*shape, 3), 102, dtype=np.uint8)
    found, _ = predictor.probability(image)
    assert found.shape == shape
    np.testing.assert_allclose(found, 0.4, atol=0.01)
    most = shape[0] * shape[1] * MOST_SCALE**2 * 4  # tiles overlap by a half each way
    assert predictor.pixels <= max(most, 4 * predictor.size**2)
