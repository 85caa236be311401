"""``corrotwin segmentation split``: divide photos into training, validation and test parts."""

from pathlib import Path
from typing import Literal

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import say, say_next


def split(
    *,
    data: Path,
    out: Path,
    how: Literal["grouped", "published", "own"] = "grouped",
    by: tuple[Literal["names", "hash", "column"], ...] = (),
    groups_file: Path | None = None,
    column: str = "spot",
    seed: int = 0,
) -> None:
    """Write a split for the --split option of train, and report leakage from training into validation and test.

    Parameters
    ----------
    data
        folder of real photos: a Roboflow COCO export, or one COCO json and its images.
    out
        JSON file to write; a file with other content is never overwritten.
    how
        grouped (70/15/15 by whole groups), published (70/15/15 photo by photo) or own (the export's folders).
    by
        how to group photos: names (Roboflow's copies of one photo), hash (photos that look alike), column (of
        --groups-file); several groupings are merged. By default column if --groups-file is given or DATA has a
        spots.csv, else names and hash.
    groups_file
        CSV file with one row per photo: file_name, optionally split, and the column. By default, without --by,
        spots.csv in DATA if there is one.
    column
        column of --groups-file that holds the group of each photo.
    seed
        seed of the random split.
    """
    ways = by or (("column",) if groups_file is not None else ("names", "hash"))
    if ("column" in ways) != (groups_file is not None):
        raise InputError("--by column and --groups-file go together; give both or neither")

    from corrotwin.segmentation.data import coco, groups, leakage, splits

    real = coco.read(data)
    own_table = None if by or groups_file is not None else groups.own_table(real)
    if own_table is not None:
        groups_file, column, ways = own_table, groups.SPOT, ("column",)
    inside = real.inside if own_table is not None else None
    groupings = groups.in_ways(real, ways, table=groups_file, column=column, inside=inside)
    renamed = 0 if groups_file is None else groups.renamed_by_roboflow(groups_file, real, column)
    new_split = splits.split(real, how=how, seed=seed, groups=groups.join(*groupings.values()))
    report = leakage.report(real, new_split)
    splits.save(new_split, out)
    if own_table is not None:
        say(f"{groups_file}: photos with equal values of {column} stay together")
    if renamed:
        say(f"{groups_file}: {renamed} of {len(real.photos)} photos matched by their names before Roboflow's")
    counts = f"{len(new_split.train)} train, {len(new_split.valid)} validation, {len(new_split.test)} test photos"
    say(f"{out}: {counts}\n{leakage.agreement(groupings)}\n{leakage.markdown(report)}", end="")
    say_next("segmentation", "train", "--data", data, "--split", out, "--out", "out/run")
