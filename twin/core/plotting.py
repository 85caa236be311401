"""Draw figures into files on any machine; matplotlib itself is imported where it is used."""

import importlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


def import_matplotlib() -> None:
    """Import matplotlib, also where MPLBACKEND names a backend that is not installed: no figure here needs one.

    A shell that a notebook has started passes on the notebook's backend, without which ``import matplotlib`` fails.
    Nothing is printed where matplotlib may not write to the home directory: it takes a temporary folder.
    """
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    try:
        importlib.import_module("matplotlib")
    except ValueError:
        os.environ.pop("MPLBACKEND", None)
        for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
            del sys.modules[name]  # half of it was imported
        importlib.import_module("matplotlib")


@contextmanager
def without_glyph_warnings() -> Iterator[None]:
    """Draw within the block without a warning for each letter that the font lacks; it is drawn as a box."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .*missing from font", UserWarning)
        yield
