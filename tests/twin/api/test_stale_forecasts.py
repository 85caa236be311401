"""Pages and shells show a forecast of the twin as it is, and no older one."""

from collections.abc import Callable
from pathlib import Path

import pytest

import corrotwin as ct

pytestmark = pytest.mark.usefixtures("few_histories")


@pytest.fixture(scope="module")
def folder(few_histories: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    asset = ct.Asset("plate", length_m=0.5, width_m=0.5, thickness_mm=10, texel_mm=40)
    twin = ct.Twin(asset, built="2010-05-31", years=10, category="C3", coating_life=8)
    for year, value in ((2014, 9.5), (2018, 12.5)):
        twin.inspect(date=f"{year}-05-14", kind="ultrasonic", zone="face", value=value, tool="UT-3", place="T1")
    return twin.save(tmp_path_factory.mktemp("twins") / "plate")


@pytest.fixture(scope="module")
def made(folder: Path) -> ct.Forecast:
    return ct.Twin.load(folder).forecast(years=2)


def registered(twin: ct.Twin, path: Path) -> None:
    path.write_text("id,zone,required (mm)\nT1,face,4.0\n")
    twin.import_register(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda twin, _: twin.grow(1),
        lambda twin, _: twin.inspect(date="2019-05-14", kind="ultrasonic", zone="face", value=6, tool="UT", place="T1"),
        lambda twin, _: twin.accept(next(iter(twin.suspects)), why="a doubler plate"),
        lambda twin, _: twin.record_event("replacement", date="2019-05-14", zone="face"),
        lambda twin, folder: registered(twin, folder / "register.csv"),
    ],
)
def test_a_forecast_older_than_a_change_of_the_twin_is_refused(
    change: Callable[[ct.Twin, Path], object], made: ct.Forecast, folder: Path, tmp_path: Path
) -> None:
    twin = ct.Twin.load(folder)
    assert twin._of_now(made) is made
    change(twin, tmp_path)
    for write in (twin.view, lambda path, forecast: twin.export(path.with_suffix(".json"), forecast)):
        with pytest.raises(ct.InputError, match=r"^`forecast`: belongs to another twin than plate-\w+, or is older"):
            write(tmp_path / "page.html", made)
    assert not [path for path in tmp_path.iterdir() if path.stem == "page"]
