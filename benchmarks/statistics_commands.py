"""The commands that need no study: the paper's test from printed numbers, and the proof of our own by simulation."""

from collections.abc import Callable, Mapping
from pathlib import Path

from twin.files import InputError, write_text


def from_summary(file: Path | None = None, /, *, paper: bool = False) -> None:
    """Tukey's HSD from printed means, standard deviations and numbers of runs.

    Parameters
    ----------
    file
        csv file with the columns group, mean, sd, n and perhaps score (rows of one score make one table). Write numbers
        as they are printed: their last digit tells how far they are rounded.
    paper
        take Table II of the paper, and print its own p-values beside.
    """
    from rich.console import Console

    from benchmarks import summary

    if (file is None) != paper:
        raise InputError("give a csv file with the columns group, mean, sd, n, or --paper for the paper's own table")
    tables = summary.published() if file is None else summary.read(file)
    console = Console(highlight=False, markup=False, soft_wrap=True)
    consistent = True
    for score, groups in tables.items():
        pairs = summary.compare(groups)
        printed = summary.PUBLISHED[score] if paper else {}
        console.print(f"{score}\n{summary.markdown(pairs, printed)}".lstrip())
        consistent &= all(each.agrees(printed[each.pair.first, each.pair.second]) for each in pairs if printed)
    if paper:
        start = "All printed p-values are" if consistent else "Not all printed p-values are"
        console.print(
            f"{start} consistent, within the rounding of means and SDs, with a test whose samples are the ten run "
            "means. That is no proof of it: pooled images with an SD of 0.2 would give similar values for F1."
        )


def simulate(*, sets: int = 1000, seed: int = 0, out: Path | None = None) -> None:
    """Make studies with known truth and count how often each test is wrong, and what it finds.

    Parameters
    ----------
    sets
        studies of each kind; 1,000 take some minutes and give rates near 5 % within 1.4 % (two standard errors).
    seed
        of the made-up scores.
    out
        csv file to write, with a row for each kind of study and test; the table for reading goes beside it as .md.
    """
    from rich.console import Console
    from rich.progress import track

    from benchmarks import simulation
    from segmentation.runs import write_table

    if sets < 1:
        raise InputError(f"--sets {sets}: must be at least 1")
    if seed < 0:
        raise InputError(f"--seed {seed}: must not be negative")
    if out is not None:
        for path in (out, out.with_suffix(".md")):
            if out.suffix != ".csv" or path.exists():
                raise InputError(f"{path}: choose the name of a new .csv file for --out, and no .md of that name")
        if not out.parent.is_dir():
            raise InputError(f"{out.parent}: no such folder; make it, or choose another --out")
    cells = simulation.simulate(simulation.CELLS, sets, seed)
    errors = Console(stderr=True)
    found = list(track(cells, total=len(simulation.CELLS), description="simulating", console=errors, transient=True))
    rows = [{**row, "seed": seed} for cell, rates in found for row in simulation.rows(cell, rates)]
    text = simulation.markdown(found)
    Console(highlight=False, markup=False, soft_wrap=True).print(text, end="")
    if out is not None:
        try:
            write_table(out, list(rows[0]), (row.values() for row in rows))
            write_text(out.with_suffix(".md"), text)
        except OSError as error:
            raise InputError(f"{out}: cannot be written ({error.strerror}); choose another --out") from error


COMMANDS: Mapping[str, Callable[..., None]] = {"from-summary": from_summary, "simulate": simulate}
