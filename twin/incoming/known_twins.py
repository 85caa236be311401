"""The twins that incoming readings may be of, by the names of their folders."""

from dataclasses import dataclass
from pathlib import Path

from corrotwin.twin import store
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import reading
from corrotwin.twin.workbooks.columns import names


@dataclass(frozen=True, kw_only=True)
class KnownTwins:
    """A single twin, or the twins whose folders lie in a folder: a fleet."""

    folder: Path
    single: bool

    @property
    def folders(self) -> dict[str, Path]:
        """The folder of each twin by its name, as they are now: a new twin is known at once."""
        if self.single:
            return {self.folder.resolve().name: self.folder}
        with reading(self.folder):
            return {path.name: path for path in sorted(self.folder.iterdir()) if (path / "twin.json").is_file()}

    def folder_of(self, asset: str) -> Path:
        """Return the folder of the twin that is called like an asset, in capitals or not.

        Parameters
        ----------
        asset : as readings name it; empty where they name none, which is enough for a single twin.

        Raises
        ------
        InputError
            No twin is called so, or several are.
        """
        folders = self.folders
        if self.single and not asset:
            return self.folder
        if not asset:
            raise InputError("says of no asset that it is its; name the twin in a column 'asset'")
        if asset in folders:
            return folders[asset]
        alike = [name for name in folders if name.casefold() == asset.casefold()]
        if len(alike) != 1:
            raise InputError(
                f"no twin is called {asset!r:.60}; {self.folder} has {names(alike or folders)}; name it as its folder "
                "is called"
            )
        return folders[alike[0]]


def known_twins(folder: Path) -> KnownTwins:
    """Return the twin in a folder, or those in the folders in it.

    Raises
    ------
    InputError
        There is none.
    """
    if store.is_twin(folder):
        return KnownTwins(folder=folder, single=True)
    found = KnownTwins(folder=folder, single=False)
    if not found.folders:
        raise InputError(f"{folder}: holds no twin, and none of its folders does; corrotwin twin new makes one")
    return found
