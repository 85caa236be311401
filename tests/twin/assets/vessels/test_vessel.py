import json
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corrotwin.twin import assets
from corrotwin.twin.assets.vessels import heads
from corrotwin.twin.assets.vessels.vessel import sample, vessel
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry import atlas
from corrotwin.twin.geometry.atlas import Patch

PLAIN: dict[str, Any] = {
    "inside_mm": 1000.0, "length_m": 3.0, "shell_mm": 10.0, "head_mm": 12.0, "head": "ellipsoidal", "courses": 2,
    "nozzles_nps": [3.0, 18.0, 2.0], "nozzles_at_m": [0.4, 1.9, 1.1], "nozzles_degrees": [0.0, 0.0, 0.0],
    "head_nozzles_nps": [3.0, 0.0], "nozzle_schedule": "80", "nozzle_m": 0.15, "nozzle_end": "flange",
    "support": "saddles", "support_m": 0.4, "saddle_m": 0.75,
}  # fmt: skip
SKIRT = {**PLAIN, "support": "skirt", "support_m": 1.2, "nozzles_degrees": [90.0, 90.0, 180.0]}
LEGS = {**PLAIN, "support": "legs", "support_m": 0.9, "inside_mm": 800.0, "nozzles_nps": [3.0, 12.0, 2.0]}
LEGS["nozzles_at_m"] = [0.45, 1.9, 1.1]
BARE: dict[str, Any] = {
    **PLAIN, "nozzles_nps": [], "nozzles_at_m": [], "nozzles_degrees": [], "head_nozzles_nps": [0.0, 0.0]
}  # fmt: skip


def built(change: dict[str, Any]) -> list[Patch]:
    return vessel(**{**PLAIN, **change})[0]


def points(patches: list[Patch], solid: str, zone: str = "") -> np.ndarray:
    """Vertices (n, 3) of the solids whose names match, of one zone or of all."""
    return np.concatenate(
        [p.points.reshape(-1, 3) for p in patches if re.fullmatch(solid, p.solid) and zone in ("", p.zone)]
    )


def volumes(patches: list[Patch]) -> dict[str, float]:
    """Volume of each solid, m³, all of them closed."""
    asset = atlas.assemble("vessel", {}, patches, thickness_mm=1.0, texel_mm=100.0)
    assert assets.mesh(asset).is_watertight
    assert assets.mesh(asset).is_winding_consistent
    corners = asset.vertices[asset.faces]
    each = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
    return dict(zip(asset.solid_names, np.bincount(asset.face_solid, each), strict=True))


@pytest.mark.parametrize(
    ("crown", "knuckle", "depth"),
    [
        (1.0, 0.10, 0.194),  # scribd.com/document/312209428: height 0.194 D of a 10 % head
        (0.8, 0.154, 0.255),  # DIN 28013, Korbbogen
        (0.5, 0.5, 0.5),  # a hemisphere
        (0.9, 0.2, 25.684268924767125 / 96),  # documented value of `fluids.a_torispherical` (PyPI, fluids 1.3.1)
        (1.0, 0.06, 1 - np.sqrt(0.94**2 - 0.44**2)),  # 6 % by hand: crown and knuckle touch where their centres align
    ],
)
def test_depth_of_torispherical_heads(crown: float, knuckle: float, depth: float) -> None:
    assert heads.torispherical_depth(1.0, crown, knuckle) == pytest.approx(depth, abs=6e-4)


@pytest.mark.parametrize("kind", heads.HEADS)
@pytest.mark.parametrize(("inside", "head_mm"), [(0.5, 6.0), (1.2, 12.0), (3.0, 40.0)])
def test_heads_have_the_shape_of_the_code_and_the_same_thickness_everywhere(
    kind: str, inside: float, head_mm: float
) -> None:
    own = heads.Head(kind=kind, inside=inside, thickness=head_mm / 1000, shell=head_mm / 1000)
    assert own.inner[0] == pytest.approx([inside / 2, 0.0])
    assert own.inner[-1, 0] == pytest.approx(0.0)
    r, z = own.inner.T
    if kind == "ellipsoidal":
        assert own.depth == pytest.approx(inside / 4)
        np.testing.assert_allclose((r / (inside / 2)) ** 2 + (z / (inside / 4)) ** 2, 1)
        frusta = np.pi / 3 * (r[1:] ** 2 + r[1:] * r[:-1] + r[:-1] ** 2) * np.diff(z)
        assert frusta.sum() == pytest.approx(np.pi * inside**3 / 24, rel=4e-3)
    else:
        outside = inside + 2 * head_mm / 1000
        assert own.knuckle >= 0.06 * outside - 1e-12
        assert own.knuckle >= 3 * head_mm / 1000 - 1e-12
        assert own.depth == pytest.approx(heads.torispherical_depth(inside, outside, own.knuckle))
        crown = np.hypot(r, z - (own.depth - outside))[own.normals[:, 1] > 0.95]
        np.testing.assert_allclose(crown, outside)
    np.testing.assert_allclose(np.linalg.norm(own.outer - own.inner, axis=1), head_mm / 1000)
    along = np.diff(own.inner, axis=0)
    middle = (own.normals[:-1] + own.normals[1:]) / 2
    assert np.abs((along * middle).sum(axis=1)).max() < 1e-3 * inside  # the normals are those of the line


@pytest.mark.ci
@pytest.mark.parametrize("given", [PLAIN, SKIRT, LEGS, {**PLAIN, "head": "torispherical"}, BARE])
def test_vessels_are_closed_solids(given: dict[str, Any]) -> None:
    assert min(volumes(vessel(**given)[0]).values()) > 0


def test_shell_and_heads_have_the_volume_of_their_steel() -> None:
    found = volumes(vessel(**{**BARE, "head_mm": 10.0})[0])
    straight = 0.04
    shell = np.pi / 4 * (1.02**2 - 1.0**2) * (3.0 - 2 * straight)
    assert found["shell 1"] + found["shell 2"] == pytest.approx(shell, rel=1e-3)
    own = heads.Head(kind="ellipsoidal", inside=1.0, thickness=0.01, shell=0.01)
    dish = []
    for line in (own.outer, own.inner):  # in slices of the two curves
        dense = np.linspace(0, 1, 4001)
        part = np.linspace(0, 1, len(line))
        r, z = np.interp(dense, part, line[:, 0]), np.interp(dense, part, line[:, 1])
        dish.append(float((np.pi * (r[1:] ** 2 + r[1:] * r[:-1] + r[:-1] ** 2) / 3 * np.diff(z)).sum()))
    exact = dish[0] - dish[1] + np.pi / 4 * (1.02**2 - 1.0**2) * straight
    assert found["first head"] == pytest.approx(exact, rel=2e-3)


@pytest.mark.parametrize(("shell_mm", "head_mm"), [(10.0, 14.0), (14.0, 10.0), (8.0, 8.0)])
def test_heads_taper_to_the_wall_of_the_shell(shell_mm: float, head_mm: float) -> None:
    patches = built({"shell_mm": shell_mm, "head_mm": head_mm})
    head = points(patches, "second head", "head")
    radius = np.linalg.norm(head[:, 1:], axis=1)
    at_seam = np.isclose(head[:, 0], head[:, 0].min())
    np.testing.assert_allclose(radius[at_seam], 0.5 + shell_mm / 1000)
    np.testing.assert_allclose(radius[np.isclose(head[:, 0], 3.0)], 0.5 + head_mm / 1000)
    slope = abs(head_mm - shell_mm) / 1000
    straight = 3.0 - head[:, 0].min()
    assert straight == pytest.approx(heads.STRAIGHT_M + 3 * slope)


def test_a_lying_vessel_is_as_long_as_its_tangent_lines_and_heads() -> None:
    patches = vessel(**BARE)[0]
    skin = points(patches, "(first|second) head", "head")
    assert skin[:, 0].min() == pytest.approx(-(0.25 + 0.012))
    assert skin[:, 0].max() == pytest.approx(3.0 + 0.25 + 0.012)
    assert points(patches, ".*")[:, 2].min() == pytest.approx(-0.51 - 0.4)
    np.testing.assert_allclose(np.linalg.norm(points(patches, "shell .", "bore")[:, 1:], axis=1), 0.5)


@pytest.mark.parametrize("given", [SKIRT, LEGS])
def test_a_standing_vessel_has_its_tangent_line_where_it_should_be(given: dict[str, Any]) -> None:
    patches = vessel(**given)[0]
    low = points(patches, ".*")[:, 2].min()
    assert low == pytest.approx(-given["support_m"], abs=1e-9)
    assert points(patches, "second head", "head")[:, 2].max() == pytest.approx(3.0 + given["inside_mm"] / 4000 + 0.012)
    zones = {patch.zone for patch in patches}
    assert ("skirt" in zones) == (given is SKIRT)
    assert ("post" in zones) == (given is LEGS)
    thickness = {round(p.thickness_mm or 0, 6) for p in patches if p.zone in ("skirt", "post")}
    assert thickness == ({10.8, 8.0} if given is SKIRT else {8.0})  # plate and access; legs


def test_nozzles_stand_where_and_as_they_should() -> None:
    patches = built({"nozzles_degrees": [0.0, 90.0, -45.0]})
    up = points(patches, "nozzle 1", "nozzle")
    assert up[:, 2].max() == pytest.approx(0.51 + 0.15)
    assert up[:, 0].mean() == pytest.approx(0.4, abs=1e-3)
    front = points(patches, "nozzle 2", "nozzle")
    assert front[:, 1].min() == pytest.approx(-0.51 - 0.15)
    assert any(p.solid == "blind of the nozzle 2" for p in patches)  # a manway is closed
    assert not any(p.solid.startswith("blind of the nozzle 1") for p in patches)
    # The bore of the vessel is open into a nozzle's.
    skin = points(patches, "shell .*", "body")
    above = skin[(skin[:, 2] > 0) & (np.hypot(skin[:, 0] - 0.4, skin[:, 1]) < 0.034)]
    assert len(above) == 0
    end = points(patches, "nozzle of the first head", "nozzle")
    assert end[:, 0].min() == pytest.approx(-(0.25 + 0.012) - 0.15)


def test_saddles_hold_the_shell() -> None:
    patches = vessel(**BARE)[0]
    pads = points(patches, "pad of the .* saddle")
    distance = np.linalg.norm(pads[:, 1:], axis=1)
    assert distance.min() == pytest.approx(0.51, abs=0.001)
    assert {round(float(x), 2) for x in pads[:, 0]} == {0.67, 0.83, 2.17, 2.33}
    contact = points(patches, "shell .*", "contact")
    assert np.abs(contact[:, 0, None] - [0.75, 2.25]).min(axis=1).max() < 0.1
    assert contact[:, 2].max() < 0
    ribs = points(patches, "rib .*")
    assert (np.linalg.norm(ribs[:, 1:], axis=1) > 0.509).all()  # in the pad at most


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1))
def test_sampled_vessels_are_small_enough_and_written_as_json(seed: int) -> None:
    parameters = sample(np.random.default_rng(seed))
    json.dumps(parameters)
    patches = vessel(**parameters)[0]
    assert sum(2 * (p.points.shape[0] - 1) * (p.points.shape[1] - 1) for p in patches) < 500_000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"head": "flat"}, "ellipsoidal, torispherical"),
        ({"support": "wheels"}, "saddles, skirt, legs"),
        ({"inside_mm": 100.0}, "inside_mm 100.0: give 200 to 6000 mm"),
        ({"inside_mm": float("nan")}, "inside_mm nan"),
        ({"shell_mm": 200.0}, "shell_mm 200.0: give 2 to 100 mm"),
        ({"shell_mm": float("nan")}, "shell_mm nan"),
        ({"head_mm": 0.0}, "head_mm 0.0"),
        ({"head_mm": 30.0}, "head_mm 30: must be half to twice shell_mm, 10"),
        ({"courses": 0}, "courses 0: give a whole number from 1 to 30"),
        ({"length_m": 0.2}, "length_m 0.2"),
        ({"length_m": float("inf")}, "60 m"),
        ({"saddle_m": 0.05}, "saddle_m 0.05"),
        ({"saddle_m": 1.5}, "saddle_m 1.5"),
        ({"support_m": 0.01}, "support_m 0.01"),
        ({"support_m": float("nan")}, "support_m nan"),
        ({"support": "skirt", "support_m": 0.2}, "support_m 0.2"),
        ({"support": "legs", "inside_mm": 1700.0, "support_m": 1.0}, "choose a skirt or saddles"),
        ({"nozzles_nps": [3.0]}, "give one of each for every nozzle"),
        ({"nozzles_nps": [7.0, 18.0, 2.0]}, "nozzles_nps 7: choose nominal sizes from 0.5, 0.75"),
        ({"nozzles_nps": [3.0, 30.0, 2.0]}, "nozzles_nps 30"),
        ({"inside_mm": 500.0}, "nozzles_nps 18: too wide for this shell"),
        ({"nozzles_at_m": [0.4, 1.5, 1.1]}, "collide"),
        ({"nozzles_at_m": [0.75, 1.9, 1.1]}, "collide"),
        ({"nozzles_at_m": [4.0, 1.9, 1.1]}, "within the length"),
        ({"nozzles_degrees": [float("nan"), 0.0, 0.0]}, "nozzles_degrees nan"),
        ({"nozzles_degrees": [180.0, 0.0, 0.0], "support_m": 0.15}, "reaches the ground"),
        ({"nozzle_m": 0.001}, "nozzle_m 0.001"),
        ({"nozzle_end": "open"}, "cut, flange, blind"),
        ({"nozzle_schedule": "41"}, "nozzle_schedule '41'"),
        ({"head_nozzles_nps": [3.0]}, "give one for each head"),
        ({"head_nozzles_nps": [20.0, 0.0]}, "too wide for this head"),
    ],
)
def test_impossible_vessels_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)) as refused:
        built(change)
    assert len(str(refused.value).splitlines()) == 1


@settings(max_examples=15)
@given(data=st.data())
def test_any_parameters_make_a_vessel_or_one_line(data: st.DataObject) -> None:
    def draw(strategy: st.SearchStrategy[Any]) -> Any:
        return data.draw(strategy)

    count = draw(st.integers(0, 3))
    change = {
        "inside_mm": draw(st.floats(200, 2500)), "length_m": draw(st.floats(0.5, 6.0)),
        "shell_mm": draw(st.floats(4, 30)), "head_mm": draw(st.floats(4, 30)),
        "head": draw(st.sampled_from(heads.HEADS)), "courses": draw(st.integers(1, 4)),
        "nozzles_nps": draw(st.lists(st.sampled_from([0.5, 1, 2, 4, 8, 16, 24]), min_size=count, max_size=count)),
        "nozzles_at_m": draw(st.lists(st.floats(0.1, 5.0), min_size=count, max_size=count)),
        "nozzles_degrees": draw(st.lists(st.floats(-360, 360), min_size=count, max_size=count)),
        "head_nozzles_nps": draw(st.lists(st.sampled_from([0, 1.5, 3, 6, 16]), min_size=2, max_size=2)),
        "nozzle_m": draw(st.floats(0.05, 0.5)), "nozzle_end": draw(st.sampled_from(["cut", "flange", "blind"])),
        "support": draw(st.sampled_from(["saddles", "skirt", "legs"])), "support_m": draw(st.floats(0.1, 3.0)),
        "saddle_m": draw(st.floats(0.1, 2.0)),
    }  # fmt: skip
    patches, lines = [], 1
    try:
        patches = built(change)
    except InputError as error:
        lines = len(str(error).splitlines())
    assert lines == 1
    if patches:
        assert min(volumes(patches).values()) > 0
