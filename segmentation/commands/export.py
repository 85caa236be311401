"""``corrotwin segmentation export``: write a trained run as an ONNX file with a model card."""

from pathlib import Path

from corrotwin.twin.core.console import progress
from corrotwin.twin.core.text import say, say_next


def export(run_folder: Path, /, *, out: Path, evaluations: tuple[Path, ...] = ()) -> None:
    """Export a complete run to one ONNX file (from photographs to probabilities) with a model card.

    Parameters
    ----------
    run_folder
        folder of a complete run.
    out
        folder for model.onnx, card.md and model.json.
    evaluations
        folders written by `corrotwin segmentation evaluate --out`. Their scores appear on the card, and their
        threshold in its Python example: if they differ, the one chosen on validation photos; without any, the
        run's.
    """
    from corrotwin.segmentation.deployment.onnx_export import export as write
    from corrotwin.segmentation.prediction.exported_predictor import is_of_one_size

    with progress("exporting", to=out):
        manifest = write(run_folder, out, evaluations=evaluations)
    say(
        f"{out}: model.onnx and card.md; sides {manifest['sides']}; "
        f"within {manifest['greatest_difference_from_torch']:.1e} of torch"
    )
    say_next("predict", "PHOTOS", "--run", run_folder if is_of_one_size(manifest) else out, "--out", "out/masks")
