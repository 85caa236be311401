"""The runs of all fold studies of a screen or transfer: their plan, and their training all at once."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from corrotwin.benchmarks.data import background_fp, external_sets
from corrotwin.benchmarks.study import dispatch, planning, runner
from corrotwin.benchmarks.study.preparation import prepare
from corrotwin.benchmarks.study.sources import RUNS
from corrotwin.benchmarks.transfer.inputs import Inputs
from corrotwin.benchmarks.transfer.layout import FoldStudy, Renders
from corrotwin.benchmarks.transfer.protocol import ProtocolSettings
from corrotwin.twin.core.text import counted

if TYPE_CHECKING:
    from corrotwin.segmentation.config import TrainConfig
    from corrotwin.segmentation.runs import RunRecord

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, eq=False)
class Work:
    """The runs of all fold studies, and the time and disk space that the remaining ones need."""

    plan: planning.StudyPlan
    by_arm: Mapping[str, int]

    def describe(self, out: Path, title: str) -> str:
        """Return the plan in a few lines."""
        plan = self.plan
        blocked = f", {len(plan.blocked)} blocked" if plan.blocked else ""
        total = len(plan.complete) + len(plan.todo) + len(plan.blocked)
        lines = [
            f"{out}: {title}: {counted(total, 'run')}, {len(plan.complete)} complete{blocked}, {len(plan.todo)} to do"
        ]
        lines += [f"  {arm}: {count}" for arm, count in self.by_arm.items()]
        lines += [f"  blocked: {reason}" for reason in plan.blocked.values()]
        return "\n".join([*lines, *([planning.time_line(plan), planning.disk_line(plan)] if plan.todo else [])])


def survey(out: Path, every: Sequence[FoldStudy], address: str | None) -> Work:
    """Find complete and remaining runs of all fold studies; without any run a one-minute probe measures the speed."""
    complete: dict[str, RunRecord] = {}
    todo: dict[str, TrainConfig] = {}
    blocked: dict[str, str] = {}
    by_arm: dict[str, int] = {}
    split = every[0].fold.split
    for fold_study in every:
        label, status = fold_study.folder.relative_to(out), fold_study.run_status()
        split = fold_study.fold.split if status[1] else split  # of the last to do, whose speed the plan asks for
        for runs, of_part in zip((complete, todo, blocked), status, strict=True):
            runs.update({f"{label}/{key}": value for key, value in of_part.items()})  # type: ignore[attr-defined]
        for cell in fold_study.config.cells:
            arm = fold_study.label(cell.arm.name)
            by_arm[arm] = by_arm.get(arm, 0) + cell.runs
    counts = {name: len(getattr(split, name)) for name in ("train", "valid", "test")}
    plan = planning.plan_runs(every[0].config, (complete, todo, blocked), counts, out, address)
    return Work(plan=plan, by_arm=by_arm)


def train(some: Sequence[FoldStudy], work: Work, inputs: Inputs, on_end: Callable[[FoldStudy], None]) -> list[str]:
    """Train the missing runs of fold studies, all at once, and measure them; return the ids of failed runs.

    Parameters
    ----------
    on_end : called with the fold study of each run that has finished or failed.
    """
    by_label = {}
    begun = {}
    for fold_study in some:
        if is_whole(fold_study):
            continue
        label = str(fold_study.folder.relative_to(inputs.out))
        by_label[label] = fold_study
        # prepared with the cells of other parts of the same folder
        study = prepare(fold_study.folder, fold_study.config, fold_study.sources)
        with runner.holding(study):
            begun[label] = runner.begin(study, inputs.address)
    failed: dict[str, str] = {}
    for label, study in begun.items():
        _, _, blocked = study.run_status()
        failed |= {dispatch.labelled(label, key): reason for key, reason in blocked.items()}
    failed |= dispatch.make(
        begun, work.plan, inputs.address, inputs.weights, lambda key: on_end(by_label[key.rpartition("/")[0]])
    )
    for label, study in begun.items():
        start = dispatch.labelled(label, "")
        of_study = {key.removeprefix(start): error for key, error in failed.items() if key.startswith(start)}
        with runner.holding(study):
            runner.write(study, of_study)
        for key, error in of_study.items():
            _log.warning(f"{start}{key} failed: {error}")
    return list(failed)


def is_whole(fold_study: FoldStudy) -> bool:
    """Return whether all runs of a fold study are complete and measured."""
    complete, todo, blocked = fold_study.run_status()
    return not (todo or blocked) and all(
        (fold_study.folder / RUNS / key / background_fp.TABLE).is_file()
        and all(
            external_sets.is_measured(fold_study.folder / RUNS / key, name, other.data.digest)
            for name, other in fold_study.across.items()
        )
        for key in complete
    )


def decode(inputs: Inputs, settings: ProtocolSettings, renders: Iterable[Renders]) -> None:
    """Decode all pictures before anything is claimed, logged or trained."""
    sets = (*inputs.sets, *inputs.external_sets.values())
    pictures = [*(draw for drawn in renders for draw in drawn.draws), *(photos.data for photos in sets)]
    runner.decode(pictures, settings.size)
