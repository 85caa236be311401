"""Digital twins, rendered training data and segmentation benchmarks for corrosion inspection."""

__version__ = "0.2.0"
