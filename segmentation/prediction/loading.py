"""Load the model that ships, a trained run, an exported network, or the mean of several."""

from collections.abc import Sequence
from pathlib import Path

from corrotwin.segmentation import shipped
from corrotwin.segmentation.prediction.exported_predictor import KIND, ExportedPredictor
from corrotwin.segmentation.prediction.predictor import MeanPredictor, Predictor, Settings
from corrotwin.twin.core.errors import InputError


def predictor_of(folders: Sequence[Path], settings: Settings) -> Predictor:
    """Load what predicts from folders of runs and of exported networks; of the model that ships where none is named.

    Raises
    ------
    InputError
        A folder is neither, or the settings do not fit it.
    """
    if not folders:
        predictor = ExportedPredictor(shipped.FOLDER, settings)
        predictor.ships = True
        return predictor
    if len({folder.resolve() for folder in folders}) < len(folders):
        raise InputError("`run`: a folder is named twice; name each once")
    each = [_predictor(folder, settings) for folder in folders]
    return each[0] if len(each) == 1 else MeanPredictor(each)


def _predictor(folder: Path, settings: Settings) -> Predictor:
    if (folder / f"{KIND}.json").exists():
        return ExportedPredictor(folder, settings)
    from corrotwin.segmentation.prediction.run_predictor import RunPredictor

    return RunPredictor(folder, settings)
