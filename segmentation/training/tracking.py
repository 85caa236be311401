"""Tracking of runs in MLflow: settings, metrics of each epoch, scores, and the path of the run's folder.

Everything sent is read from the folder of the run. A run that the server already has is continued there, so that a
repeated command adds what is missing and nothing twice. A server that does not answer never stops a training.
"""

import logging
import os
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from corrotwin.segmentation import runs
from corrotwin.segmentation.evaluation.evaluate import scores
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import digest, read_manifest
from corrotwin.twin.core.text import printable

if TYPE_CHECKING:
    from mlflow import MlflowClient

_log = logging.getLogger(__name__)

Status = Literal["RUNNING", "FINISHED", "FAILED", "KILLED"]
EXPERIMENT = "corrotwin"  # unless MLflow's own environment variable names another
RUN, FOLDER = "corrotwin.run", "corrotwin.folder"  # tags
_MOST = 100  # parameters in one request; MLflow accepts more metrics than that
_LONGEST = 500  # characters of a value
# So that a server that does not answer costs seconds, not minutes, and MLflow sends no usage reports.
_CALM = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


@dataclass(kw_only=True)
class _Sent:
    """A run on the server: its id there, the number of epochs sent, and whether it is marked as ended."""

    id: str
    epochs: int
    is_over: bool = False


class Tracking:
    """A connection to an MLflow server or database, for one command. Without an address it sends nothing."""

    def __init__(self, uri: str | None) -> None:
        """Check the address before any work; the server is not contacted yet.

        Raises
        ------
        InputError
            MLflow is not installed, or does not accept the address.
        """
        self.uri = uri
        self._sent: dict[Path, _Sent] = {}
        self._missing: dict[Path, tuple[str, Status]] = {}
        self._has_warned = False
        if uri is None:
            return
        for name, value in _CALM.items():
            os.environ.setdefault(name, value)
        scheme, is_address, rest = uri.partition(":")
        if not is_address or scheme == "file":
            raise InputError(
                f"`mlflow` {uri}: MLflow no longer keeps runs in folders; give sqlite:///runs.db or http://server:5000"
            )
        try:
            with _quiet():
                import mlflow  # noqa: F401

                if scheme.startswith("sqlite"):
                    import sqlalchemy  # noqa: F401
        except ImportError as error:
            raise InputError("`mlflow`: MLflow is not installed; pip install 'corrotwin[mlflow]'") from error
        if scheme == "sqlite" and not os.access(parent := Path(rest.removeprefix("///")).absolute().parent, os.W_OK):
            raise InputError(f"`mlflow` {uri}: {parent} is missing or not writable; create it or choose another folder")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Send once more what the server has missed, and mark interrupted runs as failed or killed."""
        end_status: Status = "FAILED" if kind is not None and issubclass(kind, Exception) else "KILLED"
        if kind is not None:
            interrupted = [folder for folder, sent in self._sent.items() if not sent.is_over]
            self._missing |= {
                folder: (self._missing.get(folder, (folder.name,))[0], end_status) for folder in interrupted
            }
        missing, self._missing = self._missing, {}
        for folder, (name, status) in missing.items():
            self.send(folder, name, status)

    def send(self, folder: Path, name: str, status: Status = "RUNNING") -> None:
        """Send what the server lacks of a run. If it does not answer, warn once, and try again only at the end.

        Parameters
        ----------
        folder : folder of the run; a run that has not begun is skipped, and a complete one is sent as finished.
        name : name that MLflow shows.
        status : status of a run that is not complete.
        """
        if self.uri is None:
            return
        if not self._missing:
            try:
                with _quiet():
                    self._send(folder, name, status)
            except Exception as error:  # noqa: BLE001  whatever a server or database raises, training goes on
                self._warn(error)
            else:
                return
        self._missing[folder] = name, status

    def _warn(self, error: Exception) -> None:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        if not self._has_warned:
            _log.warning(
                printable(
                    f"MLflow accepts no data ({reason:.160}); the work goes on, and what is missing is sent at its "
                    "end, "
                    "or when the command is repeated"
                )
            )
        self._has_warned = True

    def _send(self, folder: Path, name: str, status: Status) -> None:
        from mlflow import MlflowClient
        from mlflow.entities import Metric

        manifest = read_manifest(folder, runs.KIND)
        is_complete = manifest is not None
        manifest = manifest or read_manifest(folder, runs.UNFINISHED)
        if manifest is None:
            return
        client = MlflowClient(tracking_uri=self.uri)
        sent = self._sent.get(folder) or self._found(client, folder, name, manifest)
        self._sent[folder] = sent
        now = int(1000 * time.time())
        history = runs.read_history(folder / runs.HISTORY) if (folder / runs.HISTORY).is_file() else {}
        rows = zip(*(column.tolist() for column in history.values()), strict=True)
        for row in (dict(zip(history, values, strict=True)) for values in rows):
            if (epoch := int(row.pop("epoch"))) > sent.epochs:
                client.log_batch(sent.id, metrics=[Metric(key, value, now, epoch) for key, value in row.items()])
                sent.epochs = epoch
        if is_complete and not sent.is_over:
            table = runs.read_per_image(folder / "per_image.csv")
            f1, iou = scores(table.tp, table.fp, table.fn, table.tn)
            test_metrics = {"test_f1": f1.mean(), "test_iou": iou.mean(), "best_epoch": manifest.get("best_epoch", 0)}
            client.log_batch(
                sent.id, metrics=[Metric(key, float(value), now, 0) for key, value in test_metrics.items()]
            )
            status = "FINISHED"
        if status != "RUNNING" and not sent.is_over:
            files = ", ".join(sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")))
            client.set_tag(sent.id, "mlflow.note.content", f"{folder.resolve()}: {files}"[:5000])
            client.set_terminated(sent.id, status)
            sent.is_over = True

    def _found(self, client: "MlflowClient", folder: Path, name: str, manifest: Mapping[str, Any]) -> _Sent:
        """Return the run of this folder, configuration and data on the server; create it there if it is new."""
        experiment_name = os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
        existing = client.get_experiment_by_name(experiment_name)
        experiment = client.create_experiment(experiment_name) if existing is None else existing.experiment_id
        place = str(folder.resolve())
        key = digest([place, manifest["config"], manifest["data"]])
        for run in client.search_runs([experiment], filter_string=f"tags.`{RUN}` = '{key}'", max_results=1):
            steps = [metric.step for metric in client.get_metric_history(run.info.run_id, "train_loss")]
            if run.info.status == "FINISHED":
                return _Sent(id=run.info.run_id, epochs=max(steps, default=0), is_over=True)
            client.update_run(run.info.run_id, status="RUNNING")
            return _Sent(id=run.info.run_id, epochs=max(steps, default=0))
        created = client.create_run(experiment, run_name=name, tags={RUN: key, FOLDER: place})
        parameters = list(_flat({**manifest["config"], "data": manifest["data"]}))
        from mlflow.entities import Param

        for first in range(0, len(parameters), _MOST):
            client.log_batch(
                created.info.run_id, params=[Param(*parameter) for parameter in parameters[first : first + _MOST]]
            )
        return _Sent(id=created.info.run_id, epochs=0)


def _flat(settings: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Yield the names and values of settings, nested ones with dotted names such as "arm.name"."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        elif value is not None:
            yield f"{before}{name}", str(value)[:_LONGEST]


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence MLflow and the libraries that it uses within a block."""
    for name in ("mlflow", "alembic", "urllib3"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
