import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from studies import small, snapshot, write_spots

from corrotwin.benchmarks.data import photo_groups, scenes
from corrotwin.benchmarks.report.context import gather
from corrotwin.benchmarks.report.sections import data as parts_data
from corrotwin.benchmarks.report.sections import method
from corrotwin.benchmarks.study import draws, manifest, results, runner
from corrotwin.benchmarks.study.config import choose
from corrotwin.benchmarks.study.preparation import prepare
from corrotwin.benchmarks.study.sources import Sources
from corrotwin.segmentation.arms import MIXED_SHARE
from corrotwin.segmentation.data import coco, groups, leakage, splits
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_json, write_json, write_manifest

Maker = Callable[..., Any]
Command = Callable[..., subprocess.CompletedProcess[str]]


def test_renders_of_a_folder_take_the_place_of_rendering(
    tmp_path: Path, log: dict[str, Any], data: Path, fake_dataset: Maker
) -> None:
    renders = fake_dataset(tmp_path / "renders", 6, name="r", seed=3)
    out = tmp_path / "out"
    runner.run(out, small(), Sources(data=data, renders=tmp_path / "renders", renders_per_run=2))
    assert log["rendered"] == []
    manifest = read_json(out / "study.json")
    assert (manifest["renders"]["digest"], manifest["renders"]["plan"]) == (renders.digest, None)
    assert manifest["renders"]["folder"] == "../renders"
    # left out, they are those of before; gone, only what needs them asks for them
    runner.run(out, small(runs=3), Sources(data=data))
    third = draws.deal(renders, runs=3, size=2, seed=0)[2]
    assert read_json(out / "runs" / "mixed-vgg16-02" / "run.json")["data"]["renders"] == third.digest
    shutil.rmtree(tmp_path / "renders")
    runner.run(out, small(kinds=("real",), runs=4), Sources(data=data))
    assert log["trained"][-1] == "real-vgg16-03"
    before = snapshot(out)
    with pytest.raises(InputError, match=r"give `renders`, since .*renders: no such"):
        runner.run(out, small(kinds=("mixed",), runs=4), Sources(data=data))
    assert snapshot(out) == before
    assert log["rendered"] == []


def test_renders_that_hold_a_test_photo_are_refused_and_photos_beside_the_split_are_told(
    tmp_path: Path, log: dict[str, Any], data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runner.run(tmp_path / "out", small(kinds=("real",)), Sources(data=data), dry_run=True)
    assert "no part of the split" not in capsys.readouterr().err
    photos = coco.read(data)
    parts = splits.split(photos, how="published", seed=0)
    shutil.copytree(data, tmp_path / "mixed")  # "renders" that are the photos, but for one
    document = read_json(tmp_path / "mixed" / "annotations.json")
    write_json(tmp_path / "mixed" / "annotations.json", {**document, "annotations": document["annotations"][1:]})
    with pytest.raises(InputError, match=r"mixed: 6 renders are photos of validation or test, such as .*; take them"):
        runner.run(tmp_path / "out", small(), Sources(data=data, renders=tmp_path / "mixed"))
    fewer = replace(parts, train=parts.train[1:], group={name: name for name in parts.group if name != parts.train[0]})
    splits.save(fewer, tmp_path / "split.json")
    runner.run(
        tmp_path / "out", small(kinds=("real",)), Sources(data=data, split=tmp_path / "split.json"), dry_run=True
    )
    said = capsys.readouterr().err
    assert f"1 photo is in no part of the split and will not be used (first: {parts.train[0]}); split again" in said
    assert not (tmp_path / "out").exists()


def test_renders_given_from_the_studys_own_folder_are_not_added_to(
    tmp_path: Path, log: dict[str, Any], data: Path, fake_dataset: Maker
) -> None:
    out = tmp_path / "out"
    runner.run(out, small(kinds=("real",), runs=1), Sources(data=data))
    renders = fake_dataset(out / "renders", 3, name="r", seed=7)
    runner.run(out, small(), Sources(data=data, renders=out / "renders", renders_per_run=1))
    runner.run(out, small(runs=3), Sources(data=data))
    assert log["rendered"] == []
    manifest = read_json(out / "study.json")["renders"]
    assert (manifest["folder"], manifest["plan"], manifest["digest"]) == ("renders", None, renders.digest)


def test_renders_that_come_out_otherwise_train_nothing(
    tmp_path: Path, log: dict[str, Any], data: Path, fake_dataset: Maker
) -> None:
    runner.run(tmp_path / "out", small(), Sources(data=data))
    shutil.rmtree(tmp_path / "out" / "renders")
    fake_dataset(tmp_path / "out" / "renders", 12, seed=9)
    with pytest.raises(InputError, match=r"renders: draw 1: renders \(.*\) there, .* requested; give those there"):
        runner.run(tmp_path / "out", small(runs=3), Sources(data=data))
    assert len(log["trained"]) == 4


def test_renders_that_are_whole_are_taken_as_they_are(tmp_path: Path, log: dict[str, Any], data: Path) -> None:
    """Also where the program could no longer make them; a lost one is made again."""
    runner.run(tmp_path / "out", small(), Sources(data=data))
    del log["rendered"][:]
    runner.run(tmp_path / "out", small(kinds=("shuffled",)), Sources(data=data))
    assert "shuffled-vgg16-01" in log["trained"]
    assert log["rendered"] == []
    next((tmp_path / "out" / "renders" / "images").iterdir()).unlink()
    with pytest.raises(InputError, match="is missing"):
        runner.run(tmp_path / "out", small(kinds=("shuffled",), real_fractions=(0.5,)), Sources(data=data))
    assert log["rendered"] != []


def test_a_run_from_before_a_setting_was_added_has_its_default(tmp_path: Path, log: dict[str, Any], data: Path) -> None:
    out = tmp_path / "out"
    runner.run(out, small(), Sources(data=data))
    for path in (*out.glob("runs/*/run.json"), out / "study.json"):
        content = read_json(path)
        cells = [content["config"]] if path.name == "run.json" else content["config"]["cells"]
        for cell in cells:
            del cell["arm"]["shuffled_masks"]
        if path.name == "run.json":
            del content["config"]["loss"]
        write_json(path, content)
    del log["trained"][:]
    assert runner.run(out, small(), Sources(data=data)) == []
    assert log["trained"] == []
    assert not results.load(out).missing


def test_a_study_keeps_the_render_share_that_it_was_begun_with(
    tmp_path: Path, log: dict[str, Any], data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    runner.run(out, small(), Sources(data=data, render_share=0.25))
    assert read_json(out / "runs" / "mixed-vgg16-00" / "run.json")["config"]["arm"]["synth_share"] == 0.25
    capsys.readouterr()
    runner.run(out, small(kinds=("mixed", "shuffled"), runs=3), Sources(data=data))
    assert "  mixed (25 % renders): vgg16 3" in capsys.readouterr().out
    for key in ("mixed-vgg16-02", "shuffled-vgg16-02"):
        assert read_json(out / "runs" / key / "run.json")["config"]["arm"]["synth_share"] == 0.25
    study = results.load(out)
    assert study.label.endswith("Arm mixed and shuffled: 25 % renders in each batch.")
    before = snapshot(out)
    with pytest.raises(
        InputError, match="25 % of each batch are renders in the arms there, 50 % requested; leave out `re"
    ):
        runner.run(out, small(runs=4), Sources(data=data, render_share=0.5))
    with pytest.raises(InputError, match="`render_share` 1 is not between 0 and 1"):
        runner.run(tmp_path / "new", small(), Sources(data=data, render_share=1.0))
    assert snapshot(out) == before
    assert not (tmp_path / "new").exists()


def test_a_new_study_mixes_half_and_half(tmp_path: Path, log: dict[str, Any], data: Path) -> None:
    runner.run(tmp_path / "out", small(), Sources(data=data))
    assert results.load(tmp_path / "out").config.render_share == MIXED_SHARE == 0.5


def with_cracks(folder: Path) -> None:
    """Make every second annotation one of a crack."""
    content = read_json(folder / "annotations.json")
    content["categories"].append({"id": 2, "name": "crack"})
    for each in content["annotations"][::2]:
        each["category_id"] = 2
    write_json(folder / "annotations.json", content)


def test_names_of_categories_cannot_steer_a_terminal(
    tmp_path: Path, log: dict[str, Any], data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with_cracks(data)
    content = read_json(data / "annotations.json")
    content["categories"][-1]["name"] = "crack\x1b[2J"
    write_json(data / "annotations.json", content)
    runner.run(tmp_path / "out", small(kinds=("real",), runs=1), Sources(data=data), dry_run=True)
    assert r"corrosion (10), crack\x1b[2J (10); give --classes to select" in capsys.readouterr().err


def test_categories_that_count_are_chosen_kept_and_told(
    tmp_path: Path, log: dict[str, Any], data: Path, fake_dataset: Maker, capsys: pytest.CaptureFixture[str]
) -> None:
    with_cracks(data)
    fake_dataset(tmp_path / "yard", 4, name="yard", seed=3)
    with_cracks(tmp_path / "yard")
    config, told = small(kinds=("real",), runs=1), "2 categories all count as corrosion: corrosion (10), crack (10)"
    runner.run(tmp_path / "all", config, Sources(data=data))
    assert told in capsys.readouterr().err
    assert "classes" not in read_json(tmp_path / "all" / "study.json")["data"]
    out, chosen = tmp_path / "out", Sources(data=data, across=(tmp_path / "yard",), classes=("crack",))
    runner.run(out, config, chosen)
    assert told not in capsys.readouterr().err
    kept = read_json(out / "study.json")
    assert kept["data"]["classes"] == ["crack"]
    assert [each["counts"]["annotations"] for each in (kept["data"], kept["across"]["yard"])] == [10, 2]
    assert read_json(out / "claim.json")["configuration"]["classes"] == ["crack"]
    assert prepare(out, config, Sources(data=data)).classes == ("crack",)
    assert runner.run(out, config, Sources(data=data)) == []
    found = gather(results.load(out))
    assert found.dataset is not None
    assert sum(len(photo.annotations) for photo in found.dataset.photos) == 10
    assert "--classes crack" in method.command(found.results)
    for name, message in (
        ("corrosion", "classes: .'crack'. in the folder, .'corrosion'. requested"),
        ("rust", "no class rust"),
    ):
        with pytest.raises(InputError, match=message):
            runner.run(out, config, replace(chosen, classes=(name,)))


def as_copies(folder: Path) -> None:
    """Name photos as Roboflow does, each two as copies of one."""
    content = read_json(folder / "annotations.json")
    for place, image in enumerate(content["images"]):
        name = f"p{place // 2:02d}_png.rf.{place:04x}.png"
        (folder / "images" / image["file_name"]).rename(folder / "images" / name)
        image["file_name"] = name
    write_json(folder / "annotations.json", content)


def test_copies_stay_together_and_are_one_unit(
    tmp_path: Path, log: dict[str, Any], data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    as_copies(data)
    config = small(kinds=("real",), runs=2)
    runner.run(tmp_path / "out", config, Sources(data=data))
    assert "20 photos of 10 source photos by their names (.rf.)" in capsys.readouterr().err
    split = splits.load(tmp_path / "out" / "split.json")
    assert split.how == "grouped"
    assert leakage.leaks(split, groups.by_source_name(coco.read(data))).split_groups == 0
    found = gather(results.load(tmp_path / "out"))
    assert len(set(found.results.groups or ())) == 20
    assert len(set((found.results.groups or {}).values())) == 10
    assert any("spots are not known" in each for each in method.unproven(found.results))


def test_a_photo_that_roboflow_did_not_rename_is_a_copy_of_those_that_it_did(data: Path) -> None:
    as_copies(data)
    content = read_json(data / "annotations.json")
    first = content["images"][0]
    (data / "images" / first["file_name"]).rename(data / "images" / "p00.png")
    first["file_name"] = "p00.png"
    write_json(data / "annotations.json", content)
    found = photo_groups.group_by_name(coco.read(data))
    assert found is not None
    assert [name for name, source in found.items() if source == "p00_png"] == ["p00.png", "p00_png.rf.0001.png"]
    assert photo_groups.are_copies_only({**found, "lone.png": "lone.png"})
    assert not photo_groups.are_copies_only({**found, "lone.png": "pier"})


def test_equal_files_are_copies_whatever_their_names(
    tmp_path: Path, log: dict[str, Any], data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [photo.path for photo in coco.read(data).photos]
    shutil.copyfile(files[0], files[9])
    runner.run(tmp_path / "out", small(kinds=("real",), runs=1), Sources(data=data))
    assert "20 photos of 19 source photos by their names (.rf.) or equal files" in capsys.readouterr().err
    found = results.load(tmp_path / "out").groups
    assert found is not None
    assert len(set(found.values())) == 19
    assert found[files[0].name] == found[files[9].name]
    assert photo_groups.are_copies_only(found)


def test_copies_of_equal_files_are_of_one_photo(data: Path) -> None:
    as_copies(data)
    before = photo_groups.group_copies(coco.read(data))
    assert before == photo_groups.group_by_name(coco.read(data))
    files = [photo.path for photo in coco.read(data).photos]
    shutil.copyfile(files[0], files[1])  # of one source by name, too
    assert photo_groups.group_copies(coco.read(data)) == before
    shutil.copyfile(files[0], files[5])
    found = photo_groups.group_copies(coco.read(data)) or {}
    assert len({found[files[place].name] for place in (0, 1, 4, 5)}) == 1
    assert len(set(found.values())) == 9
    assert photo_groups.are_copies_only(found)


def test_copies_that_a_published_split_tears_are_counted_and_named(
    tmp_path: Path, log: dict[str, Any], data: Path
) -> None:
    """Also in a study from before copies were told, which goes on."""
    as_copies(data)
    config = replace(small(kinds=("real",), runs=1), profile="paper")
    for name in ("now", "before"):
        out = tmp_path / name
        if name == "before":
            out.mkdir()
            bare = splits.split(coco.read(data), how="published", seed=0)
            splits.save(bare, out / "split.json")
            (out / "runs").mkdir()
        runner.run(out, config, Sources(data=data))
        runner.run(out, config, Sources(data=data, split="published"))
        material = gather(results.load(out))
        split = splits.load(out / "split.json")
        assert split.how == "published"
        assert (len(set(split.group.values())) == 10) == (name == "now")
        text, *_, table = parts_data._leaks(material, split)
        expected = len(leakage.leaks(split, groups.by_source_name(coco.read(data))).test.leaked)
        assert expected > 0
        assert f"{expected} of 3 test photos are copies of training photos, judged by " in text.text
        assert [row["test"] for row in table.rows if ".rf." in row["split"]] == [expected]


def test_comparisons_of_runs_on_other_machines_are_named(tmp_path: Path, log: dict[str, Any], data: Path) -> None:
    out = tmp_path / "out"
    runner.run(out, small(runs=1), Sources(data=data))
    assert not any("device or precision" in each for each in method.unproven(results.load(out)))
    path = out / "runs" / "mixed-vgg16-00" / "run.json"
    write_json(path, {**read_json(path), "device": "cuda (a card)", "bfloat16": True})
    (told,) = (each for each in method.unproven(results.load(out)) if "device or precision" in each)
    assert told.endswith(": mixed − real (vgg16, 100 %) (cpu, cuda with bfloat16).")


def test_a_zip_of_our_renders_is_told_from_photographs(tmp_path: Path, fake_dataset: Maker) -> None:
    fake_dataset(tmp_path / "renders", 4)
    write_manifest(tmp_path / "renders", "dataset", {})
    archive = shutil.make_archive(str(tmp_path / "sent"), "zip", tmp_path, "renders")
    assert not manifest.photos_entry(tmp_path, Path(archive), coco.read(Path(archive)))["photographs"]
    content = read_json(tmp_path / "renders" / "annotations.json")
    for image in content["images"]:
        image["scene"] = 7
    write_json(tmp_path / "renders" / "annotations.json", content)
    archive = shutil.make_archive(str(tmp_path / "sent"), "zip", tmp_path, "renders")
    assert set((scenes.group_by_scene(coco.read(Path(archive))) or {}).values()) == {"scene 7"}


def test_spots_reach_the_results_and_the_split(tmp_path: Path, log: dict[str, Any], data: Path) -> None:
    write_spots(tmp_path / "spots.csv", data)
    out = tmp_path / "out"
    runner.run(out, small(kinds=("real",), runs=1), Sources(data=data))
    assert results.load(out).groups is None
    for name, how in (("grouped", None), ("asked", "grouped"), ("published", "published")):
        sources = Sources(data=data, split=how, groups_file=tmp_path / "spots.csv")  # type: ignore[arg-type]
        runner.run(tmp_path / name, small(kinds=("real",), runs=1), sources)
        assert splits.load(tmp_path / name / "split.json").how == (how or "grouped")
        groups = results.load(tmp_path / name).groups
        assert groups is not None
        assert len(set(groups.values())) == 10
    begun = (tmp_path / "published" / "split.json").read_bytes()  # as studies were begun before spots decided
    runner.run(
        tmp_path / "published", small(kinds=("real",), runs=2), Sources(data=data, groups_file=tmp_path / "spots.csv")
    )
    assert (tmp_path / "published" / "split.json").read_bytes() == begun
    split = splits.load(tmp_path / "grouped" / "split.json")
    spots = [{split.group[name] for name in part} for part in (split.train, split.valid, split.test)]
    assert len(set.union(*spots)) == sum(map(len, spots))
    # a file is taken as it is, and what is left out later stays
    runner.run(tmp_path / "file", small(kinds=("real",), runs=1), Sources(data=data, split=out / "split.json"))
    assert (tmp_path / "file" / "split.json").read_bytes() == (out / "split.json").read_bytes()
    runner.run(tmp_path / "grouped", small(kinds=("real",), runs=2), Sources(data=data))
    assert splits.load(tmp_path / "grouped" / "split.json") == split


def test_a_table_of_spots_beside_the_photos_is_taken_and_said_unless_a_study_was_begun_without(
    tmp_path: Path, log: dict[str, Any], data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runner.run(tmp_path / "before", small(kinds=("real",), runs=1), Sources(data=data))
    begun = (tmp_path / "before" / "split.json").read_bytes()
    write_spots(data / "spots.csv", data)
    capsys.readouterr()
    for how in (None, "published"):
        runner.run(tmp_path / str(how), small(kinds=("real",), runs=1), Sources(data=data, split=how))
        assert "20 photos of 10 spots, by spots.csv there" in capsys.readouterr().err
        split = splits.load(tmp_path / str(how) / "split.json")
        assert split.how == (how or "grouped")
        assert len(set(split.group.values())) == 10
    with pytest.raises(
        InputError, match=r"split: published with 20 groups .* there, grouped with 10 groups .* requested"
    ):
        runner.run(tmp_path / "before", small(kinds=("real",), runs=2), Sources(data=data, split="grouped"))
    runner.run(tmp_path / "before", small(kinds=("real",), runs=2), Sources(data=data, split="published"))
    assert (tmp_path / "before" / "split.json").read_bytes() == begun
    assert "spots" not in capsys.readouterr().err


def test_a_split_that_cannot_be_is_refused(
    tmp_path: Path, log: dict[str, Any], data: Path, fake_dataset: Maker
) -> None:
    write_spots(tmp_path / "spots.csv", data)
    runner.run(tmp_path / "out", small(kinds=("real",), runs=1), Sources(data=data))
    other = tmp_path / "other"
    fake_dataset(other, 20, name="other")
    file = tmp_path / "out" / "split.json"
    for sources, message in (
        (Sources(data=data, split="grouped"), "needs spots: .*`groups_file`"),
        (Sources(data=data, split="own"), "no split of its own"),
        (Sources(data=data, split=file, groups_file=tmp_path / "spots.csv"), "has its own groups"),
        (Sources(data=other, split=file), "'photo-00.png' is not in"),
        (Sources(data=data, split=tmp_path / "spots.csv"), "not valid JSON"),
    ):
        with pytest.raises(InputError, match=message):
            runner.run(tmp_path / "new", small(), sources)
        assert not (tmp_path / "new").exists()


@pytest.mark.photos
def test_a_roboflow_export_keeps_its_split_except_in_paper(photos: Path, tmp_path: Path) -> None:
    folder = photos / "steel-bridges"
    sources = Sources(data=folder, groups_file=folder / "spots.csv")
    own = prepare(tmp_path, choose("quick"), sources).split
    assert own is not None
    assert (own.how, len(own.train), len(own.valid), len(own.test)) == ("own", 231, 50, 49)
    assert len(set(own.group.values())) == 313
    published = prepare(tmp_path, choose("paper"), Sources(data=folder)).split
    assert published is not None
    assert (published.how, len(published.train), len(published.valid), len(published.test)) == (
        "published",
        230,
        50,
        50,
    )
