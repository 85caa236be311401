"""Compare our renders with those of a documented BlenderProc script, by F1 against core-seconds.

    python -m tools.documented --data steel-bridges painted-steel --out out/documented

The documented script renders for half of its time, then ours for a third of the whole, then the documented script for
the rest, so that a passing load on the machine slows both. Results on disk are not made again: the same command
continues where it was cut off.
"""

from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from corrotwin.twin.core import cli
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.locks import hold
from corrotwin.twin.core.text import say, say_error

SIZE = 224  # picture side in pixels, for both arms


def documented(
    data: Annotated[tuple[Path, ...], arg(help="sets of photos, each with the folders train and valid")],
    out: Annotated[Path, arg(help="folder for renders, runs, scores.csv, scores.md and scores.svg")],
    minutes: Annotated[float, arg(help="core-minutes of the documented script; ours has a third")] = 40.0,
    steps: Annotated[int, arg(help="optimiser steps of each network, a multiple of 10")] = 300,
    seeds: Annotated[int, arg(help="networks for each prefix of each arm")] = 3,
) -> None:
    """Render by both arms, train on what each had after some core-minutes, and score on validation photos."""
    for name, value in (("minutes", minutes), ("steps", steps), ("seeds", seeds)):
        if not value > 0:
            raise InputError(f"--{name} {value} is not above 0")
    if steps % 10:
        raise InputError(f"--steps {steps} is not a multiple of 10")
    sets = {folder.resolve().name: folder.resolve() for folder in data}
    if not sets:
        raise InputError("--data: give at least one set of photos")
    for folder in sets.values():
        for part in ("train", "valid"):
            if not (folder / part).is_dir():
                raise InputError(f"--data {folder}: has no folder {part}")

    from corrotwin.segmentation.data import coco
    from tools import renders_alone
    from tools.documented import rendering, tables
    from tools.documented.rendering import DOCUMENTED, OURS

    documented_seconds = 60 * minutes
    our_seconds = tables.OURS_SHARE * documented_seconds
    out = out.resolve()
    with hold(out, "documented", {"minutes": minutes, "steps": steps, "seeds": seeds, "sets": sorted(sets)}):
        for arm, limit in ((DOCUMENTED, documented_seconds / 2), (OURS, our_seconds), (DOCUMENTED, documented_seconds)):
            progress = rendering.render(arm, out / arm, limit=limit, size=SIZE)
            say_error(f"{arm}: {len(progress.pictures)} pictures in {progress.core_seconds / 60:.1f} core-minutes")
        rows: list[tables.ScoreRow] = []
        for arm in (DOCUMENTED, OURS):
            for number, limit in enumerate(tables.prefixes(arm, documented_seconds)):
                renders = out / "prefixes" / f"{arm}-{number}"
                pictures = rendering.write_prefix(arm, out / arm, limit, renders)
                if not (renders / "annotations.json").exists():
                    say_error(f"{arm}: no rust in the first {limit / 60:.1f} core-minutes")
                    continue
                rendered = coco.read(renders)
                for seed in range(seeds):
                    folder = out / "runs" / f"{arm}-{number}-{seed}"
                    for name, f1 in renders_alone.score(rendered, folder, sets, steps=steps, seed=seed).items():
                        rows.append(
                            tables.ScoreRow(
                                arm=arm, core_seconds=limit, pictures=pictures, seed=seed, photos=name, f1=f1
                            )
                        )
                    tables.write(out, rows, documented_seconds)
    say(tables.table(rows, documented_seconds), end="")


if __name__ == "__main__":
    cli.run_one("python -m tools.documented", documented)
