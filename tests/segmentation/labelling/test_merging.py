"""Datasets put together: later labels correct earlier ones, copies share a spot, nothing is lost."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

import corrotwin as ct
from corrotwin.segmentation.commands.merge import merge as command
from corrotwin.segmentation.data import coco, groups, splits
from corrotwin.segmentation.labelling import merging
from corrotwin.twin.core.errors import InputError
from tests.helpers.unlabelled import photos, picture


def dataset(folder, seeds, mask_of):
    """A COCO dataset of drawn pictures, each with the mask of a function of its seed; None for no annotation."""
    folder.mkdir()
    paths = photos(folder / "images", seeds)
    images = [
        {"id": number, "file_name": path.name, "width": 96, "height": 80} for number, path in enumerate(paths, start=1)
    ]
    masks = [mask_of(seed) for seed in seeds]
    annotations = [
        {"id": number, "image_id": number, "category_id": 1, "iscrowd": 0, **coco.region(mask)}
        for number, mask in enumerate(masks, start=1)
        if mask is not None
    ]
    document = coco.document(images, annotations, description="drawn")
    (folder / "annotations.json").write_text(json.dumps(document))
    return folder


def square(side):
    def mask_of(seed):
        mask = np.zeros((80, 96), bool)
        mask[seed : seed + side, 5 : 5 + side] = True
        return mask

    return mask_of


def read(folder):
    return coco.read(folder, allow_unannotated=True)


def test_later_labels_correct_earlier_ones_and_nothing_is_lost(tmp_path, capsys):
    first = dataset(tmp_path / "first", range(6), lambda seed: square(10)(seed) if seed else None)
    second = dataset(tmp_path / "second", [4, 5, 6, 7], square(20))
    command((first, second), out=tmp_path / "out")
    found = read(tmp_path / "out")
    assert sorted(photo.file_name for photo in found.photos) == [f"{seed:04d}.png" for seed in range(8)]
    for photo in found.photos:
        seed = int(photo.file_name[:4])
        expected = np.zeros((80, 96), bool) if seed == 0 else square(20 if seed > 3 else 10)(seed)
        assert np.array_equal(coco.mask(photo), expected)
        assert (
            photo.path.read_bytes()
            == (tmp_path / ("first" if seed < 6 else "second") / "images" / photo.file_name).read_bytes()
        )
    assert "labels of 2 photos (0004.png, 0005.png) replaced by those of a later dataset" in capsys.readouterr().err
    command((first, second), out=tmp_path / "out")  # the same again
    assert read(tmp_path / "out").digest == found.digest
    assert json.loads((tmp_path / "out/annotations.json").read_text())["info"]["description"] == "2 datasets merged"
    with pytest.raises(InputError, match="started with other settings"):
        command((second, first), out=tmp_path / "out")


def test_copies_stay_and_share_a_spot(tmp_path, capsys):
    first = dataset(tmp_path / "first", range(4), square(10))
    second = dataset(tmp_path / "second", [20, 21], square(10))
    document = json.loads((second / "annotations.json").read_text())
    Image.fromarray(np.ascontiguousarray(picture(2)[:, ::-1])).save(second / "images" / "mirrored.jpg", quality=80)
    document["images"].append({"id": 9, "file_name": "mirrored.jpg", "width": 96, "height": 80})
    (second / "annotations.json").write_text(json.dumps(document))
    (first / "spots.csv").write_text("file_name,spot\n" + "".join(f"{seed:04d}.png,{seed // 2}\n" for seed in range(4)))
    command((first, second), out=tmp_path / "out")
    assert (
        "1 pair of photos that look alike (0002.png and mirrored.jpg); each pair shares a spot"
        in capsys.readouterr().err
    )
    spots = groups.beside(read(tmp_path / "out"))
    assert spots["0002.png"] == spots["0003.png"] == spots["mirrored.jpg"]
    assert spots["0000.png"] == spots["0001.png"] != spots["0002.png"]
    assert len(set(spots.values())) == 4
    parts = splits.without_leaks(read(tmp_path / "out"))
    assert len({name for part in (parts.train, parts.valid, parts.test) for name in part}) == 7


@pytest.mark.parametrize(
    ("of_second", "expected"),
    [
        (None, [[0, 1, 2, 3], [4, 5, 6, 7], [9]]),
        (("a", "a"), [[0, 1, 2, 3, 9], [4, 5, 6, 7]]),
        (("a", "b"), [[0, 1, 2, 3], [4, 5, 6, 7], [9]]),
    ],
    ids=["no table", "one spot", "two spots"],
)
def test_photos_with_later_labels_keep_their_spot(of_second, expected, tmp_path):
    def table(folder, seeds, spots):
        rows = "".join(f"{seed:04d}.png,{spot}\n" for seed, spot in zip(seeds, spots, strict=True))
        (folder / "spots.csv").write_text(f"file_name,spot\n{rows}")

    first = dataset(tmp_path / "first", range(8), square(10))
    table(first, range(8), "aaaabbbb")
    second = dataset(tmp_path / "second", [0, 9], square(20))
    if of_second is not None:
        table(second, [0, 9], of_second)
    assert merging.merge([read(first), read(second)], tmp_path / "out").replaced == ("0000.png",)
    spots = groups.beside(read(tmp_path / "out"))
    found = [[int(name[:4]) for name in sorted(spots) if spots[name] == spot] for spot in sorted(set(spots.values()))]
    assert found == expected


def test_a_photo_handed_out_for_labelling_shares_the_spot_of_that_photo_but_of_no_other_of_its_name(tmp_path):
    first = dataset(tmp_path / "first", [1, 2], square(10))
    content = {photo.file_name: photo.sha256 for photo in read(first).photos}["0001.png"]
    second = dataset(tmp_path / "second", [21, 22, 23, 24], square(10))  # no longer alike: cropped, say
    path = second / "annotations.json"
    names = [
        groups.name_to_label(number, sha256, "0001.png")
        for number, sha256 in ((3, content), (5, content), (1, "aaaa1111"), (2, "bbbb2222"))
    ]
    for seed, name in enumerate(names, start=21):
        (second / "images" / f"{seed:04d}.png").rename(second / "images" / name)
        path.write_text(path.read_text().replace(f"{seed:04d}.png", name))
    merging.merge([read(first), read(second)], tmp_path / "out")
    spots = groups.beside(read(tmp_path / "out"))
    assert spots["0001.png"] == spots[names[0]] == spots[names[1]]
    assert len(set(spots.values())) == 4


def add_copy(folder, name, copy):
    """Add to a dataset a file equal to one that it has, with another name and no annotation."""
    shutil.copy(folder / "images" / name, folder / "images" / copy)
    document = json.loads((folder / "annotations.json").read_text())
    document["images"].append({"id": len(document["images"]) + 1, "file_name": copy, "width": 96, "height": 80})
    (folder / "annotations.json").write_text(json.dumps(document))


def test_copies_in_one_dataset_join_the_spots_of_both_names(tmp_path):
    first = dataset(tmp_path / "first", range(3), lambda seed: None)
    add_copy(first, "0000.png", "copy.png")
    (first / "spots.csv").write_text("file_name,spot\n0000.png,a\ncopy.png,b\n0001.png,a\n0002.png,b\n")
    merging.merge([read(first), read(dataset(tmp_path / "second", [8, 9], square(10)))], tmp_path / "out")
    spots = groups.beside(read(tmp_path / "out"))
    assert spots["0000.png"] == spots["0001.png"] == spots["0002.png"]
    assert len(set(spots.values())) == 3


def test_a_photo_keeps_its_spot_under_the_name_that_it_has_in_a_later_dataset(tmp_path):
    first = dataset(tmp_path / "first", range(2), square(10))
    second = dataset(tmp_path / "second", [0, 7], square(10))
    document = (second / "annotations.json").read_text()
    for old, new in (("0000.png", "IMG_1_png.rf.aa.png"), ("0007.png", "IMG_1_png.rf.bb.png")):
        (second / "images" / old).rename(second / "images" / new)
        document = document.replace(old, new)
    (second / "annotations.json").write_text(document)
    merged = merging.merge([read(first), read(second)], tmp_path / "out")
    spots = groups.beside(read(tmp_path / "out"))
    assert spots["0000.png"] == spots["IMG_1_png.rf.bb.png"] != spots["0001.png"]
    assert merged.replaced == ()  # the later labels of the photo equal the earlier ones


def test_names_that_a_spreadsheet_would_run_are_read_back(tmp_path):
    names = ["-p0.png", "+p1.png", "=p2.png", "@p3.png"]
    first = dataset(tmp_path / "first", range(4), square(10))
    document = (first / "annotations.json").read_text()
    for seed, name in enumerate(names):
        (first / "images" / f"{seed:04d}.png").rename(first / "images" / name)
        document = document.replace(f"{seed:04d}.png", name)
    (first / "annotations.json").write_text(document)
    merging.merge([read(first), read(dataset(tmp_path / "second", [8, 9], square(10)))], tmp_path / "out")
    spots = groups.beside(read(tmp_path / "out"))
    assert spots == {name: name for name in (*names, "0008.png", "0009.png")}


def test_two_photos_of_one_name_are_two(tmp_path):
    first = dataset(tmp_path / "first", [1, 2], square(10))
    second = dataset(tmp_path / "second", [3, 4], square(10))
    document = (second / "annotations.json").read_text()
    (second / "images" / "0003.png").rename(second / "images" / "0001.PNG")
    (second / "annotations.json").write_text(document.replace("0003.png", "0001.PNG"))
    merged = merging.merge([read(first), read(second)], tmp_path / "out")
    assert merged.photos == 4
    assert {photo.file_name for photo in read(tmp_path / "out").photos} == {
        "0001.png",
        "0002.png",
        "0001-2.PNG",
        "0004.png",
    }


@pytest.mark.parametrize(
    ("of_copy", "said"),
    [
        (10, []),
        (
            20,
            [
                "1 pair of copies in one dataset with different labels (0003.png and again.png); those of the first "
                "are kept: delete the copy whose labels are wrong, and merge again"
            ],
        ),
    ],
    ids=["labelled alike", "labelled otherwise"],
)
def test_a_file_that_stands_twice_in_one_dataset_is_one_photo(of_copy, said, tmp_path):
    first = dataset(tmp_path / "first", [1, 2], square(10))
    second = dataset(tmp_path / "second", [3, 4], square(10))
    shutil.copy(second / "images" / "0003.png", second / "images" / "again.png")
    document = json.loads((second / "annotations.json").read_text())
    document["images"].append({"id": 9, "file_name": "again.png", "width": 96, "height": 80})
    mask = coco.region(square(of_copy)(3))
    document["annotations"].append({"id": 9, "image_id": 9, "category_id": 1, "iscrowd": 0, **mask})
    (second / "annotations.json").write_text(json.dumps(document))
    merged = merging.merge([read(first), read(second)], tmp_path / "out")
    assert (merged.photos, merged.replaced) == (4, ())
    assert merged.lines() == said
    assert coco.mask(read(tmp_path / "out").photos[2]).sum() == 100


@pytest.fixture
def of_classes(tmp_path):
    """Photos with rust at the left and cracks at the right, and photos from a labelling tool with corrosion."""
    first = dataset(tmp_path / "first", [1, 2], square(10))
    document = json.loads((first / "annotations.json").read_text())
    crack = np.zeros((80, 96), bool)
    crack[70, 60:90] = True
    document["categories"] = [{"id": 1, "name": "rust"}, {"id": 2, "name": "crack"}]
    document["annotations"].append({"id": 9, "image_id": 1, "category_id": 2, "iscrowd": 0, **coco.region(crack)})
    (first / "annotations.json").write_text(json.dumps(document))
    return first, dataset(tmp_path / "second", [2, 3], square(20)), crack


@pytest.mark.parametrize(
    ("classes", "cracks", "says"),
    [
        ((), 30, "categories merged into corrosion: corrosion, crack, rust"),
        (("rust", "corrosion"), 0, "categories merged into corrosion: corrosion, rust"),
    ],
    ids=["all", "some"],
)
def test_a_class_of_one_dataset_is_enough_and_what_became_corrosion_is_said(
    classes, cracks, says, of_classes, tmp_path, capsys
):
    first, second, crack = of_classes
    command((first, second), out=tmp_path / "out", classes=classes)
    masks = {photo.file_name: coco.mask(photo) for photo in read(tmp_path / "out").photos}
    assert masks["0001.png"][crack].sum() == cracks
    assert [masks[f"{seed:04d}.png"][:60].sum() for seed in (1, 2, 3)] == [100, 400, 400]
    assert says in capsys.readouterr().err.splitlines()


@pytest.mark.parametrize(("classes", "times"), [((), 0), (("rust", "corrosion"), 1)])
def test_categories_of_each_dataset_are_read_once_and_only_where_classes_are_chosen(
    classes, times, of_classes, monkeypatch
):
    asked = []
    real = coco.category_names
    monkeypatch.setattr(coco, "category_names", lambda path: asked.append(path) or real(path))
    merging.read(of_classes[:2], classes)
    assert asked == list(of_classes[:2]) * times


def test_the_api_reads_of_a_folder_the_classes_that_it_has_as_the_command_does(of_classes, tmp_path):
    first, _, _ = of_classes
    second = dataset(tmp_path / "third", [2, 3], square(20))
    document = (second / "annotations.json").read_text().replace('"corrosion"', '"rust"')
    (second / "annotations.json").write_text(document)
    command((first, second), out=tmp_path / "by-command", classes=("crack", "rust"))
    merged = ct.Dataset(first, classes=["crack", "rust"]).merge(second, out=tmp_path / "out")
    assert merged.digest == ct.Dataset(tmp_path / "by-command").digest
    with pytest.raises(InputError, match="third: no class crack; choose from rust"):
        ct.Dataset(first, classes="crack").merge(second, out=tmp_path / "none")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("classes", "says"),
    [
        (("rust", "paint"), "`classes`: no dataset has paint; choose from corrosion, crack, rust"),
        (("rust",), "second: no class rust; choose from corrosion"),
    ],
)
def test_classes_of_no_dataset_and_datasets_without_a_class_are_refused(classes, says, of_classes, tmp_path):
    with pytest.raises(InputError, match=says):
        command(of_classes[:2], out=tmp_path / "out", classes=classes)
    assert not (tmp_path / "out").exists()


def test_one_dataset_is_refused(tmp_path):
    with pytest.raises(InputError, match="name two datasets or more"):
        command((dataset(tmp_path / "first", [1], square(10)),), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_api_merges_as_the_command_does_and_keeps_the_chosen_classes(tmp_path):
    folders = [
        dataset(tmp_path / name, seeds, square(10)) for name, seeds in (("exp", range(6)), ("since", range(6, 12)))
    ]
    for folder in folders:  # each photo shows a scratch, too
        path = folder / "annotations.json"
        document = json.loads(path.read_text())
        document["categories"].append({"id": 2, "name": "scratch"})
        scratches = [{**each, "id": each["id"] + 6, "category_id": 2} for each in document["annotations"]]
        path.write_text(json.dumps({**document, "annotations": [*document["annotations"], *scratches]}))
    command(tuple(folders), out=tmp_path / "by-command", classes=("corrosion",))
    merged = ct.Dataset(folders[0], classes=["corrosion"]).merge(folders[1], out=tmp_path / "out")
    assert sum(len(photo.annotations) for photo in merged.data.photos) == 12
    assert merged.digest == ct.Dataset(tmp_path / "by-command").digest
    every = ct.Dataset(folders[0]).merge(str(folders[1]), ct.Dataset(folders[1]), out=tmp_path / "every")
    assert sum(len(photo.annotations) for photo in every.data.photos) == 24
    with pytest.raises(InputError, match=r"^`later` 3: give a Dataset, a string or a path$"):
        merged.merge(3, out=tmp_path / "none")
