"""The training loop, its batches, augmentation, loss and checkpoints."""
