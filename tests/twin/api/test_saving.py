"""Twins saved from Python beside commands, colleagues and other notebooks that write to the same folder."""

import errno
import os
import re
from collections.abc import Callable
from copy import copy
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

import corrotwin as ct
from corrotwin.twin import store, twin_state
from corrotwin.twin.core import files
from corrotwin.twin.inspection import log
from corrotwin.twin.inspection import register as registers
from corrotwin.twin.inspection.register import Cml, Register
from corrotwin.twin.model.corrosion import Fields
from corrotwin.twin.twin_state import TwinState

LAX, TIGHT = (Register(cmls={"T1": Cml(id="T1", zone="face", required_mm=least)}) for least in (4.0, 7.0))


@pytest.fixture
def plate() -> ct.Twin:
    asset = ct.Asset("plate", length_m=0.5, width_m=0.5, thickness_mm=10, texel_mm=40)
    return ct.Twin(asset, built="2010-05-31", years=10, category="C3", coating_life=8)


def read_thickness(twin: ct.Twin, value: float = 9.0, place: str = "T1", date: str = "2019-05-14") -> ct.Twin:
    twin.inspect(date=date, kind="ultrasonic", zone="face", value=value, tool="UT-3", place=place)
    return twin


def grown(folder: Path) -> None:
    ct.Twin.load(folder).grow(5, category="C5").save()


def tightened(folder: Path) -> None:
    registers.write(folder, TIGHT)


@pytest.mark.parametrize("of_others", [grown, tightened])
@pytest.mark.parametrize("own", [read_thickness, lambda twin: twin.grow(1), lambda twin: twin])
def test_what_others_have_changed_in_the_folder_is_not_overwritten(
    of_others: Callable[[Path], None], own: Callable[[ct.Twin], object], plate: ct.Twin, tmp_path: Path
) -> None:
    folder = plate.save(tmp_path / "plate")
    registers.write(folder, LAX)
    twin = ct.Twin.load(folder)
    of_others(folder)
    kept = {path: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"}
    own(twin)
    with pytest.raises(ct.InputError, match=r"plate: has changed since this twin was loaded or saved; load it again"):
        twin.save()
    assert {path: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"} == kept
    again = ct.Twin.load(folder)
    own(again)
    again.save()


def break_off(twin: ct.Twin, folder: Path, step: int, *, is_done: bool) -> None:
    """Change all of a twin, and interrupt its saving before or after it writes state (0), register (1) or log (2)."""
    table = folder.with_suffix(".csv")
    table.write_text("id,zone,required (mm)\nT1,face,4.0\n")
    twin.import_register(table)
    read_thickness(twin).grow(1).record_event("replacement", date="2020-05-14", zone="face")
    steps = count()

    def breaking(write: Callable[..., None]) -> Callable[..., None]:
        def call(*args: Any, **given: Any) -> None:
            is_last = next(steps) == step
            if is_done or not is_last:
                write(*args, **given)
            if is_last:
                raise KeyboardInterrupt

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in ("write_manifest", "append"):
            patch.setattr(files, name, breaking(getattr(files, name)))
        with pytest.raises(KeyboardInterrupt):
            twin.save(folder)


@pytest.mark.parametrize(
    ("was_saved", "step", "is_done"),
    [*((True, step, is_done) for step in range(3) for is_done in (False, True)), (False, 0, True), (False, 2, False)],
)
def test_a_save_that_broke_off_is_repeated_after_more_years_and_loses_nothing(
    was_saved: bool, step: int, is_done: bool, plate: ct.Twin, tmp_path: Path
) -> None:
    folder = tmp_path / "plate"
    if was_saved:
        plate.save(folder)
    break_off(plate, folder, step, is_done=is_done)
    (tmp_path / "link").symlink_to(folder)
    plate.grow(1).save(tmp_path / "link")
    read_thickness(plate, 8.9, date="2020-06-14").save()
    saved = ct.Twin.load(folder)
    assert [record.value for record in saved.records] == [9.0, 8.9]
    assert [event.date for event in saved.events] == ["2020-05-14"]
    assert saved.years == pytest.approx(12)
    assert saved.register == plate.register


@pytest.mark.parametrize(
    ("step", "is_done", "of_others"), [(0, True, grown), (1, False, tightened), (1, True, tightened), (2, False, grown)]
)
def test_after_a_save_that_broke_off_what_others_have_changed_is_not_overwritten(
    step: int, is_done: bool, of_others: Callable[[Path], None], plate: ct.Twin, tmp_path: Path
) -> None:
    folder = plate.save(tmp_path / "plate")
    break_off(plate, folder, step, is_done=is_done)
    of_others(folder)
    with pytest.raises(ct.InputError, match=r"plate: has changed since this twin was loaded or saved; load it again"):
        plate.grow(1).save()


def contradicted(folder: Path) -> None:
    read_thickness(ct.Twin.load(folder), 8.0).save()


def broken(folder: Path) -> None:
    (folder / log.RECORDS).write_text("{}\n{}\n")


@pytest.mark.parametrize(
    ("of_others", "message"), [(contradicted, r"8 mm there on that day"), (broken, r"line 1 is not a record")]
)
def test_what_a_record_forbids_leaves_state_and_register_as_they_were(
    of_others: Callable[[Path], None], message: str, plate: ct.Twin, tmp_path: Path
) -> None:
    folder = plate.save(tmp_path / "plate")
    of_others(folder)
    kept = {path: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"}
    (tmp_path / "register.csv").write_text("id,zone,required (mm)\nT1,face,4.0\n")
    plate.import_register(tmp_path / "register.csv")
    with pytest.raises(ct.InputError, match=message):
        read_thickness(plate, 9.0).grow(1).save()
    assert {path: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"} == kept


@pytest.mark.parametrize("others", ["nothing", "more", "other"])
def test_records_are_held_against_the_log_again_only_where_others_write_during_the_work(
    others: str, plate: ct.Twin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, work, again = plate.save(tmp_path / "plate"), twin_state.fields, Mock(wraps=log.admitted)

    def working(state: TwinState) -> Fields:
        if others != "nothing":
            read_thickness(ct.Twin.load(folder), 8.0, place="T2" if others == "more" else "T1").save()
        monkeypatch.setattr(log, "admitted", again)
        return work(state)

    monkeypatch.setattr(twin_state, "fields", working)
    read_thickness(plate).grow(1)
    if others == "other":
        with pytest.raises(ct.InputError, match=r"8 mm there on that day"):
            plate.save()
    else:
        plate.save()
    assert [record.value for record in ct.Twin.load(folder).records] == {
        "nothing": [9.0], "more": [8.0, 9.0], "other": [8.0],
    }[others]  # fmt: skip
    assert again.call_count == (others != "nothing")


def test_what_cannot_be_saved_makes_no_folder_and_a_reason_that_cannot_be_kept_is_refused(
    plate: ct.Twin, tmp_path: Path
) -> None:
    rows = "\n".join(f"2019-05-14,face,ultrasonic,{value},UT-3" for value in (0.39, 9.8, 9.9))
    (tmp_path / "readings.csv").write_text(f"date,zone,kind,value,tool\n{rows}\n")
    plate.inspect(tmp_path / "readings.csv")
    log.rule(plate.save(tmp_path / "plate"), [2, 3], "withdraws")
    with pytest.raises(ct.InputError, match=r"looks? like inch"):
        ct.Twin.load(tmp_path / "plate").save(tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    read_thickness(plate, 12.5)
    with pytest.raises(ct.InputError, match=r"^`why` .*: is not in UTF-8"):
        plate.accept(next(iter(plate.suspects)), why="\ud800")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("file/sub", "file/sub: cannot be written (Not a directory)"),
        ("loop", "loop: cannot be written (File exists)"),
        ("x" * 300, "x: cannot be written (File name too long)"),
        ("closed/sub", "closed/sub: cannot be written (Permission denied)"),
    ],
)
def test_a_folder_that_cannot_be_is_refused_as_one_and_the_twin_can_be_saved_elsewhere(
    name: str, message: str, plate: ct.Twin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plate.save(tmp_path / "plate")
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    stat = Path.stat

    def guarded(path: Path, **given: bool) -> os.stat_result:
        if path.parent.name == "closed":  # the superuser may enter every folder
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return stat(path, **given)

    monkeypatch.setattr(Path, "stat", guarded)
    with pytest.raises(ct.InputError, match=re.escape(message)):
        plate.save(tmp_path / name)
    assert not (tmp_path / "closed").exists()
    read_thickness(plate).save()


def test_records_of_others_stay_and_the_same_change_by_two_is_one(plate: ct.Twin, tmp_path: Path) -> None:
    folder = plate.save(tmp_path / "plate")
    other = ct.Twin.load(folder)
    for value, twin in ((9.0, plate), (8.9, other)):
        read_thickness(twin, value, place=f"P{value:g}").grow(years=1).save()
    assert [record.value for record in ct.Twin.load(folder).records] == [9.0, 8.9]
    assert ct.Twin.load(folder).years == pytest.approx(11)


def test_a_register_and_readings_older_and_newer_than_it_are_saved_together(plate: ct.Twin, tmp_path: Path) -> None:
    table = tmp_path / "register.csv"
    twin = ct.Twin.load(read_thickness(plate, place="chalk mark").save(tmp_path / "plate"))
    table.write_text("id,zone,required (mm)\nT1,face,4.0\n")
    twin.import_register(table)
    read_thickness(twin).save()
    for folder in (tmp_path / "plate", ct.Twin.load(tmp_path / "plate").save(tmp_path / "copy")):
        twin = ct.Twin.load(folder)
        assert [record.place for record in twin.records] == ["chalk mark", "T1"]
        assert list(twin.register.cmls) == ["T1"]


def test_a_copy_keeps_what_was_accepted_and_why(plate: ct.Twin, tmp_path: Path) -> None:
    read_thickness(plate, 12.5, date="2018-05-14")
    read_thickness(plate, 12.6)
    plate.accept(next(iter(plate.suspects)), why="a doubler plate")
    plate.save(tmp_path / "plate")
    ct.Twin.load(tmp_path / "plate").save(tmp_path / "copy")
    for folder in (tmp_path / "plate", tmp_path / "copy"):
        assert [record.value for record in ct.Twin.load(folder).suspects] == [12.6]
        [ruling] = log.read_log(folder).accepted.values()
        assert ruling.why == "a doubler plate"


def test_a_deleted_folder_is_written_anew(plate: ct.Twin, tmp_path: Path) -> None:
    folder = plate.save(tmp_path / "plate")
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    read_thickness(plate).save()
    assert store.is_twin(folder)
    assert len(ct.Twin.load(folder).records) == 1


def test_a_twin_is_saved_where_it_was_after_the_working_directory_has_changed(
    plate: ct.Twin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    plate.save("plate")
    loaded = ct.Twin.load("plate")
    monkeypatch.chdir(tmp_path / "elsewhere")
    for twin in (plate, loaded):
        assert twin.is_saved
        assert twin.save() == twin.folder == tmp_path / "plate"
    assert not list(Path.cwd().iterdir())


def test_copies_of_a_twin_are_saved_each_to_a_folder_of_its_own(plate: ct.Twin, tmp_path: Path) -> None:
    folder = plate.save(tmp_path / "plate")
    branch = copy(plate)
    branch.save(tmp_path / "branch")
    read_thickness(branch)
    plate.grow(1)
    plate.save()
    assert not ct.Twin.load(folder).records
    assert (ct.Twin.load(folder).years, ct.Twin.load(tmp_path / "branch").years) == (11, 10)
