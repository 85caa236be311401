"""Photos that are left out of a folder of predictions, while the rest is done."""

import csv
import errno
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import odd_files
import pytest
from PIL import Image, TiffImagePlugin
from predicted import rows

from corrotwin.segmentation.commands import predict as predict_command
from corrotwin.segmentation.prediction import parts as prediction_parts
from corrotwin.segmentation.prediction.run_predictor import RunPredictor
from corrotwin.segmentation.prediction.search import search
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import write_json


def test_broken_photos_are_left_out_and_the_rest_is_done(
    run: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (photos / "a.jpg").read_bytes()
    (photos / "torn.jpg").write_bytes(whole[: len(whole) // 2])
    (photos / "empty.png").touch()
    assert predict_command.predict((photos,), run=(run,), out=tmp_path / "out") == 1
    said = capsys.readouterr()
    assert "masks of 3 of 5 photos" in said.out
    assert [line.split(":")[0] for line in said.err.splitlines()] == ["left out"] * 2
    assert "torn.jpg" in said.err
    assert "empty.png" in said.err
    assert sorted(rows(tmp_path / "out")) == ["a.jpg", "large.png", "north/b.png"]


@pytest.mark.usefixtures("by_brightness")
def test_pictures_of_kinds_that_are_not_read_are_counted(
    run: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("b.HEIC", "north/c.heic", "north/d.dng", ".hidden.heic"):
        (photos / name).write_bytes(b"not to be read")
    (photos / "large.png").unlink()
    assert predict_command.predict((photos,), run=(run,), out=tmp_path / "out") == 1
    said = capsys.readouterr()
    assert said.err.splitlines() == [
        "left out: hidden files: 1 (.hidden.heic)",
        "left out: pictures in formats that are not read: 3 (b.HEIC, north/c.heic, north/d.dng); convert them to JPEG",
    ]
    assert "masks of 2 of 2 photos" in said.out
    assert predict_command.predict((photos / "a.jpg",), run=(run,), out=tmp_path / "out") == 0


@pytest.mark.parametrize("code", [errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ])
def test_a_name_that_the_system_does_not_take_leaves_only_its_photo_out(
    run: Path,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    code: int,
) -> None:
    write = prediction_parts.write_image

    def refuse(path: Path, pixels: np.ndarray, kind: str) -> None:
        if path.stem == "b":
            raise OSError(code, os.strerror(code), str(path))
        write(path, pixels, kind)

    monkeypatch.setattr(prediction_parts, "write_image", refuse)
    assert predict_command.predict((photos,), run=(run,), out=tmp_path / "out") == 1
    assert sorted(rows(tmp_path / "out")) == ["a.jpg", "large.png"]
    assert f"cannot hold a file of this name ({os.strerror(code)}); rename the photo" in capsys.readouterr().err


@pytest.mark.ci
@pytest.mark.usefixtures("by_brightness")
def test_what_is_left_out_is_in_a_table_and_gone_from_it_when_it_is_mended(
    run: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Reported once on the terminal, too; only what may have been meant as a photo makes the status 1."""
    out, first = tmp_path / "out", photos / "first"
    assert predict_command.predict((photos / "a.jpg",), run=(run,), out=first) == 0
    (photos / ".b.jpg").touch()
    assert predict_command.predict((photos,), run=(run,), out=out) == 0
    assert sorted(rows(out)) == ["a.jpg", "large.png", "north/b.png"]
    (photos / "torn.jpg").write_bytes(b"no photo")
    (photos / "linked").symlink_to(tmp_path)
    capsys.readouterr()
    assert predict_command.predict((photos,), run=(run,), out=out) == 1
    said = capsys.readouterr().err
    assert "left out: pictures that corrotwin wrote: 2 (first/masks/a.png, first/overlays/a.jpg)" in said
    assert "left out: folders that are links: 1 (linked); name them in the command, too" in said
    with (out / "left_out.csv").open(newline="") as stream:
        table = {row["path"]: row["reason"] for row in csv.DictReader(stream)}
    assert table == {
        "../photos/torn.jpg": "not a readable image (no known image format); replace the file",
        "../photos/.b.jpg": "hidden files",
        "../photos/first/masks/a.png": "pictures that corrotwin wrote",
        "../photos/first/overlays/a.jpg": "pictures that corrotwin wrote",
        "../photos/linked": "folders that are links",
    }
    for name in ("torn.jpg", ".b.jpg", "linked"):
        (photos / name).unlink()
    shutil.rmtree(first)
    assert predict_command.predict((photos,), run=(run,), out=out) == 0
    assert not (out / "left_out.csv").exists()


def test_a_photo_that_can_no_longer_be_read_loses_its_mask_and_row(run: Path, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert predict_command.predict((photos,), run=(run,), out=out) == 0
    (photos / "a.jpg").write_bytes(b"broken")
    assert predict_command.predict((photos,), run=(run,), out=out) == 1
    assert sorted(rows(out)) == ["large.png", "north/b.png"]
    assert not [path for path in out.rglob("a.*") if path.is_file()]


def test_a_photo_that_the_system_does_not_give_keeps_its_mask(
    run: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, opened = tmp_path / "out", os.open
    assert predict_command.predict((photos,), run=(run,), out=out) == 0

    def stale(path: str | Path, *rest: Any, **named: Any) -> int:
        if Path(path).name == "a.jpg":
            raise OSError(errno.ESTALE, "Stale file handle", str(path))
        return opened(path, *rest, **named)

    monkeypatch.setattr(os, "open", stale)
    assert predict_command.predict((photos,), run=(run,), out=out) == 1
    assert sorted(rows(out)) == ["a.jpg", "large.png", "north/b.png"]
    assert (out / "masks" / "a.png").is_file()


def test_photos_below_the_folder_that_is_written_are_found(photos: Path) -> None:
    """A folder of predictions that is above the photos, or theirs, has written its subfolders alone."""
    for out in (photos.parent, photos):
        write_json(out / "claim.json", {"kind": "predictions", "configuration": {}})
        assert len(search((photos,)).photos) == 3
        assert not search((photos,)).left_out


def test_a_name_that_is_no_text_leaves_only_its_photo_out(
    run: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    latin = Path(os.fsdecode(os.fsencode(photos) + b"/br\xfccke"))
    latin.mkdir()
    for name in (b"br\xfccke.jpg", b"br\xfccke/c.jpg"):
        shutil.copy(photos / "a.jpg", os.fsencode(photos) + b"/" + name)
    out = tmp_path / "out"
    for _ in range(2):
        assert predict_command.predict((photos,), run=(run,), out=out) == 1
        said = capsys.readouterr()
        assert "masks of 3 of 5 photos" in said.out
        assert [line.split(":")[0] for line in said.err.splitlines()] == ["left out"] * 2
        assert said.err.count("is not UTF-8; rename the file") == 2
        assert sorted(rows(out)) == ["a.jpg", "large.png", "north/b.png"]
    # A folder above the photos may have any name.
    assert predict_command.predict((latin,), run=(run,), out=tmp_path / "other") == 0
    assert predict_command.predict((latin,), run=(run,), out=tmp_path / "other") == 0
    assert sorted(rows(tmp_path / "other")) == ["c.jpg"]


def test_a_network_that_predicts_no_number_writes_no_mask(
    run: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def predict(self: RunPredictor, images: np.ndarray) -> np.ndarray:
        found = np.full(images.shape[:3], 0.7, dtype=np.float32)
        found[:, 3, 4] = np.nan
        return found

    monkeypatch.setattr(RunPredictor, "network_output", predict)
    assert predict_command.predict((photos,), run=(run,), out=tmp_path / "out") == 1
    said = capsys.readouterr()
    assert "masks of 0 of 3 photos" in said.out
    for line, name in zip(said.err.splitlines(), ("a.jpg", "large.png", "north/b.png"), strict=True):
        assert f"{name}: " in line
        assert "the network's predictions are not numbers; train again" in line
    assert not (tmp_path / "out" / "masks").exists()


def test_a_folder_among_the_photos_is_not_searched_for_them(
    run: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert predict_command.predict((photos,), run=(run,), out=photos / "north" / "masks") == 0
        assert "masks of 3 of 3 photos" in capsys.readouterr().out
    assert sorted(rows(photos / "north" / "masks")) == ["a.jpg", "large.png", "north/b.png"]
    with pytest.raises(InputError, match="masks: no photos in this folder"):
        search((photos / "north" / "masks",))


@pytest.mark.ci
@pytest.mark.parametrize("kind", odd_files.KINDS)
def test_what_is_no_photo_is_left_out_at_once(kind: str, run: Path, photos: Path, tmp_path: Path) -> None:
    odd_files.put(kind, photos / "odd.jpg")
    with odd_files.within(60):
        status = predict_command.predict((photos,), run=(run,), out=tmp_path / "out")
    assert status in (0, 1)
    assert sorted(rows(tmp_path / "out")) == ["a.jpg", "large.png", "north/b.png"]


@pytest.mark.parametrize(
    ("name", "kind", "tags", "is_said"),
    [
        ("scan.tif", "TIFF", {}, True), ("drone.tif", "TIFF", {254: 1}, False), ("loop.gif", "GIF", None, True),
        ("loop.webp", "WEBP", None, True), ("loop.png", "PNG", None, True), ("phone.jpg", "MPO", None, False),
    ],
)  # fmt: skip
def test_pictures_behind_the_first_are_not_left_out_in_silence(
    name: str, kind: str, tags: dict[int, int] | None, is_said: bool, tmp_path: Path
) -> None:
    """A smaller copy in a TIFF, and what a phone adds to a JPEG, are no photos of their own."""
    first, second = Image.new("RGB", (64, 64), "brown"), Image.new("RGB", (64, 64), "grey")
    second.encoderinfo = {} if tags is None else {"tiffinfo": TiffImagePlugin.ImageFileDirectory_v2()}
    for tag, value in (tags or {}).items():
        second.encoderinfo["tiffinfo"][tag] = value
    (tmp_path / "photos").mkdir()
    first.save(tmp_path / "photos" / "one.tif")
    first.save(tmp_path / "photos" / name, kind, save_all=True, append_images=[second])
    for given in (tmp_path / "photos", tmp_path / "photos" / name):
        found = search((given,))
        assert Path(name).stem in found.photos
        assert found.has_losses == is_said
        assert [(left.name, left.reason.what) for left in found.left_out] == (
            [(name, "pictures after the first in a file")] if is_said else []
        )
