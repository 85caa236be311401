"""Try a Blender device with a picture of a few pixels: ``python -m corrotwin.synth.blender.probe DEVICE PARENT``.

Exit status 0 if it renders; else the last line on stderr says why not.
"""

import os
import sys
import tempfile
from pathlib import Path

from corrotwin.synth.blender import session


def main() -> None:
    """Render a cube in 32 x 32 pixels on the device named on the command line."""
    device, parent = sys.argv[1], int(sys.argv[2])
    os.dup2(2, 1)
    session.die_with_parent(parent)
    bproc = session.load_blenderproc()
    import bpy
    import numpy as np

    with tempfile.TemporaryDirectory() as name:
        session.start(bproc, Path(name), 1, device)
        bproc.object.create_primitive("CUBE", size=1)
        bproc.camera.set_resolution(32, 32)
        bproc.camera.add_camera_pose(np.array([[1, 0, 0, 0], [0, 0, -1, -4], [0, 1, 0, 0], [0, 0, 0, 1.0]]), 0)
        bpy.context.scene.cycles.samples = 2
        bpy.context.scene.frame_set(0)
        bpy.ops.render.render()


if __name__ == "__main__":
    session.end_after(main)
