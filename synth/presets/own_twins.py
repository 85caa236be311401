"""The user's own assets among the `kinds` of a preset, given as folders of saved twins.

In a preset that is made they stand as ``/path/to/folder#0123456789abcdef``, with a digest of kind and parameters, of a
mesh with that of its geometry: a twin may grow while a dataset goes on, its asset may not change.
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

FIELD = "kinds"  # of a preset, for errors
DRAWN_ONLY = ("deck",)  # arrangements that state the dimensions of their subject
OF_MESHES = ("yard",)  # arrangements in which meshes stand


@dataclass(frozen=True, kw_only=True)
class OwnAsset:
    """The asset of a saved twin: what `twin.assets.build` takes, and its digest."""

    kind: str
    parameters: Mapping[str, Any]
    digest: str


def resolved(words: tuple[str, ...], folder: Path) -> tuple[str, ...]:
    """Return the words of a preset, each asset of the user's own by the path of its folder and its digest.

    Parameters
    ----------
    words : names of built-in kinds, folders of saved twins, or what this function made of them.
    folder : that relative paths are in.

    Raises
    ------
    InputError
        A word is none of these, a folder holds no twin or a damaged one, or its asset has changed since.
    """
    with naming(FIELD):
        return tuple(word if word in KINDS else _resolved(word, folder) for word in words)


def _resolved(word: str, folder: Path) -> str:
    if (made := path_of(word)) is not None:
        _kept(made, word)
        return word
    path = place(word, folder)
    if not path.is_dir():
        raise InputError(f"{word!r}: choose from {', '.join(KINDS)}, or give the folder of a saved twin")
    return f"{path}#{_of(path).digest}"


def asset_of(word: str) -> OwnAsset | None:
    """Return the asset for a word of a preset that was made; None for built-in kinds.

    Raises
    ------
    InputError
        The folder holds no twin, a damaged one, or one of another asset than when the preset was made.
    """
    path = path_of(word)
    if path is None:
        return None
    with naming(FIELD):
        return _kept(path, word)


def _kept(path: Path, word: str) -> OwnAsset:
    """Return the asset of a folder, which must still be that of the word that was made of it."""
    with kept():
        asset = _of(path)
        if not word.endswith(f"#{asset.digest}"):
            raise InputError(f"{path}: has another asset than when this preset was made; give another `out`")
    return asset


def suits(arrangement: str, word: str) -> bool:
    """Return whether a subject, by the word of a preset for it, may stand in an arrangement."""
    asset = asset_of(word)
    if asset is None:
        return word in SUITS[arrangement]
    if asset.kind == mesh_file.KIND:
        return arrangement in OF_MESHES
    return asset.kind in SUITS[arrangement] and arrangement not in DRAWN_ONLY


def names(words: tuple[str, ...]) -> dict[str, str]:
    """Return a name for each asset of the user's own: that of its folder, with folders above it where two are alike."""
    paths = {word: path for word in words if (path := path_of(word)) is not None}
    found: dict[str, str] = {}
    length = 1
    while len(found) < len(paths):
        tails = {word: "/".join(path.parts[-length:]) for word, path in paths.items()}
        count = Counter(tails.values())
        longest = max(len(path.parts) for path in paths.values()) < length  # one folder, made twice
        single = {word: name for word, name in tails.items() if (count[name] == 1 and name not in KINDS) or longest}
        found = {**single, **found}
        length += 1
    return found


def described(word: str, words: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    """Return the kind of a subject and, for one of the user's own, its name as an entry ``asset``."""
    asset = asset_of(word)
    return (word, {}) if asset is None else (asset.kind, {"asset": names(words)[word]})


def _of(folder: Path) -> OwnAsset:
    twin = folder / "twin.json"
    return _read(folder, twin.stat().st_mtime_ns if twin.is_file() else 0)


@lru_cache(maxsize=MOST_FILES)
def _read(folder: Path, _: int) -> OwnAsset:
    """Read the asset of the twin in a folder; again where the time of change of its twin.json differs."""
    from corrotwin.twin import store

    twin = store.asset_of(folder)
    stated = digest({"kind": twin.kind, "parameters": store.plain_parameters(twin)})
    return OwnAsset(kind=twin.kind, parameters=dict(twin.parameters), digest=stated)
