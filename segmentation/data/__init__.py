"""Datasets: reading and writing COCO, masks and images, grouping photos, splits and leakage."""
