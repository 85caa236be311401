"""The tables of a report: I to IV beside the published ones, what the renders changed, and the runs."""

from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from benchmarks import paper
from benchmarks.results import Results
from benchmarks.statistics import Pair, gains, run_means, summary, tukey, tukey_from_summary
from benchmarks.table import (
    NONE,
    Column,
    Row,
    Table,
    number_column,
    plus_minus_column,
    text_column,
    write,
    yes_no_column,
)

if TYPE_CHECKING:
    from segmentation.model import Complexity

PAPER_SIZE = 224  # pixels; Table I states parameters and operations for it


def build(results: Results, complexity: Callable[[str, int], "Complexity"]) -> list[Table]:
    """All tables of a study, in the order of the report.

    Parameters
    ----------
    complexity : `segmentation.model.complexity`, or a table of it.
    """
    return [
        _table_i(results, complexity),
        _table_ii(results),
        _table_tukey(results, "f1"),
        _table_tukey(results, "iou"),
        *([_table_gains(results)] if len(results.arms) > 1 else []),
        _table_runs(results),
    ]


def _labelled(rows: Iterable[Row], results: Results) -> tuple[Row, ...]:
    """Rows for a CSV file that may travel alone: each says whose data and which profile it is."""
    return tuple({**row, "data": results.data_label, "profile": results.profile_label} for row in rows)


def _table_i(results: Results, complexity: Callable[[str, int], "Complexity"]) -> Table:
    rows = []
    for backbone in results.config.backbones:
        ours, theirs = complexity(backbone, PAPER_SIZE), paper.TABLE_I[backbone]
        row: dict[str, Any] = {
            "backbone": backbone,
            "encoder_params": ours.encoder_params,
            "unet_params": ours.unet_params,
            "depth": ours.depth,
            "encoder_gmacs": ours.encoder_gmacs,
            "unet_gmacs": ours.unet_gmacs,
            "paper_params": theirs.params_m * 1e6,
            "paper_depth": theirs.depth,
            "paper_gflops": theirs.gflops,
            "paper_train_minutes_mean": theirs.train_minutes.mean,
            "paper_train_minutes_sd": theirs.train_minutes.sd,
        }
        for arm in results.arms:
            minutes = summary(
                [each.train_minutes for each in results.scores if (each.arm, each.backbone) == (arm.name, backbone)]
            )
            row |= {f"train_minutes_{arm.name}_{name}": getattr(minutes, name) for name in ("n", "mean", "sd")}
        rows.append(row)

    def millions(key: str) -> Callable[[Row], str]:
        return lambda row: f"{row[key] / 1e6:.1f}"

    return Table(
        name="table1",
        title="Table I. The models",
        caption=results.caption(
            f"Parameters, depth and multiply-accumulates for one {PAPER_SIZE}×{PAPER_SIZE} image; training time of a "
            "run, mean ± SD over runs.",
        ),
        columns=(
            text_column("Backbone", "backbone"),
            Column(heading="Encoder params, M", cell=millions("encoder_params")),
            Column(heading="U-Net params, M", cell=millions("unet_params")),
            Column(heading="Paper: params, M", cell=millions("paper_params")),
            number_column("Depth", "depth", "d"),
            number_column("Paper: depth", "paper_depth", "d"),
            number_column("Encoder GMACs", "encoder_gmacs", ".2f"),
            number_column("U-Net GMACs", "unet_gmacs", ".2f"),
            number_column("Paper: FLOPs, G", "paper_gflops", ".1f"),
            *(
                plus_minus_column(f"Training, min ({arm.name})", f"train_minutes_{arm.name}", ".2f")
                for arm in results.arms
            ),
            plus_minus_column("Paper: training, min", "paper_train_minutes", ".2f"),
        ),
        rows=_labelled(rows, results),
        notes=(
            "The paper's parameters and FLOPs are those of the ImageNet classifiers; what it calls FLOPs "
            "are multiply-accumulates. Depth counts the encoder's convolutions without the classifier's head; the "
            "paper's is the number in the network's name.",
        ),
    )


def _table_ii(results: Results) -> Table:
    rows = []
    for arm in results.arms:
        means = {score: run_means(results.scores, arm=arm.name, score=score) for score in ("f1", "iou")}
        for backbone in results.config.backbones:
            ours = {score: summary(means[score].get(backbone, ())) for score in means}
            row: dict[str, Any] = {"arm": arm.name, "backbone": backbone, "runs": ours["f1"].n}
            row["photos"] = len(results.test_images)
            for score, value in ours.items():
                theirs = getattr(paper.TABLE_II[backbone], score)
                row |= {f"{score}_mean": value.mean, f"{score}_sd": value.sd}
                row |= {f"paper_{score}_mean": theirs.mean, f"paper_{score}_sd": theirs.sd}
            rows.append(row)
    return Table(
        name="table2",
        title="Table II. Scores",
        caption=results.caption(
            f"Per-image F1 and intersection over union on {len(results.test_images)} test photos, mean ± SD over runs; "
            f"the paper's over {paper.RUNS} runs on its own photos.",
        ),
        columns=(
            text_column("Arm", "arm"),
            text_column("Backbone", "backbone"),
            number_column("Runs", "runs", "d"),
            plus_minus_column("F1", "f1", ".3f"),
            plus_minus_column("Paper: F1", "paper_f1", ".3f"),
            plus_minus_column("IoU", "iou", ".3f"),
            plus_minus_column("Paper: IoU", "paper_iou", ".3f"),
        ),
        rows=_labelled(rows, results),
        notes=("A photo without corrosion on which none was found scores 1. An SD needs at least two runs.",),
    )


@cache
def paper_tukey(score: str) -> dict[tuple[str, str], Pair]:
    """Tukey's HSD worked out from the means and SDs that the paper prints in Table II."""
    printed = {backbone: getattr(row, score) for backbone, row in paper.TABLE_II.items()}
    pairs = tukey_from_summary(
        {name: value.mean for name, value in printed.items()},
        {name: value.sd for name, value in printed.items()},
        paper.RUNS,
    )
    return {(pair.first, pair.second): pair for pair in pairs}


def _p_value(value: float | None) -> str:
    if value is None:
        return NONE
    return "<0.0001" if value < 0.0001 else f"{value:.4f}"


def _table_tukey(results: Results, score: str) -> Table:
    published = {"f1": paper.TABLE_III, "iou": paper.TABLE_IV}[score]
    printed = paper_tukey(score)
    rows: list[Row] = []
    reasons: list[str] = []
    for arm in results.arms:
        means = run_means(results.scores, arm=arm.name, score=score)
        for pair in tukey({backbone: means.get(backbone, ()) for backbone in results.config.backbones}):
            key = (pair.first, pair.second)
            rows.append(
                {
                    "arm": arm.name,
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
                reasons.append(f"Arm {arm.name}, {pair.first} and {pair.second}: {pair.reason}.")
    name = {"f1": "F1", "iou": "IoU"}[score]
    return Table(
        name={"f1": "table3", "iou": "table4"}[score],
        title=f"Table {'III' if score == 'f1' else 'IV'}. Tukey's HSD, {name}",
        caption=results.caption(
            f"Differences of mean {name} (second minus first) with simultaneous 95 % intervals and adjusted p-values; "
            f"the values tested are the means of the runs over {len(results.test_images)} test photos.",
        ),
        columns=(
            text_column("Arm", "arm"),
            text_column("First", "first"),
            text_column("Second", "second"),
            number_column("Difference", "difference", "+.3f"),
            Column(
                heading="95 % interval",
                cell=lambda row: (
                    NONE if row["low"] is None else f"{write(row['low'], '+.3f')} to {write(row['high'], '+.3f')}"
                ),
            ),
            Column(heading="p", cell=lambda row: _p_value(row["p"])),
            yes_no_column("p < 0.05", "significant"),
            text_column("Paper: p", "paper_p"),
            yes_no_column("Paper: significant", "paper_significant"),
            Column(heading="p from paper's Table II", cell=lambda row: _p_value(row["paper_p_from_table2"])),
        ),
        rows=_labelled(rows, results),
        notes=(
            "As in the paper, the test takes the runs as the sample: it speaks of exactly these test photos, not of "
            "others like them. The last column works the paper's p-value out again from the means and SDs it prints.",
            *reasons,
        ),
    )


def _table_gains(results: Results) -> Table:
    base, *others = (arm.name for arm in results.arms)
    rows = []
    for arm in others:
        for backbone in results.config.backbones:
            row: dict[str, Any] = {"arm": arm, "base": base, "backbone": backbone}
            for score in ("f1", "iou"):
                found = gains(results.scores, backbone=backbone, arm=arm, base=base, score=score)
                value = summary(found)
                row |= {"pairs": value.n, f"{score}_gain_mean": value.mean, f"{score}_gain_sd": value.sd}
                row |= {f"{score}_gain_min": float(found.min()) if value.n else None}
                row |= {f"{score}_gain_max": float(found.max()) if value.n else None}
            rows.append(row)

    def span(score: str) -> Callable[[Row], str]:
        low, high = f"{score}_gain_min", f"{score}_gain_max"
        return lambda row: NONE if row[low] is None else f"{write(row[low], '+.3f')} to {write(row[high], '+.3f')}"

    return Table(
        name="gains",
        title=f"What the renders changed: {', '.join(others)} minus {base}",
        caption=results.caption(
            f"Difference of the mean score on {len(results.test_images)} test photos between runs of one seed, by "
            "backbone: mean and range over the pairs of runs.",
        ),
        columns=(
            text_column("Arm", "arm"),
            text_column("Against", "base"),
            text_column("Backbone", "backbone"),
            number_column("Pairs", "pairs", "d"),
            number_column("F1, mean change", "f1_gain_mean", "+.3f"),
            Column(heading="F1, range", cell=span("f1")),
            number_column("IoU, mean change", "iou_gain_mean", "+.3f"),
            Column(heading="IoU, range", cell=span("iou")),
        ),
        rows=_labelled(rows, results),
        notes=("A description, not a test: whether a change is more than chance is not settled by this table.",),
    )


def _table_runs(results: Results) -> Table:
    scores = {each.id: each for each in results.scores}
    rows: list[Row] = []
    for key, wanted in results.grid.items():
        found, manifest = scores.get(key), results.runs[key].manifest if key in scores else {}
        rows.append(
            {
                "id": key,
                "arm": wanted.arm.name,
                "backbone": wanted.backbone,
                "seed": wanted.seed,
                "f1": found.mean("f1") if found else None,
                "iou": found.mean("iou") if found else None,
                "best_epoch": manifest.get("best_epoch"),
                "train_minutes": found.train_minutes if found else None,
                "device": manifest.get("device"),
                "missing": results.missing.get(key, ""),
            }
        )
    return Table(
        name="runs",
        title="The runs",
        caption=results.caption(
            f"Every run of the grid: means over the {len(results.test_images)} test photos, the epoch whose weights "
            "were evaluated (best on validation), training time.",
        ),
        columns=(
            text_column("Run", "id"),
            number_column("Seed", "seed", "d"),
            number_column("F1", "f1", ".3f"),
            number_column("IoU", "iou", ".3f"),
            number_column("Best epoch", "best_epoch", "d"),
            number_column("Training, min", "train_minutes", ".2f"),
            text_column("Device", "device"),
            *([text_column("Missing because", "missing")] if results.missing else []),
        ),
        rows=_labelled(rows, results),
    )
