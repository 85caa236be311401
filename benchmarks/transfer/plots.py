"""Figure of the arms of a transfer folder: F1 of each run beside the score that its arm should reach."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from corrotwin.benchmarks.formatting.style import KIND_COLORS, KIND_MARKERS, Figure, name_rows
from corrotwin.benchmarks.formatting.wording import percent, render_share, span
from corrotwin.benchmarks.stats.crossed_effects import run_means
from corrotwin.benchmarks.transfer.protocol import (
    FIRST,
    FITTED,
    MIXED,
    OTHER_STEPS,
    RENDERS,
    SHUFFLED,
    Mix,
    ProtocolSettings,
)
from corrotwin.benchmarks.transfer.targets import ArmResults

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

ALONE = "#7a4fa3"  # of renders without photos


def ladder(name: str, results: ArmResults, about: str, settings: ProtocolSettings) -> Figure:
    """Draw each arm as a line: its runs, their mean, and its target.

    Parameters
    ----------
    name : name of the files.
    about : sentence on the photos and their number.
    """
    rows = list(_rows(results.arms, settings))
    runs = span([len(values) for values in results.arms.values()])
    caption = (
        f"Each dash is a run ({runs} an arm), each marker the mean of its arm, each hollow diamond what it should "
        f"reach. Dashed: all photos, and {percent(settings.real_fraction)} of them, without renders."
    )

    def draw(canvas: "Canvas") -> None:
        axis = canvas.subplots()
        for arm in ("real", f"real{settings.small}"):
            if arm in results.arms:
                axis.axvline(run_means(results.arms[arm]).mean(), color="#8a949e", lw=1, linestyle="--")
        for place, (arm, kind, _) in enumerate(rows):
            color = KIND_COLORS.get(kind, ALONE)
            means = run_means(results.arms[arm])
            mean = means.mean()
            if arm in results.wanted:
                axis.plot([results.wanted[arm]], [place], "D", color=color, ms=7, mfc="white", mew=1.3)
            axis.plot(means, np.full(means.shape, place), "|", color=color, ms=13)
            axis.plot([mean], [place], KIND_MARKERS.get(kind, "v"), color=color, ms=6.5)
            axis.annotate(f"{mean:.3f}", (1.0, place), xycoords=axis.get_yaxis_transform(), xytext=(4, 0),
                          textcoords="offset points", va="center", fontsize=8.5, annotation_clip=False)  # fmt: skip
        name_rows(
            axis, [(place, label) for place, (_, _, label) in enumerate(rows)], "per-image F1, higher is better"
        )  # fmt: skip
        axis.set_ylim(len(rows) - 0.5, -0.5)

    return Figure(
        name=name,
        title="What renders are worth",
        caption=caption,
        foot=f"{about} {caption}",
        height_in=1.0 + 0.3 * len(rows),
        draw=draw,
    )


def _rows(arms: Iterable[str], settings: ProtocolSettings) -> Iterator[tuple[str, str, str]]:
    """Yield each arm, its kind and its label: with no photo, with few, with all."""
    none = [arm for arm in arms if arm.partition(FIRST)[0] == RENDERS]
    few = [arm for arm in arms if settings.small in arm.partition(FIRST)[0]]
    for arm in (*none, *few, *(arm for arm in arms if arm not in {*few, *none})):
        whole, first, many = arm.partition(FIRST)
        kind, _, steps = whole.partition(settings.small)
        photos = percent(settings.real_fraction) if arm in few else "all"
        label = f"{photos} + {kind}"
        if kind == RENDERS:
            label = "renders, no photo"
        elif whole == settings.labelled:
            kind, label = "real", f"{percent(settings.real_fraction + settings.unlabelled)} photos"
        elif kind == "real":
            label = f"{photos} photos" + (f", {steps[1:].removesuffix(OTHER_STEPS)} steps" if steps else "")
        elif kind.startswith(SHUFFLED):
            kind, label = "shuffled", f"{photos} + shuffled masks"
        elif kind.startswith(FITTED):
            kind, label = "mixed", f"{photos} + renders of a fitted preset"
        elif kind.startswith(MIXED):
            kind, label = "mixed", f"{photos} + {render_share(Mix().render_share)}" if kind == Mix().name else label
        yield arm, kind, f"{label}{first}{many}"
