"""Accuracy against cost: parameters, operations, training time and latency, with the Pareto front."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corrotwin.benchmarks.formatting.inline_svg import tip
from corrotwin.benchmarks.formatting.style import Figure, look
from corrotwin.benchmarks.formatting.table import (
    Column,
    ReportTable,
    Row,
    number_column,
    plus_minus_column,
    text_column,
    yes_no_column,
)
from corrotwin.benchmarks.formatting.wording import plain_number
from corrotwin.benchmarks.report import words
from corrotwin.benchmarks.report.context import Material
from corrotwin.benchmarks.report.document import Block, ReportSection, Text
from corrotwin.benchmarks.stats.tukey import summary
from corrotwin.benchmarks.study.results import Results
from corrotwin.twin.core import tables
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.tables import read as read_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from corrotwin.segmentation.models.network import Complexity

FILE = "latency.csv"  # beside study.json: times of one machine, measured once, so that a report can be repeated
REPEATS = 20
COLUMNS = ("backbone", "p50_ms", "size", "threads", "precision", "repeats")
Point = tuple[float | None, float | None]  # cost and score
MOST = 10**9  # for a size, for threads and for repeats


@dataclass(frozen=True, kw_only=True)
class Timing:
    """A backbone's latency for one image, as in the study's file."""

    p50_ms: float
    size: int
    threads: int
    precision: str
    repeats: int


def timings(results: Results) -> dict[str, Timing]:
    """Return latencies of the study's backbones from its folder; measure and keep them if any is absent (seconds).

    Then all are measured again, in turn, so that their times come from one machine and hour.

    Raises
    ------
    InputError
        The file is damaged.
    """
    from corrotwin.segmentation.deployment import latency

    path = results.folder / FILE
    backbones = results.config.backbones
    if not path.exists() or not set(backbones) <= _read(path).keys():
        settings = next(iter(results.grid.values()))
        measured = latency.measure(
            backbones, settings.size, threads=settings.threads, repeats=REPEATS, precisions=(settings.precision,)
        )
        columns = list(asdict(measured[0]))
        tables.write_own(path, columns, (asdict(latencies).values() for latencies in measured))
    return _read(path)


def _read(path: Path) -> dict[str, Timing]:
    try:
        return {
            row.text("backbone"): Timing(
                p50_ms=row.number("p50_ms", least=0), size=row.whole("size", least=1, most=MOST),
                threads=row.whole("threads", least=1, most=MOST), precision=row.text("precision"),
                repeats=row.whole("repeats", least=1, most=MOST),
            )
            for row in read_table(path, required=COLUMNS, inside=path.parent).rows
        }  # fmt: skip
    except InputError as error:
        raise InputError(f"{error}; or delete it and the report measures again") from error


def section(material: Material, complexity: Callable[[str, int], "Complexity"]) -> ReportSection:
    """Return the section on costs beside scores, for the paper's arm."""
    size = next(iter(material.results.grid.values())).size
    blocks: list[Block] = []
    try:
        timed = timings(material.results)
    except InputError as error:
        timed = {}
        blocks.append(Text(text=words.line("cost", "no_latencies", error=error)))
    rows = [_row(material, backbone, complexity(backbone, size), timed.get(backbone))
            for backbone in material.results.config.backbones]  # fmt: skip
    ranked = _ranked(material, rows, [(row["latency_ms"], row["f1_mean"]) for row in rows])
    front = pareto(ranked)
    rows = [{**row, "pareto": None if None in ranked[index] else index in front}
            for index, row in enumerate(rows)]  # fmt: skip
    is_smoke = bool({*material.results.smoke_backbones} - {*material.backbones})
    if sentence := _front([row for row in rows if row["pareto"] is not None], smoke=is_smoke):
        blocks.append(Text(text=sentence))
    scored = [row for row in rows if row["f1_mean"] is not None]
    mixed = _machines(material)
    if len(scored) > 1:
        blocks.append(_figure(material, scored, size, mixed))
    return ReportSection(
        key="cost",
        title="Accuracy against cost",
        blocks=(*blocks, _table(material, rows, size, timed, mixed)),
    )


def _machines(material: Material) -> str:
    """Return a sentence if training minutes come from several kinds of machine; empty for one kind."""
    runs = [run for name in material.results.config.backbones for run in material.cell(material.reference, name)]
    devices = sorted({str(material.results.runs[run.id].manifest.get("device")) for run in runs})
    return words.line("cost", "machines", devices=devices)


def _front(known: Sequence[Row], *, smoke: bool) -> str:
    """Describe the Pareto front of backbones with both numbers, without smoke tests; empty for fewer than two."""
    best = [str(row["backbone"]) for row in known if row["pareto"]]
    if len(known) < 2:
        return ""
    return words.line(
        "cost", "front", best=best, others=[row["backbone"] for row in known if not row["pareto"]], smoke=smoke
    )


def _ranked(material: Material, rows: Sequence[Row], points: Sequence[Point]) -> list[Point]:
    """Return the (cost, score) points, without numbers if a smoke test gives the score."""
    return [
        point if row["backbone"] in material.backbones else (None, None)
        for row, point in zip(rows, points, strict=True)
    ]


def pareto(points: Sequence[Point]) -> set[int]:
    """Return the indices of (cost, score) points that no other point dominates."""
    known = [
        (index, cost, score) for index, (cost, score) in enumerate(points) if cost is not None and score is not None
    ]
    return {
        index
        for index, cost, score in known
        if not any((c <= cost and s >= score) and (c < cost or s > score) for _, c, s in known)
    }


def _row(material: Material, backbone: str, size: "Complexity", timing: Timing | None) -> dict[str, Any]:
    runs = material.cell(material.reference, backbone)
    score, minutes = summary([run.mean("f1") for run in runs]), summary([run.train_minutes for run in runs])
    return {
        "backbone": backbone,
        "runs": len(runs),
        "f1_mean": score.mean,
        "f1_sd": score.sd,
        "unet_params": size.unet_params,
        "unet_gmacs": size.unet_gmacs,
        "train_minutes_mean": minutes.mean,
        "train_minutes_sd": minutes.sd,
        "latency_ms": timing.p50_ms if timing else None,
    }


def _table(material: Material, rows: Sequence[Row], size: int, timed: dict[str, Timing], mixed: str) -> ReportTable:
    how = next(iter(timed.values()), None)
    return material.table(
        "cost",
        "Accuracy against cost",
        words.line("cost", "table", arm=material.reference, size=size, how=how, mixed=mixed),
        (
            text_column("Backbone", "backbone"),
            number_column("Runs", "runs", "d"),
            plus_minus_column("F1", "f1", ".3f"),
            Column(heading="Params, M", cell=lambda row: f"{row['unet_params'] / 1e6:.1f}"),
            number_column("GMACs", "unet_gmacs", ".2f"),
            plus_minus_column("Training, min", "train_minutes", ".1f"),
            number_column("Latency p50, ms", "latency_ms", ".1f"),
            yes_no_column("Pareto front", "pareto"),
        ),
        rows,
        command=_command(material, size),
    )


def _command(material: Material, size: int) -> str:
    """Return the command that repeats the latency measurements of the table."""
    backbones, settings = " ".join(material.results.config.backbones), next(iter(material.results.grid.values()))
    options = f"--backbone {backbones} --size {size} --threads {settings.threads} --repeats {REPEATS}"
    return f"corrotwin segmentation latency {options}"


def _figure(material: Material, rows: Sequence[Row], size: int, mixed: str) -> Figure:
    costs = {
        "latency_ms": (f"latency p50, ms ({size} px)", 1.0),
        "train_minutes_mean": ("training, min a run", 1.0),
        "unet_gmacs": (f"GMACs ({size} px)", 1.0),
        "unet_params": ("parameters, M", 1e-6),
    }

    points: dict[str, list[Point]] = {
        key: [(row[key] * scale, row["f1_mean"]) if row[key] is not None else (None, None) for row in rows]
        for key, (_, scale) in costs.items()
    }
    fronts: dict[str, list[Point]] = {}  # those with a line to draw
    for key, candidates in points.items():
        best = pareto(_ranked(material, rows, candidates))
        if len(best) > 1 and not (key == "train_minutes_mean" and mixed):
            fronts[key] = sorted((candidates[index] for index in best), key=lambda point: point[0] or 0)

    def draw(drawn: "Canvas") -> None:
        axes = drawn.subplots(2, 2, sharey=True)
        for axis, (key, (label, _)) in zip(axes.flat, costs.items(), strict=True):
            if front := fronts.get(key):
                axis.plot([cost for cost, _ in front], [score for _, score in front], color="#9aa5b1", lw=1, ls="--")
            for (cost, score), row in zip(points[key], rows, strict=True):
                if cost is not None:
                    name, sd = row["backbone"], row["f1_sd"] or 0
                    details = f"{name}: F1 {score:.3f}, {plain_number(cost, 3)} {label}"
                    axis.plot(
                        [cost], [score], "o", ms=14, alpha=0, gid=tip(details), zorder=9
                    )  # over and around the mark
                    axis.errorbar(
                        [cost],
                        [score],
                        yerr=[sd],
                        fmt=look(name, material.backbones).marker,
                        color=look(name, material.backbones).color,
                        ms=6.5,
                        lw=1.2,
                        label=name,
                    )
            axis.set_xlabel(label, fontsize=8.5)
            axis.set_xlim(left=0)
            axis.margins(x=0.15)
        for axis in axes[:, 0]:
            axis.set_ylabel("F1")
        handles, labels = axes.flat[0].get_legend_handles_labels()
        drawn.legend([handle[0] for handle in handles], labels, loc="outside upper center", ncols=2)

    return material.figure(
        "cost",
        "F1 against four costs",
        words.line(
            "cost",
            "figure",
            arm=material.reference,
            runs=[row["runs"] for row in rows],
            front=bool(fronts),
            mixed=mixed,
        ),
        4.9,
        draw,
    )
