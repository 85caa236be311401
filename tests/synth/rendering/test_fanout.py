import os
import signal
from pathlib import Path

import pytest

from corrotwin.synth.rendering import fanout
from corrotwin.twin.core import cluster
from corrotwin.twin.core.errors import InputError


def write(folder: Path, key: str) -> None:
    (folder / key).write_text(str(os.getpid()))


def write_at_second_try(folder: Path, key: str) -> None:
    tried = folder / f"{key}.tried"
    if not tried.exists():
        tried.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    write(folder, key)


def fail_on_two(folder: Path, key: str) -> None:
    with (folder / "attempts").open("a") as stream:
        stream.write(key)
    if key == "2":
        raise ValueError("two is too many\nindeed")
    write(folder, key)


def refuse(folder: Path, key: str) -> None:
    with (folder / "attempts").open("a") as stream:
        stream.write(key)
    raise InputError(f"{key} is bad input")


def go(task: object, folder: Path, keys: str, **options: int) -> list[fanout.Failure]:
    items = [fanout.Item(key=key, arguments=(folder, key)) for key in keys]
    return fanout.fan_out(
        task, items, is_done=lambda key: (folder / key).exists(), label="test", needs=fanout.Needs(cpus=1), **options
    )


def test_only_missing_items_run(tmp_path: Path) -> None:
    (tmp_path / "1").write_text("kept")
    assert go(write, tmp_path, "012") == []
    assert (tmp_path / "1").read_text() == "kept"
    assert (tmp_path / "0").read_text() != str(os.getpid())
    assert (tmp_path / "2").exists()


def test_killed_worker_is_tried_again(tmp_path: Path) -> None:
    assert go(write_at_second_try, tmp_path, "a", workers=1) == []
    assert (tmp_path / "a").exists()


def test_a_worker_does_so_many_tasks_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "_CALLS", 2)
    assert go(write, tmp_path, "012345", workers=1) == []
    workers = [file.read_text() for file in tmp_path.iterdir()]
    assert max(workers.count(worker) for worker in workers) <= 2


def test_failures_are_reported_and_the_rest_is_done(tmp_path: Path) -> None:
    failures = go(fail_on_two, tmp_path, "123", retries=1)
    assert failures == [fanout.Failure(key="2", error="ValueError: indeed")]
    assert (tmp_path / "attempts").read_text().count("2") == 2
    assert (tmp_path / "1").exists()
    assert (tmp_path / "3").exists()


def test_bad_input_is_not_tried_again(tmp_path: Path) -> None:
    assert go(refuse, tmp_path, "7") == [fanout.Failure(key="7", error="7 is bad input")]
    assert (tmp_path / "attempts").read_text() == "7"


def test_nothing_to_do_starts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").touch()
    monkeypatch.setattr(cluster, "connect", lambda address: pytest.fail("Ray was started"))
    assert go(write, tmp_path, "x") == []
