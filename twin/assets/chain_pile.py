"""Pose of a dropped chain: links that fall on the ground and on each other until they rest.

The links start as a loose, folded chain in the air and move down the gradient of their height and of springs that
keep bars apart (quasi-static, without friction but with drag against where a stage began). The springs stiffen from
stage to stage; where the links come to rest, the forces of contact carry each of them. Lengths are in bar diameters,
forces in the weight of a link.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin.assets import chain_link
from corrotwin.twin.assets.chain_link import Link
from corrotwin.twin.geometry.atlas import Floats

Indices = NDArray[np.intp]
Pose = tuple[Floats, Floats]  # centres (n, 3) and rotations (n, 3, 3)

APART = 0.005  # springs act up to this gap, so that bars do not pierce each other when they rest on them
# Stiffness of the springs, drag, iterations, and the gap up to which bars are watched.
FALL = ((20.0, 0.3, 40, 3.0), (20.0, 0.05, 60, 2.0), (60.0, 0.02, 60, 1.5), (200.0, 0.01, 100, 1.0))
REST = (800.0, 0.005, 80, 0.4)
LIFT = (800.0, 0.0, 60, 0.4)  # without weight: what still pierces moves apart
ROUNDS = 8  # most rounds of rest; they end when links sink by less than 1/200 diameter each
TRIES = 12  # folds from one seed, in case links end up within each other or unlinked
LONGEST = 0.2  # longest step: too short for a bar to pass through another
LEVER = 1.5  # a radian moves a link's bar about this far


@dataclass(frozen=True, kw_only=True, eq=False)
class _Near:
    """Points of links i that are near the bars of links j.

    `i`, `j` are (n,); `points` (n, 3) in the frames of links i; springs act closer than `reach`, (n,), which counts
    from the centre line of j's bar, or from its surface if `worn`.
    """

    i: Indices
    j: Indices
    points: Floats
    reach: Floats
    worn: bool


def settle(link: Link, links: int, lay: int) -> tuple[Floats, Floats]:
    """Return centres, (links, 3), and rotations, (links, 3, 3), of a chain that lies in a pile on z = 0.

    Parameters
    ----------
    link : shape of its links.
    lay : random seed of the folds.

    Raises
    ------
    RuntimeError
        No fold of this seed came to rest.
    """
    new = replace(link, wear=0.0)
    for number in range(TRIES):
        pose = _folded(links, np.random.default_rng([lay, number]))
        for stage in FALL:
            pose, _ = _relax(new, pose, stage)
        pose = _rest(new, pose)
        if link.wear > 0:  # the scars open gaps, and the links sink into them
            pose = _rest(link, pose)
        pose, strain = _relax(link, pose, LIFT, weight=0.0)
        if strain < 1e-3 and linked(link, *pose):
            return pose
    raise RuntimeError(f"chain pile of {links} links, lay {lay}: none of {TRIES} folds came to rest")


def linked(link: Link, centres: Floats, rotations: Floats) -> bool:
    """Return True if each link passes through the next one exactly once and through no other."""
    line = chain_link.centre_line(link, 72)
    points = np.einsum("nij,kj->nki", rotations, line) + centres[:, None]
    for number in range(len(centres)):
        local = (points - centres[number]) @ rotations[number]
        after = np.roll(local, -1, axis=1)
        share = local[..., 2:] / np.where(local[..., 2:] == after[..., 2:], 1.0, local[..., 2:] - after[..., 2:])
        cut = local + share * (after - local)
        end = np.clip(cut[..., 0], -link.straight, link.straight)
        within = np.hypot(cut[..., 0] - end, cut[..., 1]) < link.bend
        through = np.sign(after[..., 2]) - np.sign(local[..., 2])
        crossings = np.abs((through / 2 * within).sum(axis=1))
        expected = np.abs(np.arange(len(centres)) - number) == 1
        crossings[number] = 0
        if not (crossings == expected).all():
            return False
    return True


def _folded(links: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return a slack chain in the air that turns to and fro about a spot, each turn above the previous one."""
    heading = rng.uniform(0, 2 * np.pi)
    side, left = rng.choice([-1, 1]), rng.integers(3, 7)
    place = np.zeros(3)
    centres, rotations = [], []
    before = np.zeros(3)
    for number in range(links):
        along = np.array([np.cos(heading), np.sin(heading), 0.15])
        along /= np.linalg.norm(along)
        place = place + 1.9 * (before + along) * (number > 0)
        before = along
        across = np.cross([0.0, 0.0, 1.0], along)
        across /= np.linalg.norm(across)
        upright = np.cross(along, across)
        second = (upright + across if number % 2 == 0 else upright - across) / np.sqrt(2)
        centres.append(place)
        rotations.append(np.column_stack([along, second, np.cross(along, second)]))
        left -= 1
        if left == 0:
            side, left = -side, rng.integers(3, 7)
        home = np.mean(centres, axis=0) - place
        if np.hypot(*home[:2]) > 3.5:
            side = 1 if along[0] * home[1] > along[1] * home[0] else -1
        heading += side * np.radians(rng.uniform(35, 70))
    stack = np.array(centres)
    stack[:, 2] += 2.5 - stack[:, 2].min()
    return stack, np.array(rotations)


def _turns(vectors: Floats) -> tuple[Floats, Floats]:
    """Return rotations by rotation vectors, (n, 3), and matrices that turn a change of the vector into a rotation."""
    angle = np.maximum(np.linalg.norm(vectors, axis=1), 1e-6)[:, None, None]
    x, y, z = vectors.T
    zero = np.zeros_like(x)
    skew = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=1).reshape(-1, 3, 3)
    square = skew @ skew
    turn = np.eye(3) + np.sin(angle) / angle * skew + (1 - np.cos(angle)) / angle**2 * square
    rate = np.eye(3) + (1 - np.cos(angle)) / angle**2 * skew + (angle - np.sin(angle)) / angle**3 * square
    return turn, rate


def _rest(link: Link, pose: Pose) -> Pose:
    before = np.inf
    for _ in range(ROUNDS):
        pose, energy = _relax(link, pose, REST)
        if before - energy < 0.005 * len(pose[0]):
            break
        before = energy
    return pose


def _watched(link: Link, pose: Pose, margin: float) -> list[_Near]:
    """List the points that may touch: bars and bars, scars of neighbours, studs and bars."""
    centres, rotations = pose
    first, second = np.triu_indices(len(centres), 1)
    both = np.concatenate([first, second]), np.concatenate([second, first])
    line = chain_link.centre_line(link, 72)
    groups = [((first, second), line, chain_link.bar_radius(line), False)]
    if link.wear > 0:
        next_to = np.abs(both[0] - both[1]) == 1
        inside = chain_link.grips(link)
        groups.append(((both[0][next_to], both[1][next_to]), inside, np.zeros(len(inside)), True))
    if link.stud:
        groups.append((both, *chain_link.stud_points(link), False))
    near = []
    for (i, j), points, radius, worn in groups:
        close = np.linalg.norm(centres[i] - centres[j], axis=1) < 6 + margin
        pair_i, pair_j = i[close], j[close]
        world = np.einsum("mab,kb->mka", rotations[pair_i], points) + (centres[pair_i] - centres[pair_j])[:, None]
        local = np.einsum("mba,mkb->mka", rotations[pair_j], world)
        gap = np.linalg.norm(local - chain_link.nearest(link, local), axis=2) - 0.5 - radius
        pair, point = np.nonzero(gap < margin)
        reach = radius[point] + (1.6 * APART if worn else APART)  # a scar's points are farther apart
        near.append(_Near(i=pair_i[pair], j=pair_j[pair], points=points[point], reach=reach, worn=worn))
    return near


def _relax(link: Link, pose: Pose, stage: tuple[float, float, int, float], weight: float = 1.0) -> tuple[Pose, float]:
    """Return the pose after some iterations down the energy, and the energy."""
    stiffness, drag, iterations, margin = stage
    centres, rotations = pose
    count = len(centres)
    line = chain_link.centre_line(link, 72)
    radius = chain_link.bar_radius(line)
    near = _watched(link, pose, margin)

    def energy(step: Floats) -> tuple[float, Floats]:
        shift, spin = step[: 3 * count].reshape(-1, 3), step[3 * count :].reshape(-1, 3) / LEVER
        turn, rate = _turns(spin)
        turned, moved = turn @ rotations, centres + shift
        force, torque = -drag * shift, np.zeros_like(shift)
        force[:, 2] -= weight
        total = weight * moved[:, 2].sum() + drag / 2 * (shift**2).sum()

        def push(who: Indices, arm: Floats, strength: Floats) -> None:
            for axis in range(3):
                second, third = (axis + 1) % 3, (axis + 2) % 3
                turning = arm[:, second] * strength[:, third] - arm[:, third] * strength[:, second]
                torque[:, axis] += np.bincount(who, turning, count)
                force[:, axis] += np.bincount(who, strength[:, axis], count)

        bar = np.einsum("nab,kb->nka", turned, line)
        sunk = radius - bar[..., 2] - moved[:, None, 2]
        who, where = np.nonzero(sunk > 0)
        total += stiffness / 2 * (sunk[who, where] ** 2).sum()
        push(who, bar[who, where], stiffness * sunk[who, where, None] * [0.0, 0.0, 1.0])
        for group in near:
            arm = np.einsum("mab,mb->ma", turned[group.i], group.points)
            other_arm = arm + moved[group.i] - moved[group.j]
            local = np.einsum("mba,mb->ma", turned[group.j], other_arm)
            depth, way = _depth(link, group, local, turned)
            deep = np.flatnonzero(depth > 0)
            share = stiffness * (0.3 if group.worn else 1.0)  # a scar touches at many points
            total += share / 2 * (depth[deep] ** 2).sum()
            pull = np.einsum("mab,mb->ma", turned[group.j[deep]], way[deep]) * (share * depth[deep, None])
            push(group.i[deep], arm[deep], pull)
            push(group.j[deep], other_arm[deep], -pull)
        spun = np.einsum("nba,nb->na", rate, torque) / LEVER
        return float(total), -np.concatenate([force.ravel(), spun.ravel()])

    step, total = _descend(energy, 6 * count, iterations)
    shift, spin = step[: 3 * count].reshape(-1, 3), step[3 * count :].reshape(-1, 3) / LEVER
    return (centres + shift, _turns(spin)[0] @ rotations), total


def _descend(energy: Callable[[Floats], tuple[float, Floats]], size: int, iterations: int) -> tuple[Floats, float]:
    """Minimise by L-BFGS from zero in short steps; restart at the kinks that springs make as they come and go."""
    place = np.zeros(size)
    value, slope = energy(place)
    past: deque[tuple[Floats, Floats]] = deque(maxlen=12)
    for _ in range(iterations):
        way = slope.copy()
        shares = []
        for step, change in reversed(past):
            shares.append(step @ way / (step @ change))
            way -= shares[-1] * change
        if past:
            way *= (past[-1][0] @ past[-1][1]) / (past[-1][1] @ past[-1][1])
        for (step, change), share in zip(past, reversed(shares), strict=True):
            way += (share - change @ way / (step @ change)) * step
        length = min(1.0 if past else np.inf, LONGEST / max(np.abs(way).max(), 1e-12))
        for _ in range(12):
            new_value, new_slope = energy(place - length * way)
            if new_value <= value - 1e-4 * length * (way @ slope):
                break
            length /= 3
        else:
            if not past:
                break
            past.clear()
            continue
        step, change = -length * way, new_slope - slope
        place, value, slope = place + step, new_value, new_slope
        if step @ change > 1e-9 * (change @ change):
            past.append((step, change))
    return place, value


def _depth(link: Link, group: _Near, local: Floats, turned: Floats) -> tuple[Floats, Floats]:
    """Return how far springs are compressed, (n,), at points in the frames of links j, and their direction, (n, 3)."""
    if group.worn:
        gap, way = chain_link.outside(link, local)
        return group.reach - gap, way
    foot = chain_link.nearest(link, local)
    way = local - foot
    gap = np.maximum(np.linalg.norm(way, axis=1), 1e-9)
    way = way / gap[:, None]
    depth = group.reach + chain_link.bar_radius(foot) - gap
    if link.wear > 0:
        # Where neighbours meet on the inside of a crown, its scar decides.
        deep = np.flatnonzero((depth > 0) & (np.abs(group.i - group.j) == 1))
        back = np.einsum("mab,mb->ma", turned[group.j[deep]], -way[deep])
        back = np.einsum("mba,mb->ma", turned[group.i[deep]], back)
        inside = _inside(link, group.points[deep], back) | _inside(link, foot[deep], way[deep])
        depth[deep[inside]] = 0
    return depth, way


def _inside(link: Link, foot: Floats, way: Floats) -> NDArray[np.bool_]:
    """Return which directions, (n, 3), from points of the centre line, (n, 3), lead to the inside of a crown."""
    end = np.sign(foot[:, 0]) * link.straight
    outward = np.column_stack([foot[:, 0] - end, foot[:, 1]]) / link.bend
    crown = (np.abs(foot[:, 0]) > link.straight) & (outward[:, 0] * end > link.straight * np.cos(np.radians(70)))
    return np.asarray(crown & ((way[:, :2] * outward).sum(axis=1) < -np.cos(np.radians(82))))
