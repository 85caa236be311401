from dataclasses import replace

import numpy as np
import pytest
import torch

from corrotwin.segmentation.arms import DataArm
from corrotwin.segmentation.augmentation import augment
from corrotwin.segmentation.augmentation.crop import crop
from corrotwin.segmentation.config import configure
from corrotwin.segmentation.data import coco, decoded
from corrotwin.segmentation.models.network import memory_format
from corrotwin.segmentation.sampling import partners, plan_batches
from corrotwin.segmentation.training import batches
from corrotwin.segmentation.training.batches import BatchLoader, Pool, resident

CPU = torch.device("cpu")
MIXED = DataArm(name="mixed", render_share=0.5)


@pytest.fixture
def loader_for(roboflow, rendered, tmp_path):
    """Make the loader_for of a run over 12 photos and 7 renders in batches of 4."""

    def make(arm=MIXED, *, workers=0, **changes):
        config = configure(
            "quick", **{"backbone": "vgg16", "arm": arm, "seed": 3, "size": 64, "batch_size": 4, **changes}
        )
        photos, renders = coco.read(roboflow), coco.read(rendered)
        read = (
            decoded.natives if config.framing == "crop" else lambda data, cache: decoded.arrays(data, 64, cache=cache)
        )
        arrays = read(photos, cache=tmp_path)
        return BatchLoader(
            config=config,
            plan=plan_batches(arm, seed=3, epochs=config.epochs, batch_size=4, all_photos=12, photos=12, renders=7),
            photos=Pool(images=arrays, rows=arrays.rows([p.file_name for p in photos.photos if p.split == "train"])),
            renders=Pool(images=read(renders, cache=tmp_path), rows=np.arange(7)),
            where=CPU,
            workers=workers,
        )

    return make


@pytest.mark.ci
@pytest.mark.parametrize("framing", ["resize", "crop"])
@pytest.mark.parametrize("precision", ["exact", "fast"])
@pytest.mark.parametrize("adaptation", [None, "fourier"])
def test_a_batch_depends_on_its_step_alone(precision, framing, adaptation, loader_for):
    arm = DataArm(name="mixed", render_share=0.5, adaptation=adaptation)
    made = list(loader_for(arm, precision=precision, framing=framing).batches(0, 7))
    later = list(loader_for(arm, precision=precision, framing=framing).batches(4, 7))
    assert len(made) == 7
    assert len(later) == 3
    for (images, masks), (again, truth) in zip(made[4:], later, strict=True):
        assert images.shape == (4, 3, 64, 64)
        assert images.dtype == masks.dtype == torch.float32
        assert masks.shape == (4, 1, 64, 64)
        assert set(masks.unique().tolist()) <= {0.0, 1.0}
        assert torch.equal(images, again)
        assert torch.equal(masks, truth)
    assert not torch.equal(made[0][0], made[3][0])


@pytest.mark.parametrize("precision", ["exact", "fast"])
def test_batches_have_the_layout_of_their_precision(precision, loader_for):
    layout = memory_format(precision)
    for images, _ in loader_for(precision=precision).batches(0, 2):
        assert images.is_contiguous(memory_format=layout)
        assert images.is_contiguous() == (precision == "exact")


@pytest.mark.ci
@pytest.mark.parametrize(
    ("precision", "framing", "arm"),
    [
        ("exact", "resize", MIXED),
        ("fast", "crop", MIXED),
        ("fast", "resize", DataArm(name="x", render_share=0.5, adaptation="fourier", copy_paste=0.5)),
    ],
)
def test_workers_give_the_batches_of_this_process(precision, framing, arm, loader_for):
    alone, ahead = (loader_for(arm, precision=precision, framing=framing, workers=workers) for workers in (0, 2))
    for (images, masks), (again, truth) in zip(alone.batches(1, 6), ahead.batches(1, 6), strict=True):
        assert torch.equal(images, again)
        assert torch.equal(masks, truth)


def test_photos_come_first_and_masks_are_theirs(loader_for):
    made = loader_for()
    for step in range(6):
        images, masks = made.framed(step)
        photos, renders = made.plan.batch(step)
        for place, index in enumerate(photos):
            row = made.photos.rows[index]
            assert np.array_equal(images[place], made.photos.images.images[row])
            assert np.array_equal(masks[place], made.photos.images.masks[row])
        for place, index in enumerate(renders, start=len(photos)):
            assert np.array_equal(images[place], made.renders.images.images[index])
            assert np.array_equal(masks[place], made.renders.images.masks[index])


def held(made, *, free_bytes=10**9):
    """What a device with so much free memory holds of the images of a loader_for."""
    pools = [made.photos] if made.renders is None else [made.photos, made.renders]
    return resident(pools, made.config.arm, made.config.size, free_bytes=free_bytes, where=CPU)


def test_photos_lie_first_in_memory_each_pool_in_its_order(loader_for):
    made = loader_for()
    made = replace(made, photos=replace(made.photos, rows=made.photos.rows[::-1]))
    images, masks = held(made)
    assert images.shape == (19, 64, 64, 3)
    for place, row in enumerate(made.photos.rows):
        assert np.array_equal(images[place], made.photos.images.images[row])
        assert np.array_equal(masks[place], made.photos.images.masks[row])
    assert np.array_equal(images[12:], made.renders.images.images)
    assert np.array_equal(masks[12:], made.renders.images.masks)
    alone, _ = held(replace(made, renders=None))
    assert torch.equal(alone, images[:12])


def test_images_lie_in_memory_where_they_take_half_of_it_at_most(loader_for):
    needed = 19 * 64 * 64 * 4
    assert held(loader_for(), free_bytes=2 * needed) is not None
    assert held(loader_for(), free_bytes=2 * needed - 1) is None


@pytest.mark.parametrize("arm", [{"adaptation": "fourier"}, {"copy_paste": 0.5}, {"shuffled_masks": True}])
def test_images_that_are_changed_one_by_one_do_not_lie_in_memory(loader_for, arm):
    assert held(loader_for(DataArm(name="x", render_share=0.5, **arm))) is None
    assert held(loader_for(framing="crop")) is None


def test_images_in_memory_give_the_batches_of_images_on_disk(loader_for):
    made, there = loader_for(), loader_for()
    there.__dict__["on_device"] = held(there)  # as on a GPU
    for (images, masks), (again, truth) in zip(made.batches(0, 6), there.batches(0, 6), strict=True):
        assert torch.equal(images, again)
        assert torch.equal(masks, truth)


@pytest.mark.parametrize("how", ["fourier", "histogram", "colours"])
def test_renders_are_adapted_and_photos_are_not(how, loader_for):
    plain, adapted = loader_for(), loader_for(DataArm(name="mixed", render_share=0.5, adaptation=how))
    for step in range(6):
        images, masks = plain.framed(step)
        changed, truth = adapted.framed(step)
        count = len(plain.plan.batch(step)[0])
        assert np.array_equal(images[:count], changed[:count])
        assert np.array_equal(masks, truth)
        assert changed.dtype == np.uint8
        assert not np.array_equal(images[count:], changed[count:])


@pytest.mark.parametrize(("height", "width"), [(40, 50), (32, 90), (20, 20), (5, 70)])
def test_a_crop_is_a_part_of_its_photo(height, width):
    rng = np.random.default_rng(0)
    image = np.zeros((height, width, 3), dtype=np.uint8)
    image[..., 0], image[..., 1] = np.mgrid[:height, :width]
    mask = (rng.random((height, width)) < 0.5).astype(np.uint8)
    corners = set()
    for _ in range(60):
        part, truth = crop(image, mask, 32, rng)
        assert part.shape == (32, 32, 3)
        assert np.array_equal(truth, mask[part[..., 0], part[..., 1]])  # also where it was reflected
        corners.add((int(part[0, 0, 0]), int(part[0, 0, 1])))
    places = (max(0, height - 32) + 1) * (max(0, width - 32) + 1)
    assert len(corners) > 0.3 * min(places, 60)


def test_a_third_of_the_crops_are_sure_to_hold_corrosion():
    rng = np.random.default_rng(0)
    image, mask = np.zeros((640, 480, 3), dtype=np.uint8), np.zeros((640, 480), dtype=np.uint8)
    mask[300:306, 2:8] = 1  # near an edge; without the rule 1.4 % of the crops would show it
    assert np.mean([crop(image, mask, 64, rng)[1].any() for _ in range(1200)]) == pytest.approx(1 / 3, abs=0.05)
    empty = np.zeros_like(mask)
    assert not any(crop(image, empty, 64, rng)[1].any() for _ in range(20))
    corner = np.zeros((20, 30), dtype=np.uint8)  # smaller than the crop: reflected, and the crop is whole
    corner[0, 0] = 1
    assert all(crop(image[:20, :30], corner, 64, rng)[1].any() for _ in range(20))
    whole = [crop(image, np.ones_like(mask), 64, np.random.default_rng(seed))[1].mean() for seed in range(20)]
    assert whole == [1.0] * 20


def test_crops_of_earlier_runs_and_those_that_show_how_photos_look_are_cut_anywhere(loader_for, monkeypatch):
    shares = []

    def watched(image, mask, size, rng, foreground):
        shares.append(foreground)
        return crop(image, mask, size, rng, foreground)

    monkeypatch.setattr(batches, "crop", watched)
    arm = replace(MIXED, render_share=1.0, adaptation="histogram")
    loader_for(arm, framing="crop").framed(0)
    assert shares == [1 / 3] * 4 + [0.0] * 4  # renders, and the photos that they are changed towards
    shares.clear()
    made = loader_for(framing="crop")
    list(made.plain())
    assert set(shares) == {0.0}
    shares.clear()
    replace(made, config=replace(made.config, crops="uniform")).framed(0)
    assert set(shares) == {0.0}


def test_a_crop_anywhere_has_the_place_that_it_had_in_earlier_versions():
    image = np.arange(90 * 70 * 3, dtype=np.uint32).reshape(90, 70, 3).astype(np.uint8)
    part, _ = crop(image, np.ones((90, 70), dtype=np.uint8), 32, np.random.default_rng(4), 0.0)
    rng = np.random.default_rng(4)
    top, left = int(rng.integers(59)), int(rng.integers(39))
    assert np.array_equal(part, image[top : top + 32, left : left + 32])


def test_crops_keep_the_scale_of_the_photo(loader_for):
    made = loader_for(framing="crop")
    for step in range(4):
        images, _ = made.framed(step)
        photos, _ = made.plan.batch(step)
        for place, index in enumerate(photos):
            whole, _ = made.photos.images.photo(int(made.photos.rows[index]))
            windows = np.lib.stride_tricks.sliding_window_view(whole, (8, 8, 3))[:, :, 0]
            assert (windows == images[place][:8, :8]).all(axis=(2, 3, 4)).any()


def test_augmentation_moves_every_epoch(loader_for):
    made = loader_for(precision="fast")
    steps = made.plan.steps_per_epoch
    images, masks = made.framed(0)
    tensors = augment.image_tensor(images, CPU), augment.mask_tensor(masks, CPU)
    one = augment.fast(*tensors, seed=3, epoch=0, first=0)[0]
    other = augment.fast(*tensors, seed=3, epoch=1, first=0)[0]
    assert steps == 3
    assert not torch.equal(one, other)


@pytest.mark.ci
@pytest.mark.parametrize("framing", ["resize", "crop"])
@pytest.mark.parametrize("precision", ["exact", "fast"])
def test_controls_change_what_they_say(loader_for, precision, framing):
    """Copy-paste adds corrosion to photos, shuffled masks leave pictures and change the labels of renders alone."""
    plain = loader_for(MIXED, precision=precision, framing=framing)
    pasted = loader_for(DataArm(name="x", render_share=0.5, copy_paste=1.0), precision=precision, framing=framing)
    shuffled = loader_for(
        DataArm(name="x", render_share=0.5, shuffled_masks=True), precision=precision, framing=framing
    )
    changed = 0
    for step in range(12):
        images, masks = plain.framed(step)
        others, more = pasted.framed(step)
        assert (others[2:] == images[2:]).all()
        assert (more >= masks).all()
        changed += int((more[:2] > masks[:2]).any())
        same, swapped = shuffled.framed(step)
        assert (same == images).all()
        assert (swapped[:2] == masks[:2]).all()
        assert not (swapped[2:] == masks[2:]).all()
        assert torch.equal(next(shuffled.batches(step, step + 1))[0], next(plain.batches(step, step + 1))[0])
    assert changed >= 3


def test_each_image_has_one_other_partner():
    found = partners(50, seed=4)
    assert sorted(found) == list(range(50))
    assert not (found == np.arange(50)).any()
    assert not np.array_equal(found, partners(50, seed=5))
    assert partners(1, seed=0).tolist() == [0]


@pytest.mark.parametrize("framing", ["resize", "crop"])
def test_what_is_pasted_comes_from_another_photo(loader_for, framing):
    made = loader_for(DataArm(name="x", copy_paste=1.0), framing=framing, size=64)
    own = np.arange(12)
    for epoch in range(4):
        donors, _ = made._references(own, epoch, 0)
        photos, _ = made._frame(made.photos, own, epoch, 0)
        assert not any(np.array_equal(donor, photo) for donor, photo in zip(donors, photos, strict=True))
    alone = replace(made, photos=Pool(images=made.photos.images, rows=made.photos.rows[:1]))
    donors, _ = alone._references(np.zeros(4, dtype=np.intp), 0, 0)
    photos, _ = alone._frame(alone.photos, np.zeros(4, dtype=np.intp), 0, 0)
    if framing == "resize":
        assert (donors == photos).all()
    else:  # cut elsewhere
        assert not (donors == photos).all()


def test_batches_without_photos_are_left_alone(loader_for):
    made = loader_for(DataArm(name="x", render_share=0.5, copy_paste=1.0, pretrain=0.5))
    made = replace(made, plan=replace(made.plan, pretrain_steps=2))
    images, masks = made.framed(0)
    assert images.shape == (4, 64, 64, 3)
    assert masks.shape == (4, 64, 64)
