"""Where a reader expects a file may lie a pipe, a device, a folder, a file without end, or a link out of the folder."""

import os
from pathlib import Path

import odd_files
import pytest
import readers

from corrotwin.twin.core.errors import InputError

READERS = {**readers.JSON_READERS, **readers.TABLE_READERS}
del READERS["withdrawal"]  # its file is a line of the records, which have a reader of their own
# Files that the user names, which may be links to anywhere; the others belong to a folder that may be a stranger's.
NAMED = {
    "camera, points", "camera, markers", "camera, stated", "preset of one's own", "cameras", "split", "readings",
    "spots", "printed means", "rates of a model",
}  # fmt: skip
# Readers that find out by themselves what can be used, and go on without the rest.
FORGIVING = {"COCO, validated", "card of a dataset", "card of a dataset, validated", "assets of a dataset"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "given"
    made.mkdir()
    return made


def said(name: str, folder: Path) -> str:
    """What a reader says in one line of the file that it refuses; nothing where it goes on without the file."""
    with odd_files.within(30):
        try:
            READERS[name].read(folder)
        except InputError as error:
            text = str(error)
        except OSError as error:  # the command says so in one line, as of a file that may not be read
            text = f"{error.filename}: {error.strerror}"
        else:
            return ""
    assert "\n" not in text
    assert "None" not in text
    assert str(folder) in text
    return text


@pytest.mark.ci
@pytest.mark.parametrize("kind", odd_files.KINDS)
@pytest.mark.parametrize("name", READERS)
def test_a_reader_says_at_once_in_one_line_what_is_no_file(name: str, kind: str, folder: Path) -> None:
    reader = READERS[name]
    reader.make(folder)
    odd_files.put(kind, folder / reader.file)
    text = said(name, folder)
    if kind in ("pipe", "device that never ends", "huge") and text:
        assert any(words in text for words in ("is a pipe", "is a device", "more than the", "leads out of", "no ")), (
            text
        )


@pytest.mark.parametrize("name", READERS)
def test_a_file_that_may_not_be_read_is_one_line(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, real = READERS[name], os.open
    reader.make(folder)
    wanted = os.path.realpath(folder / reader.file)

    def closed(path: object, *rest: object, **named: object) -> int:
        if isinstance(path, str | os.PathLike) and os.path.realpath(path) == wanted:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *rest, **named)

    monkeypatch.setattr(os, "open", closed)
    text = said(name, folder)
    assert "Permission denied" in text or name in FORGIVING


@pytest.mark.parametrize("name", READERS)
def test_a_link_out_of_a_folder_is_refused_and_one_that_the_user_names_is_followed(name: str, folder: Path) -> None:
    reader = READERS[name]
    reader.make(folder)
    odd_files.linked(folder / reader.file, folder.parent / "home")
    text = said(name, folder)
    if name in NAMED:
        assert not text
    else:
        assert "leads out of" in text or name in FORGIVING


@pytest.mark.parametrize("name", READERS)
def test_a_folder_that_is_named_by_a_link_is_read(name: str, folder: Path) -> None:
    (folder.parent / "disk").mkdir()
    folder.rmdir()
    folder.symlink_to(folder.parent / "disk")
    READERS[name].make(folder)
    READERS[name].read(folder)
