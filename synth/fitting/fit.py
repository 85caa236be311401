"""Fit a preset to a few labelled photographs: measure them, render widely, keep what looks like them, search on."""

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
DESIGNS, OF_DESIGN = 96, 2  # presets drawn from full ranges, and renders of each, two views of a scene
OF_VARIANT = 20  # renders of each preset of the search
OF_FINAL = 24  # renders of each preset at the end
FEWEST_MASKS = 3  # by which label rules are compared
# Factors that are tried on what was found first, and the rules of labels that are.
SEARCHED: Mapping[str, tuple[float, ...]] = {
    "rust_tone": (0.7, 1.4), "framing": (0.75, 1.33), "rusted": (0.7, 1.4), "defects": (0.6, 1.6),
}  # fmt: skip
RULES: Mapping[str, tuple[float, ...]] = {
    "closing_radius": (0.0, 0.008, 0.016, 0.03),
    "smallest_region": (0.00005, 0.0002, 0.0005, 0.001, 0.002, 0.004),
    "stain": (1.0, 0.7, 0.4),
}
MOST_RUSTED = 0.9
SPLITS = 10  # of the photographs into halves
# Other things that are tried in place of what was found, since pictures hardly show them one by one.
OTHERS: Mapping[str, Mapping[str, Any]] = {
    "no bleeding": {"bleeding": (0.0, 0.0)},
    "mostly flash": {"flash_share": 0.65, "sun_share": 0.1},
    "mostly sun": {"flash_share": 0.0, "sun_share": 0.6},
}
LEAST_GAIN = 0.05  # share of the distance by which a change must bring renders nearer: a few pictures differ by chance
START, OF_BASE = "found first", "scenes of the base"


@dataclass(frozen=True, kw_only=True, eq=False)
class Fit:
    """A fitted preset, how far it and the base are from the photographs, by region, and renders of both.

    `halves` is the distance of one half of the photographs from the other, which is chance. `tried`
    are the presets of the search, each with its distance as a share of that of the base's.
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
        """The distance after as a share of that before, see `distance.relative`."""
        return distance.relative(self.after, self.before)


def fit(photos: Photographs, base: Preset, work: Path, *, seed: int, workers: int | None = None) -> Fit:
    """Fit a preset; renders are kept in `work`, from which the same call goes on.

    Raises
    ------
    InputError
        `work` holds something else, or the base shows no rust or is a time-lapse.
    WorkError
        Renders failed.
    """
    settings = {"photos": photos.digest, "base": base.name, "changes": json.dumps(base.changes()), "seed": seed}
    if base.clean_every == 1 or base.timelapse:
        raise InputError(f"`preset` {base.name}: shows no rust, or its years; fit from another, such as balanced")
    work = work.resolve()  # where the workers look, too
    with writing(work), hold(work, KIND, settings):
        return _Fitting(photos, base, work, seed, workers).run()


class _Fitting:
    """One fit: what all of its steps share. Scenes of each step have a seed of their own, the step's number."""

    def __init__(self, photos: Photographs, base: Preset, work: Path, seed: int, workers: int | None) -> None:
        self.photos, self.base, self.work, self.seed, self.workers = photos, base, work, seed, workers
        self.extractor = FeatureExtractor()
        self.seen = distance.see(photos.labelled, self.extractor)
        self.tried: list[tuple[str, float]] = []

    def run(self) -> Fit:
        found = self._finals(*self._search(self._first()))
        before, after = (
            self._shots(one, of, 3)
            for one, of in zip((self.base, found), self._renders("shown", (self.base, found), OF_FINAL, 3), strict=True)
        )
        return Fit(
            preset=found, base=self.base, photos=self.photos, before=self._far(before), after=self._far(after),
            halves=self._halves(), shots_before=tuple(before), shots_after=tuple(after), tried=tuple(self.tried),
        )  # fmt: skip

    def _first(self) -> Preset:
        """Return the preset that widely drawn designs lead to."""
        rng = np.random.default_rng([self.seed, 0])
        paints = self.photos.paints or self.base.paints
        drawn = [parameters.draw_design(self.base, self.photos.shares, paints, rng) for _ in range(DESIGNS)]
        orders = [
            Order(
                inside=self.work / "designs", number=number, preset=one.preset, seed=self._scenes(0, number),
                count=OF_DESIGN,
            )
            for number, one in enumerate(drawn)
        ]  # fmt: skip
        rendered = pool.render(orders, label="designs", workers=self.workers)
        developed = designs.developed(drawn, rendered, self.base, rng)
        return designs.preset_of(developed, self.photos, self.base, self.extractor)

    def _search(self, start: Preset) -> tuple[Preset, Preset]:
        """Return the start with a label rule like the annotators', and with what brings it nearer to photographs."""
        variants = {START: start}
        for name, factors in SEARCHED.items():
            variants |= {f"{name} x {factor:g}": _scaled(start, name, factor) for factor in factors}
        variants |= {name: replace(start, **changes) for name, changes in OTHERS.items()}
        base, *renders = self._renders("search", (self.base, *variants.values()), OF_VARIANT, 1)
        labels = self._rule(start.labels, renders[0])
        of_base = self._far(self._shots(self.base, base, 1))
        found = {
            name: distance.relative(self._far(self._shots(replace(preset, labels=labels), of, 1)), of_base)
            for (name, preset), of in zip(variants.items(), renders, strict=True)
        }
        self.tried += found.items()
        result = first = replace(start, labels=labels)
        for name, factors in SEARCHED.items():
            best = min(factors, key=lambda factor: found[f"{name} x {factor:g}"])
            if found[f"{name} x {best:g}"] < (1 - LEAST_GAIN) * found[START]:
                result = _scaled(result, name, best)
        for name in sorted(OTHERS, key=lambda each: -found[each]):  # of two lights the nearer is the last
            if found[name] < (1 - LEAST_GAIN) * found[START]:
                result = replace(result, **OTHERS[name])
        return first, result

    def _finals(self, first: Preset, best: Preset) -> Preset:
        """Return the nearest of all that is left to choose from, the base too."""
        of_base = replace(
            self.base, sensor=best.sensor, paints=best.paints, labels=best.labels, marker_share=best.marker_share
        )
        presets = {"found": best, "found, wider": self._wider(best), START: first, OF_BASE: of_base}
        base, *renders = self._renders("finals", (self.base, *presets.values()), OF_FINAL, 2)
        before = self._far(self._shots(self.base, base, 2))
        found = {
            name: distance.relative(self._far(self._shots(preset, of, 2)), before)
            for (name, preset), of in zip(presets.items(), renders, strict=True)
        }
        self.tried += [(f"{name}, other scenes", share) for name, share in found.items()]
        nearest = min(found, key=lambda name: found[name])
        return presets[nearest] if found[nearest] < 1 else self.base

    def _wider(self, found: Preset) -> Preset:
        """Return a preset whose ranges of scenes reach to the middle of the base's, too."""
        changes: dict[str, Range] = {}
        for name in (*SCENE, "rusted"):
            (low, high), ends = getattr(found, name), getattr(self.base, name)
            middle = sum(ends) / 2
            changes[name] = (rounded(min(low, middle)), rounded(max(high, middle)))
        return replace(found, **changes)  # type: ignore[arg-type]

    def _rule(self, start: LabelRule, renders: Sequence[Render]) -> LabelRule:
        """Return the label rule whose masks of some renders are shaped most like those of the photographs."""
        found, best = start, self._unlike(start, renders)
        for _ in range(2):
            for name, values in RULES.items():
                for value in values:
                    rule = replace(found, **{name: value})  # type: ignore[arg-type]
                    unlike = self._unlike(rule, renders)
                    if unlike < best:
                        found, best = rule, unlike
        return found

    def _unlike(self, rule: LabelRule, renders: Sequence[Render]) -> float:
        """Return how unlike the photographs' the masks of a rule are, but for how much of the picture they cover."""
        every = [appearance.habits(mask) for one in renders if (mask := masks.annotated(one.label, rule)).any()]
        if len(every) < FEWEST_MASKS:
            return np.inf
        ours, theirs = np.array(every)[:, 1:], self.seen.habits[:, 1:]
        return float((((ours.mean(axis=0) - theirs.mean(axis=0)) / (theirs.std(axis=0) + 0.05)) ** 2).mean())

    def _far(self, shots: Sequence[Shot]) -> dict[str, float]:
        return distance.by_region(distance.see(shots, self.extractor), self.seen)

    def _halves(self) -> dict[str, float]:
        found: list[dict[str, float]] = []
        for split in range(SPLITS):
            order = np.random.default_rng([self.seed, 1, split]).permutation(len(self.seen.features))
            first, second = (
                PictureFeatures(features=self.seen.features[places], habits=self.seen.habits[places])
                for places in (order[::2], order[1::2])
            )
            found.append(distance.by_region(first, second, scale=self.seen))
        return {name: float(np.mean([each[name] for each in found])) for name in found[0]}

    def _shots(self, preset: Preset, renders: Sequence[Render], step: int) -> list[Shot]:
        return [
            one.shot(preset.sensor, preset.labels, np.random.default_rng([self.seed, 2, step, number]))
            for number, one in enumerate(renders)
        ]

    def _renders(self, name: str, presets: Sequence[Preset], count: int, step: int) -> list[list[Render]]:
        """Render the same scenes by each preset, none of them clean."""
        orders = [
            Order(
                inside=self.work / name, number=number, preset=replace(one, clean_every=0),
                seed=self._scenes(step, 0), count=count,
            )
            for number, one in enumerate(presets)
        ]  # fmt: skip
        return pool.render(orders, label=name, workers=self.workers)

    def _scenes(self, step: int, number: int) -> int:
        """Return the seed of the scenes of a step, and of one of its designs."""
        return int(np.random.default_rng([self.seed, 3, step, number]).integers(2**31))


def _scaled(preset: Preset, name: str, factor: float) -> Preset:
    """Return a preset with a field times a factor."""
    value: float | Range = getattr(preset, name)
    if isinstance(value, float):
        return replace(preset, **{name: rounded(value * factor)})  # type: ignore[arg-type]
    most = MOST_RUSTED if name == "rusted" else np.inf
    low, high = (rounded(min(most, end * factor)) for end in value)
    return replace(preset, **{name: (low, high)})  # type: ignore[arg-type]
