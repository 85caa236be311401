"""The short form of `corrotwin twin calibrate`: a few assets whose future is known."""

import csv
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom, norm

from corrotwin.twin.calibration import coverage, report
from corrotwin.twin.calibration.coverage import LEAST_LEFT, LIFE, LOSSES, PRESSURE, QUANTITIES, YEARS, Score

pytestmark = pytest.mark.ci


@pytest.fixture(scope="module")
def scores() -> list[Score]:
    return list(coverage.scores("as assumed", 7, seed=8, geometries=1, particles=120))


def test_forecasts_cover_the_truth_and_each_inspection_narrows(scores: list[Score]) -> None:
    assert_sound(scores, least=0.72, level=0.05)


@pytest.mark.slow
def test_forecasts_of_forty_assets_cover_the_truth_and_are_safe() -> None:
    forty = list(coverage.scores("as assumed", 40, seed=6))
    assert_sound(forty, least=0.82, level=0.001)
    for row in report.summarise(forty):
        if row.quantity not in LOSSES:
            assert row.unsafe <= binom.ppf(0.999, row.count, 0.05) / row.count, f"worse than P5 too often: {row}"


def test_a_wrong_category_is_covered_or_flagged() -> None:
    """Loss is faster than the forecast takes for likely, which is the unsafe side."""
    wrong = list(coverage.scores("category C5, not C4", 7, seed=5, geometries=1, particles=120))
    last = [one for one in wrong if one.visits == 2 and one.quantity in LOSSES]
    assert len(last) == 7 * 2 * len(LOSSES)
    assert np.mean([covered(one) or one.conflict for one in last]) >= 0.7


def assert_sound(scores: list[Score], least: float, level: float) -> None:
    """Coverage of 0.90 is expected, and at least `least` asked for: quantities of one asset go together.

    Bounds by the binomial of so many assets, at `level`: how few truths a right forecast may have covered, of each
    quantity and number of visits, and how many `near` P50, as all are where bands are far too wide. P50 errs by 0.24 of
    the band's width on average if truths are normal; of few assets, and others, 0.42 is let through.
    """
    scores = [one for one in scores if one.quantity in LOSSES]
    last = [one for one in scores if one.visits == 2]
    count = len({one.asset for one in last})
    assert np.mean([covered(one) for one in last]) > least, "too few are covered"
    assert np.mean([near(one) for one in last]) <= binom.ppf(1 - level, count, NEAR) / count, "too many are near"
    table = {(row.zone, row.quantity, row.visits): row for row in report.summarise(scores)}
    for row in table.values():
        assert row.coverage >= binom.ppf(level, count, 0.9) / count, f"too few are covered: {row}"
        assert row.error < 0.42 * row.width, f"too far off: {row}"
    rust, loss, worst = ([table["all", quantity, visits] for visits in range(3)] for quantity in LOSSES)
    assert rust[0].width > rust[1].width > rust[2].width
    assert rust[2].error < rust[0].error
    for rows in (loss, worst):
        assert rows[2].width < rows[0].width


def covered(one: Score) -> bool:
    return one.p5 <= one.truth <= one.p95


NEAR = 2 * norm.cdf(norm.ppf(0.95) / 4) - 1  # 0.32: share of normal truths that are near


def near(one: Score) -> bool:
    """Whether the truth lies within a quarter of the way from P50 to P5 or to P95."""
    return one.p50 - (one.p50 - one.p5) / 4 <= one.truth <= one.p50 + (one.p95 - one.p50) / 4


@pytest.mark.parametrize(("factor", "bound"), [(3.0, "near"), (0.5, "covered")])
def test_bands_of_a_wrong_width_are_found_out(scores: list[Score], factor: float, bound: str) -> None:
    """The test above tells bands that are far too wide, or too narrow, from right ones."""
    wrong = [
        replace(one, p5=one.p50 - factor * (one.p50 - one.p5), p95=one.p50 + factor * (one.p95 - one.p50))
        for one in scores
    ]
    with pytest.raises(AssertionError, match=bound):
        assert_sound(wrong, least=0.72, level=0.05)


def test_summaries_count_what_they_say() -> None:
    one = Score(
        arm="as assumed", asset=0, zone="all", quantity="max loss", visits=0, truth=1.0, p5=0.5, p50=1.5, p95=2.0,
        conflict=False, widening=1.0,
    )  # fmt: skip
    missed = replace(one, asset=1, truth=2.5, conflict=True)
    (row,) = report.summarise([one, missed])
    assert (row.count, row.coverage, row.coverage_unflagged, row.flagged) == (2, 0.5, 1.0, 0.5)
    assert (row.width, row.error) == (1.5, 0.75)
    assert (row.unsafe, round(row.unsafe_low, 2), round(row.unsafe_high, 2)) == (0.5, 0.01, 0.99)
    assert np.isnan(row.chance)
    (flagged,) = report.summarise([missed])
    assert np.isnan(flagged.coverage_unflagged)


def test_summaries_of_what_is_left_count_the_other_side_and_the_chances() -> None:
    one = Score(
        arm="as assumed", asset=0, zone="largest", quantity=LEAST_LEFT, visits=0, truth=4.6, p5=4.5, p50=5.0, p95=5.5,
        conflict=False, widening=1.0, required_mm=5.0, chance=0.5,
    )  # fmt: skip
    thick = replace(one, asset=1, truth=5.6, chance=0.2)
    thin = replace(one, asset=2, truth=4.4)
    (row,) = report.summarise([one, thick, thin])
    assert (row.unsafe, row.coverage) == (pytest.approx(1 / 3), pytest.approx(1 / 3))
    assert (row.chance, row.happened) == (pytest.approx(0.4), pytest.approx(2 / 3))
    assert row.brier == pytest.approx((0.5**2 + 0.2**2 + 0.5**2) / 3)


def test_what_is_acted_upon_is_scored(scores: list[Score]) -> None:
    """Of a pipe: least left everywhere and in the largest zone, with a chance; remaining life; failure pressure."""
    for visits, now in enumerate((0.0, 5.0, 10.0)):
        own = {(one.zone, one.quantity): one for one in scores if (one.asset, one.visits) == (3, visits)}
        assert set(own) - {(zone, loss) for zone in ("all", "largest") for loss in LOSSES} == {
            ("all", LEAST_LEFT), ("largest", LEAST_LEFT), ("largest", LIFE), ("all", PRESSURE),
        }  # fmt: skip
        left, life = own["largest", LEAST_LEFT], own["largest", LIFE]
        assert 0 <= left.chance <= 1
        assert left.required_mm < left.truth or life.truth <= 20 - now, "thin in year 20: life ended by then"
        assert 0 <= life.p5 <= life.p50 <= life.p95 <= YEARS[-1] - now
        assert own["all", PRESSURE].truth > 0


def test_life_ends_where_the_thickness_passes_the_required_one() -> None:
    """Years 5, 10, 15, 20, 30: 6.0, 5.5, 5.0, 4.5, 3.5 mm; 4.8 mm in year 17; never below 3; at once below 5.8."""
    left = np.array([[6.0, 5.5, 5.0, 4.5, 3.5]])
    assert coverage.life_years(left, 4.8, 10.0).tolist() == pytest.approx([7.0])
    assert coverage.life_years(left, 4.8, 0.0).tolist() == pytest.approx([17.0])
    assert coverage.life_years(left, 3.0, 10.0).tolist() == [20.0]
    assert coverage.life_years(left, 5.8, 10.0).tolist() == [0.0]


def test_a_report_is_written(scores: list[Score], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    other = [replace(one, arm="category C5, not C4") for one in scores]
    report.report(tmp_path / "c", [*scores, *other])
    rows = list(csv.DictReader((tmp_path / "c" / "calibration.csv").read_text().splitlines()))
    assert len(rows) == 2 * 3 * (2 * len(LOSSES) + 4)
    assert {row["quantity"] for row in rows} == set(QUANTITIES)
    text = (tmp_path / "c" / "calibration.md").read_text()
    assert text.count("\n| category C5, not C4 |") == 3 + 4 + 1
    assert (tmp_path / "c" / "published.md").exists() is False, "written by itself"
    assert (tmp_path / "c" / "calibration.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--assets", "0"), "--assets 0"),
        (("--runs", "9"), "--runs 9: "),
        (("--arms", "as hoped"), "as assumed; category C5"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    arguments: tuple[str, ...], message: str, tmp_path: Path, command: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = command("calibrate", tmp_path / "c", *arguments)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert message in done.stderr
    assert not (tmp_path / "c").exists()


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_simulated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    monkeypatch.setattr(coverage, "scores", lambda *_, **__: pytest.fail("simulated"))
    (tmp_path / "file").touch()
    for wrong in ("file", "file/below"):
        done = command("calibrate", tmp_path / wrong)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
        assert f"{wrong}: cannot be written" in done.stderr
