"""The Python API of photos and networks: `Dataset`, `train`, `Run` and the `Predictions` of a run."""
