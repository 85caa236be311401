import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import confusion_matrix, f1_score, jaccard_score
from torch.utils._python_dispatch import TorchDispatchMode

from corrotwin.segmentation.arms import DataArm
from corrotwin.segmentation.config import configure
from corrotwin.segmentation.data.decoded import Arrays, Natives
from corrotwin.segmentation.evaluation.evaluate import confusion, measure, predict, scores
from corrotwin.segmentation.models import network as network_module


@given(pair=st.tuples(*[hnp.arrays(bool, (3, 5, 4), elements=st.booleans())] * 2))
@example(pair=(np.zeros((1, 5, 4), dtype=bool), np.zeros((1, 5, 4), dtype=bool)))
@example(pair=(np.ones((1, 5, 4), dtype=bool), np.zeros((1, 5, 4), dtype=bool)))
@example(pair=(np.zeros((1, 5, 4), dtype=bool), np.ones((1, 5, 4), dtype=bool)))
def test_counts_and_scores_agree_with_scikit_learn(pair):
    predicted, truth = pair
    tp, fp, fn, tn = confusion(torch.from_numpy(predicted), torch.from_numpy(truth)).numpy()
    f1, iou = scores(tp, fp, fn, tn)
    for index, (one, other) in enumerate(zip(predicted, truth, strict=True)):
        expected = confusion_matrix(other.ravel(), one.ravel(), labels=[False, True])
        assert [[tn[index], fp[index]], [fn[index], tp[index]]] == expected.tolist()
        # scikit-learn's zero_division stands for "no positives anywhere"
        assert f1[index] == pytest.approx(f1_score(other.ravel(), one.ravel(), zero_division=1.0))
        empty = not (one.any() or other.any())
        assert iou[index] == pytest.approx(1.0 if empty else jaccard_score(other.ravel(), one.ravel()))


def test_large_counts_do_not_overflow():
    huge = np.array([3 * 10**9])
    f1, iou = scores(huge, huge, huge, huge)
    assert f1 == pytest.approx(0.5)
    assert iou == pytest.approx(1 / 3)


def test_counts_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match="different shapes"):
        scores(np.zeros(3), np.zeros(3), np.zeros(2), np.zeros(3))


@pytest.mark.parametrize("precision", ["exact", "fast"])
def test_borders_are_continued_where_a_side_is_not_divisible(precision):
    """A photo and the same photo continued by its border pixels to 32 x 64 get the same logits on common pixels."""
    config = configure("quick", backbone="mobilenet_v2", arm=DataArm(name="real"), seed=0, size=32, precision=precision)
    network = network_module.place(network_module.build("mobilenet_v2", encoder_weights=None, seed=0), precision)
    pixels = np.random.default_rng(0).integers(0, 256, (27, 40, 3), dtype=np.uint8)
    padded = np.pad(pixels, ((0, 5), (0, 24), (0, 0)), mode="edge")
    masks = np.random.default_rng(1).integers(0, 2, (27, 40), dtype=np.uint8)
    natives = Natives(
        pixels=np.concatenate([pixels.reshape(-1, 3), padded.reshape(-1, 3)]),
        truth=np.concatenate([masks.ravel(), np.zeros(32 * 64, dtype=np.uint8)]),
        shapes=np.array([(27, 40), (32, 64)]),
        row={"photo": 0, "padded": 1},
    )
    (one, mask), (other, _) = predict(network, config, natives, ["photo", "padded"])
    assert one.shape == (1, 1, 27, 40)
    assert np.array_equal(mask[0], masks)
    assert torch.equal(one, other[..., :27, :40])
    loss, table = measure(network, config, natives, ["photo"])
    assert table.tp + table.fp + table.fn + table.tn == 27 * 40
    assert 0 <= loss <= 1


class Waits(TorchDispatchMode):
    """Counts the operations that wait for the device: numbers that are copied from it one by one."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func is torch.ops.aten._local_scalar_dense.default
        return func(*args, **(kwargs or {}))


def test_measuring_does_not_wait_for_the_device_in_each_batch(monkeypatch):
    copies, cpu = [], torch.Tensor.cpu  # to this machine, where it does nothing that `Waits` could count

    def counted(tensor, *arguments, **options):
        copies.append(tensor.shape)
        return cpu(tensor, *arguments, **options)

    monkeypatch.setattr(torch.Tensor, "cpu", counted)
    config = configure("quick", backbone="mobilenet_v2", arm=DataArm(name="real"), seed=0, size=32, batch_size=2)
    network = network_module.build("mobilenet_v2", encoder_weights=None, seed=0)
    rng = np.random.default_rng(0)
    arrays = Arrays(
        images=rng.integers(0, 256, (6, 32, 32, 3), dtype=np.uint8),
        masks=rng.integers(0, 2, (6, 32, 32), dtype=np.uint8),
        row={str(number): number for number in range(6)},
    )
    with Waits() as waits:
        loss, table = measure(network, config, arrays, list(arrays.row))
    assert waits.count == 0
    assert copies == [(4, 6)]
    assert len(table.tp) == 6
    assert 0 < loss < 1
    with Waits() as waits:  # which are counted
        float(torch.ones(1))
    assert waits.count == 1
