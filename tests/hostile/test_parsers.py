"""Any file gives a value or a user's error of one line, whatever stands in it."""

import copy
import csv
import io
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import readers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corrotwin.segmentation import runs
from corrotwin.twin.core.errors import InputError

EXAMPLES = settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
NASTY = st.sampled_from(
    [
        None, True, False, 0, -1, 1, 3, 2.5, -0.0, 1e308, 10**12, 10**30, -(10**30), 10**400,
        float("nan"), float("inf"),
        "", "x", "1", "nan", "../../x", "/etc/passwd", "a\nb", "\x1b[31m", "\0", "\ud800", "é", "x" * 5000,
        [], [[]], [None], [0], [1, 2, 3], ["x"], {}, {"x": 1}, {"id": []}, [10**400], [float("nan")], [{}],
    ]
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The ways to all values inside a JSON value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inside:
        yield (*path, key)
        yield from places(each, (*path, key))


def changed(document: Any, data: st.DataObject) -> Any:
    """A whole document with one or two of its values replaced, removed or doubled."""
    document = copy.deepcopy(document)
    for _ in range(data.draw(st.integers(1, 2))):
        ways = list(places(document))
        if not ways:
            return copy.deepcopy(data.draw(NASTY))
        *path, last = data.draw(st.sampled_from(ways))
        place = document
        for key in path:
            place = place[key]
        match data.draw(st.sampled_from(["replace"] * 4 + ["remove", "double"])):
            case "replace":
                place[last] = copy.deepcopy(data.draw(NASTY))
            case "remove":
                del place[last]
            case "double":
                if isinstance(place, list):
                    place.append(place[last])
                else:
                    place[f"{last}2"] = place[last]
    return document


def read(reader: Any, folder: Path) -> None:
    with suppress(InputError):
        reader.read(folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "given"
    made.mkdir()
    return made


@pytest.mark.ci
@pytest.mark.parametrize("name", readers.JSON_READERS)
def test_json_changed_anywhere_is_a_value_or_a_users_error(name: str, folder: Path) -> None:
    reader = readers.JSON_READERS[name]
    reader.make(folder)
    reader.read(folder)  # whole, it is taken
    document = readers.document_of(reader, folder)

    @EXAMPLES
    @given(st.data())
    def check(data: st.DataObject) -> None:
        readers.put(reader, folder, json.dumps(changed(document, data)))
        read(reader, folder)

    check()


@pytest.mark.ci
@pytest.mark.parametrize("name", readers.JSON_READERS)
def test_any_json_and_any_bytes_are_a_value_or_a_users_error(name: str, folder: Path) -> None:
    reader = readers.JSON_READERS[name]
    reader.make(folder)
    values = st.recursive(
        NASTY, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    )

    @settings(EXAMPLES, max_examples=10)
    @given(values.map(json.dumps).map(str.encode) | st.binary(max_size=40))
    def check(content: bytes) -> None:
        readers.put(reader, folder, content)
        read(reader, folder)

    check()


def test_what_a_checkpoint_tells_of_its_run_is_whole_or_a_users_error(folder: Path) -> None:
    import torch

    from corrotwin.segmentation.models.tensor_files import save_tensors
    from corrotwin.segmentation.training import checkpoint

    def state() -> checkpoint.State:
        network = torch.nn.Linear(2, 1)
        return checkpoint.State(network=network, optimizer=torch.optim.AdamW(network.parameters()), average=None)

    begun = state()
    begun.network(torch.ones(1, 2)).sum().backward()
    begun.optimizer.step()
    begun.history.append(dict.fromkeys(runs.HISTORY_COLUMNS, 1.0))
    checkpoint.save(folder, begun)
    checkpoint.restore(folder, again := state())
    assert again.history == begun.history
    tensors = {f"model/{name}": tensor for name, tensor in begun.network.state_dict().items()}
    document = {"history": begun.history, "best_epoch": 1, "best_f1": 0.5}

    @EXAMPLES
    @given(st.data())
    def check(data: st.DataObject) -> None:
        save_tensors(folder / checkpoint.NAME, tensors, {"progress": json.dumps(changed(document, data))})
        with suppress(InputError):
            checkpoint.restore(folder, found := state())
            assert all(set(row) == set(runs.HISTORY_COLUMNS) for row in found.history)
            assert isinstance(found.best_f1, int | float)

    check()


CELLS = [
    "",
    "x",
    "-1",
    "0",
    "1e999",
    "nan",
    "inf",
    "9" * 30,
    "1e99999999",
    "9" * 5000,
    "\0",
    '"',
    "é",
    "=1+1",
    "../x",
    "a,b",
    "x" * 200_000,
]


@pytest.mark.parametrize("name", readers.TABLE_READERS)
def test_tables_changed_anywhere_are_a_value_or_a_users_error(name: str, folder: Path) -> None:
    reader = readers.TABLE_READERS[name]
    reader.make(folder)
    reader.read(folder)
    whole = [list(row) for row in csv.reader(io.StringIO(readers.text_of(reader, folder)))]

    @EXAMPLES
    @given(st.data())
    def check(data: st.DataObject) -> None:
        rows = [list(row) for row in whole]
        for _ in range(data.draw(st.integers(1, 2))):
            row = data.draw(st.sampled_from([each for each in rows if each] or [[""]]))
            place = data.draw(st.integers(0, len(row) - 1))
            match data.draw(st.sampled_from(["replace"] * 4 + ["remove", "double"])):
                case "replace":
                    row[place] = data.draw(st.sampled_from(CELLS))
                case "remove":
                    del row[place]
                case "double":
                    row.insert(place, row[place])
        readers.put(reader, folder, "\n".join(map(",".join, rows)) + "\n")
        read(reader, folder)

    check()


@pytest.mark.parametrize("name", readers.TABLE_READERS)
def test_any_text_is_a_value_or_a_users_error(name: str, folder: Path) -> None:
    reader = readers.TABLE_READERS[name]
    reader.make(folder)

    @settings(EXAMPLES, max_examples=10)
    @given(st.text(alphabet='a1,;"\n\r\0\ufeff', max_size=40).map(str.encode) | st.binary(max_size=40))
    def check(content: bytes) -> None:
        readers.put(reader, folder, content)
        read(reader, folder)

    check()
