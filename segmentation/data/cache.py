"""Where the package keeps what can be made again."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """The folder of decoded datasets and extracted archives: CORROTWIN_CACHE, else ``~/.cache/corrotwin``."""
    return Path(os.environ.get("CORROTWIN_CACHE") or "~/.cache/corrotwin").expanduser()
