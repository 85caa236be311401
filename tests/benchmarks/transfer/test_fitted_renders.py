"""Presets that are fitted inside redraws."""

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from transfers import SETTINGS, give, ids

from corrotwin.benchmarks.transfer import evaluation_log, fitted_renders, layout, resampling
from corrotwin.benchmarks.transfer.protocol import ProtocolSettings
from corrotwin.segmentation.data import coco
from corrotwin.synth import api
from corrotwin.synth.fitting import fit, photographs
from corrotwin.synth.presets.schema import Preset
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_json, write_json, write_manifest

Maker = Callable[..., Any]


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch, fake_dataset: Maker) -> list[list[str]]:
    """Replace fits and renders; the photos of each fit are recorded, and renders differ by its seed."""
    found: list[list[str]] = []

    def fake_fit(seen: list[str], base: Preset, work: Path, *, seed: int) -> SimpleNamespace:
        found.append(seen)
        return SimpleNamespace(preset=Preset.like(base.name, description=f"of {seed}"))

    def fake_render(*, out: Path, preset: Preset, count: int, size: int, seed: int) -> None:
        assert preset.description == f"of {seed}"
        fake_dataset(out, count, name="fitted", seed=100 + seed)
        write_manifest(out, "dataset", {"seed": seed})

    monkeypatch.setattr(photographs, "look", lambda data: sorted(photo.file_name for photo in data.photos))
    monkeypatch.setattr(fit, "fit", fake_fit)
    monkeypatch.setattr(api, "render", fake_render)
    return found


@pytest.mark.ci
def test_presets_are_fitted_to_the_few_photos_of_their_own_redraw_alone(
    home: Path, trained: list[str], fitted: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"redraws": 3, "real_fraction": 0.5, "renders_of_fit": 4}
    give(home, **given, fits=2, dry_run=True)
    assert "2 presets to fit and render first" in capsys.readouterr().out
    assert fitted == []
    assert give(home, **given, fits=2) == 0
    photos = layout.read_photos(home / "photos")
    settings = ProtocolSettings(**{**SETTINGS, "real_fraction": 0.5})
    redraws = [resampling.redraw(photos.data, photos.spots, settings, number).split for number in range(2)]
    assert fitted == [sorted(each.train) for each in redraws]
    assert not any({*seen} & {*each.test, *each.valid} for seen, each in zip(fitted, redraws, strict=True))
    names = [name for name in ids(trained, home) if "fitted" in name]
    renders = [coco.read(folder) for run in (1, 2) for folder in home.glob(f"out/photos/run-0{run}/few/fit-*/fitted-4")]
    assert names == [
        f"photos/run-0{run}/few/fitted-{data.digest[:8]}/runs/fitted-mixed50-50pct-mobilenet_v2-00"
        for run, data in zip((1, 2), renders, strict=True)
    ]
    assert renders[0].digest != renders[1].digest
    for name, data in zip(names, renders, strict=True):
        training = read_json(home / "out" / name / "run.json")
        assert training["data"]["renders"] == data.digest
        assert training["counts"]["train_renders"] == 4
    said = capsys.readouterr().out
    assert re.search(r"^\| fitted-mixed50-50pct \| 10 \| 4 \| 0\..* \| 2 \|$", said, re.MULTILINE)
    for row in ("fitted-mixed50-50pct − real-50pct", "fitted-mixed50-50pct − mixed50-50pct"):
        assert f"| {row} | " in said


@pytest.mark.ci
def test_fits_are_made_once_more_may_follow_and_fewer_take_none_away(
    home: Path, trained: list[str], fitted: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"redraws": 3, "real_fraction": 0.5, "renders_of_fit": 4}
    give(home, **given)
    trained.clear()
    give(home, **given, fits=1)
    assert [Path(each).name for each in trained] == ["fitted-mixed50-50pct-mobilenet_v2-00"]
    trained.clear()
    give(home, **given, fits=1)
    assert (len(fitted), trained) == (1, [])
    give(home, **given, fits=3)
    assert (len(fitted), len(trained)) == (3, 2)
    trained.clear()
    capsys.readouterr()
    give(home, **given)
    assert (len(fitted), trained) == (3, [])
    assert "presets to fit" not in (said := capsys.readouterr().out)
    assert re.search(r"^\| fitted-mixed50-50pct \| .* \| 3 \|$", said, re.MULTILINE)


def test_a_fit_that_was_killed_goes_on_with_its_preset(
    home: Path, trained: list[str], fitted: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(**_: Any) -> None:
        raise KeyboardInterrupt

    given = {"redraws": 1, "real_fraction": 0.5, "renders_of_fit": 4, "fits": 1}
    with monkeypatch.context() as patch:
        patch.setattr(api, "render", killed)
        with pytest.raises(KeyboardInterrupt):
            give(home, **given)
    assert evaluation_log.read(home / "out") == []  # nothing was measured
    assert give(home, **given) == 0
    assert len(fitted) == 1


def test_a_redraw_with_too_few_photos_for_a_fit_is_refused_before_any_other_is_fitted(
    home: Path, trained: list[str], fitted: list[list[str]]
) -> None:
    message = "a preset is fitted to at least 10 photos with labels, of two spots, but redraw 1 has 8 of 4; give a"
    with pytest.raises(InputError, match=message):
        give(home, redraws=2, real_fraction=0.4, fits=2)
    assert (fitted, trained) == ([], [])
    assert not (home / "out").exists()


def test_other_labels_are_another_fit(home: Path, fitted: list[list[str]]) -> None:
    """Else a preset could have seen, by an earlier draw, what is tested now."""
    settings = ProtocolSettings(**{**SETTINGS, "real_fraction": 0.5})

    def folder() -> Path:
        photos = layout.read_photos(home / "photos")
        return fitted_renders.folder_of(home / "out", photos, resampling.redraw(photos.data, photos.spots, settings, 0))

    before = folder()
    content = read_json(home / "photos" / "annotations.json")
    content["annotations"] = content["annotations"][1:]
    write_json(home / "photos" / "annotations.json", content)
    assert folder() != before
    table = home / "photos" / "spots.csv"
    labels = folder()
    table.write_text(table.read_text().replace(",1\n", ",0\n").replace(",8\n", ",9\n"))
    assert folder() != labels
