"""Render on a Ray cluster; without an address, on all cores of this machine.

    ray start --head --resources '{"blender": 4}'      # on each machine that renders; see docs/cluster.md
    python examples/06_cluster.py --address auto --out /shared/examples

The folder must lie on a file system that all machines share. Killed and started again, it goes on where it was.
"""

import argparse
from pathlib import Path

import corrotwin as ct

if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--address", help="of the cluster, such as auto or host:6379")
    options.add_argument("--workers", type=int, help="Blender processes at a time; by default one, or all of a cluster")
    options.add_argument("--out", type=Path, default=Path("out/examples"))
    options.add_argument("--count", type=int, default=300)
    options.add_argument("--size", type=int, default=320)
    given = options.parse_args()

    renders = ct.render(
        preset="balanced", count=given.count, size=given.size, address=given.address, workers=given.workers,
        out=given.out / "renders-cluster",
    )  # fmt: skip
    print(renders, "in", renders.folder)
