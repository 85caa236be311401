"""Make the tables of docs/results from folders of studies and transfers, and compute numbers from them.

python -m tools.result_tables pack out/steel-bridges docs/results/steel-bridges
python -m tools.result_tables unpack docs/results/steel-bridges out/steel-bridges
python -m tools.result_tables transfer out/transfer docs/results/transfer
python -m tools.result_tables compare docs/results/transfer --photos steel-bridges --renders a91988c1
python -m tools.result_tables pool docs/results/across.csv --more out/across-402
"""

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from corrotwin.twin.core.cli import run
from corrotwin.twin.core.text import say, say_error
from tools.result_tables import PHOTOGRAPHS


def pack(folder: Positional[Path], out: Positional[Path]) -> None:
    """Pack a folder of studies into a few text files: all JSON, and one table for each kind of table.

    Parameters
    ----------
    folder
        a study, or a folder with studies below it; it stays as it is.
    out
        the new folder for the tables.
    """
    from tools.result_tables import study

    for name in study.pack(folder, out):
        say_error(f"left out: {name}")
    say(f"{out}: packed; to get the folder back: python -m tools.result_tables unpack {out} FOLDER")


def unpack(tables: Positional[Path], out: Positional[Path]) -> None:
    """Write a packed folder of studies again, byte for byte.

    Parameters
    ----------
    tables
        a folder that pack made.
    out
        the new folder of studies.
    """
    from tools.result_tables import study

    say(f"{out}: {study.unpack(tables, out)} files; next, for a study: corrotwin benchmarks report --out {out}")


def transfer(folder: Positional[Path], out: Positional[Path]) -> None:
    """Write the trainings of a transfer folder and their pixel counts on each photo as tables.

    Parameters
    ----------
    folder
        a transfer folder.
    out
        folder for the tables; tables that are there are replaced.
    """
    from tools.result_tables import transfer

    say(f"{out}: tables of {transfer.write(folder, out)} trainings")


def compare(
    tables: Positional[Path],
    photos: Annotated[str, arg(help="the set of photos, such as steel-bridges")],
    renders: Annotated[str, arg(help="first digits of the digest of the renders")],
    mix: Annotated[str, arg(help="the arm of all photos with renders")] = "mixed50",
    seen: Annotated[tuple[str, ...], arg(help="photos that tuning has seen, such as 'train/*'")] = (),
    spots: Annotated[Path | None, arg(help="table with file_name and spot; by default that of docs/results")] = None,
) -> None:
    """Compute the arms of a transfer, their differences and false alarms from its tables.

    With --seen, these photos, all others of their spots, and the photos of screens are left out.

    Parameters
    ----------
    tables
        folder that transfer made.
    """
    from tools.result_tables import comparison, transfer

    spots = PHOTOGRAPHS / f"{photos}.csv" if spots is None else spots
    counts, elsewhere = transfer.read_counts(tables, photos), transfer.read_elsewhere(tables)
    say(comparison.markdown(counts, elsewhere, spots, renders, mix, seen), end="")


def pool(
    table: Positional[Path],
    more: Annotated[tuple[Path, ...], arg(help="transfer folders whose networks join the table")] = (),
    spots: Annotated[Path, arg(help="folder of a table SET.csv for each set, with file_name and spot")] = PHOTOGRAPHS,
) -> None:
    """Compute the arms of one or more transfer folders and their differences, from a table of all their counts.

    It holds redraws of few photos, measured on all others and on other sets, and networks of --folds 1 on other sets.

    Parameters
    ----------
    table
        the table; folders of --more join it, and it is created if absent.
    """
    from tools.result_tables import pooled

    counts = pooled.read(table) if table.exists() or not more else {}
    for folder in more:
        counts = pooled.joined(counts, pooled.gather(folder))
    text = pooled.markdown(counts, spots)
    if more:
        pooled.write(table, counts)
    say(text, end="")


if __name__ == "__main__":
    run(
        "python -m tools.result_tables",
        "Make the tables of docs/results from folders of studies and transfers, and compute numbers from them.",
        {"pack": pack, "unpack": unpack, "transfer": transfer, "compare": compare, "pool": pool},
    )
