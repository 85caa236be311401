import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from corrotwin.segmentation.data import coco, decoded
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.machine import cache_folder


def content(folder, cache):
    made = decoded.arrays(coco.read(folder), 64, cache=cache)
    return made.images.tobytes() + made.masks.tobytes()


def test_rows_hold_the_named_photos(roboflow, tmp_path):
    data = coco.read(roboflow)
    made = decoded.arrays(data, 64, cache=tmp_path)
    assert made.images.shape == (21, 64, 64, 3)
    assert made.masks.shape == (21, 64, 64)
    assert np.isin(made.masks, (0, 1)).all()
    for photo in data.photos:
        [row] = made.rows([photo.file_name])
        assert made.masks[row].mean() == pytest.approx(coco.mask(photo).mean(), abs=0.02)
        assert made.images[row].mean() == pytest.approx(coco.image(photo).mean(), abs=1.0)


def test_an_image_at_working_size_is_untouched(rendered, tmp_path):
    data = coco.read(rendered)
    made = decoded.arrays(data, 64, cache=tmp_path)
    for row, photo in enumerate(data.photos):
        assert np.array_equal(made.images[row], coco.image(photo))
        assert np.array_equal(made.masks[row], coco.mask(photo))


def test_images_shrink_by_area_and_masks_by_the_pixel_at_the_centre():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (96, 96, 3), dtype=np.uint8)
    blocks = image.reshape(32, 3, 32, 3, 3).mean(axis=(1, 3))
    assert np.abs(decoded.resize_image(image, 32) - blocks).max() <= 0.5 + 1e-6
    mask = rng.random((96, 96)) < 0.5
    assert np.array_equal(decoded.resize_mask(mask, (32, 32)), mask[1::3, 1::3])


def test_the_cache_is_read_again_and_a_changed_source_is_not_taken_from_it(flat, tmp_path):
    cache = tmp_path / "cache"
    folder = flat()
    first = content(folder, cache)
    files = {path: path.stat().st_mtime_ns for path in cache.iterdir()}
    assert len(files) == 2
    assert content(folder, cache) == first
    assert {path: path.stat().st_mtime_ns for path in cache.iterdir()} == files
    Image.new("RGB", (8, 6)).save(folder / "photo.png")
    assert content(folder, cache) != first


def test_a_damaged_cache_is_made_again(flat, tmp_path):
    folder, cache = flat(), tmp_path / "cache"
    first = content(folder, cache)
    for path in cache.iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    assert content(folder, cache) == first


def test_two_processes_at_once_do_no_harm(roboflow, tmp_path):
    script = (
        "import sys, pathlib; from corrotwin.segmentation.data import coco, decoded; "
        "decoded.arrays(coco.read(pathlib.Path(sys.argv[1])), 64, cache=pathlib.Path(sys.argv[2]))"
    )
    processes = [subprocess.Popen([sys.executable, "-c", script, roboflow, tmp_path]) for _ in range(2)]
    assert [process.wait(timeout=60) for process in processes] == [0, 0]
    assert len(list(tmp_path.iterdir())) == 2
    assert content(roboflow, tmp_path) == content(roboflow, tmp_path / "alone")


def test_of_several_at_once_one_decodes_and_the_others_wait(roboflow, tmp_path, monkeypatch):
    image, calls = coco.image, []

    def slowly(photo):
        calls.append((threading.get_ident(), photo.file_name))
        time.sleep(0.02)
        return image(photo)

    monkeypatch.setattr(coco, "image", slowly)
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: content(roboflow, tmp_path), range(3)))
    assert len(set(found)) == len({thread for thread, _ in calls}) == 1
    assert len(calls) == len(coco.read(roboflow).photos)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_cache_that_cannot_be_written_is_named(flat, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file/cache: cannot be written.*CORROTWIN_CACHE"):
        content(flat(), tmp_path / "file" / "cache")


def test_a_damaged_image_leaves_no_cache(flat, tmp_path):
    def cut(document, folder):
        path = folder / "photo.png"
        path.write_bytes(path.read_bytes()[:-30])

    with pytest.raises(InputError, match=r"photo\.png"):
        content(flat(cut), tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_cache_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("CORROTWIN_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("CORROTWIN_CACHE")
    assert cache_folder() == Path.home() / ".cache" / "corrotwin"
