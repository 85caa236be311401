"""The commands of ``corrotwin synth``: render, fit, validate, preview, uvmap, locate."""

from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from corrotwin.synth.spec import Map
from corrotwin.twin.core.console import tracked
from corrotwin.twin.core.errors import InputError, WorkError
from corrotwin.twin.core.text import say, say_next


def render(
    *,
    out: Path | None = None,
    count: int | None = None,
    size: str = "320",
    seed: int = 0,
    preset: str = "balanced",
    twin: Path | None = None,
    cameras: Path | None = None,
    labels: Literal["annotator", "exact", "both"] = "annotator",
    maps: tuple[Map, ...] = (),
    polygons: bool = False,
    only: int | None = None,
    device: str = "cpu",
    workers: int | None = None,
    address: str | None = None,
    dry_run: bool = False,
) -> None:
    """Render corroded assets, drawn at random or a saved twin, with COCO masks.

    The folder gets images/, annotations.json, instances.json, dataset.json and preview.jpg. The same command resumes
    after a stop; a larger count appends. Example: corrotwin synth render --count 60 --size 320 --out out/renders, or,
    from cameras of your choice: corrotwin synth render --twin spool --cameras cameras.json --size 512

    Parameters
    ----------
    out
        dataset folder; by default out/synth/<preset>-<size>px-seed<seed>, or with <twin id> for <preset>
    count
        images, at least 1; by default 24, or one by each camera of the file
    size
        picture side in pixels, at least 1, or width x height, as 640x480
    seed
        another seed, other scenes
    preset
        balanced, quick, bridges, painted, timelapse, stress, clean or standin; or a .json file of your own,
        as {"like": "painted", "rust_tone": [0.3, 1.2]}, see docs/synth.md
    twin
        folder of a twin to photograph as it stands there; by default each scene has its own
    cameras
        camera file: JSON list of {"eye_m": [x, y, z], "look_at_m": [x, y, z], "field_of_view_deg": 50}, or with size,
        intrinsics, distortion and pose, see docs/cameras.md; by default they are drawn
    labels
        masks as people draw them, the rust that pixel centres see, or both: exact.json beside annotations.json
    maps
        also write exact maps beside the images: rust_cover, stain, age, wall_loss, severity, instances, depth,
        normals, uv, light; see docs/formats.md
    polygons
        outlines instead of compressed RLE in the COCO files; they lose holes, polygon_iou says how much
    only
        the number of one image, as its file is named, to render alone: the files that a whole dataset has
    device
        cpu, optix, cuda, hip, oneapi, metal, or auto: the first that renders; never yet tried on a card, so cpu by
        default
    workers
        Blender processes at a time, sharing cores and cards; by default one for four cores, at least two, or one a card
    address
        of a Ray cluster (auto, or host:port); by default this machine
    dry_run
        say how many batches, hours and bytes are to come, from one batch rendered here; write nothing
    """
    from corrotwin.synth.config import RenderConfig, size_of
    from corrotwin.synth.presets.schema import Preset
    from corrotwin.synth.rendering import dataset
    from corrotwin.synth.rendering.dry_run import estimate
    from corrotwin.synth.rendering.job import Task
    from corrotwin.synth.scene import subject

    config = RenderConfig(
        preset=Preset.read(preset) if preset.endswith(".json") else preset,
        size=size_of(size), seed=seed, labels=labels, maps=tuple(sorted(set(maps))),
        polygons=polygons,
    )  # fmt: skip
    if cameras is not None and twin is None:
        raise InputError(f"--cameras {cameras}: cameras stand about a twin; give its folder with --twin")
    stated = () if cameras is None else subject.read_cameras(cameras, size=config.sides)
    shown = None if twin is None else subject.saved(twin, stated)
    if only is not None and count is not None:
        raise InputError(f"--only {only} with --count {count}: give one of them")
    name = (Path(preset).stem if shown is None else shown.id) + f"-{size}px-seed{seed}"
    folder = out if out is not None else Path("out/synth") / (name if only is None else f"{name}-only{only}")
    wanted = count if count is not None else len(stated) or 24
    if dry_run:
        if only is not None:
            raise InputError(f"--dry-run with --only {only}: one image is soon rendered; leave one of them out")
        task = Task(config=config, shown=shown, count=wanted, device=device)
        say(estimate(folder, task, workers=workers, address=address))
        return
    images = dataset.render(
        folder, config, count=wanted, shown=shown, only=only, device=device, workers=workers, address=address
    )
    say(f"{folder}: {images} images; look at {folder / 'preview.jpg'}")
    say_next("synth", "validate", folder)


def fit(
    *,
    photos: Path,
    out: Path,
    unlabelled: Path | None = None,
    split: Path | None = None,
    classes: tuple[str, ...] = (),
    preset: str = "balanced",
    textures: bool = False,
    seed: int = 0,
    workers: int | None = None,
) -> None:
    """Fit a preset to ten labelled photographs or more: renders made like them.

    Writes a preset for `corrotwin synth render --preset`, and beside it a page (.html) with photographs and renders
    before and after. Small renders are kept in a folder beside it (.fit), from which the same command goes on after a
    stop. Some 15 minutes on two cores. It sees these photographs alone. Example: corrotwin synth fit --photos my-export
    --out mine.json

    Parameters
    ----------
    photos
        a COCO dataset, or photos with PNG masks; those without labels count as unlabelled
    out
        .json file of the preset
    unlabelled
        folder of photographs without labels, at most 300 of which are looked at: for light, camera and surroundings
    split
        file of `corrotwin segmentation split`: only photographs that train are looked at; by default all but those in
        an export's folder test
    classes
        names of the categories that count as corrosion; by default all
    preset
        what the fit starts from, a name or a .json file of your own
    textures
        also cut rust and coats out of the photographs and weave them into textures, in a folder beside it (.textures)
    seed
        another seed, other renders to search with
    workers
        Blender processes at a time; by default one a core
    """
    from corrotwin.synth.fitting import output, photographs
    from corrotwin.synth.presets.schema import Preset

    output.check(out, seed, workers)
    base = Preset.read(preset) if preset.endswith(".json") else Preset.like(preset)
    given = photographs.read(photos, unlabelled, classes or None, split)
    say(output.make(out, given, base, textures=textures, seed=seed, workers=workers))
    say(f"{out}: the preset; look at {out.with_suffix('.html')}")
    say_next("synth", "render", "--preset", out, "--count", 300, "--size", 224)


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
    """Check any dataset that training can read and measure its labels, beside a reference set if one is given.

    Exit status 0: no errors, perhaps warnings; 1: errors, or an image that was rendered again and differs; 2: nothing
    that could be checked. What counts as what is in docs/synth.md. Example: corrotwin synth validate out/renders
    --against my-export --report out/validation.md

    Parameters
    ----------
    folder
        a Roboflow COCO export, one COCO json and its images, photos with PNG masks, a rendered dataset, or a zip of one
    against
        such folders or zips to compare the labels with, taken as one, for instance of real photos
    classes
        names of the categories of those folders that count; by default all
    report
        also write all findings and the table here, as Markdown (.md) or JSON (.json), or a page (.html) with
        distributions of labels and tones and with pictures of both sets in pairs
    verify
        render so many images of a rendered dataset again, spread evenly over it, and compare files and labels
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
        raise InputError(f"--twin {twin}: it is for --verify; leave it out")
    if classes and not against:
        raise InputError("--classes: chooses among the categories of the folders of --against; give those, too")
    if report is not None:
        check_destination(report, folder)
    if verify is not None and folder.is_file():
        raise InputError(f"--verify {verify}: {folder} is no folder; unpack it and give the folder")
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
        raise WorkError(f"{folder}: {errors} error{'' if errors == 1 else 's'} found; see the list")
    if rendered_again is not None:
        print_results(folder, rendered_again)
    say_next("segmentation", "train", "--data", "PHOTOS", "--renders", folder, "--out", "out/run")


def preview(folder: Path, /, *, html: bool = False, single: bool = False) -> None:
    """Write preview.jpg, a contact sheet with mask outlines, and card.md, a description, into any dataset.

    With --html also a page of all its pictures, to sort and filter, with masks and label maps laid over them.

    Parameters
    ----------
    folder
        a Roboflow COCO export, one COCO json and its images, photos with PNG masks, or a rendered dataset
    html
        also write the page preview/index.html, its pictures beside it
    single
        with --html, write one HTML file instead, preview.html, with small pictures inside, to send
    """
    from corrotwin.synth.preview import card, gallery

    if single and not html:
        raise InputError("--single: says how the page of --html is written; give that, too")
    try:
        card.write(folder)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror}); copy the dataset") from error
    page = f" and {gallery.write(folder, single=single)}" if html else ""
    say(f"{folder}: look at {folder / 'card.md'} and {folder / 'preview.jpg'}{page}")


def uvmap(*, twin: Path, camera: Path, name: str | None = None, out: Path | None = None) -> None:
    """Map the pixels of a photograph to the texels of a twin, so that `twin inspect` can read rust from its mask.

    Example: corrotwin synth uvmap --twin spool --camera front.json, then corrotwin twin inspect spool --date 2016-05-31
    --tool phone --photo front-mask.png --uvmap front.npz

    Parameters
    ----------
    twin
        its folder
    camera
        camera file: JSON with intrinsics and a pose, which may follow from picked points or ArUco markers; see
        docs/cameras.md
    name
        of the camera, where the file has several
    out
        .npz file; by default beside the camera, with its name
    """
    from corrotwin.synth.cameras import texel_map

    target = out if out is not None else camera.with_suffix(".npz") if name is None else camera.parent / f"{name}.npz"
    say(texel_map.write(twin, camera, target, name=name))
    say_next("twin", "inspect", twin, "--date", "DATE", "--tool", "TOOL", "--photo", "MASK", "--uvmap", target)


def locate(
    photo: Positional[Path],
    *,
    points: Path,
    twin: Path | None = None,
    focal_px: float | None = None,
    distortion: tuple[float, ...] = (),
    out: Path | None = None,
) -> None:
    """Find where a photograph of an asset was taken, from points picked in it, and write that as a camera file.

    Example: corrotwin synth locate front.jpg --points points.csv --twin spool, then corrotwin synth uvmap --twin spool
    --camera front.json

    Parameters
    ----------
    photo
        the photograph
    points
        table with columns px, py (pixel: column and row) and x, y, z (metres, in the coordinates of the asset) of at
        least four points
    twin
        folder of the twin; where it is a mesh, x, y and z are those of the mesh's file, in its units
    focal_px
        focal length in pixels; by default from the photograph's Exif, else found from at least six points
    distortion
        OpenCV's coefficients k1, k2, p1, p2 and further ones
    out
        camera file to write; by default beside the photograph, with its name
    """
    from corrotwin.synth.cameras.locate import locate as located

    target = out if out is not None else photo.with_suffix(".json")
    say(str(located(photo, points, target, twin=twin, focal_px=focal_px, distortion=distortion)))


DESCRIPTION = "Rendered datasets of corroding assets with pixel-true masks."
COMMANDS = {"render": render, "fit": fit, "validate": validate, "preview": preview, "uvmap": uvmap, "locate": locate}
