"""Every kind of finding from a small dataset with that one fault; and the command that reports them."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from corrotwin.segmentation.data import coco
from corrotwin.synth.commands import validate
from corrotwin.synth.labels import maps
from corrotwin.synth.labels.label_statistics import summarise
from corrotwin.synth.validation.checks import check
from corrotwin.synth.validation.report import check_destination, show_report, write_report
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import write_json

WIDTH, HEIGHT = 40, 30

Document = dict[str, Any]


def rectangle(x: int, y: int, width: int, height: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[y : y + height, x : x + width] = True
    return mask


def picture(path: Path, value: int = 120, size: tuple[int, int] = (WIDTH, HEIGHT)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (value, value, value)).save(path)


def clean(folder: Path) -> Document:
    """Two images; the first has a polygon and an RLE, both exact."""
    for name in ("a.png", "b.png"):
        picture(folder / "images" / name)
    sides = {"width": WIDTH, "height": HEIGHT}
    images = [{"id": 1, "file_name": "a.png", **sides}, {"id": 2, "file_name": "b.png", **sides}]
    common = {"image_id": 1, "category_id": 1, "iscrowd": 0}
    square = [5.0, 5.0, 15.0, 5.0, 15.0, 15.0, 5.0, 15.0]
    annotations = [
        {"id": 1, **common, **coco.region(rectangle(20, 10, 6, 4))},
        {"id": 2, **common, "segmentation": [square], "area": 100.0, "bbox": [5.0, 5.0, 10.0, 10.0]},
    ]
    return coco.document(images, annotations, description="small")


def save(folder: Path, document: Any, *, own: bool = False) -> Path:
    """Write a dataset; one of our own with assets in view and the maps of depth and uv."""
    write_json(folder / "annotations.json", document)
    if own:
        counts = {"images": len(document["images"]), "annotations": len(document["annotations"])}
        configuration = {"maps": ["depth", "uv"]}
        write_json(
            folder / "dataset.json", {"format_version": 1, "kind": "dataset", "configuration": configuration, **counts}
        )
        write_json(folder / "instances.json", assets(document))
        for name, shape in (("depth", (HEIGHT, WIDTH)), ("uv", (HEIGHT, WIDTH, 3))):
            for index in range(2):
                path = maps.path(folder, name, index)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(maps.png(np.full(shape, 300 * index, np.uint16)))
    return folder


def assets(document: Document) -> Document:
    """What instances.json says beside annotations: one asset in the first image."""
    one = {"id": 1, "image_id": 1, "category_id": 1, "iscrowd": 0, **coco.region(rectangle(2, 2, 30, 20))}
    return coco.document(document["images"], [one], description="assets", categories=[("plate", "asset")])


@pytest.mark.parametrize("own", [False, True])
def test_a_clean_dataset_has_no_findings(own: bool, tmp_path: Path) -> None:
    report = check(save(tmp_path, clean(tmp_path), own=own))
    assert report.findings == ()
    assert (report.images, report.annotations, len(report.labels)) == (2, 2, 2)


def put(table: str, number: int, **fields: Any) -> Callable[[Document, Path], None]:
    return lambda document, folder: document[table][number].update(fields)


def again(table: str, **fields: Any) -> Callable[[Document, Path], None]:
    return lambda document, folder: document[table].append({**document[table][0], **fields})


def drop(table: str, key: str) -> Callable[[Document, Path], None]:
    return lambda document, folder: document[table][0].pop(key)


def paint(value: int) -> Callable[[Document, Path], None]:
    return lambda document, folder: picture(folder / "images" / "a.png", value)


def cut_short(document: Document, folder: Path) -> None:
    path = folder / "images" / "a.png"
    path.write_bytes(path.read_bytes()[:60])


EMPTY = coco.region(np.zeros((HEIGHT, WIDTH), bool))

FAR = [[30.0, 5.0, 50.0, 5.0, 50.0, 15.0, 30.0, 15.0]]


@pytest.mark.parametrize(
    ("spoil", "kind", "image", "annotation", "says"),
    [
        (lambda document, folder: (folder / "images" / "a.png").unlink(), "missing image", 1, None, "missing"),
        (cut_short, "undecodable image", 1, None, "cannot be decoded"),
        (put("images", 0, width=41), "size", 1, None, "the file is 40x30"),
        (put("images", 0, width=10**6, height=10**6), "size", 1, None, "cannot be a photo's size"),
        (put("images", 1, width="40"), "size", 2, None, "no width and height"),
        (drop("images", "file_name"), "file name", 1, None, "no file_name"),
        (put("images", 0, file_name="../a.png"), "file name", 1, None, "points outside the folder"),
        (put("images", 0, file_name="x" * 300), "missing image", 1, None, "missing"),
        (put("images", 1, file_name="a.png"), "repeated file", 2, None, "also that of image 1"),
        (again("images", file_name="c.png"), "repeated id", 1, None, "id 1 occurs twice in images"),
        (again("annotations"), "repeated id", None, 1, "id 1 occurs twice in annotations"),
        (again("categories"), "repeated id", None, None, "id 1 occurs twice in categories"),
        (drop("annotations", "id"), "no id", None, None, "entry 0 of annotations"),
        (lambda document, folder: document["images"].append(7), "no id", None, None, "entry 2 of images"),
        (put("annotations", 0, image_id=9), "unknown image", None, 1, "image 9"),
        (put("annotations", 0, image_id=[1]), "unknown image", None, 1, "image [1]"),
        (put("annotations", 0, category_id=9), "unknown category", None, 1, "category 9"),
        (drop("annotations", "segmentation"), "segmentation", 1, 1, "no segmentation"),
        (put("annotations", 0, segmentation={"size": [30, 40], "counts": "~"}), "segmentation", 1, 1, "damaged RLE"),
        (put("annotations", 0, segmentation={"size": [1, 1], "counts": [1]}), "segmentation", 1, 1, "RLE of size"),
        (put("annotations", 1, segmentation=[[1, 2, 3]]), "segmentation", 1, 2, "at least 6 numbers"),
        (put("annotations", 1, segmentation=[[10**400] * 6]), "segmentation", 1, 2, "too large"),
        (put("annotations", 1, segmentation=FAR, bbox=[30, 5, 10, 10]), "out of bounds", 1, 2, "polygons"),
        (put("annotations", 0, bbox=[20, 10, 26, 4]), "out of bounds", 1, 1, "extends outside the 40x30 picture"),
    ],
)  # fmt: skip
def test_errors(
    spoil: Callable[[Document, Path], None], kind: str, image: int | None, annotation: int | None, says: str,
    tmp_path: Path,
) -> None:  # fmt: skip
    document = clean(tmp_path)
    spoil(document, tmp_path)
    found = [each for each in check(save(tmp_path, document)).findings if each.kind == kind]
    assert [(each.severity, each.image, each.annotation) for each in found] == [("error", image, annotation)]
    assert says in found[0].what
    assert found[0].advice
    assert "\n" not in found[0].what
    assert str(tmp_path) not in found[0].what


@pytest.mark.parametrize(
    ("spoil", "kind", "annotation"),
    [
        (paint(3), "near-black frame", None),
        (paint(255), "blown-out frame", None),
        (put("annotations", 0, area=25), "area", 1),
        (drop("annotations", "area"), "area", 1),
        (put("annotations", 1, area=141.0), "area", 2),
        (put("annotations", 0, bbox=[20, 10, 7, 4]), "bbox", 1),
        (put("annotations", 1, bbox=[5, 5, 12, 10]), "bbox", 2),
        (put("annotations", 0, bbox=None), "bbox", 1),
        (put("annotations", 0, **EMPTY), "empty mask", 1),
        (put("annotations", 1, segmentation=[[5, 5, 5, 5, 5, 5]]), "empty mask", 2),
    ],
)
def test_warnings(spoil: Callable[[Document, Path], None], kind: str, annotation: int | None, tmp_path: Path) -> None:
    document = clean(tmp_path)
    spoil(document, tmp_path)
    (found,) = check(save(tmp_path, document)).findings
    assert (found.severity, found.kind, found.image, found.annotation) == ("warning", kind, 1, annotation)


@pytest.mark.parametrize("change", [{"area": 139.0}, {"bbox": [5, 5, 11, 10]}, {"bbox": [4.2, 5, 10.5, 10]}])
def test_polygons_may_be_a_pixel_off_along_their_outline(change: Document, tmp_path: Path) -> None:
    document = clean(tmp_path)
    document["annotations"][1].update(change)
    assert check(save(tmp_path, document)).findings == ()


@pytest.mark.parametrize(
    ("change", "kind"), [({"area": 25}, "area"), ({"bbox": [20, 10, 7, 4]}, "bbox"), (EMPTY, "empty mask")]
)
def test_inexact_masks_are_errors_in_our_own_datasets(change: Document, kind: str, tmp_path: Path) -> None:
    document = clean(tmp_path)
    document["annotations"][0].update(change)
    (found,) = check(save(tmp_path, document, own=True)).findings
    assert (found.severity, found.kind) == ("error", kind)


def test_polygons_of_our_own_are_exact(tmp_path: Path) -> None:
    document = clean(tmp_path)
    document["annotations"][1].update(area=101)
    (found,) = check(save(tmp_path, document, own=True)).findings
    assert (found.severity, found.kind, found.annotation) == ("error", "area", 2)


def test_card_that_counts_otherwise_is_an_error(tmp_path: Path) -> None:
    document = clean(tmp_path)
    save(tmp_path, document, own=True)
    document["images"].pop()
    for name, content in (("annotations", document), ("instances", assets(document))):
        write_json(tmp_path / f"{name}.json", content)
    (found,) = check(tmp_path).findings
    assert (found.severity, found.kind, found.what) == ("error", "card", "dataset.json says 2 images, but there are 1")


def instances(spoil: Callable[[Document], None]) -> Callable[[Path], None]:
    def spoilt(folder: Path) -> None:
        document = json.loads((folder / "instances.json").read_text())
        spoil(document)
        write_json(folder / "instances.json", document)

    return spoilt


def small_map(folder: Path) -> None:
    picture(maps.path(folder, "uv", 0), size=(8, 6))


def cut_map(folder: Path) -> None:
    path = maps.path(folder, "uv", 1)
    path.write_bytes(path.read_bytes()[:70])


@pytest.mark.parametrize(
    ("spoil", "kind", "file", "image", "says"),
    [
        (lambda folder: (folder / "instances.json").unlink(), "json", "instances.json", None, "No such file"),
        (lambda folder: (folder / "instances.json").write_text('{"im'), "json", "instances.json", None, "not valid"),
        (instances(lambda found: found["images"].pop()), "other images", "instances.json", 2, "annotations.json"),
        (instances(lambda found: found["images"][0].update(scene=9)), "other images", "instances.json", 1, "differs"),
        (instances(lambda found: found["annotations"][0].update(area=7)), "area", "instances.json", 1, "600 pixels"),
        (lambda folder: maps.path(folder, "uv", 1).unlink(), "missing map", "maps/uv/000001.png", 2, "map of uv"),
        (small_map, "map size", "maps/uv/000000.png", 1, "8x6 pixels, but its image has 40x30"),
        (cut_map, "undecodable map", "maps/uv/000001.png", 2, "cannot be decoded"),
    ],
)  # fmt: skip
def test_what_our_own_datasets_have_beside_annotations_is_checked(
    spoil: Callable[[Path], None], kind: str, file: str, image: int | None, says: str, tmp_path: Path
) -> None:
    spoil(save(tmp_path, clean(tmp_path), own=True))
    (found,) = check(tmp_path).findings
    assert (found.severity, found.kind, found.file, found.image) == ("error", kind, file, image)
    assert says in found.what


def test_a_map_that_there_is_none_of_is_an_error(tmp_path: Path) -> None:
    save(tmp_path, clean(tmp_path), own=True)
    card = json.loads((tmp_path / "dataset.json").read_text())
    card["configuration"]["maps"] = ["../../depth", 3]
    write_json(tmp_path / "dataset.json", card)
    assert [(found.kind, found.file) for found in check(tmp_path).findings] == [("card", "annotations.json")] * 2


def test_dark_frame_with_a_lamp_in_it_is_near_black(tmp_path: Path) -> None:
    document = clean(tmp_path)
    pixels = np.full((HEIGHT, WIDTH, 3), 11, np.uint8)  # mean above 8
    pixels[:4, :6] = 255  # 2 % of the pixels
    Image.fromarray(pixels).save(tmp_path / "images" / "a.png")
    assert [each.kind for each in check(save(tmp_path, document)).findings] == ["near-black frame"]
    pixels[:4, :7] = 255
    Image.fromarray(pixels).save(tmp_path / "images" / "a.png")
    assert check(tmp_path).findings == ()


def test_all_problems_are_found_at_once(tmp_path: Path) -> None:
    document = clean(tmp_path)
    (tmp_path / "images" / "b.png").unlink()
    document["annotations"][0]["category_id"] = 5
    document["annotations"][1]["segmentation"] = [[1, 2]]
    report = check(save(tmp_path, document))
    assert {each.kind for each in report.findings} == {"missing image", "unknown category", "segmentation"}
    assert len(report.labels) == 1  # the image whose mask cannot be decoded says nothing


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not valid JSON"),
        ('{"images": [', "not valid JSON"),
        ("\xff", "not valid JSON"),
        ("[1, 2]", "not an object"),
        ("{}", "an empty object"),
        ('{"images": [], "annotations": 3, "categories": []}', "no list of annotations"),
        ("[" * 100_000, "recursion"),
    ],
)
def test_broken_json_is_a_finding(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "annotations.json").write_bytes(text.encode("latin-1"))
    report = check(tmp_path)
    assert [each.severity for each in report.findings] == ["error"]
    assert says in report.findings[0].what
    assert report.images == 0
    show_report(report, [report])


def test_one_broken_split_does_not_hide_the_others(tmp_path: Path) -> None:
    for split in ("train", "test"):
        document = clean(tmp_path / split)
        write_json(tmp_path / split / coco.ROBOFLOW_JSON, document)
    (tmp_path / "valid").mkdir()
    (tmp_path / "valid" / coco.ROBOFLOW_JSON).write_text("{")
    report = check(tmp_path)
    assert report.images == 4
    assert [(each.severity, each.kind, each.file) for each in report.findings] == [
        ("error", "json", "valid/_annotations.coco.json"),
        ("warning", "file in two splits", "test/_annotations.coco.json"),
        ("warning", "file in two splits", "test/_annotations.coco.json"),
    ]


def test_what_passes_without_errors_can_be_read(tmp_path: Path) -> None:
    document = clean(tmp_path)
    document["annotations"][0].update(area=0, bbox=[0, 0, 0, 0])
    report = check(save(tmp_path, document))
    assert report.count("error") == 0
    assert len(coco.read(tmp_path).photos) == report.images


# --- the command ---


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "corrotwin", "synth", "validate", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.mark.ci
def test_warnings_exit_0_with_a_report_beside_a_reference(tmp_path: Path) -> None:
    save(tmp_path / "one", clean(tmp_path / "one"))
    document = clean(tmp_path / "other")
    document["annotations"][0].update(area=7)
    save(tmp_path / "other", document)
    done = run(tmp_path / "other", "--against", tmp_path / "one", "--report", tmp_path / "report.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert "0 errors, 1 warning" in done.stdout
    report = json.loads((tmp_path / "report.json").read_text())
    assert [each["kind"] for each in report["findings"]] == ["area"]
    assert report["statistics"]["regions_mean"] == {"value": 2.0, "reference": 2.0, "ratio": 1.0, "differs": False}
    assert report["working_side_px"] == 512


@pytest.mark.ci
def test_several_references_are_taken_as_one(tmp_path: Path) -> None:
    save(tmp_path / "one", clean(tmp_path / "one"))
    document = clean(tmp_path / "two")
    document["annotations"] = []
    save(tmp_path / "two", document)
    report = tmp_path / "report.json"
    done = run(tmp_path / "one", "--against", tmp_path / "one", tmp_path / "two", "--report", report)
    assert done.returncode == 0
    written = json.loads(report.read_text())
    assert written["references"] == [str(tmp_path / "one"), str(tmp_path / "two")]
    pooled = summarise([*check(tmp_path / "one").labels, *check(tmp_path / "two").labels])
    assert written["statistics"]["share_median"]["reference"] == pooled.share_median


def test_categories_of_the_reference_are_chosen(tmp_path: Path) -> None:
    document = clean(tmp_path)
    document["categories"].append({"id": 2, "name": "crack"})
    document["annotations"][0]["category_id"] = 2
    save(tmp_path, document)
    assert check(tmp_path).annotations == 2
    chosen = check(tmp_path, classes=("crack",))
    assert (chosen.annotations, chosen.labels[0].regions) == (1, 1)
    with pytest.raises(InputError, match="no class rust; its classes are corrosion, crack"):
        check(tmp_path, classes=("rust",))
    with pytest.raises(InputError, match="--classes: applies to"):
        validate(tmp_path, classes=("crack",))


@pytest.mark.ci
def test_errors_exit_1_after_the_list_and_the_report(tmp_path: Path) -> None:
    document = clean(tmp_path / "set")
    for annotation in document["annotations"]:
        annotation["category_id"] = 8
    document["images"][0]["file_name"] = "a|b\n.png"
    save(tmp_path / "set", document)
    done = run(tmp_path / "set", "--report", tmp_path / "report.md")
    assert done.returncode == 1
    assert done.stderr == f"corrotwin synth: error: {tmp_path / 'set'}: 3 errors found; see the list above\n"
    assert "error unknown category: 2" in done.stdout
    text = (tmp_path / "report.md").read_text()
    assert r"| error | missing image | annotations.json, image 1 | 'a\|b\\n.png' is missing |" in text
    assert "512 pixels on the longer side" in text


def test_zips_and_png_masks_are_read_as_training_reads_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORROTWIN_CACHE", str(tmp_path / "cache"))
    document = clean(tmp_path / "export" / "set")
    document["images"][1]["file_name"] = "gone.png"
    save(tmp_path / "export" / "set", document)
    archive = Path(shutil.make_archive(str(tmp_path / "export"), "zip", tmp_path / "export"))
    found, same = check(archive), check(tmp_path / "export" / "set")
    assert found.folder == archive
    assert found.findings == same.findings != ()
    assert found.labels == same.labels

    for split in ("train", "valid"):
        drawn = tmp_path / "drawn" / split
        picture(drawn / "images" / "a.png")
        picture(drawn / "images" / "b.png", size=(WIDTH, HEIGHT + (split == "valid")))
        (drawn / "masks").mkdir()
        for name, mask in (("a", rectangle(20, 10, 6, 4)), ("b", np.zeros((HEIGHT, WIDTH), bool))):
            Image.fromarray(mask.astype(np.uint8) * 255).save(drawn / "masks" / f"{name}.png")
    report = check(tmp_path / "drawn")
    assert (report.images, report.annotations) == (4, 2)
    assert [(each.severity, each.kind, each.file) for each in report.findings if each.severity == "error"] == [
        ("error", "size", "valid/masks")
    ]
    (tmp_path / "drawn" / "train" / "masks" / "b.png").unlink()
    with pytest.raises(InputError, match=r"b\.png: has no mask"):
        check(tmp_path / "drawn")


def test_bad_input_exits_2_with_one_line(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "no COCO json" in done.stderr
    with pytest.raises(InputError, match="no such folder"):
        check(tmp_path / "absent")
    for name in ("images", "masks"):
        (tmp_path / "empty" / name).mkdir(parents=True)
    with pytest.raises(InputError, match="empty: lists no images"):
        check(tmp_path / "empty")
    (tmp_path / "set.zip").touch()
    with pytest.raises(InputError, match=r"--verify 2: .*set\.zip is not a folder; unpack it"):
        validate(tmp_path / "set.zip", verify=2)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("report.txt", "ends in .md, .json or .html"),
        ("set/report.json", "inside the dataset"),
        ("set/masks/report.md", "inside the dataset"),
        ("a.zip/report.md", "a.zip is not a folder"),
        ("folder.md", "is a folder"),
    ],
)
def test_reports_that_cannot_be_are_refused(name: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "folder.md").mkdir()
    (tmp_path / "a.zip").touch()
    with pytest.raises(InputError, match=says):
        check_destination(tmp_path / name, tmp_path / "set")


def test_a_long_list_is_cut_on_the_terminal_and_whole_in_the_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = clean(tmp_path)
    document["annotations"] = [{**document["annotations"][0], "id": n, "image_id": 7} for n in range(9)]
    report = check(save(tmp_path, document))
    show_report(report, [])
    shown = capsys.readouterr().out
    assert shown.count("image 7 is not in the list") == 5
    assert "and 4 more" in shown
    write_report(tmp_path / "report.md", report, [])
    assert (tmp_path / "report.md").read_text().count("image 7 is not in the list") == 9


@pytest.mark.photos
def test_real_sets_are_labelled_as_was_measured_before(photos: Path) -> None:
    """Regions an image 4 / 9, boundary over area 0.08 / 0.10, closing 2.6 / 3.7 %: within a factor of two."""
    for name, regions, boundary, closing in (("steel-bridges", 4, 0.08, 0.026), ("painted-steel", 9, 0.10, 0.037)):
        report = check(photos / name / "test")
        assert report.count("error") == 0
        found = summarise(report.labels)
        assert 0.5 < found.regions_median / regions < 2
        assert 0.5 < found.boundary_to_area / boundary < 2
        assert 0.5 < found.closing_gain / closing < 2
