"""The curves of a training for TensorBoard: an event file in its folder, of a row for each epoch of its history.

References
----------
The format: records of Event messages, each with its length and both checksums, as TensorFlow's ``TFRecord`` has them.
"""

import struct
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from corrotwin.twin.core import files

PREFIX = "events.out.tfevents."  # by which TensorBoard knows its files
TAGS = {
    "train_loss": "loss/train",
    "valid_loss": "loss/valid",
    "valid_f1": "F1/valid",
    "valid_iou": "IoU/valid",
    "spread": "spread",
    "learning_rate": "learning_rate",
    "sure": "teacher/share_of_pixels_labelled",
    "called": "teacher/share_called_corrosion",
    "loss": "teacher/loss",
    "weight": "teacher/weight",
}


class EventFile:
    """The event file of a training. `add` writes it again with all epochs at first, and appends to it afterwards.

    So a training that was cut off and goes on from an earlier epoch has no step twice.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path: Path | None = None

    def add(self, history: Sequence[Mapping[str, float]]) -> None:
        """Write what is new.

        Parameters
        ----------
        history : a row for each epoch, with ``epoch``, ``seconds`` and any of `TAGS`.

        Raises
        ------
        OSError
            It cannot be written.
        """
        now = time.time()
        if self._path is not None:
            files.append(self._path, _record(history[-1], now), of_lines=False)
            return
        times = [now - sum(row["seconds"] for row in history[place + 1 :]) for place in range(len(history))]
        records = map(_record, history, times)
        self._path = self._folder / f"{PREFIX}{now:.0f}.corrotwin"
        with files.atomic_file(self._path) as stream:
            stream.write(b"".join((_first(times[0]), *records)))
        for earlier in self._folder.glob(f"{PREFIX}*"):
            if earlier != self._path:
                files.remove(earlier, missing_ok=True)


def _first(when: float) -> bytes:
    from tensorboardX.proto.event_pb2 import Event

    return _framed(Event(wall_time=when, file_version="brain.Event:2").SerializeToString())


def _record(row: Mapping[str, float], when: float) -> bytes:
    """Return the curves' points of an epoch as a record."""
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.proto.summary_pb2 import Summary

    values = [Summary.Value(tag=tag, simple_value=row[name]) for name, tag in TAGS.items() if name in row]
    event = Event(wall_time=when, step=int(row["epoch"]), summary=Summary(value=values))
    return _framed(event.SerializeToString())


def _framed(message: bytes) -> bytes:
    from tensorboardX.record_writer import masked_crc32c

    length = struct.pack("<Q", len(message))
    checksums = (struct.pack("<I", masked_crc32c(part)) for part in (length, message))
    return b"".join((length, next(checksums), message, next(checksums)))
