"""Location of the cache, which can be deleted at any time."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return the folder of decoded datasets and extracted archives: CORROTWIN_CACHE, else ``~/.cache/corrotwin``."""
    return Path(os.environ.get("CORROTWIN_CACHE") or "~/.cache/corrotwin").expanduser()
