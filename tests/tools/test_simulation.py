import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import studentized_range, ttest_1samp, ttest_rel
from statsmodels.stats.multitest import multipletests

from corrotwin.benchmarks.stats.comparison import arms, backbones
from corrotwin.benchmarks.stats.crossed_effects import FloatArray
from corrotwin.benchmarks.stats.tukey import RunScores, tukey
from corrotwin.twin.core.errors import InputError
from tools.simulation import competing_tests
from tools.simulation import studies as simulation
from tools.simulation.__main__ import simulate
from tools.simulation.studies import SimulatedStudy, draw, rates

BACKBONES = SimulatedStudy(design="backbones", runs=10, spots=742, run_sd=(0.006, 0.006, 0.006, 0.006))
ARMS = replace(BACKBONES, design="arms")


def named(cell: SimulatedStudy, sets: int, seed: int) -> dict[str, simulation.Rates]:
    return {each.test: each for each in rates(cell, sets, np.random.default_rng(seed))}


@pytest.mark.ci
@pytest.mark.parametrize(
    "cell",
    [
        BACKBONES,
        replace(BACKBONES, run_sd=simulation.PAPER_SDS, runs=3),
        replace(BACKBONES, run_sd=simulation.PAPER_SDS, runs=2),
        replace(BACKBONES, runs=5, spots=47, skewed=True, run_sd=(0.015, 0.015, 0.015, 0.015)),
        replace(BACKBONES, spots=120, photos_a_spot=3),
        replace(BACKBONES, runs=(5, 2, 2, 2), spots=46, run_sd=(0.015,) * 4),
        ARMS,
        replace(ARMS, run_sd=simulation.PAPER_SDS, runs=5),
        replace(ARMS, runs=2),
        replace(ARMS, spots=120, photos_a_spot=3),
        replace(ARMS, runs=5, subset_sd=0.006),
    ],
    ids=lambda cell: f"{cell.design}-{cell.runs}-{cell.spots}",
)
def test_the_primary_test_errs_in_at_most_the_stated_share_of_studies(cell: SimulatedStudy) -> None:
    sets = 200  # at a true 5 %, more than 10 % happen once in a thousand
    primary = named(cell, sets, 1)[competing_tests.CROSSED]
    assert primary.false_alarms <= 0.10
    assert (primary.wrongly_equal or 0) <= 0.10


@pytest.mark.slow
def test_every_cell_of_the_table_stays_below_seven_percent() -> None:
    cells = [cell for cell in simulation.CELLS if not (cell.fixed_subset or cell.fixed_renders)]
    for _, found in simulation.simulate(cells, 1000, 0):
        primary = next(each for each in found if each.test == competing_tests.CROSSED)
        assert primary.false_alarms <= 0.07
        assert (primary.wrongly_equal or 0) <= 0.07


@pytest.mark.ci
def test_the_tests_that_take_runs_or_photos_as_fixed_err_far_more_often() -> None:
    found = named(BACKBONES, 100, 2)
    assert found[competing_tests.IMAGE_MEANS].false_alarms > 0.2
    assert found[competing_tests.RUN_MEANS].false_alarms > 0.08
    spots = named(replace(BACKBONES, spots=120, photos_a_spot=3, run_sd=(0.002,) * 4), 100, 2)
    assert spots[competing_tests.PHOTOS].false_alarms > 0.15 > spots[competing_tests.CROSSED].false_alarms
    assert named(replace(ARMS, runs=2), 100, 2)[competing_tests.SATTERTHWAITE].false_alarms > 0.2
    fixed = named(replace(ARMS, subset_sd=0.006, fixed_subset=True), 60, 2)
    assert fixed[competing_tests.CROSSED].false_alarms > 0.3  # no test can see what one fixed subset hides


def test_one_draw_of_renders_for_all_runs_passes_for_a_gain_and_a_draw_each_run_does_not() -> None:
    one_backbone = replace(ARMS, spots=313, runs=5, run_sd=(0.006,), renders_sd=0.010)
    each_run = named(one_backbone, 200, 1)[competing_tests.CROSSED]
    for_all = named(replace(one_backbone, fixed_renders=True), 200, 1)[competing_tests.CROSSED]
    assert each_run.false_alarms <= 0.10  # at a true 5 %, more happen once in a thousand
    assert for_all.false_alarms > 0.2


def test_power_grows_with_runs_and_the_detectable_difference_shrinks() -> None:
    few, many = (named(replace(ARMS, runs=runs), 100, 3)[competing_tests.CROSSED] for runs in (4, 16))
    assert many.found > few.found + 0.3
    assert (few.detectable or 0) > 1.5 * (many.detectable or 0)


def test_scores_have_the_spread_that_the_cell_states() -> None:
    cell = SimulatedStudy(design="backbones", runs=40, spots=400, photos_a_spot=2, run_sd=(0.01, 0.02, 0.03, 0.04))
    scores = draw(cell, 5, np.random.default_rng(4))
    assert scores.shape == (5, 4, 40, 800)
    assert scores.mean(axis=3).std(axis=2, ddof=1).mean(axis=0) == pytest.approx(cell.run_sd, rel=0.15)
    spots = scores.reshape(5, 4, 40, 400, 2).mean(axis=(2, 4))
    apart = (spots[:, 1] - spots[:, 0]).std(axis=1)
    assert apart.mean() == pytest.approx(simulation.BACKBONE_SPOT_SD * 2**0.5, rel=0.05)
    inside = (scores[..., 0::2] - scores[..., 1::2]).std()
    assert inside == pytest.approx(simulation.RESIDUAL_SD * 2**0.5, rel=0.02)
    skewed = draw(replace(cell, skewed=True, run_sd=(0.0,) * 4), 5, np.random.default_rng(4))
    assert abs(skewed.mean()) < 0.02
    assert skewed.std() == pytest.approx(np.sqrt(0.2**2 + 0.04**2 + 0.06**2), rel=0.1)
    gains = draw(replace(cell, design="arms", subset_sd=0.05, fixed_subset=True), 5, np.random.default_rng(4))
    assert gains.shape == (5, 8, 40, 800)
    assert gains.mean(axis=(2, 3)).std() == pytest.approx(0.05, rel=0.3)
    of_draws = draw(replace(cell, design="arms", run_sd=(0.0,) * 4, renders_sd=0.05), 5, np.random.default_rng(4))
    shared = of_draws.mean(axis=(1, 3))  # one effect for all gains of a run
    assert shared.std() == pytest.approx(0.05, rel=0.15)
    assert (of_draws.mean(axis=3) - shared[:, None]).std() < 0.005


def run(arm: str, backbone: str, number: int, f1: FloatArray) -> RunScores:
    return RunScores(
        id=f"{arm}{backbone}{number}", arm=arm, backbone=backbone, run=number, images=tuple(map(str, range(len(f1)))),
        f1=f1, iou=f1, train_minutes=1.0,
    )  # fmt: skip


@pytest.mark.ci
def test_the_simulated_tests_are_the_ones_that_a_study_gets() -> None:
    cell = SimulatedStudy(design="backbones", runs=4, spots=15, photos_a_spot=2, run_sd=(0.01, 0.03, 0.01, 0.01))
    scores = draw(cell, 6, np.random.default_rng(5)) + np.array([0, 0.05, 0, 0.1])[:, None, None]
    answers = competing_tests.between_backbones(scores, cell.photos_a_spot)
    verdicts = {name: each.different(each.difference) for name, each in answers.items()}
    groups = {str(i): str(i // 2) for i in range(30)}
    first, second = np.triu_indices(4, 1)
    for index, study in enumerate(scores):
        runs = [run("real", str(b), r, study[b, r]) for b in range(4) for r in range(4)]
        for name, spots in ((competing_tests.CROSSED, groups), (competing_tests.PHOTOS, None)):
            found = backbones(runs, arm="real", score="f1", groups=spots)
            assert [(each.p or 0) < 0.05 for each in found] == verdicts[name][index].tolist()
            assert [each.difference for each in found] == pytest.approx(answers[name].difference[index])
            said = answers[name].detectable
            assert said is not None
            assert [each.detectable for each in found] == pytest.approx(said[index])
        for name, values in (
            (competing_tests.RUN_MEANS, study.mean(axis=2)),
            (competing_tests.POOLED, study.reshape(4, -1)),
        ):
            pairs = tukey(dict(zip("0123", values, strict=True)))
            assert [(pair.p or 0) < 0.05 for pair in pairs] == verdicts[name][index].tolist()
        images = study.mean(axis=1)
        p = multipletests(ttest_rel(images[second], images[first], axis=1).pvalue, method="holm")[1]
        assert (p < 0.05).tolist() == verdicts[competing_tests.IMAGE_MEANS][index].tolist()
    assert all(0 < verdict.mean() < 1 for verdict in verdicts.values())


@pytest.mark.ci
def test_the_simulated_tests_of_arms_are_the_ones_that_a_study_gets() -> None:
    cell = SimulatedStudy(design="arms", runs=4, spots=30, run_sd=(0.01, 0.03, 0.01, 0.01))
    gains = draw(cell, 6, np.random.default_rng(6)) + np.linspace(0, 0.1, 8)[:, None, None]
    answers = competing_tests.between_arms(gains, cell.photos_a_spot)
    verdicts = {name: each.different(each.difference) for name, each in answers.items()}
    for index, study in enumerate(gains):
        runs = [
            run(arm, str(b), r, study[b, r] * (arm == "mixed"))
            for arm in ("real", "mixed")
            for b in range(8)
            for r in range(4)
        ]
        found = arms(runs, pairs=[("real", "mixed")], score="f1", groups=None)
        assert [(each.p or 0) < 0.05 for each in found] == verdicts[competing_tests.CROSSED][index].tolist()
        p = multipletests(ttest_1samp(study.mean(axis=2), 0, axis=1).pvalue, method="holm")[1]
        assert (p < 0.05).tolist() == verdicts[competing_tests.RUN_PAIRS][index].tolist()
    assert all(0 < verdict.mean() < 1 for verdict in verdicts.values())


def test_the_test_of_unequal_runs_is_the_one_that_a_study_gets() -> None:
    cell = SimulatedStudy(
        design="backbones", runs=(5, 2, 2, 3), spots=15, photos_a_spot=2, run_sd=(0.01, 0.03, 0.01, 0.01)
    )
    for scale in (1, 300):  # without most of the noise some are equal
        scores = draw(cell, 4, np.random.default_rng(5)) / scale
        scores = scores + np.array([0, 0.05 / scale, 0, 0.3])[:, None, None]
        assert scores.shape == (4, 4, 5, 30)
        answers = simulation._answers(cell, scores)[competing_tests.CROSSED]
        assert answers.equal is not None
        different, equal = answers.different(answers.difference), answers.equal(answers.difference)
        assert 0 < (equal if scale > 1 else different).mean() < 1
        for index, study in enumerate(scores):
            runs = [run("real", str(b), r, study[b, r]) for b in range(4) for r in range(cell.runs_of[b])]
            found = backbones(runs, arm="real", score="f1", groups={str(i): str(i // 2) for i in range(30)})
            assert [each.difference for each in found] == pytest.approx(answers.difference[index])
            assert [(each.p or 0) < 0.05 for each in found] == different[index].tolist()
            assert [each.equal for each in found] == equal[index].tolist()
            assert answers.detectable is not None
            assert [each.detectable for each in found] == pytest.approx(answers.detectable[index])


@pytest.mark.ci
def test_what_is_called_equal_is_what_a_study_calls_so() -> None:
    """Four backbones at one arm, then eight gains: with a tenth of the noise of the cells above, some are."""
    of_backbones = SimulatedStudy(design="backbones", runs=4, spots=15, run_sd=(0.01, 0.03, 0.01, 0.01))
    scores = draw(of_backbones, 6, np.random.default_rng(5)) / 10 + np.array([0, 0.002, 0, 0.02])[:, None, None]
    of_arms = SimulatedStudy(design="arms", runs=4, spots=30, run_sd=(0.01, 0.03, 0.01, 0.01))
    gains = draw(of_arms, 6, np.random.default_rng(6)) / 10 + np.linspace(0, 0.02, 8)[:, None, None]
    for answers, studies in (
        (competing_tests.between_backbones(scores, 1), scores),
        (competing_tests.between_arms(gains, 1), gains),
    ):
        crossed = answers[competing_tests.CROSSED]
        assert crossed.equal is not None
        equal = crossed.equal(crossed.difference)
        assert 0.1 < equal.mean() < 0.9
        for index, study in enumerate(studies):
            if studies is scores:
                runs = [run("real", str(b), r, study[b, r]) for b in range(4) for r in range(4)]
                found = backbones(runs, arm="real", score="f1", groups=None)
            else:
                runs = [
                    run(arm, str(b), r, study[b, r] * (arm == "mixed"))
                    for arm in ("real", "mixed") for b in range(8) for r in range(4)
                ]  # fmt: skip
                found = arms(runs, pairs=[("real", "mixed")], score="f1", groups=None)
            assert [each.equal for each in found] == equal[index].tolist()


@pytest.mark.ci
def test_rates_count_studies_with_an_error_and_comparisons_that_are_right() -> None:
    cell = replace(BACKBONES, run_sd=(0.003, 0.003, 0.003, 0.006), runs=6, spots=300)
    counted = named(cell, 60, 8)[competing_tests.IMAGE_MEANS]  # it errs often enough to be counted
    answers = competing_tests.between_backbones(draw(cell, 60, np.random.default_rng(8)), 1)[
        competing_tests.IMAGE_MEANS
    ]
    assert answers.equal is not None
    true = 0.01 * np.array([1, 0, 1, -1, 0, 1])  # backbones 1 and 3 are one F1 point better; pairs 01 02 03 12 13 23
    alarms, found = answers.different(answers.difference), answers.different(answers.difference + true)
    equal, wrong = answers.equal(answers.difference), answers.equal(answers.difference + true)
    chosen = true != 0
    assert counted.false_alarms == pytest.approx(np.mean([row.any() for row in alarms]))
    assert counted.found == pytest.approx(found[:, chosen].mean())
    assert counted.wrongly_equal == pytest.approx(np.mean([row.any() for row in wrong[:, chosen]]))
    assert counted.rightly_equal == pytest.approx(equal.mean())
    assert 0 < counted.found < 1
    assert (counted.wrongly_equal or 0) > 0


@pytest.mark.parametrize("freedom", [pytest.param(0.7, marks=pytest.mark.ci), 1.3, 2.6, 7.7, 33.0, 400.0])
def test_the_interpolated_quantiles_are_scipys(freedom: float) -> None:
    expected = studentized_range.ppf(0.95, 4, freedom)
    assert competing_tests._critical_range(4)(np.array([freedom]))[0] == pytest.approx(expected, rel=2e-3)


def test_numbers_depend_on_seed_and_cell_alone() -> None:
    cells = [replace(ARMS, runs=3, spots=10), replace(BACKBONES, runs=3, spots=10)]
    once, again = (list(simulation.simulate(cells, 20, 7)) for _ in range(2))
    assert once == again
    assert once != list(simulation.simulate(cells, 20, 8))


def test_the_command_writes_both_tables_and_refuses_before_it_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    uneven = replace(BACKBONES, runs=(3, 2, 2, 2), spots=10)
    cells = (replace(BACKBONES, runs=3, spots=10, photos_a_spot=2), replace(ARMS, runs=3, spots=10), uneven)
    monkeypatch.setattr(simulation, "CELLS", cells)
    out = tmp_path / "rates.csv"
    simulate(sets=4, out=out)
    with out.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["test"] for row in rows if row["design"] == "arms"] == [
        competing_tests.CROSSED, competing_tests.SATTERTHWAITE, competing_tests.RUN_PAIRS, competing_tests.IMAGE_MEANS,
    ]  # fmt: skip
    assert {row["sets"] for row in rows} == {"4"}
    text = out.with_suffix(".md").read_text(encoding="utf-8")
    assert capsys.readouterr().out == text
    assert "| 3 | 10 × 2 photos | 0.006 |" in text
    assert "| 3, 2, 2, 2 | 10 | 0.006 |" in text
    assert [row["test"] for row in rows if row["runs"] == "3 2 2 2"] == [competing_tests.CROSSED]
    before = out.read_bytes()
    for path in (out, tmp_path / "rates.txt", tmp_path / "none" / "x.csv"):
        with pytest.raises(InputError, match="--out"):
            simulate(sets=1, out=path)
    (tmp_path / "other.md").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match=r"other\.md"):
        simulate(sets=1, out=tmp_path / "other.csv")
    with pytest.raises(InputError, match="--sets 0"):
        simulate(sets=0)
    with pytest.raises(InputError, match="--seed -1"):
        simulate(seed=-1)
    assert out.read_bytes() == before
    assert not (tmp_path / "other.csv").exists()


def test_impossible_cells_are_refused() -> None:
    for runs in (1, (5, 2, 1, 2)):
        with pytest.raises(InputError, match="at least two"):
            replace(BACKBONES, runs=runs)
    with pytest.raises(InputError, match="must be of 4 backbones"):
        replace(BACKBONES, runs=(5, 2))
    with pytest.raises(InputError, match="arms share theirs"):
        replace(ARMS, runs=(5, 2, 2, 2))
