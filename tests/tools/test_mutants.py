"""The mutation run: what it changes, what it keeps, and that it goes on where it was cut off."""

import subprocess
import sys
from pathlib import Path

import pytest

from corrotwin.twin.core import tables
from tools.mutants import __main__ as program
from tools.mutants import trial
from tools.mutants.changes import chosen, mutants
from tools.mutants.explained import EXPLAINED
from tools.mutants.guards import GUARDS

ROOT = Path(__file__).parents[2]
SOURCE = '''"""A module of 3 numbers."""

REACH_M, COUNT = 0.07, 10  # metres
BATCH = 128


def law(x: float, y: float = 1.5) -> float:
    """Return 2."""
    if x > 0 and not y:
        raise ValueError(f"{x + 1}")
    return min(x, 3) + COUNT * x if x else 0.0
'''


def test_each_change_is_of_one_expression_and_messages_stay() -> None:
    found = mutants("m.py", SOURCE)
    assert [mutant.name for mutant in found] == [
        "m.py (REACH_M, COUNT): 0.07 -> 0.105",
        "m.py (REACH_M, COUNT): 10 -> 20",
        "m.py law: x > 0 and not y -> (not (x > 0 and (not y)))",
        "m.py law: x > 0 and not y -> ((x > 0) or (not y))",
        "m.py law: x > 0 -> (x >= 0)",
        "m.py law: x > 0 -> (x <= 0)",
        "m.py law: 0 -> 1",
        "m.py law: x -> (not (x))",
        "m.py law: min(x, 3) + COUNT * x -> ((min(x, 3)) - (COUNT * x))",
        "m.py law: min(x, 3) -> max(x, 3)",
        "m.py law: 3 -> 4",
        "m.py law: COUNT * x -> ((COUNT) / (x))",
        "m.py law: 0.0 -> 0.1",
    ]
    for mutant in found:
        compile(mutant.source, "m.py", "exec")
        changed = [
            one for one, other in zip(SOURCE.splitlines(), mutant.source.splitlines(), strict=True) if one != other
        ]
        assert len(changed) == 1


def test_a_sample_is_of_every_constant_before_any_twice() -> None:
    source = "ONE = (1.0, 2.0, 3.0)\nTWO = 4.0\nTHREE = 5.0\n"
    places = [mutant.place for mutant in chosen(mutants("m.py", source), 3, 5, seed=0)]
    assert sorted(places) == ["ONE", "THREE", "TWO"]
    functions = "".join(f"def law{number}(x):\n    return x + 1\n" for number in range(9))
    places = [mutant.place for mutant in chosen(mutants("m.py", source + functions), 12, 2, seed=0)]
    assert sum(place.startswith("law") for place in places) == len(places) - 5 == 2 + 7
    again = [chosen(mutants("m.py", source), 2, 0, seed=seed) for seed in (0, 0, 1, 2, 3)]
    assert again[0] == again[1]
    assert any(other != again[0] for other in again[2:])


def test_what_is_guarded_and_explained_is_there() -> None:
    names = set()
    for modules in GUARDS.values():
        for module, tests in modules.items():
            names |= {mutant.name for mutant in mutants(module, (ROOT / module).read_text())}
            for test in tests:
                file, _, function = test.partition("::")
                assert f"def {function}" in (ROOT / file).read_text(), test
    assert set(EXPLAINED) <= names


@pytest.mark.ci
def test_a_survivor_that_nobody_explained_ends_with_status_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And is tried again once its tests have changed; what was noticed is not."""
    module, tried = "twin/mechanisms/soil.py", []

    def attempt(tests: object, module: str | None = None, source: str = "") -> trial.TrialOutcome:
        tried.append(module)
        survives = module is None or len(tried) == 2
        return trial.TrialOutcome(status=int(not survives), failed="" if survives else "test_it", seconds=1.0)

    monkeypatch.setattr(trial, "attempt", attempt)
    given = {"out": tmp_path, "only": (module,), "constants": 2, "others": 0}
    assert program.run(**given) == 1
    assert tried == [None, module, module]
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"survived: {module} ")
    assert program.run(**given) == 1
    assert len(tried) == 3
    monkeypatch.setitem(GUARDS["growth"], module, ("tests/twin/model/test_noise.py",))
    assert program.run(**given) == 0
    assert tried[3:] == [None, module]


@pytest.mark.ci
def test_two_mutants_are_noticed_by_real_tests_in_forks(tmp_path: Path) -> None:
    words = ["--out", str(tmp_path), "--only", "twin/mechanisms/seawater.py", "--constants", "2", "--others", "0"]
    done = subprocess.run(
        [sys.executable, "-m", "tools.mutants", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "| all | 2 | 2 | 0 | 0 |" in done.stdout
    cells = tables.read_own(tmp_path / "mutants.csv", program.COLUMNS)
    assert cells["outcome"] == ["noticed", "noticed"]
    assert all(name.startswith("tests/twin/mechanisms/test_tables.py::") for name in cells["by"])


@pytest.mark.parametrize("words", [{"constants": -1}, {"most": 0}, {"only": ("engine",)}])
def test_bad_options_are_refused(tmp_path: Path, words: dict[str, object]) -> None:
    with pytest.raises(program.InputError):
        program.run(out=tmp_path, **words)
    assert not list(tmp_path.iterdir())
