"""Each run trains on its own draw of the renders, by whole scenes."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from studies import small, snapshot

from corrotwin.benchmarks.data import scenes
from corrotwin.benchmarks.study import draws, planning, results, runner
from corrotwin.benchmarks.study.preparation import prepare
from corrotwin.benchmarks.study.sources import RUNS, Sources
from corrotwin.segmentation.data import coco
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_json, write_json, write_manifest

Maker = Callable[..., Any]


def in_scenes(folder: Path, views: int, *, ours: bool = True) -> coco.CocoDataset:
    """Give the images of a folder scenes of so many views, and perhaps the card of our renders."""
    content = read_json(folder / "annotations.json")
    for place, image in enumerate(content["images"]):
        image["scene"] = place // views
    write_json(folder / "annotations.json", content)
    if ours:
        write_manifest(folder, "dataset", {})
    return coco.read(folder)


@pytest.mark.parametrize("ours", [True, False])
def test_draws_are_whole_scenes_that_no_other_draw_has(tmp_path: Path, fake_dataset: Maker, ours: bool) -> None:
    fake_dataset(tmp_path / "renders", 20, name="r")
    renders = in_scenes(tmp_path / "renders", 3, ours=ours)
    found = draws.deal(renders, runs=2, size=7, seed=4)
    scene_of = scenes.group_by_scene(renders) or {}
    of_draws = [{scene_of[photo.file_name] for photo in draw.photos} for draw in found]
    assert all(not one & other for one, other in combinations(of_draws, 2))
    assert [len(draw.photos) for draw in found][:2] == [6, 6] if ours else all(len(each) <= 2 for each in of_draws)
    for draw, of_draw in zip(found, of_draws, strict=True):
        assert len(draw.photos) == sum(scene in of_draw for scene in scene_of.values())
    assert len({draw.digest for draw in found}) == len(found)
    assert [draw.digest for draw in draws.deal(renders, runs=2, size=7, seed=4)] == [draw.digest for draw in found]
    other = draws.deal(renders, runs=2, size=7, seed=5)
    assert ([draw.digest for draw in other] == [draw.digest for draw in found]) == ours


@pytest.mark.parametrize(
    ("views", "counts", "size", "runs", "dealt"),
    [(2, (12, 30), 4, 3, (3, 7)), (3, (11, 14), 6, 1, (1, 2)), (3, (12, 15), 6, 2, (2, 2))],
)
def test_a_folder_that_grows_keeps_its_first_draws(
    tmp_path: Path, fake_dataset: Maker, views: int, counts: tuple[int, int], size: int, runs: int,
    dealt: tuple[int, int],
) -> None:  # fmt: skip
    """Also where the last scene was cut off by the count, and has more views now."""
    for count in counts:
        fake_dataset(tmp_path / str(count), count, name="r")
        in_scenes(tmp_path / str(count), views)
    few, many = (
        [draw.digest for draw in draws.deal(coco.read(tmp_path / str(count)), runs=runs, size=size, seed=0)]
        for count in counts
    )
    assert (len(few), len(many)) == dealt
    assert many[: len(few)] == few


def test_other_images_than_our_renders_are_dealt_anew_when_they_grow_which_a_study_refuses(
    tmp_path: Path, log: dict[str, Any], data: Path, fake_dataset: Maker
) -> None:
    out, renders = tmp_path / "out", tmp_path / "renders"
    sources = Sources(data=data, renders=renders)
    fake_dataset(renders, 8, name="r", seed=3)
    in_scenes(renders, 2, ours=False)
    runner.run(out, small(), sources)
    before = snapshot(out)
    shutil.rmtree(renders)
    fake_dataset(renders, 16, name="r", seed=3)
    in_scenes(renders, 2, ours=False)
    with pytest.raises(
        InputError, match=r"renders: draw \d: .* requested; .*only renders of `synth render` keep"
    ) as caught:
        runner.run(out, small(runs=3), sources)
    assert "\n" not in str(caught.value)
    assert snapshot(out) == before


def test_draws_that_cannot_be_are_refused_in_a_line(tmp_path: Path, fake_dataset: Maker) -> None:
    fake_dataset(tmp_path / "renders", 8, name="r")
    renders = in_scenes(tmp_path / "renders", 4)
    for runs, size, message in (
        (3, 4, "8 renders in scenes of 4 are too few for 3 runs with a draw of 4 each; render at least 12"),
        (2, 2, "too few for 2 runs with a draw of 4 each; render at least 8"),
        (2, 0, "`renders_per_run` 0 is below 1"),
    ):
        with pytest.raises(InputError, match=message) as caught:
            draws.deal(renders, runs=runs, size=size, seed=0)
        assert "\n" not in str(caught.value)
    content = read_json(tmp_path / "renders" / "annotations.json")
    content["annotations"] = content["annotations"][:4]
    write_json(tmp_path / "renders" / "annotations.json", content)
    with pytest.raises(InputError, match="draw 2 of 4 renders has no corrosion"):
        draws.deal(coco.read(tmp_path / "renders"), runs=2, size=4, seed=0)


def test_draws_that_overlap_are_refused_and_nothing_is_written(
    tmp_path: Path, log: dict[str, Any], data: Path, fake_dataset: Maker
) -> None:
    renders = in_scenes(fake_dataset(tmp_path / "renders", 8, name="r", seed=3).folder, 2)
    shutil.copyfile(renders.photos[0].path, renders.photos[7].path)
    with pytest.raises(InputError, match=r"draws overlap: r-00\.png of draw 1 and r-07\.png of draw 2 are one image"):
        runner.run(tmp_path / "out", small(), Sources(data=data, renders=tmp_path / "renders"))
    assert not (tmp_path / "out").exists()
    assert log["trained"] == []


def test_run_r_of_every_arm_trains_on_draw_r_and_the_study_says_so(
    tmp_path: Path, log: dict[str, Any], data: Path, fake_dataset: Maker, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_dataset(tmp_path / "renders", 9, name="r", seed=3)
    renders = in_scenes(tmp_path / "renders", 1)
    out, config = tmp_path / "out", small(kinds=("real", "mixed", "shuffled"), runs=3)
    runner.run(out, config, Sources(data=data, renders=tmp_path / "renders"))
    assert (
        "  renders: 3 draws of 3 out of 9; no two runs share a scene; few: render 72 for 24 each"
        in capsys.readouterr().out
    )
    found = draws.deal(renders, runs=3, size=3, seed=0)
    for number in range(3):
        for arm in ("mixed", "shuffled"):
            run = read_json(out / RUNS / f"{arm}-vgg16-{number:02d}" / "run.json")
            assert run["data"]["renders"] == found[number].digest
            assert run["counts"]["train_renders"] == 3
    kept = read_json(out / "study.json")["renders"]
    assert kept["draws"] == [{"digest": draw.digest, "images": 3} for draw in found]
    assert kept["digest"] == renders.digest
    assert not results.load(out).missing
    # a run that trained on another run's draw blocks its place
    path = out / RUNS / "mixed-vgg16-01" / "run.json"
    run = read_json(path)
    write_json(path, {**run, "data": {**run["data"], "renders": found[0].digest}})
    assert list(results.load(out).missing) == ["mixed-vgg16-01"]


def test_more_runs_need_more_renders_and_keep_the_draws_there(
    tmp_path: Path, log: dict[str, Any], data: Path, fake_dataset: Maker
) -> None:
    fake_dataset(tmp_path / "renders", 8, name="r", seed=3)
    in_scenes(tmp_path / "renders", 2)
    out, sources = tmp_path / "out", Sources(data=data, renders=tmp_path / "renders")
    runner.run(out, small(), sources)
    first = read_json(out / "study.json")["renders"]["draws"]
    before = snapshot(out)
    with pytest.raises(InputError, match="8 renders in scenes of 2 are too few for 3 runs with a draw of 4 each"):
        runner.run(out, small(runs=3), sources)
    with pytest.raises(InputError, match=r"renders: draw 1: \.\./renders \(.*\) there, .* requested"):
        runner.run(out, small(), Sources(data=data, renders=tmp_path / "renders", renders_per_run=2))
    assert snapshot(out) == before
    shutil.rmtree(tmp_path / "renders")
    fake_dataset(tmp_path / "renders", 12, name="r", seed=3)
    in_scenes(tmp_path / "renders", 2)
    del log["trained"][:]
    runner.run(out, small(runs=3), sources)
    assert log["trained"] == ["real-vgg16-02", "mixed-vgg16-02"]
    assert read_json(out / "study.json")["renders"]["draws"][:2] == first


def test_a_study_whose_runs_share_one_draw_goes_on_so_and_says_it(
    tmp_path: Path, log: dict[str, Any], fake_study: Maker, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    config = fake_study(out, data=tmp_path / "photos", backbones=("vgg16",), photo="other")
    sources = Sources(data=tmp_path / "photos", renders=out / "renders")
    shared = prepare(tmp_path / "new", config, sources).shared
    write_json(out / "claim.json", {"kind": "study", "configuration": shared})
    runner.run(out, small(runs=3), sources)
    assert log["trained"] == ["real-vgg16-02", "mixed-vgg16-02"]
    assert "all runs share one draw of 4, so what is found speaks of these renders alone" in capsys.readouterr().out
    assert "draws" not in read_json(out / "study.json")["renders"]
    assert not results.load(out).missing
    with pytest.raises(InputError, match="all runs there share one draw of renders; leave out `renders_per_run`"):
        runner.run(out, small(), Sources(data=tmp_path / "photos", renders=out / "renders", renders_per_run=2))


def test_runs_gathered_by_hand_keep_the_renders_beside_them(
    tmp_path: Path, log: dict[str, Any], fake_study: Maker
) -> None:
    out, photos = tmp_path / "out", tmp_path / "photos"
    config = fake_study(out, data=photos, backbones=("vgg16",))
    for path in out.iterdir():
        if path.name not in ("runs", "renders", "split.json"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    renders = in_scenes(out / "renders", 1)
    for path in out.glob("runs/*/run.json"):  # they trained on these, in a scene each
        run = read_json(path)
        if run["data"]["renders"] is not None:
            write_json(path, {**run, "data": {**run["data"], "renders": renders.digest}})
    made = {path: path.read_bytes() for path in out.glob("runs/*/*")}
    before = snapshot(out / "renders")
    more = tuple(replace(cell, runs=cell.runs + 1) for cell in config.cells)
    config = replace(config, cells=more, renders=replace(config.renders, count=len(renders.photos)))
    assert runner.run(out, config, Sources(data=photos)) == []
    assert log["rendered"] == []
    assert {key.rpartition("-")[2] for key in log["trained"]} == {f"{config.runs - 1:02d}"}
    assert snapshot(out / "renders") == before
    assert all(path.read_bytes() == content for path, content in made.items())
    kept = read_json(out / "study.json")["renders"]
    assert (kept["digest"], "draws" in kept) == (renders.digest, False)
    assert not results.load(out).missing


@pytest.mark.parametrize("ours", [True, False])
def test_the_plan_says_where_a_folder_of_renders_cannot_grow(
    tmp_path: Path, fake_dataset: Maker, capsys: pytest.CaptureFixture[str], ours: bool
) -> None:
    fake_dataset(tmp_path / "photos", 20)
    fake_dataset(tmp_path / "renders", 12, name="r", seed=1)
    in_scenes(tmp_path / "renders", 1, ours=ours)
    sources = Sources(data=tmp_path / "photos", renders=tmp_path / "renders")
    study = prepare((tmp_path / "out").resolve(), small(runs=2), sources)
    said = "\n".join(planning.renders_lines(study))
    assert "2 draws of 6 out of 12" in said
    assert ("renders is divided again when it grows; leave draws for later runs" in said) == (not ours)
