"""Published exposure series: the table, the split, the fit and the judgement, against calculations by hand."""

import csv
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from corrotwin.twin.calibration import published
from corrotwin.twin.calibration.published import CURRENT, FITTED, JUDGED, SHORT, STANDARD, PublishedForecast, Series


@pytest.fixture(scope="module")
def series() -> list[Series]:
    return published.read_series()


def test_the_table_holds_the_series_of_its_source(series: list[Series]) -> None:
    with published.TABLE.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [int(row["source_row"]) for row in rows] == list(range(1, 178)), "rows 1 to 177, none left out"
    # The source has 0.1 µm a year of each exposure as its smallest step.
    steps = [float(row["loss_um"]) / float(row["years"]) / 0.1 for row in rows]
    assert np.allclose(steps, np.round(steps), atol=1e-6)
    assert all(one.years[0] == 1 and np.all(np.diff(one.years) > 0) and np.all(one.loss_um > 0) for one in series)
    longest = {(one.site, one.steel): one.loss_um[-1] for one in series if len(one.years) == 5}
    assert len(longest) == 18
    assert longest["Qingdao", "20"] == 432
    assert longest["Qionghai", "A3"] == 443.2


def test_sites_alternate_in_alphabetical_order(series: list[Series]) -> None:
    use = published.uses(series)
    assert {site for site, what in use.items() if what == FITTED} == {"Beijing", "Jiangjin", "Qionghai", "Wuhan"}
    assert {site for site, what in use.items() if what == JUDGED} == {"Guangzhou", "Qingdao", "Wanning"}
    assert sum(what == SHORT for what in use.values()) == 6


def power(site: str, steel: str, first: float, exponent: float) -> Series:
    years = np.array([1.0, 2.0, 4.0, 8.0])
    return Series(site=site, environment="", steel=steel, years=years, loss_um=first * years**exponent)


def test_the_fit_of_exact_power_laws_is_the_one_by_hand() -> None:
    """Two fitted sites, exponents 0.4 and 0.6 and 0.7: site means 0.4 and 0.65, together 0.525."""
    series = [
        power("A", "x", 40, 0.4),
        power("B", "x", 99, 9.9),  # judged: must not matter
        power("C", "x", 60, 0.6),
        power("C", "y", 60, 0.7),
    ]
    prior = published.fit(series)
    assert prior.exponent == pytest.approx(0.525)
    # Mean squared deviations 0.125**2 and (0.075**2 + 0.175**2) / 2, averaged, times 2 / (2 - 1) for two sites.
    assert prior.exponent_sd == pytest.approx(np.sqrt(2 * (0.125**2 + (0.075**2 + 0.175**2) / 2) / 2))
    # A: C3, middle sqrt(25 * 50); C: C4, middle sqrt(50 * 80).
    squares = [np.log(40 / np.sqrt(1250)) ** 2, np.log(60 / np.sqrt(4000)) ** 2]
    assert prior.rate == pytest.approx(np.sqrt(np.mean(squares)))
    assert prior.scatter == pytest.approx(0, abs=1e-12)


def test_the_fit_of_the_published_series(series: list[Series]) -> None:
    """By numpy's polyfit on the table's rows, apart from the module's own reading."""
    with published.TABLE.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    slopes: dict[str, list[float]] = {}
    for site in ("Beijing", "Jiangjin", "Qionghai", "Wuhan"):
        for steel in ("20", "3C", "A3", "Q235(RE)", "Q235-1", "Q235-2"):
            own = [row for row in rows if (row["site"], row["steel"]) == (site, steel)]
            if len(own) >= 3:
                x, y = np.log([[float(row["years"]), float(row["loss_um"])] for row in own]).T
                slopes.setdefault(site, []).append(np.cov(x, y)[0, 1] / np.var(x, ddof=1))
    prior = published.fit(series)
    means = [np.mean(values) for values in slopes.values()]
    assert np.round(means, 2).tolist() == [0.39, 0.40, 0.82, 0.23]
    assert prior.exponent == pytest.approx(np.mean(means))
    assert (round(prior.exponent, 2), round(prior.exponent_sd, 2)) == (0.46, 0.29)
    assert CURRENT.exponent_sd == round(prior.exponent_sd, 2)  # which the twin has taken, about a higher mean
    assert CURRENT.exponent > prior.exponent


def test_forecasts_by_hand(series: list[Series]) -> None:
    """Beijing, grade 20, 35.8 µm in the first year, C3: sqrt(25 * 50) * 16**0.523 = 150.7 µm after 16 years."""
    made = {(one.site, one.steel, one.given): one for one in published.forecasts(STANDARD, series)}
    known = made["Beijing", "20", "category"]
    assert (known.category, known.years, known.truth_um) == ("C3", 16, 102.4)
    assert known.p50_um == pytest.approx(35.355 * 16**0.523, rel=1e-4)
    spread = np.hypot(0.3, 0.026 * np.log(16))
    assert known.p95_um == pytest.approx(known.p50_um * np.exp(1.6449 * spread), rel=1e-4)
    first = made["Beijing", "20", "first year"]
    assert first.p5_um == pytest.approx(35.8 * 16 ** (0.523 - 1.6449 * 0.026), rel=1e-4)


def test_the_judgement_counts_what_it_says() -> None:
    def one(site: str, truth: float) -> PublishedForecast:
        return PublishedForecast(
            prior="p", given="category", use=JUDGED, site=site, steel="x", category="C3", years=16.0, truth_um=truth,
            p5_um=50.0, p50_um=100.0, p95_um=200.0,
        )  # fmt: skip

    (row,) = published.judge([one("A", 210), one("A", 100), one("B", 40)])
    assert (row.failures.failures, row.failures.count) == (1, 3)
    assert (row.failing_sites.failures, row.failing_sites.count) == (1, 2)
    assert row.coverage == pytest.approx(1 / 3)
    assert row.score_um == pytest.approx(150 + 20 * (10 + 10) / 3)


def test_the_command_writes_the_judgement_without_simulating(
    tmp_path: Path, command: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = command("calibrate", tmp_path / "c", "--published")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == ["published.csv", "published.md"]
    text = (tmp_path / "c" / "published.md").read_text()
    assert "| ISO 9224 | first year | judged | 9 of 15 (32 to 84 %) | 2 of 3 |" in text
    assert "| the twin's | first year | judged |" in text
    assert "fitted 0.46 ± 0.29" in text
    assert text == (Path(__file__).parents[3] / "docs" / "results" / "published.md").read_text()
