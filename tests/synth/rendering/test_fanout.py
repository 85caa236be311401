import os
import re
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from corrotwin.synth.rendering import fanout
from corrotwin.synth.rendering.provenance import OtherVersionError
from corrotwin.twin.core import cluster
from corrotwin.twin.core.errors import InputError, WorkError


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


def go(task: Any, folder: Path, keys: Sequence[str], **options: Any) -> list[fanout.Failure]:
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


@pytest.mark.ci
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
    assert "a: too little memory in 0.25 of a graphics card; trying again with 0.5" in caplog.text


def refuse_version(folder: Path, key: str) -> None:
    raise OtherVersionError("c has another version of the program (sources 1, now 2)")


@pytest.mark.ci
def test_a_program_that_changes_meanwhile_is_named_without_other_machines(tmp_path: Path) -> None:
    with pytest.raises(WorkError, match=r"\(sources 1, now 2\)$"):
        go(refuse_version, tmp_path, "0", to=tmp_path)


@pytest.fixture(scope="module")
def two_machines() -> Iterator[str]:
    """Two nodes of one core each, on this machine; their address."""
    import ray
    from ray.cluster_utils import Cluster

    ray.shutdown()
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        nodes.add_node(num_cpus=1)
        yield nodes.address
    finally:
        ray.shutdown()
        nodes.shutdown()


def here() -> str:
    import ray

    return str(ray.get_runtime_context().get_node_id())


def write_where_it_is(folder: Path, key: str) -> None:
    time.sleep(0.2)  # so that no node does all
    (folder / key).write_text(here())


def refuse_on_one(folder: Path, key: str) -> None:
    with (folder / "attempts").open("a") as stream:
        stream.write(f"{here()}\n")
    if here() == (folder / "bad").read_text():
        raise OtherVersionError("c has another version of the program (sources 1, now 2)")
    write_where_it_is(folder, key)


def lose_on_one(folder: Path, key: str) -> None:
    with (folder / "attempts").open("a") as stream:
        stream.write(f"{here()}\n")
    if here() == (folder / "bad").read_text():
        time.sleep(0.2)
    else:
        write_where_it_is(folder, key)


def lose(folder: Path, key: str) -> None:
    pass


VERSION, FILES = r"c has another version of the program \(sources 1, now 2\)", "all machines need a shared file system"


@pytest.mark.ci
@pytest.mark.parametrize(("task", "says"), [(refuse_on_one, VERSION), (lose_on_one, FILES)])
def test_a_machine_that_cannot_do_the_work_is_named_once_and_the_others_do_it(
    task: object, says: str, tmp_path: Path, two_machines: str, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.setattr(fanout, "VISIBLE_SECONDS", 1.0)
    cluster.connect(two_machines)
    (tmp_path / "bad").write_text(here())
    ended: list[str] = []
    keys = [str(number) for number in range(12)]
    options = {"address": two_machines, "retries": 0, "to": tmp_path, "on_end": ended.append}
    assert go(task, tmp_path, keys, **options) == []
    assert sorted(ended) == sorted(keys)
    assert here() in (tmp_path / "attempts").read_text()
    assert {(tmp_path / key).read_text() for key in keys} != {here()}
    assert [bool(re.search(f"{says}.*; it gets no more tasks", line)) for line in caplog.messages] == [True]


@pytest.mark.ci
@pytest.mark.parametrize(
    ("task", "to", "says"),
    [
        (refuse_version, "", VERSION),
        (lose, "", rf"{os.uname().nodename} does not write to the same .* as this machine; {FILES}"),
        (write, "absent", rf"does not write to the same .*absent as this machine; {FILES}"),
    ],
)
def test_work_ends_where_no_machine_is_left_that_can_do_it(
    task: object, to: str, says: str, tmp_path: Path, two_machines: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fanout, "VISIBLE_SECONDS", 1.0)
    with pytest.raises(WorkError, match=f"{says}.*; no other machine is left$"):
        go(task, tmp_path, "0123", address=two_machines, to=tmp_path / to)
    assert not list(tmp_path.iterdir())


@pytest.mark.ci
def test_a_result_that_a_file_system_shows_late_is_no_failure(
    tmp_path: Path, two_machines: str, caplog: pytest.LogCaptureFixture
) -> None:
    shown: dict[str, float] = {}

    def is_done(key: str) -> bool:
        return (tmp_path / key).exists() and time.monotonic() > shown.setdefault(key, time.monotonic() + 2)

    items = [fanout.Item(key=key, arguments=(tmp_path, key)) for key in "01"]
    needs = fanout.Needs()
    assert fanout.fan_out(write, items, is_done=is_done, label="test", needs=needs, address=two_machines) == []
    assert sorted(shown) == ["0", "1"]
    assert "no more tasks" not in caplog.text
