import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from corrotwin.segmentation.data import image_io, photo_files
from corrotwin.segmentation.data.photo_files import Reason
from corrotwin.segmentation.labelling import merging
from corrotwin.segmentation.review import accepting
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import write_json

PIXELS = np.random.default_rng(1).integers(0, 256, (6, 8, 3), dtype=np.uint8)


def photo(path: Path, kind: str = "JPEG") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(PIXELS).save(path, kind)
    return path


def reasons(folder: Path) -> dict[str, Reason]:
    return {left.name: left.reason for left in photo_files.listing(folder).left_out}


def names(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in photo_files.listing(folder).photos]


def test_the_endings_are_those_of_all_formats_that_are_decoded() -> None:
    Image.init()
    decoded = {ending for ending, kind in Image.registered_extensions().items() if kind in image_io.FORMATS}
    assert decoded <= photo_files.SUFFIXES
    assert not photo_files.SUFFIXES & photo_files.OTHER_SUFFIXES


@pytest.mark.parametrize("ending", sorted(photo_files.SUFFIXES))
def test_every_ending_is_a_photo_in_any_case(ending: str, tmp_path: Path) -> None:
    """Also where the file is broken: whoever reads it says so."""
    for name in (f"a{ending}", f"below/B{ending.upper()}"):
        photo(tmp_path / name)
    (tmp_path / f"torn{ending}").write_bytes(b"\xff\xd8")
    assert names(tmp_path) == [f"a{ending}", f"below/B{ending.upper()}", f"torn{ending}"]
    assert not reasons(tmp_path)


@pytest.mark.parametrize("kind", image_io.FORMATS)
def test_pictures_without_or_under_another_ending_are_known_by_their_content(kind: str, tmp_path: Path) -> None:
    for name in ("IMG_1", "c.thm", "d.jpg_original"):
        photo(tmp_path / name, kind)
    (tmp_path / "notes.txt").write_text("P6 is not a picture, BM neither")
    (tmp_path / "empty").touch()
    assert names(tmp_path) == ["IMG_1"]
    assert reasons(tmp_path) == dict.fromkeys(["c.thm", "d.jpg_original"], photo_files.OTHER_ENDING)


def pipe(path: Path) -> None:
    os.mkfifo(path)


def claimed(kind: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        write_json(folder / "claim.json", {"kind": kind, "configuration": {}})

    return make


def preview(folder: Path) -> None:
    photo(folder / "set" / "preview.jpg")
    (folder / "set" / "card.md").touch()


LEFT_OUT: dict[str, tuple[Callable[[Path], Any], Reason]] = {
    "a.heic": (lambda f: photo(f / "a.heic"), photo_files.OTHER_KIND),
    "a.DNG": (lambda f: photo(f / "a.DNG", "TIFF"), photo_files.OTHER_KIND),
    "a.zip": (lambda f: (f / "a.zip").touch(), photo_files.ARCHIVED),
    "b/a.ZIP": (lambda f: photo(f / "b" / "a.ZIP"), photo_files.ARCHIVED),
    "pipe.jpg": (lambda f: pipe(f / "pipe.jpg"), photo_files.NO_FILE),
    ".a.jpg": (lambda f: photo(f / ".a.jpg"), photo_files.HIDDEN),
    ".thumbnails/a.jpg": (lambda f: photo(f / ".thumbnails" / "a.jpg"), photo_files.HIDDEN),
    "set/preview.jpg": (preview, photo_files.SHEET),
    "out/masks/below/a.png": (
        lambda f: (photo(f / "out" / "masks" / "below" / "a.png"), claimed("predictions")(f / "out")), photo_files.OURS
    ),
    "out/overlays/a.jpg": (
        lambda f: (photo(f / "out" / "overlays" / "a.jpg"), claimed("predictions")(f / "out")), photo_files.OURS
    ),
    "run/report/a.png": (
        lambda f: (photo(f / "run" / "report" / "a.png"), claimed("run")(f / "run")), photo_files.OURS
    ),
    "renders/maps/depth/a.png": (
        lambda f: (photo(f / "renders" / "maps" / "depth" / "a.png"), claimed("dataset")(f / "renders")),
        photo_files.OURS,
    ),
    "labels/to-label/images/0001-a.jpg": (
        lambda f: (
            photo(f / "labels" / "to-label" / "images" / "0001-a.jpg"), claimed(accepting.KIND)(f / "labels")
        ),
        photo_files.OURS,
    ),
    "set/masks/a.png": (
        lambda f: (photo(f / "set" / "masks" / "a.png"), (f / "set" / "images").mkdir()), photo_files.TRUTH
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_is_left_out_has_its_reason(name: str, tmp_path: Path) -> None:
    make, reason = LEFT_OUT[name]
    make(tmp_path)
    photo(tmp_path / "kept" / "a.jpg")
    assert reasons(tmp_path) == {name: reason}
    assert names(tmp_path) == ["kept/a.jpg"]
    [line] = photo_files.lines(photo_files.listing(tmp_path).left_out)
    assert line.startswith(f"{reason.what}: 1 ({name})")


def test_photos_beside_what_was_written_are_photos(tmp_path: Path) -> None:
    """Of rendered images, predictions' neighbours and pictures that only have a usual name."""
    of_kind = {"renders": "dataset", "out": "predictions", "merged": merging.KIND, "labels": accepting.KIND}
    for name in ("renders/images/0.png", "preview.jpg", "masks/a.png", "out/north/a.jpg", "merged/images/a.jpg",
                 "labels/images/north/a.jpg"):  # fmt: skip
        photo(tmp_path / name)
    for folder, kind in of_kind.items():
        claimed(kind)(tmp_path / folder)
    assert len(names(tmp_path)) == 6
    assert not reasons(tmp_path)
    (tmp_path / "out" / "claim.json").write_text("{")  # whose it is cannot be known
    photo(tmp_path / "out" / "masks" / "a.png")
    assert len(names(tmp_path)) == 7


def test_links_to_files_are_read_and_linked_folders_are_named(tmp_path: Path) -> None:
    folder, other = tmp_path / "photos", tmp_path / "other"
    photo(folder / "north" / "a.jpg")
    photo(other / "b.jpg")
    (folder / "b.jpg").symlink_to(other / "b.jpg")
    (folder / "gone.jpg").symlink_to(other / "gone.jpg")  # its reader says so
    (folder / "linked").symlink_to(other)
    (folder / "south").symlink_to(folder / "north")  # is searched in its own place
    (folder / "round").symlink_to(folder)
    (folder / ".cache").symlink_to(other)
    assert names(folder) == ["b.jpg", "gone.jpg", "north/a.jpg"]
    assert reasons(folder) == {"linked": photo_files.LINKED, ".cache": photo_files.HIDDEN}


def test_a_folder_that_cannot_be_read_is_a_loss_and_the_searched_one_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo(tmp_path / "a.jpg")
    (tmp_path / "closed").mkdir()
    scandir, closed = os.scandir, tmp_path / "closed"

    def refuse(path: Any) -> Iterator[os.DirEntry[str]]:
        if Path(path) == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    [left] = photo_files.listing(tmp_path).left_out
    assert left.name == "closed"
    assert left.reason.is_loss
    assert left.reason.what == "folders that cannot be read (Permission denied)"
    assert names(tmp_path) == ["a.jpg"]
    with pytest.raises(InputError, match=r"closed: cannot be read \(Permission denied\); check its permissions"):
        photo_files.listing(closed)


def test_a_line_has_the_count_and_the_first_names(tmp_path: Path) -> None:
    for number in range(5):
        photo(tmp_path / f"{number}.heic")
    [line] = photo_files.lines(photo_files.listing(tmp_path).left_out)
    assert line == "pictures in formats that are not read: 5 (0.heic, 1.heic, 2.heic, ...); convert them to JPEG"
