"""The loop, end to end: hidden twins are photographed, and masks teach twins that know their geometry and category.

The first command needs no Blender; it writes docs/results/loop.*, the others docs/images/loop.png and
docs/results/loop-predicted.*:

.venv/bin/python -m tools.loop                        # 100 hidden twins, true masks, no Blender: docs/results
.venv/bin/python -m tools.loop --pictures             # one of them rendered by Blender: docs/images/loop.png
.venv/bin/python -m tools.loop --run RUN --count 12   # masks that a run predicts on renders: loop-predicted.*
"""

import argparse
from pathlib import Path

from corrotwin.twin.core import files
from corrotwin.twin.core.console import tracked
from tools.loop.hidden_twins import EYES, ROOT, of_run, outcomes
from tools.loop.scores import report, table

RESULTS, IMAGES = ROOT / "docs" / "results", ROOT / "docs" / "images"
SHOWN = 4  # seed of the twin in the picture


def main() -> None:
    """Write the table, or the picture, that the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--count", type=int, default=100, help="hidden twins")
    parser.add_argument("--pictures", action="store_true", help="draw one by Blender instead")
    parser.add_argument("--run", type=Path, help="folder of a trained run: its masks of renders instead of true ones")
    arguments = parser.parse_args()
    if arguments.pictures:
        from tools.loop.picture import picture

        picture(SHOWN, IMAGES / "loop.png")
        return
    if arguments.run:
        name, (by_eye, quality) = "loop-predicted", of_run(arguments.run, arguments.count)
    else:
        name, quality, by_eye = "loop", "", {eye_name: [] for eye_name in EYES}
        for seed in tracked(range(arguments.count), "hidden twins", arguments.count):
            for eye_name, (eye, errors) in EYES.items():
                by_eye[eye_name] += outcomes(seed, eye, errors=errors)
    files.write_text(RESULTS / f"{name}.md", report(by_eye) + quality)
    files.write_text(RESULTS / f"{name}.csv", table(by_eye))


if __name__ == "__main__":
    main()
