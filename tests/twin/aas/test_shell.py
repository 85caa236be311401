"""Asset Administration Shells: read by basyx's strict reader and judged by aas-core3.0, which knows nothing of it."""

import io
import json
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aas_core3 import jsonization, verification
from basyx.aas import model
from basyx.aas.adapter import aasx
from basyx.aas.adapter.json import read_aas_json_file
from basyx.aas.util.traversal import walk_submodel
from contractor import pipe, table

import corrotwin as ct
from corrotwin.twin import assets, export, store, twin_state
from corrotwin.twin.aas import concepts, package
from corrotwin.twin.fleets import making

Command = Callable[..., subprocess.CompletedProcess[str]]
NAME = '<script>alert(1)</script> Kühler ‮ & "x" '.replace("/", "\\") + "ä" * 60
LONG = "x" * 300
ROWS = (("CML", "Zone", "Date", "Thickness (mm)", "Instrument"),
    ("=HYPERLINK(1)", "body", "2012-05-31", 8.0, "UT-1"), ("=HYPERLINK(1)", "body", "2022-05-31", 7.0, "UT-1"),
    (LONG, "body", "2012-05-31", 8.0, "UT-1"), ("]]>&amp;<b>\x07ö", "body", "2022-05-31", 7.8, "UT-1"))  # fmt: skip
REQUIRED = ("--required", "body=5")


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory, command: Command) -> Path:
    """A twin with readings, in a folder and of places with hostile names; what is asked of it is kept there."""
    home = tmp_path_factory.mktemp("plant")
    folder = pipe(home / NAME)
    assert command("inspect", folder, "--readings", table(home / "r.csv", ROWS)).returncode == 0
    assert command("export", folder, "--out", home / "spool.aasx", *REQUIRED).returncode == 0
    return folder


def strictly(content: bytes) -> tuple[model.DictIdentifiableStore[model.Identifiable], Any, str]:
    """Return the objects of a package, its files and its JSON, as basyx reads them when it forgives nothing."""
    found: model.DictIdentifiableStore[model.Identifiable] = model.DictIdentifiableStore()
    files = aasx.DictSupplementaryFileContainer()  # type: ignore[no-untyped-call]
    with aasx.AASXReader(io.BytesIO(content), failsafe=False) as reader:
        reader.read_into(found, files)
    return found, files, zipfile.ZipFile(io.BytesIO(content)).read("aasx/data.json").decode()


def submodel(found: Any, name: str) -> model.Submodel:
    return next(each for each in found if each.id_short == name)


def values(element: Any) -> Any:
    """Return an element as plain values: collections by name, lists in order."""
    if isinstance(element, model.SubmodelElementCollection):
        return {each.id_short: values(each) for each in element.value}
    if isinstance(element, model.SubmodelElementList):
        return [values(each) for each in element.value]
    return element.value


def verified(text: str) -> Iterator[verification.Error]:
    """Return what aas-core3.0 finds wrong in JSON."""
    return verification.verify(jsonization.environment_from_jsonable(json.loads(text)))


@pytest.mark.ci
def test_a_package_says_what_the_forecast_says(twin: Path) -> None:
    found, files, text = strictly((twin.parent / "spool.aasx").read_bytes())
    assert not list(verified(text))
    told = {each.id_short: values(each) for each in submodel(found, "Condition").submodel_element}
    outlook = making.outlook_of(twin, making.OutlookSettings(required=(("body", 5.0),)))
    assert told["ForecastFrom"].isoformat() == outlook.now
    assert told["NextThicknessMeasurement"].isoformat() == outlook.measure_by
    assert told["RemainingLife"] == pytest.approx({"P5": outlook.life_p5, "P50": outlook.life_p50}, rel=1e-5)
    assert told["WeakestZone"] == outlook.weakest == "body"
    for zone in told["Zones"]:
        rows = [row for row in outlook.zones if row["zone"] == zone["Zone"]]
        for name, row in zip(("Now", "End"), rows, strict=True):
            assert zone[name]["Day"].isoformat() == row["date"]
            left = {f"P{level}": row[f"least_left_mm_p{level}"] for level in (5, 50, 95)}
            assert zone[name]["RemainingThickness"] == pytest.approx(left, rel=1e-5)
            if row["chance_below_required"] is not None:
                assert zone[name]["ChanceBelowRequired"] == pytest.approx(row["chance_below_required"], abs=1e-6)
    assert {zone["Zone"] for zone in told["Zones"] if "RequiredThickness" in zone} == {"body"}
    named = [row for row in outlook.cmls if row["place"]]
    assert [place["Place"] for place in told["MeasuredPlaces"]] == [
        str(row["place"]).replace("\x07", "\\x07") for row in named
    ]
    assert {"=HYPERLINK(1)", LONG} < {place["Place"] for place in told["MeasuredPlaces"]}
    for place, row in zip(told["MeasuredPlaces"], named, strict=True):
        life = {f"P{level}": row[f"twin_life_years_p{level}"] for level in (5, 50, 95)}
        assert place["RemainingLife"] == pytest.approx(life, rel=1e-5)
        assert place["RequiredThickness"] == 5.0
    state, fields = store.load(twin)
    built = twin_state.asset(state)
    mesh, wanted = io.BytesIO(), export.mesh(built, assets.texels(built), state, fields, look="rust")
    files.write_file("/aasx/files/twin.glb", mesh)
    assert mesh.getvalue() == wanted
    (version,) = values(submodel(found, "Models3D").submodel_element.__iter__().__next__())[0]["File"]["FileVersion"]
    assert version["DigitalFile"] == "/aasx/files/twin.glb"
    assert version["SetDate"] == state.clock.date()


@pytest.mark.ci
def test_a_nameplate_invents_nothing(twin: Path) -> None:
    found, _, _ = strictly((twin.parent / "spool.aasx").read_bytes())
    plate = {each.id_short: values(each) for each in submodel(found, "Nameplate").submodel_element}
    assert dict(plate.pop("ManufacturerProductRoot")) == {"en": "pipe"}
    assert plate.pop("YearOfConstruction") == "2005"
    assert not any(plate.values())
    shell = next(each for each in found if isinstance(each, model.AssetAdministrationShell))
    assert shell.display_name is not None
    assert dict(shell.display_name)["en"].startswith("<script>")
    said = {each.name: each.value for each in shell.asset_information.specific_asset_id}
    assert said["twin"] == store.read(twin).id
    assert "‮" not in said["name"]  # it would turn the text around it


@pytest.mark.ci
def test_all_that_is_meant_is_described_with_its_unit(twin: Path) -> None:
    found, _, _ = strictly((twin.parent / "spool.aasx").read_bytes())
    for element in walk_submodel(submodel(found, "Condition")):
        if element.semantic_id is None:
            continue
        described = element.semantic_id.resolve(found)  # type: ignore[attr-defined]
        content = described.embedded_data_specifications[0].data_specification_content
        measured = concepts.CONCEPTS[described.id_short].kind is concepts.Kind.REAL_MEASURE
        assert bool(content.unit) == measured


@pytest.mark.ci
def test_equal_twins_give_equal_files(twin: Path, command: Command, tmp_path: Path) -> None:
    assert command("export", twin, "--out", tmp_path / "again.aasx", *REQUIRED).returncode == 0
    assert (tmp_path / "again.aasx").read_bytes() == (twin.parent / "spool.aasx").read_bytes()
    shells = []
    for words in ((), ("--asset-id", "https://plant.example/P-1")):
        assert command("export", twin, "--out", tmp_path / "x.json", *REQUIRED, *words).returncode == 0
        text = (tmp_path / "x.json").read_text()
        assert not list(verified(text))
        found = read_aas_json_file(io.StringIO(text), failsafe=False)
        assert {each.id_short for each in found if isinstance(each, model.Submodel)} == {"Nameplate", "Condition"}
        shells.append(next(each for each in found if isinstance(each, model.AssetAdministrationShell)))
    assert shells[1].asset_information.global_asset_id == "https://plant.example/P-1"
    assert shells[0].id != shells[1].id


def test_ids_depend_on_the_mesh_of_a_twin_and_not_on_its_path() -> None:
    """Those of parametric twins are what they were, so that a later export is of the same shell."""
    drawn = twin_state.sample_twin("chain", np.random.default_rng(1), texel_mm=9.0)
    cases = [("chain", {"links": 3})]
    cases += [
        ("mesh", {"file": f"{place}-{'0' * 15}{end}.npz"})
        for place, end in (("/a/mesh", 1), ("/b/c/mesh", 1), ("mesh", 2))
    ]
    chain, here, there, other = (
        package._asset_id(package.ShellSource(twin=replace(drawn, kind=kind, parameters=given), outlook=None, name="v"))
        for kind, given in cases
    )
    assert chain == "urn:uuid:da3acfac-6b7c-500f-8124-583008b7591e"
    assert here == there
    assert len({chain, here, other}) == 3


def test_what_is_not_known_is_left_out(tmp_path: Path) -> None:
    spool = ct.Twin(ct.Asset("plate", random=True), years=2.0, category="C3", bare=True)
    made = spool.forecast(years=0)
    spool.export(tmp_path / "plate.json", made)
    text = (tmp_path / "plate.json").read_text()
    assert not list(verified(text))
    found = read_aas_json_file(io.StringIO(text), failsafe=False)
    told = {each.id_short: values(each) for each in submodel(found, "Condition").submodel_element}
    assert set(told) == {"ForecastFrom", "ForecastUntil", "Tasks", "Notes", "Service", "Zones"}
    assert told["ForecastFrom"] == told["ForecastUntil"]
    assert isinstance(told["ForecastFrom"], date)
    with pytest.raises(ct.InputError, match="only a shell"):
        spool.export(tmp_path / "plate.glb", made)
    spool.grow(1.0)
    with pytest.raises(ct.InputError, match="make it again"):
        spool.export(tmp_path / "plate.aasx", made)
    assert [path.name for path in tmp_path.iterdir()] == ["plate.json"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--out", "x.glb", "--required", "body=5"), "only a shell"),
        (("--out", "x.csv", "--asset-id", "urn:x"), "only a shell"),
        (("--out", "x.json", "--asset-id", "a b"), "--asset-id a b: give at most"),
        (("--out", "x.json", "--asset-id", "x" * 2001), "give at most 2000 characters"),
        (("--out", "x.xml"), "choose .glb, .csv, .aasx or .json"),
        (("--out", "folder.aasx", *REQUIRED), "cannot be written"),
    ],
)
def test_what_no_shell_can_be_is_refused(
    twin: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.aasx").mkdir()
    done = command("export", twin, *words)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert said in done.stderr
    assert [path.name for path in tmp_path.rglob("*")] == ["folder.aasx"]


def test_without_the_library_one_line_says_what_to_install(
    twin: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "find_spec", lambda name: None if name == "basyx" else util.find_spec(name))
    done = command("export", twin, "--out", tmp_path / "x.aasx")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "pip install 'corrotwin[aas]'" in done.stderr
    assert not list(tmp_path.iterdir())
