"""The families of comparisons behind the report's verdicts, each adjusted by itself.

Arms: every contrast is a family of its own, over backbone and fraction, at equal fractions only (Holm). Renders beat
the controls only if they beat each of them, so each control may err in 5 % by itself. Backbones: all pairs of an arm at
a fraction (Bonferroni). `benchmarks.stats.comparison` decides which numbers count.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from corrotwin.benchmarks.stats import comparison
from corrotwin.benchmarks.stats.comparison import Comparison
from corrotwin.benchmarks.stats.power import FEWEST_RUNS
from corrotwin.benchmarks.stats.tukey import RunScores
from corrotwin.benchmarks.study.results import Results


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """Two arms: what `kind` changes against `base`."""

    base: str
    kind: str


CONTRASTS = (
    Contrast(base="real", kind="mixed"),
    Contrast(base="copy-paste", kind="mixed"),
    Contrast(base="strong", kind="mixed"),
    Contrast(base="shuffled", kind="mixed"),
    Contrast(base="real", kind="copy-paste"),
    Contrast(base="real", kind="strong"),
    Contrast(base="real", kind="shuffled"),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Families:
    """All comparisons of a study in one score, computed once.

    Parameters
    ----------
    results : the study.
    scores : scores of the runs, on the study's test photos or on another set.
    groups : the spot of each of those photos; None takes photos as the units.
    score : "f1" or "iou".
    """

    results: Results
    scores: tuple[RunScores, ...]
    groups: Mapping[str, str] | None
    score: str

    @cached_property
    def contrasts(self) -> dict[Contrast, list[Comparison]]:
        """The comparisons of each contrast of the study: smallest fraction first, then by backbone."""
        planned = {(cell.kind, cell.real_fraction, cell.backbone): cell.arm.name for cell in self.results.cells}
        result = {}
        for contrast in CONTRASTS:
            pairs = {}
            for kind, fraction, backbone in planned:
                base = planned.get((contrast.base, fraction, backbone))
                if kind == contrast.kind and base is not None:
                    pairs[base, planned[kind, fraction, backbone]] = fraction
            if not pairs:
                continue
            ordered = sorted(pairs, key=lambda pair: pairs[pair])
            comparisons = comparison.arms(
                self.scores, pairs=ordered, score=self.score, groups=self.groups, fewest_runs=FEWEST_RUNS
            )
            planned_cells = {(cell.arm.name, cell.backbone) for cell in self.results.cells}
            result[contrast] = [
                compared
                for compared in comparisons
                if {(compared.first, compared.backbone), (compared.second, compared.backbone)} <= planned_cells
            ]
        return result

    @cached_property
    def backbones(self) -> dict[str, list[Comparison]]:
        """The pairs of backbones in each arm that has at least two, by the arm's name."""
        result = {}
        for arm in self.results.arms:
            comparisons = comparison.backbones(
                self.scores, arm=arm.name, score=self.score, groups=self.groups, fewest_runs=FEWEST_RUNS
            )
            if comparisons:
                result[arm.name] = comparisons
        return result

    def contrast(self, base: str, kind: str) -> list[Comparison]:
        """Return the comparisons of one contrast, fewest photos first; none if the study lacks an arm."""
        return next(
            (
                comparisons
                for contrast, comparisons in self.contrasts.items()
                if (contrast.base, contrast.kind) == (base, kind)
            ),
            [],
        )

    def place(self, arm: str) -> tuple[str, float]:
        """Return the kind and fraction of the arm with this name."""
        return next((cell.kind, cell.real_fraction) for cell in self.results.cells if cell.arm.name == arm)

    def real_fraction(self, found: Comparison) -> float:
        """Return the fraction of the training photos at which a comparison was made."""
        return self.place(found.arm or found.second)[1]
