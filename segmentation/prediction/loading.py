"""Load the model that ships, a trained run, an exported network, or the mean of several."""

from collections.abc import Sequence
from pathlib import Path

from corrotwin.segmentation import shipped
from corrotwin.segmentation.prediction.exported_predictor import KIND, ExportedPredictor
from corrotwin.segmentation.prediction.predictor import MeanPredictor, Predictor, Settings
from corrotwin.twin.core.errors import InputError


def predictor_of(folders: Sequence[Path], settings: Settings) -> Predictor:
    """Load a predictor from folders of runs and exported networks, or the model that ships if none is named.

    Raises
    ------
    InputError
        A folder holds neither a run nor an exported network, or the settings do not fit it.
    """
    if not folders:
        predictor = ExportedPredictor(shipped.FOLDER, settings)
        predictor.ships = True
        return predictor
    if len({folder.resolve() for folder in folders}) < len(folders):
        raise InputError("`run`: a folder is named twice; name each once")
    predictors = [_predictor(folder, settings) for folder in folders]
    return predictors[0] if len(predictors) == 1 else MeanPredictor(predictors)


def _predictor(folder: Path, settings: Settings) -> Predictor:
    if (folder / f"{KIND}.json").exists():
        return ExportedPredictor(folder, settings)
    from corrotwin.segmentation.prediction.run_predictor import RunPredictor

    return RunPredictor(folder, settings)
