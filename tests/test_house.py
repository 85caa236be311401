"""The house rules that no linter knows."""

import ast
import json
import re
import resource
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
HEAVY = {
    "PIL", "albumentations", "bpy", "cv2", "matplotlib", "numpy", "pandas", "ray", "scipy", "statsmodels", "torch",
    "trimesh",
}  # fmt: skip
PACKAGES = ("twin", "synth", "segmentation", "benchmarks")
ERRORS = ("InputError", "WorkError")


@pytest.mark.ci
@pytest.mark.parametrize("words", [(), *((package,) for package in PACKAGES), ("segmentation", "train"), ("doctor",)])
def test_help_answers_within_a_second_of_work_and_without_heavy_imports(words: tuple[str, ...]) -> None:
    line = [sys.executable, "-X", "importtime", "-m", "corrotwin", *words, "--help"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(line, capture_output=True, text=True, timeout=60)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0
    assert " ".join(words) in done.stdout
    imported = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert not imported & HEAVY
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1


@pytest.mark.parametrize("words", [(), *((package,) for package in PACKAGES)])
def test_unknown_command_exits_2(words: tuple[str, ...]) -> None:
    line = [sys.executable, "-m", "corrotwin", *words, "fly"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_every_make_target_is_in_the_help_and_phony() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    assert targets == set(re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split())
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in targets - {"help"}:
        assert re.search(rf"^{target}\s+\S", shown, re.MULTILINE)


def pages() -> dict[Path, str]:
    """Our Markdown without what stands in code blocks."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return {path: re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL) for path in found}


def anchor(title: str) -> str:
    """Of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", re.sub(r"\]\([^)]*\)", "", title.lower())).replace(" ", "-")


def test_links_between_pages_lead_to_files_and_headings() -> None:
    texts = pages()
    headings = {path: {anchor(title) for title in re.findall(r"^#+ (.+)", texts[path], re.MULTILINE)} for path in texts}
    checked = 0
    for path, text in texts.items():
        assert not re.search("@[A-Z]+@", text), path
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            if link.startswith("http"):
                continue
            name, _, heading = link.partition("#")
            target = (path.parent / name).resolve() if name else path
            assert target.exists(), f"{path}: {link}"
            assert not heading or heading in headings[target], f"{path}: {link}"
            checked += 1
    assert checked > 100


def test_what_is_said_for_clusters_agrees_with_what_is_pinned() -> None:
    """Ray refuses machines of other versions, and Blender one whose libraries are missing."""
    pinned = re.search(r"^ray==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    job = yaml.safe_load((ROOT / "docs" / "cluster" / "rayjob.yaml").read_text())
    assert pinned is not None
    assert job["spec"]["rayClusterSpec"]["rayVersion"] == pinned[1]
    command = job["spec"]["entrypoint"].split()
    helped = subprocess.run([sys.executable, "-m", *command[:3], "--help"], capture_output=True, text=True)
    assert helped.returncode == 0
    assert all(option in helped.stdout for option in command[3:] if option.startswith("--"))
    docker = (ROOT / "docs" / "cluster" / "Dockerfile").read_text()
    libraries = re.search(r"apt-get install (libgl1 [a-z0-9 -]+)", (ROOT / "Makefile").read_text())
    assert libraries is not None
    assert libraries[1].strip() in docker
    groups = {each["groupName"]: each for each in job["spec"]["rayClusterSpec"]["workerGroupSpecs"]}
    assert json.loads(json.loads(groups["render"]["rayStartParams"]["resources"]))["blender"] > 0


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("import pickle", "TID251"),
        ("from pickle import loads", "TID251"),
        ("import marshal", "TID251"),
        ("import shelve", "TID251"),
        ("import torch\n\ntorch.load('x', weights_only=False)", "TID251"),
        ("from joblib import load", "TID251"),
        ("eval('1')", "S307"),
        ("exec('1')", "S102"),
        ("import yaml\n\nyaml.load('1', Loader=yaml.Loader)", "S506"),
        ("import os\n\nos.system('true')", "S605"),
        ("import subprocess\n\nsubprocess.run('true', shell=True)", "S602"),
        ("print('x')", "T201"),
        ("import pprint\n\npprint.pprint('x')", "T203"),
        ("from matplotlib import pyplot", "TID251"),
    ],
)
def test_the_linter_bans_what_runs_a_strangers_code_or_speaks_for_itself(line: str, rule: str) -> None:
    ruff = Path(sys.executable).with_name("ruff")
    done = subprocess.run(
        [ruff, "check", "--no-cache", "--output-format=concise", "--stdin-filename", ROOT / "twin" / "new.py", "-"],
        input=line, cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert f" {rule} " in done.stdout, done.stdout + done.stderr


TABLE_CALLS = {
    "csv": {"reader", "DictReader", "Sniffer"},
    "pandas": {"read_csv", "read_table", "read_fwf"},
    "numpy": {"loadtxt", "genfromtxt", "recfromcsv"},
}


def table_readers(text: str) -> list[str]:
    """The places in a module that name a reader of tables: ``csv.reader:12``."""
    tree = ast.parse(text)
    imported: dict[str, str] = {}  # by the name that the module gives it
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported.update({each.asname or each.name: each.name for each in node.names})
        elif isinstance(node, ast.ImportFrom):
            imported.update({each.asname or each.name: f"{node.module}.{each.name}" for each in node.names})
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            first, dot, rest = ast.unparse(node).partition(".")
            module, _, name = (imported.get(first, first) + dot + rest).rpartition(".")
            if name in TABLE_CALLS.get(module, ()):
                found.append(f"{module}.{name}:{node.lineno}")
    return found


@pytest.mark.parametrize(
    "line",
    [
        "import csv\nrows = csv.reader(open('x'))",
        "import csv as c\nrows = list(c.DictReader(open('x')))",
        "from csv import reader as lines\nrows = lines(open('x'))",
        "def f():\n    import pandas as pd\n    return pd.read_csv('x')",
        "import numpy as np\nvalues = np.genfromtxt('x', delimiter=',')",
    ],
)
def test_a_planted_reader_of_tables_is_found(line: str) -> None:
    assert len(table_readers(line)) == 1


@pytest.mark.ci
def test_only_one_module_reads_tables() -> None:
    """Everything that takes a CSV file takes every dialect of it, and refuses by file, line and column."""
    allowed = ROOT / "twin" / "core" / "tables.py"
    assert table_readers(allowed.read_text())
    for package in (*PACKAGES, "tools"):
        for path in (ROOT / package).rglob("*.py"):
            if path != allowed:
                assert not table_readers(path.read_text()), path


def test_numpy_never_unpickles() -> None:
    """No linter knows: an array of Python objects is a pickle."""
    for package in ("twin", "synth", "segmentation", "benchmarks"):
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text()
            for node in ast.walk(ast.parse(text)) if "allow_pickle" in text else ():
                for keyword in node.keywords if isinstance(node, ast.Call) else ():
                    if keyword.arg == "allow_pickle":
                        assert isinstance(keyword.value, ast.Constant), f"{path}:{node.lineno}"
                        assert keyword.value.value is False, f"{path}:{node.lineno}"


MAY_WRITE = {
    "twin/core/text.py",  # all that is printed passes it
    "twin/core/console.py",  # tables and progress bars
    "benchmarks/study/probe.py",  # answers its parent, a program, line by line
    "twin/meshes/child.py",  # so does this
}


def spoken(source: str) -> list[int]:
    """The lines of a module that write to a standard stream or make a console of their own."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if re.fullmatch(r"(.*\.)?Console|(sys\.)?(__)?std(out|err)(__)?\.(buffer\.)?write(lines)?", called):
                found.append(node.lineno)
    return found


@pytest.mark.ci
def test_only_one_module_speaks() -> None:
    """Prints are T201 of the linter; it knows neither writes to a stream nor consoles of rich."""
    for folder in (*PACKAGES, "tools", "src/corrotwin"):
        for path in (ROOT / folder).rglob("*.py"):
            if str(path.relative_to(ROOT)) not in MAY_WRITE:
                assert spoken(path.read_text()) == [], path
    assert "noqa: T20" not in "".join(path.read_text() for folder in PACKAGES for path in (ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize(
    "line",
    [
        "import sys\n\nsys.stdout.write('x')",
        "import sys\n\nsys.stderr.writelines(['x'])",
        "from sys import stdout\n\nstdout.write('x')",
        "import sys\n\nsys.stdout.buffer.write(b'x')",
        "from rich.console import Console\n\nConsole(stderr=True).print('x')",
        "import rich.console\n\nrich.console.Console()",
    ],
)
def test_a_module_that_speaks_for_itself_is_found(line: str) -> None:
    assert spoken(line) == [3]


def options_in_errors(text: str) -> list[int]:
    """Lines on which an InputError or WorkError is made that names an option of a command.

    A whole command line, such as "run corrotwin twin grow spool --years 0", is not a name of an option.
    """
    tree = ast.parse(text)
    assigned = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    found = set()
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in ERRORS:
            parts = list(ast.walk(call))
            names = [part.id for part in parts if isinstance(part, ast.Name) and part.id in assigned]
            parts += [part for name in names for part in ast.walk(assigned[name])]
            of_text = {id(value) for part in parts if isinstance(part, ast.JoinedStr) for value in part.values}
            for part in (part for part in parts if id(part) not in of_text):
                message = "".join(
                    value.value if isinstance(value, ast.Constant) else "X"
                    for value in (part.values if isinstance(part, ast.JoinedStr) else [part])
                    if not isinstance(value, ast.Constant) or isinstance(value.value, str)
                )
                if re.search(r"(?<![\w-])--[a-zX]", re.sub(r"corrotwin \w+ [\w-]+( X| \d+| --[a-z-]+)*", "", message)):
                    found.add(call.lineno)
    return sorted(found)


@pytest.mark.ci
def test_errors_of_library_code_speak_of_arguments() -> None:
    """Commands turn `name` into --name (`twin.core.cli.in_options`); a caller from Python has no options."""
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if path.name != "cli.py"]
    library = [path for path in paths if "commands" not in path.relative_to(ROOT).as_posix()]
    wrong = {str(path.relative_to(ROOT)): options_in_errors(path.read_text()) for path in library}
    assert {path: lines for path, lines in wrong.items() if lines} == {}


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ('raise InputError("--seed: must be at least 0")', True),
        ('raise WorkError(f"{x}: leave out " f"--seed {x}")', True),
        ('advice = f"give --seed {x}, too"\nraise InputError(f"{x}: {advice}")', True),
        ('raise InputError(f"{x}: made by corrotwin synth render; give --seed")', True),
        ('raise InputError(f"--{name} {value}: is below 0")', True),
        ('raise InputError("`seed` -1: must be at least 0")', False),
        ('raise InputError(f"{x}: damaged; run corrotwin twin grow {x} --years 0")', False),
        ('print("--seed")', False),
    ],
)
def test_an_option_in_an_error_is_found(line: str, wrong: bool) -> None:
    assert bool(options_in_errors(line)) == wrong


# Calls that open, read, write or remove a file by its name, and why a function of ours may make one all the same.
ALWAYS = {
    "open", "io.open", "io.FileIO", "os.open", "os.remove", "os.unlink", "os.link", "os.symlink", "shutil.copy",
    "shutil.copy2", "shutil.copyfile", "shutil.copytree", "shutil.move", "tempfile.NamedTemporaryFile",
    "tempfile.TemporaryFile", "tempfile.mkstemp", "NamedTemporaryFile", "TemporaryFile", "mkstemp", "cv2.imread",
    "cv2.imwrite", "gzip.open", "bz2.open", "lzma.open", "tarfile.open", "sqlite3.connect", "np.fromfile", "np.memmap",
}  # fmt: skip
METHODS = {
    "open", "read_text", "read_bytes", "write_text", "write_bytes", "unlink", "touch", "hardlink_to", "symlink_to",
    "tofile", "imread", "imsave",
}  # fmt: skip
STREAMS = {  # of other libraries, which take a stream or a name: a stream it must be, or a name that was checked
    "np.load", "np.save", "np.savez", "np.savez_compressed", "np.loadtxt", "np.genfromtxt", "np.savetxt", "Image.open",
    "zipfile.ZipFile", "ZipFile", "safe_open", "load_file", "save_file", "torch.load", "torch.save", "pd.read_csv",
    "pd.read_excel", "trimesh.load", "trimesh.load_mesh", "onnx.save", "onnx.load",
}  # fmt: skip
GIVERS = {"BytesIO", "StringIO", "open_file", "new_file", "atomic_file", "checked", "ZipFile"}
EXEMPT = {
    "twin/core/opening.py": "the one way itself",
    "twin/core/temporary.py": "the one way itself",
    "twin/core/files.py": "the one way itself",
    "twin/core/locks.py": "the one way itself, and the name of this boot in /proc",
    "twin/core/cli.py": "the limits of a container in /sys",
    "twin/core/machine.py": "reads /proc and /sys, whose files have no size",
    "twin/core/text.py:guard_streams": "the null device",
    "synth/blender/": "runs in Blender's interpreter, where nothing of ours but plain data can be imported",
    "synth/spec.py:load": "runs there, too",
    "synth/rendering/devices.py:cards_here": "reads /sys, whose files have no size",
    "benchmarks/machine.py:declared": "reads a file of the package, which may lie in an archive",
}


def touches(path: str, text: str) -> list[tuple[str, int, str]]:
    """Calls in a module that touch files by their names: ``path:function``, line, and what is called."""
    tree = ast.parse(text)
    streams = {
        argument.arg
        for node in ast.walk(tree)
        if isinstance(node, ast.arguments)
        for argument in (*node.posonlyargs, *node.args, *node.kwonlyargs)
        if argument.annotation is not None and re.search("IO|ZipFile|Buffered", ast.unparse(argument.annotation))
    }
    for node in ast.walk(tree):
        pairs: list[tuple[ast.expr | None, ast.expr]] = []
        if isinstance(node, ast.withitem):
            pairs = [(node.optional_vars, node.context_expr)]
        elif isinstance(node, ast.Assign):
            pairs = [(target, node.value) for target in node.targets]
        elif isinstance(node, ast.NamedExpr):
            pairs = [(node.target, node.value)]
        for target, value in pairs:
            if isinstance(target, ast.Name) and isinstance(value, ast.Call) and called(value)[-1] in GIVERS:
                streams.add(target.id)

    def is_stream(node: ast.expr) -> bool:
        if isinstance(node, ast.Call):
            return called(node)[-1] in GIVERS
        return isinstance(node, ast.Name) and node.id in streams

    found = []

    def visit(node: ast.AST, where: str) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            where = node.name
        if isinstance(node, ast.Call):
            *owner, name = called(node)
            dotted = ".".join([*owner, name])
            if dotted in STREAMS:
                bad = not (node.args and is_stream(node.args[0]))
            elif isinstance(node.func, ast.Attribute) and name in METHODS:
                bad = owner not in (["files"], ["core", "files"]) and not is_stream(node.func.value)
            else:
                bad = dotted in ALWAYS
            if bad:
                found.append((f"{path}:{where}", node.lineno, dotted))
        for child in ast.iter_child_nodes(node):
            visit(child, where)

    visit(tree, "")
    return found


def called(node: ast.Call) -> list[str]:
    """The dotted name of what is called; ``?`` stands for what is not a name."""
    names, place = [], node.func
    while isinstance(place, ast.Attribute):
        names.append(place.attr)
        place = place.value
    return [place.id if isinstance(place, ast.Name) else "?", *reversed(names)]


@pytest.mark.ci
def test_files_are_touched_in_one_place_only() -> None:
    used: set[str] = set()
    wrong = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for place, line, call in touches(path.relative_to(ROOT).as_posix(), path.read_text()):
                reason = next((each for each in EXEMPT if place.startswith(each)), None)
                if reason is None:
                    wrong.append(f"{place} (line {line}): {call}")
                else:
                    used.add(reason)
    assert not wrong, "use corrotwin.twin.core.files: " + "; ".join(wrong)
    assert used == set(EXEMPT)


@pytest.mark.parametrize(
    "line",
    [
        "open('x')", "path.open('w')", "(folder / 'x').read_text()", "Path('x').write_bytes(b'')", "path.unlink()",
        "os.open('x', os.O_RDONLY)", "np.load(path)", "np.savez(folder / 'x.npz', a=1)", "Image.open(path)",
        "zipfile.ZipFile(path)", "load_file(path)", "shutil.copyfile(one, other)", "tempfile.NamedTemporaryFile()",
        "with path.open() as stream:\n    pass", "class A:\n    def f(self) -> None:\n        self.path.read_bytes()",
        "def f(stream: Path) -> None:\n    np.load(stream)", "pd.read_csv(path)", "cv2.imwrite('x.png', image)",
    ],
)  # fmt: skip
def test_a_planted_call_that_touches_a_file_is_found(line: str) -> None:
    assert len(touches("twin/planted.py", line)) == 1


@pytest.mark.parametrize(
    "line",
    [
        "files.read_text(path)", "read_bytes(path)", "np.load(checked(path), mmap_mode='r')",
        "with open_file(path) as stream, np.load(stream) as arrays:\n    pass", "Image.open(io.BytesIO(content))",
        "with open_file(path) as stream, zipfile.ZipFile(stream) as archive:\n    archive.open('x')",
        "def f(stream: BinaryIO) -> None:\n    np.savez(stream)",
    ],
)  # fmt: skip
def test_the_one_way_passes(line: str) -> None:
    assert not touches("twin/planted.py", line)


def private_patches(source: str) -> list[str]:
    """Return what tests put in place of a private name: ``setattr:12``, also in programs that they hold as text."""
    found = []
    for node in ast.walk(ast.parse(source)):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Call) and called(node)[-1] in ("setattr", "delattr", "patch", "object"):
            names = [each.value for each in node.args[:2] if isinstance(each, ast.Constant)]
            if any(str(name).rpartition(".")[2].startswith("_") for name in names):
                found.append(f"{called(node)[-1]}:{node.lineno}")
        elif isinstance(node, ast.Assign | ast.Delete):
            targets = node.targets
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "._" in node.value:
            with suppress(SyntaxError):
                found += private_patches(node.value)
        for target in targets:
            if isinstance(target, ast.Subscript) and ast.unparse(target.value).endswith(".__dict__"):
                is_private = ast.unparse(target.slice).strip("'").startswith("_")
            else:
                is_private = isinstance(target, ast.Attribute) and target.attr.startswith("_")
            if is_private and ast.unparse(target).partition(".")[0] not in ("self", "cls"):
                found.append(f"{ast.unparse(target)}:{target.lineno}")
    return found


@pytest.mark.ci
def test_no_test_puts_anything_in_place_of_a_private_name() -> None:
    """Private names may change at any time: tests replace arguments, public names, files and conditions."""
    for path in (ROOT / "tests").rglob("*.py"):
        if path != Path(__file__):  # holds what is planted
            assert private_patches(path.read_text()) == [], path


@pytest.mark.parametrize(
    "line",
    [
        "monkeypatch.setattr(planning, '_probe', 1)", "patch.setattr('corrotwin.twin.store._named', 1)",
        "setattr(store, '_named', 1)", "monkeypatch.delattr(store, '_named')", "mock.patch('twin.store._named')",
        "mock.patch.object(store, '_named')", "monkeypatch.setattr(\n    torch.nn.Module, '__call__', 1)",
        "store._named = 1", "del store._named", "loader.__dict__['_held'] = 1", "HELD = '''\nimport x\nx._y = 1\n'''",
    ],
)  # fmt: skip
def test_a_planted_patch_of_a_private_name_is_found(line: str) -> None:
    planted = line.replace("_probe", "probe").replace("_named", "named").replace("__call__", "call")
    planted = planted.replace("_held", "held").replace("_y", "y")
    assert (len(private_patches(line)), private_patches(planted)) == (1, [])
