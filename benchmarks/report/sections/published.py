"""Section 3, the paper side by side: Tables I to IV and figures 1 to 3, ours and theirs, and the paper's slips."""

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
from corrotwin.benchmarks.formatting.wording import SCORES, listed
from corrotwin.benchmarks.report import paper_figures
from corrotwin.benchmarks.report.context import Material
from corrotwin.benchmarks.report.document import Block, Bullets, Facts, ReportSection, Text
from corrotwin.benchmarks.report.overlays import examples
from corrotwin.benchmarks.report.sections.verdicts import backbone_table
from corrotwin.benchmarks.stats.power import FEWEST_RUNS
from corrotwin.benchmarks.stats.tukey import Pair, run_means, summary, tukey, tukey_from_summary

if TYPE_CHECKING:
    from corrotwin.segmentation.models.network import Complexity

PAPER_SIZE = 224  # pixels; Table I states parameters and operations for it
ROMAN = {"f1": "III", "iou": "IV"}


def section(material: Material, complexity: Callable[[str, int], "Complexity"]) -> ReportSection:
    """Return the paper beside the study's arm that does what the paper did, else beside its first arm.

    Parameters
    ----------
    complexity : `segmentation.models.network.complexity`, or a table of it.
    """
    absent = [name for name in paper.TABLE_II if name not in material.results.config.backbones]
    if absent:
        blocks: list[Block] = [
            Text(
                text=f"The paper compares {listed(list(paper.TABLE_II))} with each other. This study has no "
                f"{listed(absent, 'or')}, so it cannot be laid beside the paper: its tables take all four."
            ),
            *backbone_table(material),
        ]
        return _section(blocks)
    same = "trains on photos alone as the paper did"
    if not material.on_photos_alone:
        same = "does not do what the paper did: no arm of this study trains on photos alone"
    blocks = [
        Text(
            text=f"{paper.CITATION} Its values stand in the shaded columns. Ours are from the arm "
            f"“{material.reference}”, which {same}. The photos are others: columns show whether the same order comes "
            "out, not whether the same number does."
        ),
        _table_i(material, complexity),
        _table_ii(material),
        *_tukey_tables(material),
        *backbone_table(material),
    ]
    drawn, missing = _figures(material)
    blocks += [Text(text="Figures 1 to 3", heading=True), *drawn, *(Text(text=text) for text in missing)]
    blocks += [
        Facts(title="The paper's protocol", values=paper.PROTOCOL),
        Text(text="What a reader of both should know", heading=True),
        Bullets(items=tuple((slip.where, slip.text) for slip in paper.SLIPS)),
    ]
    return _section(blocks)


def _section(blocks: list[Block]) -> ReportSection:
    return ReportSection(key="paper", title="The paper side by side", short="The paper", blocks=tuple(blocks))


def _tukey_tables(material: Material) -> list[Block]:
    """Return Tables III and IV, or why there are none."""
    fewest = min(len(material.cell(material.reference, backbone)) for backbone in paper.TABLE_II)
    if fewest < FEWEST_RUNS:
        return [
            Text(
                text=f"Tables III and IV are left out: a test takes {FEWEST_RUNS} complete runs of each backbone, and "
                "the paper has ten."
            )
        ]
    return [_table_tukey(material, "f1"), _table_tukey(material, "iou")]


def _table_i(material: Material, complexity: Callable[[str, int], "Complexity"]) -> ReportTable:
    rows = []
    for backbone in paper.TABLE_II:
        ours, theirs = complexity(backbone, PAPER_SIZE), paper.TABLE_I[backbone]
        minutes = summary([each.train_minutes for each in material.cell(material.reference, backbone)])
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

    return material.table(
        "table1",
        "Table I. The models",
        f"Parameters, depth and multiply-accumulates for one {PAPER_SIZE}×{PAPER_SIZE} image; training time of a run, "
        "mean ± SD over runs.",
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
        "The paper's parameters and FLOPs are those of the ImageNet classifiers; what it calls FLOPs are "
        "multiply-accumulates. Depth counts the encoder's convolutions without the classifier's head; the paper's is "
        "the number in the network's name. Times are of other machines and other numbers of photos.",
    )


def _table_ii(material: Material) -> ReportTable:
    rows = []
    for backbone in paper.TABLE_II:
        runs = material.cell(material.reference, backbone)
        row: dict[str, Any] = {"arm": material.reference, "backbone": backbone, "runs": len(runs)}
        row["photos"] = len(material.results.test_images)
        for score in SCORES:
            ours, theirs = summary([each.mean(score) for each in runs]), getattr(paper.TABLE_II[backbone], score)
            row |= {f"{score}_mean": ours.mean, f"{score}_sd": ours.sd}
            row |= {f"paper_{score}_mean": theirs.mean, f"paper_{score}_sd": theirs.sd}
        rows.append(row)
    return material.table(
        "table2",
        "Table II. Scores",
        f"Per-image F1 and intersection over union on {material.units}, mean ± SD over runs; the paper's over "
        f"{paper.RUNS} runs on its own photos.",
        (
            text_column("Backbone", "backbone"),
            number_column("Runs", "runs", "d"),
            plus_minus_column("F1", "f1", ".3f"),
            plus_minus_column("Paper: F1", "paper_f1", ".3f"),
            plus_minus_column("IoU", "iou", ".3f"),
            plus_minus_column("Paper: IoU", "paper_iou", ".3f"),
        ),
        rows,
        "A photo without corrosion on which none was found scores 1. An SD needs at least two runs.",
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
    printed, results = paper_tukey(score), material.results
    means = run_means(results.scores, arm=material.reference, score=score)
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
    return material.table(
        f"table{3 if score == 'f1' else 4}",
        f"Table {ROMAN[score]}. Tukey's HSD, {SCORES[score]}",
        f"Differences of mean {SCORES[score]} (second minus first) with simultaneous 95 % intervals and adjusted "
        f"p-values; the values tested are the means of the runs over {len(results.test_images)} test photos.",
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
        "As in the paper, the test takes the runs as the sample: it speaks of exactly these test photos, not of others "
        "like them, and writes no verdict here. The last column works the paper's p-value out again from the means and "
        "SDs it prints.",
        *(f"{'; '.join(pairs)}: {reason}." for reason, pairs in reasons.items()),
        command="corrotwin benchmarks from-summary --paper",
    )


def _figures(material: Material) -> tuple[list[Block], list[str]]:
    """Return the paper's three figures from our runs and photos, where there are any."""
    shown, absent = examples(material)
    if not any(material.cell(material.reference, backbone) for backbone in paper.TABLE_II):
        return list(shown), [*absent, f"There are no curves: no run of the arm “{material.reference}” is complete."]
    return [*shown, paper_figures.curves(material), paper_figures.boxes(material)], absent
