"""three.js, which draws the page's 3D: the copy that trimesh carries for its own viewer."""

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
        The trimesh that is installed carries it in a form that is not known here.
    """
    import trimesh
    from trimesh.viewer.notebook import scene_to_html

    found = _CORE.search(scene_to_html(trimesh.Scene([trimesh.creation.box()])))
    if found is None or "THREE={}" not in found[1] or "</script" in found[1]:
        raise InputError(
            f"trimesh {trimesh.__version__}: its three.js was not found; install the version in constraints.txt"
        )
    return found[1]
