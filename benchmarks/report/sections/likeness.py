"""The domain gap in section 6: how far the renders are from the photographs."""

import shlex
from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

from corrotwin.benchmarks.data import domain_gap, scenes
from corrotwin.benchmarks.formatting.style import PHOTOS_COLOR, RENDERS_COLOR, Figure
from corrotwin.benchmarks.formatting.table import Column, ReportTable, Row, number_column, text_column
from corrotwin.benchmarks.report.context import Material
from corrotwin.benchmarks.report.document import Block, Text
from corrotwin.benchmarks.report.overlays import Shown, grid
from corrotwin.twin.core.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from corrotwin.segmentation.data.coco import CocoDataset, Photo
    from corrotwin.segmentation.data.splits import Split

BOXES = 6  # features drawn, those that tell most


def blocks(material: Material, split: "Split | None") -> list[Block]:
    """Return samples, what tells them apart, colours, textures and labels; or why nothing was measured."""
    if material.dataset is None or material.renders is None:
        return [Text(text=f"Not measured. {material.photos_absent or material.renders_absent}")]
    from corrotwin.synth.labels import label_statistics

    try:
        photos = domain_gap.image_set(material.dataset, split.group if split else {})
        renders = domain_gap.image_set(material.renders, scenes.group_by_scene(material.renders) or {})
        found = domain_gap.compare(photos.features, photos.groups, renders.features, renders.groups)
        compared = label_statistics.compare(*(_statistics(side.photos) for side in (renders, photos)))
    except InputError as error:
        return [Text(text=f"Not measured: {error}.")]
    shown_blocks: list[Block] = [_samples(material, photos, renders)]
    if found is None:
        shown_blocks.append(
            Text(
                text=f"A classifier needs {2 * domain_gap.FOLDS} spots and scenes; there are fewer. Features are shown."
            )
        )
    else:
        separation = found.separation
        shown_blocks.append(
            Text(
                text=f"A random forest on {len(domain_gap.FEATURES)} features of colour and texture tells a render "
                f"from a photo with an area under the curve of {separation.auc:.3f} (95 % interval "
                f"{separation.low:.3f} to {separation.high:.3f}; 0.5 is chance, 1 is always; photos "
                f"from photos: {found.photos_alone:.3f}), "
                f"cross-validated by spot and scene on {found.photos} photos of {found.photo_groups} spots and "
                f"{found.renders} renders of {found.render_groups} scenes. The Fréchet distance of these features is "
                f"{found.distance:.2f} standard deviations a feature; two halves of the photos are "
                f"{found.distance_alone:.2f} "
                "apart. Simple features are taken since they can be read and need no weights; a network sees more."
            )
        )
    single = found.single if found else {}
    shown_blocks += [_boxes(material, photos, renders, single), _features(material, photos, renders, single)]
    rows = [
        {"what": label_statistics.NAMES[row.name][0], "renders": row.value, "photos": row.reference, "ratio": row.ratio,
         "differs": row.differs, "per_cent": label_statistics.NAMES[row.name][1]}
        for row in compared
    ]  # fmt: skip

    def shown(key: str) -> "Column":
        heading = key.capitalize()
        return Column(
            heading=heading, cell=lambda row: label_statistics.format_value(row[key], per_cent=row["per_cent"])
        )

    shown_blocks.append(
        material.table(
            "labels",
            "How photos and renders are labelled",
            f"{len(photos.photos)} photos and {len(renders.photos)} renders, masks brought to "
            f"{label_statistics.WORKING_SIDE} pixels.",
            (
                text_column("", "what"),
                shown("photos"),
                shown("renders"),
                number_column("Renders / photos", "ratio", ".2f"),
                Column(heading="Differs", cell=lambda row: "yes" if row["differs"] else "no"),
            ),
            rows,
            f"Differs: more than {label_statistics.ALIKE:g} times apart.",
            command=_command(material.renders, material.dataset),
        )
    )
    return shown_blocks


def _command(renders: "CocoDataset", photos: "CocoDataset") -> str:
    chosen = f" --classes {shlex.join(photos.classes)}" if photos.classes else ""
    return f"corrotwin synth validate {renders.folder.name} --against {photos.folder.name}{chosen}"


def _statistics(photos: "Sequence[Photo]") -> Any:
    from corrotwin.segmentation.data import coco
    from corrotwin.synth.labels import label_statistics

    return label_statistics.summarise([label_statistics.measure(coco.mask(photo)) for photo in photos])


def _samples(material: Material, photos: domain_gap.ImageSet, renders: domain_gap.ImageSet) -> Figure:
    from corrotwin.segmentation.data import coco

    shown = []
    for side, what in ((photos, "photo"), (renders, "render")):
        shown += [Shown(photo=photo, title=what) for photo in coco.evenly(side.photos, 4)]
    return grid(
        material, "samples", "Photos and renders",
        "Four photos and four renders, evenly spread over each set, with their labels outlined; not chosen.",
        shown,
    )  # fmt: skip


def _features(
    material: Material, photos: domain_gap.ImageSet, renders: domain_gap.ImageSet, single: Mapping[str, float]
) -> ReportTable:
    rows: list[Row] = []
    for place, (name, title) in enumerate(domain_gap.FEATURES.items()):
        row: dict[str, Any] = {"feature": title}
        for what, side in (("photos", photos), ("renders", renders)):
            low, middle, high = np.quantile(side.features[:, place], [0.25, 0.5, 0.75])
            row |= {f"{what}_quartile1": float(low), f"{what}_median": float(middle), f"{what}_quartile3": float(high)}
        rows.append({**row, "auc": single.get(name)})

    def summary(what: str) -> Column:
        def cell(row: Row) -> str:
            low, middle, high = (row[f"{what}_{key}"] for key in ("quartile1", "median", "quartile3"))
            return f"{middle:.3g} ({low:.3g} to {high:.3g})".replace("-", "−")

        return Column(heading=f"{what.capitalize()}: median (quartiles)", cell=cell)

    return material.table(
        "features",
        "Colour and texture",
        f"{len(photos.photos)} photos and {len(renders.photos)} renders, squeezed to "
        f"{domain_gap.SIDE}×{domain_gap.SIDE} pixels. "
        "The last column is how well each number alone tells renders (1: always more, 0: always less, 0.5: not at "
        "all).",
        (
            text_column("Feature", "feature"),
            summary("photos"),
            summary("renders"),
            number_column("AUC alone", "auc", ".2f"),
        ),
        rows,
    )


def _boxes(
    material: Material, photos: domain_gap.ImageSet, renders: domain_gap.ImageSet, single: Mapping[str, float]
) -> Figure:
    names = list(domain_gap.FEATURES)
    telling = sorted(names, key=lambda name: -abs(single.get(name, 0.5) - 0.5))[:BOXES]

    def draw(drawn: "Canvas") -> None:
        axes = drawn.subplots(3, 2)
        for axis, name in zip(axes.flat, telling, strict=True):
            place = names.index(name)
            for at, (side, color) in enumerate(((photos, PHOTOS_COLOR), (renders, RENDERS_COLOR))):
                axis.boxplot(
                    [side.features[:, place]], positions=[1 - at], widths=0.6, orientation="horizontal",
                    patch_artist=True, manage_ticks=False, showfliers=False,
                    boxprops={"facecolor": color, "alpha": 0.75, "hatch": "" if at == 0 else "///"},
                    medianprops={"color": "black"},
                )  # fmt: skip
            axis.set_yticks([1, 0], ["photos", "renders"], fontsize=8)
            axis.set_ylim(-0.6, 1.6)
            axis.grid(visible=False)
            axis.set_title(fill(domain_gap.FEATURES[name], 26), fontsize=7.5)  # on two lines, where it would be cut

    return material.figure(
        "gap",
        "What tells renders from photos most",
        f"The {BOXES} features that tell most by themselves: quartiles (box), whiskers to 1.5 interquartile ranges; n "
        f"= {len(photos.photos)} photos, {len(renders.photos)} renders.",
        3.9,
        draw,
    )
