"""Error analysis on photos that may be looked at: outlines on the worst, and numbers that point to causes.

Everything is written beside the study of a screen, so that photos stay with the user's data.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from corrotwin.benchmarks.data import background_fp
from corrotwin.benchmarks.formatting.wording import plain_number
from corrotwin.benchmarks.report.overlays import legend, outlined
from corrotwin.benchmarks.stats import subgroups
from corrotwin.benchmarks.stats.crossed_effects import FloatArray
from corrotwin.benchmarks.transfer.layout import Photos
from corrotwin.twin.core import tables
from corrotwin.twin.core.files import atomic_file
from corrotwin.twin.core.plotting import import_matplotlib, without_glyph_warnings
from corrotwin.twin.core.text import escape_csv, escape_mathtext

if TYPE_CHECKING:
    from corrotwin.segmentation.runs import PerImage

WORST, COLUMNS = 24, 4
SHEET, TABLE = "worst.png", "photos.csv"
_TOGETHER = ", all real "  # between a number and that of the model of all real photos
COLUMNS_OF_TABLE = (
    "image", "spot", "f1", "precision", "recall", "all_rust_f1", "false_alarm_share", "share", "region", "brightness",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class PhotoErrors:
    """Scores and properties by photo, (photos,) arrays; means over the runs, NaN where one is undefined.

    `precision` and `recall` are undefined where nothing was called, or is, corrosion. `false_alarms` is the share of
    the pixels far from every mask that were called corrosion. `missed` and `invented` are pixels: false negatives and
    false positives, (photos,) sums over the runs.
    """

    images: tuple[str, ...]
    units: tuple[str, ...]
    f1: FloatArray
    by_run: FloatArray
    precision: FloatArray
    recall: FloatArray
    missed: npt.NDArray[np.int64]
    invented: npt.NDArray[np.int64]
    all_rust: FloatArray
    false_alarms: FloatArray
    properties: Mapping[str, FloatArray]


def photo_errors(
    photos: Photos, tables: Sequence["PerImage"], alarms: Sequence[FloatArray], all_rust: FloatArray
) -> PhotoErrors:
    """Combine the tables of runs on the same photos, by photo.

    Parameters
    ----------
    tables : pixel counts of each run.
    alarms : false alarms of each run, from `benchmarks.data.background_fp.shares`.
    all_rust : F1 of the prediction that calls everything corrosion.
    """
    from corrotwin.segmentation.evaluation import evaluate

    names = tables[0].image
    known = {photo.file_name: photo for photo in photos.data.photos}
    properties = [subgroups.describe(known[name]) for name in names]
    f1 = np.array([evaluate.scores(table.tp, table.fp, table.fn, table.tn)[0] for table in tables])
    precision = np.array([rate(table.tp, table.fp) for table in tables])
    recall = np.array([rate(table.tp, table.fn) for table in tables])
    return PhotoErrors(
        images=names,
        units=tuple(photos.spots[name] for name in names),
        f1=f1.mean(axis=0),
        by_run=f1,
        precision=_mean(precision),
        recall=_mean(recall),
        missed=np.sum([table.fn for table in tables], axis=0),
        invented=np.sum([table.fp for table in tables], axis=0),
        all_rust=all_rust,
        false_alarms=_mean(np.array(alarms)),
        properties={key: np.array([values[key] for values in properties]) for key in subgroups.PROPERTIES},
    )


def rate(part: npt.NDArray[np.int64], rest: npt.NDArray[np.int64]) -> FloatArray:
    """Return precision (of tp, fp) or recall (of tp, fn); NaN where nothing was called, or is, corrosion."""
    total = part + rest
    share: FloatArray = np.where(total > 0, part / np.maximum(total, 1), np.nan)
    return share


def _mean(rows: FloatArray) -> FloatArray:
    """Return the (photos,) means over the runs that have a value; NaN if none has."""
    known = np.isfinite(rows)
    count = known.sum(axis=0)
    means: FloatArray = np.where(count > 0, np.where(known, rows, 0).sum(axis=0) / np.maximum(count, 1), np.nan)
    return means


def describe(errors: PhotoErrors, beside: PhotoErrors | None = None) -> str:
    """Return a few lines: precision and recall, F1 by quarters of the properties of photos, false alarms.

    Parameters
    ----------
    beside : errors of the model that saw all real photos, on the same photos: its number then follows each number,
        which shows where the two models differ.
    """
    both = [errors] if beside is None else [errors, beside]

    def pair(number: Callable[[PhotoErrors], str]) -> str:
        return _TOGETHER.join(map(number, both))

    precision, recall = pair(lambda model: _of(model.precision)), pair(lambda model: _of(model.recall))
    lines = [f"precision {precision}; recall {recall} (means over photos){_tendency(errors)}"]
    for key, shown in subgroups.PROPERTIES.items():
        parts = []
        quarters = [subgroups.by_quarter(model.by_run, errors.properties[key], errors.units) for model in both]
        for of_each in zip(*quarters, strict=True):
            first = of_each[0]
            floor, ceiling = (plain_number(shown.scale * end) for end in (first.floor, first.ceiling))
            ends = f"{floor} to {ceiling}{shown.unit and ' '}{shown.unit}"
            values = _TOGETHER.join(f"{quarter.difference:.3f}" for quarter in of_each)
            parts.append(f"{ends}: {values} ({first.photos})")
        lines.append(f"F1 by {shown.name[0].lower()}{shown.name[1:]} (photos): " + "; ".join(parts))
    little = errors.properties["share"] <= np.quantile(errors.properties["share"], 0.25)
    lines.append(
        f"false alarms, share of pixels farther than {100 * background_fp.CLEAR:g} % of the side from every mask: "
        f"{pair(lambda model: _percent(model.false_alarms))} of all photos; "
        f"{pair(lambda model: _percent(model.false_alarms[little]))} of the quarter with least rust"
    )
    return "\n".join(lines)


def _tendency(errors: PhotoErrors) -> str:
    """Return which of the two errors has more pixels; a model that calls nothing has no precision, but misses all."""
    missed, invented = int(errors.missed.sum()), int(errors.invented.sum())
    if missed == invented:
        return ""
    more = "misses more than it invents" if missed > invented else "invents more than it misses"
    return f"; by pixels of all photos, it {more}"


def _of(values: FloatArray) -> str:
    known = values[np.isfinite(values)]
    return f"{known.mean():.3f}" if known.size else "unknown"


def _percent(values: FloatArray) -> str:
    known = values[np.isfinite(values)]
    return f"{100 * known.mean():.1f} %" if known.size else "unknown"


def write_table(path: Path, errors: PhotoErrors) -> None:
    """Write all numbers by photo, the worst first."""
    order = np.argsort(errors.f1, kind="stable")
    columns: list[Any] = [
        errors.images, errors.units, errors.f1, errors.precision, errors.recall, errors.all_rust, errors.false_alarms,
        *(errors.properties[key] for key in subgroups.PROPERTIES),
    ]  # fmt: skip
    rows = ([_cell(column[index]) for column in columns] for index in order.tolist())
    tables.write_own(path, COLUMNS_OF_TABLE, rows)


def _cell(value: object) -> object:
    return escape_csv(value) if isinstance(value, str) else round(float(value), 5)  # type: ignore[arg-type]


def sheet(path: Path, photos: Photos, errors: PhotoErrors, run: Path, title: str) -> None:
    """Draw the worst photos with truth and prediction of one run outlined, worst first."""
    import_matplotlib()
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from corrotwin.benchmarks.formatting.style import STYLE
    from corrotwin.segmentation.evaluation import evaluate

    known = {photo.file_name: photo for photo in photos.data.photos}
    worst = np.argsort(errors.f1, kind="stable")[:WORST].tolist()
    chosen = [known[errors.images[index]] for index in worst]
    masks = evaluate.predict_masks(run, chosen)
    rows = -(-len(chosen) // COLUMNS)
    with mpl.rc_context(STYLE), without_glyph_warnings():
        figure = Figure(figsize=(3 * COLUMNS, 3.3 * rows + 0.8), layout="constrained")
        FigureCanvasAgg(figure)
        figure.supxlabel(escape_mathtext(title), fontsize=9, x=0.01, ha="left")
        axes = figure.subplots(rows, COLUMNS, squeeze=False)
        for axis in axes.flat:
            axis.set_axis_off()
        for axis, index, photo, mask in zip(axes.flat, worst, chosen, masks, strict=False):
            text = (
                f"{Path(photo.file_name).name[:28]}: F1 {errors.f1[index]:.2f}\n"
                f"P {errors.precision[index]:.2f}, R {errors.recall[index]:.2f}, rust "
                f"{100 * errors.properties['share'][index]:.1f} %"
            )
            axis.imshow(outlined(photo, mask))
            axis.set_title(escape_mathtext(text), fontsize=7.5, fontweight="normal", loc="center", pad=2)
        legend(figure)
        with atomic_file(path) as stream:
            figure.savefig(stream, format="png", dpi=110)
