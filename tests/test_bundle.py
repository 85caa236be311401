"""A folder with everything, for machines without internet."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def make(
    folder: Path, *arguments: str, seconds: float = 60, before: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    # No configuration of pip but what the Makefile says; the interpreter is ours.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "MAKE", "MFLAGS"))}
    settings = {"PIP_CONFIG_FILE": os.devnull} if before else {}
    return subprocess.run(
        [*before, "make", f"PYTHON={sys.base_prefix}/bin/python3.11", *arguments],
        cwd=folder, env=(kept if before else dict(os.environ)) | settings,
        capture_output=True, text=True, check=False, timeout=seconds,
    )  # fmt: skip


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """What `make setup` reads."""
    folder = tmp_path / "source"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.mark.parametrize("damage", ["changed", "absent", "no bundle"])
def test_a_bundle_that_is_not_whole_is_refused_before_anything_is_made(source: Path, damage: str) -> None:
    bundle = source.parent / "bundle"
    (bundle / "wheels").mkdir(parents=True)
    wheel = bundle / "wheels" / "a.whl"
    wheel.write_bytes(b"wheel")
    (bundle / "SHA256SUMS").write_text(f"{hashlib.sha256(b'wheel').hexdigest()}  ./wheels/a.whl\n")
    if damage == "changed":
        wheel.write_bytes(b"whole")
    elif damage == "absent":
        wheel.unlink()
    else:
        (bundle / "SHA256SUMS").unlink()
    done = make(source, "setup", "BUNDLE=../bundle")
    assert done.returncode == 2
    assert "make: ../bundle is no whole bundle; copy it again" in done.stderr
    assert not (source / ".venv").exists()


def test_a_bundle_that_is_there_is_left_alone(source: Path) -> None:
    stamp = source / ".venv" / ".installed"
    stamp.parent.mkdir()
    stamp.touch()
    (source / "there").mkdir()
    done = make(source, "bundle", "OUT=there")
    assert done.returncode == 2
    assert "there is there; delete it or choose another OUT" in done.stderr
    assert list((source / "there").iterdir()) == []


@pytest.mark.slow
def test_what_is_bundled_is_installed_without_any_network(tmp_path: Path) -> None:
    """Minutes, a gigabyte, and the internet: everything is fetched, then installed where there is no network at all."""
    alone = ("unshare", "--map-root-user", "--net")
    if shutil.which("unshare") is None or subprocess.run([*alone, "true"], check=False).returncode:
        pytest.skip("no network namespaces here")
    weights = tmp_path / "weights"
    weights.mkdir()
    (weights / "weights.json").write_text("{}")
    made = make(ROOT, "bundle", f"OUT={tmp_path / 'bundle'}", f"WEIGHTS={weights}", seconds=1800)
    if made.returncode and "connection" in made.stderr.lower():
        pytest.skip("no internet here")
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "bundle" / "weights" / "weights.json").exists()
    assert not (tmp_path / "bundle.part").exists()
    shutil.unpack_archive(tmp_path / "bundle" / "source.tar.gz", tmp_path, filter="data")
    there = tmp_path / "corrotwin"
    done = make(there, "setup", "BUNDLE=../bundle", seconds=1800, before=alone)
    assert done.returncode == 0, done.stderr
    helped = subprocess.run([there / ".venv/bin/python", "-m", "corrotwin", "synth", "--help"], cwd=there, check=False)
    assert helped.returncode == 0
