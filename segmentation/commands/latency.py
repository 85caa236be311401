"""``corrotwin segmentation latency``: time the U-Nets on this CPU."""

from pathlib import Path

from corrotwin.segmentation.config import BACKBONES
from corrotwin.twin.core.errors import InputError


def latency(
    *,
    backbone: tuple[str, ...] = BACKBONES,
    size: int = 224,
    threads: int = 2,
    repeats: int = 100,
    onnx: bool = False,
    out: Path | None = None,
) -> None:
    """Time U-Nets on this CPU, one image at a time, and list their parameters, depth and operations.

    Parameters
    ----------
    backbone
        encoders to compare; they are timed in turn, so that noise affects all alike.
    size
        side of the image in pixels, divisible by 32.
    threads
        CPU threads.
    repeats
        timed calls of each network.
    onnx
        also time onnxruntime on the network that `export` writes, from photograph to probability.
    out
        csv file to write.
    """
    from corrotwin.segmentation.deployment.latency import measure, table, write
    from corrotwin.segmentation.models.network import complexity
    from corrotwin.twin.core.console import rich_console

    if out is not None and (out.exists() or out.suffix != ".csv"):
        raise InputError(f"{out}: choose the name of a new .csv file for --out")
    measured = measure(backbone, size, threads=threads, repeats=repeats, onnx=onnx)
    sizes = {name: complexity(name, size) for name in backbone}
    rich_console().print(table(measured, sizes))
    if out is not None:
        write(out, measured, sizes)
