"""Digital twins, rendered training data and segmentation benchmarks for corrosion inspection."""

import logging

__version__ = "0.2.0"

logging.getLogger(__name__).addHandler(logging.NullHandler())  # silent until whoever imports it configures logging
