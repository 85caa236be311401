"""Run mutants of the modules that hold physics, labels and statistics against their fast tests; list the survivors.

    python -m tools.mutants --out out/mutants                       # all subjects
    python -m tools.mutants --out out/mutants --only growth splits  # some
    python -m tools.mutants --out out/mutants --only twin/model/pits.py --constants 50 --others 50

Every mutant is one small change of one module; the module's own fast tests (`tools.mutants.guards`) run against it, in
one process at a time, with 60 seconds of processor time. A mutant that no test notices must be explained in
`tools.mutants.explained`; an unexplained one ends the command with status 1.

Each result is kept in ``mutants.csv``: the same command resumes where it was cut off. A mutant that survived is tried
again once its tests have changed; one that was noticed, once its module has.
"""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from corrotwin.twin.core import cli, tables, text
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import digest, read_text
from tools.mutants import trial
from tools.mutants.changes import Mutant, chosen, mutants
from tools.mutants.explained import EXPLAINED
from tools.mutants.guards import GUARDS


@dataclass(frozen=True, kw_only=True)
class MutantRow:
    """Result of one mutant."""

    subject: str
    mutant: str
    outcome: str
    """``noticed`` or ``survived``."""

    by: str
    """First test that failed, or how the tests ended."""

    seconds: str
    source: str
    """Digest of the module's source with the change."""

    tests: str
    """Digest of the tests."""

    @property
    def survived(self) -> bool:
        """True if no test noticed it."""
        return self.outcome == "survived"


COLUMNS = tuple(field.name for field in fields(MutantRow))


def sample(subject: str, constants: int, others: int, seed: int) -> list[Mutant]:
    """Return the mutants of a subject that a run tries."""
    selected = []
    for module in GUARDS[subject]:
        selected += chosen(mutants(module, read_text(trial.ROOT / module)), constants, others, seed)
    return selected


def run(
    *,
    out: Path,
    only: tuple[str, ...] = (),
    constants: int = 3,
    others: int = 1,
    seed: int = 0,
    most: int | None = None,
) -> int:
    """Try mutants and list those that no test notices.

    Parameters
    ----------
    out
        folder of the results.
    only
        subjects, or paths of modules; by default all.
    constants
        most constants of each module that are changed.
    others
        most comparisons, signs, bounds, numbers and conditions in its functions; more if constants are fewer.
    seed
        seed of the choice among them.
    most
        most mutants in all.
    """
    if min(constants, others) < 0:
        raise InputError("--constants and --others are counts: give 0 or more")
    if most is not None and most < 1:
        raise InputError(f"--most {most} is below 1")
    names = {*GUARDS, *(module for modules in GUARDS.values() for module in modules)}
    if unknown := [name for name in only if name not in names]:
        raise InputError(f"--only: {unknown[0]} is neither a subject ({', '.join(GUARDS)}) nor a module with guards")

    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", NO_ALBUMENTATIONS_UPDATE="1")
    work = [
        (subject, mutant)
        for subject in GUARDS
        for mutant in sample(subject, constants, others, seed)
        if not only or subject in only or mutant.module in only
    ]
    rows = _tried(work[:most], out / "mutants.csv")
    text.say(text.markdown_table(("subject", "mutants", "noticed", "survived", "explained", "seconds"), _counts(rows)))
    unexplained = [row for row in rows if row.survived and row.mutant not in EXPLAINED]
    for row in unexplained:
        text.say_error(f"survived: {row.mutant}")
    return int(bool(unexplained))


def _tried(work: Sequence[tuple[str, Mutant]], path: Path) -> list[MutantRow]:
    """Return the results of mutants, after trying those that have none in the table yet."""
    by_name = {}
    if path.exists():
        cells = tables.read_own(path, COLUMNS)
        by_name = {
            name: MutantRow(**dict(zip(COLUMNS, row, strict=True)))
            for name, *row in zip(cells["mutant"], *cells.values(), strict=True)
        }
    sound_tests: set[tuple[str, ...]] = set()
    rows = []
    for number, (subject, mutant) in enumerate(work, 1):
        tests = GUARDS[subject][mutant.module]
        source_digest, tests_digest = (
            digest(mutant.source),
            digest([read_text(trial.ROOT / name.split("::")[0]) for name in tests]),
        )
        row = by_name.get(mutant.name)
        if row is None or row.source != source_digest or (row.survived and row.tests != tests_digest):
            if tests not in sound_tests:
                _check_sound(tests)
                sound_tests.add(tests)
            outcome = trial.attempt(tests, mutant.module, mutant.source)
            row = MutantRow(
                subject=subject, mutant=mutant.name, outcome="noticed" if outcome.status else "survived",
                by=outcome.failed or (f"status {outcome.status}" if outcome.status else ""),
                seconds=f"{outcome.seconds:.1f}", source=source_digest, tests=tests_digest,
            )  # fmt: skip
            text.say_error(f"{number}/{len(work)} {row.outcome} {row.seconds} s {row.mutant}")
            by_name[mutant.name] = row
            path.parent.mkdir(parents=True, exist_ok=True)
            tables.write_own(path, COLUMNS, (asdict(result).values() for result in by_name.values()))
        rows.append(row)
    return rows


def _check_sound(tests: tuple[str, ...]) -> None:
    """Raise if tests fail without any mutant; import what they import from outside, once for all forks."""
    outcome = trial.attempt(tests)
    if outcome.status:
        raise InputError(
            f"{' '.join(tests)}: {outcome.failed or outcome.status} fails without any mutant; fix it first"
        )
    trial.warm(outcome.imported)


def _counts(rows: Sequence[MutantRow]) -> Iterable[tuple[str, ...]]:
    """Yield a row of counts for each subject, and one for all."""
    for name in [*dict.fromkeys(row.subject for row in rows), "all"]:
        selected = [row for row in rows if name in (row.subject, "all")]
        count = Counter(row.outcome for row in selected)
        explained = sum(row.survived and row.mutant in EXPLAINED for row in selected)
        seconds = f"{sum(float(row.seconds) for row in selected):.0f}"
        yield name, str(len(selected)), str(count["noticed"]), str(count["survived"]), str(explained), seconds


if __name__ == "__main__":
    cli.run_one("python -m tools.mutants", run)
