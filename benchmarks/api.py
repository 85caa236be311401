"""The Python API of studies: `study` and the `StudyReport` that it writes."""

from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corrotwin.benchmarks.report import build
from corrotwin.benchmarks.study import results, runner
from corrotwin.benchmarks.study.config import RANDOM, TUNED, choose
from corrotwin.benchmarks.study.preparation import kept_config
from corrotwin.benchmarks.study.results import Results
from corrotwin.benchmarks.study.sources import Sources
from corrotwin.segmentation.api.dataset import Dataset
from corrotwin.segmentation.config import Profile, TrainConfig
from corrotwin.twin.core.arguments import check_fields, checked, one_or_more
from corrotwin.twin.core.errors import InputError, WorkError
from corrotwin.twin.core.text import counted

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["StudyReport", "study"]


class StudyReport:
    """A study on disk: its runs, their scores, and the report that compares them.

    Parameters
    ----------
    folder : folder that `study` or ``corrotwin benchmarks run`` wrote.

    Raises
    ------
    InputError
        The folder holds no study, or its manifest is damaged.
    """

    @checked()
    def __init__(self, folder: str | Path, /) -> None:
        self._results = results.load(Path(folder))

    @property
    def results(self) -> Results:
        """Everything that was loaded from the folder."""
        return self._results

    @property
    def folder(self) -> Path:
        """The study's folder."""
        return self._results.folder

    @property
    def page(self) -> Path:
        """The report, an HTML page."""
        return self.folder / "report" / "index.html"

    @property
    def missing(self) -> dict[str, str]:
        """The runs that are not complete, each with the reason."""
        return dict(self._results.missing)

    def to_frame(self) -> "pd.DataFrame":
        """Return a pandas data frame with one row per complete run.

        Its columns are arm, real_fraction, backbone, run, f1, iou (means over the test photos) and train_minutes.

        Raises
        ------
        InputError
            pandas is not installed.
        """
        if find_spec("pandas") is None:
            raise InputError("a data frame needs pandas; pip install 'corrotwin[study]'")
        import pandas as pd

        return pd.DataFrame([
            {
                "arm": run.arm, "real_fraction": run.real_fraction, "backbone": run.backbone, "run": run.run,
                "f1": float(run.f1.mean()), "iou": float(run.iou.mean()), "train_minutes": run.train_minutes,
            }
            for run in self._results.scores
        ])  # fmt: skip

    def __repr__(self) -> str:
        loaded = self._results
        count, total = len(loaded.runs), len(loaded.grid)
        return (
            f"StudyReport({str(self.folder)!r}, {loaded.config.profile}, {count} of {counted(total, 'run')} complete)"
        )


@checked()
def study(
    photos: Dataset | str | Path | None = None,
    *,
    out: str | Path,
    renders: Dataset | str | Path | None = None,
    renders_per_run: int | None = None,
    profile: Profile = "quick",
    arms: str | Sequence[str] = (),
    render_share: float | None = None,
    real_fractions: float | Sequence[float] = (),
    backbones: str | Sequence[str] = (),
    runs: int | None = None,
    across: str | Path | Sequence[str | Path] = (),
    seed: int = 0,
    threads: int | None = None,
    address: str | None = None,
    weights: str | Path | None = None,
    **settings: Any,
) -> StudyReport:
    """Train U-Nets on photos with and without renders, test them, write the report, and return it.

    Call it again to resume an interrupted study, or with more arms, fractions, backbones or runs to add them.

    Parameters
    ----------
    photos : real photos; a `Dataset` with a split keeps it. By default, rendered images stand in for them.
    out : the study's folder.
    renders : renders to train on, split by whole scenes into one draw per run; by default the profile's are rendered.
    renders_per_run : maximum number of renders in the draw of a run; by default each run gets an equal share.
    profile : quick (a smoke test of minutes), small (a night or more on a CPU) or paper (as published).
    arms : real, mixed, copy-paste, strong, shuffled. By default those of the study in `out`, or the profile's for a
        new study; the same holds for `real_fractions`, `backbones` and `runs`.
    render_share : fraction of each batch that is renders in the arms mixed and shuffled.
    real_fractions : fractions of the real training photos at which each arm is trained, such as 0.1 and 1.
    backbones : encoders of the U-Nets.
    runs : number of runs of each arm, fraction and backbone.
    across : folders of other sets of real photos, on which every run is measured as well.
    seed : seed of the first run; run r has seed + r.
    threads : CPU threads of a run.
    address : address of a Ray cluster, such as auto; by default this machine.
    weights : folder that ``corrotwin segmentation weights`` prepared; an error if all backbones start from
        random weights.
    settings : size, epochs, batch_size, learning_rate, encoder_weights (None: random) in place of the profile's.

    Returns
    -------
    The study, with the scores of all its runs.

    Raises
    ------
    InputError
        A source or setting is unusable, or the folder holds something else.
    WorkError
        Runs failed. The report of the others is written all the same; `StudyReport` reads it.
    """
    if unknown := sorted(set(settings) - set(TUNED)):
        raise InputError(f"`{unknown[0]}`: no such setting; choose from {', '.join(TUNED)}")
    is_random = "encoder_weights" in settings and settings["encoder_weights"] is None
    changes = check_fields(TrainConfig, {name: value for name, value in settings.items() if value is not None})
    changes |= {"encoder_weights": RANDOM} if is_random else {}
    config = choose(
        profile, kinds=one_or_more(arms), real_fractions=one_or_more(real_fractions),
        backbones=one_or_more(backbones), runs=runs, threads=threads, changes=changes, earlier=kept_config(Path(out)),
    )  # fmt: skip
    data = photos.path if isinstance(photos, Dataset) else None if photos is None else Path(photos)
    sources = Sources(
        data=data,
        renders=renders.path if isinstance(renders, Dataset) else None if renders is None else Path(renders),
        renders_per_run=renders_per_run,
        render_share=render_share,
        split=photos.parts if isinstance(photos, Dataset) else None,
        across=tuple(Path(path) for path in one_or_more(across)),
        classes=photos.data.classes if isinstance(photos, Dataset) else None,
    )
    folder = Path(out)
    failed = runner.run(
        folder, replace(config, seed=seed), sources, address=address, weights=None if weights is None else Path(weights)
    )
    page = build.write(folder)
    if failed:
        count, names = counted(len(failed), "run"), ", ".join(failed)
        raise WorkError(f"{folder}: {count} failed ({names}); the same call tries again; {page} has the others")
    return StudyReport(folder)
