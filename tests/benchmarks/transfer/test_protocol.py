from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import Any

import pytest

from corrotwin.benchmarks.transfer import protocol
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
    """Spots of one to five photos."""
    return {photo.file_name: f"spot-{int((2 * place) ** 0.5)}" for place, photo in enumerate(data.photos)}


def test_each_photo_is_tested_once_a_run_and_no_spot_stands_in_two_parts(
    data: coco.CocoDataset, spots: dict[str, str]
) -> None:
    for run in range(3):
        folds = protocol.folds(data, spots, SETTINGS, run)
        assert sorted(name for fold in folds for name in fold.split.test) == sorted(spots)
        for fold in folds:
            parts = [{spots[name] for name in getattr(fold.split, part)} for part in ("train", "valid", "test")]
            assert sum(map(len, parts)) == len(set.union(*parts)) == len(set(spots.values()))


def test_folds_are_dealt_anew_for_each_run_and_no_two_trainings_share_a_seed(
    data: coco.CocoDataset, spots: dict[str, str]
) -> None:
    folds = [fold for run in range(4) for fold in protocol.folds(data, spots, SETTINGS, run)]
    assert len({fold.split.digest for fold in folds}) == len({fold.seed for fold in folds}) == 12
    again = protocol.folds(data, spots, SETTINGS, 2)
    assert [each.split for each in again] == [each.split for each in folds[6:9]]


def test_arms_of_a_fold_share_its_photos_and_steps_whatever_renders_there_are(
    data: coco.CocoDataset, spots: dict[str, str]
) -> None:
    drawn: dict[float, set[Any]] = {}
    steps = set()
    mix = Mix(render_share=0.25, pretrain=0.3)
    for fold in protocol.folds(data, spots, SETTINGS, 0)[:1]:
        for cells in (protocol.of_photos(SETTINGS), protocol.of_renders(SETTINGS, mix), protocol.curve(SETTINGS, mix)):
            for config in fold.study(SETTINGS, cells).grid.values():
                train = fold.split.train
                chosen = subset(train, fold.split.groups_of(train), config.arm.real_fraction, config.seed)
                drawn.setdefault(config.arm.real_fraction, set()).add(chosen)
                found = plan_batches(
                    config.arm, seed=config.seed, epochs=config.epochs, batch_size=config.batch_size,
                    all_photos=len(train), photos=len(chosen), renders=7,
                )  # fmt: skip
                steps.add(found.steps_per_epoch * config.epochs)
                assert config.keep == "averaged"
    assert {fraction: len(photos) for fraction, photos in drawn.items()} == {1.0: 1, 0.1: 1}
    assert len(steps) == 1
    per_epoch = ceil(len(train) / SETTINGS.batch_size)
    assert abs(steps.pop() - SETTINGS.steps) <= per_epoch / 2


def test_arms_are_those_of_the_question_and_shuffling_is_all_that_sets_the_control_apart() -> None:
    mix = Mix()
    photos = {cell.arm.name: cell.arm for cell in protocol.of_photos(SETTINGS)}
    renders = {cell.arm.name: cell.arm for cell in protocol.of_renders(SETTINGS, mix)}
    assert list(photos) == ["real", "real-10pct", "copy-paste-10pct"]
    assert set(renders) == {"renders", "mixed50-10pct", "mixed50", "shuffled-mixed50-10pct"}
    assert not any(arm.takes_renders for arm in photos.values())
    assert all(arm.takes_renders for arm in renders.values())
    assert renders["renders"].render_share == 1
    mixed, shuffled = mix.arm(SETTINGS, small=True), mix.arm(SETTINGS, small=True, shuffled=True)
    different = {name for name in vars(mixed) if getattr(mixed, name) != getattr(shuffled, name)}
    assert different == {"name", "shuffled_masks"}


def test_pasting_is_all_that_sets_a_mix_with_it_apart_and_the_photos_are_those_of_copy_paste() -> None:
    plain, pasted = (Mix(copy_paste=each).arm(SETTINGS, small=True) for each in (False, True))
    control = {cell.arm.name: cell.arm for cell in protocol.of_photos(SETTINGS)}["copy-paste-10pct"]
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
    first = protocol.folds(data, spots, replace(SETTINGS, folds=protocol.SCREEN_FOLDS), 0)[0].split
    found = protocol.screen(data, spots, SETTINGS).split
    assert found.test == first.valid
    assert sorted((*found.train, *found.valid)) == sorted(first.train)
    assert not {spots[name] for name in found.group} & {spots[name] for name in first.test}
    assert not {spots[name] for name in found.train} & {spots[name] for name in found.valid}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "`steps` 0 is below 1"),
        ({"size": 100}, "`size` 100 is not divisible"),
        ({"folds": 1}, "`folds` 1 is below 2"),
        ({"real_fraction": 1.0}, "`real_fraction` 1 is not between"),
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
