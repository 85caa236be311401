import json
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from pycocotools.coco import COCO
from scipy import ndimage

from corrotwin.segmentation.data import coco, coco_check
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import write_json


def runs_of(mask: np.ndarray) -> list[int]:
    """Uncompressed COCO RLE counts, spelled out: column by column, zeros first."""
    counts, value = [0], False
    for pixel in mask.T.ravel().tolist():
        if pixel != value:
            counts.append(0)
            value = pixel
        counts[-1] += 1
    return counts


def photo_of(mask: np.ndarray, *segmentations: object) -> coco.Photo:
    return coco.Photo(
        id=1,
        file_name="x.png",
        path=Path("x.png"),
        height=mask.shape[0],
        width=mask.shape[1],
        split=None,
        annotations=tuple({"id": i, "image_id": 1, "segmentation": s} for i, s in enumerate(segmentations)),
    )


RING = np.pad(np.pad(np.zeros((3, 3), dtype=bool), 2, constant_values=True), 1)
masks = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40))


@given(mask=masks)
@example(mask=RING)
@example(mask=np.zeros((5, 7), dtype=bool))
@example(mask=np.ones((5, 7), dtype=bool))
@example(mask=np.eye(9, dtype=bool))
@example(mask=np.arange(12).reshape(3, 4) == 5)
def test_round_trip_is_exact(mask):
    region = coco.region(mask)
    json.dumps(region)
    assert region["area"] == mask.sum()
    if mask.any():
        rows, columns = np.nonzero(mask)
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert region["bbox"] == [columns.min(), rows.min(), width, height]
    assert np.array_equal(coco.mask(photo_of(mask, region["segmentation"])), mask)


@given(mask=masks)
def test_both_kinds_of_rle_agree(mask):
    uncompressed = {"size": list(mask.shape), "counts": runs_of(mask)}
    assert np.array_equal(coco.mask(photo_of(mask, uncompressed)), mask)
    assert coco_check.run_lengths(coco.region(mask)["segmentation"]["counts"], "") == runs_of(mask)


@given(mask=masks)
@example(mask=RING)
@example(mask=np.zeros((5, 7), dtype=bool))
@example(mask=np.ones((1, 1), dtype=bool))
@example(mask=np.eye(9, dtype=bool))
@example(mask=np.eye(9, dtype=bool)[::-1])
@example(mask=np.indices((25, 80)).sum(axis=0) % 4 == 0)
@example(mask=(np.indices((60, 75)) % 3 == 1).all(axis=0))  # 500 parts of one pixel
def test_outlines_give_every_pixel_back_but_holes(mask):
    outlines = coco.polygons(mask)
    parts, holes_filled = ndimage.label(mask, np.ones((3, 3)))[1], ndimage.binary_fill_holes(mask)
    assert np.array_equal(coco.mask(photo_of(mask, *([each] for each in outlines))), holes_filled)
    assert len(outlines) <= parts
    for each in outlines:
        coco.check_segmentation({"id": 1, "image_id": 1, "segmentation": [each]}, *mask.shape[::-1], Path())


@given(mask=masks)
@example(mask=RING)
def test_outlined_says_what_the_outlines_lose(mask):
    if not mask.any():
        return
    found = coco.outlined(mask)
    filled = coco.mask(photo_of(mask, found["segmentation"]))
    assert found["polygon_iou"] == round(mask.sum() / filled.sum(), 4)
    assert {key: found[key] for key in ("area", "bbox")} == {key: coco.region(filled)[key] for key in ("area", "bbox")}
    json.dumps(found)


@given(one=hnp.arrays(bool, (11, 6)), other=hnp.arrays(bool, (11, 6)))
def test_a_mask_is_the_union_of_its_annotations(one, other):
    both = photo_of(one, coco.region(one)["segmentation"], {"size": [11, 6], "counts": runs_of(other)})
    assert np.array_equal(coco.mask(both), one | other)


def test_polygons_are_filled_joined_and_clipped():
    expected = np.zeros((12, 16), dtype=bool)
    expected[3:8, 2:6] = True
    expected[9:12, 10:16] = True
    outer, inner = [2, 3, 6, 3, 6, 8, 2, 8], [3, 4, 5, 4, 5, 7, 3, 7]
    beyond = [10, 9, 20, 9, 20, 20, 10, 20]
    assert np.array_equal(coco.mask(photo_of(expected, [outer, inner], [beyond])), expected)


def test_what_is_written_loads_in_pycocotools(flat, capsys):
    folder = flat()
    mine = coco.read(folder).photos[0]
    theirs = COCO(str(folder / "labels.json"))
    capsys.readouterr()
    [annotation] = theirs.loadAnns(theirs.getAnnIds())
    assert np.array_equal(theirs.annToMask(annotation), coco.mask(mine))
    assert theirs.loadCats([1])[0]["name"] == "corrosion"


def test_super_category_without_annotations_is_fine(flat):
    folder = flat(lambda d, _: d["categories"].insert(0, {"id": 0, "name": "corrosion", "supercategory": "none"}))
    assert coco.mask(coco.read(folder).photos[0]).sum() == 12


def test_digest_follows_content_not_place(flat, tmp_path):
    folder = flat()
    before = coco.read(folder).digest
    shutil.copytree(folder, tmp_path / "copy")
    assert coco.read(tmp_path / "copy").digest == before
    Image.fromarray(np.zeros((6, 8, 3), dtype=np.uint8)).save(folder / "photo.png")
    repainted = coco.read(folder).digest
    assert repainted != before
    document = json.loads((folder / "labels.json").read_text())
    document["annotations"][0].update(coco.region(np.ones((6, 8), dtype=bool)))
    (folder / "labels.json").write_text(json.dumps(document))
    assert coco.read(folder).digest not in (before, repainted)


def segmentation(value):
    return lambda document, folder: document["annotations"][0].update(segmentation=value)


def file_name(value):
    return lambda document, folder: document["images"][0].update(file_name=value)


def rotated(document, folder):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (8, 6)).save(folder / "photo.png", exif=exif)


PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", 8, 6, 8, 2, 0, 0, 0)


def announced(width, height):
    """A PNG of a few bytes whose header announces any size."""

    def change(document, folder):
        header = struct.pack(">4sIIBBBBB", b"IHDR", width, height, 8, 2, 0, 0, 0)
        chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
        (folder / "photo.png").write_bytes(PNG[:8] + chunk + struct.pack(">I4s", 0, b"IDAT"))

    return change


SQUARE = [1, 1, 4, 1, 4, 4, 1, 4]

BAD = {
    "no segmentation": (segmentation([]), "labels.json: annotation 5 of image 3"),
    "no segmentation key": (lambda d, f: d["annotations"][0].pop("segmentation"), "labels.json: annotation 5"),
    "a name that is not UTF-8": (file_name("br\udcfccke.png"), "labels.json: not valid JSON .*surrogates not allowed"),
    "four numbers": (segmentation([[1, 1, 4, 4]]), "labels.json: annotation 5.*6 numbers"),
    "odd numbers": (segmentation([[*SQUARE, 3]]), "labels.json: annotation 5.*in turn"),
    "NaN": (segmentation([[*SQUARE, float("nan"), 2]]), "labels.json: annotation 5.*NaN"),
    "words": (segmentation([["a"] * 6]), "labels.json: annotation 5"),
    "flat polygon": (segmentation(SQUARE), "labels.json: annotation 5"),
    "outside": (segmentation([[8, 0, 9, 0, 9, 2]]), "labels.json: annotation 5.*no part of a polygon"),
    "far away": (segmentation([[*SQUARE, 1e9, 1]]), "labels.json: annotation 5.*far outside"),
    "RLE of another size": (segmentation({"size": [8, 6], "counts": [48]}), "labels.json: annotation 5.*RLE of size"),
    "RLE too short": (segmentation({"size": [6, 8], "counts": [40]}), "labels.json: annotation 5.*48 pixels"),
    "RLE negative": (segmentation({"size": [6, 8], "counts": [50, -2]}), "labels.json: annotation 5.*48 pixels"),
    "RLE of words": (segmentation({"size": [6, 8], "counts": ["a"]}), "labels.json: annotation 5"),
    "compressed RLE too long": (segmentation({"size": [6, 8], "counts": "00fffff"}), "labels.json: annotation 5"),
    "compressed RLE damaged": (segmentation({"size": [6, 8], "counts": "\x05é"}), "labels.json: annotation 5.*damaged"),
    "compressed RLE broken off": (segmentation({"size": [6, 8], "counts": "Q"}), "labels.json: annotation 5.*damaged"),
    "unknown image": (lambda d, f: d["annotations"][0].update(image_id=4), "labels.json: annotation 5.*image 4"),
    "unknown category": (lambda d, f: d["annotations"][0].update(category_id=9), "labels.json: annotation 5.*9"),
    "image id twice": (lambda d, f: d["images"].append({**d["images"][0]}), "labels.json: image id 3 occurs twice"),
    "name twice": (lambda d, f: d["images"].append({**d["images"][0], "id": 4}), "labels.json: image 4.*twice"),
    "annotation id twice": (lambda d, f: d["annotations"].append(d["annotations"][0]), "labels.json: annotation id 5"),
    "id missing": (lambda d, f: d["images"][0].pop("id"), "labels.json: .*no integer id"),
    "file_name missing": (lambda d, f: d["images"][0].pop("file_name"), "labels.json: image 3 has no file_name"),
    "absolute": (file_name("/etc/hostname"), "labels.json: image 3.*points outside the folder"),
    "parent": (file_name("a/../../photo.png"), "labels.json: image 3.*points outside the folder"),
    "windows parent": (file_name("..\\photo.png"), "labels.json: image 3.*points outside the folder"),
    "windows drive": (file_name("C:\\photo.png"), "labels.json: image 3.*points outside the folder"),
    "label studio": (
        file_name("/data/local-files/?d=..%2Fphoto.png"),
        "labels.json: image 3.*points outside the folder",
    ),
    "missing image": (file_name("other.png"), "other.png: image 3 .*missing"),
    "zero bytes": (lambda d, f: (f / "photo.png").write_bytes(b""), "photo.png: not a readable image"),
    "not an image": (lambda d, f: (f / "photo.png").write_text("hello"), "photo.png: not a readable image"),
    "another size": (lambda d, f: d["images"][0].update(width=9), "photo.png: is 8x6.*9x6"),
    "size missing": (lambda d, f: d["images"][0].pop("width"), "photo.png: is 8x6"),
    "rotated": (rotated, "photo.png: is 6x8 pixels .after EXIF"),
    "no annotations": (lambda d, f: d["annotations"].clear(), "flat: no annotations at all"),
    "polygon of huge numbers": (segmentation([[*SQUARE, 10**400, 1]]), "labels.json: annotation 5.*too large"),
    "truth values": (segmentation([[True] * 6]), "labels.json: annotation 5.*6 numbers"),
    "RLE of truth values": (
        segmentation({"size": [6, 8], "counts": [True] * 48}),
        "labels.json: annotation 5.*neither",
    ),
    "compressed RLE of another size": (segmentation({"size": [8, 6], "counts": "`1"}), "annotation 5.*RLE of size"),
    "compressed RLE too short": (segmentation({"size": [6, 8], "counts": "X1"}), "annotation 5.*48 pixels"),
    "compressed RLE empty": (segmentation({"size": [6, 8], "counts": ""}), "annotation 5.*48 pixels"),
    "compressed RLE of a long run": (segmentation({"size": [6, 8], "counts": "P" * 7 + "0"}), "annotation 5.*damaged"),
    "image_id a list": (lambda d, f: d["annotations"][0].update(image_id=[3]), "labels.json: annotation 5.*image .3."),
    "category_id a list": (lambda d, f: d["annotations"][0].update(category_id=[1]), "annotation 5.*category .1."),
    "a name too long": (file_name("x" * 5000), "image 3 .*missing"),
    "half a header": (lambda d, f: (f / "photo.png").write_bytes(PNG[:20]), "photo.png: not a readable image"),
    "too many pixels": (announced(30_000, 30_000), "photo.png: not a readable image .*exceeds limit"),
    "many pixels": (announced(10_000, 10_000), "photo.png: not a readable image .*exceeds limit"),
    "no categories": (lambda d, f: d.pop("categories"), "labels.json: json, but not COCO"),
    "list of numbers": (lambda d, f: d.update(images=[1]), "labels.json: json, but not COCO"),
    "second json": (
        lambda d, f: (f / "more.json").write_text("{}"),
        "flat: several json files .labels.json, more|more",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_that_names_the_file(case, flat):
    change, message = BAD[case]
    folder = flat(change)
    with pytest.raises(InputError, match=message) as caught:
        coco.read(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "labels.json: not valid JSON"),
        ("[]", "labels.json: json, but not COCO"),
        ("\ufeff{", "labels.json: not valid JSON"),
        ("\0", "labels.json: not valid JSON"),
        pytest.param("[" * 100_000, "labels.json: not valid JSON", id="nested without end"),
    ],
)
def test_json_that_is_not_coco(content, message, flat):
    folder = flat()
    (folder / "labels.json").write_text(content)
    with pytest.raises(InputError, match=message) as caught:
        coco.read(folder)
    assert "\n" not in str(caught.value)


def two_classes(document, folder):
    rust, dent = np.zeros((2, 6, 8), dtype=bool)
    rust[:3], dent[2:] = True, True
    document["categories"] = [{"id": 0, "name": "steel"}, {"id": 1, "name": "rust"}, {"id": 2, "name": "dent"}]
    document["annotations"] = [
        {"id": number, "image_id": 3, "category_id": number, **coco.region(mask)}
        for number, mask in ((1, rust), (2, dent))
    ]


def test_classes_choose_whose_annotations_count(flat):
    folder = flat(two_classes)
    chosen = {classes: coco.read(folder, classes=classes) for classes in (None, ("rust",), ("dent",), ("rust", "dent"))}
    masks = {classes: coco.mask(data.photos[0]) for classes, data in chosen.items()}
    assert masks["rust",].sum() == 24
    assert masks["dent",].sum() == 32
    assert masks[None].all()
    assert chosen["rust", "dent"].digest == chosen[None].digest
    assert len({data.digest for data in chosen.values()}) == 3


def test_what_is_wrong_with_other_classes_does_not_matter(flat):
    def boxes(document, folder):
        two_classes(document, folder)
        del document["annotations"][1]["segmentation"]

    folder = flat(boxes)
    assert coco.mask(coco.read(folder, classes=("rust",)).photos[0]).sum() == 24
    with pytest.raises(InputError, match="annotation 2 of image 3 has no segmentation"):
        coco.read(folder)


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (("rust", "moss"), "flat: no class moss; choose from dent, rust, steel"),
        ((), "flat: no class chosen; choose from dent, rust, steel"),
        (("steel",), "flat: no annotations of steel"),
    ],
)
def test_classes_that_choose_nothing(classes, message, flat):
    folder = flat(two_classes)
    with pytest.raises(InputError, match=message):
        coco.read(folder, classes=classes)


@pytest.mark.photos
@pytest.mark.parametrize(("name", "count"), [("steel-bridges", 330), ("painted-steel", 241)])
def test_real_photos_have_the_areas_that_their_annotations_state(name, count, photos):
    data = coco.read(photos / name)
    assert len(data.photos) == count
    for photo in data.photos[::20]:
        assert coco.image(photo).shape == (photo.height, photo.width, 3)
        stated = sum(annotation["area"] for annotation in photo.annotations)
        # Regions are connected and apart; polygons leave out about half of their outline's pixels.
        assert coco.mask(photo).sum() == pytest.approx(stated, rel=0.15)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_document_written_entry_by_entry_has_the_same_bytes(count: int, tmp_path: Path) -> None:
    entries = [{"id": number, "text": 'a "\n[] b', "box": [1, 2.5], "none": {}, "list": []} for number in range(count)]
    others = [{"id": 7, "attributes": {"deep": [[1], []]}}]
    write_json(tmp_path / "whole.json", coco.document(entries, others, description='[] "x"', categories=[("a", "b")]))
    coco.write_document(
        tmp_path / "parts.json", iter(entries), iter(others), description='[] "x"', categories=[("a", "b")]
    )
    assert (tmp_path / "parts.json").read_bytes() == (tmp_path / "whole.json").read_bytes()


@given(count=st.integers(0, 60), most=st.integers(1, 80))
def test_items_are_taken_evenly_from_first_to_last(count, most):
    taken = coco.evenly(range(count), most)
    assert len(taken) == min(count, most)
    assert taken == sorted(set(taken))
    if len(taken) > 1:
        assert (taken[0], taken[-1]) == (0, count - 1)
        assert np.ptp(np.diff(taken)) <= 1
