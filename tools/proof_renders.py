"""Render the pictures behind docs/results/transfer again, each set by the version of the program that made it.

    python -m tools.proof_renders --out out

Each set is rendered from the source of its commit, which git has, with the packages that are installed now. Another
kind of processor, or other versions of these packages, renders other bits of the same scenes: the digest says whether
the pictures are those of the transfer.

Cost: about 40 minutes of a core for a set of 300. Existing pictures are not rendered again.
"""

import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from tyro.conf import arg

from corrotwin.twin.core import cli
from corrotwin.twin.core.errors import InputError, WorkError
from corrotwin.twin.core.text import say, say_error

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ("twin", "synth", "segmentation")  # packages that rendering imports, where those commits have them
SIZE = 224


@dataclass(frozen=True, kw_only=True)
class RenderSet:
    """A set of renders: its preset, number of pictures and seed, the commit that made it, and the digest it had."""

    preset: str
    count: int
    seed: int
    commit: str
    digest: str


SETS: Mapping[str, RenderSet] = {
    "bridges-300": RenderSet(preset="bridges", count=300, seed=0, commit="d0a819b", digest="a91988c1be1f4eab"),
    "painted-300": RenderSet(preset="painted", count=300, seed=0, commit="5134865", digest="41f35a7bb9ae7522"),
    "balanced-300": RenderSet(preset="balanced", count=300, seed=1, commit="0915492", digest="5404f945ac4cf0ac"),
    "clean-100": RenderSet(preset="clean", count=100, seed=0, commit="d800814", digest="1c765b17392acd94"),
}


def render_again(
    out: Annotated[Path, arg(help="folder for the folders of renders")] = Path("out"),
    sets: Annotated[tuple[str, ...], arg(help="names of sets; all by default")] = tuple(SETS),
    count: Annotated[int | None, arg(help="pictures of each set, to try it; all by default")] = None,
) -> None:
    """Render the sets of docs/results/transfer again, and compare their digests."""
    if unknown := [name for name in sets if name not in SETS]:
        raise InputError(f"--sets {unknown[0]}: there is no such set; choose from {', '.join(SETS)}")
    if count is not None and count < 1:
        raise InputError(f"--count {count}: give at least 1")
    for name in sets:
        say(render_set(SETS[name], out.resolve() / name, count=count))


def render_set(
    wanted: RenderSet,
    out: Path,
    *,
    count: int | None = None,
    repository: Path = ROOT,
) -> str:
    """Render one set into `out` by the source of its commit; return a line that compares the digests.

    Parameters
    ----------
    count : pictures to render; by default all; digests are compared only then.
    repository : a git checkout with the history of this project.

    Raises
    ------
    InputError
        The repository lacks the commit.
    WorkError
        Rendering failed.
    """
    from corrotwin.segmentation.data import coco

    options = ["--preset", wanted.preset, "--count", str(count or wanted.count), "--size", str(SIZE)]
    with TemporaryDirectory() as name:
        source = Path(name)
        _export(wanted.commit, repository, source)
        command = [sys.executable, "-m", "synth", "render", *options, "--seed", str(wanted.seed), "--out", str(out)]
        say_error(f"{out}: rendering by the program of commit {wanted.commit}")
        process = subprocess.run(command, cwd=source, env={**os.environ, "PYTHONPATH": name}, check=False)
    if process.returncode:
        raise WorkError(f"{out}: rendering ended with status {process.returncode}; the same command resumes")
    digest = coco.read(out, allow_unannotated=True).digest
    if count is not None and count != wanted.count:
        return f"{out}: {count} of {wanted.count} pictures, digest {digest}"
    if digest == wanted.digest:
        return f"{out}: the pictures of the transfer, bit for bit (digest {digest})"
    return f"{out}: the scenes of the transfer in other bits (digest {digest}; theirs is {wanted.digest})"


def _export(commit: str, repository: Path, source: Path) -> None:
    """Write the packages of a commit into a folder."""
    try:
        process = subprocess.run(
            ["git", "-C", repository, "archive", "--format=tar", commit, *SOURCE], capture_output=True, check=False
        )
    except OSError as error:
        raise InputError(f"git cannot be started ({error.strerror}); install it") from error
    if process.returncode:
        raise InputError(
            f"{repository}: git has no commit {commit}; run this in a clone with the whole history "
            "(git fetch --unshallow)"
        )
    with tarfile.open(fileobj=io.BytesIO(process.stdout)) as archive:
        archive.extractall(source, filter="data")


if __name__ == "__main__":
    cli.run_one("python -m tools.proof_renders", render_again)
