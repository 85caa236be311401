import io
import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageFilter

from corrotwin.segmentation.api.dataset import Dataset
from corrotwin.segmentation.commands import split
from corrotwin.segmentation.data import coco, groups, perceptual_hash
from corrotwin.twin.core.errors import InputError


def dataset_of(names, folder=Path("x")):
    """Photos by file name; those below train, valid or test are of that split."""
    photos = tuple(
        coco.Photo(
            id=index,
            file_name=name,
            path=folder / name,
            width=1,
            height=1,
            split=name.split("/")[0] if name.split("/")[0] in coco.SPLITS else None,
            annotations=(),
        )
        for index, name in enumerate(names)
    )
    return coco.CocoDataset(folder=folder, photos=photos, digest="0")


def sets(grouping):
    """The groups as sets of file names, whatever their ids."""
    return {frozenset(name for name, each in grouping.items() if each == group) for group in grouping.values()}


@pytest.fixture
def written(tmp_path):
    """Write pictures and describe them as a dataset."""

    def write(pictures):
        photos = []
        for index, (name, picture) in enumerate(pictures.items()):
            picture.save(tmp_path / name)
            width, height = picture.size
            photos.append(
                coco.Photo(
                    id=index,
                    file_name=name,
                    path=tmp_path / name,
                    width=width,
                    height=height,
                    split=None,
                    annotations=(),
                )
            )
        return coco.CocoDataset(folder=tmp_path, photos=tuple(photos), digest="0")

    return write


def scene(seed, size=(160, 120)):
    """Smooth random colours: a photo's large shapes."""
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def test_roboflows_copies_of_one_photo_share_its_name():
    names = [
        "train/a_jpg.rf.0123456789abcdef.jpg",
        "test/a_jpg.rf.fedcba9876543210.jpg",
        "train/ab_jpg.rf.0123456789abcdef.jpg",
        "valid/a_jpg.rf.0123_jpg.rf.4567.jpg",  # a copy of a copy
        "train/plain.jpg",
        "valid/plain.jpg",
        "valid/.rf.odd.jpg",
    ]
    assert groups.by_source_name(dataset_of(names)) == {
        names[0]: "a_jpg",
        names[1]: "a_jpg",
        names[2]: "ab_jpg",
        names[3]: "a_jpg",
        names[4]: "plain_jpg",
        names[5]: "plain_jpg",
        names[6]: ".rf.odd_jpg",
    }


def test_a_photo_and_roboflow_s_copies_of_it_are_a_group_in_whatever_folders():
    names = ["train/IMG_1_JPG.rf.0123.jpg", "valid/IMG_1.JPG", "test/IMG_1.JPG", "test/IMG_1.png", "train/IMG_12.JPG"]
    assert sets(groups.by_source_name(dataset_of(names))) == {
        frozenset(names[:3]),
        frozenset(names[3:4]),
        frozenset(names[4:]),
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("train/IMG_1_JPG.rf.0123.jpg", "IMG_1_JPG"), ("IMG_1.JPG", "IMG_1_JPG"), ("north/a.b.png", "north/a.b_png"),
        ("test/a", "a"), (".rf.odd.jpg", ".rf.odd_jpg"), ("003-0123abcd-IMG_1.JPG", "0123abcd-IMG_1_JPG"),
        ("valid/012-0123abcd-IMG_1_JPG.rf.0123.jpg", "0123abcd-IMG_1_JPG"),
        ("north/1000-f0000000-a.png", "north/f0000000-a_png"), ("001-abcd0123-003-0123abcd-a.png", "0123abcd-a_png"),
        ("003-20240601-IMG_1.JPG", "003-20240601-IMG_1_JPG"), ("3-0123abcd-a.png", "3-0123abcd-a_png"),
    ],
)  # fmt: skip
def test_a_camera_s_name_and_those_given_later_have_one_source(name, expected):
    assert groups.source_name(name) == expected


@pytest.mark.parametrize("sha256", ["0123abcd45678901", "012345678901a234", "01234567890123ab"])
def test_names_of_a_photo_to_label_have_one_source_whatever_its_content(sha256):
    names = {groups.source_name(groups.name_to_label(number, sha256, "north/a.png")) for number in (1, 20)}
    assert len(names) == 1
    assert re.fullmatch(r"[0-9a-f]{8}-a_png", names.pop())


def test_only_folders_of_the_export_are_left_out_of_the_name():
    found = groups.by_source_name(dataset_of(["bridge/1.jpg", "pier/1.jpg", "pier/2.rf.a.jpg", "pier/2.rf.b.jpg"]))
    assert sets(found) == {
        frozenset({"bridge/1.jpg"}),
        frozenset({"pier/1.jpg"}),
        frozenset({"pier/2.rf.a.jpg", "pier/2.rf.b.jpg"}),
    }


def test_copies_are_found_however_they_were_turned_and_changed(written):
    original = scene(0)
    stream = io.BytesIO()
    original.save(stream, "JPEG", quality=40)
    changed = {
        "saved again.png": Image.open(stream),
        "small.png": original.resize((64, 64)),
        "lighter.png": ImageEnhance.Brightness(original).enhance(1.2),
        "grey.png": original.convert("L"),
        "blurred.png": original.filter(ImageFilter.GaussianBlur(2)),
        **{f"{turn.name}.png": original.transpose(turn) for turn in Image.Transpose},
    }
    others = {f"other {seed}.png": scene(seed) for seed in range(1, 20)}
    found = groups.by_perceptual_hash(written({"a.png": original, **changed, **others}))
    assert sets(found) == {frozenset({"a.png", *changed}), *(frozenset({name}) for name in others)}
    assert set(found.values()) == {min({"a.png", *changed}), *others}


def test_an_exif_turn_is_not_another_photo(written):
    data = written({"a.png": scene(0), "b.png": scene(1)})
    turned = scene(0).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # shown a quarter turn clockwise
    turned.save(data.folder / "b.png", exif=exif)
    assert len(sets(groups.by_perceptual_hash(data))) == 1


def test_likeness_is_a_count_of_different_bits_in_the_nearest_position():
    rng = np.random.default_rng(0)
    bits = rng.random((600, 8, 256)) < 0.5  # more photos than are compared at once
    for distance, (one, other, position) in {64: (3, 590, 0), 63: (300, 10, 5), 65: (7, 8, 2)}.items():
        bits[other, position] = bits[one, 0]
        bits[other, position, rng.permutation(256)[:distance]] ^= True
    expected = {(row, row) for row in range(600)} | {(3, 590), (590, 3), (300, 10)}
    assert set(map(tuple, perceptual_hash.pairs_alike(bits).tolist())) == expected


def test_the_hash_is_that_of_imagehash():
    import imagehash

    image = scene(3)
    found = perceptual_hash.hashes(np.asarray(image))
    assert np.array_equal(found[0], imagehash.phash(image, hash_size=16).hash.ravel())
    assert len({each.tobytes() for each in found}) == 8


COLUMN_NAMES = ["train/a.jpg", "valid/a.jpg", "train/b.jpg", "test/c.jpg"]


@pytest.mark.parametrize(
    "table",
    [
        "file_name,spot\ntrain/a.jpg,1\nvalid/a.jpg,2\ntrain/b.jpg,1\ntest/c.jpg,3\n",
        "file_name,spot\ntrain/a.jpg,1\nvalid/a.jpg,2\nb.jpg,1\nc.jpg,3\n",
        "spot,split,file_name\n1,train,a.jpg\n2,valid,a.jpg\n1,train,b.jpg\n3,test,c.jpg\n",
        "file_name,split,spot\na.jpg,train,1\na.jpg,valid,2\nb.jpg,test,1\nc.jpg,,3\n",  # split otherwise since
        "\ufefffile_name,spot,a\r\ntrain/a.jpg, 1 ,x\r\nvalid/a.jpg,2\r\nb.jpg,1\r\nb.jpg,1\r\nc.jpg,3\r\nd.jpg,\r\n",
    ],
    ids=["full names", "bare names", "splits", "another split", "spreadsheet"],
)
def test_a_column_of_a_table_is_matched_by_name_split_or_bare_name(tmp_path, table):
    path = tmp_path / "spots.csv"
    path.write_bytes(table.encode())
    found = groups.by_column(path, dataset_of(COLUMN_NAMES), "spot")
    assert found == dict(zip(COLUMN_NAMES, ["1", "2", "1", "3"], strict=True))


def test_accents_may_be_encoded_either_way(tmp_path):
    path = tmp_path / "spots.csv"
    path.write_text("file_name,spot\nbr\u00fccke.jpg,1\nho\u0308he.jpg,2\n", encoding="utf-8")
    names = ["train/bru\u0308cke.jpg", "h\u00f6he.jpg"]
    assert groups.by_column(path, dataset_of(names), "spot") == dict(zip(names, "12", strict=True))


def test_roboflow_s_copies_have_the_group_of_the_photo_that_the_table_names(tmp_path):
    path = tmp_path / "spots.csv"
    path.write_text("file_name,spot\nnorth/IMG_1.JPG,1\nIMG_2.JPG,2\nc.jpg,3\n")
    names = ["train/IMG_1_JPG.rf.01.jpg", "valid/IMG_1_JPG.rf.02.jpg", "IMG_2_JPG.rf.03.jpg", "test/c.jpg"]
    found = groups.by_column(path, dataset_of(names), "spot")
    assert found == dict(zip(names, "1123", strict=True))
    assert groups.renamed_by_roboflow(path, dataset_of(names), "spot") == 3
    with pytest.raises(InputError, match=r"1 of 2 photos of x have no spot \(first: IMG_3_JPG\.rf\.01\.jpg\)"):
        groups.by_column(path, dataset_of(["IMG_3_JPG.rf.01.jpg", *names[:1]]), "spot")
    path.write_text("file_name,spot\nnorth/IMG_1.JPG,1\nsouth/IMG_1.JPG,2\n")
    with pytest.raises(InputError, match="'IMG_1_JPG' has several values of spot"):
        groups.by_column(path, dataset_of(names[:1]), "spot")


def test_roboflow_s_copies_of_two_photos_of_one_name_to_label_keep_their_groups(tmp_path):
    path = tmp_path / "spots.csv"
    path.write_text("file_name,spot\n001-aaaa1111-IMG_1.jpg,north\n002-bbbb2222-IMG_1.jpg,south\n")
    names = ["001-aaaa1111-IMG_1_jpg.rf.01.jpg", "002-bbbb2222-IMG_1_jpg.rf.02.jpg"]
    assert groups.by_column(path, dataset_of(names), "spot") == dict(zip(names, ("north", "south"), strict=True))


def test_split_says_how_many_rows_matched_by_names_before_roboflow_s(tmp_path, roboflow, run_module):
    data = tmp_path / "data"
    shutil.copytree(roboflow, data)
    path = data / "valid" / coco.ROBOFLOW_JSON
    document = json.loads(path.read_text())
    for image in document["images"]:
        old = data / "valid" / image["file_name"]
        image["file_name"] = f"{old.stem}_png.rf.01.png"
        old.rename(data / "valid" / image["file_name"])
    path.write_text(json.dumps(document))
    rows = [f"{name.name},{index}" for index, name in enumerate(sorted(roboflow.glob("*/*.png")))]
    (tmp_path / "spots.csv").write_text("\n".join(["file_name,spot", *rows]))
    files = ("--groups-file", tmp_path / "spots.csv", "--out", tmp_path / "split.json")
    done = run_module("segmentation", "split", "--data", data, *files)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(
        f"{tmp_path / 'spots.csv'}: 4 of 21 photos matched by their names before Roboflow's\n"
    )


def test_a_bare_name_that_is_a_photo_of_its_own_is_not_another_in_a_folder(tmp_path):
    path = tmp_path / "spots.csv"
    path.write_text("file_name,spot\na.jpg,1\n")
    assert groups.by_column(path, dataset_of(["a.jpg"]), "spot") == {"a.jpg": "1"}
    with pytest.raises(InputError, match=r"may be any of a\.jpg, b/a\.jpg"):
        groups.by_column(path, dataset_of(["a.jpg", "b/a.jpg"]), "spot")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", "no column 'file_name'; it has no header"),
        ("name,spot\na.jpg,1\n", "no column 'file_name'; it has name, spot"),
        ("file_name,place\na.jpg,1\n", "no column 'spot'; it has file_name, place"),
        ("file_name,spot\ntrain/a.jpg,1\n", r"3 of 4 photos of x have no spot \(first: test/c.jpg\); add rows"),
        ("file_name,spot\nb.jpg,\nc.jpg,3\n", r"3 of 4 photos of x have no spot \(first: train/a.jpg\)"),
        ("file_name,spot\nb.jpg\nc.jpg,3\n", "3 of 4 photos"),
        ("file_name,spot\na.jpg,1\nb.jpg,1\nc.jpg,3\n", "'a.jpg' may be any of train/a.jpg, valid/a.jpg; write its"),
        ("file_name,spot\nc.jpg,3\nc.jpg,4\n", "'c.jpg' has several values of spot (3, 4); keep one"),
        ("file_name,split,spot\nc.jpg,test,3\nc.jpg,test,4\n", r"'test/c.jpg' has several values of spot"),
        ("file_name,split,spot\nc.jpg,train,3\nc.jpg,valid,4\n", r"'c.jpg' has several values of spot"),
        ("file_name,spot\nc.jpg,\xff\n", "not a CSV file in UTF-8"),
        ('file_name,spot\n"c.jpg,' + "3" * 200_000, "not a CSV file"),
    ],
)
def test_a_table_that_does_not_fit_is_one_line(tmp_path, table, message):
    path = tmp_path / "spots.csv"
    path.write_bytes(table.encode("latin-1"))
    with pytest.raises(InputError) as caught:
        groups.by_column(path, dataset_of(COLUMN_NAMES), "spot")
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert message.replace("\\", "") in text
    assert "\n" not in text


def test_an_absent_table_is_one_line(tmp_path):
    for path in (tmp_path / "absent.csv", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            groups.by_column(path, dataset_of(COLUMN_NAMES), "spot")


def merged(groupings):
    """An independent union: merge sets until nothing overlaps."""
    result = []
    for each in set().union(*map(sets, groupings)):
        touching = [other for other in result if other & each]
        result = [other for other in result if not other & each] + [each.union(*touching)]
    return set(result)


GROUPINGS = st.integers(1, 25).flatmap(
    lambda count: st.lists(
        st.lists(st.integers(0, 12), min_size=count, max_size=count).map(
            lambda ids: {f"{place:02d}": str(each) for place, each in enumerate(ids)}
        ),
        min_size=2,
        max_size=3,
    )
)


@given(groupings=GROUPINGS)
def test_join_is_the_finest_grouping_above_all(groupings):
    found = groups.join(*groupings)
    assert sets(found) == merged(groupings)
    assert all(found[name] == min(each) for each in sets(found) for name in each)


def test_join_of_one_keeps_its_ids():
    assert groups.join({"a": "7", "b": "7"}) == {"a": "7", "b": "7"}


@given(groupings=GROUPINGS)
def test_pairs_count_what_all_groupings_put_together(groupings):
    names = list(groupings[0])
    expected = sum(
        all(grouping[one] == grouping[other] for grouping in groupings)
        for place, one in enumerate(names)
        for other in names[:place]
    )
    assert groups.pairs(*groupings) == expected


@pytest.mark.ci
@pytest.mark.photos
@pytest.mark.parametrize(("name", "counts"), [("steel-bridges", (20, 1, 1)), ("painted-steel", (105, 0, 0))])
def test_real_spots_and_how_few_of_them_look_alike(photos, name, counts):
    data = coco.read(photos / name)
    spots = groups.by_column(photos / name / "spots.csv", data, "spot")
    alike = groups.by_perceptual_hash(data)
    assert (groups.pairs(spots), groups.pairs(alike), groups.pairs(spots, alike)) == counts
    assert groups.pairs(groups.by_source_name(data)) == 0


@pytest.mark.photos
def test_copies_of_real_photos_are_found_as_often_as_promised(photos, written):
    """Roboflow's augmentations: all plain ones, most small crops, none tilted; and no photo goes with another."""
    rng = np.random.default_rng(0)
    paths = sorted((photos / "painted-steel" / "test").glob("*.jpg"))[::2]
    pictures = {}
    for index, path in enumerate(paths):
        picture = Image.open(path).convert("RGB").resize((320, 320))
        pixels = np.asarray(picture)
        noise = np.where(rng.random((320, 320, 1)) < 0.05, rng.integers(0, 256, (320, 320, 1)), pixels)
        turned = picture.transpose(Image.Transpose(index % len(Image.Transpose)))
        pictures |= {
            f"{index}.jpg": picture,
            f"{index} turned.jpg": turned,
            f"{index} light.jpg": ImageEnhance.Brightness(turned).enhance(1.25),
            f"{index} dark.jpg": ImageEnhance.Brightness(picture).enhance(0.75),
            f"{index} noise.jpg": Image.fromarray(noise.astype(np.uint8)),
            f"{index} crop.jpg": picture.crop((8, 8, 312, 312)),
            f"{index} tilted.jpg": picture.rotate(15),
        }
    found = groups.by_perceptual_hash(written(pictures))
    share = {
        kind: np.mean([found[f"{i} {kind}.jpg"] == found[f"{i}.jpg"] for i in range(len(paths))])
        for kind in ("turned", "light", "dark", "noise", "crop", "tilted")
    }
    assert share["turned"] == share["light"] == share["dark"] == share["noise"] == 1
    assert share["crop"] > 0.5
    assert share["tilted"] < 0.1
    assert len({found[f"{i}.jpg"] for i in range(len(paths))}) == len(paths)


def test_many_that_are_all_alike_are_one_group_in_little_memory(monkeypatch):
    """Blank photos: every pair is alike, and only as many links are kept as join them."""
    monkeypatch.setattr(perceptual_hash, "ROWS", 5)
    monkeypatch.setattr(perceptual_hash, "COLUMNS", 7)
    monkeypatch.setattr(perceptual_hash, "LINKS", 1)
    rng = np.random.default_rng(0)
    three = rng.random((3, 8, 256)) < 0.5
    bits = three[rng.integers(0, 3, 60)]
    links = perceptual_hash.pairs_alike(bits)
    assert len(links) <= 60 + 5 * 7
    first = perceptual_hash.components(60, links)
    for place in range(60):
        same = (bits == bits[place]).all(axis=(1, 2))
        assert first[place] == np.flatnonzero(same)[0]


SPOILT = {
    "a link out": lambda path, other: path.symlink_to(other),
    "a link that leads nowhere": lambda path, other: path.symlink_to("nowhere.csv"),
    "a pipe": lambda path, other: os.mkfifo(path),
    "a folder": lambda path, other: path.mkdir(),
}
READERS = {
    "beside": lambda data: groups.beside(coco.read(data)),
    "split": lambda data: split.split(data=data, out=data.parent / "split.json"),
    "Dataset.split": lambda data: Dataset(data).split(by="spot"),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("what", SPOILT)
def test_a_table_beside_photos_is_a_file_of_their_own_or_refused(
    what: str, reader: str, roboflow: Path, tmp_path: Path
) -> None:
    """Taken for absent, photos of one spot would train and test; followed, another file's content would be printed."""
    data, other = tmp_path / "data", tmp_path / "secret.csv"
    shutil.copytree(roboflow, data)
    other.write_text("secret\n")
    SPOILT[what](data / groups.SPOTS, other)
    with pytest.raises(InputError, match=groups.SPOTS) as refusal:
        READERS[reader](data)
    assert "has secret" not in str(refusal.value)
    assert "no column" not in str(refusal.value)
    assert not (tmp_path / "split.json").exists()
