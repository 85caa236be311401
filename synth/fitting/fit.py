"""Fit a preset to a few labelled photographs: measure them, render widely, keep what looks similar, then search."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from corrotwin.segmentation.models.features import FeatureExtractor
from corrotwin.synth.fitting import appearance, designs, distance, parameters, pool
from corrotwin.synth.fitting.appearance import Shot
from corrotwin.synth.fitting.distance import PictureFeatures
from corrotwin.synth.fitting.parameters import SCENE, rounded
from corrotwin.synth.fitting.photographs import Photographs
from corrotwin.synth.fitting.pool import Order, Render
from corrotwin.synth.labels import masks
from corrotwin.synth.presets.schema import LabelRule, Preset, Range
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import writing
from corrotwin.twin.core.locks import hold

KIND = "fit"
DESIGNS, OF_DESIGN = 96, 2  # presets drawn from the full ranges, and renders of each: two views of one scene
OF_VARIANT = 20  # renders of each preset of the search
OF_FINAL = 24  # renders of each preset at the end
FEWEST_MASKS = 3  # least masks that are not empty, for a label rule to be compared
# Factors that are tried on fields of the first preset, and values that are tried in the label rule.
SEARCHED: Mapping[str, tuple[float, ...]] = {
    "rust_tone": (0.7, 1.4), "framing": (0.75, 1.33), "rusted": (0.7, 1.4), "defects": (0.6, 1.6),
}  # fmt: skip
RULES: Mapping[str, tuple[float, ...]] = {
    "closing_radius": (0.0, 0.008, 0.016, 0.03),
    "smallest_region": (0.00005, 0.0002, 0.0005, 0.001, 0.002, 0.004),
    "stain": (1.0, 0.7, 0.4),
}
MOST_RUSTED = 0.9
SPLITS = 10  # random splits of the photographs into halves
# Other changes that are tried on the first preset, since features of pictures hardly depend on these fields alone.
OTHERS: Mapping[str, Mapping[str, Any]] = {
    "no bleeding": {"bleeding": (0.0, 0.0)},
    "mostly flash": {"flash_share": 0.65, "sun_share": 0.1},
    "mostly sun": {"flash_share": 0.0, "sun_share": 0.6},
}
LEAST_GAIN = 0.05  # a change is kept if it reduces the distance by this share at least: a few pictures differ by chance
START, OF_BASE = "first estimate", "scenes of the base preset"


@dataclass(frozen=True, kw_only=True, eq=False)
class Fit:
    """A fitted preset, the distances of its renders and the base's from the photographs, by region, and both renders.

    `halves` holds the distances between two halves of the photographs, which are due to chance. `tried` lists the
    presets of the search, each with its distance as a share of the base's.
    """

    preset: Preset
    base: Preset
    photos: Photographs
    before: Mapping[str, float]
    after: Mapping[str, float]
    halves: Mapping[str, float]
    shots_before: tuple[Shot, ...]
    shots_after: tuple[Shot, ...]
    tried: tuple[tuple[str, float], ...]

    @property
    def relative(self) -> float:
        """The distance after the fit as a share of that before; see `distance.relative`."""
        return distance.relative(self.after, self.before)


def fit(photos: Photographs, base: Preset, work: Path, *, seed: int, workers: int | None = None) -> Fit:
    """Fit a preset to photographs; renders are kept in `work`, from which the same call resumes.

    Parameters
    ----------
    base : preset that the fit starts from; it is returned if no other is nearer to the photographs.
    work : folder of renders, locked meanwhile.
    seed : seed of the scenes, cameras and splits.
    workers : Blender processes at a time; None: one per core.

    Raises
    ------
    InputError
        `work` belongs to another fit, or the base shows no rust or is a time-lapse.
    WorkError
        Renders failed.
    """
    settings = {"photos": photos.digest, "base": base.name, "changes": json.dumps(base.changes()), "seed": seed}
    if base.clean_every == 1 or base.timelapse:
        raise InputError(
            f"`preset` {base.name}: shows no rust or is a time-lapse; start from another, such as balanced"
        )
    work = work.resolve()  # workers run in folders of their own
    with writing(work), hold(work, KIND, settings):
        return _Fitting(photos, base, work, seed, workers).run()


class _Fitting:
    """State that all steps of one fit share. The number of a step determines the seed of its scenes."""

    def __init__(self, photos: Photographs, base: Preset, work: Path, seed: int, workers: int | None) -> None:
        self.photos, self.base, self.work, self.seed, self.workers = photos, base, work, seed, workers
        self.extractor = FeatureExtractor()
        self.seen = distance.see(photos.labelled, self.extractor)
        self.tried: list[tuple[str, float]] = []

    def run(self) -> Fit:
        fitted = self._finals(*self._search(self._first()))
        before, after = (
            self._shots(preset, renders, 3)
            for preset, renders in zip(
                (self.base, fitted), self._renders("shown", (self.base, fitted), OF_FINAL, 3), strict=True
            )
        )
        return Fit(
            preset=fitted, base=self.base, photos=self.photos, before=self._far(before), after=self._far(after),
            halves=self._halves(), shots_before=tuple(before), shots_after=tuple(after), tried=tuple(self.tried),
        )  # fmt: skip

    def _first(self) -> Preset:
        """Return the preset that `designs.preset_of` takes from widely drawn designs."""
        rng = np.random.default_rng([self.seed, 0])
        paints = self.photos.paints or self.base.paints
        drawn = [parameters.draw_design(self.base, self.photos.shares, paints, rng) for _ in range(DESIGNS)]
        orders = [
            Order(
                inside=self.work / "designs", number=number, preset=design.preset, seed=self._scenes(0, number),
                count=OF_DESIGN,
            )
            for number, design in enumerate(drawn)
        ]  # fmt: skip
        rendered = pool.render(orders, label="designs", workers=self.workers)
        developed = designs.developed(drawn, rendered, self.base, rng)
        return designs.preset_of(developed, self.photos, self.base, self.extractor)

    def _search(self, start: Preset) -> tuple[Preset, Preset]:
        """Return the start with the annotators' label rule, without and with the changes that bring it nearer."""
        variants = {START: start}
        for name, factors in SEARCHED.items():
            variants |= {f"{name} x {factor:g}": _scaled(start, name, factor) for factor in factors}
        variants |= {name: replace(start, **changes) for name, changes in OTHERS.items()}
        base, *renders = self._renders("search", (self.base, *variants.values()), OF_VARIANT, 1)
        labels = self._rule(start.labels, renders[0])
        base_distances = self._far(self._shots(self.base, base, 1))
        distances = {
            name: distance.relative(
                self._far(self._shots(replace(preset, labels=labels), preset_renders, 1)), base_distances
            )
            for (name, preset), preset_renders in zip(variants.items(), renders, strict=True)
        }
        self.tried += distances.items()
        result = first = replace(start, labels=labels)
        for name, factors in SEARCHED.items():
            best = min(factors, key=lambda factor: distances[f"{name} x {factor:g}"])
            if distances[f"{name} x {best:g}"] < (1 - LEAST_GAIN) * distances[START]:
                result = _scaled(result, name, best)
        for name in sorted(OTHERS, key=lambda name: -distances[name]):  # the nearest last: of two lights it decides
            if distances[name] < (1 - LEAST_GAIN) * distances[START]:
                result = replace(result, **OTHERS[name])
        return first, result

    def _finals(self, first: Preset, best: Preset) -> Preset:
        """Return the preset nearest to the photographs among all candidates and the base."""
        adapted_base = replace(
            self.base, sensor=best.sensor, paints=best.paints, labels=best.labels, marker_share=best.marker_share
        )
        presets = {
            "search result": best,
            "search result, wider": self._wider(best),
            START: first,
            OF_BASE: adapted_base,
        }
        base, *renders = self._renders("finals", (self.base, *presets.values()), OF_FINAL, 2)
        base_distances = self._far(self._shots(self.base, base, 2))
        distances = {
            name: distance.relative(self._far(self._shots(preset, preset_renders, 2)), base_distances)
            for (name, preset), preset_renders in zip(presets.items(), renders, strict=True)
        }
        self.tried += [(f"{name}, other scenes", share) for name, share in distances.items()]
        nearest = min(distances, key=lambda name: distances[name])
        return presets[nearest] if distances[nearest] < 1 else self.base

    def _wider(self, found: Preset) -> Preset:
        """Return a preset with its ranges of scenes widened to include the middle of the base's."""
        changes: dict[str, Range] = {}
        for name in (*SCENE, "rusted"):
            (low, high), base_ends = getattr(found, name), getattr(self.base, name)
            middle = sum(base_ends) / 2
            changes[name] = (rounded(min(low, middle)), rounded(max(high, middle)))
        return replace(found, **changes)  # type: ignore[arg-type]

    def _rule(self, start: LabelRule, renders: Sequence[Render]) -> LabelRule:
        """Return the label rule whose masks of the renders have shapes most like those of the photographs."""
        best_rule, least = start, self._unlike(start, renders)
        for _ in range(2):
            for name, values in RULES.items():
                for value in values:
                    rule = replace(best_rule, **{name: value})  # type: ignore[arg-type]
                    difference = self._unlike(rule, renders)
                    if difference < least:
                        best_rule, least = rule, difference
        return best_rule

    def _unlike(self, rule: LabelRule, renders: Sequence[Render]) -> float:
        """Return the difference in shape, not in share, between a rule's masks and those of the photographs."""
        all_habits = [
            appearance.habits(mask) for render in renders if (mask := masks.annotated(render.label, rule)).any()
        ]
        if len(all_habits) < FEWEST_MASKS:
            return np.inf
        ours, theirs = np.array(all_habits)[:, 1:], self.seen.habits[:, 1:]
        return float((((ours.mean(axis=0) - theirs.mean(axis=0)) / (theirs.std(axis=0) + 0.05)) ** 2).mean())

    def _far(self, shots: Sequence[Shot]) -> dict[str, float]:
        return distance.by_region(distance.see(shots, self.extractor), self.seen)

    def _halves(self) -> dict[str, float]:
        distances: list[dict[str, float]] = []
        for split in range(SPLITS):
            order = np.random.default_rng([self.seed, 1, split]).permutation(len(self.seen.features))
            first, second = (
                PictureFeatures(features=self.seen.features[places], habits=self.seen.habits[places])
                for places in (order[::2], order[1::2])
            )
            distances.append(distance.by_region(first, second, scale=self.seen))
        return {name: float(np.mean([split_distances[name] for split_distances in distances])) for name in distances[0]}

    def _shots(self, preset: Preset, renders: Sequence[Render], step: int) -> list[Shot]:
        return [
            render.shot(preset.sensor, preset.labels, np.random.default_rng([self.seed, 2, step, number]))
            for number, render in enumerate(renders)
        ]

    def _renders(self, name: str, presets: Sequence[Preset], count: int, step: int) -> list[list[Render]]:
        """Render the same scenes with each preset, none of them clean."""
        orders = [
            Order(
                inside=self.work / name, number=number, preset=replace(preset, clean_every=0),
                seed=self._scenes(step, 0), count=count,
            )
            for number, preset in enumerate(presets)
        ]  # fmt: skip
        return pool.render(orders, label=name, workers=self.workers)

    def _scenes(self, step: int, number: int) -> int:
        """Return the seed of the scenes of a step and, by `number`, of one of its designs."""
        return int(np.random.default_rng([self.seed, 3, step, number]).integers(2**31))


def _scaled(preset: Preset, name: str, factor: float) -> Preset:
    """Return a preset with one field multiplied by a factor."""
    value: float | Range = getattr(preset, name)
    if isinstance(value, float):
        return replace(preset, **{name: rounded(value * factor)})  # type: ignore[arg-type]
    most = MOST_RUSTED if name == "rusted" else np.inf
    low, high = (rounded(min(most, end * factor)) for end in value)
    return replace(preset, **{name: (low, high)})  # type: ignore[arg-type]
