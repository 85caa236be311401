import importlib.metadata
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Literal

import drill
import pytest
from tyro.conf import Positional, arg

import corrotwin
from corrotwin.twin.core import cli

PROGRAM = """
import os, signal, time
from corrotwin.twin.core.cli import run
from corrotwin.twin.core.errors import InputError, WorkError

def go(how: str = "well", more_parts: tuple[str, ...] = ()) -> int | None:
    if how == "input":
        raise InputError("bad\\n  input")
    if how == "work":
        raise WorkError("no luck")
    if how == "full":
        raise OSError(28, "No space left on device", "a/.b.tmp", None, "a/b")
    if how == "chatty":
        print("line\\n" * 100_000)
    if how == "deaf":
        raise ConnectionResetError("reset by peer")
    if how == "memory":
        raise MemoryError
    if how == "torch":
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory:\\n9 bytes")
    if how == "shm":
        raise RuntimeError("It is possible that dataloader's workers are out of shared memory.")
    if how == "segment":
        raise RuntimeError("unable to allocate shared memory(shm) for file </torch_1>: No space left on device (28)")
    if how.startswith("signal"):
        os.kill(os.getpid(), getattr(signal, how.split()[1]))
        time.sleep(5)
    return 3 if how == "three" else None

run("program", "Does things.", {"go": go, "stay": go})
"""

ROOM = "free some memory or process less at a time, then run the same command again"
SHARED = "give the container more shared memory (--shm-size), then run the same command again"


@pytest.mark.parametrize(("said", "cores"), [("150000 100000", 1), ("20000 100000", 1), ("max 100000", 8), (None, 8)])
def test_a_container_s_share_of_the_cores_counts(
    said: str | None, cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "CPU_MAX", tmp_path / "cpu.max")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(8))
    if said is not None:
        (tmp_path / "cpu.max").write_text(f"{said}\n")
    assert cli.available_cores() == cores


def test_the_version_is_that_of_the_package() -> None:
    version = importlib.metadata.version("corrotwin")
    assert version == corrotwin.__version__
    for command in ([sys.executable, "-m", "corrotwin"], [Path(sys.executable).with_name("corrotwin")]):
        done = subprocess.run([*command, "--version"], capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (0, f"corrotwin {version}\n")


@pytest.mark.ci
@pytest.mark.parametrize(
    ("how", "status", "errors"),
    [
        ("well", 0, ""),
        ("three", 3, ""),
        ("input", 2, "program: error: bad input\n"),
        ("work", 1, "program: error: no luck\n"),
        ("full", 2, "program: error: a/b: No space left on device; correct this, and the same command resumes\n"),
        ("deaf", 2, "program: error: reset by peer; correct this, and the same command resumes\n"),
        ("memory", 1, f"program: error: out of memory (none left); {ROOM}\n"),
        (
            "torch",
            1,
            f"program: error: out of memory (DefaultCPUAllocator: can't allocate memory: 9 bytes); {ROOM}\n",
        ),
        (
            "shm",
            1,
            "program: error: out of memory (It is possible that dataloader's workers are out of shared memory.); "
            f"{SHARED}\n",
        ),
        (
            "segment",
            1,
            "program: error: out of memory (unable to allocate shared memory(shm) for file </torch_1>: "
            f"No space left on device (28)); {SHARED}\n",
        ),
        ("signal SIGINT", 130, "program: interrupted; the same command resumes where it can\n"),
        ("signal SIGTERM", 130, "program: interrupted; the same command resumes where it can\n"),
    ],
)
def test_exit_status_and_one_line(how: str, status: int, errors: str) -> None:
    line = [sys.executable, "-c", PROGRAM, "go", "--how", how]
    done = subprocess.run(line, capture_output=True, text=True, preexec_fn=drill.heed_interrupts)
    assert (done.returncode, done.stderr) == (status, errors)


def test_an_error_that_is_ours_keeps_its_traceback() -> None:
    program = PROGRAM.replace("can't allocate memory", "no such thing")
    done = subprocess.run([sys.executable, "-c", program, "go", "--how", "torch"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_a_reader_that_has_gone_is_no_fault_of_ours():
    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "go", "--how", "chatty"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    child.stdout.readline()
    child.stdout.close()
    assert child.wait(timeout=60) == 128 + signal.SIGPIPE
    assert child.stderr.read() == b""
    child.stderr.close()


@pytest.mark.parametrize("line", [["--more-parts", "a", "--more-parts", "b"], ["--more-parts=a", "--more_parts", "b"]])
def test_an_option_of_several_values_is_given_once(line: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, "go", *line], capture_output=True, text=True)
    assert done.returncode == 2
    advice = "only the last would count; give it once, followed by all values"
    assert done.stderr == f"program: error: --more-parts is given twice, but {advice}\n"


def test_of_an_option_of_one_value_the_last_counts() -> None:
    line = ["go", "--how", "well", "--more-parts", "a", "b", "--how", "three"]
    assert subprocess.run([sys.executable, "-c", PROGRAM, *line]).returncode == 3


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("`render_counts` 3: give fewer", "--render-counts 3: give fewer"),
        ("`run_folder`: no such folder; `photos` neither", "RUN-FOLDER: no such folder; PHOTOS neither"),
        ("`seed` and `corrotwin twin grow` are none of its parameters", None),
    ],
)
def test_arguments_are_named_as_the_command_has_them(said: str, shown: str | None) -> None:
    def command(run_folder: Path, photos: Positional[tuple[Path, ...]], /, *, render_counts: int = 0) -> None:
        """Take one of each."""

    assert cli.in_options(said, command) == (said if shown is None else shown)
    assert cli.in_options(said, None) == said


@pytest.mark.ci
def test_a_command_says_in_options_what_its_library_says_in_arguments(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "corrotwin", "synth", "render", "--workers", "0", "--out", tmp_path / "new"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (2, "corrotwin synth: error: --workers 0: give at least 1\n")


def planned(
    photos: Positional[tuple[Path, ...]],
    *,
    out: Path,
    dry_run: bool = False,
    charts: bool = True,
    size: int | None = None,
    way: Annotated[Literal["near", "far"] | None, arg(name="how")] = None,
    shares: tuple[float, ...] = (),
    rest: Annotated[int, arg(help="what the signature says")] = 1,
) -> None:
    """Print what is planned.

    Parameters
    ----------
    photos
        of it.
    out
        folder.
    dry_run, charts
        stop early; draw.

    Other Parameters
    ----------------
    size
        in pixels.
    way, shares
        in which it goes.
    """
    print(photos, out, dry_run, charts, size, way, shares)


def typed(capsys: pytest.CaptureFixture[str], *line: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as end:
        cli.run("program", "Does things.", {"plan": planned, "again": planned}, ["plan", *line])
    return int(end.value.code or 0), capsys.readouterr().out


def test_advanced_options_stand_last_and_defaults_that_say_nothing_are_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    status, said = typed(capsys, "--help")
    common, _, advanced = said.partition("advanced options")
    assert status == 0
    assert all(
        option in common
        for option in (
            "--out PATH",
            "--dry-run ",
            "--charts, --no-charts",
            "(default: True)",
            "stop early",
            "of it.",
            "what the signature says",
        )
    )
    assert all(option in advanced for option in ("--size INT", "--how {near,far}", "--shares", "in which it goes."))
    assert not any(word in said for word in ("None", "--no-dry-run", "default: )", "default: False"))


def test_the_list_of_commands_has_a_line_of_each_and_no_more(capsys: pytest.CaptureFixture[str]) -> None:
    for words, status in ((["--help"], 0), ([], 2), (["plant"], 2)):
        with pytest.raises(SystemExit) as end:
            cli.run("program", "Does things.", {"plan": planned, "again": planned}, words)
        printed = capsys.readouterr()
        assert end.value.code == status
        assert "Parameters" not in printed.out
        assert status or printed.out.count("Print what is planned.") == 2


def test_advanced_options_are_given_as_all_others_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert typed(capsys, "a", "--out", "b", "--how", "far", "--size", "3", "--shares", "0.5", "1") == (
        0, f"{(Path('a'),)} b False True 3 far (0.5, 1.0)\n"
    )  # fmt: skip
    assert typed(capsys, "a", "--out", "b", "--dry-run", "--no-charts")[1].endswith("b True False None None ()\n")
    assert typed(capsys, "a", "--out", "b", "--how", "None")[0] == 2
