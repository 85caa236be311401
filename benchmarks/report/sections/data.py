"""The data: counts, and leaks of the split."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from corrotwin.benchmarks.data import photo_groups
from corrotwin.benchmarks.formatting.table import NONE, Column, ReportTable, Row, number_column, text_column
from corrotwin.benchmarks.formatting.wording import mean_count
from corrotwin.benchmarks.report import words
from corrotwin.benchmarks.report.context import Material
from corrotwin.benchmarks.report.document import Block, ReportSection, Text
from corrotwin.twin.core.errors import InputError

if TYPE_CHECKING:
    from corrotwin.segmentation.data.coco import Photo
    from corrotwin.segmentation.data.leakage import Leaks
    from corrotwin.segmentation.data.splits import Split


def section(material: Material) -> ReportSection:
    """Return the section on the data that the study was trained and tested on."""
    blocks: list[Block] = [_counts(material)]
    split, reason = _split(material)
    blocks += _leaks(material, split) if split and material.dataset else _not_checked(reason)
    return ReportSection(key="data", title="The data", blocks=tuple(blocks))


def _not_checked(reason: str) -> list[Block]:
    return [Text(text=words.line("data", "not_checked", reason=reason))]


def _split(material: Material) -> "tuple[Split | None, str]":
    from corrotwin.segmentation.data import splits

    try:
        return splits.load(material.results.folder / "split.json"), material.photos_absent
    except InputError as error:
        return None, f"{error}."


def _counts(material: Material) -> ReportTable:
    manifest, groups = material.results.manifest, material.results.groups
    split, _ = _split(material)
    rows: list[Row] = []
    for name, title in (
        ("train", "photos for training"),
        ("valid", "photos for validation"),
        ("test", "photos for test"),
    ):
        names = getattr(split, name) if split else ()
        photos = [material.photos[file_name] for file_name in names if file_name in material.photos]
        spots = len({groups[file_name] for file_name in names}) if groups else None
        count = manifest["data"]["counts"][name]
        rows.append({"what": title, "images": count, "spots": spots, **_labels(photos if len(photos) == count else [])})
    if renders := manifest["renders"]:
        photos = list(material.renders.photos) if material.renders else []
        row = {
            "what": f"renders for training ({renders['name']})",
            "images": renders["counts"]["images"],
            "spots": None,
        }
        rows.append({**row, **_labels(photos)})
    return material.table(
        "counts",
        "Images",
        words.line("data", "counts", has_spots=groups is not None),
        (
            text_column("Set", "what"),
            number_column("Images", "images", ",d"),
            number_column("Spots", "spots", ",d"),
            number_column("Regions", "regions", ",d"),
            Column(heading="Corroded, median", cell=lambda row: _percent(row["share"])),
        ),
        rows,
    )


def _percent(share: float | None) -> str:
    return NONE if share is None else f"{100 * share:.1f} %"


def _labels(photos: "Sequence[Photo]") -> dict[str, Any]:
    from corrotwin.segmentation.data import coco

    if not photos:
        return {"regions": None, "share": None}
    shares = [float(coco.mask(photo).mean()) for photo in photos]
    return {"regions": sum(len(photo.annotations) for photo in photos), "share": float(np.median(shares))}


def _leaks(material: Material, split: "Split") -> list[Block]:
    from corrotwin.segmentation.data import leakage

    dataset = material.dataset
    assert dataset is not None  # noqa: S101  the caller checks
    try:
        report = leakage.report(dataset, split)
    except InputError as error:
        return _not_checked(f"{error}.")
    rows = [
        _leak_row(f"this study ({split.how})", [report.leaks]),
        _leak_row("this study, by byte-identical files", [report.copies]),
        *([_leak_row("the export's own", [report.own])] if report.own else []),
        _leak_row(f"random, as published ({len(report.published)} seeds, mean)", report.published),
    ]
    named = photo_groups.group_by_name(dataset)
    by_name = leakage.leaks(split, named) if named is not None else None
    if by_name is not None and by_name.split_groups:
        rows.insert(1, _leak_row(f"this study, by {photo_groups.HINT}", [by_name]))
    paragraphs = words.paragraphs(
        "data", "leaked", test=report.leaks.test, unit="spot" if material.results.groups else "known group",
        copies=by_name.test.leaked if by_name is not None else (), hint=photo_groups.HINT,
    )  # fmt: skip
    table = material.table(
        "leaks",
        "Validation and test photos whose spot is also in training",
        words.line("data", "leaks"),
        (
            text_column("Split", "split"),
            Column(heading="Validation photos leaked", cell=lambda row: mean_count(row["valid"])),
            number_column("Of", "valid_photos", ",d"),
            Column(heading="Test photos leaked", cell=lambda row: mean_count(row["test"])),
            number_column("Of", "test_photos", ",d"),
            Column(heading="Groups split", cell=lambda row: mean_count(row["torn"])),
        ),
        rows,
    )
    return [*(Text(text=text) for text in paragraphs), table]


def _leak_row(name: str, found: "Sequence[Leaks]") -> Row:
    return {
        "split": name,
        "valid": float(np.mean([len(leaks.valid.leaked) for leaks in found])),
        "valid_photos": found[0].valid.photos,
        "test": float(np.mean([len(leaks.test.leaked) for leaks in found])),
        "test_photos": found[0].test.photos,
        "torn": float(np.mean([leaks.split_groups for leaks in found])),
    }
