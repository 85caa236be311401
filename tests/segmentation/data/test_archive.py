import os
import shutil
import stat
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from corrotwin.segmentation.data import archive, coco
from corrotwin.twin.core.errors import InputError


def pack(path: Path, folder: Path, prefix: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for each in sorted(folder.rglob("*")):
            made.write(each, prefix + each.relative_to(folder).as_posix())
    return path


def entries(path: Path, *names: str | zipfile.ZipInfo, content: bytes = b"x") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name in names:
            made.writestr(name, content)
    return path


@pytest.mark.parametrize("prefix", ["", "cor.v1.coco-segmentation/"])
def test_an_export_reads_the_same_packed_or_not(prefix, roboflow, cache, tmp_path):
    path = pack(tmp_path / "export.zip", roboflow, prefix)
    packed, plain = coco.read(path), coco.read(roboflow)
    assert packed.digest == plain.digest
    assert [photo.file_name for photo in packed.photos] == [photo.file_name for photo in plain.photos]
    assert packed.folder == path
    assert (coco.image(packed.photos[0]) == coco.image(plain.photos[0])).all()


def unflagged(path: Path, *names: str) -> Path:
    """An archive with names in UTF-8 of which nothing says that they are, as macOS writes it."""
    entries(path, *names)
    content = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", 7), (b"PK\x01\x02", 9)):  # the upper byte of the flags
        at = -1
        while (at := content.find(mark, at + 1)) >= 0:
            content[at + place] &= ~0x08
    path.write_bytes(content)
    return path


def test_names_in_utf8_need_no_flag(cache, tmp_path):
    folder = archive.extracted(unflagged(tmp_path / "a.zip", "brücke/höhe.txt", "plain.txt"), cache=cache)
    assert (folder / "brücke" / "höhe.txt").read_bytes() == b"x"
    path = entries(tmp_path / "b.zip", "h-he.txt")
    path.write_bytes(path.read_bytes().replace(b"h-he", b"h\x94he"))  # as DOS has it
    assert [each.name for each in archive.extracted(path, cache=cache).iterdir()] == ["höhe.txt"]
    for name in ("ü/../../x", "/ü", "ü\\x", "C:/ü"):
        with pytest.raises(InputError, match="would leave the folder"):
            archive.extracted(unflagged(tmp_path / "c.zip", name), cache=cache)


def test_what_was_extracted_is_used_again(roboflow, cache, tmp_path, monkeypatch):
    path = pack(tmp_path / "export.zip", roboflow)
    folder = archive.extracted(path, cache=cache)
    assert list(cache.iterdir()) == [folder]
    monkeypatch.setattr(archive, "extract", None)
    assert archive.extracted(path.rename(tmp_path / "renamed.zip"), cache=cache) == folder


@pytest.mark.parametrize("prefix", ["", "cor.v1.coco-segmentation/"])
def test_what_another_machine_has_read_of_an_archive_is_extracted_on_this_one(prefix, roboflow, tmp_path, monkeypatch):
    """A part of a dataset stays that part; where the folder is there, nothing is read again."""
    path = pack(tmp_path / "photos.zip", roboflow, prefix)
    monkeypatch.setenv("CORROTWIN_CACHE", str(tmp_path / "driver"))
    whole = coco.read(path)
    data = replace(whole, photos=whole.photos[2:5], digest="of a part")
    assert coco.on_this_machine(data) is data
    shutil.rmtree(tmp_path / "driver")
    monkeypatch.setenv("CORROTWIN_CACHE", str(tmp_path / "worker"))
    here = coco.on_this_machine(data)
    assert here.digest == data.digest
    assert [photo.file_name for photo in here.photos] == [photo.file_name for photo in data.photos]
    assert all(photo.path.is_relative_to(tmp_path / "worker") and photo.path.is_file() for photo in here.photos)
    plain = coco.read(roboflow)
    assert coco.on_this_machine(plain) is plain
    pack(path, roboflow / "test")
    with pytest.raises(InputError, match=r"photos\.zip: changed since it was read"):
        coco.on_this_machine(data)


def test_an_archive_is_known_by_its_content_where_it_is_named_otherwise(roboflow, cache, tmp_path):
    stored = pack(tmp_path / "export.zip", roboflow).rename(tmp_path / "7f3a")
    (tmp_path / "photos.zip").symlink_to(stored)
    found = [coco.read(path) for path in (stored, tmp_path / "photos.zip", (tmp_path / "photos.zip").resolve())]
    assert {each.digest for each in found} == {coco.read(roboflow).digest}


def test_an_error_names_the_archive(flat, cache, tmp_path):
    path = pack(tmp_path / "export.zip", flat(lambda document, folder: (folder / "photo.png").write_bytes(b"")))
    with pytest.raises(InputError, match=r"export\.zip/photo\.png: not a readable image") as caught:
        coco.read(path)
    assert str(cache) not in str(caught.value)


def test_an_archive_without_a_dataset(cache, tmp_path):
    with pytest.raises(InputError, match=r"export\.zip/docs: no COCO json and no masks"):
        coco.read(entries(tmp_path / "export.zip", "docs/read.me", "__MACOSX/docs/read.me"))


def link() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def device() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("disk")
    info.external_attr = (stat.S_IFBLK | 0o666) << 16
    return info


HOSTILE = {
    "parent": (["../x"], "'../x' would leave the folder"),
    "parent inside": (["a/../../x"], "would leave the folder"),
    "absolute": (["/etc/x"], "would leave the folder"),
    "drive": (["C:/x"], "would leave the folder"),
    "drive without a slash": (["C:x"], "would leave the folder"),
    "backslash": (["a\\x"], "would leave the folder"),
    "link": ([link()], "'link' is a link or a device"),
    "device": ([device()], "'disk' is a link or a device"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_entries_are_refused_before_anything_is_written(case, cache, tmp_path):
    names, message = HOSTILE[case]
    with pytest.raises(InputError, match=message) as caught:
        archive.extracted(entries(tmp_path / "export.zip", "good.txt", *names), cache=cache)
    assert "\n" not in str(caught.value)
    assert list(cache.iterdir()) == []
    assert {path.name for path in tmp_path.iterdir()} == {"export.zip", "cache"}


def test_one_name_twice_is_refused(cache, tmp_path):
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = entries(tmp_path / "export.zip", "a/x", "a/x")
    with pytest.raises(InputError, match="'a/x' occurs twice"):
        archive.extracted(path, cache=cache)
    with pytest.raises(InputError, match="occurs twice"):
        archive.extracted(entries(tmp_path / "other.zip", "a/x", "a//x"), cache=cache)


def test_a_bomb_is_refused(cache, tmp_path, monkeypatch):
    path = entries(tmp_path / "bomb.zip", "zeros", content=bytes(archive.SMALL_BYTES + 1))
    with pytest.raises(InputError, match=r"bomb\.zip: entry 'zeros' would grow more than 200-fold"):
        archive.extracted(path, cache=cache)
    parts = entries(tmp_path / "parts.zip", *map(str, range(12)), content=bytes(archive.SMALL_BYTES // 10))
    with pytest.raises(InputError, match=r"parts\.zip: would grow more than 200-fold"):
        archive.extracted(parts, cache=cache)
    monkeypatch.setattr(archive, "SMALL_BYTES", 2 * archive.SMALL_BYTES)
    assert len(list(archive.extracted(parts, cache=cache).iterdir())) == 12
    monkeypatch.setattr(archive, "MOST_BYTES", 10_000)
    with pytest.raises(InputError, match="more than is allowed"):
        archive.extracted(path, cache=cache)
    monkeypatch.setattr(archive, "MOST_ENTRIES", 11)
    with pytest.raises(InputError, match="12 entries, more than 11"):
        archive.extract(parts, tmp_path / "new")
    assert len(list(cache.iterdir())) == 1


@pytest.mark.parametrize("stated", [99, 101])
def test_an_entry_that_lies_about_its_size_is_refused(stated, cache, tmp_path):
    path = entries(tmp_path / "export.zip", "text", content=bytes(range(100)))
    content = path.read_bytes()
    path.write_bytes(content.replace((100).to_bytes(4, "little"), stated.to_bytes(4, "little")))
    with pytest.raises(InputError, match=r"export\.zip: (damaged|entry 'text' is not of the size)"):
        archive.extracted(path, cache=cache)
    assert list(cache.iterdir()) == []


def test_an_encrypted_entry_is_refused(cache, tmp_path):
    path = entries(tmp_path / "export.zip", "secret")
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="'secret' is encrypted"):
        archive.extracted(path, cache=cache)


def test_a_full_disk_is_seen_before_writing(cache, tmp_path, monkeypatch):
    path = entries(tmp_path / "export.zip", "text")
    monkeypatch.setattr(archive.shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    with pytest.raises(InputError, match=r"export\.zip: needs 0\.0 GiB"):
        archive.extracted(path, cache=cache)
    assert list(cache.iterdir()) == []


def test_an_archive_that_is_too_large_is_refused_before_it_is_hashed(cache, tmp_path, monkeypatch):
    path = tmp_path / "export.zip"
    with path.open("wb") as stream:
        stream.truncate(archive.MOST_BYTES + 1)  # takes no room on the disk
    monkeypatch.setattr(archive.hashlib, "file_digest", None)
    with pytest.raises(InputError, match=r"export\.zip: cannot be read \(is .* more than"):
        archive.extracted(path, cache=cache)


def test_an_archive_that_changes_while_it_is_extracted_is_not_taken_for_the_one_before(cache, tmp_path, monkeypatch):
    path, other = entries(tmp_path / "export.zip", "first"), entries(tmp_path / "other.zip", "second")
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        real = archive.extract
        patch.setattr(archive, "extract", lambda *given: real(other.replace(path), given[1]))
        with pytest.raises(
            InputError, match=r"export\.zip: was removed or changed while it was read; repeat the command"
        ):
            archive.extracted(path, cache=cache)
    assert list(cache.iterdir()) == []
    path.write_bytes(before)
    assert [each.name for each in archive.extracted(path, cache=cache).iterdir()] == ["first"]


@pytest.mark.parametrize("is_read", [True, False])
@pytest.mark.parametrize(
    ("change", "is_unchanged"),
    [
        (lambda path: None, True),
        (lambda path: os.utime(path, (0, 0)), True),  # its content is the same
        (lambda path: shutil.copy(path, path.with_name("x")) and path.with_name("x").replace(path), True),
        (lambda path: path.write_bytes(b"B"), False),
        (Path.unlink, False),
    ],
    ids=["nothing", "time", "copy", "content", "gone"],
)
def test_a_file_is_unchanged_while_it_has_its_content(change, is_unchanged, is_read, tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"A")
    os.utime(path, (1, 1))
    before = archive.hashed(path)
    change(path)
    assert archive.is_unchanged(path, before, is_read=is_read) == is_unchanged


def test_damaged_archives_are_one_line(roboflow, cache, tmp_path):
    whole = pack(tmp_path / "whole.zip", roboflow).read_bytes()
    path = tmp_path / "export.zip"
    for content in (b"", b"not a zip", whole[: len(whole) // 2], whole[:-1]):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"export\.zip: damaged or not a zip") as caught:
            archive.extracted(path, cache=cache)
        assert "\n" not in str(caught.value)
    assert list(cache.iterdir()) == []


def test_no_damaged_byte_goes_unseen_or_raises_anything_else(tmp_path):
    """Every byte of a small archive, turned: refused in one line, or the content is right all the same."""
    content = bytes(range(64)) * 4
    whole = entries(tmp_path / "export.zip", "a/text", content=content).read_bytes()
    path, folder = tmp_path / "turned.zip", tmp_path / "folder"
    refused = 0
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            archive.extract(path, folder / str(place))
        except InputError:
            refused += 1
        else:
            [found] = (each for each in (folder / str(place)).rglob("*") if each.is_file())
            assert found.read_bytes() == content
            assert found.is_relative_to(folder / str(place))
    assert refused > len(whole) / 2


def test_two_processes_extract_at_once_and_a_killed_one_leaves_nothing_that_is_read(roboflow, tmp_path):
    path, cache = pack(tmp_path / "export.zip", roboflow), tmp_path / "cache"
    code = (
        "import sys, time, pathlib; from corrotwin.segmentation.data import archive\n"
        "new_file = archive.new_file\n"
        "archive.new_file = lambda path: time.sleep(float(sys.argv[3])) or new_file(path)\n"
        "print(archive.extracted(pathlib.Path(sys.argv[1]), cache=pathlib.Path(sys.argv[2])))"
    )

    def start(delay):
        command = [sys.executable, "-c", code, str(path), str(cache), str(delay)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    with start(60) as killed:
        while not list(cache.glob(".zip-*/content")):
            assert killed.poll() is None
        killed.kill()
    assert not list(cache.glob("zip-*"))
    with start(0.01) as one, start(0.01) as two:
        folders = {each.communicate()[0].strip() for each in (one, two)}
    assert one.returncode == two.returncode == 0
    assert [Path(each) for each in folders] == list(cache.glob("zip-*"))
    assert coco.read(Path(folders.pop())).digest == coco.read(roboflow).digest
