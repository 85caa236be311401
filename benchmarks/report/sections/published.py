"""The published study beside this one: Tables I to IV, figures 2 and 3, and errors in the paper."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from corrotwin.benchmarks import paper
from corrotwin.benchmarks.formatting.table import (
    Column,
    ReportTable,
    Row,
    interval_column,
    number_column,
    p_column,
    plus_minus_column,
    text_column,
    yes_no_column,
)
from corrotwin.benchmarks.formatting.wording import SCORES
from corrotwin.benchmarks.report import paper_figures, words
from corrotwin.benchmarks.report.context import Material
from corrotwin.benchmarks.report.document import Block, Bullets, Facts, ReportSection, Text
from corrotwin.benchmarks.report.sections.verdicts import backbone_table
from corrotwin.benchmarks.stats.power import FEWEST_RUNS
from corrotwin.benchmarks.stats.tukey import Pair, run_means, summary, tukey, tukey_from_summary

if TYPE_CHECKING:
    from corrotwin.segmentation.models.network import Complexity

PAPER_SIZE = 224  # pixels; Table I states parameters and operations for it
ROMAN = {"f1": "III", "iou": "IV"}


def section(material: Material, complexity: Callable[[str, int], "Complexity"]) -> ReportSection:
    """Return the paper's results beside the study's arm that does what the paper did, else beside its first arm.

    Parameters
    ----------
    complexity : `segmentation.models.network.complexity`, or a table of it.
    """
    absent = [name for name in paper.TABLE_II if name not in material.results.config.backbones]
    if absent:
        text = words.line("paper", "other_backbones", theirs=list(paper.TABLE_II), absent=absent)
        return _section([Text(text=text), *backbone_table(material)])
    intro = words.line("paper", "intro", citation=paper.CITATION, study=material)
    return _section(
        [
            Text(text=intro),
            _table_i(material, complexity),
            _table_ii(material),
            *_tukey_tables(material),
            *backbone_table(material),
            *_figures(material),
            Facts(title="The paper's protocol", values=paper.PROTOCOL),
            Text(text="Slips and gaps in the paper", heading=True),
            Bullets(items=tuple((slip.where, slip.text) for slip in paper.SLIPS)),
        ]
    )


def _section(blocks: list[Block]) -> ReportSection:
    return ReportSection(key="paper", title="The published study side by side", blocks=tuple(blocks))


def _tukey_tables(material: Material) -> list[Block]:
    """Return Tables III and IV, or the reason why there are none."""
    fewest = min(len(material.cell(material.reference, backbone)) for backbone in paper.TABLE_II)
    if fewest < FEWEST_RUNS:
        return [Text(text=words.line("paper", "no_tukey", runs=paper.RUNS))]
    return [_table_tukey(material, "f1"), _table_tukey(material, "iou")]


def _table_i(material: Material, complexity: Callable[[str, int], "Complexity"]) -> ReportTable:
    rows = []
    for backbone in paper.TABLE_II:
        ours, theirs = complexity(backbone, PAPER_SIZE), paper.TABLE_I[backbone]
        minutes = summary([run.train_minutes for run in material.cell(material.reference, backbone)])
        rows.append(
            {
                "backbone": backbone,
                "encoder_params": ours.encoder_params,
                "unet_params": ours.unet_params,
                "depth": ours.depth,
                "encoder_gmacs": ours.encoder_gmacs,
                "unet_gmacs": ours.unet_gmacs,
                "runs": minutes.n,
                "train_minutes_mean": minutes.mean,
                "train_minutes_sd": minutes.sd,
                "paper_params": theirs.params_m * 1e6,
                "paper_depth": theirs.depth,
                "paper_gflops": theirs.gflops,
                "paper_train_minutes_mean": theirs.train_minutes.mean,
                "paper_train_minutes_sd": theirs.train_minutes.sd,
            }
        )

    def millions(key: str) -> Callable[[Row], str]:
        return lambda row: f"{row[key] / 1e6:.1f}"

    caption, note = words.paragraphs("paper", "table1", size=PAPER_SIZE)
    return material.table(
        "table1",
        "Table I. The models",
        caption,
        (
            text_column("Backbone", "backbone"),
            Column(heading="U-Net params, M", cell=millions("unet_params")),
            Column(heading="Paper: params, M", cell=millions("paper_params")),
            number_column("Depth", "depth", "d"),
            number_column("Paper: depth", "paper_depth", "d"),
            number_column("U-Net GMACs", "unet_gmacs", ".2f"),
            number_column("Paper: FLOPs, G", "paper_gflops", ".1f"),
            plus_minus_column("Training, min", "train_minutes", ".2f"),
            plus_minus_column("Paper: training, min", "paper_train_minutes", ".2f"),
        ),
        rows,
        note,
    )


def _table_ii(material: Material) -> ReportTable:
    rows = []
    for backbone in paper.TABLE_II:
        runs = material.cell(material.reference, backbone)
        row: dict[str, Any] = {"arm": material.reference, "backbone": backbone, "runs": len(runs)}
        row["photos"] = len(material.results.test_images)
        for score in SCORES:
            ours, theirs = summary([run.mean(score) for run in runs]), getattr(paper.TABLE_II[backbone], score)
            row |= {f"{score}_mean": ours.mean, f"{score}_sd": ours.sd}
            row |= {f"paper_{score}_mean": theirs.mean, f"paper_{score}_sd": theirs.sd}
        rows.append(row)
    return material.table(
        "table2",
        "Table II. Scores",
        words.line("paper", "table2", units=material.units, runs=paper.RUNS),
        (
            text_column("Backbone", "backbone"),
            number_column("Runs", "runs", "d"),
            plus_minus_column("F1", "f1", ".3f"),
            plus_minus_column("Paper: F1", "paper_f1", ".3f"),
            plus_minus_column("IoU", "iou", ".3f"),
            plus_minus_column("Paper: IoU", "paper_iou", ".3f"),
        ),
        rows,
    )


@cache
def paper_tukey(score: str) -> dict[tuple[str, str], Pair]:
    """Compute Tukey's HSD from the means and SDs that the paper prints in Table II."""
    printed = {backbone: getattr(row, score) for backbone, row in paper.TABLE_II.items()}
    pairs = tukey_from_summary(
        {name: value.mean for name, value in printed.items()},
        {name: value.sd for name, value in printed.items()},
        paper.RUNS,
    )
    return {(pair.first, pair.second): pair for pair in pairs}


def _table_tukey(material: Material, score: str) -> ReportTable:
    published = {"f1": paper.TABLE_III, "iou": paper.TABLE_IV}[score]
    printed = paper_tukey(score)
    means = run_means(material.results.scores, arm=material.reference, score=score)
    rows: list[Row] = []
    reasons: dict[str, list[str]] = {}
    for pair in tukey({backbone: means.get(backbone, ()) for backbone in paper.TABLE_II}):
        key = (pair.first, pair.second)
        rows.append(
            {
                "arm": material.reference,
                "first": pair.first,
                "second": pair.second,
                "difference": pair.difference,
                "low": pair.low,
                "high": pair.high,
                "p": pair.p,
                "significant": pair.significant,
                "paper_p": str(published[key]),
                "paper_significant": published[key].significant,
                "paper_p_from_table2": printed[key].p,
            }
        )
        if pair.reason:
            reasons.setdefault(pair.reason, []).append(f"{pair.first} and {pair.second}")
    photos = len(material.results.test_images)
    caption, note = words.paragraphs("paper", "tukey", score=SCORES[score], photos=photos)
    return material.table(
        f"table{3 if score == 'f1' else 4}",
        f"Table {ROMAN[score]}. Tukey's HSD, {SCORES[score]}",
        caption,
        (
            text_column("First", "first"),
            text_column("Second", "second"),
            number_column("Difference", "difference", "+.3f"),
            interval_column("95 % interval", "low", "high", "+.3f"),
            p_column("p", "p"),
            yes_no_column("p < 0.05", "significant"),
            Column(heading="Paper: p", cell=lambda row: str(row["paper_p"])),
            yes_no_column("Paper: significant", "paper_significant"),
            p_column("p from paper's Table II", "paper_p_from_table2"),
        ),
        rows,
        note,
        *(f"{'; '.join(pairs)}: {reason}." for reason, pairs in reasons.items()),
        command="corrotwin benchmarks from-summary --paper",
    )


def _figures(material: Material) -> list[Block]:
    """Return the paper's figures 2 and 3 from our runs; the photos of its figure 1 have a section of their own."""
    if not any(material.cell(material.reference, backbone) for backbone in paper.TABLE_II):
        return [Text(text=words.line("paper", "no_curves", arm=material.reference))]
    return [paper_figures.curves(material), paper_figures.boxes(material)]
