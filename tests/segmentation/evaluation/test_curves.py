import warnings

import numpy as np
import pytest
import torch
from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score, brier_score_loss, f1_score, jaccard_score, precision_recall_curve

from corrotwin.segmentation.evaluation import curves
from corrotwin.segmentation.evaluation.evaluate import confusion, scores
from corrotwin.twin.core.errors import InputError

SHAPES = ((24, 30), (17, 11), (40, 40), (8, 8), (33, 9))


def saturated(rng, shape, truth):
    """Probabilities as Dice leaves them: most pixels far out in the tails."""
    return 1 / (1 + np.exp(-rng.normal(12 * truth - 6, 6, shape)))


PREDICTORS = {
    "uniform": lambda rng, shape, truth: rng.random(shape),
    "skilled": lambda rng, shape, truth: rng.beta(1 + 3 * truth, 2, shape),
    "saturated": saturated,
    "on the edges, tied": lambda rng, shape, truth: rng.integers(0, 17, shape) / 16,
    "all equal": lambda rng, shape, truth: np.full(shape, 0.5),
}


@pytest.fixture(params=PREDICTORS)
def photos(request):
    """Probabilities and masks; the third photo is clean, the fourth all corroded."""
    rng = np.random.default_rng(list(PREDICTORS).index(request.param))
    truths = [rng.random(shape) < 0.3 for shape in SHAPES]
    truths[2][:] = False
    truths[3][:] = True
    return [
        (PREDICTORS[request.param](rng, shape, truth).astype(np.float32), truth)
        for shape, truth in zip(SHAPES, truths, strict=True)
    ]


def gather(photos, *extra):
    return curves.histograms([str(index) for index in range(len(photos))], photos, curves.edges(*extra))


def pooled(photos):
    probability, truth = (np.concatenate([each.ravel() for each in column]) for column in zip(*photos, strict=True))
    return probability, truth


def test_the_edges_hold_the_thresholds_exactly():
    edges = curves.edges(0.3)
    assert edges.dtype == np.float32
    assert (np.diff(edges) > 0).all()
    assert {0.0, 0.5, 1.0, 1 / 256, 255 / 256} <= set(edges.tolist())
    assert np.float32(0.3) in edges
    assert np.diff(edges).max() <= 1 / 256
    assert edges[-2] > 1 - 1e-6 > edges[-20]  # fine where predictions saturate


@pytest.mark.parametrize("threshold", [0.5, 0.3, 0.0625, 1 / 256, 0.999, 1e-6])
def test_counts_are_those_of_the_thresholded_masks(photos, threshold):
    table = curves.per_image(gather(photos, threshold), threshold)
    for index, (probability, truth) in enumerate(photos):
        predicted = probability > np.float32(threshold)
        expected = [
            int(column[0]) for column in confusion(*(torch.from_numpy(each)[None] for each in (predicted, truth)))
        ]
        assert [int(column[index]) for column in (table.tp, table.fp, table.fn, table.tn)] == expected
        f1, iou = (float(values[index]) for values in scores(table.tp, table.fp, table.fn, table.tn))
        assert f1 == pytest.approx(f1_score(truth.ravel(), predicted.ravel(), zero_division=1.0))
        if truth.any() or predicted.any():
            assert iou == pytest.approx(jaccard_score(truth.ravel(), predicted.ravel()))


def test_a_threshold_that_is_no_edge_is_refused(photos):
    with pytest.raises(ValueError, match="unpack"):
        curves.per_image(gather(photos), 0.3)


def test_the_whole_curve_is_exact(photos):
    probability, truth = pooled(photos)
    whole = curves.curve(gather(photos))
    precision, recall, thresholds = precision_recall_curve(truth, probability)
    for index, threshold in enumerate(whole.threshold):
        # scikit-learn predicts at >= its thresholds, we at >: its next higher threshold makes the same masks
        place = np.searchsorted(thresholds, threshold, side="right")
        assert whole.precision[index] == pytest.approx(precision[place])
        assert whole.recall[index] == pytest.approx(recall[place])
    for index in range(0, len(whole.threshold), 97):
        cut = whole.threshold[index]
        assert whole.f1_pooled[index] == pytest.approx(f1_score(truth, probability > cut, zero_division=1.0))
        each = [f1_score(t.ravel(), p.ravel() > cut, zero_division=1.0) for p, t in photos]
        assert whole.f1_mean[index] == pytest.approx(np.mean(each))


def test_average_precision(photos):
    probability, truth = pooled(photos)
    gathered = gather(photos)
    # Exact where pixels of one cell are tied; cells themselves order pixels as their probabilities do.
    cell = np.searchsorted(gathered.edges, probability)
    assert curves.average_precision(gathered) == pytest.approx(average_precision_score(truth, cell), abs=1e-12)
    # Binning moves it by less than 0.005 on 3,000 pixels in 500 cells.
    assert curves.average_precision(gathered) == pytest.approx(average_precision_score(truth, probability), abs=5e-3)


def test_calibration(photos):
    probability, truth = pooled(photos)
    bins = curves.calibration(gather(photos, 0.3))
    observed, predicted = calibration_curve(truth, probability, n_bins=curves.CALIBRATION_BINS)
    filled = bins.pixels > 0
    assert bins.observed_share[filled] == pytest.approx(observed)
    assert bins.mean_predicted[filled] == pytest.approx(predicted)
    assert np.isnan(bins.observed_share[~filled]).all()
    assert bins.pixels.sum() == truth.size
    # by its definition, pixel by pixel
    place = np.searchsorted(np.arange(1, 16) / 16, probability)
    error = sum(abs((truth[place == each] - probability[place == each]).sum()) for each in range(16)) / truth.size
    assert curves.expected_calibration_error(bins) == pytest.approx(error)


def test_brier_score_is_at_most_the_width_of_a_cell_off(photos):
    probability, truth = pooled(photos)
    exact = brier_score_loss(truth, probability)
    assert exact - 4e-6 <= curves.brier_score(gather(photos)) <= exact + 1e-9


def test_certain_predictions_stay_inside():
    truth = np.array([[True, False]])
    gathered = gather([(np.array([[1.0, 0.0]], dtype=np.float32), truth)])
    assert gathered.cells.sum() == 2
    assert gathered.cells[0, 1, -1] == gathered.cells[0, 0, 0] == 1
    assert curves.average_precision(gathered) == 1
    assert curves.brier_score(gathered) == 0
    assert curves.expected_calibration_error(curves.calibration(gathered)) == 0


def test_clean_photos_alone():
    rng = np.random.default_rng(3)
    photos = [(rng.random((9, 9)).astype(np.float32), np.zeros((9, 9), dtype=bool)) for _ in range(3)]
    gathered = gather(photos)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        whole = curves.curve(gathered)
        assert np.isnan(curves.average_precision(gathered))
    assert np.isnan(whole.recall).all()
    assert whole.precision[-1] == 1
    assert whole.f1_mean[-1] == 1
    assert whole.f1_mean[0] == 0


def test_what_is_no_number_is_refused():
    with pytest.raises(InputError, match="0: the network's predictions are not numbers"):
        gather([(np.array([[np.nan]], dtype=np.float32), np.array([[True]]))])


def test_every_photo_needs_its_prediction(photos):
    with pytest.raises(ValueError, match="zip"):
        curves.histograms(["a"], photos, curves.edges())
