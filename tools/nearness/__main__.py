"""Correlate the domain gap of renders with their worth, over all renders of screens.

    .venv/bin/python -m tools.nearness out/transfer/steel-bridges

Its arguments are the folders of one set, in one or more transfer folders; renders that have been moved or changed since
are left out. For the renders of each screen, it prints how well a random forest tells them from the photographs by
colour and texture (area under the ROC curve), the Fréchet distance of these features (`tools.nearness.domain_gap`), and
the mean over photos of the F1 that renders alone reached. Then it prints the rank correlation (Spearman) of both
measures with F1, over the renders.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from corrotwin.benchmarks.data import photo_groups, scenes
from corrotwin.benchmarks.study import results
from corrotwin.benchmarks.transfer.protocol import RENDERS
from corrotwin.segmentation.data import coco
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import say
from tools.nearness import domain_gap


def main() -> None:
    """Print the table and the correlations."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("sets", nargs="+", type=Path, metavar="FOLDER", help="SET in a transfer folder")
    try:
        rows = sorted(screens(parser.parse_args().sets), key=lambda row: -row[1])
    except InputError as error:
        parser.error(str(error))
    lines = ["| renders | F1 | told from photographs | distance |", "|---|---|---|---|"]
    lines += [f"| {name} | {f1:.3f} | {area:.3f} | {distance:.2f} |" for name, f1, area, distance in rows]
    if len(rows) > 2:
        numbers = np.array([row[1:] for row in rows])
        for measure, column in (("told from photographs", 1), ("distance", 2)):
            correlation = spearmanr(numbers[:, 0], numbers[:, column])
            lines.append(
                f"F1 and {measure}: {correlation.statistic:+.2f} over {len(rows)} renders (p {correlation.pvalue:.2f})"
            )
    say("\n".join(lines))


def screens(sets: Sequence[Path]) -> Iterator[tuple[str, float, float, float]]:
    """Yield the name, F1, area under the curve and distance of the renders of each screen, without repeats.

    Raises
    ------
    InputError
        A folder has no screen, or the photos are damaged.
    """
    digests: set[str] = set()
    photos: dict[Path, domain_gap.ImageSet] = {}
    for folder in sets:
        studies = sorted(folder.glob(f"screen/{RENDERS}-*"))
        if not studies:
            raise InputError(f"{folder}: no screen of renders is here; give SET in a transfer folder")
        for study in studies:
            loaded = results.load(study)
            record = loaded.manifest["renders"]
            scores = [run.f1 for run in loaded.scores if run.arm == RENDERS]
            renders_folder = (loaded.folder / record["folder"]).resolve()
            if not scores or record["digest"] in digests or not renders_folder.exists():
                continue
            renders = coco.read(renders_folder)
            if renders.digest != record["digest"]:
                continue
            digests.add(record["digest"])
            data = loaded.data_folder.resolve()
            if data not in photos:
                real = coco.read(data)
                photos[data] = domain_gap.image_set(real, photo_groups.spots(real) or {})
            render_set = domain_gap.image_set(renders, scenes.group_by_scene(renders) or {})
            gap = domain_gap.compare(photos[data].features, photos[data].groups, render_set.features, render_set.groups)
            if gap is not None:
                yield (
                    f"{renders_folder.name} ({record['digest'][:8]})",
                    float(np.mean(scores)),
                    gap.separation.auc,
                    gap.distance,
                )


if __name__ == "__main__":
    main()
