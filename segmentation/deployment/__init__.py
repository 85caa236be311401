"""ONNX export, model card and CPU latency of a trained run."""
