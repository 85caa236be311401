import json
import subprocess
import sys

import pytest


@pytest.fixture
def call():
    """A function that runs a command of segmentation in a process of its own."""

    def run(*arguments):
        command = [sys.executable, "-m", "corrotwin", "segmentation", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    return run


@pytest.fixture
def rename():
    """A function that gives photos of a part of an export other names, in its json too."""

    def renamed(folder, names):
        path = folder / "_annotations.coco.json"
        document = json.loads(path.read_text())
        for image in document["images"]:
            old = image["file_name"]
            image["file_name"] = names.get(old, old)
            (folder / old).rename(folder / image["file_name"])
        path.write_text(json.dumps(document))

    return renamed
