"""The answer on one screen: three sentences and one figure, for someone who reads nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass

from corrotwin.benchmarks.report import gain_figures, words
from corrotwin.benchmarks.report.context import Material
from corrotwin.benchmarks.report.document import Block, Command, ReportSection, Text
from corrotwin.benchmarks.report.sections import pictures
from corrotwin.benchmarks.report.sections.verdicts import reasons, tested
from corrotwin.benchmarks.stats.comparison import Comparison
from corrotwin.benchmarks.stats.tukey import summary

CONTROLS = ("copy-paste", "strong", "shuffled")  # arms that renders are compared with, the baselines first


NEXT = "corrotwin benchmarks run --profile small --data PHOTOS"  # gives the answer, which a smoke run does not


@dataclass(frozen=True, kw_only=True)
class RankedBackbone:
    """Mean F1 of a backbone in the reference arm, over its complete runs; without SD for a single run."""

    backbone: str
    mean: float
    sd: float | None
    runs: int


def section(material: Material) -> ReportSection:
    """Return warnings, the sentences, and the figure that shows most of them."""
    blocks: list[Block] = [Text(text=text, warning=True) for text in words.paragraphs(
        "answer", "warnings", study=material)]  # fmt: skip
    blocks += [Text(text=text) for text in sentences(material)]
    return ReportSection(key="answer", title="The answer", blocks=(*blocks, *_figure(material)))


def sentences(material: Material) -> tuple[str, ...]:
    """Return the findings of the study, in three short paragraphs or fewer."""
    gains = material.f1.contrast("real", "mixed")
    against = [comparison for base in CONTROLS for comparison in material.f1.contrast(base, "mixed")]
    return words.paragraphs(
        "answer", "answer", study=material, gains=of_lead(material, "real", "mixed"),
        gaps=[comparison for comparison in gains if comparison.backbone == material.lead] or gains,
        controls=_first_tested(material, [(base, "mixed") for base in CONTROLS]),
        held=[comparison for comparison in against if comparison.backbone == material.lead],
        baselines=_first_tested(material, [("real", kind) for kind in CONTROLS]),
        pairs=material.f1.backbones.get(material.reference, []), ranked=ranked(material), reasons=reasons,
    )  # fmt: skip


def _first_tested(material: Material, contrasts: Sequence[tuple[str, str]]) -> list[Comparison]:
    """Return, for each (base, kind), the leading backbone's tested comparison at the fewest photos, if any."""
    candidates = [
        [comparison for comparison in of_lead(material, *pair) if comparison.p is not None] for pair in contrasts
    ]
    return [comparisons[0] for comparisons in candidates if comparisons]


def of_lead(material: Material, base: str, kind: str) -> list[Comparison]:
    """Return the comparisons of the leading backbone that have runs on both sides, fewest photos first."""
    comparisons = material.f1.contrast(base, kind)
    return [comparison for comparison in comparisons if comparison.backbone == material.lead and comparison.known]


def ranked(material: Material) -> list[RankedBackbone]:
    """Return the ranked backbones of the reference arm, best first."""
    rows = []
    for backbone in material.backbones:
        value = summary([run.mean("f1") for run in material.cell(material.reference, backbone)])
        if value.mean is not None:
            rows.append(RankedBackbone(backbone=backbone, mean=value.mean, sd=value.sd, runs=value.n))
    return sorted(rows, key=lambda row: -row.mean)


def _figure(material: Material) -> list[Block]:
    """Return the gains if they are tested, else photos of a smoke run or the F1 of each run."""
    if tested(material.f1.contrast("real", "mixed")):
        return [gain_figures.gains(material)]
    if material.results.smoke:
        return [*pictures.ranked(material, each=1), Command(text=NEXT)]
    return [*gain_figures.each_run(material)]
