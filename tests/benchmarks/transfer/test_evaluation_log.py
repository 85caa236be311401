"""The log of confirmations, written before anything is trained."""

import importlib.util
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from transfers import (
    give,
    give_screen,
)

from corrotwin.benchmarks.transfer import evaluation_log
from corrotwin.segmentation.data import coco
from corrotwin.synth.rendering import fanout


def test_each_confirmation_is_logged_before_anything_is_trained_and_screens_and_plans_are_not(
    home: Path, trained: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    give(home, dry_run=True)
    assert not (home / "out").exists()
    give_screen(home)
    assert evaluation_log.read(home / "out") == []

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(fanout, "fan_out", killed)
        with pytest.raises(KeyboardInterrupt):
            give(home)
    give(home)
    first_time, second = evaluation_log.read(home / "out")
    assert first_time["renders"]["digests"]["all"] == coco.read(home / "renders").digest
    assert first_time["sets"] == {"photos": coco.read(home / "photos").digest}
    assert {"date", "command", "version", "runs"} <= second.keys()


def test_a_torn_line_of_the_log_spoils_no_other(tmp_path: Path) -> None:
    evaluation_log.log(tmp_path, "first", {})
    with (tmp_path / evaluation_log.LOG).open("a") as stream:
        stream.write('{"date": "20')
    evaluation_log.log(tmp_path, "second", {})
    assert [each["command"] for each in evaluation_log.read(tmp_path)] == ["first", "second"]


def test_the_version_is_that_of_the_program_alone(tmp_path: Path) -> None:
    """Not that of a repository around an installed program."""
    git = ["git", "-C", str(tmp_path), "-c", "user.name=me", "-c", "user.email=me@here"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "-m", "nothing"], check=True)
    place = Path(shutil.copy(evaluation_log.__file__, tmp_path / "openings.py"))
    spec = importlib.util.spec_from_file_location("openings", place)
    installed = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(installed)
    assert installed.version() is None
    subprocess.run([*git, "add", "openings.py"], check=True)
    subprocess.run([*git, "commit", "--quiet", "-m", "one"], check=True)
    clean_version = installed.version()
    assert clean_version is not None
    place.write_text("changed")
    assert installed.version() == f"{clean_version}-dirty"
