import os
import signal
from collections.abc import Iterator
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


@pytest.mark.ci
def test_only_missing_items_run(tmp_path: Path) -> None:
    (tmp_path / "1").write_text("kept")
    assert go(write, tmp_path, "012") == []
    assert (tmp_path / "1").read_text() == "kept"
    assert (tmp_path / "0").read_text() != str(os.getpid())
    assert (tmp_path / "2").exists()


@pytest.mark.ci
def test_killed_worker_is_tried_again(tmp_path: Path) -> None:
    assert go(write_at_second_try, tmp_path, "a", workers=1) == []
    assert (tmp_path / "a").exists()


@pytest.mark.ci
def test_a_worker_does_so_many_tasks_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "CALLS", 2)
    assert go(write, tmp_path, "012345", workers=1) == []
    workers = [file.read_text() for file in tmp_path.iterdir()]
    assert max(workers.count(worker) for worker in workers) <= 2


@pytest.mark.ci
def test_failures_are_reported_and_the_rest_is_done(tmp_path: Path) -> None:
    failures = go(fail_on_two, tmp_path, "123", retries=1)
    assert failures == [fanout.Failure(key="2", error="ValueError: indeed")]
    assert (tmp_path / "attempts").read_text().count("2") == 2
    assert (tmp_path / "1").exists()
    assert (tmp_path / "3").exists()


@pytest.mark.ci
def test_bad_input_is_not_tried_again(tmp_path: Path) -> None:
    assert go(refuse, tmp_path, "7") == [fanout.Failure(key="7", error="7 is bad input")]
    assert (tmp_path / "attempts").read_text() == "7"


def test_nothing_to_do_starts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").touch()
    monkeypatch.setattr(cluster, "connect", lambda address: pytest.fail("Ray was started"))
    assert go(write, tmp_path, "x") == []


class OutOfMemoryError(RuntimeError):
    """Called as torch's."""


def need_half_a_card(folder: Path, key: str) -> None:
    import ray

    share = ray.get_runtime_context().get_assigned_resources().get("GPU", 0)
    with (folder / "shares").open("a") as stream:
        stream.write(f"{share:g} ")
    if share < 0.5 or key == "b":
        raise OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
    write(folder, key)


def write_sum(folder: Path, key: str, values: list[int], more: list[int]) -> None:
    (folder / key).write_text(str(sum(values) + sum(more)))


class Costly(list[int]):
    """A list that counts how often it is pickled."""

    pickled = 0

    def __reduce__(self) -> tuple[type, tuple[list[int]]]:
        Costly.pickled += 1
        return list, (list(self),)


@pytest.mark.ci
def test_a_shared_argument_is_pickled_once_and_reaches_every_task(tmp_path: Path) -> None:
    shared, items = fanout.Shared(Costly([1, 2, 3])), []
    for number in range(5):
        arguments = (tmp_path, str(number), shared if number % 2 else fanout.Shared(shared.value), [number])
        items.append(fanout.Item(key=str(number), arguments=arguments))
    done = fanout.fan_out(
        write_sum, items, is_done=lambda key: (tmp_path / key).exists(), label="test", needs=fanout.Needs()
    )
    assert done == []
    assert [(tmp_path / str(number)).read_text() for number in range(5)] == ["6", "7", "8", "9", "10"]
    assert Costly.pickled == 1


def test_needs_are_asked_when_a_task_is_handed_over_and_only_some_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fanout, "WAITING", 1)
    monkeypatch.setattr(fanout, "at_a_time", lambda needs: 1)
    asked, ended = [], []

    def needs(key: str) -> fanout.Needs:
        asked.append((key, len(ended)))
        return fanout.Needs(cpus=1)

    items = [fanout.Item(key=key, arguments=(tmp_path, key)) for key in "01234"]
    fanout.fan_out(
        write, items, is_done=lambda key: (tmp_path / key).exists(), label="test", needs=needs, on_end=ended.append
    )
    assert sorted(ended) == list("01234")
    first_asked = dict(reversed(asked))
    assert [first_asked[key] for key in "01"] == [0, 0]
    last_asked = dict(asked)
    assert all(last_asked[key] >= int(key) - 1 for key in "234")


@pytest.fixture
def one_card() -> Iterator[None]:
    """Ray with a card that is not there."""
    import ray

    ray.shutdown()
    cluster.connect(gpus=1)
    yield
    ray.shutdown()


@pytest.mark.ci
def test_too_little_memory_on_a_card_is_tried_again_with_a_larger_share(
    tmp_path: Path, one_card: None, caplog: pytest.LogCaptureFixture
) -> None:
    items = [fanout.Item(key=key, arguments=(tmp_path, key)) for key in "ab"]
    failures = fanout.fan_out(
        need_half_a_card, items, is_done=lambda key: (tmp_path / key).exists(), label="test",
        needs=lambda _: fanout.Needs(cpus=1, gpus=0.25), workers=1,
    )  # fmt: skip
    assert failures == [fanout.Failure(key="b", error="OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB")]
    assert (tmp_path / "shares").read_text().split() == ["0.25", "0.5", "0.25", "0.5", "1"]
    assert "a: too little memory in 0.25 of a card; tried again with 0.5" in caplog.text
