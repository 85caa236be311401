"""The method: configuration, seeds, versions, hardware, times, limits, and the commands."""

import json
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from corrotwin.benchmarks.data import photo_groups
from corrotwin.benchmarks.formatting.table import ReportTable, number_column, text_column
from corrotwin.benchmarks.formatting.wording import percent
from corrotwin.benchmarks.report import words
from corrotwin.benchmarks.report.context import Material
from corrotwin.benchmarks.report.document import Block, Bullets, Command, Facts, ReportSection, Text
from corrotwin.benchmarks.report.families import CONTRASTS
from corrotwin.benchmarks.study.config import RANDOM, STUDIES, TUNED, shown
from corrotwin.benchmarks.study.results import Results
from corrotwin.segmentation.arms import MIXED_SHARE
from corrotwin.twin.core.text import counted


def section(material: Material) -> ReportSection:
    """Return everything needed to judge and repeat the study."""
    results = material.results
    blocks: list[Block] = [Facts(title=title, values=values) for title, values in facts(results).items()]
    limits = Bullets(items=tuple(tuple(text.split(": ", 1)) for text in unproven(results)))  # type: ignore[misc]
    return ReportSection(
        key="method",
        title="How it was done, and what it does not show",
        blocks=(
            Text(text="What this study does not show", heading=True),
            limits,
            *blocks,
            _runs(material),
            Text(text=words.line("method", "commands"), heading=True),
            Command(text=f"{command(results)}\ncorrotwin benchmarks report --out STUDY"),
        ),
    )


def command(results: Results) -> str:
    """Return the command that repeats this study, or one for each group of cells with its own number of runs.

    `corrotwin benchmarks run` takes no seed: a study with a seed other than 0 is repeated by `study` of the Python API.
    """
    seed = results.config.seed
    if not results.config.by_command:
        return "corrotwin benchmarks transfer  # or screen, one fold of it; with the options recorded in its folder"
    if seed == 0:
        lines = [["corrotwin", "benchmarks", "run", *_options(settings)] for settings in _settings(results)]
    else:
        calls = [_arguments({**settings, "seed": seed}) for settings in _settings(results)]
        lines = [["python", "-c", f"import corrotwin as ct; ct.study({arguments})"] for arguments in calls]
    return "\n".join(map(shlex.join, lines))


def _settings(results: Results) -> Iterator[dict[str, Any]]:
    """Yield the settings of each group of cells with its own number of runs, by option of the command."""
    config, data, renders = results.config, results.manifest["data"], results.manifest["renders"]
    is_folder = renders and renders.get("plan") is None
    split = results.manifest["split"]
    is_drawn_again = split["how"] == "own" or (split["how"] == "published" and split["seed"] == 0)
    settings = {
        "profile": config.profile,
        "data": "" if data["folder"] == "standin" else data["name"],
        "classes": data.get("classes"),
        "renders": renders["name"] if is_folder else "",
        "renders_per_run": max(_draw_sizes(results), default=0) if is_folder else 0,
        "render_share": None if config.render_share == MIXED_SHARE else config.render_share,
        "split": split["how"] if is_drawn_again and results.groups is None else "split.json",
        "across": [*results.across],
        "threads": None if config.threads == STUDIES[config.profile].threads else config.threads,
    }
    shared = {name: value for name, value in settings.items() if value}
    shared |= {name: config.changes[name] for name in TUNED if name in config.changes}
    groups: dict[tuple[Any, ...], list[str]] = {}
    for cell in results.cells:  # equal backbones, fractions and runs are one command
        groups.setdefault((cell.backbone, cell.real_fraction, cell.runs), []).append(cell.kind)
    merged: dict[tuple[Any, ...], list[str]] = {}
    for (backbone, fraction, runs), kinds in groups.items():
        merged.setdefault((tuple(kinds), fraction, runs), []).append(backbone)
    whole: dict[tuple[Any, ...], list[float]] = {}
    for (kinds, fraction, runs), backbones in merged.items():
        whole.setdefault((tuple(kinds), tuple(backbones), runs), []).append(1 if fraction == 1 else fraction)
    for (kinds, backbones, runs), fractions in whole.items():
        cells = {"arms": [*kinds], "real_fractions": fractions, "backbones": [*backbones], "runs": runs, "out": "STUDY"}
        yield {**shared, **cells}


def _options(given: Mapping[str, Any]) -> Iterator[str]:
    for name, value in given.items():
        yield f"--{name.replace('_', '-')}"
        for item in value if isinstance(value, list) else [value]:
            yield RANDOM if item is None else str(item)


def _arguments(given: Mapping[str, Any]) -> str:
    """Return settings as the arguments of `study`. Photos use the split in the study's folder."""
    keywords = _keywords({name: value for name, value in given.items() if name not in ("data", "classes", "split")})
    if "data" not in given:
        return keywords
    chosen = {name: given[name] for name in ("classes",) if name in given}
    return f"ct.Dataset({_literal(given['data'])}, {_keywords({**chosen, 'split': 'split.json'})}), {keywords}"


def _keywords(given: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={_literal(value)}" for name, value in given.items())


def _literal(value: Any) -> str:
    """Return a value as a Python literal with double quotes, which shells keep inside single ones."""
    return "None" if value is None else json.dumps(value, ensure_ascii=False)


def facts(results: Results) -> dict[str, dict[str, str]]:
    """Return headings, each with names and values."""
    manifest, config = results.manifest, results.config
    counts, split, renders = manifest["data"]["counts"], manifest["split"], manifest["renders"]
    devices = sorted({str(run.manifest.get("device")) for run in results.runs.values()})
    sections = {
        "Data": {
            "test photos are": results.data_label,
            "images": f"{counts['images']} with {counts['annotations']} annotated regions",
            "categories that count as corrosion": ", ".join(manifest["data"].get("classes", ())) or "all",
            "split": words.line("method", "split", split=split),
            "training / validation / test": f"{counts['train']} / {counts['valid']} / {counts['test']}",
            "used in a run": words.line(
                "method", "used", config=next(iter(results.grid.values())), test=len(results.test_images)
            ),
            "digest of the data": manifest["data"]["digest"],
            "digest of the split": split["digest"],
        },
        "Renders for training": _renders(results) if renders else {},
        "Grid": {
            "cells": "; ".join(_cell(results, arm.name) for arm in results.arms),
            "seeds": f"from {config.seed}; run r has seed {config.seed} + r in every arm and backbone",
            "complete": f"{len(results.scores)} of {counted(len(results.grid), 'run')}",
        },
        "Training": _training(results),
        "Time and hardware": {
            "training, all runs": f"{sum(run.train_minutes for run in results.scores):.1f} min",
            "devices": ", ".join(devices) or "none",
        },
        "Versions": manifest["versions"],
    }
    return {heading: values for heading, values in sections.items() if values}


def _training(results: Results) -> dict[str, str]:
    """Return the settings of all runs, those that differ by backbone last."""
    runs = list(results.grid.values())
    varied = ("backbone", "arm", "seed", "epochs", "encoder_weights")
    settings = {
        name.replace("_", " "): " or ".join(dict.fromkeys(shown(getattr(run, name)) for run in runs))
        for name in vars(runs[0])
        if name not in varied
    }
    starts = dict.fromkeys((run.backbone, run.encoder_weights, run.epochs) for run in runs)
    settings["initial weights and epochs"] = "; ".join(
        f"{backbone}: {'random' if weights is None else 'ImageNet'}, {counted(epochs, 'epoch')}"
        for backbone, weights, epochs in starts
    )
    return settings


def _cell(results: Results, arm: str) -> str:
    cells = [cell for cell in results.cells if cell.arm.name == arm]
    backbones = ", ".join(f"{cell.backbone} × {cell.runs}" for cell in cells)
    return f"{cells[0].kind} at {percent(cells[0].real_fraction)} ({backbones})"


def _renders(results: Results) -> dict[str, str]:
    renders = results.manifest["renders"]
    plan, sizes = renders.get("plan"), _draw_sizes(results)
    return {
        "images": f"{renders['counts']['images']} with {renders['counts']['annotations']} annotated regions",
        "source": "folder " + str(renders["name"])
        if plan is None
        else f"preset {plan['preset']}, {plan['size']}×{plan['size']} pixels",
        "draws": words.line("method", "draws", sizes=sizes),
        "used for": "training only; no render of this set is in the validation or test set",
        "digest": renders["digest"],
    }


def _draw_sizes(results: Results) -> list[int]:
    """Return the number of renders in the draw of each run; none where all runs share all renders."""
    return [draw["images"] for draw in (results.manifest["renders"] or {}).get("draws", ())]


def unproven(results: Results) -> tuple[str, ...]:
    """List the limits of this study's numbers, each as "what they do not show: why"."""
    complete = Counter((run.arm, run.backbone) for run in results.scores)
    return words.paragraphs(
        "method", "unproven", results=results, mixed=_machines(results),
        no_spots=results.groups is None or photo_groups.are_copies_only(results.groups),
        one_draw=results.manifest["renders"] and not _draw_sizes(results),
        few=sum(complete[cell.arm.name, cell.backbone] < 5 for cell in results.cells),
    )  # fmt: skip


def _machines(results: Results) -> list[tuple[str, set[str]]]:
    """Return the comparisons with sides trained on several devices or in several precisions, and name these."""
    ran: dict[tuple[str, float, str], set[str]] = {}
    for run in results.scores:
        manifest = results.runs[run.id].manifest
        fast = manifest.get("bfloat16")
        precision = "" if fast is None else " with bfloat16" if fast else " without bfloat16"
        how = f"{str(manifest.get('device')).partition(' ')[0]}{precision}"
        ran.setdefault((run.kind, run.real_fraction, run.backbone), set()).add(how)
    pairs = [
        (f"{contrast.kind} − {contrast.base} ({backbone}, {percent(fraction)})", ran[base] | how)
        for contrast in CONTRASTS
        for (kind, fraction, backbone), how in ran.items()
        if kind == contrast.kind and (base := (contrast.base, fraction, backbone)) in ran
    ]
    for kind, fraction in dict.fromkeys((kind, fraction) for kind, fraction, _ in ran):
        all_of = set().union(
            *(
                how
                for (cell_kind, cell_fraction, _), how in ran.items()
                if (cell_kind, cell_fraction) == (kind, fraction)
            )
        )
        pairs.append((f"backbones of {kind} ({percent(fraction)})", all_of))
    return [(name, how) for name, how in pairs if len(how) > 1]


def _runs(material: Material) -> ReportTable:
    results = material.results
    scores = {run.id: run for run in results.scores}
    rows = []
    for key, config in results.grid.items():
        run, manifest = scores.get(key), results.runs[key].manifest if key in scores else {}
        rows.append(
            {
                "id": key,
                "arm": config.arm.name,
                "backbone": config.backbone,
                "seed": config.seed,
                "f1": run.mean("f1") if run else None,
                "iou": run.mean("iou") if run else None,
                "best_epoch": manifest.get("best_epoch"),
                "train_minutes": run.train_minutes if run else None,
                "device": manifest.get("device"),
                "missing": results.missing.get(key, ""),
            }
        )
    return material.table(
        "runs",
        "The runs",
        words.line("method", "runs", units=material.units),
        (
            text_column("Run", "id"),
            number_column("Seed", "seed", "d"),
            number_column("F1", "f1", ".3f"),
            number_column("IoU", "iou", ".3f"),
            number_column("Epoch", "best_epoch", "d"),
            number_column("Training, min", "train_minutes", ".1f"),
            *([text_column("Missing because", "missing")] if results.missing else []),
        ),
        rows,
    )
