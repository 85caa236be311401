import numpy as np
import pytest

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.forecast.remaining_life import interval_years, remaining_life_years, visual_years, years_until_below
from corrotwin.twin.forecast.strength import failure_pressure_mpa, flow_stress_mpa

INCH, PSI = 25.4, 0.00689475729


@pytest.mark.parametrize(
    ("outside", "wall", "depth", "length", "smys", "original", "modified"),
    [  # from the tests of pipenostics, which takes 1.1 SMYS for both: inches and psi; z = 4.3, 20, 86.8
        (30, 0.438, 0.1, 7.5, 52_000, 1526.4724, 1498.8988),
        (20, 0.25, 0.18, 10, 35_000, 566.4437, 452.7847),
        (24, 0.432, 0.3, 30, 52_000, 629.2, 934.4549),
    ],
)
def test_published_values(
    outside: float, wall: float, depth: float, length: float, smys: float, original: float, modified: float
) -> None:
    for method, expected in (("original", original), ("modified", modified)):
        found = failure_pressure_mpa(
            depth * INCH, length * INCH, outside_mm=outside * INCH, wall_mm=wall * INCH,
            flow_mpa=1.1 * smys * PSI, method=method,
        )  # fmt: skip
        assert float(found) / PSI == pytest.approx(expected, abs=1e-3)


def test_the_modified_flow_stress_agrees_with_a_published_calculation() -> None:
    """A pit of a pipeline that was dug up in 2007 (NPS 20, SMYS 359 MPa), at 72 % of its failure pressure, kPa.

    "ASME B31G Calculation EML-4", a worksheet of practice, https://www.scribd.com/document/115999099 and kupdf.net. Its
    other number, 7391.01, is by B31G-1991, whose factor 0.893² is rounded to 0.8 here.
    """
    for method, expected, off in (("modified", 7809.88, 1e-5), ("original", 7391.01, 2e-4)):
        flow = flow_stress_mpa(359, method)
        found = failure_pressure_mpa(1.97, 140, outside_mm=508, wall_mm=7.4, flow_mpa=flow, method=method)
        assert 0.72 * 1000 * float(found) == pytest.approx(expected, rel=off)


@pytest.mark.parametrize("method", ["original", "modified"])
def test_pressure_falls_with_depth_and_length(method: str) -> None:
    depth, length = np.meshgrid(np.linspace(0, 7.9, 30), np.linspace(0, 900, 60), indexing="ij")
    pressure = failure_pressure_mpa(depth, length, outside_mm=219.1, wall_mm=10.0, flow_mpa=300, method=method)
    assert (np.diff(pressure, axis=0) <= 1e-12).all()
    assert (np.diff(pressure, axis=1) <= 1e-12).all()
    np.testing.assert_allclose(pressure[0], 2 * 10 * 300 / 219.1)  # sound pipe: Barlow
    np.testing.assert_allclose(pressure[:, 0], 2 * 10 * 300 / 219.1)  # no length


def test_the_modified_factor_is_continuous_where_long_defects_begin() -> None:
    length = np.sqrt(np.array([49.999999, 50.000001]) * 200 * 10)
    short, long = failure_pressure_mpa(5, length, outside_mm=200, wall_mm=10, flow_mpa=300)
    assert short == pytest.approx(long, rel=5e-3)  # 4.80 and 4.90 by the standard's own formulas


def test_deeper_than_the_method_allows_is_not_a_number() -> None:
    pressure = failure_pressure_mpa([8.0, 8.01], 50, outside_mm=200, wall_mm=10, flow_mpa=300)
    np.testing.assert_array_equal(np.isnan(pressure), [False, True])


def test_flow_stress() -> None:
    assert flow_stress_mpa(241, "original") == pytest.approx(265.1)
    assert flow_stress_mpa(241, "modified") == pytest.approx(309.95)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "b31h"}, "original or modified"),
        ({"wall_mm": 0.0}, "no pipe"),
        ({"wall_mm": 120.0}, "no pipe"),
        ({"flow_mpa": -1.0}, "no pipe"),
        ({"depth_mm": -0.1}, "not be negative"),
    ],
)
def test_impossible_pipes_are_refused(change: dict[str, object], message: str) -> None:
    given = {"depth_mm": 1.0, "length_mm": 50.0, "outside_mm": 200.0, "wall_mm": 10.0, "flow_mpa": 300.0}
    with pytest.raises(InputError, match=message):
        failure_pressure_mpa(**{**given, **change})


def test_remaining_life() -> None:
    life = remaining_life_years([8.0, 6.0, 5.0, 8.0], 6.0, [0.1, 0.1, 0.1, 0.0])
    np.testing.assert_allclose(life, [20, 0, 0, np.inf])


def test_when_a_thickness_is_down_to_what_is_required() -> None:
    left = [[5.0, 4.0, 3.0], [8.0, 7.0, 5.0], [8.0, 8.0, 6.0], [8.0, 8.0, 7.0], [6.0, 6.0, 6.0]]
    np.testing.assert_allclose(years_until_below(left, 6.0, [0, 2, 6]), [0, 4, 6, np.inf, 0])
    np.testing.assert_allclose(years_until_below([[7.0], [5.0]], 6.0, [0]), [np.inf, 0])


@pytest.mark.parametrize(
    ("life", "rule", "expected"),
    [
        (30, "api510", 10),
        (16, "api510", 8),
        (4, "api510", 2),
        (3, "api510", 2),
        (1.5, "api510", 1.5),
        (0, "api510", 0),
        (np.inf, "api510", 10),
        (30, "api570-class1", 5),
        (3, "api570-class1", 1.5),
        (30, "api570-class2", 10),
        (12, "api570-class3", 6),
    ],
)
def test_interval(life: float, rule: str, expected: float) -> None:
    assert interval_years(life, rule) == expected


@pytest.mark.parametrize(
    ("rule", "measured", "expected"),
    [
        ("api510", 10, 5),
        ("api510", 1.5, 1.5),
        ("api570-class1", 5, 5),
        ("api570-class2", 10, 5),
        ("api570-class3", 10, 10),
    ],
)
def test_a_look_from_outside_has_its_own_bound(rule: str, measured: float, expected: float) -> None:
    assert visual_years(measured, rule) == expected


def test_impossible_intervals_are_refused() -> None:
    with pytest.raises(InputError, match="api510"):
        interval_years(5, "api999")
    with pytest.raises(InputError, match="-1"):
        interval_years(-1, "api510")
    with pytest.raises(InputError, match="nan"):
        interval_years(float("nan"), "api510")
