from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corrotwin.segmentation.data import coco, splits
from corrotwin.twin.core.errors import InputError


def dataset_of(count, tmp_path="x", parts=(None,)):
    photos = tuple(
        coco.Photo(
            id=i, file_name=f"{i}.png", path=tmp_path, width=1, height=1, split=parts[i % len(parts)], annotations=()
        )
        for i in range(count)
    )
    return coco.CocoDataset(folder=tmp_path, photos=photos, digest="0")


def grouped_dataset(sizes):
    """A dataset with groups of the given sizes, and the grouping."""
    ids = [f"spot {index}" for index, size in enumerate(sizes) for _ in range(size)]
    data = dataset_of(len(ids))
    return data, {photo.file_name: each for photo, each in zip(data.photos, ids, strict=True)}


def assert_whole(made, data, groups):
    """A partition of the photos that tears no group."""
    parts = [getattr(made, part) for part in coco.SPLITS]
    assert sorted(sum(parts, ())) == sorted(photo.file_name for photo in data.photos)
    assert all(parts)
    held = [{groups[name] for name in part} for part in parts]
    assert sum(map(len, held)) == len(set(groups.values()))
    assert made.group == groups


GROUP_SIZES = st.lists(st.integers(1, 12), min_size=3, max_size=60)
SEEDS = st.integers(0, 2**32)


@given(count=st.integers(3, 300), seed=SEEDS)
def test_published_split_is_a_partition_in_the_published_shares(count, seed):
    data = dataset_of(count)
    made = splits.split(data, how="published", seed=seed)
    parts = [made.train, made.valid, made.test]
    assert sorted(sum(parts, ())) == sorted(photo.file_name for photo in data.photos)
    for part, share in zip(parts, (0.70, 0.15, 0.15), strict=True):
        assert len(part) >= 1
        assert abs(len(part) - share * count) <= 1.5
    assert made == splits.split(data, how="published", seed=seed)


@given(sizes=GROUP_SIZES, seed=SEEDS)
def test_grouped_split_tears_no_group_and_keeps_the_shares_to_within_the_largest(sizes, seed):
    data, groups = grouped_dataset(sizes)
    made = splits.split(data, how="grouped", seed=seed, groups=groups)
    assert_whole(made, data, groups)
    for part, share in zip(coco.SPLITS, (0.70, 0.15, 0.15), strict=True):
        above = len(getattr(made, part)) - share * sum(sizes)
        assert -2 * max(sizes) <= above <= max(sizes)
    assert made == splits.split(data, how="grouped", seed=seed, groups=groups)


@given(count=st.integers(20, 200), seed=SEEDS)
def test_grouped_split_of_single_photos_has_the_published_shares(count, seed):
    data, groups = grouped_dataset([1] * count)
    made = splits.split(data, how="grouped", seed=seed, groups=groups)
    for part, share in zip(coco.SPLITS, (0.70, 0.15, 0.15), strict=True):
        assert abs(len(getattr(made, part)) - share * count) <= 1


@pytest.mark.parametrize("seed", range(20))
def test_a_group_larger_than_the_small_parts_trains(seed):
    data, groups = grouped_dataset([1, 1, 1, 30, 1, 1, 20, 1, 1])
    made = splits.split(data, how="grouped", seed=seed, groups=groups)
    assert {"spot 3", "spot 6"} <= set(made.groups_of(made.train))


def test_every_group_is_tested_under_some_seed():
    data, groups = grouped_dataset([1, 2, 3] * 5)
    made = [splits.split(data, how="grouped", seed=seed, groups=groups) for seed in range(60)]
    assert {each for split in made for each in split.groups_of(split.test)} == set(groups.values())


@pytest.mark.parametrize("how", ["published", "grouped"])
def test_the_seed_and_not_the_order_of_the_json_decides(how):
    data, groups = grouped_dataset([2] * 30)
    turned = coco.CocoDataset(folder=data.folder, photos=data.photos[::-1], digest="0")
    first = splits.split(data, how=how, seed=1, groups=groups)
    again = splits.split(turned, how=how, seed=1, groups=dict(reversed(groups.items())))
    assert again == first
    assert again.digest == first.digest
    assert splits.split(data, how=how, seed=2, groups=groups).digest != first.digest


def test_the_names_of_groups_do_not_decide_the_draw():
    data, groups = grouped_dataset([2] * 30)
    renamed = {name: each[::-1] for name, each in groups.items()}
    first, again = (splits.split(data, how="grouped", seed=4, groups=each) for each in (groups, renamed))
    assert first.test == again.test


def test_own_split_is_the_exports():
    data = dataset_of(9, parts=coco.SPLITS)
    made = splits.split(data, how="own", seed=0)
    assert made.train == ("0.png", "3.png", "6.png")
    assert made.test == ("2.png", "5.png", "8.png")
    assert made.digest == splits.split(data, how="own", seed=5).digest


@pytest.mark.parametrize("how", ["published", "own"])
def test_groups_are_recorded_and_count_in_the_digest_but_do_not_move_photos(how):
    data = dataset_of(9, parts=coco.SPLITS)
    alone = splits.split(data, how=how, seed=0)
    groups = {photo.file_name: str(photo.id // 2) for photo in data.photos}
    made = splits.split(data, how=how, seed=0, groups={**groups, "of another set.png": "9"})
    assert (made.train, made.valid, made.test) == (alone.train, alone.valid, alone.test)
    assert alone.groups_of(["7.png", "0.png"]) == ("7.png", "0.png")
    assert made.groups_of(["7.png", "0.png", "1.png"]) == ("3", "0", "0")
    assert made.group == groups
    assert made.digest != alone.digest


@given(sizes=GROUP_SIZES, seed=SEEDS, count=st.integers(3, 6))
def test_folds_test_each_group_once_and_tear_none(sizes, seed, count):
    data, groups = grouped_dataset(sizes + [1] * 8)
    made = splits.folds(data, groups=groups, count=count, seed=seed)
    assert len(made) == count
    for each in made:
        assert_whole(each, data, groups)
        assert len(each.test) - len(data.photos) / count <= max(sizes)
        rest = len(each.train) + len(each.valid)
        assert len(each.valid) - 0.15 / 0.85 * rest <= max(sizes)
    assert Counter(name for each in made for name in each.test) == Counter(groups.keys())
    assert made == splits.folds(data, groups=groups, count=count, seed=seed)
    assert len({each.how for each in made}) == count


def test_two_folds_swap_training_and_test():
    data, groups = grouped_dataset([2] * 10)
    first, other = splits.folds(data, groups=groups, count=2, seed=0)
    assert first.test == tuple(sorted(other.train + other.valid))
    assert len(first.test) == len(other.test) == 10


def test_other_seeds_make_other_folds():
    data, groups = grouped_dataset([3] * 20)
    first, other = (splits.folds(data, groups=groups, count=4, seed=seed) for seed in (0, 1))
    assert {each.test for each in first} != {each.test for each in other}


@pytest.mark.parametrize(
    ("sizes", "count", "message"),
    [
        ([2] * 9, 1, "9 groups do not make 1 folds; 2 to 9 can"),
        ([2] * 4, 5, "4 groups do not make 5 folds"),
        ([1, 1, 1], 2, "the 3 groups are too few or too unequal for 2 folds; choose more folds"),
    ],
)
def test_folds_without_groups_enough_are_refused(sizes, count, message):
    data, groups = grouped_dataset(sizes)
    with pytest.raises(InputError, match=message):
        splits.folds(data, groups=groups, count=count, seed=0)


@pytest.mark.parametrize(
    ("how", "count", "parts", "groups", "message"),
    [
        ("own", 9, ("train", "test"), None, "valid missing"),
        ("published", 2, (None,), None, "2 photos are too few"),
        ("spot", 9, (None,), None, "published, own or grouped"),
        ("grouped", 9, (None,), None, "needs the group of each photo"),
        ("grouped", 9, (None,), {f"{i}.png": str(i % 2) for i in range(9)}, "2 groups are too few"),
        ("grouped", 9, (None,), {"0.png": "a"}, r"no group for 8 photos \(first: 1.png\)"),
        ("own", 9, coco.SPLITS, {"0.png": "a"}, "no group for 8 photos"),
    ],
)
def test_what_cannot_be_split_is_refused(how, count, parts, groups, message):
    with pytest.raises(InputError, match=message):
        splits.split(dataset_of(count, parts=parts), how=how, seed=0, groups=groups)


def test_a_photo_in_two_parts_is_refused():
    with pytest.raises(InputError, match="two parts"):
        splits.Split(how="own", seed=0, train=("a", "b"), valid=("b",), test=("c",))


@pytest.mark.parametrize("group", [{"a": "1", "b": "1"}, {"a": "1", "b": "1", "c": "2", "d": "2"}])
def test_groups_of_other_photos_are_refused(group):
    with pytest.raises(InputError, match="not those of its photos"):
        splits.Split(how="own", seed=0, train=("a",), valid=("b",), test=("c",), group=group)


def test_file_round_trip_and_bad_files(tmp_path):
    data, groups = grouped_dataset([1, 2, 3, 4] * 3)
    path = tmp_path / "split.json"
    made = splits.split(data, how="grouped", seed=3, groups=groups)
    splits.save(made, path)
    assert splits.load(path) == made
    assert splits.load(path).digest == made.digest
    lists = '"how": "own", "seed": 0, "train": ["c"], "valid": ["a"], "test": ["b"]'
    for content in (
        "{}",
        "[]",
        '{"how": "own", "seed": 0, "train": [], "valid": ["a"], "test": ["b"], "group": {}}',
        f"{{{lists}}}",
        f'{{{lists}, "group": ["1"]}}',
        f'{{{lists}, "group": {{"a": "1"}}}}',
    ):
        path.write_text(content)
        with pytest.raises(InputError, match=r"split\.json"):
            splits.load(path)


def test_saving_again_is_fine_and_saving_over_something_else_is_refused(tmp_path):
    data, groups = grouped_dataset([2] * 10)
    made = splits.split(data, how="grouped", seed=0, groups=groups)
    path = tmp_path / "new" / "split.json"
    splits.save(made, path)
    splits.save(made, path)
    for other in (replace(made, group={}), splits.split(data, how="grouped", seed=1, groups=groups)):
        with pytest.raises(InputError, match=r"split\.json: holds something other"):
            splits.save(other, path)
    assert splits.load(path) == made
    path.write_text("a letter")
    with pytest.raises(InputError, match="holds something other"):
        splits.save(made, path)
    assert path.read_text() == "a letter"
    with pytest.raises(InputError, match="holds something other"):
        splits.save(made, tmp_path)
    with pytest.raises(InputError, match="cannot be written"):
        splits.save(made, path / "below a file.json")


@pytest.mark.photos
def test_own_split_of_real_photos(photos):
    made = splits.split(coco.read(photos / "steel-bridges"), how="own", seed=0)
    assert (len(made.train), len(made.valid), len(made.test)) == (231, 50, 49)


def test_photos_in_no_part_of_a_split_are_told():
    made = splits.split(dataset_of(20), how="published", seed=0)
    assert splits.unused_warning(made, dataset_of(20)) == ""
    told = "x: {} in no part of the split and will not be used (first: 20.png); split again"
    assert splits.unused_warning(made, dataset_of(21)) == told.format("1 photo is")
    assert splits.unused_warning(made, dataset_of(40)) == told.format("20 photos are")
