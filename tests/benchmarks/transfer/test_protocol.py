from collections import Counter
from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import Any

import pytest

from corrotwin.benchmarks.study.grid import GridCell
from corrotwin.benchmarks.transfer import layout, protocol, resampling
from corrotwin.benchmarks.transfer.protocol import Mix, ProtocolSettings
from corrotwin.segmentation.data import coco
from corrotwin.segmentation.sampling import plan_batches, subset
from corrotwin.twin.core.errors import InputError

SETTINGS = ProtocolSettings(folds=3, steps=40)


@pytest.fixture
def data() -> coco.CocoDataset:
    photos = [
        coco.Photo(id=n, file_name=f"{n:02d}.png", path=Path(), width=32, height=32, split=None, annotations=())
        for n in range(60)
    ]
    return coco.CocoDataset(folder=Path("photos"), photos=tuple(photos), digest="0123456789abcdef")


@pytest.fixture
def spots(data: coco.CocoDataset) -> dict[str, str]:
    """Spots of one to ten photos."""
    return {photo.file_name: f"spot-{int((2 * place) ** 0.5)}" for place, photo in enumerate(data.photos)}


def largest(spots: dict[str, str]) -> int:
    """Photos of the largest spot, the last of which may go beyond what is asked for."""
    return max(Counter(spots.values()).values())


def test_each_photo_is_tested_once_a_run_and_no_spot_stands_in_two_parts(
    data: coco.CocoDataset, spots: dict[str, str]
) -> None:
    for run in range(3):
        folds = resampling.folds(data, spots, SETTINGS, run)
        assert sorted(name for fold in folds for name in fold.split.test) == sorted(spots)
        for fold in folds:
            parts = [{spots[name] for name in getattr(fold.split, part)} for part in ("train", "valid", "test")]
            assert sum(map(len, parts)) == len(set.union(*parts)) == len(set(spots.values()))


def test_with_unlabelled_photos_a_redraw_takes_more_and_arms_draw_the_few(
    data: coco.CocoDataset, spots: dict[str, str]
) -> None:
    settings = replace(SETTINGS, unlabelled=0.4)
    fold = resampling.redraw(data, spots, settings, 1)
    assert 0.5 * 60 <= len(fold.split.train) <= 0.5 * 60 + largest(spots)
    assert not {spots[name] for name in fold.split.train} & {spots[name] for name in fold.split.test}
    cells = {cell.arm.name: cell for cell in protocol.photos_of(settings, small=True)}
    cells |= {cell.arm.name: cell for cell in protocol.renders_of(settings, Mix(), small=True)}
    assert {name: cell.arm.self_training for name, cell in cells.items()} == {
        "real-10pct": None, "copy-paste-10pct": None, "teacher-10pct": "photos", "taught-real-10pct": "unlabelled",
        "real-50pct": None, "mixed50-10pct": None, "shuffled-mixed50-10pct": None, "taught-mixed50-10pct": "unlabelled",
    }  # fmt: skip
    fractions = {name: cell.arm.real_fraction for name, cell in cells.items()}
    assert fractions.pop("real-50pct") == 1.0
    assert set(fractions.values()) == {0.2}
    plain = protocol.photos_of(SETTINGS, small=True)
    assert {cell.arm.real_fraction for cell in plain} == {1.0}
    assert len(plain) == 2
    pairs = protocol.compared_pairs(cells, settings, Mix())
    for pair in (
        ("teacher-10pct", "taught-real-10pct"), ("real-10pct", "taught-mixed50-10pct"),
        ("mixed50-10pct", "taught-mixed50-10pct"), ("taught-mixed50-10pct", "real-50pct"),
    ):  # fmt: skip
        assert pair in pairs
    assert "unlabelled" not in layout.claim(SETTINGS)
    assert layout.claim(settings)["unlabelled"] == 0.4


@pytest.mark.parametrize("unlabelled", [-0.1, 0.75, float("nan")])
def test_too_many_unlabelled_photos_are_refused(unlabelled: float) -> None:
    with pytest.raises(InputError, match="`unlabelled`"):
        replace(SETTINGS, unlabelled=unlabelled)


def test_folds_are_dealt_anew_for_each_run_and_no_two_trainings_share_a_seed(
    data: coco.CocoDataset, spots: dict[str, str]
) -> None:
    folds = [fold for run in range(4) for fold in resampling.folds(data, spots, SETTINGS, run)]
    assert len({fold.split.digest for fold in folds}) == len({fold.seed for fold in folds}) == 12
    again = resampling.folds(data, spots, SETTINGS, 2)
    assert [each.split for each in again] == [each.split for each in folds[6:9]]


def test_a_redraw_trains_on_few_spots_and_tests_all_others_but_one(
    data: coco.CocoDataset, spots: dict[str, str]
) -> None:
    for number in range(20):
        found = resampling.redraw(data, spots, SETTINGS, number)
        assert (found.name, found.run, found.of, found.is_few) == (f"run-{number + 1:02d}/few", number, 1, True)
        names = [getattr(found.split, part) for part in ("train", "valid", "test")]
        assert sorted(name for part in names for name in part) == sorted(spots)
        train, valid, test = ({spots[name] for name in part} for part in names)
        assert not train & valid | train & test | valid & test
        assert len(valid) == 1
        assert 6 <= len(found.split.train) < 6 + largest(spots)


@pytest.mark.parametrize("fraction", [0.05, 0.2, 0.5])
def test_the_few_are_the_stated_part_of_the_photos(
    data: coco.CocoDataset, spots: dict[str, str], fraction: float
) -> None:
    settings = replace(SETTINGS, real_fraction=fraction)
    counts = [len(resampling.redraw(data, spots, settings, number).split.train) for number in range(40)]
    assert all(60 * fraction <= count < 60 * fraction + largest(spots) for count in counts)
    alone = {name: name for name in spots}
    assert len(resampling.redraw(data, alone, settings, 0).split.train) == 60 * fraction


def test_redraws_differ_and_each_comes_again_as_it_was(data: coco.CocoDataset, spots: dict[str, str]) -> None:
    found = [resampling.redraw(data, spots, SETTINGS, number) for number in range(12)]
    assert len({each.split.digest for each in found}) == len({each.seed for each in found}) == 12
    assert len({each.split.train for each in found}) > 8
    again = resampling.redraw(data, spots, SETTINGS, 7)
    assert (again.split, again.seed) == (found[7].split, found[7].seed)
    trained = [sum(name in each.split.train for each in found) for name in spots]
    assert min(trained) == 0
    assert max(trained) < 12 / 2  # no photo is one of the few in most redraws


def test_seeds_that_follow_go_on_with_the_redraws_and_runs_of_another_folder(
    data: coco.CocoDataset, spots: dict[str, str]
) -> None:
    first, later = SETTINGS, replace(SETTINGS, seed=SETTINGS.seed + 4)
    assert resampling.redraw(data, spots, later, 0).split == resampling.redraw(data, spots, first, 4).split
    whole = replace(SETTINGS, folds=1)
    for settings in (whole, SETTINGS):
        here, there = (
            [(fold.split, fold.seed) for run in runs for fold in resampling.folds(data, spots, each, run)]
            for each, runs in ((settings, range(4, 8)), (replace(settings, seed=settings.seed + 4), range(4)))
        )
        assert here == there


def test_a_redraw_that_leaves_no_photo_to_test_is_refused(data: coco.CocoDataset) -> None:
    for spots in ({name.file_name: "one" for name in data.photos}, {p.file_name: str(p.id % 2) for p in data.photos}):
        with pytest.raises(InputError, match=r"photos: 10 % of 60 photos of \d spots leave none to test; more spots"):
            resampling.redraw(data, spots, SETTINGS, 0)


def test_with_one_fold_all_photos_train_but_two_spots_of_each_run(
    data: coco.CocoDataset, spots: dict[str, str]
) -> None:
    settings = replace(SETTINGS, folds=1)
    splits = []
    for run in range(6):
        (found,) = resampling.folds(data, spots, settings, run)
        assert (found.name, found.run, found.of) == (f"run-{run + 1:02d}/whole", run, 1)
        assert found.tests_others_only
        assert not found.is_few
        split = found.split
        assert sorted((*split.train, *split.valid, *split.test)) == sorted(spots)
        parts = [{spots[name] for name in part} for part in (split.train, split.valid, split.test)]
        assert [len(part) for part in parts] == [len(set(spots.values())) - 2, 1, 1]
        assert len(set.union(*parts)) == len(set(spots.values()))
        splits.append(split.digest)
    assert len(set(splits)) == 6
    two = {name: str(place % 2) for place, name in enumerate(spots)}
    with pytest.raises(InputError, match="photos: shows 2 spots; at least 3 are needed"):
        resampling.folds(data, two, settings, 0)


def planned(fold: resampling.Fold, settings: ProtocolSettings, cells: tuple[GridCell, ...]) -> dict[str, int]:
    """Steps of each arm in a fold, all of which keep the mean of their weights and train on all of its photos."""
    found = {}
    for config in fold.study(settings, cells).grid.values():
        train = fold.split.train
        assert subset(train, fold.split.groups_of(train), config.arm.real_fraction, config.seed) == train
        plan = plan_batches(
            config.arm, seed=config.seed, epochs=config.epochs, batch_size=config.batch_size,
            all_photos=len(train), photos=len(train), renders=7,
        )  # fmt: skip
        assert (config.keep, config.seed) == ("averaged", fold.seed)
        found[config.arm.name] = plan.steps_per_epoch * config.epochs
    return found


@pytest.mark.parametrize("small", [True, False])
def test_arms_of_a_split_share_its_photos_and_steps_whatever_renders_there_are(
    data: coco.CocoDataset, spots: dict[str, str], small: bool
) -> None:
    mix = Mix(render_share=0.25, pretrain=0.3)
    fold = resampling.redraw(data, spots, SETTINGS, 0) if small else resampling.folds(data, spots, SETTINGS, 0)[0]
    cells = protocol.photos_of(SETTINGS, small=small) + protocol.renders_of(SETTINGS, mix, small=small)
    few = protocol.few_mixed(SETTINGS, mix) + protocol.fitted(SETTINGS, mix)
    cells += few if small else protocol.renders_only(SETTINGS)
    found = planned(fold, SETTINGS, tuple(dict.fromkeys(cells)))
    assert len(found) == (5 if small else 3)
    (steps,) = set(found.values())
    assert abs(steps - SETTINGS.steps) <= ceil(len(fold.split.train) / SETTINGS.batch_size) / 2


def test_few_photos_alone_are_trained_for_their_own_best_number_of_steps_too(
    data: coco.CocoDataset, spots: dict[str, str]
) -> None:
    settings = replace(SETTINGS, photo_steps=120)
    fold = resampling.redraw(data, spots, settings, 0)
    found = planned(fold, settings, protocol.photos_of(settings, small=True))
    per_epoch = ceil(len(fold.split.train) / settings.batch_size)
    assert list(found) == ["real-10pct", "real-10pct-120-steps", "copy-paste-10pct"]
    assert abs(found.pop("real-10pct-120-steps") - 120) <= per_epoch / 2
    assert all(abs(steps - 40) <= per_epoch / 2 for steps in found.values())
    arms = {cell.arm.name: cell.arm for cell in protocol.photos_of(settings, small=True)}
    assert replace(arms["real-10pct-120-steps"], name="real-10pct") == arms["real-10pct"]
    for same in (None, SETTINGS.steps):
        cells = protocol.photos_of(replace(SETTINGS, photo_steps=same), small=True)
        assert [cell.arm.name for cell in cells] == ["real-10pct", "copy-paste-10pct"]
    assert protocol.photos_of(settings, small=False) == protocol.photos_of(SETTINGS, small=False)


def test_few_photos_and_all_of_them_are_never_one_comparison() -> None:
    settings, mix = replace(SETTINGS, photo_steps=120), Mix(copy_paste=True)
    few, whole = (
        {cell.arm.name for cell in protocol.photos_of(settings, small=small)}
        | {cell.arm.name for each in (mix, Mix()) for cell in protocol.renders_of(settings, each, small=small)}
        for small in (True, False)
    )
    few |= {cell.arm.name for cell in protocol.fitted(settings, mix)} | {"mixed50-copy-paste-10pct (first 20)"}
    found = protocol.compared_pairs(few | whole | {"renders (first 20)"}, settings, mix)
    assert len(found) == len(set(found))
    assert all(("-10pct" in first) == ("-10pct" in second) for first, second in found)
    assert [pair for pair in found if "-10pct" not in pair[0]] == [
        ("real", "renders"), ("real", "mixed50-copy-paste"), ("renders (first 20)", "renders"),
    ]  # fmt: skip
    mixed = "mixed50-copy-paste-10pct"
    assert {first for first, second in found if second == mixed} == {
        "real-10pct", "real-10pct-120-steps", "copy-paste-10pct", f"shuffled-{mixed}", "mixed50-10pct",
        f"{mixed} (first 20)",
    }  # fmt: skip
    assert {first for first, second in found if second == f"fitted-{mixed}"} == {"real-10pct", mixed}
    plain = protocol.compared_pairs({"real-10pct", "mixed50-10pct"}, SETTINGS, Mix())
    assert plain == [("real-10pct", "mixed50-10pct")]  # once, where few photos have no other best


def test_arms_are_those_of_the_question_and_shuffling_or_fitting_is_all_that_sets_others_apart() -> None:
    mix = Mix()
    names = {
        small: [
            [cell.arm.name for cell in cells]
            for cells in (
                protocol.photos_of(SETTINGS, small=small), protocol.renders_of(SETTINGS, mix, small=small),
                protocol.few_mixed(SETTINGS, mix) if small else protocol.renders_only(SETTINGS),
            )
        ]
        for small in (True, False)
    }  # fmt: skip
    assert names[True] == [
        ["real-10pct", "copy-paste-10pct"], ["mixed50-10pct", "shuffled-mixed50-10pct"], ["mixed50-10pct"],
    ]  # fmt: skip
    assert names[False] == [["real"], ["renders", "mixed50"], ["renders"]]
    photos = [cell.arm for small in (True, False) for cell in protocol.photos_of(SETTINGS, small=small)]
    renders = [cell.arm for small in (True, False) for cell in protocol.renders_of(SETTINGS, mix, small=small)]
    assert not any(arm.takes_renders for arm in photos)
    assert all(arm.takes_renders for arm in renders)
    assert {arm.render_share for arm in renders if arm.name == "renders"} == {1.0}
    mixed, shuffled = mix.arm(SETTINGS, small=True), mix.arm(SETTINGS, small=True, before="shuffled-")
    different = {name for name in vars(mixed) if getattr(mixed, name) != getattr(shuffled, name)}
    assert different == {"name", "shuffled_masks"}
    (fitted,) = (cell.arm for cell in protocol.fitted(SETTINGS, mix))
    assert replace(fitted, name=mixed.name) == mixed
    assert fitted.name == "fitted-mixed50-10pct"


def test_arms_of_a_screen_draw_their_few_photos_themselves() -> None:
    cells = protocol.drawn(protocol.few_mixed(SETTINGS, Mix()), 0.1)
    assert [(cell.real_fraction, cell.arm.real_fraction, cell.arm.name) for cell in cells] == [
        (0.1, 0.1, "mixed50-10pct")
    ]


def test_the_random_changes_are_those_asked_for_in_every_arm() -> None:
    settings = replace(SETTINGS, augmentation="strong", photo_steps=120)
    cells = [
        cell
        for small in (True, False)
        for of in (protocol.photos_of(settings, small=small), protocol.renders_of(settings, Mix(), small=small))
        for cell in of
    ]
    assert {cell.arm.augmentation for cell in (*cells, *protocol.fitted(settings, Mix()))} == {"strong"}


def test_pasting_is_all_that_sets_a_mix_with_it_apart_and_the_photos_are_those_of_copy_paste() -> None:
    plain, pasted = (Mix(copy_paste=each).arm(SETTINGS, small=True) for each in (False, True))
    control = {cell.arm.name: cell.arm for cell in protocol.photos_of(SETTINGS, small=True)}["copy-paste-10pct"]
    assert {name for name in vars(plain) if getattr(plain, name) != getattr(pasted, name)} == {"name", "copy_paste"}
    different = {name for name in vars(control) if getattr(control, name) != getattr(pasted, name)}
    assert different == {"name", "render_share"}


def test_each_way_of_mixing_has_its_own_name() -> None:
    ways = [
        Mix(),
        Mix(render_share=0.25),
        Mix(render_share=0.0, pretrain=0.5),
        Mix(pretrain=0.5),
        Mix(adaptation="fourier"),
    ]
    ways += [replace(each, copy_paste=True) for each in ways]
    assert len({each.name for each in ways}) == len(ways)


def test_a_screen_sees_no_photo_that_the_first_of_its_folds_tests(
    data: coco.CocoDataset, spots: dict[str, str]
) -> None:
    first = resampling.folds(data, spots, replace(SETTINGS, folds=resampling.SCREEN_FOLDS), 0)[0].split
    found = resampling.screen(data, spots, SETTINGS).split
    assert found.test == first.valid
    assert sorted((*found.train, *found.valid)) == sorted(first.train)
    assert not {spots[name] for name in found.group} & {spots[name] for name in first.test}
    assert not {spots[name] for name in found.train} & {spots[name] for name in found.valid}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "`steps` 0 is below 1"),
        ({"size": 100}, "`size` 100 is not divisible"),
        ({"folds": 0}, "`folds` 0 is below 1"),
        ({"real_fraction": 0.0}, "`real_fraction` 0 is not above 0 and at most 0.5"),
        ({"real_fraction": 0.6}, "`real_fraction` 0.6 is not above 0 and at most 0.5"),
        ({"photo_steps": 0}, "`photo_steps` 0 is below 1"),
        ({"seed": -1}, "`seed` -1"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ProtocolSettings(**settings)


@pytest.mark.parametrize(
    "mix", [{"render_share": 1.0}, {"render_share": 0.0}, {"pretrain": 1.0}, {"render_share": -0.1}]
)
def test_a_mix_without_photos_or_without_renders_is_refused(mix: dict[str, float]) -> None:
    with pytest.raises(InputError, match=r"`render_share`|`pretrain`"):
        Mix(**mix)  # type: ignore[arg-type]
