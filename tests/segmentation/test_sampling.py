from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corrotwin.segmentation.arms import DataArm
from corrotwin.segmentation.sampling import plan_batches, render_subset, subset, thin

NAMES = tuple(f"{i:03d}" for i in range(100))
SPOTS = tuple(f"spot {int(name) // 3}" for name in NAMES)


def plan_of(share, *, seed=0, batch_size=8, all_photos=50, photos=50, renders=30, epochs=10, pretrain=0.0):
    arm = DataArm(name="x", render_share=share, pretrain=pretrain)
    counts = {"all_photos": all_photos, "photos": photos, "renders": renders}
    return plan_batches(arm, seed=seed, epochs=epochs, batch_size=batch_size, **counts)


@given(share=st.floats(0, 1), seed=st.integers(0, 2**32), batch_size=st.integers(1, 20), steps=st.integers(1, 60))
def test_batches_are_full_and_have_their_share(share, seed, batch_size, steps):
    made = plan_of(share, seed=seed, batch_size=batch_size)
    batches = [made.batch(step) for step in range(steps)]
    for photos, renders in batches:
        assert len(photos) + len(renders) == batch_size
        assert abs(len(renders) - share * batch_size) <= 1
        assert all(0 <= index < 50 for index in photos)
        assert all(0 <= index < 30 for index in renders)
    assert abs(sum(len(renders) for _, renders in batches) - share * batch_size * steps) <= 0.5 + 1e-9


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_everything_is_seen_equally_often(share):
    made = plan_of(share)
    batches = [made.batch(step) for step in range(101)]
    for place, size in ((0, 50), (1, 30)):
        drawn = np.concatenate([batch[place] for batch in batches])
        if len(drawn):
            seen = Counter(drawn.tolist())
            assert len(seen) == size
            assert max(seen.values()) - min(seen.values()) <= 1


def test_a_batch_depends_on_seed_and_step_alone():
    late = plan_of(0.3).batch(40)
    made = plan_of(0.3)
    for step in range(40):
        made.batch(step)
    for one, other in zip(late, made.batch(40), strict=True):
        assert np.array_equal(one, other)
    assert not np.array_equal(plan_of(0.0, seed=1).batch(0)[0], plan_of(0.0, seed=2).batch(0)[0])


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("photos", [5, 50])
def test_steps_do_not_depend_on_the_arm(share, photos):
    assert plan_of(share, photos=photos).steps_per_epoch == 7


def test_mixed_by_count_draws_every_image_equally_often():
    made = plan_of(None, photos=50, renders=30)
    drawn = [made.batch(step) for step in range(200)]
    photos, renders = (np.bincount(np.concatenate(column)) for column in zip(*drawn, strict=True))
    assert (len(photos), len(renders)) == (50, 30)
    assert np.concatenate([photos, renders]).min() >= 19
    assert np.concatenate([photos, renders]).max() <= 21


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_pretraining_takes_renders_alone_and_then_the_share(share):
    made = plan_of(share, pretrain=0.3)
    counts = [len(made.batch(step)[1]) for step in range(70)]
    assert made.pretrain_steps == 21
    assert counts[:21] == [8] * 21
    assert counts[21:] == [int(8 * share)] * 49
    seen = np.concatenate([made.batch(step)[1] for step in range(21)])
    assert np.ptp(np.bincount(seen, minlength=30)) <= 1


@given(fraction=st.floats(0.001, 1), seed=st.integers(0, 1000))
def test_subset_is_a_part_in_order(fraction, seed):
    chosen = subset(NAMES, NAMES, fraction, seed)
    assert list(chosen) == sorted(set(chosen))
    assert set(chosen) <= set(NAMES)
    assert len(chosen) == max(1, round(fraction * 100))


@given(fraction=st.floats(0.001, 1), seed=st.integers(0, 1000))
def test_subset_takes_whole_spots(fraction, seed):
    chosen = subset(NAMES, SPOTS, fraction, seed)
    spots = {SPOTS[int(name)] for name in chosen}
    assert [name for name, spot in zip(NAMES, SPOTS, strict=True) if spot in spots] == list(chosen)
    wanted = max(1, round(fraction * 100))
    assert wanted <= len(chosen) < wanted + 3


def test_subset_is_redrawn_by_seed_and_grows_with_the_fraction():
    for groups in (NAMES, SPOTS):
        assert subset(NAMES, groups, 0.1, 1) == subset(NAMES, groups, 0.1, 1)
        assert subset(NAMES, groups, 0.1, 1) != subset(NAMES, groups, 0.1, 2)
        assert set(subset(NAMES, groups, 0.1, 1)) < set(subset(NAMES, groups, 0.3, 1))


def test_renders_of_a_run():
    assert render_subset(30, None, 1).tolist() == list(range(30))
    assert render_subset(30, 50, 1).tolist() == list(range(30))
    few = render_subset(30, 10, 1)
    assert len(set(few.tolist())) == 10
    assert (np.diff(few) > 0).all()
    assert set(few.tolist()) < set(render_subset(30, 20, 1).tolist())
    assert few.tolist() != render_subset(30, 10, 2).tolist()


@given(limit=st.integers(1, 150))
def test_thinning_spreads_evenly(limit):
    kept = [int(name) for name in thin(NAMES, limit)]
    assert len(kept) == min(limit, 100)
    assert kept == sorted(set(kept))
    assert np.ptp(np.diff(kept)) <= 1 if len(kept) > 1 else kept == [0]
    assert thin(NAMES, None) == NAMES
