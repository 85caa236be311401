"""Convert a mesh in a process of its own, with limits of time and memory: ``python -m corrotwin.twin.meshes.child``.

Readers of foreign formats may hang, or take any amount of memory. The child reads `path`, `folder`, `most_bytes` and,
for an asset, `options` as JSON from standard input, and answers with a line of JSON: the file that it wrote and, for an
asset, its report, or an error.
"""

import json
import os
import resource
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.machine import available_bytes
from corrotwin.twin.meshes import conversion, mesh_file, textured
from corrotwin.twin.meshes.conversion import MeshOptions
from corrotwin.twin.meshes.surface import Frame

SECONDS = 180
MOST_BYTES = 8 * 1024**3


@dataclass(frozen=True, kw_only=True)
class MeshAsset:
    """The file of a mesh that was made into an asset, the report of its conversion, and its source's coordinates."""

    file: Path
    report: tuple[str, ...]
    source: str
    options: MeshOptions
    frame: Frame

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of the asset, as a twin keeps them."""
        options = {name: value for name, value in asdict(self.options).items() if value is not None}
        return {mesh_file.FILE: str(self.file), "source": self.source, **options, "frame": asdict(self.frame)}


def convert(path: Path, options: MeshOptions, folder: Path) -> MeshAsset:
    """Convert a mesh and write it into a folder.

    Raises
    ------
    InputError
        As in `conversion.convert`; or it took too long, or too much memory.
    """
    answer = _answer(path, folder, options)
    return MeshAsset(
        file=Path(answer["file"]), report=tuple(answer["report"]), source=path.name, options=options,
        frame=Frame(**{**answer["frame"], "shift_m": tuple(answer["frame"]["shift_m"])}),
    )  # fmt: skip


def convert_prop(path: Path, folder: Path) -> Path:
    """Convert a GLB of a prop, which does not rust, and return the file that `textured.save` wrote into a folder.

    Raises
    ------
    InputError
        As in `textured.read`; or it took too long, or too much memory.
    """
    return Path(_answer(path, folder)["file"])


def _answer(path: Path, folder: Path, options: MeshOptions | None = None) -> dict[str, Any]:
    """Ask the child process, with `options` for an asset, and return its answer."""
    free = available_bytes()
    request: dict[str, Any] = {
        "path": str(path.resolve()),
        "folder": str(folder.resolve()),
        "most_bytes": MOST_BYTES if free is None else min(MOST_BYTES, free),
    }
    if options is not None:
        request["options"] = asdict(options)
    try:
        with TemporaryDirectory() as scratch:  # files that a killed reader leaves are removed with it
            process = subprocess.run(
                [sys.executable, "-P", "-m", "corrotwin.twin.meshes.child"],
                input=json.dumps(request).encode(), capture_output=True, check=False,
                timeout=SECONDS, env={**os.environ, "TMPDIR": scratch},
            )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise InputError(
            f"{path}: could not be read within {SECONDS} s; simplify it in a mesh editor, or export another format"
        ) from error
    try:
        answer: dict[str, Any] = json.loads(process.stdout.decode().splitlines()[-1])
    except (IndexError, ValueError) as error:
        last = (process.stderr.decode(errors="replace").strip().splitlines() or ["no message"])[-1]
        raise InputError(
            f"{path}: its reader crashed ({last[:120]}); repair it in a mesh editor, or export another format"
        ) from error
    if "error" in answer:
        raise InputError(answer["error"].replace(str(path.resolve()), str(path)))
    return answer


def main() -> None:
    """Answer the request on standard input."""
    request = json.load(sys.stdin)
    most = request["most_bytes"]
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    path = Path(request["path"])
    answer: dict[str, object]
    try:
        folder = Path(request["folder"])
        if "options" in request:
            converted = conversion.convert(path, MeshOptions(**request["options"]))
            file = mesh_file.save(converted.charts, folder)
            answer = {"file": str(file), "report": converted.report, "frame": asdict(converted.frame)}
        else:
            answer = {"file": str(textured.save(textured.read(path), folder))}
    except InputError as error:
        answer = {"error": str(error)}
    except MemoryError:
        answer = {"error": f"{path}: needs more than {most / 1e9:.1f} GB of memory; simplify it in a mesh editor"}
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
