"""Networks of segmentation-models-pytorch, their encoders and ImageNet weights."""
