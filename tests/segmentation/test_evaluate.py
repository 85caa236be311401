import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import confusion_matrix, f1_score, jaccard_score

from segmentation.evaluate import confusion, scores


@given(pair=st.tuples(*[hnp.arrays(bool, (3, 5, 4), elements=st.booleans())] * 2))
@example(pair=(np.zeros((1, 5, 4), dtype=bool), np.zeros((1, 5, 4), dtype=bool)))
@example(pair=(np.ones((1, 5, 4), dtype=bool), np.zeros((1, 5, 4), dtype=bool)))
@example(pair=(np.zeros((1, 5, 4), dtype=bool), np.ones((1, 5, 4), dtype=bool)))
def test_counts_and_scores_agree_with_scikit_learn(pair):
    predicted, truth = pair
    tp, fp, fn, tn = confusion(predicted, truth)
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
