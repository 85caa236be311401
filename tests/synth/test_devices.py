from pathlib import Path

import pytest

from synth import devices
from twin.files import InputError


@pytest.mark.parametrize(
    ("wanted", "cards", "found"),
    [
        ("cpu", {"nvidia": 8}, ("cpu", 0)),
        ("auto", {}, ("cpu", 0)),
        ("auto", {"nvidia": 0, "amd": 0, "apple": 0}, ("cpu", 0)),
        ("auto", {"nvidia": 4, "amd": 1}, ("optix", 4)),
        ("auto", {"amd": 2}, ("hip", 2)),
        ("auto", {"apple": 1}, ("metal", 1)),
        ("cuda", {"nvidia": 2}, ("cuda", 2)),
        ("hip", {"nvidia": 2, "amd": 1}, ("hip", 1)),
    ],
)
def test_best_way_of_the_cards_there_are(wanted: str, cards: dict[str, int], found: tuple[str, int]) -> None:
    assert devices.choose(wanted, cards) == found


@pytest.mark.parametrize(
    ("wanted", "cards", "message"),
    [
        ("optix", {"amd": 1, "nvidia": 0}, "--device optix: found 1 amd; choose auto or cpu"),
        ("metal", {}, "--device metal: found no graphics card; choose auto or cpu"),
        ("gpu", {"nvidia": 1}, "--device gpu: choose from cpu, auto, optix, cuda, hip, metal"),
    ],
)
def test_card_that_is_not_there_is_refused(wanted: str, cards: dict[str, int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        devices.choose(wanted, cards)


def test_cards_are_counted_and_what_else_the_driver_shows_is_not(tmp_path: Path) -> None:
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "null"):
        (tmp_path / name).touch()
    assert devices.cards_here(tmp_path)["nvidia"] == 2
