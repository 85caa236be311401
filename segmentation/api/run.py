"""`Run`: a trained network with its scores, which draws masks of photos."""

import logging
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from corrotwin.segmentation import runs
from corrotwin.segmentation.api.dataset import Dataset
from corrotwin.segmentation.api.predicting import Predictions, predict
from corrotwin.segmentation.config import Tiling
from corrotwin.segmentation.data import coco, photo_files
from corrotwin.segmentation.deployment import onnx_export
from corrotwin.segmentation.evaluation import evaluate
from corrotwin.segmentation.evaluation.assessment import assess
from corrotwin.segmentation.labelling import folder as labelling
from corrotwin.segmentation.prediction.predictor import Settings
from corrotwin.segmentation.prediction.run_predictor import RunPredictor
from corrotwin.segmentation.prediction.search import search
from corrotwin.segmentation.runs import PerImage, RunRecord
from corrotwin.twin.core.arguments import checked, one_or_more
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import counted

logger = logging.getLogger(__name__)


class Run:
    """A training run. An unfinished one has the best weights so far and no scores.

    Parameters
    ----------
    folder : folder that `train` or ``corrotwin segmentation train`` wrote.

    Raises
    ------
    InputError
        The folder holds no run with weights, or a table in it is damaged.
    """

    @checked()
    def __init__(self, folder: str | Path, /) -> None:
        self._shown = str(Path(folder))
        self.folder = Path(folder).absolute()  # so that it stays valid in another working directory
        self._record = runs.load_usable(self.folder)
        if self._record.note:
            logger.warning("%s: %s", self.folder, self._record.note)

    @property
    def record(self) -> RunRecord:
        """The content of the folder: its manifest, the history of its epochs, the pixel counts of its test photos."""
        return self._record

    @property
    def per_image(self) -> PerImage:
        """The pixel counts on each test photo."""
        return self._record.per_image

    @property
    def scores(self) -> Mapping[str, float]:
        """Mean F1 and intersection over union (IoU) on the test photos; empty if the run is unfinished."""
        if self._record.note:
            return MappingProxyType({})
        table = self.per_image
        f1, iou = evaluate.scores(table.tp, table.fp, table.fn, table.tn)
        return MappingProxyType({"f1": float(f1.mean()), "iou": float(iou.mean())})

    @property
    def threshold(self) -> float:
        """The threshold on the corrosion probability, chosen on its validation photos; 0.5 if none was chosen."""
        return self._record.threshold

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings that it was trained with."""
        return MappingProxyType(deepcopy(dict(self._record.manifest["config"])))

    @property
    def digest(self) -> str:
        """A hash of its weights, 16 hex digits."""
        return runs.weights_digest(self.folder)

    @checked()
    def predict(
        self,
        photos: str | Path | Sequence[str | Path],
        *,
        out: str | Path,
        threshold: float | None = None,
        tiling: Tiling = "auto",
        scale: float | None = None,
        overlap: float = 0.5,
        flips: bool = False,
        adapt: bool = False,
        overlays: bool = True,
        polygons: bool = False,
        frame: tuple[float, float, float, float] | None = None,
    ) -> Predictions:
        """Outline corrosion on photos with this run; the parameters are those of `corrotwin.predict`."""
        return predict(
            photos, out=out, run=self.folder, frame=frame, threshold=threshold, tiling=tiling, scale=scale,
            overlap=overlap, flips=flips, adapt=adapt, overlays=overlays, polygons=polygons,
        )  # fmt: skip

    @checked()
    def rank(
        self,
        photos: str | Path | Sequence[str | Path],
        *,
        out: str | Path,
        count: int = 20,
        others: "Sequence[Run | str | Path]" = (),
        labelled: str | Path | Sequence[str | Path] = (),
        tiling: Tiling = "auto",
        scale: float | None = None,
    ) -> tuple[Path, ...]:
        """Return unlabelled photos in the order in which to label them, and prepare the first for a labelling tool.

        Parameters
        ----------
        photos : image files, or folders to search for them; those that trained, validated or tested the run are left
            out.
        out : folder for ranking.csv, index.html and to-label/, which CVAT and Label Studio take.
        count : number of photos to label.
        others : runs whose disagreement with this one counts, too.
        labelled : folders of datasets that were labelled after the run; their photos are left out, too.
        tiling, scale : as for `predict`.

        Raises
        ------
        InputError
            There are fewer than two photos to rank, or the folder holds something else.
        """
        settings = Settings(tiling=tiling, scale=scale)
        found = search([Path(path) for path in one_or_more(photos)])
        folders = [self.folder, *(other.folder if isinstance(other, Run) else Path(other) for other in others)]
        predictors = [RunPredictor(folder, settings) for folder in folders]

        def on_photo(wrong: InputError | None) -> None:
            if wrong is not None:
                logger.warning("left out: %s", wrong)

        labelled_hashes = {photo.sha256 for folder in one_or_more(labelled) for photo in coco.read(Path(folder)).photos}
        ranking = labelling.rank(
            predictors, found.photos, Path(out), count=count, labelled=labelled_hashes, on_photo=on_photo
        )
        for line in photo_files.lines(found.left_out):
            logger.warning("left out: %s", line)
        for line in ranking.lines(Path(out)):
            logger.warning("%s", line)
        return tuple(photo.path for photo in ranking.photos)

    @checked()
    def evaluate(
        self,
        photos: Dataset | str | Path,
        *,
        threshold: float | Literal["valid"] | None = None,
        adapt: bool = False,
        out: str | Path | None = None,
    ) -> Mapping[str, Any]:
        """Measure the run on the test photos of its own dataset, or on all unseen photos of another.

        Parameters
        ----------
        photos : a dataset, or its folder; one without annotations counts as clean.
        threshold : threshold on the corrosion probability; by default that of the run; "valid" chooses it again on the
            run's validation photos.
        adapt : also take the statistics of batch normalisation from these photos; the scores are then transductive.
        out : folder for per_image.csv, curve.csv, calibration.csv and evaluation.json.

        Returns
        -------
        The content of evaluation.json.
        """
        if not isinstance(photos, Dataset):
            photos = Dataset(photos, classes=tuple(self._record.manifest.get("classes") or ()))
        out = None if out is None else Path(out)
        return assess(self.folder, photos.data, threshold=threshold, adapt=adapt, out=out).summary

    @checked()
    def export(self, out: str | Path, *, evaluations: str | Path | Sequence[str | Path] = ()) -> Path:
        """Write the run as one ONNX file, from photographs to probabilities, with a model card, and return its path.

        Parameters
        ----------
        out : folder for model.onnx, card.md and model.json.
        evaluations : folders that `evaluate` wrote, for the scores on the card.
        """
        onnx_export.export(self.folder, Path(out), evaluations=tuple(Path(path) for path in one_or_more(evaluations)))
        return Path(out) / "model.onnx"

    def __repr__(self) -> str:
        config, scores = self.settings, self.scores
        what = f"{config['backbone']}, {config['arm']['name']}"
        if not scores:
            return f"Run({self._shown!r}, {what}, {self._record.note})"
        f1, iou, tested = scores["f1"], scores["iou"], counted(len(self.per_image.image), "test photo")
        return f"Run({self._shown!r}, {what}, F1 {f1:.3f}, IoU {iou:.3f} on {tested})"
