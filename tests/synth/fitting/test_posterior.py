import numpy as np

from corrotwin.synth.fitting.posterior import NEAREST, Summaries, closest

RENDERS, PHOTOS = 800, 30


def drawn(value: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Eight numbers of pictures: three follow a parameter, with noise, the others do not."""
    own = value[:, None] * np.array([1.0, -0.5, 2.0]) + rng.normal(0, 0.3, (len(value), 3))
    return np.hstack([own, rng.normal(0, 1, (len(value), 5))])


def test_what_is_kept_lies_about_the_true_values_of_a_parameter_that_shows() -> None:
    rng = np.random.default_rng(0)
    everywhere, true = rng.uniform(-1, 1, RENDERS), rng.uniform(0.3, 0.5, PHOTOS)
    found = Summaries(drawn(everywhere, rng), drawn(true, rng)).nearest(everywhere)
    assert found.shape == (PHOTOS, NEAREST)
    kept = everywhere[found]
    assert abs(kept.mean() - true.mean()) < 0.05
    assert kept.std() < 0.25  # of everywhere: 0.58


def test_of_a_parameter_that_does_not_show_values_from_everywhere_are_kept() -> None:
    rng = np.random.default_rng(1)
    everywhere, hidden = rng.uniform(-1, 1, RENDERS), rng.uniform(-1, 1, RENDERS)
    kept = hidden[Summaries(drawn(everywhere, rng), drawn(np.full(PHOTOS, 0.9), rng)).nearest(hidden)]
    assert abs(kept.mean()) < 0.15
    assert kept.std() > 0.45


def test_the_closest_are_those_of_the_least_distance_in_its_order() -> None:
    rng = np.random.default_rng(2)
    renders, photos = rng.normal(0, 1, (50, 4)), rng.normal(0, 1, (6, 4))
    for photo, found in zip(photos, closest(renders, photos, 5), strict=True):
        away = [float(np.sqrt(((photo - one) ** 2).sum())) for one in renders]
        assert found.tolist() == sorted(range(50), key=lambda place: away[place])[:5]


def test_photographs_beyond_all_renders_and_numbers_that_are_absent_do_no_harm() -> None:
    rng = np.random.default_rng(3)
    everywhere = rng.uniform(-1, 1, RENDERS)
    renders, photos = drawn(everywhere, rng), drawn(np.full(PHOTOS, 0.8), rng)
    photos[:, 6], photos[:, 0] = 1e6, np.nan
    renders[::2, 1] = np.nan
    kept = everywhere[Summaries(renders, photos).nearest(everywhere)]
    assert np.isfinite(kept).all()
    assert kept.mean() > 0.4
