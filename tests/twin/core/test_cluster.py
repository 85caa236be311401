"""What a user reads of Ray: lines of ours, and none of its own."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from corrotwin.twin.core import cluster
from corrotwin.twin.core.cluster import joining
from corrotwin.twin.core.errors import InputError, WorkError

# Messages of Ray 2.60, but for their middles.
OOM = (
    "Task _attempt failed due to oom. There are infinite oom retries remaining, so the task will be retried. Error: 1 "
    "worker(s) were killed due to the node running low on memory. Memory on the node (IP: 192.0.2.2, ID: 5eb2c9) was "
    "7.05GB used / 23.54GB limit (0.299414)\nOOM kill reason: Memory usage 7436947456B exceeded threshold\n"
)
KILLED = "Task _attempt failed. There are 1 retries remaining, so the task will be retried. Error: "
RAISED = f'{KILLED}User exception:\n\x1b[36mray::_attempt()\x1b[39m\n  File "a.py", line 9\nValueError: many\nindeed\n'
DIED = "A worker died or was killed while executing a task by an unexpected system error. To troubleshoot the problem"
NODE = "The node with node id: 5cd6203 and address: 192.0.2.2 and node name: 192.0.2.2 has been marked dead because"
ON_NODE = (
    f"{KILLED}Task failed because the node it was running on is dead or unavailable. Node IP: 192.0.2.2, node ID: 0e. "
    "This can happen if the node was preempted. To see node death information, use `ray list nodes`"
)
RECYCLED = (
    f"{KILLED}ray::_attempt()\nIntentionalSystemExit: Worker exits with an exit code 0. Exited because worker reached "
    "max_calls=16 for this method."
)
RAYLET = "Raylet is terminated. Termination is unexpected. Possible reasons include: (1) SIGKILL\n    [state-dump]\n"


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (
            OOM,
            "memory is low (7.05GB of 23.54GB in use): a task was stopped and will be retried; process less at a time, "
            "or free some",
        ),
        (KILLED, "a task failed and will be retried: its worker process was killed or crashed"),
        (RAISED, "a task failed and will be retried: indeed"),
        (NODE, "machine 192.0.2.2 was lost; its tasks will be retried"),
        (ON_NODE, "machine 192.0.2.2 was lost; its tasks will be retried"),
        (RECYCLED, ""),  # we ask for it
        (DIED, ""),  # the next message says that it is tried again, or the task's own error that it is not
        (RAYLET, ""),  # `check` says so
        ("", ""),
    ],
)  # fmt: skip
def test_a_message_of_rays_is_a_line_of_ours_or_nothing(message: str, line: str) -> None:
    assert cluster.in_our_words(message) == line


def test_the_same_line_is_said_once_a_minute() -> None:
    said: list[str] = []
    now = 0.0
    hear = cluster.messages(said.append, lambda: now)
    for seconds in range(0, 150, 10):
        now = float(seconds)
        hear({"lines": [KILLED, OOM], "pid": "raylet", "is_err": False}, ignore_prefix=False)
    assert [len([line for line in said if line.startswith(start)]) for start in ("a task", "memory")] == [3, 3]


@pytest.mark.parametrize("late", [0, 1, 4, 5])
def test_ray_is_started_again_where_a_busy_machine_is_too_slow_for_it(late: int) -> None:
    tries = 0

    def start() -> None:
        nonlocal tries
        tries += 1
        if tries <= late:
            raise Exception("The current node timed out during startup. This could happen because")  # as Ray does

    if late < 5:
        cluster._start_patiently(start)
        assert tries == late + 1
    else:
        with pytest.raises(WorkError, match="Ray did not start in 5 tries"):
            cluster._start_patiently(start)


def test_a_temporary_folder_with_too_long_a_path_is_named() -> None:
    def start() -> None:
        raise OSError("validate_socket_filename failed: AF_UNIX path length cannot exceed 107 bytes: /long/ray/session")

    with pytest.raises(InputError, match=f"^TMPDIR {tempfile.gettempdir()}: path too long for Ray's sockets"):
        cluster._start_patiently(start)


def test_another_error_of_rays_start_is_not_hidden() -> None:
    def start() -> None:
        raise ValueError("num_cpus")

    with pytest.raises(ValueError, match="num_cpus"):
        cluster._start_patiently(start)


SCRIPT = """
import os, signal, sys, time
from pathlib import Path
import psutil
from corrotwin.synth.rendering.fanout import Item, Needs, fan_out
from corrotwin.twin.core import text
from corrotwin.twin.core.errors import WorkError

folder = Path(sys.argv[1])

def task(key):
    if key == "raises":
        raise ValueError("too many\\nindeed")
    if key == "killed" or key == "killed once" and not (folder / key).exists():
        (folder / key).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if key == "Ray killed":
        [raylet] = [one for one in psutil.Process(driver).children() if one.name() == "raylet"]
        raylet.kill()
        time.sleep(60)
    print("a worker's own print")

driver = os.getpid()
text.show_log()
for keys in (["fine", "raises", "killed", "killed once"], ["Ray killed"], ["fine"]):
    try:
        failures = fan_out(task, [Item(key=key, arguments=(key,)) for key in keys], is_done=lambda key: False,
                           label="trying", needs=Needs(), retries=1)
        for failure in failures:
            text.say(f"{failure.key}: {failure.error}")
        text.say(f"{len(keys) - len(failures)} of {len(keys)}")
    except WorkError as error:
        text.say(f"WorkError: {error}")
"""


@pytest.mark.ci
def test_ray_itself_prints_nothing_whatever_befalls_it(tmp_path: Path) -> None:
    """Tasks that raise, workers that are killed once or each time, and then Ray itself; after that it starts again."""
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, tmp_path / "script.py", tmp_path], capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "raises: ValueError: indeed",
        "killed: its worker process was killed or crashed",
        "2 of 4",
        f"WorkError: {cluster.ENDED}",
        "1 of 1",
    ]
    ours = r"trying \d/\d items .*|a task failed and will be retried: .*"
    lines = done.stderr.splitlines()
    assert [line for line in lines if not re.fullmatch(ours, line)] == []
    assert sum("its worker process was killed or crashed" in line for line in lines) == 1  # in a minute
    assert sum("will be retried: indeed" in line for line in lines) == 1


IN_A_THREAD = """
import signal
from concurrent.futures import ThreadPoolExecutor
import ray
from corrotwin.twin.core import cluster
from corrotwin.twin.core.errors import InputError

before = signal.getsignal(signal.SIGTERM)
with ThreadPoolExecutor(1) as pool:
    pool.submit(cluster.connect).result()
assert ray.is_initialized() and signal.getsignal(signal.SIGTERM) is before
cluster.connect()
cluster.connect(ray.get_runtime_context().gcs_address)
for address in ("127.0.0.1:1", "auto"):
    try:
        cluster.connect(address)
    except InputError as error:
        print(error)
ray.shutdown()
ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False)
cluster.connect("auto")  # the user's own
"""


@pytest.mark.ci
def test_ray_starts_in_any_thread_and_another_address_is_refused_from_then_on(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IN_A_THREAD], capture_output=True, text=True, timeout=300, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    said = r"`address` {}: Ray is already running in this process, at [\d.]+:\d+; start a new process"
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    for address, line in zip(("127.0.0.1:1", "auto"), lines, strict=True):
        assert re.fullmatch(said.format(re.escape(address)), line)


JOINED = """
import time
import psutil
import ray
from ray.cluster_utils import Cluster
from corrotwin.twin.core import cluster
from corrotwin.twin.core.cluster import joining
from corrotwin.twin.core.errors import InputError, WorkError


def start():
    global machines
    machines = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})

cluster._start_patiently(start)
cluster.connect(machines.address)
cluster.connect(machines.address)
cluster.connect("auto")  # the one that runs
cluster.check()
try:
    cluster.connect()
except InputError as error:
    print(error)
[head] = [child for child in psutil.Process().children(recursive=True) if child.name() == "gcs_server"]
head.kill()
head.wait()
joining.PATIENCE_SECONDS = 2
try:
    cluster.check()
except WorkError as error:
    print(error)
[node] = [child for child in psutil.Process().children(recursive=True) if child.name() == "raylet"]
node.kill()
node.wait()
try:
    cluster.check()
except WorkError as error:
    print(error)
"""


@pytest.mark.ci
def test_a_cluster_that_was_joined_is_not_this_machine_alone_and_is_missed_when_it_is_gone(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", JOINED],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(
        r"`address` None: Ray is already running in this process, at [\d.]+:\d+; start a new process\n"
        r"the head of the Ray cluster, [\d.]+:\d+, has not answered for 2 s; start the cluster again, and the same "
        rf"command resumes\n{re.escape(joining.ENDED)}\n",
        done.stdout,
    )
