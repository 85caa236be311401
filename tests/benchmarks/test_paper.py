import itertools
from pathlib import Path

import pytest

from corrotwin.benchmarks import paper
from corrotwin.segmentation.config import BACKBONES


def test_every_table_covers_the_four_backbones_and_their_six_pairs() -> None:
    assert set(paper.TABLE_I) == set(paper.TABLE_II) == set(BACKBONES)
    assert set(paper.TABLE_III) == set(paper.TABLE_IV) == set(itertools.combinations(sorted(BACKBONES), 2))


def test_significance_follows_from_the_printed_p_values() -> None:
    for table in (paper.TABLE_III, paper.TABLE_IV):
        assert all(row.significant == (row.p < 0.05) for row in table.values())


def test_the_tables_stand_in_the_papers_text() -> None:
    texts = sorted((Path(__file__).resolve().parents[3] / "shared" / "paper").glob("*.txt"))
    if not texts:
        pytest.skip("the paper's text is not beside the checkout (../shared/paper)")
    rows = {tuple(line.split("\t")) for line in texts[0].read_text().splitlines() if "\t" in line}
    names = {"resnet152": "ResNet152", "vgg16": "VGG16", "inceptionv4": "InceptionV4", "mobilenet_v2": "MobileNetV2"}

    def printed(value: paper.PublishedEstimate) -> str:
        return f"{value.mean:.3f} ± {value.sd:.3f}"

    for backbone, row in paper.TABLE_II.items():
        assert (names[backbone], printed(row.f1), printed(row.iou)) in rows
    for backbone, row in paper.TABLE_I.items():
        found = next(cells for cells in rows if cells[0] == names[backbone] and len(cells) == 6)
        numbers = [float(cell.removeprefix("~ ")) for cell in found[1:4]]
        assert (*numbers, found[4]) == (row.params_m, row.depth, row.gflops, printed(row.train_minutes))
    for table in (paper.TABLE_III, paper.TABLE_IV):
        for pair, row in table.items():
            assert (*pair, str(row), "Yes" if row.significant else "No") in rows
