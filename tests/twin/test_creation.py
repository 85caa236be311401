"""What must be stated of a new twin, what is plain, and what `random` draws and prints."""

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import corrotwin as ct
from corrotwin.twin import assets, defaults, store
from corrotwin.twin.inspection import log
from corrotwin.twin.inspection.records import Record

Command = Callable[..., subprocess.CompletedProcess[str]]
PIPE = ("--set", "nps=8", "schedule=40", "run_m=1")
PLACE = ("--category", "C4", "--coating-life", "8")


def kept(folder: Path) -> dict[str, Any]:
    twin: dict[str, Any] = json.loads((folder / "twin.json").read_text())["twin"]
    return twin


@pytest.mark.parametrize(
    ("words", "missing"),
    [
        (
            (),
            "pipe: give --set nps=... schedule=... run_m=..., and --category or --climate, and --coating-life, "
            "--zinc-um or --bare; or --random to draw what is not given",
        ),
        (("--set", "nps=8", "schedule=40"), "give --set run_m=..., and --category"),
        (PIPE, "give --category or --climate, and --coating-life"),
        ((*PIPE, "--climate", 15, 70, 4, 3), "give --coating-life, --zinc-um or --bare; or"),
        ((*PIPE, "--bare"), "give --category or --climate; or"),
    ],
)
def test_what_is_missing_is_named_in_one_line(
    words: tuple[object, ...], missing: str, tmp_path: Path, command: Command
) -> None:
    done = command("new", "pipe", *words, "--built", "2020-01-01", "--out", tmp_path / "t")
    assert (done.returncode, len(done.stderr.splitlines()), done.stdout) == (2, 1, "")
    assert missing in done.stderr
    assert not list(tmp_path.iterdir())


def test_in_python_what_is_missing_is_an_error_of_its_argument() -> None:
    for call, message in (
        (lambda: ct.Asset("pipe", nps=8), "pipe: give schedule, run_m; or `random` to draw what is not given"),
        (lambda: ct.Asset("bar", section="flat", size_mm=50, length_m=1), "bar: give thickness_mm"),
        (lambda: ct.Twin("plate"), "plate: give length_m, width_m, thickness_mm"),
        (
            lambda: ct.Twin(PLATE),
            "plate: give `category` or `climate`, and `coating_life`, `zinc_um` or `bare`; or `random`",
        ),
        (lambda: ct.Twin(PLATE, category="C3"), "plate: give `coating_life`, `zinc_um` or `bare`"),
        (lambda: ct.Twin(PLATE, bare=True), "plate: give `category` or `climate`; or"),
        (lambda: ct.Asset.main_dimensions("boat"), "`kind` 'boat': choose from pipe"),
    ):
        with pytest.raises(ct.InputError) as refused:
            call()
        assert message in str(refused.value)


PLATE = ct.Asset("plate", length_m=0.3, width_m=0.2, thickness_mm=10, texel_mm=20.0)


def test_what_is_stated_holds_whatever_the_seed(tmp_path: Path, command: Command) -> None:
    twins = []
    for seed in (1, 2):
        folder = tmp_path / str(seed)
        done = command(
            "new", "pipe", *PIPE, *PLACE, "--seed", seed, "--built", "2020-01-01", "--texel-mm", 30, "--out", folder
        )
        assert done.returncode == 0, done.stderr
        assert "drawn" not in done.stdout
        assert "defaults used: pieces=1 flanged=false start=cut finish=cut leg_m=0.0" in done.stdout
        twins.append(kept(folder))
    first, second = twins
    assert first["seed"] != second["seed"]
    assert first | {"seed": 0, "id": ""} == second | {"seed": 0, "id": ""}


def test_a_twin_is_called_as_its_user_says(tmp_path: Path, command: Command) -> None:
    made = command("new", "pipe", *PIPE, *PLACE, "--texel-mm", 30, "--name", "P-101 Nord", "--out", tmp_path / "spool")
    assert made.stdout.startswith("P-101 Nord: pipe of 0 years"), made.stderr
    assert kept(tmp_path / "spool")["id"] == "P-101 Nord"
    assert ct.Twin(PLATE, name="web 3", category="C4", bare=True, seed=5).id == "web 3"
    for name in ("a/b", "..", "a\n", " a", "x" * 101, "-x", "con:"):
        with pytest.raises(ct.InputError, match="`name`"):
            ct.Twin(PLATE, name=name, category="C4", bare=True)
    refused = command("new", "pipe", *PIPE, *PLACE, "--name", "a/b", "--out", tmp_path / "none")
    assert (refused.returncode, (tmp_path / "none").exists()) == (2, False)
    assert refused.stderr.startswith("corrotwin twin: error: --name 'a/b'")


def test_with_a_day_of_building_the_clock_is_today(tmp_path: Path, command: Command) -> None:
    today = datetime.now(UTC).date()
    for number, words in enumerate(([*PIPE, *PLACE], ["--random"])):
        folder = tmp_path / str(number)
        done = command("new", "pipe", *words, "--built", "2020-01-01", "--texel-mm", 30, "--out", folder)
        assert done.returncode == 0, done.stderr
        assert kept(folder)["clock"] == f"{today}T00:00:00Z"
    twin = ct.Twin(PLATE, built="2020-01-01", category="C4", bare=True)
    assert (twin.clock.date(), twin.built.year) == (today, 2020)
    assert twin.years == pytest.approx((today - twin.built.date()).days / 365.25)
    assert ct.Twin(PLATE, built=today, category="C4", bare=True).years == 0
    assert ct.Twin(PLATE, category="C4", bare=True).years == 0
    assert ct.Twin(PLATE, built="2020-01-01", years=3, category="C4", bare=True).years == pytest.approx(3)


@pytest.mark.ci
def test_every_value_that_was_drawn_is_printed(tmp_path: Path, command: Command) -> None:
    done = command(
        "new", "pipe", "--random", "--set", "nps=8", "schedule=40", "--texel-mm", 30, "--out", tmp_path / "t"
    )
    assert done.returncode == 0, done.stderr
    assert "drawn from seed 0" in done.stdout
    rows = dict(
        [cell.strip() for cell in line.strip("│").split("│")]
        for line in done.stdout.splitlines()
        if line.startswith("│")
    )
    twin = kept(tmp_path / "t")
    wanted = {
        name: value for name, value in twin["parameters"].items() if name not in ("nps", "schedule", "od_mm", "wall_mm")
    }
    period, coating = twin["exposure"]["periods"][0], twin["coating"]
    assert rows.pop("category") == period["category"]
    assert float(rows.pop("coating_life")) == coating["life_years"]
    assert float(rows.pop("defects_per_m2")) == coating["defects_per_m2"]
    assert float(rows.pop("years")) == pytest.approx(store.read(tmp_path / "t").years, abs=0.01)
    assert {
        name: value if isinstance(wanted[name], str) else json.loads(value) for name, value in rows.items()
    } == wanted


def test_nothing_is_said_to_be_drawn_where_all_is_stated(tmp_path: Path, command: Command) -> None:
    plain = defaults.filled("plate", {"length_m": 0.3, "width_m": 0.2, "thickness_mm": 10.0})
    given = [f"{name}={json.dumps(value) if not isinstance(value, str) else value}" for name, value in plain.items()]
    done = command(
        "new", "plate", "--random", "--set", *given, *PLACE, "--years", 3, "--texel-mm", 30, "--out", tmp_path / "t"
    )
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines()[1:] if not line.startswith("next: ")] == []


@pytest.mark.ci
@pytest.mark.parametrize("kind", assets.KINDS)
def test_main_dimensions_are_enough(kind: str) -> None:
    for seed in range(12):
        sampled = assets.sample(kind, np.random.default_rng(seed))
        given = {name: sampled[name] for name in defaults.main_dimensions(kind)}
        if kind == "bar" and given["section"] == "flat":
            assert defaults.missing(kind, given) == ["thickness_mm"]
            given["thickness_mm"] = sampled["thickness_mm"]
        assert defaults.missing(kind, given) == []
        parameters = defaults.filled(kind, given)
        assert parameters | given == parameters
        assert assets.area_m2(kind, parameters) > 0
    for name in given:
        assert defaults.missing(kind, {other: 1 for other in given if other != name}) == [name]


def test_features_that_are_given_are_built_with_what_is_plain() -> None:
    spool = ct.Asset("pipe", nps=8, schedule=40, run_m=2, start="flange", leg_m=0.5, texel_mm=30.0)
    assert {"flange", "body", "bore"} <= set(spool.zones)
    base = ct.Asset("bolt", size="M16", length_m=0.2, width_m=0.2, thickness_mm=10, joint="base", texel_mm=30.0)
    assert (base.parameters["shown"], base.parameters["protrusion_mm"]) == ("nut", 8.0)
    with pytest.raises(ct.InputError, match=r"pipe branch_m 0\.0"):
        ct.Asset("pipe", nps=8, schedule=40, run_m=2, branch_nps="4")


def test_a_pipe_with_its_own_diameter_and_wall_needs_no_nominal_size() -> None:
    own = {"od_mm": 219.0, "wall_mm": 7.9, "run_m": 1.0}
    assert defaults.missing("pipe", own) == []
    assert defaults.missing("pipe", {"od_mm": 219.0, "run_m": 1.0}) == ["nps", "schedule"]
    assert defaults.missing("pipe", {"wall_mm": 7.9, "run_m": 1.0}) == ["nps"]


@pytest.mark.ci
def test_show_gives_the_estimate_where_there_are_inspections(tmp_path: Path, command: Command) -> None:
    twin = ct.Twin(PLATE, built="2010-01-01", years=10, category="C4", coating_life=8)
    folder = twin.save(tmp_path / "t")
    assert "the estimate" not in command("show", folder).stdout
    log.append(folder, [Record(date="2018-05-31", zone="face", kind="ultrasonic", value=9.6, tool="UT-1")])
    shown = " ".join(command("show", folder).stdout.split())
    assert "below: the estimate from the inspections, P5 to P95" in shown
    assert "estimate from 1 record" in shown
    row = next(
        row for row in ct.Twin.load(folder).forecast(years=0).rows if row.zone == "face" and row.years == twin.years
    )
    low, middle, high = row.least_left_mm
    assert f"{middle:.2f}" in shown
    assert f"{low:.2f}–{high:.2f}" in shown
