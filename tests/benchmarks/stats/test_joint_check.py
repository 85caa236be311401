import itertools

import numpy as np
import pytest
from scipy.stats import studentized_range, tukey_hsd

from corrotwin.benchmarks import paper
from corrotwin.benchmarks.stats import joint_check, printed_table
from corrotwin.benchmarks.stats.joint_check import POOLED, RUN_MEANS
from corrotwin.benchmarks.stats.printed_table import Group, Printed

Table = dict[tuple[str, str], paper.PublishedComparison]


def printed(values: dict[str, np.ndarray]) -> tuple[list[Group], Table]:
    """A table as a paper would print it of these samples: three digits, p with four."""
    groups = [
        Group(
            name=name,
            mean=Printed(value=round(float(each.mean()), 3), half_step=0.0005),
            sd=Printed(value=round(float(each.std(ddof=1)), 3), half_step=0.0005),
            n=len(each),
        )
        for name, each in values.items()
    ]
    p = tukey_hsd(*values.values()).pvalue
    names = list(values)
    table = {}
    for i, j in itertools.combinations(range(len(names)), 2):
        below = p[i, j] < 0.0001
        table[names[i], names[j]] = paper.PublishedComparison(
            p=0.0001 if below else round(float(p[i, j]), 4), below=bool(below), significant=bool(p[i, j] < 0.05)
        )
    return groups, table


@pytest.mark.ci
@pytest.mark.parametrize("seed", range(2))
def test_p_values_of_one_test_hold_together_and_each_lies_in_what_the_others_leave(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = {
        name: mean + rng.normal(0, 0.006, 10) for name, mean in zip("abcd", (0.80, 0.803, 0.81, 0.82), strict=True)
    }
    groups, table = printed(values)
    found = joint_check.joint(groups, table, RUN_MEANS)
    assert [(each.first, each.second) for each in found] == list(itertools.combinations("abcd", 2))
    assert joint_check.holds(found)
    exact = tukey_hsd(*values.values()).pvalue
    for each in found:
        assert each.lowest is not None
        assert each.highest is not None
        assert each.lowest <= exact["abcd".index(each.first), "abcd".index(each.second)] + 1e-9
        assert exact["abcd".index(each.first), "abcd".index(each.second)] <= each.highest + 1e-9
    pair, highest = next(
        ((each.first, each.second), each.highest) for each in found if each.highest is not None and each.highest < 0.9
    )
    wrong = paper.PublishedComparison(p=(highest + 1) / 2, below=False, significant=False)
    assert not joint_check.holds(joint_check.joint(groups, {**table, pair: wrong}, RUN_MEANS))


def test_the_p_of_a_table_of_one_pair_may_be_any_and_the_papers_photos_are_counted() -> None:
    assert POOLED.images == int(0.15 * 4949)
    groups, table = printed({"a": np.array([0.1, 0.2, 0.3]), "b": np.array([0.2, 0.3, 0.4])})
    (alone,) = joint_check.joint(groups, table, POOLED)
    assert (alone.lowest, alone.highest, alone.consistent) == (0.0, 1.0, True)


@pytest.mark.ci
def test_table_iii_shows_run_means_and_table_iv_cannot_be_of_one_test() -> None:
    groups = printed_table.published()
    f1 = {samples.name: joint_check.joint(groups["F1"], paper.TABLE_III, samples) for samples in (RUN_MEANS, POOLED)}
    assert joint_check.holds(f1[RUN_MEANS.name])
    assert not joint_check.holds(f1[POOLED.name])
    between = {name: next(each for each in found if each.second == "vgg16") for name, found in f1.items()}
    assert between[RUN_MEANS.name].lowest == pytest.approx(0.000053, abs=5e-7)
    assert between[RUN_MEANS.name].highest == pytest.approx(0.000059, abs=5e-7)
    assert between[POOLED.name].lowest == pytest.approx(0.000013, abs=5e-7)
    assert between[POOLED.name].highest == pytest.approx(0.000015, abs=5e-7)
    iou = joint_check.joint(groups["IoU"], paper.TABLE_IV, RUN_MEANS)
    assert not joint_check.holds(iou)
    (alone,) = (each for each in iou if (each.first, each.second) == ("inceptionv4", "vgg16"))
    ends = []  # by hand: of means in a row, q of the outer two is the sum of those between
    for step in (1, -1):
        q = sum(studentized_range.ppf(1 - p - step * 0.00005, 4, 36) for p in (0.5074, 0.0010))
        ends.append(float(studentized_range.sf(q, 4, 36)))
    assert (alone.highest, alone.lowest) == (pytest.approx(max(ends), rel=1e-3), pytest.approx(min(ends), rel=1e-3))
    assert alone.consistent is False
    assert "0.000014 to 0.000016" in next(each.text for each in paper.SLIPS if each.where.startswith("Table IV"))
