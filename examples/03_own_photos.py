"""Train a network on photos of your own, and draw masks of photos that nobody has labelled.

    python examples/03_own_photos.py my-export site-photos --out out/examples

my-export: a Roboflow COCO export, one COCO json and its images, or photos with PNG masks. site-photos: any photos.
With --renders a rendered dataset, as 02_renders.py makes them, is mixed into the training.
"""

import argparse
from pathlib import Path

import corrotwin as ct

options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
options.add_argument("photos", type=Path)
options.add_argument("unlabelled", type=Path)
options.add_argument("--renders", type=Path)
options.add_argument("--out", type=Path, default=Path("out/examples"))
options.add_argument("--profile", default="small", help="quick: minutes, smoke; small: an hour on a CPU; paper")
options.add_argument("--epochs", type=int, default=60)
given = options.parse_args()

# Photos of one spot must not train and test at once. Without a table of spots, look-alikes stay together.
photos = ct.Dataset(given.photos)
has_spots = (given.photos / "spots.csv").is_file()
photos = photos.split(by="spot" if has_spots else ("names", "hash"))
print(photos)

run = ct.train(photos, renders=given.renders, profile=given.profile, epochs=given.epochs, out=given.out / "run")
print(run)

best = run.evaluate(photos, threshold="valid")["threshold"]
print(run.predict(given.unlabelled, threshold=best, out=given.out / "masks"))
