"""Categories of a set of photos that count as corrosion where none was named."""

import sys
from typing import TYPE_CHECKING

from corrotwin.twin.core.cli import shown

if TYPE_CHECKING:
    from corrotwin.segmentation.data.coco import CocoDataset


def report_unnamed(data: "CocoDataset", option: str) -> None:
    """Print on stderr which categories count as corrosion where several have annotations and none was named."""
    if data.classes is None and len(data.categories) > 1:
        listed = ", ".join(f"{name} ({count})" for name, count in sorted(data.categories.items()))
        text = f"annotations of {len(data.categories)} categories all count as corrosion: {listed}; --classes chooses"
        print(shown(f"{option} {data.folder}: {text}"), file=sys.stderr)  # noqa: T201
