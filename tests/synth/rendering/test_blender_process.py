"""The watchdog of Blender: a slow machine is not a hung process, and a hung process is ended."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import drill
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corrotwin.synth.rendering import blender_process
from corrotwin.synth.rendering.blender_process import IDLE_SECONDS, ProgressJudge

BUDGET = 600.0


def ended(share: float, *, budget: float = BUDGET, every: float = 2.0, most: float = 10**6) -> tuple[float, str]:
    """When a process that uses so many cores and never makes progress is ended, by a clock that is not the wall's."""
    judge, now = ProgressJudge(budget, 0.0), 0.0
    while now < most:
        now += every
        if fault := judge.fault(now, share * now, progressed=False):
            return now, fault
    return now, ""


@pytest.mark.parametrize("cores", [4.0, 1.0, 0.1, 0.01])
def test_a_busy_process_has_its_budget_however_long_that_takes(cores: float) -> None:
    when, fault = ended(cores)
    assert fault.endswith(" s of processor time without progress")
    assert BUDGET <= cores * when <= BUDGET + 2 * cores * 2.0


@pytest.mark.parametrize("cores", [0.0, 0.001, 0.0019])
def test_a_process_that_leaves_the_processor_alone_is_ended_by_the_clock(cores: float) -> None:
    when, fault = ended(cores)
    assert fault.startswith("idle for ")
    assert IDLE_SECONDS <= when <= IDLE_SECONDS + 4


@given(share=st.floats(0, 64), every=st.floats(0.5, 60), budget=st.floats(10, 10_000))
def test_every_process_without_progress_is_ended(share: float, every: float, budget: float) -> None:
    longest = IDLE_SECONDS + budget / max(share, blender_process.IDLE_SHARE)
    every = max(every, longest / 2000)  # polls enough
    bound = longest + 2 * every
    when, fault = ended(share, budget=budget, every=every, most=2 * bound)
    assert fault
    assert when <= bound + every


@given(steps=st.lists(st.tuples(st.floats(0, 599), st.floats(0, 0.999)), min_size=1, max_size=40))
def test_progress_in_time_is_never_taken_for_a_hang(steps: list[tuple[float, float]]) -> None:
    """Each step is seconds of the wall, and the share of the budget used in them; it ends with a line of progress."""
    judge, now, used = ProgressJudge(BUDGET, 0.0), 0.0, 0.0
    for seconds, share in steps:
        now, used = now + seconds, used + share * BUDGET
        assert judge.fault(now, used, progressed=False) == ""
        assert judge.fault(now, used, progressed=True) == ""


def test_a_helper_that_ends_uncounted_takes_nothing_from_a_process_that_works() -> None:
    judge, now = ProgressJudge(10 * BUDGET, 0.0), 0.0
    while now < 2 * IDLE_SECONDS:
        now += 2.0
        helper = 600.0 if now < 100 else 0.0  # reaped by another process
        assert judge.fault(now, 0.3 * now + helper, progressed=False) == ""


def test_what_helpers_use_counts_for_their_parent(tmp_path: Path) -> None:
    """Compilers of a card's kernels are processes of their own, for which Blender waits without using the processor."""
    import psutil

    spin = "import time\nwhile time.process_time() < 0.6: pass\n"
    parent = (
        "import subprocess, sys, time\n"
        f"subprocess.run([sys.executable, '-c', {spin!r}])\n"  # has ended
        f"subprocess.Popen([sys.executable, '-c', {spin + 'time.sleep(60)'!r}], stdout=subprocess.PIPE)\n"  # lives
        "print(time.process_time(), flush=True)\ntime.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            assert float(child.stdout.readline()) < 0.6
            process = psutil.Process(child.pid)
            drill.until(lambda: blender_process.processor_seconds(process) > 1.1, seconds=60)
            assert blender_process.processor_seconds(process) > 1.1
        finally:
            for each in process.children(recursive=True):
                each.kill()
            child.kill()


@contextmanager
def load(busy: int) -> Iterator[None]:
    """So many processes that only compute, ended at once afterwards and after three minutes in any case."""
    spin = "import time\nend = time.monotonic() + 180\nwhile time.monotonic() < end: pass\n"
    spinners = [subprocess.Popen([sys.executable, "-c", spin]) for _ in range(busy)]
    try:
        yield
    finally:
        for each in spinners:
            each.kill()
        for each in spinners:
            each.wait()


@pytest.mark.slow
@pytest.mark.blender
@pytest.mark.parametrize("busy", [1, 5, 15])
def test_no_blender_is_ended_on_a_loaded_machine(busy: int, tmp_path: Path) -> None:
    """With a clock a thirtieth of the real one: 20 s in place of 600.

    A watchdog that followed this clock would end it: beside 15 busy processes on two cores, Blender takes longer than
    that to its first line. A Blender that is ended is started again, and begins another batch file.
    """
    out, log = tmp_path / "out", tmp_path / "log"
    began = time.monotonic()
    with load(busy):
        child = drill.start(
            "synth", "render", "--preset", "quick", "--size", 96, "--count", 2, "--workers", 1, "--out", out,
            drill={"below": str(out), "log": str(log), "match": r"^rename work/.*/batch\.json$", "shorten": 30},
        )  # fmt: skip
        _, errors = child.communicate(timeout=600)
    assert child.returncode == 0, errors
    assert len(list((out / "images").glob("*.jpg"))) == 2
    assert len(log.read_text().splitlines()) == 1, errors
    print(f"{busy} busy processes on {len(os.sched_getaffinity(0))} cores: {time.monotonic() - began:.0f} s")
