import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation import coco, splits
from twin.files import InputError


def dataset_of(count, tmp_path="x", parts=(None,)):
    photos = tuple(
        coco.Photo(
            id=i, file_name=f"{i}.png", path=tmp_path, width=1, height=1, split=parts[i % len(parts)], annotations=()
        )
        for i in range(count)
    )
    return coco.Dataset(folder=tmp_path, photos=photos, digest="0")


@given(count=st.integers(3, 300), seed=st.integers(0, 2**32))
def test_published_split_is_a_partition_in_the_published_shares(count, seed):
    data = dataset_of(count)
    made = splits.split(data, how="published", seed=seed)
    parts = [made.train, made.valid, made.test]
    assert sorted(sum(parts, ())) == sorted(photo.file_name for photo in data.photos)
    for part, share in zip(parts, (0.70, 0.15, 0.15), strict=True):
        assert len(part) >= 1
        assert abs(len(part) - share * count) <= 1.5
    assert made == splits.split(data, how="published", seed=seed)


def test_the_seed_and_not_the_order_of_the_json_decides():
    data = dataset_of(60)
    turned = coco.Dataset(folder=data.folder, photos=data.photos[::-1], digest="0")
    first = splits.split(data, how="published", seed=1)
    assert splits.split(turned, how="published", seed=1) == first
    assert splits.split(data, how="published", seed=2).digest != first.digest


def test_own_split_is_the_exports():
    data = dataset_of(9, parts=coco.SPLITS)
    made = splits.split(data, how="own", seed=0)
    assert made.train == ("0.png", "3.png", "6.png")
    assert made.test == ("2.png", "5.png", "8.png")
    assert made.digest == splits.split(data, how="own", seed=5).digest


@pytest.mark.parametrize(
    ("how", "count", "parts", "message"),
    [
        ("own", 9, ("train", "test"), "valid absent"),
        ("published", 2, (None,), "2 photos are too few"),
        ("spot", 9, (None,), "published or own"),
    ],
)
def test_what_cannot_be_split_is_refused(how, count, parts, message):
    with pytest.raises(InputError, match=message):
        splits.split(dataset_of(count, parts=parts), how=how, seed=0)


def test_a_photo_in_two_parts_is_refused():
    with pytest.raises(InputError, match="two parts"):
        splits.Split(how="own", seed=0, train=("a", "b"), valid=("b",), test=("c",))


def test_file_round_trip_and_bad_files(tmp_path):
    made = splits.split(dataset_of(20), how="published", seed=3)
    path = tmp_path / "split.json"
    splits.save(made, path)
    assert splits.load(path) == made
    for content in ("{}", "[]", '{"how": "own", "seed": 0, "train": [], "valid": ["a"], "test": ["b"]}'):
        path.write_text(content)
        with pytest.raises(InputError, match=r"split\.json"):
            splits.load(path)


@pytest.mark.photos
def test_own_split_of_real_photos(photos):
    made = splits.split(coco.read(photos / "steel-bridges"), how="own", seed=0)
    assert (len(made.train), len(made.valid), len(made.test)) == (231, 50, 49)
