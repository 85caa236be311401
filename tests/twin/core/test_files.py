import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import drill
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corrotwin.twin.core import files, locks
from corrotwin.twin.core.errors import InputError

# Dies in the middle of the n-th file that it writes: after the content, before the name.
DIE = """
import os, signal, sys
from pathlib import Path
from corrotwin.twin.core import files, locks as holding

left = int(sys.argv[2])
def fsync(descriptor):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
os.fsync = fsync
with holding.hold(Path(sys.argv[1]), "thing", {"size": 3}):
    files.write_text(Path(sys.argv[1]) / "a" / "text", "new")
    files.write_manifest(Path(sys.argv[1]), "thing", {})
"""


def hold(folder: Path, kind: str = "thing", **configuration: object) -> None:
    with locks.hold(folder, kind, configuration):
        pass


@pytest.mark.parametrize("files_written", range(3))
def test_killed_in_any_write_leaves_old_or_nothing_and_resumes(files_written: int, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    done = subprocess.run([sys.executable, "-c", DIE, str(folder), str(files_written)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert list(folder.rglob("*.tmp"))
    assert files.read_manifest(folder, "thing") is None
    assert (folder / "a" / "text").exists() == (files_written > 1)

    subprocess.run([sys.executable, "-c", DIE, str(folder), "99"], check=True)
    assert not list(folder.rglob("*.tmp"))
    assert (folder / "a" / "text").read_text() == "new"
    assert files.read_manifest(folder, "thing") is not None


def test_what_killed_writers_left_is_removed_and_what_lives_is_not(tmp_path: Path) -> None:
    path = tmp_path / "file[1].json"
    left = [tmp_path / f".{path.name}.{name}" for name in ("killed.tmp", "folder.tmp")]
    left[0].touch()
    (left[1] / "content").mkdir(parents=True)
    other = tmp_path / ".other.json.killed.tmp"
    other.touch()
    theirs = tmp_path / f".{path.name}.swp"  # of an editor
    theirs.touch()
    with files.atomic_file(path) as stream, files.temporary_folder(path) as lives:
        files.remove_left(path)
        stream.write(b"whole")
        assert lives.is_dir()
    assert path.read_bytes() == b"whole"
    assert set(tmp_path.iterdir()) == {path, other, theirs}


@pytest.mark.parametrize("moment", ["open", "flock"])
def test_a_new_folder_that_is_taken_for_dead_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    module = {"open": os, "flock": fcntl}[moment]
    real = getattr(module, moment)

    def late(*arguments: Any) -> Any:
        monkeypatch.setattr(module, moment, real)
        files.remove_left(tmp_path / "file")  # of another process
        return real(*arguments)

    monkeypatch.setattr(module, moment, late)
    with files.temporary_folder(tmp_path / "file") as place:
        assert list(tmp_path.iterdir()) == [place]
    assert not list(tmp_path.iterdir())


def test_a_file_is_not_taken_for_dead_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, real = tmp_path / "file", Path.replace

    def late(temporary: Path, target: Path) -> Path:
        files.remove_left(path)  # of another process
        return real(temporary, target)

    monkeypatch.setattr(Path, "replace", late)
    files.write_text(path, "whole")
    assert path.read_text() == "whole"


def test_a_folder_deleted_while_it_was_held_is_told(tmp_path: Path) -> None:
    def delete() -> None:
        with locks.hold(tmp_path / "x", "thing", {}):
            shutil.rmtree(tmp_path / "x")
            files.write_manifest(tmp_path / "x", "thing", {})

    with pytest.raises(InputError, match="was deleted while it was being written; delete what is left"):
        delete()


def test_failed_write_keeps_the_old_content(tmp_path: Path) -> None:
    files.write_text(tmp_path / "file", "old")

    def fail() -> None:
        with files.atomic_file(tmp_path / "file") as stream:
            stream.write(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (tmp_path / "file").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_second_command_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    with (
        locks.hold(tmp_path / "x", "thing", {}),
        pytest.raises(InputError, match=f"process {os.getpid()} is writing here"),
    ):
        hold(tmp_path / "x")
    hold(tmp_path / "x")


def test_patience_waits_for_a_dying_holder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = "import sys; from pathlib import Path; from corrotwin.twin.core import locks as holding\n"
    program += "with holding.hold(Path(sys.argv[1]), 'thing', {}): print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "x")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        with pytest.raises(InputError, match=f"process {child.pid} is writing here"):
            hold(tmp_path / "x")
        monkeypatch.setattr(locks.time, "sleep", lambda seconds: child.communicate())  # it ends as we wait
        with locks.hold(tmp_path / "x", "thing", {}, patience_seconds=30):
            assert child.returncode == 0


HELD = """
import signal, sys, time
from pathlib import Path
from corrotwin.twin.core import locks as holding
holding.machine = lambda: "another-machine"
holding.BEAT_SECONDS = float(sys.argv[2])
with holding.hold(Path(sys.argv[1]), "thing", {}):
    print("held", flush=True)
    time.sleep(60)
"""


@contextmanager
def held_elsewhere(folder: Path, beat_seconds: float) -> Iterator[subprocess.Popen[str]]:
    """A process that holds `folder` as if from another machine."""
    command = [sys.executable, "-c", HELD, str(folder), str(beat_seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        try:
            yield child
        finally:
            child.kill()


def test_lease_of_a_live_holder_elsewhere_is_renewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether or not the file system carries its lock over to this machine."""
    lock = tmp_path / "x" / locks.LOCK
    with held_elsewhere(tmp_path / "x", beat_seconds=0.1) as child:
        os.utime(lock, (0, 0))
        drill.until(lambda: lock.stat().st_mtime > 0, seconds=60)
        with pytest.raises(InputError, match=rf"process {child.pid} on \S+ \(last active [01] s ago\) is writing here"):
            hold(tmp_path / "x")
        monkeypatch.setattr(fcntl, "flock", lambda stream, how: None)
        with pytest.raises(InputError, match=rf"process {child.pid} on "):
            hold(tmp_path / "x")


def test_folder_of_a_dead_holder_elsewhere_is_free_once_its_lease_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with held_elsewhere(tmp_path / "x", beat_seconds=60) as child:
        child.kill()
    ages, real_sleep = iter([locks.LEASE_SECONDS - 1, locks.LEASE_SECONDS + 1]), time.sleep

    def silent(seconds: float) -> None:
        last = time.time() - seconds
        os.utime(tmp_path / "x" / locks.LOCK, (last, last))

    def sleep(seconds: float) -> None:
        real_sleep(0.02)  # the patience is over, the lease after the second time
        silent(next(ages))

    silent(30)
    with pytest.raises(InputError, match=r"\(last active 3\d s ago\)"):
        hold(tmp_path / "x")
    monkeypatch.setattr(locks.time, "sleep", sleep)
    with locks.hold(tmp_path / "x", "thing", {}, patience_seconds=0.01):  # and the lease
        pass
    assert not list(ages)
    hold(tmp_path / "x")  # let go of, it is free at once


def test_lock_that_outlives_its_machine_is_taken_and_a_holder_that_stood_still_ends(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path / "x", beat_seconds=0.2) as child:
        child.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, child.pid, os.WSTOPPED)
        os.utime(tmp_path / "x" / locks.LOCK, (0, 0))
        with locks.hold(tmp_path / "x", "thing", {}):
            child.send_signal(signal.SIGCONT)
            assert child.wait(timeout=60) == -signal.SIGTERM
            with pytest.raises(InputError, match=f"process {os.getpid()} is writing here"):
                hold(tmp_path / "x")


def test_folder_of_something_else_is_refused_untouched(tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("dear")
    with pytest.raises(InputError, match="holds something else"):
        hold(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter"]
    with pytest.raises(InputError, match="is a file"):
        hold(tmp_path / "letter")


def test_other_kind_or_settings_are_refused_by_name(tmp_path: Path) -> None:
    hold(tmp_path, size=3, color=(1, 2))
    hold(tmp_path, color=(1, 2), size=3)
    with pytest.raises(InputError, match="size: 3 in the folder, 4 requested"):
        hold(tmp_path, size=4, color=(1, 2))
    with pytest.raises(InputError, match="another kind"):
        hold(tmp_path, "run", size=3, color=(1, 2))


@pytest.mark.parametrize("mark", ["", "[]", "{}", '{"kind": "thing"}', '{"kind": "thing", "configuration": 7}', "\0"])
def test_damaged_claim_is_one_clear_error(mark: str, tmp_path: Path) -> None:
    (tmp_path / locks.CLAIM).write_text(mark)
    with pytest.raises(InputError, match=str(tmp_path)):
        hold(tmp_path)


@pytest.mark.parametrize("place", ["file/below", "x" * 300, "file"])
def test_folder_that_cannot_be_made(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=str(tmp_path)):
        hold(tmp_path / place)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_error_of_the_block_stays_itself(tmp_path: Path) -> None:
    def fail() -> None:
        with locks.hold(tmp_path / "x", "thing", {}):
            raise PermissionError(13, "Permission denied", "photo.jpg")

    with pytest.raises(PermissionError, match=r"photo\.jpg"):
        fail()


def test_copy_without_hidden_files_is_still_ours(tmp_path: Path) -> None:
    hold(tmp_path / "x", size=3)
    (tmp_path / "y").mkdir()
    for path in (tmp_path / "x").glob("[!.]*"):
        (tmp_path / "y" / path.name).write_bytes(path.read_bytes())
    hold(tmp_path / "y", size=3)


def test_temporaries_of_another_holder_are_left(tmp_path: Path) -> None:
    for name in ("mine", "theirs"):
        (tmp_path / "x" / name).mkdir(parents=True)
    with locks.hold(tmp_path / "x" / "theirs", "other", {}):
        (tmp_path / "x" / locks.CLAIM).write_text(json.dumps({"kind": "thing", "configuration": {}}))
        for name in ("mine", "theirs"):
            (tmp_path / "x" / name / ".part.abc.tmp").touch()
        hold(tmp_path / "x")
    assert not (tmp_path / "x" / "mine" / ".part.abc.tmp").exists()
    assert (tmp_path / "x" / "theirs" / ".part.abc.tmp").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not valid JSON"),
        ("[]", "not a thing manifest"),
        ('{"kind": "run", "format_version": 1}', "not a thing manifest"),
        ('{"kind": "thing", "format_version": 99}', "update the program"),
    ],
)
def test_manifest_that_is_not_ours(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "thing.json").write_text(content)
    with pytest.raises(InputError, match=message):
        files.read_manifest(tmp_path, "thing")


def test_missing_file_and_nan(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        files.read_json(tmp_path / "absent")
    with pytest.raises(ValueError, match="JSON compliant"):
        files.write_json(tmp_path / "nan", float("nan"))
    assert not list(tmp_path.iterdir())


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@settings(max_examples=30)
@given(st.dictionaries(st.text(), values, min_size=2))
def test_digest_forgets_the_order_of_keys_only(value: dict[str, object]) -> None:
    assert files.digest(value) == files.digest(dict(reversed(value.items())))
    assert files.digest(value) == files.digest(json.loads(json.dumps(value)))
    assert files.digest({**value, "one more": 1}) != files.digest({**value, "one more": 2})


def test_versions_name_what_is_installed() -> None:
    assert set(files.versions("numpy", "no-such-package")) == {"python", "numpy"}


def test_a_byte_order_mark_is_no_damage(tmp_path: Path) -> None:
    (tmp_path / "marked.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert files.read_json(tmp_path / "marked.json") == {"a": 1}


@pytest.mark.parametrize(
    ("name", "here", "anywhere"),
    [
        ("P-101 Nord", True, True), ("KP 0:5", True, False), ("a\\b", True, False), ("-1", True, False),
        (" a", True, False), ("K" * 101, True, False), ("K" * 201, False, False), ("ü" * 101, False, False),
        ("", False, False), ("..", False, False), (".a", False, False), ("a/b", False, False), ("a\n", False, False),
        ("\udc80", False, False),
    ],
)  # fmt: skip
def test_names_that_files_can_have_here_and_on_any_system(name: str, here: bool, anywhere: bool) -> None:
    assert (files.can_name_a_file(name), files.is_portable_name(name)) == (here, anywhere)
