"""The report of a study: a self-contained HTML page, the same in Markdown, tables as CSV and figures as files.

Everything is worked out again from the folder, so that a report can be made at any time.
"""

import base64
import re
import shlex
from pathlib import Path
from typing import Any

from markupsafe import Markup

from benchmarks import paper
from benchmarks.answer import answer
from benchmarks.drawing import Figure
from benchmarks.figures import draw
from benchmarks.results import Results, load
from benchmarks.tables import build
from twin.files import CLAIM, atomic_file, hold

FOLDER = "report"
MIME = {"svg": "image/svg+xml", "png": "image/png"}
# What Markdown or the HTML inside it would read as markup.
_MARKUP = re.compile(r"([\\`*\[\]<>|~#$])")


def write(out: Path) -> Path:
    """Make `report/` in the study folder `out` again and return the path of its page.

    Raises
    ------
    InputError
        `out` holds no finished study.
    """
    from segmentation.model import complexity

    results = load(out)
    tables = build(results, complexity)
    figures, absent = draw(results)
    content = {
        "answer": answer(results),
        "results": results,
        "tables": tables,
        "figures": figures,
        "absent": absent,
        "slips": paper.SLIPS,
        "citation": paper.CITATION,
        "protocol": paper.PROTOCOL,
        "facts": facts(results),
        "command": command(results),
    }
    html, markdown = render(content)
    folder = results.folder / FOLDER
    parts = {f"{table.name}.csv": table.csv.encode() for table in tables}
    parts |= {file_name(figure): figure.content for figure in figures}
    parts |= {"report.md": markdown.encode(), "index.html": html.encode()}
    with hold(folder, FOLDER, {}, patience_seconds=30):
        for name, part in parts.items():
            with atomic_file(folder / name) as stream:
                stream.write(part)
        for path in folder.glob("[!.]*"):  # nothing of an earlier report stays beside the new one
            if path.name not in {*parts, CLAIM}:
                path.unlink()
    return folder / "index.html"


def render(content: dict[str, Any]) -> tuple[str, str]:
    """The page and its Markdown twin. Every value is escaped: names of files and folders come from outside."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    common: dict[str, Any] = {
        "loader": PackageLoader("benchmarks"),
        "undefined": StrictUndefined,
        "trim_blocks": True,
        "lstrip_blocks": True,
    }
    page = Environment(**common, autoescape=True)
    page.filters |= {"data_uri": data_uri}
    text = Environment(**common, autoescape=False, finalize=escape_markdown)  # noqa: S701 (finalize escapes)
    text.filters |= {"file_name": file_name, "verbatim": verbatim}
    return page.get_template("report.html.j2").render(content), text.get_template("report.md.j2").render(content)


def escape_markdown(value: object) -> str:
    """A value as Markdown shows it literally, on one line."""
    if isinstance(value, Markup):
        return value
    text = " ".join(str(value).split()).replace("&", "&amp;")
    return _MARKUP.sub(r"\\\1", text)


def verbatim(value: str) -> Markup:
    """A value as it is, on one line, for a block of code."""
    return Markup(" ".join(value.split()))  # noqa: S704 (Markdown shows the inside of a block of code literally)


def data_uri(figure: Figure) -> str:
    """The figure inside a URI, so that the page needs no other file."""
    return f"data:{MIME[figure.kind]};base64,{base64.b64encode(figure.content).decode()}"


def file_name(figure: Figure) -> str:
    """The name of a figure's file beside the page."""
    return f"{figure.name}.{figure.kind}"


def command(results: Results) -> str:
    """The command that makes this study again."""
    data = results.manifest["data"]
    given = "" if data["folder"] == "standin" else f" --data {shlex.quote(data['name'])}"
    return f"python -m benchmarks run --profile {results.config.profile}{given}"


def facts(results: Results) -> dict[str, dict[str, str]]:
    """How the study was done: headings, each with names and values."""
    manifest, config = results.manifest, results.config
    counts, split, renders = manifest["data"]["counts"], manifest["split"], manifest["renders"]
    training = dict(next(iter(results.grid.values())).__dict__)
    for name in ("backbone", "arm", "seed"):  # what the grid varies
        del training[name]
    how = {
        "published": "random by photo, 70/15/15, as published; photos of one spot may stand in two parts",
        "own": "the export's own train, valid and test folders",
    }
    found = {
        "Data": {
            "test photos are": results.data_label,
            "images": f"{counts['images']} with {counts['annotations']} annotated regions",
            "split": f"{how[split['how']]} (seed {split['seed']})",
            "training / validation / test": f"{counts['train']} / {counts['valid']} / {counts['test']}",
            "used in a run": _used(results),
            "digest of the data": manifest["data"]["digest"],
            "digest of the split": split["digest"],
        },
        "Renders for training": {
            "images": f"{renders['counts']['images']} with {renders['counts']['annotations']} annotated regions",
            "preset": f"{config.renders.preset}, {config.renders.size}×{config.renders.size} pixels",
            "enter": "training only; validation and test never hold a render of this set",
            "digest": renders["digest"],
        }
        if renders
        else {},
        "Grid": {
            "backbones": ", ".join(config.backbones),
            "arms": "; ".join(
                f"{arm.name}: {arm.real_fraction:.0%} of the real training photos, renders "
                + ("as often as photos" if arm.synth_share is None else f"{arm.synth_share:.0%} of each batch's draws")
                for arm in config.arms
            ),
            "runs per backbone and arm": str(config.runs),
            "seeds": f"{config.seed} to {config.seed + config.runs - 1}; run r has the same seed in every arm",
        },
        "Training": {
            name.replace("_", " "): "none" if value is None else str(value) for name, value in training.items()
        },
        "Time": {
            "training, all runs": f"{sum(each.train_minutes for each in results.scores):.1f} min",
            "devices": ", ".join(sorted({str(run.manifest.get("device")) for run in results.runs.values()})) or "none",
        },
        "Versions": manifest["versions"],
    }
    return {heading: values for heading, values in found.items() if values}


def _used(results: Results) -> str:
    config = next(iter(results.grid.values()))
    test = len(results.test_images)
    capped = config.max_train_images is not None or config.max_eval_images is not None
    if not capped:
        return f"all; {test} test photos"
    return (
        f"a subsample: at most {config.max_train_images} training photos, at most {config.max_eval_images} each for "
        f"validation and test ({test} test photos scored)"
    )
