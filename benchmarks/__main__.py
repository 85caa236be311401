"""The command line: ``python -m benchmarks run | report | from-summary | simulate``."""

import time
from pathlib import Path
from typing import Annotated

import tyro

from benchmarks import statistics_commands
from segmentation.config import Profile
from twin import command


def run(
    profile: Profile = "quick",
    data: Path | None = None,
    out: Path | None = None,
    address: str | None = None,
    weights: Path | None = None,
) -> int:
    """Train the four U-Nets on real and on mixed data, test them, and write the report. Resumes what is there.

    Args:
        profile: quick shows in minutes that everything works; small is honest and takes a CPU a night or more; paper is
            as published and wants a GPU.
        data: folder of real photos with COCO masks (a Roboflow export, or one json beside the images); without it a
            rendered stand-in takes their place.
        out: the study's folder; by default out/benchmark/<profile>-<name of the data>.
        address: of a Ray cluster to run on, such as auto; without it this machine.
        weights: folder that `python -m segmentation weights` prepared, for profile paper where there is no internet.
    """
    from benchmarks import report, study

    begun = time.monotonic()
    if out is None:
        out = Path("out/benchmark") / f"{profile}-{data.resolve().name if data else 'standin'}"
    failed = study.run(out, study.STUDIES[profile], data=data, address=address, weights=weights)
    page = report.write(out)
    minutes = (time.monotonic() - begun) / 60
    print(f"{page} ({minutes:.1f} min in all)")  # noqa: T201
    if failed:
        print(f"{len(failed)} runs failed: {', '.join(failed)}; the same command tries them again")  # noqa: T201
    return 1 if failed else 0


def report(out: Annotated[Path, tyro.conf.arg(help="the study's folder")]) -> int:
    """Write the report of a study again from its folder. Exits 1 where runs are missing."""
    from benchmarks import report as page
    from benchmarks.results import load

    print(page.write(out))  # noqa: T201
    return 1 if load(out).missing else 0


if __name__ == "__main__":
    command.run(
        "python -m benchmarks",
        "The published benchmark made again, and the question what rendered images are worth beside real photos.",
        {"run": run, "report": report, **statistics_commands.COMMANDS},
    )
