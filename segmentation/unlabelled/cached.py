"""Folders of the cache that are made once, whole or not at all."""

from collections.abc import Callable
from pathlib import Path

from corrotwin.twin.core.files import remove_left, temporary_folder, writing
from corrotwin.twin.core.locks import one_at_a_time


def made_once(folder: Path, make: Callable[[Path], None]) -> None:
    """Make a folder of the cache, unless it is there; of several processes one makes it, and the others wait.

    Parameters
    ----------
    folder : in the cache, which is made where it is absent.
    make : writes the content into a folder that is not there yet.

    Raises
    ------
    InputError
        The cache cannot be written.
    """
    with writing(folder.parent, "make room, or set CORROTWIN_CACHE elsewhere"):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with one_at_a_time(folder.parent / f".{folder.name}.lock"):
            if not folder.is_dir():
                remove_left(folder)  # of one that was killed
                with temporary_folder(folder) as place:
                    make(place / "content")
                    (place / "content").rename(folder)
