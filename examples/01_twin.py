"""Grow corrosion on a pipe spool and look at its state.

    python examples/01_twin.py --out out/examples

Writes a folder that every command reads, a table of zones, and a mesh for any glTF viewer.
"""

import argparse
from pathlib import Path

import corrotwin as ct

options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
options.add_argument("--out", type=Path, default=Path("out/examples"))
options.add_argument("--texel-mm", type=float, default=4.0, help="resolution on the surface; coarser is faster")
given = options.parse_args()
given.out.mkdir(parents=True, exist_ok=True)

# An 8 inch, schedule 40 spool with flanges and an elbow. What is not given, such as a branch, it does not have.
spool = ct.Asset(
    "pipe", nps=8, schedule=40, run_m=2.0, start="flange", finish="flange", leg_m=0.6, seed=1, texel_mm=given.texel_mm
)
print(spool, "has the zones", ", ".join(spool.zones))

# Painted, near the sea; after ten years it moves to a harsher place for another four.
twin = ct.Twin(spool, built="2010-05-31", category="C4", coating_life=8, years=10)
twin.grow(years=4, category="C5")
print(twin)

for row in twin.zones():
    print(f"{row.by:7} {row.name:12} {row.rusted_percent:6.2f} % rusted, {row.least_left_mm:6.2f} mm left")

twin.save(given.out / "spool")
twin.export(given.out / "spool.csv")
twin.export(given.out / "spool.glb")
