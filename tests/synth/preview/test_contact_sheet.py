import numpy as np

from corrotwin.synth.preview import contact_sheet


def test_photos_are_shown_in_their_own_proportions() -> None:
    image = np.full((40, 80, 3), 200, np.uint8)
    mask = np.zeros((40, 80), bool)
    mask[10:30, 20:40] = True
    shown = np.array(contact_sheet.outlined(image, mask, 160))
    assert shown.shape == (160, 160, 3)
    assert (shown[:40] == 0).all()
    assert (shown[120:] == 0).all()
    outline = (shown == contact_sheet.OUTLINE).all(axis=-1)
    rows, columns = np.nonzero(outline)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (60, 99, 40, 79)
    assert outline.sum() == 4 * 39
    assert (shown[40:120][~outline[40:120]] == 200).all()
    assert contact_sheet.outlined(np.zeros((1, 999, 3), np.uint8), np.ones((1, 999), bool), 160).size == (160, 160)
