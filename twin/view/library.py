"""three.js, which draws the 3D view of the page: the copy that trimesh carries for its own viewer."""

import re
from functools import cache

from corrotwin.twin.core.errors import InputError

_CORE = re.compile(r'<script>(/\*\*\s+\* @license\s.*?"__esModule",\{value:!0\}\)\}\)\);)', re.DOTALL)


@cache
def three_js() -> str:
    """Return three.js as a script that defines `THREE`, its licence at the top.

    Raises
    ------
    InputError
        The installed trimesh carries it in an unknown form.
    """
    import trimesh
    from trimesh.viewer.notebook import scene_to_html

    match = _CORE.search(scene_to_html(trimesh.Scene([trimesh.creation.box()])))
    if match is None or "THREE={}" not in match[1] or "</script" in match[1]:
        raise InputError(
            f"trimesh {trimesh.__version__}: its three.js was not found; install the version in constraints.txt"
        )
    return match[1]
