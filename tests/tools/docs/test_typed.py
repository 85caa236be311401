"""README and the first day can be typed as they stand; what pages say of commands and options exists."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tools.docs import options, typed

ROOT = Path(__file__).resolve().parents[3]
TYPED = [ROOT / "README.md", ROOT / "docs" / "first-day.md"]
PAGES = sorted(
    path
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "examples" / "README.md"]
    if path.name not in ("CHANGELOG.md", "transfer-log.md", "decisions.md")  # history keeps the names of its time
)


def known() -> dict[str, set[str]]:
    """The options of each command, by the words before them."""
    found = {}
    for program, commands in options.programs().values():
        for word, command in commands.items():
            names = [name.removeprefix("--") for name in options.arguments(command)]
            line = f"{program} {word}".removeprefix("corrotwin ")
            found[line] = {f"--{one}" for name in names for one in (name, f"no-{name}")} | {"--help", "-h"}
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_commands_on_pages_and_their_options_exist(page: Path) -> None:
    allowed = known()
    for command in typed.commands(page.read_text()):
        for part in re.split(r"\s(?:&&|\|)\s|\n(?!\s)", command.replace("\\\n", " ")):
            words = shlex.split(part, comments=True)
            if not words or Path(words[0]).name != "corrotwin" or words[1].startswith("-"):
                continue
            line = words[1] if words[1] in allowed else " ".join(words[1:3])
            assert line in allowed, f"{page.name}: {part}"
            given = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
            assert given <= allowed[line], f"{page.name}: {part}"


def test_continued_lines_and_texts_are_one_command() -> None:
    page = "```sh\na \\\n    b\ncat > c <<'END'\nd\nEND\n```\n\n```python\ne\n```\n\n```sh\n\nf\n```\n"
    assert typed.commands(page) == ["a \\\n    b", "cat > c <<'END'\nd\nEND", "f"]


def test_commands_go_to_one_shell_and_a_failure_is_the_last(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```sh\nmkdir a && cd a\nNAME=x\nmake test   # not typed\npwd; echo $NAME >&2\nfalse\necho never\n```\n"
    )
    done = list(typed.type_page(page, tmp_path))
    assert [one.status for one in done] == [0, 0, 0, 1]
    assert done[2].output == f"{tmp_path / 'a'}\nx"
    assert "| page.md | `mkdir a && cd a` | 0 | " in typed.summary(done)


def test_an_environment_that_make_setup_did_not_make_is_refused(tmp_path: Path) -> None:
    with pytest.raises(typed.InputError, match="make setup"):
        typed.copy(tmp_path / "clone", environment=tmp_path)


def test_the_pages_of_options_are_current() -> None:
    written = {path.name: path.read_text() for path in options.FOLDER.glob("*.md")}
    made = "import json; from tools.docs import options; print(json.dumps(options.pages()))"
    root = options.FOLDER.resolve().parents[1]  # in a process of its own: other tests change modules of this one
    done = subprocess.run([sys.executable, "-c", made], cwd=root, capture_output=True, text=True, check=True)
    assert written == json.loads(done.stdout), "run python -m tools.docs.options"


def test_the_pages_of_options_have_the_help() -> None:
    page = options.pages()["segmentation.md"]
    assert "| `--threads INT` | `2` | CPU threads; another number changes the last bits of the result. |" in page
    assert "| `--seed INT` | `0` |" in page
    assert "| `--profile {quick,small,paper}` | `small` |" in page
    assert "| `--data PATH` | required |" in page
    assert "| `--self-training, --no-self-training` |  |" in page
    assert "True,False" not in page


@pytest.mark.slow(minutes=60)
@pytest.mark.blender
def test_the_readme_and_the_first_day_are_typed_as_they_stand(tmp_path: Path) -> None:
    """Each command ends well, and each that makes something says what, where, and what to type next."""
    clone = tmp_path / "clone"
    typed.copy(clone, environment=Path(sys.prefix))
    for page in TYPED:
        for one in typed.type_page(page, clone):
            assert one.status == 0, f"{one.command}\n{one.output}"
            if out := re.search(r"corrotwin .*--(?:out|plot) (\S+)", one.command.replace("\\\n", " ")):
                end = one.output.splitlines()[-4:]
                assert any(out[1] in line for line in end), f"{one.command}\n{one.output}"
                assert re.search(r"next: |look at |open it", "\n".join(end)), f"{one.command}\n{one.output}"
