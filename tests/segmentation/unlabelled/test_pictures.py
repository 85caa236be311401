"""Unlabelled pictures: found in all places, sorted out, decoded once, the same wherever they lie."""

import os
import shutil
import time
import zipfile

import numpy as np
import pytest
from PIL import Image

from corrotwin.segmentation.data import decoded, image_io
from corrotwin.segmentation.data.perceptual_hash import HashIndex, hashes
from corrotwin.segmentation.unlabelled import decoding
from corrotwin.segmentation.unlabelled import pictures as module
from corrotwin.segmentation.unlabelled.decoding import CHANGED, CUT_OFF, DRAWN, SMALL
from corrotwin.segmentation.unlabelled.files import UNREADABLE
from corrotwin.segmentation.unlabelled.pictures import DUPLICATE, OF_TEST, gather
from corrotwin.twin.core.errors import InputError
from tests.helpers.unlabelled import photos, picture, video


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def gathered(paths, cache, size=32, framing="resize", **options):
    return gather(paths, size=size, framing=framing, cache=cache, **options)


def test_pictures_of_folders_archives_files_and_videos(tmp_path, cache):
    photos(tmp_path / "site" / "deep", range(6))
    loose = photos(tmp_path / "loose", [10, 11])
    video(tmp_path / "site" / "walk.mp4", [20, 21, 22])
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        for path in photos(tmp_path / "packed", [30, 31, 32]):
            archive.write(path, f"photos/{path.name}")
    found = gathered([tmp_path / "site", tmp_path / "more.zip", *loose], cache)
    names = sorted(each.name for each in found.used)
    assert names == [
        "0010.png", "0011.png", *(f"deep/{seed:04d}.png" for seed in range(6)),
        *(f"more.zip/photos/{seed:04d}.png" for seed in (30, 31, 32)),
        *(f"walk.mp4#0:0{second}" for second in range(3)),
    ]  # fmt: skip
    assert found.images.shape == (14, 32, 32, 3)
    by_name = {each.name: row for row, each in enumerate(found.pictures)}
    assert np.array_equal(found.images[by_name["0010.png"]], decoded.resize_image(picture(10), 32))
    assert found.left_out == {}
    assert found.line() == "14 unlabelled pictures"


def test_an_archive_whose_name_has_no_ending_is_known_by_its_content(tmp_path, cache):
    (tmp_path / "site").mkdir()
    with zipfile.ZipFile(tmp_path / "site" / "monday", "w") as archive:
        for path in photos(tmp_path / "packed", range(9)):
            archive.write(path, path.name)
    found = gathered([tmp_path / "site" / "monday"], cache)
    assert {each.name for each in found.used} == {f"monday/{seed:04d}.png" for seed in range(9)}
    line = gathered([*photos(tmp_path / "site", range(9))[:8], tmp_path / "site"], cache).line()
    assert "archives inside folders: name them in the command, too (monday)" in line


def test_what_teaches_nothing_is_left_out_and_said(tmp_path, cache):
    folder = tmp_path / "site"
    paths = photos(folder, range(9))
    shutil.copy(paths[0], folder / "copy.png")
    Image.fromarray(picture(1)).save(folder / "again.jpg", quality=70)
    Image.fromarray(picture(2)[:40, :40]).save(folder / "icon.png")
    logo = np.full((90, 90, 3), 255, np.uint8)
    logo[30:60, 20:70] = (200, 30, 30)
    Image.fromarray(logo).save(folder / "logo.png")
    (folder / "cut.jpg").write_bytes((folder / "again.jpg").read_bytes()[:900])
    found = gathered([folder], cache)
    out = {reason: sorted(names) for reason, names in found.left_out.items()}
    assert len(out.pop(DUPLICATE)) == 2
    assert out == {DRAWN: ["logo.png"], SMALL: ["icon.png"], UNREADABLE: ["cut.jpg"]}
    assert len(found.used) == 9
    assert "1 left out, drawings or blank pictures (logo.png)" in found.line()
    # by its content in the cache, wherever it lies and whatever it is called
    moved = shutil.copytree(folder, tmp_path / "moved")
    for number, path in enumerate(sorted(moved.iterdir())):
        path.rename(moved / f"{100 - number}{path.suffix}")
    again = gathered([moved], cache, on_file=lambda *_: pytest.fail("decoded again"))
    assert again.digest == found.digest
    assert np.array_equal(again.images, found.images)


def test_photos_that_cannot_be_read_are_left_out(tmp_path, cache):
    paths = photos(tmp_path / "site", range(9))
    os.mkfifo(tmp_path / "site" / "pipe.jpg")
    (tmp_path / "site" / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    found = gathered([tmp_path / "site"], cache)
    assert len(found.used) == len(paths)
    assert found.left_out == {
        UNREADABLE: ["gone.jpg"],
        "special files, such as devices or pipes: replace or remove them": ["pipe.jpg"],
    }


def test_what_folders_and_archives_hold_beside_pictures_is_counted_and_named(tmp_path, cache):
    site = tmp_path / "site"
    photos(site, range(9))
    for name in ("a.heic", "b.HEIC", "more.zip", ".hidden.jpg"):
        (site / name).touch()
    pages = [Image.fromarray(picture(seed)) for seed in (20, 21)]
    pages[0].save(site / "scan.tif", save_all=True, append_images=pages[1:])
    (tmp_path / "elsewhere").mkdir()
    (site / "linked").symlink_to(tmp_path / "elsewhere")
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        archive.writestr("c.heic", b"")
    line = gathered([site, tmp_path / "packed.zip", site / "scan.tif"], cache).line()
    assert sorted(line.split("; ")) == [
        "1 left out, archives inside folders: name them in the command, too (more.zip)",
        "1 left out, folders that are links: name them in the command, too (linked)",
        "1 left out, hidden files (.hidden.jpg)",
        "1 left out, pictures after the first in a file: save those that are photos as files of their own (scan.tif)",
        "1 left out, similar to another (scan.tif)",
        "10 unlabelled pictures",
        "3 left out, pictures in formats that are not read: convert them to JPEG (a.heic, b.HEIC, packed.zip/c.heic)",
    ]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: photos(folder, [1]), "too few pictures, at least 8 are needed .1 unlabelled picture"),
        (lambda folder: folder.mkdir(), "too few pictures, at least 8 are needed .0 unlabelled pictures"),
        (lambda folder: None, "no such file or folder"),
        (
            lambda folder: [
                Image.new("RGB", (100, 100), (number, 0, 0)).save(path)
                for number, path in enumerate(photos(folder, range(12)))
            ],
            "12 left out, drawings or blank pictures",
        ),
    ],
    ids=["one photo", "nothing", "absent", "logos"],
)
def test_too_few_pictures_are_refused_in_one_line(make, message, tmp_path, cache):
    make(tmp_path / "site")
    with pytest.raises(InputError, match=message) as caught:
        gathered([tmp_path / "site"], cache)
    assert "\n" not in str(caught.value)


def test_a_video_that_ends_early_is_used_as_far_as_it_goes(tmp_path, cache):
    photos(tmp_path / "site", range(8))
    (tmp_path / "site" / "noise.mp4").write_bytes(np.random.default_rng(0).bytes(50_000))
    whole = video(tmp_path / "whole.avi", range(40, 60))
    content = whole.read_bytes()
    (tmp_path / "site" / "cut.avi").write_bytes(content[: len(content) // 2])
    found = gathered([tmp_path / "site"], cache)
    assert found.left_out[CUT_OFF] == ["cut.avi"]
    assert found.left_out[UNREADABLE] == ["noise.mp4"]
    assert 5 <= sum("cut.avi#" in each.name for each in found.used) <= 14


@pytest.mark.parametrize("framing", ["resize", "crop"])
@pytest.mark.parametrize("instead", ["nothing", "damaged", "another"])
@pytest.mark.parametrize("away", ["0004.png", "walk.mp4"])
def test_what_goes_away_or_changes_while_it_is_read_is_left_out_once(
    away, instead, framing, tmp_path, cache, monkeypatch
):
    """Another video that takes the first's place shows the photos, too, which it must not keep out."""
    photos(tmp_path / "site", range(8))
    path = video(tmp_path / "site" / "walk.mp4", [20, 21]).with_name(away)
    [other] = photos(tmp_path / "other", [9])
    if path.suffix == ".mp4":
        other = video(tmp_path / "other" / "walk.mp4", [*range(8), 30])

    def torn(real):
        def read(file, **options):
            if file == path:
                path.rename(tmp_path / away)
                if instead != "nothing":
                    path.write_bytes(other.read_bytes() if instead == "another" else b"not whole yet")
            return real(file, **options)

        return read

    with monkeypatch.context() as patch:
        patch.setattr(image_io, "decoded", torn(image_io.decoded))
        patch.setattr(decoding.video, "check", torn(decoding.video.check))
        found = gathered([tmp_path / "site"], cache, framing=framing)
    assert found.left_out == {CHANGED: [away]}
    path.unlink(missing_ok=True)
    kept = gathered([tmp_path / "site"], cache, framing=framing, on_file=lambda *_: pytest.fail("decoded again"))
    anew = gathered([tmp_path / "site"], tmp_path / "new", framing=framing)
    assert kept.left_out == anew.left_out == {}
    assert found.pictures == kept.pictures == anew.pictures
    assert np.array_equal(found.images, anew.images)
    assert np.array_equal(found.of_row, anew.of_row)
    (tmp_path / away).rename(path)
    whole = gathered([tmp_path / "site"], cache, framing=framing)
    assert len(whole.used) == 10
    assert whole.left_out == {}


def test_test_photos_and_what_is_alike_to_them_are_left_out(tmp_path, cache):
    folder = tmp_path / "site"
    paths = photos(folder, range(12))
    Image.fromarray(np.ascontiguousarray(picture(50)[:, ::-1])).save(folder / "mirrored.jpg", quality=80)
    held_out = np.stack([hashes(picture(50)), hashes(picture(51))])
    found = gathered([folder], cache)
    sha256 = next(each.sha256 for each in found.pictures if each.name == paths[3].name)
    apart = found.apart_from(held_out, {sha256})
    assert sorted(apart.left_out[OF_TEST]) == ["0003.png", "mirrored.jpg"]
    assert len(apart.used) == 11
    assert len(apart.rows) == 11
    assert apart.digest != found.digest
    with pytest.raises(InputError, match="similar to a test photo"):
        found.apart_from(np.stack([hashes(picture(seed)) for seed in range(12)]), set())


def test_squares_are_cut_at_the_original_scale_and_bounded(tmp_path, cache, monkeypatch):
    photos(tmp_path / "site", range(10))
    monkeypatch.setattr(module, "MOST_SQUARES", 30)
    found = gathered([tmp_path / "site"], cache, size=32, framing="crop")
    assert found.images.shape == (30, 32, 32, 3)
    by_seed = {each.name: place for place, each in enumerate(found.pictures)}
    whole = picture(4)
    for square in found.images[found.of_row == by_seed["0004.png"]]:
        places = np.lib.stride_tricks.sliding_window_view(whole, (32, 32, 3))[:, :, 0]
        assert (places == square).all(axis=(2, 3, 4)).any()


def test_memory_does_not_grow_with_the_number_of_pictures(tmp_path, cache, monkeypatch):
    photos(tmp_path / "site", range(120))
    read, ahead = [], []
    real = image_io.decoded

    def counted(path, **options):
        read.append(path)
        return real(path, **options)

    def slow(done, total):
        time.sleep(0.005)  # so that reading gets ahead as far as it may
        ahead.append(len(read) - done)

    monkeypatch.setattr(decoding, "AT_ONCE", 8)
    monkeypatch.setattr(image_io, "decoded", counted)
    gathered([tmp_path / "site"], cache, on_file=slow)
    assert len(read) == 120
    assert max(ahead) < 8


def test_a_hash_index_finds_what_is_alike():
    rng = np.random.default_rng(0)
    index, known = HashIndex(), rng.random((500, 256)) < 0.5
    for bits in known:
        index.add(bits)
    near, far = known.copy(), known.copy()
    near[:, :64] ^= True
    far[:, :65] ^= True
    assert all(index.finds(bits[None]) for bits in near)
    assert not any(index.finds(bits[None]) for bits in far)
    assert index.finds(np.stack([far[0], near[7]]))
    assert not HashIndex().finds(known[:1])
