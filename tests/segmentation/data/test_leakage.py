from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corrotwin.segmentation.data import coco, groups, leakage, splits
from corrotwin.twin.core.errors import InputError

SPLIT = splits.Split(
    how="published",
    seed=3,
    train=("a", "b", "c"),
    valid=("d", "e"),
    test=("f", "g", "h"),
    group={"a": "1", "b": "1", "c": "2", "d": "1", "e": "3", "f": "2", "g": "3", "h": "1"},
)


def test_leaks_are_photos_whose_group_trains():
    found = leakage.leaks(SPLIT, SPLIT.group)
    assert found.valid == leakage.PartLeak(photos=2, leaked=(("d", "a"),))
    assert found.test == leakage.PartLeak(photos=3, leaked=(("f", "c"), ("h", "a")))
    assert found.split_groups == 3  # 3 is torn between validation and test, which leaks nothing
    assert found.test.share == pytest.approx(2 / 3)


@given(data=st.data())
def test_leaks_agree_with_a_search_through_all_pairs(data):
    names = tuple(f"{place:02d}" for place in range(data.draw(st.integers(3, 30))))
    parts = data.draw(st.lists(st.sampled_from(coco.SPLITS), min_size=len(names) - 3, max_size=len(names) - 3))
    grouping = {name: data.draw(st.sampled_from("pqrstu")) for name in names}
    of = dict(zip(names, [*coco.SPLITS, *parts], strict=True))
    split = splits.Split(
        how="x", seed=0, **{part: tuple(name for name in names if of[name] == part) for part in coco.SPLITS}
    )
    found = leakage.leaks(split, grouping)
    for part in ("valid", "test"):
        seen = getattr(found, part)
        partners = {name: [t for t in split.train if grouping[t] == grouping[name]] for name in getattr(split, part)}
        assert [name for name, _ in seen.leaked] == [name for name, trained in partners.items() if trained]
        assert all(other in partners[name] for name, other in seen.leaked)
        assert seen.photos == len(partners)
    parts_of = {each: {of[name] for name in names if grouping[name] == each} for each in grouping.values()}
    assert found.split_groups == sum(len(parts) > 1 for parts in parts_of.values())


def test_a_grouped_split_leaks_nothing_and_the_published_one_does(roboflow):
    data = coco.read(roboflow)
    grouping = {photo.file_name: str(photo.id % 4) for photo in data.photos}
    made = splits.split(data, how="grouped", seed=0, groups=grouping)
    report = leakage.report(data, made, seeds=range(5))
    assert report.leaks.split_groups == 0
    assert report.leaks.valid.leaked == report.leaks.test.leaked == ()
    assert len(report.published) == 5
    assert all(each.split_groups >= 1 and each.test.leaked for each in report.published)
    assert report.own == leakage.leaks(splits.split(data, how="own", seed=0), grouping)
    text = leakage.markdown(report)
    assert "21 photos in 4 groups, the largest of 6; 21 photos are in groups of several." in text
    assert f"| grouped, seed 0 | 0 of {len(made.valid)} (0.0%) | 0 of {len(made.test)} (0.0%) | 0 |" in text
    assert "| the export's own | 4 of 4 (100.0%) | 5 of 5 (100.0%) | 4 |" in text
    assert "published, 5 seeds: mean (range)" in text
    assert "Leaks of this split" not in text


def test_leaks_are_named_and_copies_are_counted(tmp_path):
    """By the hashes that were taken at reading: the files are gone."""
    photos = tuple(
        coco.Photo(
            id=i, file_name=f"{i}.png", path=tmp_path / f"{i}.png", width=1, height=1, split=None, annotations=(),
            sha256=sha256,
        )
        for i, sha256 in enumerate(("a", "", "", "a"))
    )  # fmt: skip
    data = coco.CocoDataset(folder=tmp_path, photos=photos, digest="0")
    split = splits.Split(how="mine", seed=0, train=("0.png", "1.png"), valid=("2.png",), test=("3.png",))
    report = leakage.report(data, split)
    assert report.copies.test.leaked == (("3.png", "0.png"),)
    assert report.names.test.leaked == ()
    assert report.leaks.test.leaked == ()
    assert report.own is None
    assert len(report.published) == 20
    text = leakage.markdown(report)
    assert "| the same, by files equal byte for byte | 0 of 1 (0.0%) | 1 of 1 (100.0%) | 1 |" in text
    assert "| the same, by names of copies | 0 of 1 (0.0%) | 0 of 1 (0.0%) | 0 |" in text
    assert "the export's own" not in text

    assert leakage.contents_warning(split, data) == (
        f"{tmp_path}: 1 of 2 photos of validation and test are training photos under other names (3.png is 0.png, byte "
        "for byte), which inflates the scores; leave the copies out, or give them one spot and split again"
    )
    apart = replace(split, train=("0.png", "3.png"), test=("1.png",))
    assert leakage.contents_warning(apart, data) == ""

    torn = replace(split, group={"0.png": "x", "1.png": "y", "2.png": "y", "3.png": "x"})
    text = leakage.markdown(leakage.report(data, torn, seeds=[1]))
    assert text.endswith("Leaks of this split, first 2 of 2: 3.png with 0.png; 2.png with 1.png.\n")
    assert "| published, 1 seed: mean (range) |" in text


def test_copies_by_name_are_counted_and_told():
    names = ("1_jpg.rf.aa.jpg", "1_jpg.rf.bb.jpg", "1.jpg", "2_jpg.rf.aa.jpg", "3_jpg.rf.aa.jpg")
    photos = tuple(
        coco.Photo(id=0, file_name=f"train/{name}", path=None, width=1, height=1, split="train", annotations=())
        for name in names
    )
    data = coco.CocoDataset(folder="photos", photos=photos, digest="0")
    one, two, three, four, five = (photo.file_name for photo in photos)
    split = splits.Split(how="published", seed=0, train=(one,), valid=(two, four), test=(three, five))
    assert leakage.copies_warning(split, data) == (
        "photos: 2 of 4 photos of validation and test are, by their names, copies of training photos "
        f"({two} of {one}), which inflates the scores; a split of `corrotwin segmentation split --by names` keeps "
        "copies together"
    )
    whole = splits.Split(how="grouped", seed=0, train=(one, two, three), valid=(four,), test=(five,))
    assert leakage.copies_warning(whole, data) == ""


def test_a_split_of_other_photos_is_refused(roboflow):
    with pytest.raises(InputError, match="no group for 21 photos"):
        leakage.report(coco.read(roboflow), SPLIT, seeds=[0])


def test_agreement_counts_pairs():
    names = {"a": "1", "b": "1", "c": "1", "d": "2"}
    looks = {"a": "1", "b": "1", "c": "2", "d": "2"}
    text = leakage.agreement({"names": names, "hash": looks})
    assert text == "Pairs of photos in one group: names 3, hash 2; by names and by hash 1."
    assert leakage.agreement({"spot": names}) == "Pairs of photos in one group: spot 3."


@pytest.mark.photos
@pytest.mark.parametrize(("name", "least", "most"), [("steel-bridges", 0.05, 0.10), ("painted-steel", 0.25, 0.36)])
def test_the_published_way_leaks_spots_of_real_photos(photos, name, least, most):
    data = coco.read(photos / name)
    spots = groups.by_column(photos / name / "spots.csv", data, "spot")
    made = splits.split(data, how="grouped", seed=0, groups=spots)
    report = leakage.report(data, made)
    for part in ("valid", "test"):
        shares = [getattr(each, part).share for each in report.published]
        assert least < sum(shares) / len(shares) < most
    assert report.own is not None
    assert report.own.split_groups == report.leaks.split_groups == report.copies.split_groups == 0
    for part, share in zip(coco.SPLITS, splits.PUBLISHED_SHARES, strict=True):
        assert abs(len(getattr(made, part)) / len(data.photos) - share) < 0.01
