"""Stairs: rise and going, stringers that carry the treads, a handrail that follows the slope."""

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from corrotwin.twin import assets
from corrotwin.twin.assets import stair, stair_rail
from corrotwin.twin.core.errors import InputError

PLAIN = {
    "treads": 4,
    "rise_mm": 180.0,
    "slope_degrees": 38.0,
    "width_m": 0.6,
    "stringer": "channel",
    "tread": "plate",
    "fixing": "bolted",
    "handrail": "none",
}


def parts(**change: object) -> dict[str, trimesh.Trimesh]:
    asset = assets.build("stair", {**PLAIN, **change}, texel_mm=60.0)
    return {
        name: trimesh.Trimesh(asset.vertices, asset.faces[asset.face_solid == index], process=True)
        for index, name in enumerate(asset.solid_names)
    }


@pytest.mark.parametrize("stringer", stair.STRINGERS)
def test_treads_rise_and_go_by_the_slope(stringer: str) -> None:
    found = parts(stringer=stringer)
    boxes = np.array([found[f"tread {number}"].bounds for number in (1, 2, 3, 4)])
    np.testing.assert_allclose(boxes[:, 1, 2], [0.18, 0.36, 0.54, 0.72], atol=1e-9)
    going = 0.18 / np.tan(np.radians(38))
    np.testing.assert_allclose(np.diff(boxes[:, 0, 1]), going)
    assert boxes[0, 1, 1] > boxes[1, 0, 1] + 0.02  # each under the next one's nosing


@pytest.mark.parametrize("stringer", stair.STRINGERS)
@pytest.mark.parametrize("slope_degrees", [30.0, 38.0, 45.0])
def test_stringers_cover_the_ends_of_the_treads(stringer: str, slope_degrees: float) -> None:
    found = parts(stringer=stringer, slope_degrees=slope_degrees)
    up = np.array([0, -np.sin(np.radians(slope_degrees)), np.cos(np.radians(slope_degrees))])
    for side in ("left", "right"):
        heights = found[f"stringer {side}"].vertices @ up
        for number in (1, 2, 3, 4):
            across = found[f"carrier {side} {number}"].vertices @ up
            assert heights.min() < across.min() <= across.max() < heights.max() - 0.015
    inner = [found["stringer left"].bounds[1, 0], found["stringer right"].bounds[0, 0]]
    np.testing.assert_allclose(inner, [-0.3, 0.3], atol=1e-9)
    assert found["stringer left"].bounds[0, 2] == pytest.approx(0.0, abs=1e-9)
    low = found["stringer left"].vertices
    assert np.ptp(low[low[:, 2] < 1e-6][:, 1]) > 0.1  # cut level on the ground
    last = low[low[:, 1] > low[:, 1].max() - 1e-6]
    assert np.ptp(last[:, 2]) > 0.2  # cut plumb at the top


@pytest.mark.parametrize("tread", ["grating", "plate"])
def test_bolts_go_through_carrier_and_stringer(tread: str) -> None:
    found = parts(tread=tread)
    carriers = [name for name in found if name.startswith("carrier")]
    heads = [name for name in found if name.startswith("head bolt")]
    assert len(carriers) == 8
    assert len(heads) == 16
    web = 0.007  # of UPE 240
    for side, sign in (("left", -1), ("right", 1)):
        nut = found[f"nut b bolt {side} 1 1"].bounds[:, 0] * sign
        washer = 0.2 * stair.BOLT
        assert nut.min() == pytest.approx(0.3 + web + washer)


def test_welded_treads_span_between_the_stringers() -> None:
    found = parts(fixing="welded")
    np.testing.assert_allclose(found["tread 1"].bounds[:, 0], [-0.3, 0.3])
    assert not any(name.startswith(("carrier", "head bolt")) for name in found)


def test_chequer_is_on_tread_and_nosing() -> None:
    found = parts(tread="chequer")
    tread = found["tread 2"].bounds
    top, front = found["tears 2"].bounds, found["nosing tears 2"].bounds
    assert top[1, 2] == pytest.approx(tread[1, 2] + 0.0018)
    assert front[0, 1] == pytest.approx(tread[0, 1] - 0.0018)
    assert found["tears 2"].body_count > 80


def test_grating_is_open() -> None:
    found = parts(tread="grating")
    bars = np.sort([p.bounds.mean(axis=0)[1] for n, p in found.items() if n.startswith("bar ") and n.endswith(" 1")])
    assert (np.diff(bars) > 0.025).all()
    assert (np.diff(bars) < 0.038).all()


@pytest.mark.parametrize(("handrail", "sign"), [("left", -1), ("right", 1)])
@pytest.mark.parametrize("stringer", stair.STRINGERS)
def test_handrail_follows_the_slope_over_its_posts(handrail: str, sign: int, stringer: str) -> None:
    found = parts(handrail=handrail, stringer=stringer)
    rail = found["handrail"]
    slope = np.radians(38)
    up = np.array([0, -np.sin(slope), np.cos(slope)])
    nosing = found["tread 1"].bounds
    over = rail.vertices @ up - np.array([0, nosing[0, 1], nosing[1, 2]]) @ up
    assert over.mean() == pytest.approx(stair_rail.HEIGHT * np.cos(slope), abs=1e-3)
    assert rail.bounds.mean(axis=0)[0] * sign > 0.3
    for number in (1, 2):
        top = found[f"post {number}"].vertices
        top = top[top[:, 2] > top[:, 2].max() - 0.03]
        across = np.hypot(top[:, 0] - rail.bounds.mean(axis=0)[0], (top - rail.centroid) @ up)
        np.testing.assert_allclose(across, stair_rail.TUBE / 2, atol=1e-3)


@settings(max_examples=6)
@given(
    treads=st.integers(2, 4),
    rise_mm=st.floats(140, 230),
    slope_degrees=st.floats(30, 45),
    width_m=st.floats(0.3, 0.7),
    stringer=st.sampled_from(stair.STRINGERS),
    tread=st.sampled_from(stair.TREADS),
    fixing=st.sampled_from(stair.FIXINGS),
    handrail=st.sampled_from(stair.HANDRAILS),
)
def test_every_stair_is_closed(**parameters: object) -> None:
    asset = assets.build("stair", parameters, texel_mm=60.0)
    assert assets.mesh(asset).is_watertight
    assert len(asset.faces) < 150_000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stringer": "rope"}, "channel, flat"),
        ({"tread": "glass"}, "chequer, grating, plate"),
        ({"fixing": "glued"}, "bolted, welded"),
        ({"handrail": "both"}, "none, left, right"),
        ({"treads": 1}, "2 to 20"),
        ({"rise_mm": float("nan")}, "140 to 230 mm"),
        ({"slope_degrees": 60.0}, "30 to 45 degrees"),
        ({"width_m": -0.5}, "0.3 to 2 m"),
    ],
)
def test_impossible_stairs_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        assets.build("stair", {**PLAIN, **change}, texel_mm=40.0)
