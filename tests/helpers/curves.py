"""Read the event files of a folder with TensorBoard itself, which is independent of our writer."""

import warnings
from pathlib import Path

Points = list[tuple[int, float]]


def curves(folder: Path) -> dict[str, dict[str, Points]]:
    """Return the points (step, value) of each curve of each run below a folder, every one that its files hold."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer

        found = EventMultiplexer(size_guidance={"scalars": 0}, purge_orphaned_data=False)
        found.AddRunsFromDirectory(str(folder))
        found.Reload()
        return {
            run: {tag: [(at.step, at.value) for at in found.Scalars(run, tag)] for tag in tags["scalars"]}
            or {
                tag: [(at.step, float(at.tensor_proto.float_val[0])) for at in found.Tensors(run, tag)]
                for tag in tags["tensors"]
            }
            for run, tags in found.Runs().items()
        }
