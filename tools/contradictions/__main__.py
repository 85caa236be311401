"""List unlabelled pixels of renders that have the colours of labelled rust, largest regions first.

    .venv/bin/python -m tools.contradictions --out out/contradictions                   # balanced, bridges, painted
    .venv/bin/python -m tools.contradictions bridges --scenes 25 --out out/contradictions

It renders scenes of each preset, one picture per scene, into OUT/renders/<preset>; existing pictures are not rendered
again. The colours of rust are those of labelled pixels of the training photographs in the folder CORROSION_DATA
(steel-bridges for bridges, painted-steel for painted, both for other presets), or without it those of the renders
themselves. A pixel is called rust if its CIELAB colour is three times as frequent in labelled rust as in all else.
Pixels within 2.5 % of the side of a label are left out, and so are regions below 0.04 % of the picture. It writes
contradictions.csv (all), contradictions.md (the first ten of each preset, and all by what they show) and <preset>.png
(the first ten; labels in cyan, the region in magenta).
"""

import argparse
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from corrotwin.segmentation.data import coco
from corrotwin.synth.config import RenderConfig
from corrotwin.synth.presets.schema import Preset
from corrotwin.synth.rendering.dataset import render
from corrotwin.twin.core.errors import InputError, WorkError
from corrotwin.twin.core.text import say
from tools.contradictions import color_model, regions, report
from tools.contradictions.shown import shown

PRESETS = ("balanced", "bridges", "painted")
SETS = {"bridges": ("steel-bridges",), "painted": ("painted-steel",)}
BOTH = ("steel-bridges", "painted-steel")
SIZE, SCENES, MOST_SCENES = 224, 50, 1000


def main() -> None:
    """Render, look for contradictions, and write the report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("presets", nargs="*", metavar="PRESET", help=f"by default {', '.join(PRESETS)}")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="folder for renders and report")
    parser.add_argument("--scenes", type=int, default=SCENES, help=f"a preset, 1 to {MOST_SCENES}; by default {SCENES}")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other scenes")
    arguments = parser.parse_args()
    if not 1 <= arguments.scenes <= MOST_SCENES:
        parser.error(f"--scenes {arguments.scenes}: give 1 to {MOST_SCENES}")
    photos = os.environ.get("CORROSION_DATA")
    try:
        configs = {name: _config(name, arguments.seed) for name in dict.fromkeys(arguments.presets or PRESETS)}
        models = {name: _of_photos(Path(photos), SETS.get(name, BOTH)) for name in configs} if photos else {}
        findings = []
        for name, config in configs.items():
            folder = arguments.out / "renders" / name
            render(folder, config, count=arguments.scenes, workers=1)
            findings.append(look(config, folder, arguments.scenes, models.get(name)))
            report.write(arguments.out, findings)
    except (InputError, WorkError) as error:
        parser.error(str(error))
    say(report.page(findings))


def look(
    config: RenderConfig, folder: Path, scenes: int, model: tuple[str, color_model.ColorModel] | None
) -> report.Findings:
    """Return the contradictions of a folder's first renders, by a model of the renders themselves if none is given.

    Raises
    ------
    InputError
        The folder is damaged, or it shows no rust and there is no model.
    """
    photos = sorted(coco.read(folder, allow_unannotated=True).photos, key=lambda photo: int(photo.id))[:scenes]
    source, colors = model or _fitted(photos, "the renders themselves")
    unlabelled: Counter[str] = Counter()
    contradictions = []
    for photo in photos:
        index = int(photo.id) - 1
        picture, mask = coco.image(photo), np.asarray(coco.mask(photo), dtype=bool)
        things = shown(config, index)
        unlabelled.update(things[~mask].tolist())
        for region in regions.find(colors, picture, mask):
            shares = Counter(things[region.where].tolist()).most_common()
            contradictions.append(
                report.Contradiction(
                    image=index, picture=picture, mask=mask, region=region,
                    shows={thing: count / region.pixels for thing, count in shares},
                )
            )  # fmt: skip
    contradictions.sort(
        key=lambda contradiction: (-contradiction.region.pixels, contradiction.image, contradiction.region.middle)
    )
    return report.Findings(
        name=config.name, model=source, images=len(photos), unlabelled=unlabelled, contradictions=contradictions
    )


def _config(name: str, seed: int) -> RenderConfig:
    """Return a preset with one picture per scene, so that as many pictures show more scenes."""
    return RenderConfig(preset=Preset.like(name, views_per_scene=1), size=SIZE, seed=seed)


def _of_photos(folder: Path, sets: tuple[str, ...]) -> tuple[str, color_model.ColorModel]:
    """Return the model of the training photographs of some sets, with its rates on their validation photographs."""
    photos = [photo for name in sets for photo in coco.read(folder / name).photos]
    training, validation = ([photo for photo in photos if photo.split == split] for split in ("train", "valid"))
    source, model = _fitted(training, f"{len(training)} training photographs of {' and '.join(sets)}")
    called = np.zeros((2, 2))  # rows: all else, rust; columns: pixels, those called rust
    for image, mask in _pictures(validation):
        rust = model.of(image) >= regions.RATIO
        called += [[(~mask).sum(), (rust & ~mask).sum()], [mask.sum(), (rust & mask).sum()]]
    if called[:, 0].all():
        other_share, rust_share = called[:, 1] / called[:, 0]
        source += (
            f" (of {len(validation)} validation photographs {rust_share:.0%} of rust and {other_share:.0%} of all else)"
        )
    return source, model


def _fitted(photos: list[coco.Photo], source: str) -> tuple[str, color_model.ColorModel]:
    try:
        return source, color_model.fit(_pictures(photos))
    except ValueError as error:
        raise InputError(f"{source}: {error}; give CORROSION_DATA, or render more scenes") from error


def _pictures(photos: list[coco.Photo]) -> Iterator[color_model.Labelled]:
    for photo in photos:
        yield coco.image(photo), np.asarray(coco.mask(photo), dtype=bool)


if __name__ == "__main__":
    main()
