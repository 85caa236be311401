"""The twins that incoming readings may be of, by the names of their folders."""

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
    """Twins that were there are not, as when their drive is away; once it is back, the same call may succeed."""


@contextmanager
def of_twin(folder: Path) -> Iterator[None]:
    """Tell what a twin refuses from that its folder is away: the latter is an `AwayError`."""
    try:
        yield
    except InputError as error:
        if not store.is_twin(folder):
            raise AwayError(f"{folder}: the twin is away; put it back, or check that its drive is there") from error
        raise


@dataclass(frozen=True, kw_only=True)
class KnownTwins:
    """A single twin, or the twins below a folder: a fleet."""

    folder: Path
    single: bool

    @property
    def folders(self) -> list[Path]:
        """The folders of the twins, as they are now: a new twin is known at once.

        Raises
        ------
        AwayError
            All of a fleet are away.
        """
        if self.single:
            return [self.folder]
        try:
            with reading(self.folder):
                return twins_in(self.folder)
        except InputError as error:
            cause = f" ({error.__cause__.strerror})" if isinstance(error.__cause__, OSError) else ""
            raise AwayError(
                f"{self.folder}: its twins are away{cause}; put them back, or check that its drive is there"
            ) from error

    def folder_of(self, asset: str) -> Path:
        """Return the folder of the twin that is called like an asset, in capitals or not.

        Parameters
        ----------
        asset : as readings name it: a folder's name, or its path below the fleet. Empty where they name none, which is
            enough for a single twin.

        Raises
        ------
        InputError
            No twin is called so, or several are; or all are away (`AwayError`).
        """
        if self.single and not asset:
            return self.folder
        if not asset:
            raise InputError("says of no asset that it is its; name the twin in a column 'asset'")
        called = {path: (path.resolve().name, self._path(path)) for path in self.folders}
        exact = [path for path in called if asset in called[path]]
        alike = exact or [path for path in called if asset.casefold() in map(str.casefold, called[path])]
        if not alike:
            there = names(name for name, _ in called.values())
            raise InputError(
                f"no twin is called {asset!r:.60}; {self.folder} has {there}; name it as its folder is called"
            )
        if len(alike) > 1:
            paths = names(map(self._path, alike))
            raise InputError(
                f"several twins are called {asset!r:.60}: {paths}; name one by its path, or rename a folder"
            )
        return alike[0]

    def _path(self, path: Path) -> str:
        return path.name if self.single else path.relative_to(self.folder).as_posix()


def known_twins(folder: Path) -> KnownTwins:
    """Return the twin in a folder, or those below it.

    Raises
    ------
    InputError
        There is none.
    """
    if store.is_twin(folder):
        return KnownTwins(folder=folder, single=True)
    twins_in(folder)  # refuses a folder without any
    return KnownTwins(folder=folder, single=False)
