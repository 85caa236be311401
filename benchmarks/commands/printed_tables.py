"""``corrotwin benchmarks from-summary``: Tukey's HSD from printed means and standard deviations."""

from pathlib import Path

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import say


def from_summary(file: Path | None = None, /, *, paper: bool = False) -> None:
    """Compute Tukey's HSD from printed means, standard deviations and numbers of runs.

    Parameters
    ----------
    file
        csv file with the columns group, mean, sd, n and perhaps score (rows of one score make one table). Write numbers
        as they are printed: their last digit shows how far they are rounded.
    paper
        take Table II of the paper, and print its own p-values beside.
    """
    from corrotwin.benchmarks.stats import printed_table

    if (file is None) != paper:
        raise InputError("give a csv file with the columns group, mean, sd, n, or --paper for the paper's own table")
    tables = printed_table.published() if file is None else printed_table.read(file)
    consistent = True
    for score, groups in tables.items():
        pairs = printed_table.compare(groups)
        printed = printed_table.PUBLISHED[score] if paper else {}
        say(f"{score}\n{printed_table.markdown(pairs, printed)}".lstrip())
        consistent &= all(each.agrees(printed[each.pair.first, each.pair.second]) for each in pairs if printed)
    if paper:
        start = "All printed p-values are" if consistent else "Not all printed p-values are"
        say(
            f"{start} consistent, within the rounding of means and SDs, with a test whose samples are the ten run "
            "means. That is no proof of it: pooled images with an SD of 0.2 would give similar values for F1."
        )
