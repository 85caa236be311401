from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.forecast.strength import Method, allowable_mpa, failure_pressure_mpa, flow_stress_mpa

INCH, PSI = 25.4, 0.00689475729
METHODS: tuple[Method, ...] = ("original", "modified")


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
            wall * INCH, (wall - depth) * INCH, length * INCH, outside_mm=outside * INCH,
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
        found = failure_pressure_mpa(7.4, 7.4 - 1.97, 140, outside_mm=508, flow_mpa=flow, method=method)
        assert 1000 * float(allowable_mpa(found, 1 / 0.72)) == pytest.approx(expected, rel=off)


def by_hand(depth: float, length: float, wall: float, outside: float, flow: float, method: Method) -> float:
    """B31G as its pages write it, from the depth and the wall, for one defect."""
    z, x = length * length / (outside * wall), depth / wall
    if method == "original":
        bulge = (1 + 0.8 * z) ** 0.5
        left = (1 - 2 / 3 * x) / (1 - 2 / 3 * x / bulge) if z <= 20 else 1 - x
    else:
        bulge = (1 + 0.6275 * z - 0.003375 * z * z) ** 0.5 if z <= 50 else 0.032 * z + 3.3
        left = (1 - 0.85 * x) / (1 - 0.85 * x / bulge)
    return 2 * flow * wall / outside * left


@pytest.mark.parametrize("method", METHODS)
def test_the_form_with_depth_and_wall_gives_the_same(method: Method) -> None:
    rng = np.random.default_rng(7)
    for _ in range(1000):
        wall, share, length = rng.uniform(2, 40), rng.uniform(0, 0.79), rng.uniform(0, 2000)
        outside, flow = wall * rng.uniform(3, 100), rng.uniform(200, 600)
        found = failure_pressure_mpa(
            wall, wall - share * wall, length, outside_mm=outside, flow_mpa=flow, method=method
        )
        assert float(found) == pytest.approx(by_hand(share * wall, length, wall, outside, flow, method), rel=5e-15)


walls = st.floats(0.0, 60.0)
shares = st.floats(0.0, 1.0)
lengths = st.none() | st.floats(0.0, 5000.0)


@given(
    general=st.lists(st.tuples(walls, shares), min_size=1, max_size=20),
    length=lengths,
    outside=st.floats(121.0, 1500.0),
    flow=st.floats(1.0, 900.0),
    method=st.sampled_from(METHODS),
)
def test_no_history_exceeds_barlow_of_its_own_wall(
    general: list[tuple[float, float]], length: float | None, outside: float, flow: float, method: Method
) -> None:
    """Nor does any that is credited fall below Barlow of the least wall, which is that of a defect without an end."""
    wall, share = np.array(general).T
    least = wall * share
    found = failure_pressure_mpa(wall, least, length, outside_mm=outside, flow_mpa=flow, method=method)
    assert (found <= 2 * flow * wall / outside).all()
    credited = found > 0
    assert (found[credited] >= (2 * flow * least / outside)[credited] * (1 - 1e-12)).all()


@given(
    new=st.floats(0.5, 60.0), left=shares, outside=st.floats(121.0, 1500.0), length=lengths,
    method=st.sampled_from(METHODS),
)  # fmt: skip
def test_an_evenly_thinned_pipe_keeps_at_most_its_share_of_the_wall(
    new: float, left: float, outside: float, length: float | None, method: Method
) -> None:
    before, after = (
        float(failure_pressure_mpa(wall, wall, length, outside_mm=outside, flow_mpa=300, method=method))
        for wall in (new, new * left)
    )
    assert after <= before * left * (1 + 1e-12) + 1e-12  # MPa, for shares next to 0


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("length", [None, 0.0, 100.0, 5000.0])
def test_a_wall_thinned_from_8_18_to_5_78_mm(length: float | None, method: Method) -> None:
    """NPS 8: by hand 2 x 309.95 x 5.78 / 219.1 = 16.3534 MPa, where a new one has 23.1437."""
    flow = flow_stress_mpa(241, "modified")
    now, new = failure_pressure_mpa([5.78, 8.18], [5.78, 8.18], length, outside_mm=219.1, flow_mpa=flow, method=method)
    assert now == pytest.approx(16.3534, abs=1e-4)
    assert new == pytest.approx(23.1437, abs=1e-4)
    assert now / new == pytest.approx(5.78 / 8.18, rel=1e-14)


def test_the_wall_is_that_of_the_history_not_the_nominal_one() -> None:
    """Three places of an NPS 8 pipe read 7.42 to 7.48 mm: with the nominal wall of 8.18 mm P50 was 22.95 MPa."""
    flow = flow_stress_mpa(241, "modified")
    found = failure_pressure_mpa([7.42, 7.45, 7.48], [7.40, 7.43, 7.46], 100, outside_mm=219.1, flow_mpa=flow)
    assert found.max() < 2 * flow * 7.48 / 219.1 < 21.17


@pytest.mark.parametrize("method", METHODS)
def test_pressure_falls_with_depth_and_length(method: Method) -> None:
    depth, length = np.meshgrid(np.linspace(0, 7.9, 30), np.linspace(0, 900, 60), indexing="ij")
    pressure = failure_pressure_mpa(10, 10 - depth, length, outside_mm=219.1, flow_mpa=300, method=method)
    assert (np.diff(pressure, axis=0) <= 1e-12).all()
    assert (np.diff(pressure, axis=1) <= 1e-12).all()
    np.testing.assert_allclose(pressure[0], 2 * 10 * 300 / 219.1)  # sound pipe: Barlow
    np.testing.assert_allclose(pressure[:, 0], 2 * 10 * 300 / 219.1)  # no length
    unknown = failure_pressure_mpa(10, 10 - depth, None, outside_mm=219.1, flow_mpa=300, method=method)
    np.testing.assert_allclose(unknown, 2 * (10 - depth) * 300 / 219.1)
    assert (unknown <= pressure * (1 + 1e-12)).all()


def test_the_modified_factor_is_continuous_where_long_defects_begin() -> None:
    length = np.sqrt(np.array([49.999999, 50.000001]) * 200 * 10)
    short, long = failure_pressure_mpa(10, 5, length, outside_mm=200, flow_mpa=300)
    assert short == pytest.approx(long, rel=5e-3)  # 4.80 and 4.90 by the standard's own formulas


@pytest.mark.parametrize("length", [None, 50.0])
def test_deeper_than_the_method_allows_no_strength_is_credited(length: float | None) -> None:
    pressure = failure_pressure_mpa(
        [10.0, 10.0, 10.0, 0.0], [2.0, 1.99, 0.0, 0.0], length, outside_mm=200, flow_mpa=300
    )
    np.testing.assert_array_equal(pressure > 0, [True, False, False, False])
    np.testing.assert_array_equal(pressure[1:], 0)


def test_flow_stress() -> None:
    assert flow_stress_mpa(241, "original") == pytest.approx(265.1)
    assert flow_stress_mpa(241, "modified") == pytest.approx(309.95)


def test_a_safety_factor_divides() -> None:
    np.testing.assert_allclose(allowable_mpa([14.4, 0.0], 1.44), [10, 0])
    for factor in (0.99, 0.0, -2.0, float("nan"), float("inf")):
        with pytest.raises(InputError, match="`safety_factor`"):
            allowable_mpa(14.4, factor)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "b31h"}, "original or modified"),
        ({"general_mm": -1.0}, "wall left must be at least 0"),
        ({"general_mm": float("nan")}, "wall left must be at least 0"),
        ({"least_mm": -0.1}, "wall left must be at least 0"),
        ({"least_mm": 10.1}, "cannot exceed the wall beside it"),
        ({"general_mm": 100.0}, "`outside_mm` 200: must exceed twice the wall of 100 mm"),
        ({"general_mm": np.array([10.0, 100.0])}, "`outside_mm` 200: must exceed twice the wall of 100 mm"),
        ({"outside_mm": float("inf")}, "`outside_mm` inf"),
        ({"flow_mpa": -1.0}, "`flow_mpa` -1: must be positive"),
        ({"flow_mpa": float("nan")}, "`flow_mpa` nan: must be positive"),
        ({"length_mm": -0.1}, "`length_mm`: the length of a corroded area must be at least 0"),
        ({"length_mm": float("nan")}, "`length_mm`"),
    ],
)
def test_impossible_pipes_are_refused(change: dict[str, Any], message: str) -> None:
    pipe: dict[str, Any] = {
        "general_mm": 10.0, "least_mm": 9.0, "length_mm": 50.0, "outside_mm": 200.0, "flow_mpa": 300.0
    }  # fmt: skip
    with pytest.raises(InputError, match=message):
        failure_pressure_mpa(**{**pipe, **change})
