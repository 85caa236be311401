import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corrotwin.synth.labels import severity
from corrotwin.twin.core.rust_grade import rust_grade

losses = st.floats(0, 30)


def test_band_begins_at_its_edge() -> None:
    edges = np.array(list(severity.LOSS_BANDS_MM.values()), np.float32)
    assert severity.loss_bands(edges).tolist() == [1, 2, 3, 4]
    assert severity.loss_bands(np.nextafter(edges, np.float32(0))).tolist() == [0, 1, 2, 3]
    assert severity.loss_bands(np.zeros((2, 3), np.float32)).tolist() == [[0] * 3] * 2
    assert severity.loss_bands(edges).dtype == np.uint8


@given(st.lists(losses, min_size=2, max_size=9))
def test_deeper_is_never_a_lower_band(losses_mm: list[float]) -> None:
    bands = severity.loss_bands(np.sort(losses_mm))
    assert (np.diff(bands.astype(int)) >= 0).all()


@pytest.mark.parametrize(
    ("mean", "most", "thickness", "state"),
    [
        (0.0, 0.0, 10.0, "CS2"),
        (0.1, 0.49, 10.0, "CS2"),
        (0.1, 0.5, 0.0, "CS3"),  # an eye sees half a millimetre, whatever the thickness
        (0.2, 0.3, 10.0, "CS3"),  # 2 % on the whole
        (0.05, 0.3, 4.0, "CS3"),  # 5 % somewhere
        (1.0, 1.2, 10.0, "CS4"),  # 10 % on the whole
        (0.2, 3.0, 10.0, "CS4"),  # 30 % somewhere
        (5.0, 9.0, 0.0, "CS3"),  # of an unknown thickness nobody knows the share
    ],
)
def test_condition_states(mean: float, most: float, thickness: float, state: str) -> None:
    assert severity.condition_state(mean, most, thickness) == state


@given(losses, losses, losses, st.floats(0.5, 40))
def test_state_never_improves_with_loss_or_on_thinner_metal(mean: float, most: float, more: float, mm: float) -> None:
    state = severity.condition_state(mean, most, mm)
    assert severity.condition_state(mean + more, most + more, mm) >= state
    assert severity.condition_state(mean, most, mm / 2) >= state


@pytest.mark.parametrize(
    ("rusted", "grade"),
    [
        (0, "Ri 0"),
        (1, "Ri 1"),
        (2, "Ri 2"),
        (10, "Ri 2"),
        (11, "Ri 3"),
        (20, "Ri 3"),
        (21, "Ri 4"),
        (160, "Ri 4"),
        (161, "Ri 5"),
    ],
)
def test_share_of_pixels_has_its_degree_of_rusting(rusted: int, grade: str) -> None:
    cover = np.where(np.arange(2000) < rusted, 0.51, 0.5)
    percent = severity.rusted_percent(cover, 0.5)
    assert percent == pytest.approx(rusted / 20)
    assert rust_grade(round(percent, 9)) == grade


def test_degrees_of_rusting_end_where_iso_4628_3_says() -> None:
    """0, 0.05, 0.5, 1 and 8 % of the surface are the last of Ri 0 to Ri 4."""
    ends = (0.0, 0.05, 0.5, 1.0, 8.0)
    assert [rust_grade(end) for end in ends] == ["Ri 0", "Ri 1", "Ri 2", "Ri 3", "Ri 4"]
    assert [rust_grade(end + 0.01) for end in ends[1:]] == ["Ri 2", "Ri 3", "Ri 4", "Ri 5"]
