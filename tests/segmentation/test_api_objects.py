"""`Run` and `Dataset`: nobody changes them from outside, and they know their folders wherever the program goes."""

from pathlib import Path

import fakes
import pytest
from small_runs import config_of

import corrotwin as ct
from corrotwin.segmentation import runs
from corrotwin.segmentation.data import splits


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photos and a complete run on them."""
    home = tmp_path_factory.mktemp("home")
    real, renders = (fakes.write_dataset(home / name, 20, name=name) for name in ("photos", "renders"))
    fakes.write_run(home / "run", config_of(), real, splits.split(real, how="published", seed=0), renders)
    return home


def test_counts_settings_and_groups_cannot_be_changed_from_outside(home: Path) -> None:
    run, photos = ct.Run(home / "run"), ct.Dataset(home / "photos").split(by="photo")
    scores, arm, group = dict(run.scores), dict(run.settings["arm"]), dict(photos.parts.group)
    with pytest.raises(ValueError, match="read-only"):
        run.per_image.tp[:] = 0
    run.settings["arm"]["name"] = "mine"
    photos.parts.group.clear()
    assert (run.scores, run.settings["arm"], photos.parts.group) == (scores, arm, group)


def test_runs_and_datasets_are_found_after_the_working_directory_has_changed(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "run" / runs.WEIGHTS).write_bytes(b"weights")
    monkeypatch.chdir(home)
    run, photos = ct.Run("run"), ct.Dataset("photos")
    split, digest = photos.split(by="photo"), run.digest
    monkeypatch.chdir(tmp_path)
    assert (run.folder, run.digest) == (home / "run", digest)
    assert (photos.path, photos.folder, split.path) == (home / "photos",) * 3
    assert all(photo.path.is_file() for photo in split.data.photos)
    assert repr(run).startswith("Run('run', ")
    assert repr(photos).startswith("Dataset('photos', ")
    assert repr(split).startswith("Dataset('photos', ")
