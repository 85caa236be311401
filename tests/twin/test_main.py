"""The command line, as a user runs it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]


def twin(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "corrotwin", "twin", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, command: Command) -> Path:
    """A small twin of three years."""
    folder = tmp_path_factory.mktemp("made") / "t"
    assert command("new", "bar", "--random", "--out", folder, "--years", 3, "--texel-mm", 20).returncode == 0
    return folder


def test_a_twin_lives(tmp_path: Path, command: Command) -> None:
    folder = tmp_path / "spool"
    made = twin(
        "new", "pipe", "--random", "--out", folder, "--seed", 3, "--category", "C5", "--years", 8, "--texel-mm", 16
    )
    assert made.returncode == 0, made.stderr
    assert "now 12 years" in command("grow", folder, "--years", 4).stdout
    assert "now 13 years" in command("grow", folder, "--years", 1, "--category", "CX").stdout
    shown = " ".join(command("show", folder).stdout.split())
    assert "13 years on" in shown
    assert "C5, then CX from year 12" in shown
    assert "weld" in shown
    assert command("export", folder, "--out", tmp_path / "spool.glb").returncode == 0
    assert (tmp_path / "spool.glb").read_bytes()[:4] == b"glTF"
    again = twin("new", "pipe", "--random", "--out", folder)
    assert (again.returncode, again.stdout) == (2, "")
    assert "already holds a twin" in again.stderr


def test_debris_is_kept_and_shown(tmp_path: Path, command: Command) -> None:
    folder = tmp_path / "beam"
    made = command("new", "beam", "--random", "--out", folder, "--coating-life", 8, "--debris", 12, "--texel-mm", 30)
    assert made.returncode == 0, made.stderr
    assert json.loads((folder / "twin.json").read_text())["twin"]["exposure"]["periods"][0]["debris"] == 12
    assert "12 times as many weak spots on ledges" in " ".join(command("show", folder).stdout.split())


def test_mechanisms_are_kept_and_shown(tmp_path: Path, command: Command) -> None:
    pipe = ("new", "pipe", "--texel-mm", 30, "--set", "nps=6", "schedule=40", "run_m=1", "--years", 10, "--bare")
    for folder, words, lines in (
        ("usual", (), ["process on bore: P50 0.05, P95 0.36 mm/year; unknown: state it with --mechanism process"]),
        ("none", ("--mechanism", "none"), []),
        (
            "stated",
            ("--mechanism", "co2", "temperature_c=60", "co2_bar=0.1", "ph=6", "soil", "zone=outside", "soil=polluted"),
            ["co2 on bore: P50", "soil on body,"],
        ),
    ):
        made = command(*pipe, "--category", "C4", "--out", tmp_path / folder, *words)
        assert made.returncode == 0, made.stderr
        said = [line for line in made.stdout.splitlines()[1:] if not line.startswith(("defaults used: ", "next: "))]
        assert len(said) == len(lines)
        assert all(one.startswith(line) for one, line in zip(said, lines, strict=True)), said
        kept = json.loads((tmp_path / folder / "twin.json").read_text())["twin"]["mechanisms"]
        assert [one["kind"] for one in kept] == [line.split()[0] for line in lines]
        shown = command("show", tmp_path / folder).stdout
        assert all(line.split(";")[0] in shown for line in lines)
    assert kept[0]["inputs"] == {"temperature_c": 60, "co2_bar": 0.1, "ph": 6, "shear_pa": 19}
    assert command("grow", tmp_path / "stated", "--years", 1).returncode == 0


def test_dates_and_dimensions_are_taken(tmp_path: Path, command: Command) -> None:
    folder = tmp_path / "spool"
    made = command(
        "new", "pipe", "--out", folder, "--built", "2004-01-01", "--years", 4, "--texel-mm", 20, "--zinc-um", 60,
        "--climate", 15, 70, 4, 3, "--splash", 0, 0.2, "--set", "nps=6", "schedule=40", "run_m=2", "upright=true",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    kept = json.loads((folder / "twin.json").read_text())["twin"]
    assert kept["built"] == "2004-01-01T00:00:00Z"
    assert kept["clock"] == "2008-01-01T00:00:00Z"
    assert kept["parameters"] | {"nps": "6", "schedule": "40", "run_m": 2.0, "upright": True} == kept["parameters"]
    assert kept["coating"] == {"kind": "zinc", "thickness_um": 60.0}
    assert kept["exposure"]["periods"][0]["splash_m"] == [0.0, 0.2]
    done = command("grow", folder, "--until", "2012-01-01", "--category", "C1")
    assert "now 8 years, 2012-01-01, C1" in done.stdout
    done = command("grow", folder, "--years", 0, "--category", "C4", "--splash", 0.1, 0.3)
    assert "C4 with sea water splashing from 0.1 to 0.3 m" in done.stdout
    shown = " ".join(command("show", folder).stdout.split())
    assert (
        "first-year loss of 15 µm with sea water splashing from 0 to 0.2 m, then C1 from year 4, then C4 with sea water"
        in shown
    )
    back = command("grow", folder, "--until", "2011-12-31")
    assert (back.returncode, len(back.stderr.splitlines())) == (2, 1)
    assert "cannot run back" in back.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("new", "boat"), "pipe, chain, plate"),
        (("new", "pipe", "--category", "C7"), "C1, C2"),
        (("new", "pipe", "--years", "-3"), "--years -3"),
        (("new", "pipe", "--years", "1e300"), "--years 1e+300: must be at most 1000"),
        (("new", "pipe", "--built", "yesterday"), "date such as"),
        (("new", "pipe", "--built", "2999-01-01"), "is in the future"),
        (("new", "pipe", "--coating-life", "-3"), "--coating-life -3"),
        (("new", "pipe", "--coating-life", "3", "--bare"), "only one of"),
        (("new", "pipe", "--zinc-um", "0"), "--zinc-um 0"),
        (("new", "pipe", "--category", "C3", "--climate", "15", "70", "4", "3"), "either --category or --climate"),
        (("new", "pipe", "--climate", "55", "70", "4", "3"), "temperature_c 55"),
        (("new", "pipe", "--splash", "2", "1"), "--splash (2.0, 1.0)"),
        (("new", "pipe", "--debris", "0.5"), "debris 0.5: give a factor from 1 to 100"),
        (("new", "pipe", "--debris", "4", "--bare"), "--debris 4: applies only to paint"),
        (("new", "pipe", "--mechanism", "rust"), "--mechanism rust: unknown; choose from process, co2"),
        (("new", "pipe", "--mechanism", "own", "zone=bore", "rate_mm_year=-0.1"), "rate_mm_year -0.1: must be above 0"),
        (("new", "pipe", "--mechanism", "process", "zone=roof"), "--mechanism process: no zone roof; the asset has"),
        (("new", "pipe", "--mechanism", "co2", "temperature_c=60"), "--mechanism co2: co2_bar is missing"),
        (("new", "pipe", "--mechanism", "co2 temperature_c=200 co2_bar=2"), "the models are valid from 5 to 150"),
        (("new", "pipe", "--mechanism", "insulation driver=wet temperature_c=60"), "choose from severe, moderate"),
        (("new", "pipe", "--mechanism", "splash", "--splash", "0", "1"), "--splash and the mechanism splash"),
        (("new", "pipe", "--set", "nps"), "name=value"),
        (("new", "pipe", "--set", "colour=red"), "a pipe has nps"),
        (("new", "pipe", "--set", "run_m=long"), "not a value like"),
        (("new", "pipe", "--set", "upright=1"), "not a value like"),
        (("new", "pipe", "--set", "run_m=2", "nps=6", "run_m=3"), "--set run_m=3: run_m is given twice"),
        *(
            (("new", "pipe", "--set", f"supports_at_m={wrong}"), "is not a value like [")
            for wrong in ('["a"]', "[null]", "[[1]]", "[true]", "[NaN]", f"[1{400 * '0'}]", "1")
        ),
        (("new", "pipe", "--set", f"run_m=1{400 * '0'}"), "not a value like"),
        (("new", "pipe", "--set", "schedule=7"), "schedule"),
        (("new", "pipe", "--texel-mm", "0"), "0.05 to 100 mm"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    arguments: tuple[str, ...], message: str, tmp_path: Path, command: Command
) -> None:
    done = command(*arguments, "--random", "--out", tmp_path / "t")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert message in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--years", "-1"), "backwards"),
        ((), "either --years or --until"),
        (("--years", "1", "--until", "2050-01-01"), "either --years or --until"),
        (("--until", "1999-01-01"), "cannot run back"),
        (("--until", "9999-12-31T23:59-01:00"), "give a date such as 2031-01-31"),  # beyond the calendar in UTC
        (("--years", "1", "--category", "C9"), "C1, C2"),
        (("--years", "1", "--splash", "0", "1"), "--splash describes the place that the twin moves to"),
    ],
)
def test_bad_times_leave_the_twin_as_it_was(
    arguments: tuple[str, ...], message: str, made: Path, command: Command
) -> None:
    before = {path.name: path.read_bytes() for path in made.iterdir()}
    done = command("grow", made, *arguments)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert message in done.stderr
    assert {path.name: path.read_bytes() for path in made.iterdir()} == before


@pytest.mark.ci
def test_what_is_drawn_fits_the_dimensions_that_are_given(tmp_path: Path, command: Command) -> None:
    """The README's pipe: a support of the first draw would stand in the way of its wider joint."""
    wanted = ("--random", "--set", "nps=8", "schedule=40", "--texel-mm", 30)
    made = command("new", "pipe", "--out", tmp_path / "spool", *wanted)
    assert made.returncode == 0, made.stderr
    parameters = json.loads((tmp_path / "spool" / "twin.json").read_text())["twin"]["parameters"]
    assert parameters["nps"] == "8"
    refused = command("new", "pipe", "--random", "--out", tmp_path / "other", "--set", "nps=7")
    assert refused.returncode == 2
    assert not (tmp_path / "other").exists()
