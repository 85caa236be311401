"""Photograph a twin, and assets drawn at random, with pixel-true masks. Needs Blender (pip install '.[rendering]').

    python examples/02_renders.py --out out/examples --count 24

Each dataset has images/, annotations.json (COCO) and preview.jpg, which is worth a first look.
"""

import argparse
from pathlib import Path

import corrotwin as ct

options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
options.add_argument("--out", type=Path, default=Path("out/examples"))
options.add_argument("--count", type=int, default=24, help="images of each dataset")
options.add_argument("--size", type=int, default=320, help="side of an image in pixels")
given = options.parse_args()

# One asset, drawn at random, as it is after fourteen years.
railing = ct.Asset("railing", random=True, seed=1, texel_mm=4.0)
twin = ct.Twin(railing, built="2010-05-31", category="C4", coating_life=8, years=14)
of_twin = ct.render(twin, preset="quick", count=given.count, size=given.size, out=given.out / "renders-railing")
print(of_twin)

# Many assets, by a preset of our own: painted steel whose rust is darker and whose pictures are paler.
print("Presets:", ", ".join(ct.Preset.names()))
dark = ct.Preset.like("painted", samples=4, rust_tone=(0.2, 0.6), sensor={"saturation": (0.6, 0.9)})
drawn = ct.render(preset=dark, count=given.count, size=given.size, seed=1, out=given.out / "renders-painted")
print(drawn)
