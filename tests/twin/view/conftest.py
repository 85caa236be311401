"""A short spool with readings, a photograph and names that mean harm, its forecast and its page."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from corrotwin.twin import assets, store, twin_state
from corrotwin.twin.bayes import session
from corrotwin.twin.forecast import result
from corrotwin.twin.forecast.result import Forecast
from corrotwin.twin.inspection import log, readers
from corrotwin.twin.inspection.events import Event
from corrotwin.twin.inspection.records import Record
from corrotwin.twin.mechanisms.process import own
from corrotwin.twin.model.coating import Paint
from corrotwin.twin.model.exposure import at
from corrotwin.twin.twin_state import EPOCH, later
from corrotwin.twin.view import page
from corrotwin.twin.view.surface import SurfaceHistory, surface_history

HOSTILE = "</script><script>document.title='owned'</script>"
PIPE = {
    "nps": "6", "schedule": "40", "run_m": 0.6, "pieces": 1, "flanged": False, "start": "flange", "finish": "cut",
    "leg_m": 0.0, "branch_nps": "none", "supports_at_m": [], "upright": False,
}  # fmt: skip


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    drawn = twin_state.sample_twin("pipe", np.random.default_rng(1), texel_mm=8.0)
    twin = replace(
        drawn, id=HOSTILE, parameters={**drawn.parameters, **PIPE}, exposure=at("C5"), coating=Paint(life_years=6.0),
        clock=later(EPOCH, 10), mechanisms=(own(zones=("bore",), rate_mm_year=0.05),),
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("view") / "spool"
    store.save(twin, folder)
    asset = twin_state.asset(twin)
    texels = assets.texels(asset)
    body = (texels.zone == asset.zone_names.index("body")) & (texels.area_mm2 > 0)
    places = np.argwhere(body)[[40, -40]]
    readings = [
        Record(date=day, zone="body", kind="ultrasonic", value=value, tool=HOSTILE, place=name, uv=uv)
        for (row, column), name in zip(places, ("TML-1", HOSTILE), strict=True)
        for uv in [((column + 0.5) / asset.atlas_shape[1], (row + 0.5) / asset.atlas_shape[0])]
        for day, value in (("2004-06-01", 6.9), ("2009-06-01", 6.6))
    ]
    unplaced = Record(date="2009-06-01", zone="bore", kind="pit", value=0.7, tool="gauge")
    log.append(folder, [*readings, unplaced])
    pattern = Record(date="2009-06-01", zone="body", kind="photo", value=0, tool="camera")
    top = body & (texels.normal[..., 2] > 0.5)
    log.append(folder, *readers.photo_records(pattern, asset, texels, top, twin_state.fields(twin).rust_cover > 0.5))
    return folder


@pytest.fixture(scope="session")
def made(folder: Path) -> Forecast:
    return forecast(folder)


@pytest.fixture(scope="session")
def replaced(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Forecast:
    """The same spool, whose body was replaced after six years, behind which the bore is new, too."""
    other = tmp_path_factory.mktemp("replaced") / "spool"
    shutil.copytree(folder, other)
    log.add(other, [], [Event(date="2006-06-01", kind="replacement", zone="body", why="leak")])
    return forecast(other)


def forecast(folder: Path) -> Forecast:
    with pytest.MonkeyPatch.context() as patch:  # two small runs, which take seconds
        for module, names in ((session, ("RUNS", "MOST_RUNS")), (result, ("MOST_RUNS",))):
            for name in names:
                patch.setattr(module, name, 2)
        for name in ("DRAWS", "DRAWS_SEEN"):
            patch.setattr(session, name, 4)
        known = session.open_session(folder, ahead_years=20.0, seed=0, particles=40)
        return result.make(known, years=10.0, required={"body": 5.0})


@pytest.fixture(scope="session")
def surface(made: Forecast) -> SurfaceHistory:
    return surface_history(made.known.twin, made.known.now_years, made.years[-1])


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory, made: Forecast, surface: SurfaceHistory) -> Path:
    path = tmp_path_factory.mktemp("page") / "spool.html"
    page.write(path, made, surface)
    return path
