"""Location of the cache, which can be deleted at any time but while a program uses it."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return the folder of decoded datasets, archives and meshes: CORROTWIN_CACHE, else ``~/.cache/corrotwin``."""
    return Path(os.environ.get("CORROTWIN_CACHE") or "~/.cache/corrotwin").expanduser()
