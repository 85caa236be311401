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

CONTROLS = ("copy-paste", "strong", "shuffled")  # what renders are held against, the baselines first


NEXT = "corrotwin benchmarks run --profile small --data PHOTOS"  # what a smoke run does not answer


@dataclass(frozen=True, kw_only=True)
class RankedBackbone:
    """Mean F1 of a backbone in the reference arm, over its complete runs; without SD where there is one."""

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
    """Return what the study says, in three short paragraphs or fewer."""
    gains = material.f1.contrast("real", "mixed")
    against = [each for base in CONTROLS for each in material.f1.contrast(base, "mixed")]
    return words.paragraphs(
        "answer", "answer", study=material, gains=of_lead(material, "real", "mixed"),
        gaps=[each for each in gains if each.backbone == material.lead] or gains,
        controls=_first_tested(material, [(base, "mixed") for base in CONTROLS]),
        held=[each for each in against if each.backbone == material.lead],
        baselines=_first_tested(material, [("real", kind) for kind in CONTROLS]),
        pairs=material.f1.backbones.get(material.reference, []), ranked=ranked(material), reasons=reasons,
    )  # fmt: skip


def _first_tested(material: Material, contrasts: Sequence[tuple[str, str]]) -> list[Comparison]:
    """Return, of each (base, kind) that has any, the tested comparison of the leading backbone at the fewest photos."""
    found = [[each for each in of_lead(material, *pair) if each.p is not None] for pair in contrasts]
    return [of_one[0] for of_one in found if of_one]


def of_lead(material: Material, base: str, kind: str) -> list[Comparison]:
    """Return the comparisons of the leading backbone that have runs on both sides, at the fewest photos first."""
    found = material.f1.contrast(base, kind)
    return [each for each in found if each.backbone == material.lead and each.known]


def ranked(material: Material) -> list[RankedBackbone]:
    """Return the ranked backbones of the reference arm, best first."""
    found = []
    for backbone in material.backbones:
        value = summary([each.mean("f1") for each in material.cell(material.reference, backbone)])
        if value.mean is not None:
            found.append(RankedBackbone(backbone=backbone, mean=value.mean, sd=value.sd, runs=value.n))
    return sorted(found, key=lambda row: -row.mean)


def _figure(material: Material) -> list[Block]:
    """Return the gains where they are tested, else photos of a smoke run or the F1 of each run."""
    if tested(material.f1.contrast("real", "mixed")):
        return [gain_figures.gains(material)]
    if material.results.smoke:
        return [*pictures.ranked(material, each=1), Command(text=NEXT)]
    return [*gain_figures.each_run(material)]
