"""Pre-drawn outlines go to CVAT and Label Studio and come back as the same regions."""

import json
from xml.etree import ElementTree

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from scipy import ndimage

from corrotwin.segmentation.data import coco
from corrotwin.segmentation.labelling import pre_drawn
from corrotwin.twin.core.errors import InputError
from tests.helpers.unlabelled import photos, picture


def blobs(seed, height=240, width=320):
    field = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(height, width)), 12)
    return field > 0.6 * field.std()


def filled(outlines, height, width):
    polygons = [np.asarray(outline, float).ravel().tolist() for outline in outlines]
    return (
        coco_mask.decode(coco.rle(polygons, height, width)).astype(bool)
        if polygons
        else np.zeros((height, width), bool)
    )


def iou(one, other):
    return (one & other).sum() / max(1, (one | other).sum())


@pytest.fixture
def written(tmp_path):
    paths = photos(tmp_path / "photos", range(3))
    masks = [blobs(seed, 80, 96) for seed in range(2)] + [np.zeros((80, 96), bool)]
    drawn = [
        pre_drawn.Drawn(path=path, name=f"{number} ü.png", mask=mask)
        for number, (path, mask) in enumerate(zip(paths, masks, strict=True))
    ]
    pre_drawn.write(tmp_path / "to-label", drawn, version="corrotwin 0123")
    return tmp_path / "to-label", masks


@pytest.mark.parametrize("seed", range(4))
def test_outlines_are_few_corners_of_the_same_region(seed):
    mask = ndimage.binary_fill_holes(blobs(seed))
    outlines = pre_drawn.outlines(mask)
    assert iou(filled(outlines, *mask.shape), mask) > 0.95
    exact = sum(len(outline) // 2 for outline in coco.polygons(mask))
    assert sum(map(len, outlines)) < exact / 4
    areas = [filled([outline], *mask.shape).sum() for outline in outlines]
    assert areas == sorted(areas, reverse=True)


def test_specks_are_not_drawn():
    mask = np.zeros((1000, 1000), bool)
    mask[500:510, 500:510] = True
    assert pre_drawn.outlines(mask) == []
    mask[100:200, 100:200] = True
    assert [len(outline) for outline in pre_drawn.outlines(mask)] == [4]


def test_what_cvat_takes_is_a_dataset_with_these_masks(written):
    folder, masks = written
    dataset = coco.read(folder)
    for photo, mask in zip(dataset.photos, masks, strict=True):
        assert iou(coco.mask(photo), ndimage.binary_fill_holes(mask)) > 0.9 or not mask.any()
    document = json.loads((folder / "annotations" / "instances_default.json").read_text())
    assert all(isinstance(each["segmentation"], list) for each in document["annotations"])


def test_photos_that_an_earlier_choice_left_are_counted(written):
    folder, masks = written
    for name, count in (("0 ü.png", 2), ("3.png", 3), ("3.png", 3)):
        photo = pre_drawn.Drawn(path=folder / "images" / "1 ü.png", name=name, mask=masks[0])
        assert pre_drawn.write(folder, [photo], version="corrotwin 0123") == count
    assert len(list((folder / "images").iterdir())) == 4


@pytest.mark.parametrize("change", [{"annotations": []}, {"images": []}, {"info": []}, {"info": {}}, []])
def test_corrected_labels_are_not_drawn_over(change, written):
    folder, _ = written
    pre_drawn.check_uncorrected(folder / "absent")
    pre_drawn.check_uncorrected(folder)
    path = folder / "annotations" / "instances_default.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change if change else change))
    with pytest.raises(InputError, match=r"instances_default\.json: has other labels than were drawn"):
        pre_drawn.check_uncorrected(folder)


def test_tasks_of_label_studio_have_outlines_in_percent(written):
    folder, masks = written
    tasks = json.loads((folder / "label-studio.json").read_text())
    interface = ElementTree.fromstring((folder / "label-studio.xml").read_text())
    image, polygons = interface.find("Image"), interface.find("PolygonLabels")
    assert [task["data"]["image"] for task in tasks] == [
        f"/data/local-files/?d=images/{number}%20%C3%BC.png" for number in range(3)
    ]
    for task, mask in zip(tasks, masks, strict=True):
        (prediction,) = task["predictions"]
        assert prediction["model_version"] == "corrotwin 0123"
        for result in prediction["result"]:
            assert (result["from_name"], result["to_name"]) == (polygons.get("name"), image.get("name"))
            assert result["value"]["polygonlabels"] == [polygons.find("Label").get("value")]
            assert (result["original_height"], result["original_width"]) == mask.shape
        outlines = [np.array(each["value"]["points"]) * (0.96, 0.8) for each in prediction["result"]]
        assert iou(filled(outlines, *mask.shape), ndimage.binary_fill_holes(mask)) > 0.9 or not mask.any()
        assert len({each["id"] for each in prediction["result"]}) == len(outlines)


@pytest.mark.slow
def test_the_tools_own_libraries_read_and_return_the_regions(written, tmp_path):
    """With label-studio-sdk and datumaro (CVAT's reader) where they are installed."""
    pytest.importorskip("label_studio_sdk")
    pytest.importorskip("datumaro")
    from tests.helpers.labelling_tools import through_cvat, through_label_studio

    folder, masks = written
    for way in (through_cvat, through_label_studio):
        returned = coco.read(way(folder, tmp_path / way.__name__), allow_unannotated=True)
        by_name = {photo.file_name.split("-")[-1]: photo for photo in returned.photos}
        assert picture(0).shape[:2] == (80, 96)
        for number, mask in enumerate(masks):
            if mask.any():
                assert iou(coco.mask(by_name[f"{number} ü.png"]), ndimage.binary_fill_holes(mask)) > 0.9
