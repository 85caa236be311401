"""Links of a chain: their proportions, that they grip and never pierce, and that a heap of them lies at rest."""

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import nnls
from scipy.spatial import cKDTree

from corrotwin.twin import assets
from corrotwin.twin.assets import chain, chain_link, chain_pile
from corrotwin.twin.assets.chain_link import Link
from corrotwin.twin.core.errors import InputError

Floats = NDArray[np.float64]
D = 0.03  # bar diameter of the chains here, m
PLAIN: dict[str, Any] = {
    "link": "studless",
    "diameter_mm": 1000 * D,
    "links": 6,
    "layout": "spanning",
    "tension_ratio": 1.0,
    "incline_degrees": 0.0,
    "wear_percent": 0.0,
    "shackles": False,
    "lay": 0,
}


def surface(patches: list[assets.Patch]) -> dict[str, tuple[Floats, Floats]]:
    """Points in bar diameters and their normals, of each solid, 0.08 d apart; not of faces within another solid."""
    parts: dict[str, list[tuple[Floats, Floats]]] = {}
    for patch in patches:
        if patch.zone == "covered":
            continue
        grid = patch.points / D
        for axis in (0, 1):
            grid = np.swapaxes(grid, 0, axis)
            longest = np.linalg.norm(np.diff(grid, axis=0), axis=2).max()
            count = max(1, int(np.ceil(longest / 0.08)))
            steps = (np.arange(count) / count)[None, :, None, None]
            fine = (1 - steps) * grid[:-1, None] + steps * grid[1:, None]
            grid = np.concatenate([fine.reshape(-1, *grid.shape[1:]), grid[-1:]])
            grid = np.swapaxes(grid, 0, axis)
        normal = np.cross(np.gradient(grid, axis=1), np.gradient(grid, axis=0))
        length = np.linalg.norm(normal, axis=2)
        whole = length > 1e-9
        parts.setdefault(patch.solid, []).append((grid[whole], normal[whole] / length[whole][:, None]))
    return {name: tuple(np.concatenate(lists) for lists in zip(*some, strict=True)) for name, some in parts.items()}


def touching(one: tuple[Floats, Floats], other: tuple[Floats, Floats], within: float) -> tuple[Floats, Floats, Floats]:
    """Points of one solid near another, their distance from its surface (negative inside), its normals there."""
    low, high = other[0].min(axis=0) - within, other[0].max(axis=0) + within
    near = one[0][((one[0] > low) & (one[0] < high)).all(axis=1)]
    if not len(near):
        return near, np.zeros(0), near
    away, index = cKDTree(other[0]).query(near, distance_upper_bound=0.6)
    found = np.isfinite(away)
    near, index = near[found], index[found]
    height = ((near - other[0][index]) * other[1][index]).sum(axis=1)
    return near[height < within], height[height < within], other[1][index][height < within]


def gap(one: tuple[Floats, Floats], other: tuple[Floats, Floats]) -> float:
    """Least distance between two solids, negative if they pierce; 9 if they are far apart."""
    return float(min(touching(a, b, 0.3)[1].min(initial=9.0) for a, b in ((one, other), (other, one))))


def assert_sound(parameters: dict[str, Any], tolerance: float) -> dict[str, tuple[Floats, Floats]]:
    """Every solid clear of every other, and successive links touching; tolerance in bar diameters."""
    solids = surface(chain.chain(**parameters)[0])
    links = [solids[f"link {number}"] for number in range(1, parameters["links"] + 1)]
    for i, one in enumerate(links):
        for j in range(i + 1, len(links)):
            between = gap(one, links[j])
            assert between > -0.01, (i, j)
            assert j > i + 1 or between < tolerance, (i, j)
    for name, part in solids.items():
        if name.startswith("stud"):
            own = int(name.split()[1]) - 1
            for j, other in enumerate(links):
                assert j == own or gap(part, other) > -0.01, (name, j)
    return solids


@pytest.mark.parametrize("link", ["stud", "studless"])
@pytest.mark.parametrize("wear", [0.0, pytest.param(4.0, marks=pytest.mark.slow), 15.0])
@pytest.mark.parametrize(
    ("layout", "tension", "incline"),
    [
        ("hanging", 1.0, 0.0),
        ("lying", 1.0, 0.0),
        ("spanning", 0.45, 0.0),
        ("spanning", 1.0, 30.0),
        ("spanning", 50.0, 60.0),
    ],
)
def test_links_touch_and_do_not_pierce(link: str, wear: float, layout: str, tension: float, incline: float) -> None:
    change = {"link": link, "layout": layout, "links": 3, "wear_percent": wear}
    # Scars at an angle meet at their lips, which are rounded off by a quarter of 0.7 times the wear.
    tolerance = 0.01 + 0.7 * wear / 100 / 4
    assert_sound(PLAIN | change | {"tension_ratio": tension, "incline_degrees": incline}, tolerance)


@pytest.mark.ci
@pytest.mark.parametrize(
    ("link", "wear", "lay"),
    [
        ("studless", 0.0, 1),
        pytest.param("stud", 0.0, 5, marks=pytest.mark.slow),
        pytest.param("studless", 9.0, 3, marks=pytest.mark.slow),
    ],
)
def test_heap_lies_at_rest(link: str, wear: float, lay: int) -> None:
    """Forces of contact with friction exist that hold every link; a link in the air would lack its whole weight."""
    change = {"link": link, "layout": "pile", "links": 7, "wear_percent": wear, "lay": lay}
    solids = assert_sound(PLAIN | change, 0.04)
    names = [name for name in solids if name.startswith("link")]
    body = {}
    for name in names:
        parts = [solids[part] for part in (name, name.replace("link", "stud")) if part in solids]
        body[name] = tuple(np.concatenate(pair) for pair in zip(*parts, strict=True))
    middle = {name: (body[name][0].min(axis=0) + body[name][0].max(axis=0)) / 2 for name in names}
    assert abs(min(points[:, 2].min() for points, _ in body.values())) < 0.01
    columns = []

    def hold(point: Floats, normal: Floats, up: int, down: int | None) -> None:
        side = np.cross(normal, [1.0, 0, 0] if abs(normal[0]) < 0.8 else [0, 1.0, 0])
        side /= np.linalg.norm(side)
        for slide in (side, -side, np.cross(normal, side), -np.cross(normal, side)):
            force, column = normal + 0.5 * slide, np.zeros((len(names), 6))
            for index, sign in ((up, 1), (down, -1)):
                if index is not None:
                    column[index] = sign * np.concatenate([force, np.cross(point - middle[names[index]], force)])
            columns.append(column.ravel())

    for i, one in enumerate(names):
        low = body[one][0][body[one][0][:, 2] < 0.02]
        for point in low[:: max(1, len(low) // 12)]:
            hold(point, np.array([0, 0, 1.0]), i, None)
        for j, other in enumerate(names):
            if i != j:
                points, height, normals = touching(body[one], body[other], 0.03)
                for k in np.argsort(height)[:: max(1, len(height) // 10)]:
                    hold(points[k], normals[k], i, j)
    weight = np.zeros((len(names), 6))
    weight[:, 2] = 1
    matrix = np.array(columns).T
    lacking = (matrix @ nnls(matrix, weight.ravel(), maxiter=50_000)[0]).reshape(-1, 6) - weight
    assert np.abs(lacking).max() < 0.1


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2, 3))])
def test_heap_stays_linked(seed: int) -> None:
    """Gauss's linking integral of every two centre lines: once for neighbours, none for others."""
    rng = np.random.default_rng(seed)
    link = Link(width=3.35, stud=False, wear=0.0)
    links = int(rng.integers(8, 15))
    centres, rotations = chain_pile.settle(link, links, seed)
    line = chain_link.centre_line(link, 60)
    points = np.einsum("nij,kj->nki", rotations, line) + centres[:, None]
    after = np.roll(points, -1, axis=1)
    middles, steps = (points + after) / 2, after - points
    for i in range(links):
        for j in range(i + 1, links):
            apart = middles[i][:, None] - middles[j][None]
            triple = (apart * np.cross(steps[i][:, None], steps[j][None])).sum(axis=2)
            number = (triple / np.linalg.norm(apart, axis=2) ** 3).sum() / (4 * np.pi)
            assert abs(number) == pytest.approx(float(j == i + 1), abs=0.1)
    assert chain_pile.linked(link, centres, rotations)
    assert not chain_pile.linked(link, centres + np.arange(links)[:, None] * [0, 0, 9.0], rotations)


@pytest.mark.parametrize(("link", "width"), [("stud", 3.6), ("studless", 3.35)])
def test_link_is_in_proportion(link: str, width: float) -> None:
    parameters = PLAIN | {"link": link, "diameter_mm": 50.0, "links": 1}
    asset = assets.build("chain", parameters, texel_mm=10.0)
    size = np.sort(np.ptp(asset.vertices, axis=0)) / 0.05
    np.testing.assert_allclose(size, [1.04, width + 0.02, 6], rtol=5e-3)  # 4 % of upset metal at the weld
    if link == "studless":  # the bar's section times the length of its centre line
        exact = np.pi / 4 * (4 * (2.5 - (width - 1) / 2) + np.pi * (width - 1)) * 0.05**3
        assert assets.mesh(asset).volume == pytest.approx(exact, rel=0.01)


@settings(max_examples=12)
@given(wear=st.floats(0.001, 15), name=st.sampled_from(["stud", "studless"]))
def test_wear_takes_its_share_of_the_bar(wear: float, name: str) -> None:
    link = Link(width=chain_link.WIDTH[name], stud=False, wear=wear / 100)
    contact = [patch for patch in chain_link.link_solids(link, 1.0) if patch.zone == "contact"]
    crown = [patch for patch in chain_link.link_solids(link, 1.0) if patch.zone == "crown"]
    assert len(contact) == 2
    for patch in contact:
        left = 3 - np.abs(patch.points[*(size // 2 for size in patch.points.shape[:2]), 0])  # in the middle of the grip
        assert left == pytest.approx(1 - wear / 100, abs=1e-6)
        assert patch.thickness_mm == pytest.approx(1000 * (1 - wear / 100))
    for patch in crown:  # the scar lies within the contact zone, all but its lip
        away = np.linalg.norm(patch.points - chain_link.nearest(link, patch.points), axis=2)
        assert away.min() > 0.5 - 0.03


@pytest.mark.parametrize("layout", ["hanging", "lying", "spanning"])
def test_worn_chain_is_longer(layout: str) -> None:
    """Each link sinks into the next by twice what one has lost."""
    new = PLAIN | {"layout": layout, "links": 5, "tension_ratio": 1000.0}
    lengths = []
    for wear in (0.0, 10.0):
        points = np.concatenate([p.points.reshape(-1, 3) for p in chain.chain(**new | {"wear_percent": wear})[0]])
        lengths.append(np.ptp(points, axis=0).max() / D)
    assert lengths[1] - lengths[0] == pytest.approx(4 * 0.2, abs=0.01)


@pytest.mark.parametrize(("links", "tension", "incline"), [(9, 0.5, 0.0), (8, 2.0, 40.0), (14, 20.0, 60.0)])
def test_spanning_chain_follows_its_catenary(links: int, tension: float, incline: float) -> None:
    """Between two joints the vertical force changes by a link's weight, the horizontal force not at all."""
    patches, _ = chain.chain(**PLAIN | {"links": links, "tension_ratio": tension, "incline_degrees": incline})
    axes, ends = [], []
    for number in range(1, links + 1):
        grips = [p.points for p in patches if p.solid == f"link {number}" and p.zone == "contact"]
        ends += [*(grip[tuple(size // 2 for size in grip.shape[:2])] for grip in grips[::-1])]
        axes.append(ends[-1] - ends[-2])
    slope = np.array(axes)[:, 2] / np.array(axes)[:, 0]
    np.testing.assert_allclose(np.diff(slope), 1 / (links * tension), rtol=1e-6)
    line = ends[-1] - ends[0]
    assert np.degrees(np.arctan2(line[2], line[0])) == pytest.approx(incline, abs=2.0)
    if incline == 0:
        assert np.abs(slope + slope[::-1]).max() < 0.2


@pytest.mark.parametrize(("layout", "wear"), [("hanging", 12.0), ("spanning", 0.0)])
def test_shackles_hold_the_ends(layout: str, wear: float) -> None:
    change = {"layout": layout, "shackles": True, "wear_percent": wear, "links": 5, "link": "stud"}
    solids = surface(chain.chain(**PLAIN | change)[0])
    for bow, link in (("bow first", "link 1"), *((("bow last", "link 5"),) if layout == "spanning" else ())):
        assert -0.01 < gap(solids[bow], solids[link]) < 0.01
        assert gap(solids[bow], solids[link.replace("link", "stud")]) > 0.1
    for part in (name for name in solids if name.startswith(("eye", "pin"))):
        for link in (name for name in solids if name.startswith("link")):
            assert gap(solids[part], solids[link]) > 0.1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layout": "coiled"}, "hanging, spanning, lying, pile"),
        ({"links": 41, "layout": "pile"}, "pile chain links 41: give a whole number from 1 to 40"),
        ({"links": 2.5}, "links 2.5: give a whole number from 1 to 200"),
        ({"wear_percent": 15.1}, "0 to 15 %"),
        ({"wear_percent": float("nan")}, "0 to 15 %"),
        ({"tension_ratio": 0.0}, "0.2 to 1000"),
        ({"tension_ratio": 0.2, "links": 2}, "more links or more tension"),
        ({"incline_degrees": -1.0}, "0 to 60"),
        ({"lay": -1}, "whole number"),
        ({"shackles": True, "layout": "pile"}, "only hanging and spanning chains"),
    ],
)
def test_impossible_chains_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        chain.chain(**PLAIN | change)


@cache
def layouts() -> set[str]:
    return {assets.sample("chain", np.random.default_rng(seed))["layout"] for seed in range(40)}


def test_sampler_draws_every_layout() -> None:
    assert layouts() == set(chain.LAYOUTS)
