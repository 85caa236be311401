"""A folder of studies packed into a few text files, and unpacked to the same bytes.

A study consists of two to five small files per run. When it is packed, all JSON files become lines of `DOCUMENTS`, and
all tables of one name become one table. Its first column, `run`, is the folder of the run that a row comes from.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from corrotwin.benchmarks.study.sources import RUNS
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import parsed, read_json, read_text, temporary_folder, write_json, write_text

DOCUMENTS = "documents.jsonl"
COLUMN = "run"
JOINT = "--"  # between the parts of a table's path below its run: across--painted-steel.csv


def pack(folder: Path, out: Path) -> tuple[str, ...]:
    """Pack the JSON files and the runs' tables of a folder of studies; everything else is left out.

    Parameters
    ----------
    folder : a study, or a folder with studies below it.
    out : the new folder for the tables.

    Returns
    -------
    Paths of the files that are not in the tables, relative to `folder`: weights, figures, pages.

    Raises
    ------
    InputError
        There is no run in `folder`, something is at `out`, or a file cannot be read or is not in our format.
    """
    tables: dict[str, list[str]] = {}
    documents: list[str] = []
    left_out: list[str] = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder)
        run = _run(name)
        if path.suffix == ".json":
            content = read_json(path, inside=folder)
            documents.append(json.dumps({"path": name.as_posix(), "content": content}, separators=(",", ":")))
        elif run is not None and path.suffix == ".csv":
            header, *rows = read_text(path, inside=folder).splitlines()
            table = tables.setdefault(JOINT.join(name.relative_to(run).parts), [f"{COLUMN},{header}"])
            if table[0] != f"{COLUMN},{header}":
                raise InputError(f"{path}: has other columns than those of other runs; pack the studies one by one")
            table += [f"{run.as_posix()},{row}" for row in rows]
        else:
            left_out.append(name.as_posix())
    if not tables:
        raise InputError(f"{folder}: no run with tables is here; give the folder of a study, or one with studies in it")
    files = {DOCUMENTS: documents, **tables}
    _write(out, {name: "\n".join(lines) + "\n" for name, lines in files.items()})
    return tuple(left_out)


def unpack(tables: Path, out: Path) -> int:
    """Write the folder that was packed, each file with its original bytes.

    Returns
    -------
    The number of files.

    Raises
    ------
    InputError
        There are no packed studies in `tables`, something is at `out`, or a file is damaged.
    """
    if not (tables / DOCUMENTS).is_file():
        raise InputError(f"{tables}: no {DOCUMENTS}; give a folder that was packed")
    files: dict[str, Any] = {}
    for number, line in enumerate(_lines(tables / DOCUMENTS), 1):
        try:
            document = parsed(line)
            files[_inside(document["path"])] = document["content"]
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(f"{tables / DOCUMENTS}: line {number}: damaged ({error}); get the file again") from error
    for path in sorted(tables.glob("*.csv")):
        header, *rows = _lines(path)
        columns = header.removeprefix(f"{COLUMN},")
        if columns == header:
            continue  # not a packed table
        lines_by_run: dict[str, list[str]] = {}
        for row in rows:
            run, _, cells = row.partition(",")
            lines_by_run.setdefault(run, [columns]).append(cells)
        for run, lines in lines_by_run.items():
            files[_inside("/".join([run, *path.name.split(JOINT)]))] = "\n".join(lines) + "\n"
    _write(out, files)
    return len(files)


def _run(name: Path) -> Path | None:
    """Return the folder of the run that a file belongs to; None for a file of the study itself."""
    indices = [index for index, part in enumerate(name.parts[:-2]) if part == RUNS]
    return Path(*name.parts[: indices[-1] + 2]) if indices else None


def _lines(path: Path) -> list[str]:
    try:
        return read_text(path, inside=path.parent).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); get the file again") from error


def _inside(name: str) -> str:
    """Return a path of a packed file; InputError if it leads out of the folder."""
    path = Path(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise InputError(f"{name!r}: a path out of the folder; get the packed files again")
    return path.as_posix()


def _write(out: Path, files: Mapping[str, Any]) -> None:
    """Write texts and JSON values as the files of a new folder, all or none."""
    if out.exists():
        raise InputError(f"{out}: already exists; delete it or choose another folder")
    out.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(out) as folder:
        for name, content in files.items():
            (write_text if isinstance(content, str) else write_json)(folder / "new" / name, content)
        (folder / "new").rename(out)
