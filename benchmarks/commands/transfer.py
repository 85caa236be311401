"""``corrotwin benchmarks transfer``: what renders are worth on photographs of unseen spots."""

import shlex
import sys
from math import inf
from pathlib import Path

from corrotwin.segmentation.config import Adaptation
from corrotwin.twin.core.errors import InputError


def transfer(
    synth: Path,
    data: tuple[Path, ...],
    out: Path = Path("out/transfer"),
    screen: bool = False,
    confirm: bool = False,
    reference: bool = False,
    mixed: bool = False,
    runs: int | None = None,
    folds: int = 5,
    fraction: float = 0.1,
    share: float = 0.5,
    pretrain: float = 0.0,
    adaptation: Adaptation | None = None,
    copy_paste: bool = False,
    render_counts: tuple[int, ...] = (),
    across: tuple[Path, ...] = (),
    clean: Path | None = None,
    seen: tuple[str, ...] = (),
    classes: tuple[str, ...] = (),
    renders_goal: float | None = None,
    steps: int = 1000,
    size: int = 128,
    threads: int = 1,
    seed: int = 0,
    address: str | None = None,
    dry_run: bool = False,
) -> int:
    """Measure what renders are worth on photographs of unseen spots, by one fixed recipe.

    While renders are tuned, --screen trains on them alone and looks at validation photos. --confirm, the default,
    trains all arms in a cross-validation over all photos, opens the test photos, and logs that in the folder. The same
    command goes on where it was cut off; runs without renders serve all renders that are tried in the folder.

    Args:
        synth: folder of the renders to judge, any COCO dataset.
        data: folders of real photos with COCO masks; each may hold spots.csv (file_name, spot). A screen takes one.
        out: the transfer folder.
        screen: the inner loop: renders only, two runs, validation photos; writes the worst photos into the folder.
        confirm: all arms, all photos tested once a run; the default.
        reference: with --screen, train all real photos on the same fold, too; done once for all renders.
        mixed: with --screen, train the small part of the photos, with and without the renders, on the same fold, too;
            with --confirm, leave renders alone, all photos with renders and shuffled masks out, to try another mix.
        runs: of each arm, each in all folds, by default 5; more may be added later. A screen makes two.
        folds: of the cross-validation, by whole spots, dealt anew for each run.
        fraction: the small part of the real training photos.
        share: of renders in each batch of the mixed arms.
        pretrain: part of the steps, at the start of the mixed arms, whose batches are renders only.
        adaptation: of each render in the mixed arms towards a photo: fourier, histogram or colours.
        copy_paste: paste corrosion of one another into the photos of the mixed arms, too.
        render_counts: numbers such as 100 300; the first so many renders are tried too, alone and with the small part.
        across: other real sets, on which every run is measured, too.
        clean: pictures without corrosion, such as `corrotwin synth render --preset clean --seed 1`, for false alarms.
        seen: photos by which the renders were tuned, besides those of screens: patterns of file names such as
            'train/*'. Goals are given again without them.
        classes: names of the categories that count as corrosion, in data and across; by default all.
        renders_goal: share of the all-real score that renders alone should reach, by default 0.95.
        steps: of the optimiser, in every arm.
        size: side of the square that the network sees, pixels.
        threads: CPU threads of a run; as many runs as fit train at a time.
        seed: of the folds and of the first run.
        address: of a Ray cluster to run on, such as auto; without it this machine.
        dry_run: print the plan (runs, hours, disk) and stop; nothing is written and nothing opened.
    """
    from corrotwin.benchmarks.transfer import inputs, runner
    from corrotwin.benchmarks.transfer.protocol import PROOF_RUNS, RENDERS_GOAL, SCREEN_RUNS, Mix, Recipe

    if screen and confirm:
        raise InputError("--screen and --confirm: give one of the two")
    if reference and not screen:
        raise InputError("--reference goes with --screen; --confirm trains all real photos anyhow")
    if mixed and not screen and render_counts:
        raise InputError("--render-counts needs renders alone, which --mixed leaves out; give one of the two")
    if screen and across:
        raise InputError("--screen looks at validation photos of one set alone; --across goes with --confirm")
    if screen and seen:
        raise InputError("--screen shows its photos, whatever tuning has seen; --seen goes with --confirm")
    if screen and render_counts:
        raise InputError("--screen judges one folder of renders; --render-counts goes with --confirm")
    if screen and runs is not None:
        raise InputError(f"--screen makes {SCREEN_RUNS} runs; --runs goes with --confirm")
    if screen and renders_goal is not None:
        raise InputError("--screen holds renders against no goal; --renders-goal goes with --confirm")
    runs = PROOF_RUNS if runs is None else runs
    renders_goal = RENDERS_GOAL if renders_goal is None else renders_goal
    if runs < 1:
        raise InputError(f"--runs {runs} is below 1")
    if not 0 < renders_goal < inf:
        raise InputError(
            f"--renders-goal {renders_goal:g} must be a number above 0; 0.95 is 95 % of the all-real score"
        )
    settings = Recipe(steps=steps, size=size, threads=threads, folds=folds, fraction=fraction, seed=seed)
    mix = Mix(share=share, pretrain=pretrain, adaptation=adaptation, copy_paste=copy_paste)
    if screen and not mixed and mix != Mix():
        how = "--share, --pretrain, --adaptation and --copy-paste"
        raise InputError(f"{how} say how to mix: with --screen give --mixed, too")
    command = shlex.join(["corrotwin", *sys.argv[1:]])
    asked = inputs.read(
        out,
        synth=synth,
        data=data,
        across=across,
        clean=clean,
        seen=seen,
        classes=classes or None,
        counts=render_counts,
        address=address,
        dry_run=dry_run,
    )
    if screen:
        failed = runner.screen(asked, settings, mix if mixed else None, reference=reference)
    else:
        failed = runner.confirm(
            asked, settings, mix, few_only=mixed, runs=runs, renders_goal=renders_goal, command=command
        )
    for name in failed:
        print(f"failed: {name}; the same command tries it again", file=sys.stderr)  # noqa: T201
    return 1 if failed else 0
