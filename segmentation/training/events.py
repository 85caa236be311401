"""Curves of a training for TensorBoard: an event file in its folder, with a point for each epoch of its history.

References
----------
The format: records of Event messages, each with its length and the checksums of both, as in TensorFlow's ``TFRecord``.
"""

import struct
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from corrotwin.twin.core import files

PREFIX = "events.out.tfevents."  # start of the names by which TensorBoard finds its files
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
    """The event file of a training. The first `add` writes it anew with all epochs; later ones append to it.

    Therefore a training that is resumed from an earlier epoch has no step twice.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path: Path | None = None

    def add(self, history: Sequence[Mapping[str, float]]) -> None:
        """Write the epochs that the file lacks.

        Parameters
        ----------
        history : a row for each epoch, with ``epoch``, ``seconds`` and any of `TAGS`.

        Raises
        ------
        OSError
            The file cannot be written.
        """
        now = time.time()
        if self._path is not None:
            files.append(self._path, _record(history[-1], now), of_lines=False)
            return
        times = [now - sum(row["seconds"] for row in history[index + 1 :]) for index in range(len(history))]
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
    """Return the record with the points of all curves in one epoch."""
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
