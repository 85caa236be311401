"""Commands ``corrotwin synth validate`` and ``preview``: checks and previews of datasets."""

from pathlib import Path

from corrotwin.twin.core.console import tracked
from corrotwin.twin.core.errors import InputError, WorkError
from corrotwin.twin.core.files import writing
from corrotwin.twin.core.text import counted, say, say_next


def validate(
    folder: Path,
    /,
    *,
    against: tuple[Path, ...] = (),
    classes: tuple[str, ...] = (),
    report: Path | None = None,
    verify: int | None = None,
    twin: Path | None = None,
) -> None:
    """Check any dataset that training can read and measure its labels, optionally against a reference set.

    Exit status 0: no errors, perhaps warnings; 1: errors, or an image that differs when it is rendered again; 2:
    nothing could be checked. docs/synth.md lists errors and warnings. Example: corrotwin synth validate out/renders
    --against my-export --report out/validation.md

    Parameters
    ----------
    folder
        a Roboflow COCO export, one COCO json and its images, photos with PNG masks, a rendered dataset, or a zip of one
    against
        such folders or zips to compare the labels with, pooled, for instance of real photos
    classes
        names of the reference's categories that count; by default all
    report
        also write all findings and the table to this file, as Markdown (.md), JSON (.json), or a page (.html)
        with distributions of labels and tones and pairs of pictures from both sets
    verify
        number of images of a rendered dataset to render again, spread evenly over it, comparing files and
        labels
    twin
        with --verify, folder of the twin that the dataset shows, if it shows one
    """
    from corrotwin.synth.preview import comparison
    from corrotwin.synth.rendering.verify import print_results, render_again
    from corrotwin.synth.validation.checks import check
    from corrotwin.synth.validation.report import ERROR, PAGE, check_destination, show_report, write_report

    if verify is not None and verify < 1:
        raise InputError(f"--verify {verify}: give at least 1 image")
    if twin is not None and verify is None:
        raise InputError(f"--twin {twin}: only --verify uses it; leave it out")
    if classes and not against:
        raise InputError("--classes: applies to the categories of --against; give --against, too")
    if report is not None:
        check_destination(report, folder)
    if verify is not None and folder.is_file():
        raise InputError(f"--verify {verify}: {folder} is not a folder; unpack it and give the folder")
    rendered_again = None
    if verify is not None:
        rendered_again = tracked(render_again(folder, verify, twin=twin), "rendering again", verify, unit="images")
    checked = check(folder, label="validating")
    references = [check(reference, label="reference", classes=classes) for reference in against]
    show_report(checked, references)
    if report is not None and report.suffix == PAGE:
        comparison.write(report, checked, references, classes)
    elif report is not None:
        write_report(report, checked, references)
    if errors := checked.count(ERROR):
        raise WorkError(f"{folder}: {counted(errors, ERROR)} found; see the list above")
    if rendered_again is not None:
        print_results(folder, rendered_again)
    if (folder / "dataset.json").is_file():  # rendered
        say_next("segmentation", "train", "--data", "PHOTOS", "--renders", folder, "--out", "out/run")


def preview(folder: Path, /, *, html: bool = False, single: bool = False) -> None:
    """Add preview.jpg, a contact sheet with mask outlines, and card.md, a description, to any dataset.

    --html adds a page of all its pictures, to sort and filter, with masks and label maps overlaid.

    Parameters
    ----------
    folder
        a Roboflow COCO export, one COCO json and its images, photos with PNG masks, or a rendered dataset
    html
        also write the page preview/index.html, with its pictures beside it
    single
        with --html, write a single HTML file instead, preview.html, with small pictures embedded, for sending
    """
    from corrotwin.synth.preview import card, gallery

    if single and not html:
        raise InputError("--single: applies to the page of --html; give --html, too")
    if html:
        gallery.check_destination(folder, single=single)
    with writing(folder, "copy the dataset"):
        card.write(folder)
    page = f" and {gallery.write(folder, single=single)}" if html else ""
    say(f"{folder}: look at {folder / 'card.md'} and {folder / 'preview.jpg'}{page}")
