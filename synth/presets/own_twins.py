"""The user's own assets among the `kinds` of a preset, given as folders of saved twins.

A resolved preset names them as ``/path/to/folder#0123456789abcdef``, with a digest of kind and parameters, which for a
mesh include its geometry: a twin may grow before a dataset is resumed, but its asset may not change.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from corrotwin.synth.presets.own_files import MOST_FILES, kept, naming, path_of, place
from corrotwin.synth.presets.schema import KINDS, SUITS
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import digest
from corrotwin.twin.meshes import mesh_file

FIELD = "kinds"  # name of the field, for errors
DRAWN_ONLY = ("deck",)  # arrangements that set the dimensions of their subject
OF_MESHES = ("yard",)  # arrangements that take meshes


@dataclass(frozen=True, kw_only=True)
class OwnAsset:
    """The asset of a saved twin: kind and parameters, as `twin.assets.build` accepts them, and their digest."""

    kind: str
    parameters: Mapping[str, Any]
    digest: str


def resolved(words: tuple[str, ...], folder: Path) -> tuple[str, ...]:
    """Return a preset's entries for kinds with each of the user's own assets given by its folder and digest.

    Parameters
    ----------
    words : names of built-in kinds, folders of saved twins, or entries that this function returned.
    folder : folder to which relative paths refer.

    Raises
    ------
    InputError
        A word is none of these, a folder holds no twin or a damaged one, or the asset of a resolved one has changed.
    """
    with naming(FIELD):
        return tuple(word if word in KINDS else _resolved(word, folder) for word in words)


def _resolved(word: str, folder: Path) -> str:
    if (known := path_of(word)) is not None:
        _kept(known, word)
        return word
    path = place(word, folder)
    if not path.is_dir():
        raise InputError(f"{word!r}: choose from {', '.join(KINDS)}, or give the folder of a saved twin")
    return f"{path}#{_of(path).digest}"


def asset_of(word: str) -> OwnAsset | None:
    """Return the asset of an entry of a resolved preset; None for built-in kinds.

    Raises
    ------
    InputError
        The folder holds no twin, a damaged one, or one whose asset has changed since the preset was resolved.
    """
    path = path_of(word)
    if path is None:
        return None
    with naming(FIELD):
        return _kept(path, word)


def _kept(path: Path, word: str) -> OwnAsset:
    """Return the asset in a folder; raise LostFileError if its digest is not the one in the entry."""
    with kept():
        asset = _of(path)
        if not word.endswith(f"#{asset.digest}"):
            raise InputError(f"{path}: its asset has changed since this preset was made; give another `out`")
    return asset


def suits(arrangement: str, word: str) -> bool:
    """Return whether a subject, given as an entry of a preset, may stand in an arrangement."""
    asset = asset_of(word)
    if asset is None:
        return word in SUITS[arrangement]
    if asset.kind == mesh_file.KIND:
        return arrangement in OF_MESHES
    return asset.kind in SUITS[arrangement] and arrangement not in DRAWN_ONLY


def names(words: tuple[str, ...]) -> dict[str, str]:
    """Return a unique name for each of the user's own assets: its folder's, after as many parent folders as needed."""
    paths = {word: path for word in words if (path := path_of(word)) is not None}
    unique: dict[str, str] = {}
    length = 1
    while len(unique) < len(paths):
        tails = {word: "/".join(path.parts[-length:]) for word, path in paths.items()}
        count = Counter(tails.values())
        is_full = max(len(path.parts) for path in paths.values()) < length  # one folder whose asset has two digests
        new = {word: name for word, name in tails.items() if (count[name] == 1 and name not in KINDS) or is_full}
        unique = {**new, **unique}
        length += 1
    return unique


def described(word: str, words: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    """Return the kind of a subject and, for one of the user's own assets, its name in a dict with the key ``asset``."""
    asset = asset_of(word)
    return (word, {}) if asset is None else (asset.kind, {"asset": names(words)[word]})


def _of(folder: Path) -> OwnAsset:
    """Return the asset of the twin in a folder."""
    twin = folder / "twin.json"
    return _read(folder, twin.stat().st_mtime_ns if twin.is_file() else 0)


@lru_cache(maxsize=MOST_FILES)
def _read(folder: Path, _: int) -> OwnAsset:
    """Read the asset of the twin in a folder; reread only if the modification time of twin.json differs."""
    from corrotwin.twin import store

    twin = store.asset_of(folder)
    stated = digest({"kind": twin.kind, "parameters": store.plain_parameters(twin)})
    return OwnAsset(kind=twin.kind, parameters=dict(twin.parameters), digest=stated)
