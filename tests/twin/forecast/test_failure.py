"""Failure pressure of a pipe by the wall that is left in each history, and the MAWP of a process pipe."""

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from corrotwin.twin import twin_state
from corrotwin.twin.bayes.particles import Particles
from corrotwin.twin.commands import outlook
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.forecast import projection
from corrotwin.twin.forecast.failure import Pressure
from corrotwin.twin.forecast.pipe_design import PipeDesign, mawp
from corrotwin.twin.forecast.result import Forecast
from corrotwin.twin.mechanisms.process import own
from corrotwin.twin.twin_state import TwinState

FIELDS = ("rusted_share", "mean_loss_mm", "max_loss_mm", "least_left_mm", "judged_left_mm", "general_left_mm")

YEARS = [0.0, 5.0, 10.0, 20.0, 30.0]
FLOW_MPA = 241 + 68.95


def test_failure_pressure_falls_and_never_passes_barlow_of_its_own_wall(particles: Particles, spool: TwinState) -> None:
    asset = twin_state.asset(spool)
    found = projection.forecast_zones(particles, YEARS)
    for length in (None, 50.0, 100.0, 1000.0):
        pressure = Pressure.of(asset, smys_mpa=241, length_mm=length, method="modified")
        by_year = np.stack([pressure.failure_mpa(found, index) for index in range(len(YEARS))])
        assert (np.diff(by_year, axis=0) <= 1e-9).all()
        general = np.max([found[name].general_left_mm for name in pressure.zones], axis=0).T
        assert (by_year <= 2 * general / 168.3 * FLOW_MPA * (1 + 1e-9)).all()
    least = found["all"].least_left_mm.T
    barlow = Pressure.of(asset, smys_mpa=241, length_mm=None, method="modified")
    np.testing.assert_array_less(
        np.stack([barlow.failure_mpa(found, index) for index in range(len(YEARS))]),
        2 * np.min([found[name].least_left_mm for name in barlow.zones], axis=0).T / 168.3 * FLOW_MPA + 1e-9,
    )
    assert (least >= 0).all()


def test_a_uniformly_thinned_pipe_has_lost_as_much_strength(spool: TwinState) -> None:
    """8.18 to 5.78 mm all over: at most 5.78 / 8.18 of the new strength, whatever the length."""
    asset = twin_state.asset(spool)
    for length in (None, 100.0):
        pressure = Pressure.of(asset, smys_mpa=241, length_mm=length, method="modified")
        new, thin = (
            float(pressure.failure_mpa({"body": zone(wall)}, 0)[0]) for wall in (8.18, 5.78)
        )  # fmt: skip
        assert thin <= 5.78 / 8.18 * new * (1 + 1e-9)


def zone(left: float, general: float | None = None) -> projection.ZoneForecast:
    one = np.full((1, 1), left)
    return replace(
        projection.ZoneForecast(**dict.fromkeys(FIELDS, one)),
        general_left_mm=one if general is None else np.full((1, 1), general),
    )


def test_what_is_no_pipe_or_no_steel_is_refused(spool: TwinState) -> None:
    asset = twin_state.asset(spool)
    with pytest.raises(InputError, match="this is a plate"):
        Pressure.of(replace(asset, kind="plate"), smys_mpa=241, length_mm=100, method="modified")
    with pytest.raises(InputError, match="must be positive"):
        Pressure.of(asset, smys_mpa=0, length_mm=100, method="modified")
    with pytest.raises(InputError, match="`smys_mpa` 484: modified holds up to 483; choose `method` original"):
        Pressure.of(asset, smys_mpa=484, length_mm=100, method="modified")
    assert Pressure.of(asset, smys_mpa=484, length_mm=100, method="original").smys_mpa == 484


@pytest.mark.parametrize(
    ("change", "wall"),
    [
        ({"supports_at_m": [0.9], "support": "saddle", "support_m": 0.6}, {"body", "bore", "contact"}),
        ({"supports_at_m": [0.9], "support": "clamp", "support_m": 0.6}, {"body", "bore", "crevice"}),
        ({"supports_at_m": [0.9], "support": "ubolt", "support_m": 0.6}, {"body", "bore", "contact", "crevice"}),
        ({"pieces": 2, "flanged": True, "finish": "blind"}, {"body", "bore"}),
        ({"leg_m": 0.6, "leg_degrees": 0.0}, {"body", "bore", "elbow"}),
    ],
)
def test_the_wall_that_pressure_acts_on_is_the_pipes_own(
    spool: TwinState, change: dict[str, object], wall: set[str]
) -> None:
    """Its skin under and beside a support belongs to it; gaskets, welds and cut ends do not."""
    asset = twin_state.asset(replace(spool, parameters={**spool.parameters, "run_m": 1.8, **change}))
    pressure = Pressure.of(asset, smys_mpa=241, length_mm=100, method="modified")
    names = [name for name in asset.zone_names if name != "covered"]

    def failing(deep: str) -> float:
        found = {name: zone(3.0 if name == deep else 6.0, 6.5) for name in names}
        return float(pressure.failure_mpa(found, 0)[0])

    usual = failing("")
    assert {name for name in names if failing(name) < usual} == wall


def made(spool: TwinState, particles: Particles, **values: object) -> Forecast:
    """A forecast of 6 mm in all zones, with the next measurement in two years."""
    zones = {name: replace(zone(6.0), least_left_mm=np.full((1, 2), 6.0)) for name in ("body", "bore")}
    known = SimpleNamespace(
        asset=twin_state.asset(spool), twin=spool, now_years=10.0, now=(particles,), records=(), events=()
    )
    given = {
        "known": known, "plan": SimpleNamespace(interval_years=2.0, life_years=(4.0, 4.0, 4.0)),
        "years": (10.0,), "cmls": (), "rule": "api510",
        "planned": SimpleNamespace(years=(10.0, 30.0), zones=zones), "zones": zones, **values,
    }  # fmt: skip
    return cast("Forecast", SimpleNamespace(**given))


def test_the_mawp_counts_twice_the_loss_since_the_reading(spool: TwinState, particles: Particles) -> None:
    """5.78 mm read four years ago, 0.2 mm a year, measured again in two years: 5.78 - 2 x 0.2 x 6 = 3.38 mm."""
    design = PipeDesign(pressure_mpa=3.0, stress_mpa=138.0, efficiency=1.0)
    row = SimpleNamespace(
        zone="body", place="CML-1", least_read_mm=5.78, read_years_ago=4.0, governing="long-term",
        long_term_mm_year=0.2, short_term_mm_year=0.1,
    )  # fmt: skip
    found = mawp(made(spool, particles, cmls=(row,)), design)
    assert found is not None
    assert found.code_mpa == pytest.approx(2 * 138 * 3.38 / 168.3)
    assert found.twin_mpa == pytest.approx([2 * 138 * 6.0 / 168.3] * 3)


def test_no_failure_pressure_is_given_where_single_places_were_not_seen(spool: TwinState, particles: Particles) -> None:
    pressure = Pressure.of(twin_state.asset(spool), smys_mpa=241, length_mm=None, method="modified")
    said = list(outlook.strength_lines(made(spool, particles), pressure, 1.5))
    assert said[0].endswith(f"P5 {2 * 6.0 / 168.3 * FLOW_MPA / 1.5:.2f}, P50 14.73, P95 14.73 MPa")
    bank = particles.bank
    body = next(each for each in bank.zones if each.name == "body")
    acts = np.ones((len(body.weight), 1), dtype=np.float32)
    body = replace(body, own=replace(body.own, acts=acts), behind=replace(body.behind, acts=0 * acts))
    attacked = replace(spool, mechanisms=(own(("body",), rate_mm_year=0.1, localised=True),))
    state = replace(particles, bank=replace(bank, zones=(body,)))
    (line,) = outlook.strength_lines(made(attacked, state), pressure, 1.5)
    assert line.startswith("no failure pressure is given: own attacks single places")
