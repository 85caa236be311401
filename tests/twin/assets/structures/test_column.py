"""Laced columns: their steel by hand, bars and rivets by arithmetic, and that they stand."""

import re
from collections import Counter

import numpy as np
import pytest
import trimesh

from corrotwin.twin import assets
from corrotwin.twin.assets.structures import column
from corrotwin.twin.core.errors import InputError

PLAIN = {
    "height_m": 2.0, "width_m": 0.4, "form": "box", "section": "UPE 200", "lacing": "single", "depth_m": 0.0,
    "base": True,
}  # fmt: skip
FOUR = {**PLAIN, "form": "angles", "section": "L 80x8", "depth_m": 0.36}


def parts(given: dict[str, object], **change: object) -> dict[str, trimesh.Trimesh]:
    asset = assets.build("column", {**given, **change}, texel_mm=60.0)
    return {
        name: trimesh.Trimesh(asset.vertices, asset.faces[asset.face_solid == index], process=True)
        for index, name in enumerate(asset.solid_names)
    }


def count(found: dict[str, trimesh.Trimesh]) -> Counter[str]:
    return Counter(re.sub(" [0-9]+", "", name) for name in found)


@pytest.mark.parametrize("form", ["box", "channels"])
def test_two_channels_stand_on_the_base_plate_as_far_apart_as_stated(form: str) -> None:
    found = parts(PLAIN, form=form)
    left, right = found["channel left"], found["channel right"]
    assert right.bounds[1, 0] - left.bounds[0, 0] == pytest.approx(0.4)
    assert left.volume == pytest.approx(29.0e-4 * 2.0, rel=0.006)  # EN 10365
    thickness = np.ptp(found["base plate"].bounds[:, 2])
    np.testing.assert_allclose(left.bounds[:, 2], [thickness, 2.0 + thickness])
    web = left.vertices[:, 0].min() if form == "box" else left.vertices[:, 0].max()
    inside = left.contains([[web + (0.003 if form == "box" else -0.003), 0.0, 1.0]])  # the web of 6 mm
    assert inside.all()
    assert count(found)["nut anchor front"] == count(found)["nut anchor rear"] == 2


def test_four_angles_stand_at_the_corners() -> None:
    found = parts(FOUR)
    boxes = np.array([found[f"angle {number}"].bounds for number in (1, 2, 3, 4)])
    assert np.ptp(boxes[..., 0]) == pytest.approx(0.4)
    assert np.ptp(boxes[..., 1]) == pytest.approx(0.36)
    assert len({tuple(np.sign(box.mean(axis=0)[:2])) for box in boxes}) == 4
    assert {name.split()[-1] for name in count(found) if name.startswith("bar")} == {"front", "rear", "left", "right"}


@pytest.mark.parametrize(("lacing", "slope"), [("single", 60.0), ("double", 45.0)])
def test_lacing_is_as_steep_as_usual_and_zigzags(lacing: str, slope: float) -> None:
    found = parts(PLAIN, lacing=lacing)
    bars = [part for name, part in found.items() if re.fullmatch(r"bar \d+ front", name)]
    size = np.array([np.ptp(bar.bounds, axis=0) for bar in bars]) - 3 * 0.016  # of the line between its rivets
    assert np.degrees(np.arctan2(size[:, 0], size[:, 2])) == pytest.approx(np.full(len(bars), slope), abs=6)
    middles = np.array(sorted(bar.bounds.mean(axis=0)[2] for bar in bars))
    # One begins where the one before it ends; their round ends have corners, which lowers the box by up to 1.5 mm.
    np.testing.assert_allclose(np.diff(middles), size[0, 2], atol=0.0015)
    crosses = count(found)["cross bar front"]
    assert crosses == (len(bars) if lacing == "double" else 0)
    assert count(found)["rivet a of a bar front"] == (len(bars) + 1) * (2 if lacing == "double" else 1)
    assert count(found)["rivet a of a crossing front"] == crosses


def test_battens_alone_leave_the_face_open_between_them() -> None:
    found = count(parts(PLAIN, lacing="battens"))
    assert found["batten front"] >= 3
    assert not any(name.startswith(("bar", "cross")) for name in found)


@pytest.mark.ci
@pytest.mark.parametrize("given", [PLAIN, FOUR])
@pytest.mark.parametrize("lacing", column.LACINGS)
def test_rivets_stand_on_steel(given: dict[str, object], lacing: str) -> None:
    """Under the middle of each head is another part: a batten, a bar, an angle or a channel."""
    found = parts(given, lacing=lacing)
    others = [part for name, part in found.items() if not name.startswith(("rivet", "washer", "nut", "tip"))]
    low = np.array([part.bounds[0] for part in others])
    high = np.array([part.bounds[1] for part in others])
    heads = [(name, part) for name, part in found.items() if name.startswith("rivet")]
    for name, head in heads[::7]:
        thin = int(np.ptp(head.bounds, axis=0).argmin())
        middle = head.bounds.mean(axis=0)
        reach = np.zeros(3)
        reach[thin] = 0.5 * np.ptp(head.bounds[:, thin]) + 0.001
        near = [
            one
            for sign in (-1, 1)
            for one in np.flatnonzero(((middle + sign * reach > low) & (middle + sign * reach < high)).all(axis=1))
            if others[one].contains([middle + sign * reach])[0]
        ]
        assert near, name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"form": "tube"}, "channels, box, angles"),
        ({"section": "L 80x8"}, "UPE 200"),
        ({"lacing": "rope"}, "single, double, battens"),
        ({"height_m": 0.1}, "0.8 to 20 m"),
        ({"width_m": 0.18}, r"at least 0\.220 m"),
        ({"height_m": 0.8, "width_m": 1.2, "form": "angles", "section": "L 70x7"}, "for its battens"),
    ],
)
def test_impossible_columns_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message) as refused:
        parts(PLAIN, **change)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.ci
def test_sampler_is_always_valid() -> None:
    forms = set()
    for seed in range(200):
        drawn = column.sample(np.random.default_rng(seed))
        forms.add((drawn["form"], drawn["lacing"]))
        if seed % 8 == 0:
            column.column(**drawn)
    assert len(forms) == 9
