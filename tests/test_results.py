"""docs/results stays small, and its README says of every file where it is from."""

import re
import subprocess
from pathlib import Path

RESULTS = Path(__file__).parents[1] / "docs" / "results"
README = (RESULTS / "README.md").read_text()
MOST_FILES, MOST_BYTES = 99, 6_000_000
FILES = [path for path in RESULTS.rglob("*") if path.is_file()]


def test_results_are_few_small_text_files() -> None:
    assert len(FILES) <= MOST_FILES
    assert sum(path.stat().st_size for path in FILES) < MOST_BYTES
    assert {path.suffix for path in FILES} <= {".csv", ".md", ".svg", ".jsonl"}


def test_the_readme_names_each_file_or_its_folder() -> None:
    rows = [line.split("|")[1].strip() for line in README.splitlines() if line.startswith("|")]
    for path in FILES:
        name = path.relative_to(RESULTS)
        folders = [f"[{parent}/]" for parent in name.parents]
        whole = {str(name), f"{name.with_suffix('.csv')}, .md"}  # a table, and the same for reading
        is_named = any(row in whole or any(folder in row for folder in folders) for row in rows)
        assert name == Path("README.md") or is_named, f"{name}: give it a row in docs/results/README.md"


def test_every_row_names_a_command_and_a_commit_of_this_history() -> None:
    rows = [line.strip("|").split("|") for line in README.splitlines() if line.startswith("|")][2:]
    assert len(rows) > 20
    history = subprocess.run(["git", "rev-list", "--all"], cwd=RESULTS, capture_output=True, text=True, check=False)
    for _, _, command, commits, _ in rows:
        assert command.strip()
        assert re.fullmatch(r"[0-9a-f]{7}(; [0-9a-f]{7})*", commits.strip())  # several: rows were added later
        if history.returncode == 0 and len(history.stdout) > 41 * 100:  # not from an archive, nor a shallow clone
            for commit in commits.strip().split("; "):
                assert re.search(rf"^{commit}", history.stdout, re.MULTILINE), commit
