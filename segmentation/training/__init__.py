"""The training loop, its inputs, batches and checkpoints."""
