"""`predict`: masks of photos, by the model that ships or by runs."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from corrotwin.segmentation.config import Tiling
from corrotwin.segmentation.data import photo_files
from corrotwin.segmentation.prediction import folder
from corrotwin.segmentation.prediction.loading import predictor_of
from corrotwin.segmentation.prediction.parts import FramedPart
from corrotwin.segmentation.prediction.predictor import Settings
from corrotwin.segmentation.prediction.search import search
from corrotwin.twin.core.arguments import checked, one_or_more
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import counted

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Masks of photos, in a folder.

    Parameters
    ----------
    folder : folder with masks/, overlays/, annotations.json and predictions.csv.
    photos : the photos that have a mask in it, by the name of the mask.
    left_out : a line for each photo that failed, and one for each reason for which files were left out.
    """

    folder: Path
    photos: Mapping[str, Path]
    left_out: tuple[str, ...]

    def __repr__(self) -> str:
        masks, lines = counted(len(self.photos), "mask"), counted(len(self.left_out), "line")
        return f"Predictions({str(self.folder)!r}, {masks}, left_out: {lines})"


@checked()
def predict(
    photos: str | Path | Sequence[str | Path],
    *,
    out: str | Path,
    run: str | Path | Sequence[str | Path] = (),
    frame: tuple[float, float, float, float] | None = None,
    threshold: float | None = None,
    tiling: Tiling = "auto",
    scale: float | None = None,
    overlap: float = 0.5,
    flips: bool = False,
    adapt: bool = False,
    overlays: bool = True,
    polygons: bool = False,
) -> Predictions:
    """Outline corrosion on photos with the model that ships or with runs; a repeated call resumes an interrupted one.

    Parameters
    ----------
    photos : image files, zip archives, videos (one frame per second), or folders to search for them.
    out : folder for index.html, masks/ (PNG, 255 where there is corrosion), overlays/, annotations.json and
        predictions.csv.
    run : folders of runs or exported models, whose probabilities are averaged; by default the model that ships.
    frame : left, top, right and bottom edge of a part of each photo that shows steel and nothing else, as fractions
        from 0 to 1: its corroded share and degree of rusting (ISO 4628-3) are reported as well.
    threshold : threshold on the corrosion probability; by default that of the model or run, chosen on validation
        photos.
    tiling : always or never cut photos into overlapping tiles; auto follows the training. With a run, photos much
        larger than those of training need a choice.
    scale : pixels of the network per pixel of a photo; by default that of the training photos.
    overlap : fraction of a tile shared with its neighbour.
    flips : average over the photo and its flips (horizontal, vertical, both).
    adapt : also take the statistics of batch normalisation from these photos; only for runs.
    overlays : also write photos with outlined masks.
    polygons : write polygons instead of compressed RLE to annotations.json.

    Raises
    ------
    InputError
        There are no photos, or the folder holds something else.
    """
    paths = [Path(path) for path in one_or_more(photos)]
    if not paths:
        raise InputError("`photos`: none given; name image files or folders of them")
    settings = Settings(threshold=threshold, tiling=tiling, scale=scale, overlap=overlap, flips=flips, adapt=adapt)
    framed = None if frame is None else FramedPart(left=frame[0], top=frame[1], right=frame[2], bottom=frame[3])
    found = search(paths)
    left_out: list[str] = []

    def on_photo(wrong: InputError | None) -> None:
        if wrong is not None:
            left_out.append(str(wrong))

    failed = folder.predict(
        predictor_of([Path(path) for path in one_or_more(run)], settings), found.photos, Path(out),
        left_out=found.left_out, overlays=overlays, polygons=polygons, frame=framed, on_photo=on_photo,
    )  # fmt: skip
    left_out += photo_files.lines(found.left_out)
    for line in left_out:
        logger.warning("left out: %s", line)
    predicted = {name: path for name, path in found.photos.items() if name not in failed}
    return Predictions(folder=Path(out), photos=predicted, left_out=tuple(left_out))
