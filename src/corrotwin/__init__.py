"""Digital twins, rendered training data and segmentation benchmarks for corrosion inspection."""

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from corrotwin.benchmarks.api import StudyReport, study
    from corrotwin.segmentation.api.dataset import Dataset
    from corrotwin.segmentation.api.predicting import Predictions, predict
    from corrotwin.segmentation.api.run import Run
    from corrotwin.segmentation.api.training import train
    from corrotwin.synth.api import fit_preset, render
    from corrotwin.synth.presets.schema import Preset
    from corrotwin.twin.api.asset import Asset
    from corrotwin.twin.api.fleet import fleet
    from corrotwin.twin.api.twin import Twin
    from corrotwin.twin.core.errors import InputError, WorkError
    from corrotwin.twin.fleets.fleet import measure_next
    from corrotwin.twin.forecast.pipe_design import PipeDesign
    from corrotwin.twin.forecast.result import Forecast

__version__ = "0.2.0"

logging.getLogger(__name__).addHandler(logging.NullHandler())  # silent until whoever imports it configures logging

__all__ = [
    "Asset", "Dataset", "Forecast", "InputError", "PipeDesign", "Predictions", "Preset", "Run", "StudyReport", "Twin",
    "WorkError", "__version__", "fit_preset", "fleet", "measure_next", "predict", "render", "study", "train",
]  # fmt: skip

# Each is imported when it is first asked for, so that `import corrotwin` and `corrotwin --help` answer at once.
_MODULES = {
    "Asset": "corrotwin.twin.api.asset",
    "Dataset": "corrotwin.segmentation.api.dataset",
    "Forecast": "corrotwin.twin.forecast.result",
    "InputError": "corrotwin.twin.core.errors",
    "PipeDesign": "corrotwin.twin.forecast.pipe_design",
    "Predictions": "corrotwin.segmentation.api.predicting",
    "Preset": "corrotwin.synth.presets.schema",
    "Run": "corrotwin.segmentation.api.run",
    "StudyReport": "corrotwin.benchmarks.api",
    "Twin": "corrotwin.twin.api.twin",
    "WorkError": "corrotwin.twin.core.errors",
    "fit_preset": "corrotwin.synth.api",
    "fleet": "corrotwin.twin.api.fleet",
    "measure_next": "corrotwin.twin.fleets.fleet",
    "predict": "corrotwin.segmentation.api.predicting",
    "render": "corrotwin.synth.api",
    "study": "corrotwin.benchmarks.api",
    "train": "corrotwin.segmentation.api.training",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
