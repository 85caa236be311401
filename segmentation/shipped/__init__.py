"""The model that ships: `model.onnx`, which draws masks, the same weights for training, and its card.

``make model`` makes these files again (`tools.shipped_model`). Nothing of `benchmarks` starts from it.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
NAME = "shipped"  # by which `init` knows it
KIND = "model"  # of its manifest, as an export has it
WEIGHTS = FOLDER / "weights.safetensors"
CARD = FOLDER / "card.md"
