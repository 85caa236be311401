"""Renders that fail or hang: what is reported, and what stays. Most have something else in place of Blender."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from corrotwin.segmentation.data import coco
from corrotwin.synth import spec
from corrotwin.synth.config import RenderConfig
from corrotwin.synth.rendering import assembly, batch, blender_process, fanout, provenance
from corrotwin.synth.rendering.dataset import render
from corrotwin.twin.core.errors import InputError, WorkError
from corrotwin.twin.core.files import write_json


@pytest.mark.slow
@pytest.mark.blender
def test_crash_of_blender_is_reported_with_its_images_and_status_1(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (tmp_path / "bpy").mkdir()
    (tmp_path / "bpy" / "__init__.py").write_text("raise SystemError('no display, no fun')")
    done = subprocess.run(
        [
            sys.executable, "-m", "corrotwin", "synth", "render", "--preset", "quick", "--size", "64", "--seed", "3",
            "--count", "1", "--out", str(out),
        ],
        capture_output=True, text=True, timeout=120,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 1
    assert "image 0 of seed 3 failed 3 times, with RuntimeError: Blender ended with status 1: SystemError: no " in (
        done.stderr
    )
    assert not (out / "dataset.json").exists()


def test_failed_batches_are_told_by_their_images_and_seed_when_all_others_are_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With another batch in place of Blender's, run here in place of Ray."""
    config = RenderConfig(preset="quick", size=64, seed=3)
    done = []

    def in_turn(task: object, items: list[fanout.Item], **options: object) -> list[fanout.Failure]:
        assert options["retries"] == 2
        done.extend(item.key for item in items if item.key in "02")
        for key in done:
            write_json(
                batch.part_file(tmp_path / "out", int(key)), {"images": [{"id": 1 + each} for each in range(24)]}
            )
        return [fanout.Failure(key=key, error="Blender hung") for key in "13"]

    monkeypatch.setattr(fanout, "fan_out", in_turn)
    with pytest.raises(WorkError, match=r"images 6 to 11, 18 of seed 3 failed 3 times, with Blender hung; .*`only` 6"):
        render(tmp_path / "out", config, count=19)
    assert done == ["0", "2"]


def test_disk_that_fills_as_the_dataset_is_assembled_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, *rest: object, **more: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def drawn(*rest: object, **more: object) -> list[object]:
        part = {"images": [{"id": 1, "asset_kind": "plate"}], "made_by": provenance.made_by()}
        write_json(batch.part_file(tmp_path / "out", 0), part)
        return []

    monkeypatch.setattr(fanout, "fan_out", drawn)
    monkeypatch.setattr(coco, "write_document", full)
    with pytest.raises(
        InputError, match=r"out: cannot be written \(No space left on device\); make room, then run the"
    ):
        render(tmp_path / "out", RenderConfig(preset="quick", size=64, seed=3), count=1)
    assert not (tmp_path / "out" / "dataset.json").exists()


def test_a_batch_that_failed_with_all_of_its_images_there_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failed(*rest: object, **more: object) -> list[fanout.Failure]:
        part = {"images": [{"id": 1, "asset_kind": "plate"}], "made_by": provenance.made_by()}
        write_json(batch.part_file(tmp_path / "out", 0), part)
        batch.image_file(tmp_path / "out", 0).touch()
        return [fanout.Failure(key="0", error="Blender ended with status 11")]

    monkeypatch.setattr(fanout, "fan_out", failed)
    monkeypatch.setattr(assembly, "assemble", lambda out, task: None)
    config = RenderConfig(preset="quick", size=64, seed=3)
    assert render(tmp_path / "out", config, count=1) == 1
    with pytest.raises(WorkError, match="image 1 of seed 3 failed"):
        render(tmp_path / "out", config, count=2)


def fake_blender(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, then: str) -> None:
    """A Blender that finishes two views, and then does something else."""
    (tmp_path / "batch.json").write_text(spec.dump(spec.Batch(scenes=(), threads=1)))
    (tmp_path / "bpy").mkdir()
    (tmp_path / "bpy" / "__init__.py").write_text(
        "import os, sys, time\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
        "print('still at it', file=sys.stderr, flush=True)\n"
        "os.write(3, b'# built\\n4\\n# labels of view 5\\n5\\n')\n" + then
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(blender_process, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(blender_process, "IDLE_SECONDS", 3.0)


@pytest.mark.ci
@pytest.mark.parametrize(
    ("then", "message"),
    [
        ("time.sleep(60)\n", r"Blender hung: idle for \d s: still at it"),
        ("while True: pass\n", r"Blender hung: \d s of processor time without progress: still at it"),
    ],
)
def test_hung_blender_is_stopped_and_what_it_had_finished_stays(
    then: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_blender(tmp_path, monkeypatch, then)
    finished: list[int] = []
    with pytest.raises(RuntimeError, match=message):
        finished.extend(blender_process.run_blender(tmp_path, budget=5))
    assert finished == [4, 5]
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text()}").exists()


@pytest.mark.ci
def test_slow_blender_that_makes_progress_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It sleeps longer than an idle one may, but for lines of progress; and computes longer than its budget."""
    fake_blender(
        tmp_path, monkeypatch,
        "for _ in range(6):\n    time.sleep(1)\n    os.write(3, b'# still\\n')\n"
        "for _ in range(4):\n    begun = time.process_time()\n"
        "    while time.process_time() < begun + 1: pass\n    os.write(3, b'# on\\n')\n"
        "os.write(3, b'6\\n')\nos._exit(0)\n",
    )  # fmt: skip
    assert list(blender_process.run_blender(tmp_path, budget=2.5)) == [4, 5, 6]


def test_what_blender_leaves_lies_in_the_folder_of_its_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blender makes a folder for itself among temporary files, which stays behind since it is ended at once."""
    fake_blender(tmp_path, monkeypatch, "import tempfile\ntempfile.mkdtemp(prefix='blender_')\nos._exit(0)\n")
    assert list(blender_process.run_blender(tmp_path, budget=5)) == [4, 5]
    assert len(list(tmp_path.glob("blender_*"))) == 1
