"""The twins to which incoming readings may belong, by the names of their folders."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from corrotwin.twin import store
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import reading
from corrotwin.twin.fleets.fleet import twins_in
from corrotwin.twin.workbooks.columns import names


class AwayError(InputError):
    """Known twins are missing, for example because their drive is offline; the same call may succeed later."""


@contextmanager
def of_twin(folder: Path) -> Iterator[None]:
    """Turn an InputError into an `AwayError` if its cause is that the folder of the twin is missing."""
    try:
        yield
    except InputError as error:
        if not store.is_twin(folder):
            raise AwayError(
                f"{folder}: the twin is missing; put it back, or check that its drive is connected"
            ) from error
        raise


@dataclass(frozen=True, kw_only=True)
class KnownTwins:
    """A single twin, or a fleet: the twins below a folder."""

    folder: Path
    single: bool

    @property
    def folders(self) -> list[Path]:
        """The current folders of the twins, so that a new twin is found at once.

        Raises
        ------
        AwayError
            All twins of a fleet are missing.
        """
        if self.single:
            return [self.folder]
        try:
            with reading(self.folder):
                return twins_in(self.folder)
        except InputError as error:
            cause = f" ({error.__cause__.strerror})" if isinstance(error.__cause__, OSError) else ""
            raise AwayError(
                f"{self.folder}: its twins are missing{cause}; put them back, or check that its drive is connected"
            ) from error

    def folder_of(self, asset: str) -> Path:
        """Return the folder of the twin named like an asset; case is ignored if no name matches exactly.

        Parameters
        ----------
        asset : asset as readings name it: a folder's name, or its path below the fleet. It may be empty for a single
            twin.

        Raises
        ------
        InputError
            No twin has this name, or several have; or all are missing (`AwayError`).
        """
        if self.single and not asset:
            return self.folder
        if not asset:
            raise InputError("names no asset; name the twin in a column 'asset'")
        names_of = {path: (path.resolve().name, self._path(path)) for path in self.folders}
        exact = [path for path in names_of if asset in names_of[path]]
        matches = exact or [path for path in names_of if asset.casefold() in map(str.casefold, names_of[path])]
        if not matches:
            listed = names(name for name, _ in names_of.values())
            raise InputError(
                f"no twin is called {asset!r:.60}; {self.folder} has {listed}; give the name of its folder"
            )
        if len(matches) > 1:
            paths = names(map(self._path, matches))
            raise InputError(
                f"several twins are called {asset!r:.60}: {paths}; give the path of one, or rename a folder"
            )
        return matches[0]

    def _path(self, path: Path) -> str:
        return path.name if self.single else path.relative_to(self.folder).as_posix()


def known_twins(folder: Path) -> KnownTwins:
    """Return the twin in a folder, or those below it.

    Raises
    ------
    InputError
        There is no twin.
    """
    if store.is_twin(folder):
        return KnownTwins(folder=folder, single=True)
    twins_in(folder)  # raises InputError if there is none
    return KnownTwins(folder=folder, single=False)
