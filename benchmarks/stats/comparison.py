"""The comparisons behind a study's verdicts: backbones of one arm, and arms of one backbone.

Each family of comparisons is stated and adjusted as a whole. Backbones: all pairs in one arm; p times the number of
pairs (Bonferroni), and intervals that hold for all pairs at once, so that p is below 0.05 exactly if the interval
excludes zero. Arms: an arm against its base for every backbone and every fraction of the real photos; p by Holm, each
interval 95 % for its own comparison. Equality within the margin: two one-sided tests, adjusted by Holm in both.

Runs of the same number share their real photos in every arm and backbone. Arms are compared within runs; backbones are
compared as if their runs had nothing in common, which can only make their intervals wider than necessary.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from corrotwin.benchmarks.stats import crossed_effects
from corrotwin.benchmarks.stats.crossed_effects import FloatArray, MeanDifference
from corrotwin.benchmarks.stats.equivalence import MARGIN, holm, tost
from corrotwin.benchmarks.stats.power import TARGET, detectable, more_runs
from corrotwin.benchmarks.stats.tukey import CONFIDENCE, RunScores, run_count
from corrotwin.twin.core.errors import InputError

ERROR = 1 - CONFIDENCE

Verdict = Literal["better", "worse", "equal", "unsettled", "untested"]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One comparison of `second` with `first`. Missing values are None, and `reason` says why.

    Parameters
    ----------
    score : "f1" or "iou".
    first, second : two backbones of `arm`, or two arms of `backbone`; the other of `arm` and `backbone` is None.
    difference : mean of `second` minus mean of `first`, over units.
    low, high : its 95 % interval; None if it would reach `crossed_effects.GREATEST`.
    p : p-value, adjusted for the family.
    alone : p-value of this comparison by itself.
    equal_p : p-value, adjusted for the family, for the difference lying outside plus or minus `margin`.
    detectable : true difference that such a study finds in 80 % of cases.
    more_runs : further runs that each side needs to find `power.TARGET`: 0 if the present runs do, None if too many
        would be needed or there is no test.
    won, tied : shares of the photos on which `second`, averaged over its runs, scores higher, and the same.
    runs : numbers of runs of `first` and `second`; for arms, only runs that both have count.
    units : number of spots, or of photos where `unit` is "photo".
    photos : number of test photos.
    family : description of the comparisons that were adjusted together.
    members : how many of them have a p-value.
    """

    score: str
    first: str
    second: str
    arm: str | None = None
    backbone: str | None = None
    difference: float | None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    alone: float | None = None
    equal_p: float | None = None
    margin: float
    detectable: float | None = None
    more_runs: int | None = None
    won: float | None
    tied: float | None
    runs: tuple[int, int]
    units: int
    unit: Literal["spot", "photo"]
    photos: int
    family: str = ""
    members: int = 0
    reason: str = ""

    @property
    def known(self) -> bool:
        """True if both sides have a run, so that there is a difference."""
        return self.difference is not None

    @property
    def equal(self) -> bool | None:
        """True if the true difference is shown to be within the margin; None without a test."""
        return None if self.equal_p is None else self.equal_p < ERROR

    @property
    def verdict(self) -> Verdict:
        """The primary test's verdict on `second`. A real difference goes before equality within the margin."""
        if self.p is None or self.difference is None:
            return "untested"
        if self.p < ERROR:
            return "better" if self.difference > 0 else "worse"
        return "equal" if self.equal else "unsettled"


@dataclass(frozen=True, kw_only=True, eq=False)
class _Sample:
    """The scores of one arm and backbone: numbers of the runs, (R, photos) scores and (R, units) means of units."""

    runs: tuple[int, ...]
    photos: FloatArray
    units: FloatArray


def backbones(
    scores: Sequence[RunScores], *, arm: str, score: str, groups: Mapping[str, str] | None, margin: float = MARGIN,
    fewest_runs: int = 2,
) -> list[Comparison]:  # fmt: skip
    """Compare all pairs of backbones of one arm, in alphabetical order of the two names.

    A backbone with too few runs is left out of the family; its pairs state the difference and why there is no p-value.

    Parameters
    ----------
    scores : the complete runs of a study, all on the same test photos.
    arm, score : the arm, and the score (``"f1"`` or ``"iou"``) by which its backbones are compared.
    groups : the spot of each test photo (`segmentation.data.splits.Split.group`); None takes photos as the units.
    margin : differences of true means below it are equal for practical purposes.
    fewest_runs : fewest runs of each side that are tested, at least 2.

    Raises
    ------
    InputError
        Runs were scored on different photos, a photo has no spot, or the margin is not above 0.
    """
    _check(margin)
    chosen = [run for run in scores if run.arm == arm]
    _same_photos(chosen)
    samples = {
        name: _sample([run for run in chosen if run.backbone == name], score, groups)
        for name in sorted({run.backbone for run in chosen})
    }
    contrasts = []
    for first, second in itertools.combinations(samples, 2):
        x, y = samples[first], samples[second]
        short = [f"{name} has {run_count(len(samples[name].runs))}" for name in (first, second)]
        short = [text for text, sample in zip(short, (x, y), strict=True) if len(sample.runs) < fewest_runs]
        contrast, reason = _contrast(x, y, _too_few(" and ".join(short), fewest_runs), is_paired=False)
        plain = Comparison(
            first=first, second=second, arm=arm, reason=reason, margin=margin, **_described(x, y, score, groups)
        )
        contrasts.append((plain, contrast))
    members = sum(contrast is not None for _, contrast in contrasts)
    return _tested(contrasts, f"{members} pairs of backbones of the arm {arm}", is_simultaneous=True)


def arms(
    scores: Sequence[RunScores],
    *,
    pairs: Sequence[tuple[str, str]],
    score: str,
    groups: Mapping[str, str] | None,
    margin: float = MARGIN,
    fewest_runs: int = 2,
) -> list[Comparison]:
    """Compare arms with their bases, for each backbone: one family.

    Only runs whose number both arms have take part: they share the subset of the real photos.

    Parameters
    ----------
    scores, score, groups, margin, fewest_runs : as in `backbones`.
    pairs : (base, arm) names, such as ``("real", "mixed")`` and the same at other fractions of the real photos.

    Raises
    ------
    InputError
        As in `backbones`.
    """
    _check(margin)
    contrasts = []
    for base, arm in pairs:
        for backbone in dict.fromkeys(run.backbone for run in scores):
            cells = {
                name: {run.run: run for run in scores if run.arm == name and run.backbone == backbone}
                for name in (base, arm)
            }
            shared = sorted(cells[base].keys() & cells[arm].keys())
            runs = {name: [cells[name][run] for run in shared] for name in (base, arm)}
            _same_photos([*runs[base], *runs[arm]])
            base_sample, arm_sample = (_sample(runs[name], score, groups) for name in (base, arm))
            shortage = f"{arm} and {base} have {run_count(len(shared))} in common" if len(shared) < fewest_runs else ""
            contrast, reason = _contrast(base_sample, arm_sample, _too_few(shortage, fewest_runs), is_paired=True)
            plain = Comparison(
                first=base,
                second=arm,
                backbone=backbone,
                reason=reason,
                margin=margin,
                **_described(base_sample, arm_sample, score, groups),
            )
            contrasts.append((plain, contrast))
    members = sum(contrast is not None for _, contrast in contrasts)
    family = f"{members} comparisons ({', '.join(f'{arm} − {base}' for base, arm in pairs)}; each backbone)"
    return _tested(contrasts, family, is_simultaneous=False)


def _contrast(first: _Sample, second: _Sample, few: str, *, is_paired: bool) -> tuple[MeanDifference | None, str]:
    """Return the contrast, or None and the reason why there is no test; `few`, unless empty, is that reason."""
    if few:
        return None, few
    if first.units.shape[1] < 2:
        return None, "all test photos show one spot, and a test needs at least two"
    if is_paired:
        try:
            contrast = crossed_effects.paired(crossed_effects.moments(second.units - first.units))
        except crossed_effects.TooFewScoresError:
            return None, "too few spots were tested in several runs: no p-value"
    else:
        contrast = crossed_effects.between(crossed_effects.moments(first.units), crossed_effects.moments(second.units))
    if contrast.variance <= crossed_effects.ZERO_VARIANCE:
        return None, "the difference is the same in every run and on every unit: zero variance, no p-value"
    return contrast, ""


def _too_few(who: str, fewest_runs: int) -> str:
    """Return the reason why there is no test; empty if `who` is empty."""
    return f"{who}: no test with fewer than {fewest_runs} runs" if who else ""


def _described(first: _Sample, second: _Sample, score: str, groups: Mapping[str, str] | None) -> dict[str, Any]:
    """Return the fields of a comparison of two samples that need no test."""
    has_runs = bool(first.runs and second.runs)
    x, y = (np.nanmean(sample.photos, axis=0) if has_runs else np.empty(0) for sample in (first, second))
    return {
        "score": score,
        "difference": _mean(second) - _mean(first) if has_runs else None,
        "won": float(np.mean(y > x)) if has_runs else None,
        "tied": float(np.mean(y == x)) if has_runs else None,
        "runs": (len(first.runs), len(second.runs)),
        "units": first.units.shape[1],
        "unit": "photo" if groups is None else "spot",
        "photos": first.photos.shape[1],
    }


def _mean(sample: _Sample) -> float:
    """Return the mean over runs and units; missing scores are filled in if enough others are present."""
    units = sample.units
    return float((units if np.isfinite(units).all() else crossed_effects.run_means(units)).mean())


def _tested(
    found: Sequence[tuple[Comparison, MeanDifference | None]], family: str, *, is_simultaneous: bool
) -> list[Comparison]:
    """Add the values that depend on the whole family: adjusted p, intervals, detectable differences."""
    contrasts = [contrast for _, contrast in found if contrast is not None]
    members = len(contrasts)
    if not members:
        return [replace(plain, family=family) for plain, _ in found]
    alone = np.array([float(crossed_effects.p_value(contrast)) for contrast in contrasts])
    adjusted = np.minimum(alone * members, 1) if is_simultaneous else holm(alone)
    equal = holm(np.array([float(tost(contrast, plain.margin)) for plain, contrast in found if contrast is not None]))
    level = ERROR / members if is_simultaneous else ERROR
    result, index = [], 0
    for plain, contrast in found:
        if contrast is None:
            result.append(replace(plain, family=family, members=members))
            continue
        low, high = crossed_effects.interval(contrast, level)
        is_within = max(-low, high) < crossed_effects.GREATEST
        detected = float(detectable(contrast, ERROR / members))
        result.append(
            replace(
                plain,
                low=low if is_within else None,
                high=high if is_within else None,
                p=float(adjusted[index]),
                alone=float(alone[index]),
                equal_p=float(equal[index]),
                detectable=detected,
                more_runs=0 if detected <= TARGET else more_runs(contrast, plain.runs[0], ERROR / members),
                family=family,
                members=members,
            )
        )
        index += 1
    return result


def _sample(runs: Sequence[RunScores], score: str, groups: Mapping[str, str] | None) -> _Sample:
    if not runs:
        return _Sample(runs=(), photos=np.empty((0, 0)), units=np.empty((0, 0)))
    photos = np.array([run.f1 if score == "f1" else run.iou for run in runs])
    tested = np.isfinite(photos).any(axis=0)
    images = [name for name, is_known in zip(runs[0].images, tested, strict=True) if is_known]
    photos = photos[:, tested]
    if groups is None:
        return _Sample(runs=tuple(run.run for run in runs), photos=photos, units=photos)
    if unknown := [name for name in images if name not in groups]:
        raise InputError(f"{unknown[0]}: this test photo has no spot; give the groups that the split was made with")
    units = crossed_effects.unit_means(photos, [groups[name] for name in images])
    return _Sample(runs=tuple(run.run for run in runs), photos=photos, units=units)


def _same_photos(runs: Sequence[RunScores]) -> None:
    for run in runs[1:]:
        if run.images != runs[0].images:
            raise InputError(
                f"{run.id}: not scored on the same test photos as {runs[0].id}; compare runs of one split only"
            )


def _check(margin: float) -> None:
    if not margin > 0:
        raise InputError(f"margin {margin}: must be above 0; 0.01 is one F1 point")
