"""Every program in tools/ starts: its modules are imported, its options parsed, and its help says what it does."""

import importlib
import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = {"tools.documented.script", "tools.speed.arms"}  # by their parents, in slow tests of these: Blender's processes


def programs() -> list[str]:
    """Names of the modules of tools/ that may be run."""
    paths = (path for path in (ROOT / "tools").rglob("*.py") if '__name__ == "__main__"' in path.read_text())
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__") for path in paths}
    return sorted(names - PARTS)


def test_all_programs_are_found() -> None:
    assert len(programs()) > 15


def test_every_module_can_be_imported() -> None:
    """The parts of programs, too: a name that has moved is found. Blender's module is imported where it is used."""
    paths = (path.relative_to(ROOT).with_suffix("") for path in (ROOT / "tools").rglob("*.py"))
    names = [".".join(path.parts) for path in paths if path.name != "__main__"]
    assert len(names) > 50
    for name in names:
        importlib.import_module(name)


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")  # other tests import them
@pytest.mark.parametrize("name", programs())
def test_it_starts(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as end:
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    said = capsys.readouterr()
    assert end.value.code in (0, None)
    assert said.out.startswith("usage: ")
    assert len(said.out.splitlines()) > 3
    assert not said.err
