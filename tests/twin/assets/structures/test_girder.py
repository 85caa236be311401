"""Built-up girders: their steel by hand, rivets by arithmetic, seams that pack rust opens, a dented flange."""

import re
from collections import Counter

import numpy as np
import pytest
import trimesh

from corrotwin.twin import assets
from corrotwin.twin.assets.structures import girder
from corrotwin.twin.core.errors import InputError

PLAIN = {
    "length_m": 2.0, "depth_m": 0.6, "flange": "L 100x10", "web_mm": 10.0, "covers": 1, "cover_mm": 12.0,
    "pitch_mm": 100.0, "stiffeners": 0,
}  # fmt: skip
L_100 = 19.2e-4  # area of an angle of 100 x 10 mm, m² (EN 10056-1)
RIVET = 0.022


def parts(**change: object) -> dict[str, trimesh.Trimesh]:
    asset = assets.build("girder", {**PLAIN, **change}, texel_mm=60.0)
    return {
        name: trimesh.Trimesh(asset.vertices, asset.faces[asset.face_solid == index], process=True)
        for index, name in enumerate(asset.solid_names)
    }


def kinds(found: dict[str, trimesh.Trimesh]) -> Counter[str]:
    return Counter(re.sub(" [0-9]+", "", name) for name in found)


@pytest.mark.parametrize("covers", [0, 1, 2])
def test_steel_is_that_of_its_plates_and_angles(covers: int) -> None:
    found = parts(covers=covers)
    web = (0.6 - 2 * girder.SHORT) * 0.010 * 2.0
    wide = 0.010 + 2 * (0.100 + 0.012)
    second = np.ptp(found["upper cover 2"].bounds[:, 0]) if covers == 2 else 0.0
    plates = 2 * wide * 0.012 * (min(covers, 1) * 2.0 + second)
    steel = sum(part.volume for name, part in found.items() if not name.startswith("rivet"))
    assert steel == pytest.approx(web + 4 * L_100 * 2.0 + plates, rel=0.004)
    assert np.ptp(found["web"].bounds[:, 2]) == pytest.approx(0.6 - 2 * girder.SHORT)


def test_rivets_are_as_many_as_the_pitch_gives() -> None:
    """19 fit in 2 m with two diameters at each end: (2 - 4 x 0.022) / 0.1 = 19.1 pitches, so 20; 19 between them."""
    found = kinds(parts())
    assert found["rivet a of the upper flange"] == found["rivet b of the lower flange"] == 2 * 20
    assert found["rivet a of the web"] == found["rivet b of the web"] == 2 * 19
    x = sorted(
        {round(float(part.bounds.mean(axis=0)[0]), 6) for name, part in parts().items() if "a of the upper" in name}
    )
    np.testing.assert_allclose(np.diff(x), 0.1, atol=2e-6)
    assert x[0] - (-1.0) >= 2 * RIVET - 1e-6  # usual practice: an edge distance of at least 1.5 diameters


def test_rivets_of_a_girder_without_covers_are_those_of_its_web() -> None:
    assert {name for name in kinds(parts(covers=0)) if name.startswith("rivet")} == {
        "rivet a of the web", "rivet b of the web"
    }  # fmt: skip


def test_stiffeners_stand_in_pairs_on_fillers_between_the_flanges() -> None:
    found = parts(stiffeners=3)
    count = kinds(found)
    assert count["stiffener front"] == count["stiffener rear"] == count["filler front"] == 3
    post, angle = found["stiffener front 1"].bounds, found["lower angle front"].bounds
    assert post[0, 2] > angle[0, 2] + 0.010
    web = found["web"].bounds
    assert found["filler front 1"].bounds[1, 1] == pytest.approx(web[0, 1])  # against the web
    assert post[1, 1] == pytest.approx(web[0, 1] - 0.010)  # and the angle against filler and flange angles
    outstanding = [found[f"stiffener {side} 2"].bounds for side in ("front", "rear")]
    np.testing.assert_allclose(outstanding[0][:, 0], outstanding[1][:, 0], atol=1e-9)


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_pack_rust_opens_the_seam_between_rivets_and_not_at_them(side: float) -> None:
    """At the edge of the plate, by its own vertices: at most the parameter midway between rivets, and 0 at them."""
    found = parts(pack_rust_mm=10.0)
    level = found["upper angle rear"].bounds[1, 2]
    plate = found["upper cover 1"].vertices
    edge = plate[(plate[:, 1] * side > 0.117 - 0.003) & (plate[:, 1] * side < 0.117 + 1e-6)]
    rivets = (np.arange(20) - 9.5) * 0.1

    def under(x: float) -> float:
        """Level of the lowest vertex of the edge at x over the angle, metres."""
        return float(edge[np.abs(edge[:, 0] - x) < 1e-5, 2].min() - level)

    np.testing.assert_allclose([under(x) for x in rivets], 0, atol=1e-6)
    between = np.array([under(x) for x in rivets[:-1] + 0.05])
    assert between.max() == pytest.approx(0.010, rel=0.1)  # the rounded arris lies 1.5 mm inside of the edge
    assert (between > 0.5 * 0.010).all()
    assert np.ptp(plate[:, 2]) == pytest.approx(0.012 + 0.010, abs=1e-3)


def test_a_seam_stays_shut_at_the_heads_of_its_rivets() -> None:
    asset = assets.build("girder", {**PLAIN, "pack_rust_mm": 10.0}, texel_mm=60.0)
    plate = asset.vertices[np.unique(asset.faces[asset.face_solid == asset.solid_names.index("upper cover 1")])]
    head = np.abs(plate[:, 1]) < 0.005 + 0.055 + 0.8 * RIVET + 1e-6  # the heads are 1.6 diameters wide
    assert np.ptp(plate[head, 2]) == pytest.approx(0.012)


def test_opened_seams_are_crevices() -> None:
    asset = assets.build("girder", {**PLAIN, "pack_rust_mm": 10.0}, texel_mm=30.0)
    sound = assets.build("girder", PLAIN, texel_mm=30.0)

    def area(one: assets.AssetGeometry, zone: str) -> float:
        return float(assets.mesh(one).area_faces[one.face_zone == one.zone_names.index(zone)].sum())

    assert area(asset, "crevice") > 1.5 * area(sound, "crevice")
    assert area(asset, "covered") < area(sound, "covered")


def test_dent_bends_the_front_edge_of_the_lower_flange_alone() -> None:
    sound, dented = parts(), parts(dent_mm=40.0)
    for name, part in sound.items():
        moved = np.abs(dented[name].bounds - part.bounds).max()
        if "lower" not in name or "rear" in name:
            assert moved < 1e-9, name
    cover = dented["lower cover 1"]
    lifted = cover.vertices[:, 2] - sound["lower cover 1"].vertices[:, 2].min()
    edge = cover.vertices[:, 1] < -0.115
    assert lifted[edge & (np.abs(cover.vertices[:, 0]) < 1e-6)].min() == pytest.approx(0.040, rel=0.03)
    assert lifted[np.abs(cover.vertices[:, 0]) > 0.31].max() < 0.0125  # its own thickness
    assert lifted[cover.vertices[:, 1] > 0].max() < 0.0125


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"flange": "L 20x3"}, "L 100x10"),
        ({"length_m": 0.1}, "0.6 to 20 m"),
        ({"depth_m": 0.3, "flange": "L 120x12"}, "three legs"),
        ({"covers": 3}, "0 to 2"),
        ({"pitch_mm": 30.0}, "66 to 220 mm"),
        ({"pack_rust_mm": 5.0, "covers": 0}, "without cover plates"),
        ({"pack_rust_mm": 50.0}, "0 to 20 mm"),
        ({"stiffeners": 40}, r"0\.3 m for each"),
        ({"dent_mm": 500.0}, "0 to 60 mm"),
    ],
)
def test_impossible_girders_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message) as refused:
        parts(**change)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.ci
def test_sampler_is_always_valid() -> None:
    packed = 0
    for seed in range(200):
        given = girder.sample(np.random.default_rng(seed))
        girder.girder(**given)
        packed += given["pack_rust_mm"] > 0
    assert 40 < packed < 160
