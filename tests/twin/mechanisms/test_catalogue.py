"""Mechanisms read from words, and what an asset without any stated one has."""

from dataclasses import replace

import numpy as np
import pytest

import corrotwin as ct
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.mechanisms import catalogue
from corrotwin.twin.mechanisms.catalogue import build, parse, resolved
from corrotwin.twin.mechanisms.mechanism import Mechanism, acts_on, loss_mm
from corrotwin.twin.mechanisms.process import is_unknown

ZONES = ("body", "bore", "weld", "covered")


def test_words_say_kind_zones_and_inputs() -> None:
    first, second = parse(("own zone=body,weld rate_mm_year=0.1 heights_m=0,0.5", "process", "rate_mm_year=0.2"))
    assert (first.kind, first.zones, first.heights_m, first.exponent) == ("own", ("body", "weld"), (0.0, 0.5), 1.0)
    assert (second.kind, second.zones, second.rate_mm_year) == ("process", ("bore",), 0.2)
    assert second == build("process", rate_mm_year=0.2)
    assert second.inputs == {"rate_mm_year": 0.2}


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("rust zone=bore", "choose from process"),
        ("zone=bore", "give a kind"),
        ("process rate_mm_year=-0.1", "rate_mm_year -0.1: must be above 0"),
        ("own zone=body rate_mm_year=-1", "rate_mm_year -1: must be above 0"),
        ("own zone=body", "give rate_mm_year"),
        ("own rate_mm_year=1", "zone is missing"),
        ("own zone=body rate_mm_year=1 exponent=1.6", "exponent 1.6"),
        ("own zone=body rate_mm_year=1 exponent=0", "exponent 0"),
        ("own zone=body rate_mm_year=nan", "rate_mm_year nan"),
        ("process rate_mm_year=fast", "give a number"),
        ("process rate_mm_year=1 diameter_rate_mm_year=2", "give either"),
        ("process rate_mm_year=1 rate_mm_year=2", "given twice"),
        ("process spread=0.1", "spread 0.1 applies only to a stated rate; also give rate_mm_year"),
        ("process speed=3", "unknown input speed; its inputs are zone, rate_mm_year"),
        ("process heights_m=2,1", "the lower first"),
        ("process zone=roof", "no zone roof; the asset has body, bore, weld"),
        ("process zone=covered", "no zone covered"),
        ("process zone=bore,bore", "given twice"),
        ("none process", "give it alone"),
    ],
)
def test_what_is_wrong_is_said(words: str, part: str) -> None:
    with pytest.raises(InputError, match=part) as caught:
        resolved((words,), "pipe", ZONES)
    assert "\n" not in str(caught.value)


def test_a_pipe_of_which_nothing_is_said_has_an_unknown_fluid_inside() -> None:
    (usual,) = resolved(None, "pipe", ZONES)
    assert (usual.kind, usual.zones) == ("process", ("bore",))
    assert resolved(None, "plate", ("face", "back")) == ()
    assert resolved(("none",), "pipe", ZONES) == resolved([], "pipe", ZONES) == ()
    outside, inside = resolved(("own zone=outside rate_mm_year=0.1",), "pipe", ZONES)
    assert (outside.zones, inside) == (("body", "weld"), usual)
    stated = build("process", rate_mm_year=0.2)
    assert resolved([stated], "pipe", ZONES) == (stated,)


def test_what_is_said_of_a_part_of_the_bore_leaves_the_unknown_fluid_in_it() -> None:
    low, fluid = resolved(("own zone=bore rate_mm_year=0.05 localised=true heights_m=0,0.05",), "pipe", ZONES)
    assert (low.heights_m, is_unknown(low)) == ((0.0, 0.05), False)
    assert (fluid.zones, fluid.heights_m, is_unknown(fluid)) == (("bore",), None, True)
    stated = resolved(("co2 temperature_c=60 co2_bar=2 own zone=bore rate_mm_year=1 heights_m=0,0.1",), "pipe", ZONES)
    assert [law.kind for law in stated] == ["co2", "own"]


def test_a_fluid_is_unknown_until_its_rate_is_stated() -> None:
    assert not is_unknown(build("process", rate_mm_year=0.1))
    assert not is_unknown(build("process", diameter_rate_mm_year=0.1, spread=0.1))
    kept = replace(build("process"), spread=0.1, inputs={"spread": 0.1})  # of a twin that was made when this was taken
    assert is_unknown(kept)


def test_a_rate_of_the_diameter_is_that_of_two_faces() -> None:
    """A chain that loses 0.4 mm/year of its diameter loses 0.2 mm/year of each face."""
    chain = build("own", ("bar",), diameter_rate_mm_year=0.4)
    assert chain.rate_mm_year == 0.2
    assert float(loss_mm(chain, 20.0)) == pytest.approx(4.0)


def test_loss_is_the_rate_times_a_power_of_time_from_its_begin() -> None:
    law = build("own", ("body",), rate_mm_year=0.1, exponent=0.5, after_years=4.0)
    np.testing.assert_allclose(loss_mm(law, [0.0, 4.0, 5.0, 13.0]), [0.0, 0.0, 0.1, 0.3])
    np.testing.assert_allclose(loss_mm(law, 13.0, np.array([0.2, 0.4])), [0.6, 1.2])


def test_it_acts_on_its_zones_between_its_heights() -> None:
    law = build("own", ("weld", "bore"), rate_mm_year=0.1, heights_m=(1.0, 2.0))
    zone, height = np.array([0, 1, 1, 1, 2, -1, 3]), np.array([1.5, 0.9, 1.0, 2.0, 1.5, 1.5, 1.5])
    assert acts_on(law, ZONES, zone, height).tolist() == [False, False, True, False, True, False, False]


def test_p95_of_a_stated_rate_is_twice_its_median() -> None:
    assert build("process", rate_mm_year=0.2).rate_p95_mm_year == pytest.approx(0.4, rel=1e-3)


def test_only_mechanisms_of_known_kinds_count() -> None:
    with pytest.raises(InputError, match="unknown; choose from"):
        catalogue.check_kinds([Mechanism(kind="rust", zones=("bore",), rate_mm_year=1.0, spread=1.0)])
    with pytest.raises(InputError, match="not a mechanism"):
        catalogue.check_kinds(["process"])  # type: ignore[list-item]


def test_mechanisms_of_the_python_api_are_those_of_the_words() -> None:
    pipe = ct.Asset("pipe", nps="4", schedule="40", run_m=1.0, texel_mm=20.0)
    assert [law.kind for law in ct.Twin(pipe, random=True).mechanisms] == ["process"]
    assert ct.Twin(pipe, random=True, mechanisms=[]).mechanisms == ()
    law = build("co2", ("bore",), temperature_c=60.0, co2_bar=2.0)
    twin = ct.Twin(pipe, years=2.0, category="C4", bare=True, mechanisms=[law, "soil soil=fill zone=body"])
    assert [each.kind for each in twin.mechanisms] == ["co2", "soil"]
    words = ["co2 temperature_c=60 co2_bar=2", "soil soil=fill zone=body"]
    assert ct.Twin(pipe, random=True, mechanisms=words).mechanisms == twin.mechanisms
