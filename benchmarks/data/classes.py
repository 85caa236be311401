"""Tell the user which categories of a dataset count as corrosion if none was named."""

import logging
from typing import TYPE_CHECKING

from corrotwin.twin.core.text import printable

if TYPE_CHECKING:
    from corrotwin.segmentation.data.coco import CocoDataset

_log = logging.getLogger(__name__)


def report_unnamed(data: "CocoDataset", option: str) -> None:
    """Print on stderr which categories count as corrosion if several have annotations and none was named."""
    if data.classes is None and len(data.categories) > 1:
        listed = ", ".join(f"{name} ({count})" for name, count in sorted(data.categories.items()))
        text = f"{len(data.categories)} categories all count as corrosion: {listed}; give --classes to select some"
        _log.warning(printable(f"{option} {data.folder}: {text}"))
