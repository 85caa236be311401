"""Time training steps on this machine, in a process: ``python -m corrotwin.benchmarks.study.probe``.

The process reads JSON from standard input: `configs`, a list of training settings, `seconds`, the time for all of them,
and `patience`, the seconds after which the process ends in any case. It writes a line with the number of GPUs, then for
each config a line with the seconds per step and per measured image. Images are noise: the cost of a step does not
depend on them, and there may be no photos yet. torch stays out of the process that spreads the study.
"""

import json
import signal
import sys
import time
from dataclasses import replace

import numpy as np

from corrotwin.segmentation.config import TrainConfig, from_json

LEAST, MOST = 1, 8  # timed steps, after one that is not counted


def probe(config: TrainConfig, seconds: float) -> tuple[float, float]:
    """Return the seconds per optimiser step and per measured image with these settings, within about `seconds`."""
    import torch

    from corrotwin.segmentation import sampling
    from corrotwin.segmentation.data import decoded
    from corrotwin.segmentation.evaluation.evaluate import measure
    from corrotwin.segmentation.models.network import build, device, place, torch_settings
    from corrotwin.segmentation.training.batches import BatchLoader, Pool
    from corrotwin.segmentation.training.train import step_loss

    begun = time.monotonic()
    where, count = device(), config.batch_size
    rng = np.random.default_rng(0)
    names = [str(index) for index in range(count)]
    arrays = decoded.Arrays(
        images=rng.integers(0, 256, (count, config.size, config.size, 3), dtype=np.uint8),
        masks=rng.integers(0, 2, (count, config.size, config.size), dtype=np.uint8),
        row={name: index for index, name in enumerate(names)},
    )
    steps = sampling.plan_batches(
        replace(config.arm, real_fraction=1.0, render_share=0.0, render_count=None, pretrain=0.0),
        seed=0, epochs=1 + MOST, batch_size=count, all_photos=count, photos=count, renders=0,
    )  # fmt: skip
    loader = BatchLoader(
        config=config, plan=steps, photos=Pool(images=arrays, rows=np.arange(count)), renders=None, where=where
    )
    with torch_settings(config.threads, config.precision):
        network = place(build(config.backbone, encoder_weights=None, weights=None, seed=0), config.precision)
        optimizer = torch.optim.AdamW(network.parameters(), fused=config.precision == "fast")
        network.train()
        times: list[float] = []
        batches = loader.batches(0, 1 + MOST)
        for _ in range(1 + MOST):
            started = time.monotonic()
            loss = step_loss(config, network, *next(batches))
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            loss.item()  # waits until a GPU has finished
            times.append(time.monotonic() - started)
            if len(times) > LEAST and time.monotonic() - begun + times[-1] > 0.8 * seconds:
                break
        started = time.monotonic()
        measure(network, config, arrays, names)
        return float(np.median(times[1:])), (time.monotonic() - started) / count


def main() -> None:
    """Answer on standard output, line by line, so that a reader that stops waiting has the first answers."""
    import torch

    request = json.load(sys.stdin)
    configs = [from_json(value) for value in request["configs"]]
    signal.alarm(int(request["patience"]))  # even if nobody waits any more
    _answer(torch.cuda.device_count())
    for config in configs:
        _answer(probe(config, request["seconds"] / len(configs)))


def _answer(value: object) -> None:
    """Write a line of JSON to the parent process; nothing here is for people."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
