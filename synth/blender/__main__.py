"""Render a batch of scenes: ``python -m corrotwin.synth.blender BATCH PARENT``.

For each view ``view-<index>-labels.npz`` is written beside the batch file, with the arrays of `passes.labels`, and
``view-<index>.npz``, with ``photograph`` (H, W, 3) float16 scene-linear and, if it goes before one of the user's
photographs, ``alpha`` (H, W) float16. Then its index is printed as one line, after lines of progress.
Everything that Blender itself prints goes to stderr. The process ends with the process PARENT.
"""

import os
import sys
from pathlib import Path

from corrotwin.synth.blender import session
from corrotwin.synth.spec import PROGRESS, load


def main() -> None:
    """Render the batch named on the command line."""
    batch_file, parent = Path(sys.argv[1]).resolve(), int(sys.argv[2])
    session.die_with_parent(parent)
    finished = os.fdopen(os.dup(1), "w")  # our own channel to the parent; what Blender prints goes to stderr
    os.dup2(2, 1)

    batch, folder = load(batch_file), batch_file.parent
    bproc = session.load_blenderproc(batch.threads)
    import numpy as np

    from corrotwin.synth.blender import build, passes

    def say(what: str) -> None:
        finished.write(f"{what}\n")
        finished.flush()

    session.start(bproc, folder, batch.threads, batch.device)
    for scene in batch.scenes:
        session.clear(bproc)
        build.build(bproc, scene, folder)
        session.use_every_core()
        say(f"{PROGRESS} built")
        passes.prepare(scene)
        for view, label in zip(scene.views, passes.labels(scene, folder), strict=True):
            np.savez(folder / f"view-{view.index}-labels.npz", **label)
            say(f"{PROGRESS} labels of view {view.index}")
        for view, photograph in zip(scene.views, passes.photographs(scene, folder), strict=True):
            bright = np.minimum(photograph, np.finfo(np.float16).max).astype(np.float16)
            alpha = {"alpha": bright[..., 3]} if bright.shape[-1] == 4 else {}
            np.savez(folder / f"view-{view.index}.npz", photograph=bright[..., :3], **alpha)
            say(str(view.index))


if __name__ == "__main__":
    session.end_after(main)
