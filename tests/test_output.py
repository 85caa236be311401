"""Commands do their work and end with the right status whatever their output leads to, and whatever names hold."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import fakes
import histories
import numpy as np
import pytest

from corrotwin.twin import store, twin_state

pytestmark = pytest.mark.usefixtures("few_histories")
COMMAND = (sys.executable, "-m", "corrotwin")
OF_FEW = (sys.executable, histories.__file__)  # where a command learns
CONTROLS = {*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0))} - {"\n"}
NASTY = ["[/x]", r"$x^{\frac{a}$", "\x1b[31mred", "a\nb", "\u202egnp", "=HYPERLINK(1)", ":smile:", "名前"]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small twin and a small dataset."""
    folder = tmp_path_factory.mktemp("work")
    store.save(twin_state.sample_twin("plate", np.random.default_rng(1), texel_mm=20.0), folder / "twin")
    fakes.write_dataset(folder / "photos", 6)
    return folder


# Words of a command, and the file that it writes.
COMMANDS = {
    "no command": (("--help",), ""),
    "version": (("--version",), ""),
    "help of twin": (("twin", "forecast", "--help"), ""),
    "help of synth": (("synth", "--help"), ""),
    "help of benchmarks": (("benchmarks", "run", "--help"), ""),
    "twin show": (("twin", "show", "twin"), ""),
    "twin inspect": (("twin", "inspect", "twin"), ""),
    "twin export": (("twin", "export", "twin", "--out", "new.csv"), "new.csv"),
    "twin forecast": (("twin", "forecast", "twin", "--plot", "new.svg"), "new.svg"),
    "synth validate": (("synth", "validate", "photos", "--report", "new.md"), "new.md"),
    "synth preview": (("synth", "preview", "photos"), "photos/card.md"),
    "segmentation split": (
        ("segmentation", "split", "--data", "photos", "--out", "new.json", "--how", "published"),
        "new.json",
    ),
    "benchmarks from-summary": (("benchmarks", "from-summary", "--paper"), ""),
}


def lead_nowhere() -> None:
    os.close(1)


def lead_to_nobody() -> None:
    read, write = os.pipe()
    os.close(read)
    os.dup2(write, 1)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)


def lead_to_a_full_disk() -> None:
    os.dup2(os.open("/dev/full", os.O_WRONLY), 1)


def lead_nobody_anywhere() -> None:
    for stream in range(3):
        os.close(stream)


STATES: dict[str, tuple[Callable[[], None] | None, dict[str, str], int]] = {
    "closed": (lead_nowhere, {}, 0),
    "all closed": (lead_nobody_anywhere, {}, 0),
    "nobody reads": (lead_to_nobody, {}, 128 + signal.SIGPIPE),
    "nobody reads ASCII": (lead_to_nobody, {"PYTHONIOENCODING": "ascii"}, 128 + signal.SIGPIPE),
    "full disk": (lead_to_a_full_disk, {}, 2),
    "ASCII": (None, {"PYTHONIOENCODING": "ascii"}, 0),
    "strict latin-1": (None, {"PYTHONIOENCODING": "latin-1:strict"}, 0),
    "unbuffered": (lead_to_nobody, {"PYTHONUNBUFFERED": "1"}, 128 + signal.SIGPIPE),
    "notebook": (None, {"MPLBACKEND": "module://no_such_notebook.backend"}, 0),
}
# One command in all states, and every command in the state of each kind that is hardest for it.
PAIRS = [("synth preview", state) for state in STATES] + [("twin forecast", "notebook"), ("twin show", "full disk")]
PAIRS += [(command, "closed") for command in COMMANDS if command != "synth preview"]
LONGER = [(command, state) for command in COMMANDS for state in ("nobody reads", "ASCII") if command != "synth preview"]


@pytest.mark.ci
@pytest.mark.parametrize(
    ("command", "state"), [*PAIRS, *(pytest.param(*pair, marks=pytest.mark.slow) for pair in LONGER)]
)
def test_work_is_done_whatever_the_output_leads_to(command: str, state: str, work: Path) -> None:
    (words, written), (lead, environment, status) = COMMANDS[command], STATES[state]
    if written:
        (work / written).unlink(missing_ok=True)
    done = subprocess.run(
        [*(OF_FEW if command in ("twin show", "twin forecast") else COMMAND), *words],
        cwd=work, env={**os.environ, **environment}, preexec_fn=lead, timeout=120, capture_output=True,
    )  # fmt: skip
    errors = done.stderr.decode(errors="replace")
    assert done.returncode == status, errors
    assert "Traceback" not in errors
    assert "Exception ignored" not in errors
    assert len(errors.splitlines()) == (state == "full disk")
    if lead is None:
        assert done.stdout.decode(environment.get("PYTHONIOENCODING", "utf-8").partition(":")[0])
    if written:
        assert (work / written).stat().st_size > 0


@pytest.mark.ci
def test_a_command_whose_reader_leaves_early_ends_as_any_other(work: Path) -> None:
    child = subprocess.Popen(
        [*COMMAND, "synth", "validate", "photos"], cwd=work, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stderr is not None
    assert child.stdout.readline()
    child.stdout.close()
    assert child.wait(timeout=60) in (0, 128 + signal.SIGPIPE)  # 0 where all was written before the reader left
    assert child.stderr.read() == b""
    child.stderr.close()


@pytest.mark.ci
def test_a_failing_command_says_so_though_nobody_reads_its_output(work: Path) -> None:
    words = [*COMMAND, "synth", "validate", "nothing-there"]
    done = subprocess.run(words, cwd=work, preexec_fn=lead_to_nobody, stderr=subprocess.PIPE)
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1


def twin_of(folder: Path, work: Path, **changes: object) -> Path:
    """A copy of the twin in which a stranger has changed `twin.json`."""
    folder.mkdir()
    for path in (work / "twin").iterdir():
        if path.is_file():
            (folder / path.name).write_bytes(path.read_bytes())
    stated = json.loads((folder / "twin.json").read_text())
    assert changes.keys() <= stated["twin"].keys()
    (folder / "twin.json").write_text(json.dumps({**stated, "twin": {**stated["twin"], **changes}}))
    return folder


@pytest.mark.ci
@pytest.mark.parametrize("name", NASTY)
def test_a_strangers_name_of_a_twin_is_shown_literally(
    name: str, work: Path, tmp_path: Path, run_module: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    folder = twin_of(tmp_path / "twin", work, id=name)
    literal = " ".join(name.split()).encode("unicode_escape").decode() if not name.isprintable() else name
    literal = "a b" if name == "a\nb" else literal
    for words in (("show", folder), ("inspect", folder), ("export", folder, "--out", tmp_path / "zones.csv")):
        done = run_module("twin", *words)
        assert (done.returncode, done.stderr) == (0, ""), words
        assert not CONTROLS & set(done.stdout)
        assert literal in done.stdout


@pytest.mark.ci
@pytest.mark.parametrize("name", NASTY[1:3])
def test_a_strangers_name_of_a_twin_is_drawn_literally(
    name: str, work: Path, tmp_path: Path, run_module: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    folder = twin_of(tmp_path / "twin", work, id=name)
    done = run_module("twin", "forecast", folder, "--plot", tmp_path / "plot.png")
    assert (done.returncode, done.stderr) == (0, "")
    assert not CONTROLS & set(done.stdout)
    assert (tmp_path / "plot.png").stat().st_size > 0


@pytest.mark.parametrize("name", NASTY)
def test_a_strangers_category_is_shown_literally(
    name: str, tmp_path: Path, run_module: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    fakes.write_dataset(tmp_path / "photos", 6)
    path = tmp_path / "photos" / "annotations.json"
    document = json.loads(path.read_text())
    document["categories"][0]["name"] = name
    document["info"] = {**document.get("info", {}), "description": name}
    document["licenses"] = [{"id": 1, "name": name}]
    path.write_text(json.dumps(document))
    for words in (
        ("synth", "validate", tmp_path / "photos", "--report", tmp_path / "report.md"),
        ("synth", "preview", tmp_path / "photos"),
        (
            "segmentation",
            "split",
            "--data",
            tmp_path / "photos",
            "--out",
            tmp_path / "split.json",
            "--how",
            "published",
        ),
    ):
        done = run_module(*words)
        assert done.returncode in (0, 1), done.stderr
        assert not CONTROLS & set(done.stdout + done.stderr)
    pages = (tmp_path / "report.md").read_text() + (tmp_path / "photos" / "card.md").read_text()
    assert not CONTROLS & set(pages)


@pytest.mark.ci
@pytest.mark.parametrize("value", [5, None, True, ["a"], {"a": 1}])
@pytest.mark.parametrize("key", ["place", "tool", "zone", "date", "kind", "unit", "seen"])
def test_a_record_whose_text_is_none_is_one_line(
    key: str, value: object, work: Path, tmp_path: Path, run_module: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    folder = twin_of(tmp_path / "twin", work)
    record = {"date": "2026-01-01", "zone": "face", "kind": "ultrasonic", "value": 5.0, "tool": "UT", key: value}
    (folder / "inspections.jsonl").write_text(json.dumps(record) + "\n")
    done = run_module("twin", "inspect", folder)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "line 1 is not a record" in done.stderr


@pytest.mark.parametrize("key", ["value", "scatter_sd", "bias_sd"])
@pytest.mark.parametrize("value", ["x", [1], {"a": 1}])
def test_a_record_whose_number_is_none_is_one_line(
    key: str, value: object, work: Path, tmp_path: Path, run_module: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    test_a_record_whose_text_is_none_is_one_line(key, value, work, tmp_path, run_module)
