"""Reports of the findings of `synth.validation.checks`: on the terminal, as Markdown and as JSON."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.table import Table

from corrotwin.synth.labels import label_statistics
from corrotwin.synth.labels.label_statistics import CLOSING_RADIUS, WORKING_SIDE, ImageLabels, LabelComparison
from corrotwin.twin.core.console import rich_console
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import write_json, write_text
from corrotwin.twin.core.text import counted, escape_markdown, markdown_table, printable

ERROR, WARNING = "error", "warning"
PAGE = ".html"  # suffix of a report with pictures, which `preview.comparison` writes
SHOWN_OF_A_KIND = 5  # most findings of each kind on the terminal; reports list all
BASIS = (
    f"Counted on masks scaled to {WORKING_SIDE} pixels on the longer side, nearest pixel. "
    "Shares of the picture are over all images, everything else over images with corrosion."
)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One problem: where it is, what it is, and what to do.

    `file` is relative to the dataset; `image` and `annotation` are ids in its json.
    """

    severity: str  # error or warning
    kind: str
    file: str
    image: int | None
    annotation: int | None
    what: str
    advice: str

    @property
    def place(self) -> str:
        """File, image and annotation of the finding, as far as known."""
        ids = (("image", self.image), ("annotation", self.annotation))
        return ", ".join([self.file, *(f"{name} {key}" for name, key in ids if key is not None)])


@dataclass(frozen=True, kw_only=True)
class ValidationReport:
    """Findings of one dataset; `labels` covers the images of which all masks can be decoded."""

    folder: Path
    images: int
    annotations: int
    findings: tuple[Finding, ...]
    labels: tuple[ImageLabels, ...]

    def count(self, severity: str) -> int:
        """Return the number of findings of a severity."""
        return sum(finding.severity == severity for finding in self.findings)

    @property
    def summary(self) -> str:
        """Numbers of images, annotations, errors and warnings, in one line."""
        counts = (
            (self.images, "image"), (self.annotations, "annotation"),
            (self.count(ERROR), ERROR), (self.count(WARNING), WARNING),
        )  # fmt: skip
        return ", ".join(counted(number, name) for number, name in counts)


@dataclass
class Notes:
    """Collector of the findings in one json."""

    folder: Path
    own: bool  # True if written by this program, so that areas and boxes must be exact
    source: Path
    findings: list[Finding] = field(default_factory=list)

    def add(
        self, kind: str, what: str, advice: str, *, file: Path | None = None,
        image: int | None = None, annotation: int | None = None, severity: str = ERROR,
    ) -> None:  # fmt: skip
        """Add a finding in `file`, by default in the json itself."""
        name = (file or self.source).relative_to(self.folder).as_posix()
        self.findings.append(
            Finding(
                severity=severity, kind=kind, file=name, image=image, annotation=annotation, what=what, advice=advice
            )
        )  # fmt: skip


def check_destination(path: Path, folder: Path) -> None:
    """Check that a report can be written to `path`, and will not be read as part of the dataset in `folder`.

    Raises
    ------
    InputError
        The path has another suffix or is a folder, or the report would be read as part of the dataset.
    """
    if path.suffix not in (".md", ".json", PAGE):
        raise InputError(f"`report` {path}: give a file that ends in .md, .json or {PAGE}")
    if path.is_dir():
        raise InputError(f"`report` {path}: is a folder; give a file")
    if path.parent.is_file():
        raise InputError(f"`report` {path}: {path.parent} is not a folder; give a file in one")
    inside = folder.resolve() in path.resolve().parents
    if inside and (path.suffix == ".json" or path.resolve().parent.name in ("images", "masks")):
        raise InputError(f"`report` {path}: inside the dataset, it would be read as part of it; put it elsewhere")


def show_report(report: ValidationReport, references: Sequence[ValidationReport]) -> None:
    """Print the first findings of each kind, and the table of label statistics beside that of all references as one."""
    console = rich_console(wrap=False)
    console.print(f"{report.folder}: {report.summary}")
    for reference in references:
        console.print(f"reference {reference.folder}: {reference.summary}")
    counts = Counter((finding.severity, finding.kind) for finding in report.findings)
    for (severity, kind), count in sorted(counts.items()):
        colour = "red" if severity == ERROR else "yellow"
        console.print(severity, style=colour, end="")
        console.print(f" {kind}: {count}")
        same_kind = [finding for finding in report.findings if (finding.severity, finding.kind) == (severity, kind)]
        for finding in same_kind[:SHOWN_OF_A_KIND]:
            console.print(f"  {printable(f'{finding.place}: {finding.what}; {finding.advice}')}")
        if count > SHOWN_OF_A_KIND:
            console.print(f"  and {count - SHOWN_OF_A_KIND} more; a --report in .md or .json lists all")
    headings, *lines = statistics_table(report, references)
    table = Table(caption=BASIS, caption_justify="left")
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="left" if number in (0, 4) else "right")
    for line in lines:
        table.add_row(*line, style="bold yellow" if line[-1] == "differs" else None)
    console.print(table, soft_wrap=False)


def write_report(path: Path, report: ValidationReport, references: Sequence[ValidationReport]) -> None:
    """Write all findings and the table to `path` atomically, as JSON or Markdown according to its suffix.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    try:
        if path.suffix == ".json":
            write_json(path, _as_json(report, references))
        else:
            write_text(path, _as_markdown(report, references))
    except OSError as error:
        raise InputError(f"`report` {path}: cannot be written ({error.strerror})") from error


def statistics_table(report: ValidationReport, references: Sequence[ValidationReport]) -> list[list[str]]:
    """Return rows of cells of the label statistics, headings first, beside those of all references as one."""
    return label_statistics.table(_rows(report, references), beside_reference=bool(references))


def _rows(report: ValidationReport, references: Sequence[ValidationReport]) -> list[LabelComparison]:
    labels = [image for reference in references for image in reference.labels]
    own = label_statistics.summarise(report.labels)
    return label_statistics.compare(own, label_statistics.summarise(labels) if references else None)


def _as_json(report: ValidationReport, references: Sequence[ValidationReport]) -> dict[str, object]:
    return {
        "folder": str(report.folder),
        "images": report.images,
        "annotations": report.annotations,
        "errors": report.count(ERROR),
        "warnings": report.count(WARNING),
        "findings": [asdict(finding) for finding in report.findings],
        "working_side_px": WORKING_SIDE,
        "closing_radius_px": CLOSING_RADIUS,
        "images_counted": len(report.labels),
        "references": [str(reference.folder) for reference in references],
        "statistics": {row.pop("name"): row for row in map(asdict, _rows(report, references))},
    }


def _as_markdown(report: ValidationReport, references: Sequence[ValidationReport]) -> str:
    lines = [f"# Validation of {escape_markdown(report.folder.name)}", "", f"{report.summary}.", "", "## Findings", ""]
    if report.findings:
        findings = [
            [finding.severity, finding.kind, finding.place, finding.what, finding.advice] for finding in report.findings
        ]
        lines += markdown_table(("severity", "kind", "where", "problem", "what to do"), findings).splitlines()
    else:
        lines.append("None.")
    lines += ["", "## Labels", ""]
    if references:
        named = "; ".join(f"{escape_markdown(reference.folder.name)}: {reference.summary}" for reference in references)
        lines += [
            f"The reference is {named}. Two numbers differ if one is more than {label_statistics.ALIKE:g} times the "
            "other.",
            "",
        ]
    headings, *rows = statistics_table(report, references)
    lines += markdown_table(headings, rows).splitlines()
    lines += ["", f"{BASIS} {len(report.labels)} of {report.images} images have masks that can be decoded."]
    return "\n".join(lines) + "\n"


def error_text(error: Exception, prefix: str) -> str:
    """Return the message of an error in one line, without a prefix that the finding states anyway."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text.removeprefix(" ".join(prefix.split())).lstrip(": ")


def problem_and_advice(error: Exception, prefix: str) -> tuple[str, str]:
    """Split the message of an error at its last semicolon into the problem and the advice."""
    what, _, advice = error_text(error, prefix).rpartition("; ")
    return (what, advice) if what else (advice, "export the dataset again")
