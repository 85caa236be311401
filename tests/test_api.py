"""The notebook of the README, as it stands there but for its sizes; and that commands and Python give the same bits."""

import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from photographs import write_folder
from PIL import Image

import corrotwin as ct

pytestmark = pytest.mark.usefixtures("few_histories")
Command = Callable[..., subprocess.CompletedProcess[str]]
READINGS = """date,zone,kind,value,tool
2016-05-31,body,ultrasonic,7.9,UT-3
2020-05-31,body,ultrasonic,7.7,UT-3
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with readings, photos of ten spots and photos that nobody has labelled."""
    home = tmp_path_factory.mktemp("home")
    (home / "readings.csv").write_text(READINGS)
    for name, count in (("my-export", 20), ("unlabelled", 2)):
        write_folder(home / name, count=count, seed=count, size=(72, 80), json_name="annotations.json", images="images")
    (home / "unlabelled" / "images").rename(home / "site-photos")
    names = sorted(path.name for path in (home / "my-export" / "images").iterdir())
    rows = [f"{name},spot {index // 2}" for index, name in enumerate(names)]
    (home / "my-export" / "spots.csv").write_text("\n".join(["file_name,spot", *rows]))
    return home


@pytest.fixture(scope="module", autouse=True)
def own_ray() -> Iterator[None]:
    """End the Ray that the notebook starts: in the notebook's folder, where its workers look for modules."""
    yield
    import ray

    ray.shutdown()


@pytest.fixture(scope="module")
def notebook(home: Path) -> SimpleNamespace:
    """All that the notebook makes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        spool = ct.Asset("pipe", nps=8, schedule=40, run_m=0.8, texel_mm=16)
        twin = ct.Twin(spool, built="2010-05-31", category="C4", coating_life=8, years=0)
        twin.grow(years=14)
        twin.inspect("readings.csv")
        forecast = twin.forecast(years=10, required={"body": 6.0})
        forecast.plot("spool.svg")
        renders = ct.render(twin, preset="quick", count=2, size=32, out="renders")
        photos = ct.Dataset("my-export").split(by="spot")
        run = ct.train(photos, renders=renders, out="run", profile="quick", epochs=1, size=32, threads=1)
        masks = run.predict("site-photos", out="masks")
        twin.save("twin")
        photos.save_split("split.json")
        return SimpleNamespace(
            spool=spool, twin=twin, forecast=forecast, renders=renders, photos=photos, run=run, masks=masks
        )


@pytest.mark.ci
@pytest.mark.blender
def test_the_notebook_runs_and_its_objects_print_well(notebook: SimpleNamespace, home: Path) -> None:
    assert repr(notebook.spool) == "Asset('pipe', nps=8, schedule=40, run_m=0.8, seed=0)"
    assert repr(notebook.twin) == f"Twin('{notebook.twin.id}', pipe, 14 years, C4, paint, 2 records)"
    assert repr(notebook.forecast).startswith(f"Forecast('{notebook.twin.id}', 10 years ahead, ")
    assert "remaining life P5 " in repr(notebook.forecast)
    assert repr(notebook.renders).startswith("Dataset('renders', 2 images, ")
    assert repr(notebook.photos) == (
        "Dataset('my-export', 20 images, 16 with corrosion; 14 train, 4 valid, 2 test by spot)"
    )
    scores = notebook.run.scores
    assert repr(notebook.run) == (
        f"Run('run', tu-tf_efficientnet_lite0, mixed, F1 {scores['f1']:.3f}, IoU {scores['iou']:.3f} on 2 test photos)"
    )
    assert 0 < scores["iou"] < scores["f1"] < 1
    assert repr(notebook.masks) == "Predictions('masks', 2 masks, left_out: 0 lines)"
    assert "<svg" in (home / "spool.svg").read_text()
    assert len(list((home / "masks" / "masks").iterdir())) == 2
    assert not list(home.glob(".renders-twin-*"))
    frame = notebook.forecast.to_frame()
    assert list(frame.columns) == notebook.forecast.to_csv().splitlines()[0].split(",")
    assert len(frame) == len(notebook.forecast.rows)


@pytest.mark.slow
@pytest.mark.blender
def test_commands_give_the_same_twin_forecast_dataset_and_run(
    notebook: SimpleNamespace, home: Path, tmp_path: Path, run_module: Command
) -> None:
    commands = f"""
        twin new pipe --out {tmp_path}/twin --set nps=8 schedule=40 run_m=0.8 --texel-mm 16 --built 2010-05-31 --years 0
            --category C4 --coating-life 8
        twin grow {tmp_path}/twin --years 14
        twin inspect {tmp_path}/twin --csv {home}/readings.csv
        twin forecast {tmp_path}/twin --years 10 --required body=6.0 --out {tmp_path}/f.csv --plot {tmp_path}/f.svg
        synth render --twin {tmp_path}/twin --preset quick --count 2 --size 32 --out {tmp_path}/renders
        segmentation split --data {home}/my-export --out {tmp_path}/split.json
        segmentation train --data {home}/my-export --split {tmp_path}/split.json --renders {tmp_path}/renders
            --profile quick --epochs 1 --size 32 --threads 1 --out {tmp_path}/run
    """
    for line in commands.replace("\n            ", " ").strip().splitlines():
        done = run_module(*line.split())
        assert done.returncode == 0, done.stderr
    for name in ("twin/twin.json", "twin/inspections.jsonl", "split.json", "renders/annotations.json"):
        assert (home / name).read_bytes() == (tmp_path / name).read_bytes(), name
    assert (tmp_path / "f.csv").read_text() == notebook.forecast.to_csv()
    assert (tmp_path / "f.svg").read_bytes() == (home / "spool.svg").read_bytes()
    assert ct.Dataset(tmp_path / "renders").digest == notebook.renders.digest
    assert ct.Run(tmp_path / "run").digest == ct.Run(home / "run").digest
    assert (tmp_path / "run" / "per_image.csv").read_bytes() == (home / "run" / "per_image.csv").read_bytes()
    assert ct.Run(tmp_path / "run").settings == notebook.run.settings


@pytest.mark.ci
@pytest.mark.blender
def test_calling_again_repeats_nothing(notebook: SimpleNamespace, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    kept = {path: path.stat().st_mtime_ns for path in home.glob("r*/*")}
    again = ct.render(ct.Twin.load("twin"), preset="quick", count=2, size=32, out="renders")
    run = ct.train(notebook.photos, renders="renders", out="run", profile="quick", epochs=1, size=32, threads=1)
    assert again.digest == notebook.renders.digest
    assert run.digest == notebook.run.digest
    assert {path: path.stat().st_mtime_ns for path in kept if path.name not in (".lock", "claim.json")} == {
        path: time for path, time in kept.items() if path.name not in (".lock", "claim.json")
    }


@pytest.fixture
def bar() -> ct.Twin:
    return ct.Twin(ct.Asset("bar", random=True, texel_mm=20.0, seed=3), random=True, built="2010-05-31", years=5)


@pytest.mark.ci
def test_a_twin_is_the_same_from_its_folder(bar: ct.Twin, tmp_path: Path) -> None:
    Image.fromarray(np.pad(np.full((4, 4), 255, np.uint8), 2)).save(tmp_path / "mask.png")
    zone = ct.Asset("bar", random=True, texel_mm=20.0, seed=3).zones[0]
    [record] = bar.inspect(date="2014-05-31", tool="phone", zone=zone, photo=[tmp_path / "mask.png"])
    assert (record.kind, record.value) == ("photo", 0.25)
    assert bar.inspect(date="2014-05-31", tool="phone", zone=zone, photo=[tmp_path / "mask.png"]) == ()
    assert (bar.folder, bar.is_saved) == (None, False)
    bar.save(tmp_path / "bar")
    assert bar.is_saved
    read = ct.Twin.load(tmp_path / "bar")
    assert repr(read) == repr(bar)
    assert read.records == bar.records == (record,)
    assert read.forecast(years=2).to_csv() == bar.forecast(years=2).to_csv() != bar.forecast(years=2, seed=1).to_csv()
    assert (read.fields.wall_loss_mm == bar.fields.wall_loss_mm).all()
    read.grow(years=1)
    assert not read.is_saved
    assert read.save() == tmp_path / "bar"
    bar.save(tmp_path / "elsewhere")
    with pytest.raises(ct.InputError, match="holds another twin"):
        read.save(tmp_path / "elsewhere")
    bar.export(tmp_path / "bar.csv")
    assert len((tmp_path / "bar.csv").read_text().splitlines()) == len(bar.zones()) + 1


def test_what_grew_in_two_steps_or_one_is_the_same(bar: ct.Twin) -> None:
    other = ct.Twin(ct.Asset("bar", random=True, texel_mm=20.0, seed=3), random=True, built="2010-05-31", years=2)
    assert (other.grow(years=3).fields.wall_loss_mm == bar.fields.wall_loss_mm).all()
    assert (other.id, other.clock) == (bar.id, bar.clock)
    assert other.grow(until="2020-01-01", category="CX").clock.year == 2020


def test_a_seed_decides_what_is_drawn() -> None:
    shape = ct.Asset("bar", random=True, texel_mm=20.0, seed=3)
    assert ct.Asset("bar", random=True, texel_mm=20.0, seed=3).parameters == shape.parameters
    assert ct.Asset("bar", random=True, texel_mm=20.0, seed=4).parameters != shape.parameters
    one, other = (ct.Twin(shape, random=True, built="2010-05-31", seed=seed) for seed in (None, 4))
    assert one.parameters == other.parameters == shape.parameters
    assert (one.id, other.id) == (
        ct.Twin(shape, random=True, seed=3).id,
        ct.Twin("bar", random=True, seed=4).id,
    )
    assert one.id != other.id


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda twin: ct.Asset("pip"), "unknown kind of asset 'pip'; choose from pipe"),
        (lambda twin: ct.Asset("pipe", length=3), "pipe: no dimension length; a pipe has nps"),
        (lambda twin: ct.Asset("pipe", run_m="long"), "pipe: run_m: 'long' is not a value like"),
        (lambda twin: ct.Asset("bar", seed=-1), "`seed` -1: must be at least 0"),
        (lambda twin: ct.Twin("bar", random=True, built="3000-01-01"), "`built` 3000-01-01: is in the future"),
        (lambda twin: ct.Twin("bar", random=True, built="May"), "`built` May: give a date"),
        (lambda twin: ct.Twin("bar", random=True, category="C9"), "unknown corrosivity category 'C9'"),
        (
            lambda twin: ct.Twin("bar", random=True, bare=True, zinc_um=80),
            "only one of `coating_life`, `zinc_um` and `bare`",
        ),
        (lambda twin: ct.Twin("bar", random=True, debris=3, bare=True), "`debris` 3: applies only to paint"),
        (lambda twin: twin.grow(), "either `years` or `until`"),
        (lambda twin: twin.grow(years=-1), "`years` -1: the clock cannot run backwards"),
        (lambda twin: twin.grow(years=1, splash=(0, 1)), "also give its `category` or `climate`"),
        (lambda twin: twin.grow(until="2000-01-01"), "cannot run back"),
        (lambda twin: twin.inspect(), "give `csv`, `photo`, or `date`"),
        (lambda twin: twin.inspect("readings.csv", tool="UT"), "either `csv` or single values"),
        (lambda twin: twin.inspect("readings.csv"), "readings.csv"),
        (lambda twin: twin.forecast(years=300), "`years` 300: choose 0 to 200"),
        (lambda twin: twin.forecast(seed=-1), "`seed` -1"),
        (lambda twin: twin.forecast(required={"nose": 3.0}), "no zone nose"),
        (lambda twin: twin.save(), "give the `folder`"),
        (lambda twin: twin.export("bar.doc"), "choose .glb, .csv, .aasx or .json"),
        (lambda twin: ct.Twin.load("nowhere"), "holds no twin.json"),
        (lambda twin: ct.Preset.like("nothing"), "unknown preset 'nothing'"),
        (lambda twin: ct.render(out="renders", preset="nothing"), "unknown preset 'nothing'"),
        (lambda twin: ct.render(out="renders", count=0), "`count` 0: give at least 1 image"),
        (lambda twin: ct.render(out="renders", workers=0), "`workers` 0"),
        (lambda twin: ct.render(out="renders", cameras=[{}]), "give the `twin`"),
        (lambda twin: ct.Dataset("nowhere"), "nowhere: no such folder"),
        (lambda twin: ct.Run("nowhere"), "no complete training run"),
        (lambda twin: ct.StudyReport("nowhere"), "nowhere: no such folder"),
    ],
)
def test_what_is_wrong_is_said_of_arguments(
    call: Callable[[ct.Twin], object], said: str, bar: ct.Twin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = repr(bar)
    with pytest.raises(ValueError, match=r".") as refused:
        call(bar)
    assert isinstance(refused.value, ct.InputError)
    assert said in str(refused.value)
    assert " --" not in str(refused.value)
    assert repr(bar) == before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("call", "argument", "said"),
    [
        (lambda twin: ct.Asset(5), "kind", "give a string"),
        (lambda twin: ct.Asset("pip"), "kind", "unknown kind of asset 'pip'"),
        (lambda twin: ct.Asset("pipe", seed="x"), "seed", "give a whole number"),
        (lambda twin: ct.Asset("pipe", random=True, texel_mm=0), "texel_mm", "choose 0.05 to 100 mm"),
        (lambda twin: ct.Twin(5), "asset", "give an Asset or a string"),
        (
            lambda twin: ct.Twin("bar", random=True, built=2010),
            "built",
            "give a string or a date, such as '2010-05-31'",
        ),
        (lambda twin: ct.Twin("bar", random=True, years="3"), "years", "give a number"),
        (lambda twin: ct.Twin("bar", random=True, years=float("inf")), "years", "at most 1000"),
        (lambda twin: ct.Twin("bar", random=True, climate=(1, 2)), "climate", "give 4 numbers"),
        (lambda twin: ct.Twin("bar", random=True, climate="warm"), "climate", "give 4 numbers"),
        (lambda twin: ct.Twin("bar", random=True, climate=(10, 99, 5, 5)), "climate", "humidity_percent 99.0"),
        (lambda twin: ct.Twin("bar", random=True, splash=3), "splash", "give 2 numbers"),
        (lambda twin: ct.Twin("bar", random=True, splash=(3, 1)), "splash", "the lower first"),
        (lambda twin: ct.Twin("bar", random=True, category="C9"), "category", "choose from C1"),
        (lambda twin: ct.Twin("bar", random=True, coating_life=-3), "coating_life", "give a paint life above 0"),
        (lambda twin: ct.Twin("bar", random=True, zinc_um=-3), "zinc_um", "give a zinc thickness above 0"),
        (lambda twin: ct.Twin("bar", random=True, debris=0), "debris", "give a factor from 1"),
        (lambda twin: ct.Twin("bar", random=True, bare="yes"), "bare", "give True or False"),
        (lambda twin: ct.Twin("bar", random=True, mechanisms=3), "mechanisms", "give a sequence"),
        (
            lambda twin: ct.Twin("bar", random=True, mechanisms=["own zone=bar rate_mm_year=-1"]),
            "mechanisms",
            "must be above 0",
        ),
        (lambda twin: ct.Twin.load(3), "folder", "give a string or a path"),
        (lambda twin: twin.save(3), "folder", "give a string or a path"),
        (lambda twin: twin.grow("x"), "years", "give a number"),
        (lambda twin: twin.grow(until=3), "until", "give a string or a date"),
        (lambda twin: twin.grow(1, category="C9"), "category", "choose from C1"),
        (lambda twin: twin.grow(1, category="C3", splash=(3, 1)), "splash", "the lower first"),
        (lambda twin: twin.inspect(3), "csv", "give a string or a path"),
        (lambda twin: twin.inspect(photo=3), "photo", "give a string, a path or a sequence of strings or paths"),
        (lambda twin: twin.inspect(uv=0.5), "uv", "give 2 numbers"),
        (lambda twin: twin.forecast(required=6), "required", "a mapping of strings to numbers, such as {'body': 6.0}"),
        (lambda twin: twin.forecast(required={"bar": "6"}), "required", "give a mapping of strings to numbers"),
        (lambda twin: twin.forecast(required={"nose": 6.0}), "required", "no zone nose"),
        (lambda twin: twin.forecast(required={"bar": -1}), "required", "bar=-1: give a thickness in mm above 0"),
        (lambda twin: twin.forecast(rule="nix"), "rule", "choose from api510"),
        (lambda twin: twin.forecast(years=0).plot(3), "path", "give a string or a path"),
        (lambda twin: twin.forecast(years=0).to_csv(3), "path", "give a string or a path"),
        (lambda twin: twin.export("bar.glb", look="nix"), "look", "choose from rust, loss"),
        (lambda twin: ct.Preset.like([]), "name", "give a string"),
        (lambda twin: ct.Preset.like("nix"), "name", "unknown preset 'nix'"),
        (lambda twin: ct.Preset.read(3), "path", "give a string or a path"),
        (lambda twin: ct.Preset.like("quick").save(3), "path", "give a string or a path"),
        (lambda twin: ct.render(3, out="renders"), "twin", "give a Twin, a string or a path"),
        (lambda twin: ct.render(out=3), "out", "give a string or a path"),
        (lambda twin: ct.render(out="renders", preset="nix"), "preset", "unknown preset 'nix'"),
        (lambda twin: ct.render(out="renders", count=1.5), "count", "give a whole number"),
        (lambda twin: ct.render(out="renders", count=True), "count", "give a whole number"),
        (lambda twin: ct.render(out="renders", labels="nix"), "labels", "choose from annotator, exact"),
        (lambda twin: ct.render(out="renders", cameras=[3]), "cameras", "a path or a sequence of mappings"),
        (lambda twin: ct.Dataset(3), "path", "give a string or a path"),
        (lambda twin: ct.Dataset("nowhere", classes=3), "classes", "give a string or a sequence of strings"),
        (lambda twin: ct.train("nix", out="run"), "photos", "give a Dataset, such as Dataset(folder).split(by=...)"),
        (lambda twin: ct.train(3, out="run"), "photos", "give a Dataset, such as Dataset(folder).split(by=...)"),
        (lambda twin: ct.Run(None), "folder", "give a string or a path"),
        (lambda twin: ct.StudyReport(3), "folder", "give a string or a path"),
        (lambda twin: ct.study(3, out="study"), "photos", "give a Dataset, a string or a path"),
        (lambda twin: ct.study(out="study", profile="nix"), "profile", "choose from quick, small, paper"),
        (lambda twin: ct.study(out="study", real_fractions="x"), "real_fractions", "a number or a sequence of numbers"),
        (lambda twin: ct.study(out="study", epochs="x"), "epochs", "give a whole number"),
        (lambda twin: ct.study(out="study", real_fractions=3), "real_fractions", "is not in (0, 1]"),
        (lambda twin: ct.study(out="study", runs=0), "runs", "not a whole number from 1"),
        (lambda twin: ct.study(out="study", threads=0), "threads", "is below 1"),
        (lambda twin: ct.study(out="study", seed=-1), "seed", "is negative"),
        # one string is one item
        (lambda twin: ct.render(out="renders", maps="nix"), "maps", " nix: no such map"),
        (lambda twin: ct.study(out="study", arms="nix"), "arms", "'nix' is unknown"),
        (lambda twin: ct.study(out="study", backbones="nix"), "backbones", "'nix' is unknown"),
    ],
)
def test_an_argument_that_cannot_be_is_named(
    call: Callable[[ct.Twin], object],
    argument: str,
    said: str,
    bar: ct.Twin,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    before = repr(bar)
    with pytest.raises(ct.InputError) as refused:
        call(bar)
    assert str(refused.value).startswith(f"`{argument}`")
    assert str(refused.value).count(f"`{argument}`") == 1
    assert said in str(refused.value)
    assert repr(bar) == before
    assert list(tmp_path.iterdir()) == []


def test_one_string_is_one_item_and_counts_of_one_are_singular(home: Path, bar: ct.Twin, tmp_path: Path) -> None:
    assert ct.Dataset(home / "my-export", classes="corrosion").classes == ("corrosion",)
    Image.fromarray(np.full((4, 4), 255, np.uint8)).save(tmp_path / "mask.png")
    mask, zone = str(tmp_path / "mask.png"), ct.Asset("bar", random=True, texel_mm=20.0, seed=3).zones[0]
    [record] = bar.inspect(date="2014-05-31", tool="phone", zone=zone, photo=mask)
    assert record.value == 1.0
    assert repr(bar).endswith(", 1 record)")
    with pytest.raises(ct.InputError, match=r"nowhere\.npz"):
        bar.inspect(date="2014-05-31", tool="phone", photo=mask, uvmap="nowhere.npz")
    with pytest.raises(ct.InputError, match=r"/nowhere: no such folder"):
        ct.study(home / "my-export", out=tmp_path / "study", across="nowhere")
    assert bar.forecast(years=1).known.twin.id == bar.id
    assert " 1 year ahead, " in repr(bar.forecast(years=1))
    assert ct.Twin("bar", random=True, years=np.float32(1), seed=np.int64(3)).years == pytest.approx(1)


def test_what_is_wrong_with_data_is_said_of_arguments(home: Path, tmp_path: Path) -> None:
    photos = ct.Dataset(home / "my-export")
    write_folder(tmp_path / "plain", count=5, seed=1, size=(40, 40), json_name="annotations.json", images="images")
    split = photos.split(by="photo")
    for call, said in (
        (lambda: ct.train(photos, out=tmp_path / "run"), "`photos`: not split yet"),
        (lambda: ct.train(split, out=tmp_path / "run", rate=1), "`rate`: no such setting; choose from framing"),
        (lambda: ct.train(split, out=tmp_path / "run", epochs="x"), "`epochs` 'x': give a whole number"),
        (lambda: ct.train(split, out=tmp_path / "run", size=100), "`size` 100 is not divisible by 32"),
        (lambda: ct.train(split, out=tmp_path / "run", real_fraction=3), "`real_fraction` 3 is not in (0, 1]"),
        (lambda: ct.train(split, out=tmp_path / "run", pretrain=0.5), "need `renders`"),
        (lambda: ct.train(split, out=tmp_path / "run", renders=photos), "`renders` takes a rendered dataset"),
        (
            lambda: ct.train(split, out=tmp_path / "run", weights="w", backbone="vgg16"),
            "`weights` w: initial weights are random here; choose `encoder_weights` imagenet, or leave out `weights`",
        ),
        (lambda: ct.train(split, out=tmp_path / "run", weights="w", init="shipped"), "`weights` w: `init` takes all"),
        (
            lambda: ct.study(photos, out=tmp_path / "study", weights="w", encoder_weights=None),
            "`weights` w: initial weights are random here; choose `encoder_weights` imagenet, or leave out `weights`",
        ),
        (lambda: photos.split(by="colour"), "`by` 'colour': choose from spot"),
        (lambda: photos.split(by=("photo", "hash")), "go with nothing else"),
        (lambda: photos.split(by="hash", groups_file="spots.csv"), "goes with `by` spot"),
        (lambda: photos.split(by="folder"), "has no split of its own"),
        (lambda: ct.Dataset(tmp_path / "plain").split(by="spot"), "no spots.csv beside the photos; give `groups_file`"),
        (lambda: ct.study(photos, out=tmp_path / "study", rate=1), "`rate`: no such setting; choose from size"),
    ):
        with pytest.raises(ct.InputError) as refused:
            call()
        assert said in str(refused.value)
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "study").exists()


def test_a_split_can_be_kept_and_leaks_are_logged(home: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    photos = ct.Dataset(home / "my-export").split(by="spot", seed=1)
    assert photos.parts.digest != ct.Dataset(home / "my-export").split(by="spot").parts.digest
    photos.save_split(tmp_path / "split.json")
    again = ct.Dataset(home / "my-export", split=tmp_path / "split.json")
    assert (again.parts.digest, dict(again.counts), again.leaks()) == (photos.parts.digest, dict(photos.counts), ())
    torn = ct.Dataset(home / "my-export").split(by="photo")
    [line] = torn.leaks()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").touch()
    with caplog.at_level(logging.WARNING), pytest.raises(ct.InputError, match="holds something else"):
        ct.train(torn, out=tmp_path / "run", profile="quick")
    assert line in caplog.messages


def test_without_pandas_a_frame_is_refused_in_one_line(bar: ct.Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    forecast = bar.forecast(years=0)
    assert len(forecast.to_frame()) == len(forecast.rows)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ct.InputError, match=r"needs pandas; pip install 'corrotwin\[study\]'"):
        forecast.to_frame()


def test_importing_is_light_and_names_are_those_listed() -> None:
    code = "import corrotwin, json, sys; print(json.dumps([dir(corrotwin), sorted(sys.modules)]))"
    names, modules = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    assert names == sorted(ct.__all__)
    assert not {"numpy", "torch", "scipy", "tyro", "rich", "pydantic"} & set(modules)
    assert not [name for name in modules if name.startswith("corrotwin.")]
    for name in ct.__all__:
        assert getattr(ct, name).__doc__
    with pytest.raises(AttributeError, match="has no attribute 'Tvin'"):
        _ = ct.Tvin
