"""Whatever lies where a file should be is refused at once, and no other file is changed through it."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import odd_files
import pytest

from corrotwin.twin.core import files, locks, opening
from corrotwin.twin.core.errors import InputError


def held(path: Path) -> None:
    with locks.hold(path.parent, "thing", {}):
        pass


def alone(path: Path) -> None:
    with locks.one_at_a_time(path):
        pass


def mapped(path: Path) -> None:
    files.checked(path).read_bytes()


READERS: dict[str, Callable[[Path], object]] = {
    "bytes": files.read_bytes,
    "text": files.read_text,
    "json": files.read_json,
    "stream": lambda path: files.open_file(path).close(),
    "mapped": mapped,
    "bytes inside": lambda path: files.read_bytes(path, inside=path.parent),
    "manifest": lambda path: files.read_manifest(path.parent, path.stem),
}
IN_PLACE: dict[str, Callable[[Path], object]] = {
    "append": lambda path: files.append(path, b"line\n"),
    "hold": held,
    "one at a time": alone,
}
NEW: dict[str, Callable[[Path], object]] = {
    "text": lambda path: files.write_text(path, "new"),
    "json": lambda path: files.write_json(path, {}),
    "new": lambda path: files.new_file(path).close(),
}


def refused(call: Callable[[Path], object], path: Path) -> str:
    """What a call says that refuses a file: as one line that names it."""
    with odd_files.within(10), pytest.raises((OSError, InputError)) as caught:
        call(path)
    error = caught.value
    said = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error)
    assert str(path.parent) in said
    assert "\n" not in said
    return said


def name_of(call: str) -> str:
    return {"hold": locks.LOCK, "manifest": "file.json"}.get(call, "file")


@pytest.mark.parametrize("kind", [kind for kind in odd_files.KINDS if kind != "link to nothing"])
@pytest.mark.parametrize("reader", READERS)
def test_a_reader_refuses_at_once_what_is_no_file(reader: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / name_of(reader)
    odd_files.put(kind, path)
    if (reader, kind) == ("manifest", "link to itself"):  # as if it were absent
        assert READERS[reader](path) is None
        return
    said = refused(READERS[reader], path)
    expected = {
        "huge": "is 8192 GiB, more than the limit of 1 GiB", "link to itself": "symbolic links",
        "folder": "is a folder, not a file", "socket": "is a socket, not a file",
    }.get(kind, "is a device" if "device" in kind else "is a pipe")  # fmt: skip
    assert expected in said or "leads out of" in said
    assert "leads out of" not in said or (reader in ("bytes inside", "manifest") and "device" in kind)


@pytest.mark.parametrize("kind", odd_files.KINDS)
@pytest.mark.parametrize("writer", IN_PLACE)
def test_what_writes_in_place_refuses_what_is_no_file_and_every_link(writer: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "folder" / name_of(writer)
    odd_files.put(kind, path)
    before = path.lstat()
    if kind == "huge" and writer == "append":
        files.append(path, b"line\n", whole=0)  # it is the user's own disk
        assert path.read_bytes() == b"line\n"
        return
    if kind == "huge" and writer == "one at a time":  # its content is nobody's
        alone(path)
        return
    said = refused(IN_PLACE[writer], path)
    assert any(why in said for why in ("cannot be a lock; delete it", "not a file", "is not a lock", "something else"))
    after = path.lstat()
    assert (after.st_ino, after.st_size, after.st_mode) == (before.st_ino, before.st_size, before.st_mode)


@pytest.mark.parametrize("how", odd_files.LINKS)
@pytest.mark.parametrize("writer", IN_PLACE)
@pytest.mark.parametrize("content", [odd_files.SECRET, b"123 host boot", b"4711", b"\xff\xfe\0", b""])
def test_nothing_changes_another_file_that_a_folder_links_to(
    content: bytes, writer: str, how: str, tmp_path: Path
) -> None:
    path = tmp_path / "folder" / name_of(writer)
    path.parent.mkdir()
    path.write_bytes(content)
    victim = odd_files.LINKS[how](path, tmp_path / "home")
    is_lock = content in (b"123 host boot", b"4711", b"")
    if how == "link" or (writer == "hold" and not is_lock):
        refused(IN_PLACE[writer], path)
    elif writer == "hold" and content == b"123 host boot":  # of another machine: its lease begins
        with pytest.raises(InputError, match="last active 0 s ago"):
            held(path)
        os.utime(path, (0, 0))
        held(path)
    else:
        IN_PLACE[writer](path)
    assert victim.read_bytes() == content


@pytest.mark.parametrize("kind", odd_files.KINDS)
@pytest.mark.parametrize("writer", NEW)
def test_a_new_file_takes_the_place_of_a_file_or_a_link_to_one_only(writer: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    odd_files.put(kind, path)
    if writer != "new" and kind in ("huge", "link to nothing"):
        NEW[writer](path)
        assert stat.S_ISREG(path.lstat().st_mode)
        assert path.stat().st_size < 10
    else:
        refused(NEW[writer], path)
        assert not [left for left in tmp_path.iterdir() if left.name.endswith(".tmp")]


def test_a_new_file_takes_the_place_of_a_link_and_its_target_stays(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    files.write_text(path, "old")
    victim = odd_files.linked(path, tmp_path / "home")
    files.write_text(path, "new")
    with files.new_file(path, replace=True) as stream:
        stream.write(b"newer")
    assert (path.is_symlink(), path.read_text(), victim.read_text()) == (False, "newer", "old")


@pytest.mark.parametrize(
    "call",
    [
        lambda path: files.write_text(path, "x"), lambda path: files.new_file(path, replace=True).close(),
        lambda path: files.append(path, b"x\n"), files.remove, lambda path: files.link_or_copy(Path(__file__), path),
        lambda path: held(path.parent / locks.LOCK),
    ],
)  # fmt: skip
def test_nothing_is_written_or_removed_below_a_folder_of_ours_through_a_linked_folder(
    call: Callable[[Path], object], tmp_path: Path
) -> None:
    folder, home = tmp_path / "folder", tmp_path / "home"
    with locks.hold(folder, "thing", {}):
        pass
    home.mkdir()
    (home / "file").write_bytes(odd_files.SECRET)
    (home / ".draft.tmp").write_bytes(odd_files.SECRET)
    (folder / "below").symlink_to(home)
    assert "leads out of" in refused(call, folder / "below" / "file")
    with locks.hold(folder, "thing", {}):  # which removes what killed writers left
        pass
    assert {path.name: path.read_bytes() for path in home.iterdir()} == dict.fromkeys(
        ("file", ".draft.tmp"), odd_files.SECRET
    )


def test_a_folder_that_the_user_names_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "folder").symlink_to(tmp_path / "disk")
    with locks.hold(tmp_path / "folder", "thing", {}):
        files.write_text(tmp_path / "folder" / "a" / "text", "new")
        files.write_manifest(tmp_path / "folder", "thing", {})
        files.append(tmp_path / "folder" / "log", b"line\n")
    assert files.read_manifest(tmp_path / "folder", "thing") is not None
    assert (tmp_path / "disk" / "a" / "text").read_text() == "new"
    (tmp_path / "file").symlink_to(tmp_path / "disk" / "log")
    assert files.read_text(tmp_path / "file") == "line\n"


def test_paths_out_of_a_folder_of_ours_that_the_user_names_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with locks.hold(tmp_path / "folder", "thing", {}):
        pass
    monkeypatch.chdir(tmp_path / "folder")
    files.write_text(Path("../beside"), "x")
    assert (tmp_path / "beside").read_text() == "x"


def test_a_link_inside_its_folder_is_read_and_one_out_of_it_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "images").mkdir(parents=True)
    (folder / "images" / "a").write_text("a")
    (folder / "b").symlink_to("images/a")
    assert files.read_text(folder / "b", inside=folder) == "a"
    odd_files.linked(folder / "images" / "a", tmp_path / "folder2")  # whose name begins alike
    for name in ("b", "images/a"):
        assert "leads out of" in refused(lambda path: files.read_text(path, inside=folder), folder / name)


def test_what_may_not_be_opened_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(path: Path, *_: object) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    for name, call in (READERS | IN_PLACE).items():
        path = tmp_path / name / name_of(name)
        path.parent.mkdir()
        path.touch()
        with monkeypatch.context() as patch:
            patch.setattr(os, "open", closed)
            assert "Permission denied" in refused(call, path)


def test_a_file_as_large_as_is_read_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(10))
    assert files.read_bytes(tmp_path / "file", most_bytes=10) == bytes(10)
    with pytest.raises(OSError, match="is 10 bytes, more than the limit of 9 bytes"):
        files.read_bytes(tmp_path / "file", most_bytes=9)


def test_no_file_stays_open(tmp_path: Path) -> None:
    odd_files.put("huge", tmp_path / "file")
    odd_files.put("huge", tmp_path / "folder" / locks.LOCK)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for name, call in READERS.items():
        if name != "manifest":
            refused(call, tmp_path / "file")
    refused(held, tmp_path / "folder" / locks.LOCK)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize("length", [240, 255])
def test_the_longest_names_that_a_file_system_takes_are_written(length: int, tmp_path: Path) -> None:
    for letter in ("x", "é"):
        path = tmp_path / (letter * (length // len(letter.encode())))
        with files.atomic_file(path) as stream:
            stream.write(b"whole")
            assert len(list(tmp_path.glob(".*.tmp"))) == 1
            files.remove_left(path)
        assert path.read_bytes() == b"whole"
        with files.temporary_folder(path):
            pass


@pytest.mark.parametrize("patience", [0.0, 0.2])
def test_a_lock_from_the_future_frees_its_folder_once_its_lease_is_over(
    patience: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of another machine, or of this one before it was started again, with a clock that ran ahead."""
    lock = tmp_path / locks.LOCK
    lock.write_text("123 host another-boot")
    os.utime(lock, (4e9, 4e9))
    with pytest.raises(InputError, match=r"last active 0 s ago\) is writing here"):
        held(lock)
    assert lock.stat().st_mtime < 4e9
    passed = lock.stat().st_mtime - locks.LEASE_SECONDS - 1
    os.utime(lock, (passed, passed))
    with locks.hold(tmp_path, "thing", {}, patience_seconds=patience):
        assert lock.read_text().startswith(f"{os.getpid()} ")


def test_the_live_holder_of_a_lock_from_the_future_keeps_it(tmp_path: Path) -> None:
    """Its machine's clock runs ahead: it shows itself again and again in the future."""
    lock = tmp_path / locks.LOCK
    lock.write_text("123 host another-boot")
    for _ in range(4):
        os.utime(lock, (4e9, 4e9))
        with pytest.raises(InputError, match="last active 0 s ago"):
            held(lock)


def test_a_second_name_of_a_log_keeps_its_content(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"one\ntorn")
    (tmp_path / "backup").hardlink_to(tmp_path / "log")
    files.append(tmp_path / "log", b"two\n", whole=4)
    assert (tmp_path / "log").read_bytes() == b"one\ntwo\n"
    assert (tmp_path / "backup").read_bytes() == b"one\ntorn"


def test_a_failed_append_leaves_the_log_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "log").write_bytes(b"one")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.append(tmp_path / "log", b"two\n")
    assert (tmp_path / "log").read_bytes() == b"one"
    monkeypatch.undo()
    files.append(tmp_path / "log", b"two\n")
    assert (tmp_path / "log").read_bytes() == b"one\ntwo\n"


def test_opening_has_no_other_name_for_a_claim() -> None:
    assert locks.CLAIM == opening.CLAIM
