import json
import os
import subprocess
import sys

import pytest

CUBE = """
import json, os, sys, tempfile
from pathlib import Path
from corrotwin.synth.blender import session
threads = int(sys.argv[1]) or None
said = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
bproc = session.load_blenderproc(threads)
import bpy
with tempfile.TemporaryDirectory() as folder:
    session.start(bproc, Path(folder), 1, "cpu")
    bproc.object.create_primitive("CUBE", size=1)
    bproc.camera.set_resolution(32, 32)
    bpy.context.scene.cycles.samples = 2
    bpy.ops.render.render()
tasks = [int(task.name) for task in Path("/proc/self/task").iterdir()]
said.write(json.dumps([len(tasks), [sorted(os.sched_getaffinity(task)) for task in tasks]]))
said.flush()
os._exit(0)
"""


def threads_and_cores(threads: int) -> tuple[int, list[list[int]]]:
    """The number of threads of a Blender process that has rendered, and the cores that each may use."""
    done = subprocess.run([sys.executable, "-c", CUBE, str(threads)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    count, cores = json.loads(done.stdout)
    return count, cores


@pytest.mark.slow
@pytest.mark.blender
@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="only Linux tells the cores of a process")
def test_a_process_of_one_thread_starts_no_others_that_spin_and_may_use_every_core() -> None:
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) == 1:
        pytest.skip("one core")
    one, cores = threads_and_cores(1)
    every, _ = threads_and_cores(0)
    assert one < every
    assert all(each == allowed for each in cores)
