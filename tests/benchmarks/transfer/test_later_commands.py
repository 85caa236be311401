"""Commands on a folder that holds a transfer: what they take from it, say of it and refuse."""

from collections.abc import Callable
from pathlib import Path

import pytest
from transfers import (
    give,
    give_screen,
    ids,
    snapshot,
)

from corrotwin.benchmarks.study import draws
from corrotwin.benchmarks.transfer import evaluation_log
from corrotwin.segmentation.data import coco
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_json, write_json


@pytest.mark.ci
def test_the_same_command_repeats_nothing_and_more_redraws_and_runs_add_to_it(home: Path, trained: list[str]) -> None:
    give(home, renders_per_run=3)
    before = snapshot(home / "out")
    trained.clear()
    give(home)  # the draws are those of the runs there
    assert trained == []
    after = snapshot(home / "out")
    log, page = after.pop(evaluation_log.LOG), [name for name in after if name.endswith("-per-image.csv")]
    assert log.startswith(before.pop(evaluation_log.LOG))
    assert all(after[name] == before[name] for name in after if "/run-01/" in name or name in page)
    give(home, redraws=2)
    assert {"/".join(each.split("/")[1:3]) for each in ids(trained, home)} == {"run-02/few"}
    trained.clear()
    give(home, redraws=2, runs=2)
    assert {"/".join(each.split("/")[1:3]) for each in ids(trained, home)} == {"run-02/fold-1", "run-02/fold-2"}
    trained.clear()
    give(home, redraws=0, runs=2)
    assert trained == []


@pytest.mark.ci
def test_a_transfer_whose_runs_share_one_draw_goes_on_so_and_says_it(
    home: Path, trained: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As folders were made before runs had draws of their own."""
    whole = coco.read(home / "renders")
    with monkeypatch.context() as patch:
        patch.setattr(draws, "deal", lambda renders, **_: (renders,) * 2)
        give(home, runs=2)
    for path in (home / "out").glob("photos/run-*/*/renders-*/study.json"):
        kept = read_json(path)
        del kept["renders"]["draws"]
        write_json(path, kept)
    trained.clear()
    capsys.readouterr()
    assert give(home, runs=2) == 0
    assert trained == []
    assert "all runs share one draw of 6, so what is found speaks of these renders alone" in capsys.readouterr().out
    give(home, runs=3)
    assert {each.split("/")[1] for each in ids(trained, home)} == {"run-03"}
    made = {read_json(Path(each) / "run.json")["data"]["renders"] for each in trained}
    assert made == {None, whole.digest}
    with pytest.raises(InputError, match="all runs there share one draw of these renders; leave out `renders_per_run`"):
        give(home, runs=2, renders_per_run=3)


@pytest.mark.ci
def test_fewer_redraws_and_runs_than_are_there_take_none_out_of_the_tables(home: Path, trained: list[str]) -> None:
    give(home, redraws=3, runs=2)
    tables = snapshot(home / "out" / "tables")
    give(home, redraws=1, runs=1)
    after = snapshot(home / "out" / "tables")
    for ending in (".md", ".html"):
        before, now = (each.pop(name) for each in (tables, after) for name in list(each) if name.endswith(ending))
        assert before.replace(b"opened 1 time ", b"opened 2 times ") == now
    assert {name: after[name] for name in tables if not name.endswith(".png")} == {
        name: content for name, content in tables.items() if not name.endswith(".png")
    }


@pytest.mark.ci
def test_runs_of_photos_alone_serve_all_renders_of_a_folder(home: Path, trained: list[str]) -> None:
    give(home)
    trained.clear()
    give(home, renders=home / "better")
    assert len(trained) == 2 + 2 * 2
    assert not [each for each in ids(trained, home) if "/photos/runs" in each]
    assert len(list((home / "out" / "tables").glob("*.md"))) == 2


@pytest.mark.ci
def test_what_a_later_command_was_not_asked_for_is_said_before_its_tables_lose_it(
    home: Path, trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    every = {"render_counts": (2, 4), "across": (home / "yard",), "clean": home / "clean"}
    give(home, **every)
    give(home, **every, dry_run=True)
    assert "tables will be without" not in capsys.readouterr().out
    give(home, render_counts=(2,), across=(home / "yard",), dry_run=True)
    said = capsys.readouterr().out
    assert "without the first 4 renders, tried before: give --render-counts 4, too" in said
    assert "without clean, measured before and not named now" in said
    for other_arms in ({"mixed_only": True}, {"render_share": 0.25}):  # they would be refused, or trained
        give(home, **other_arms, dry_run=True)
        assert "without the first 2 4 renders, tried before\n" in capsys.readouterr().out
    give(home, dry_run=True)
    said = capsys.readouterr().out
    assert "--render-counts 2 4, too" in said
    assert "without clean, yard, measured" in said
    give(home, renders=home / "better", dry_run=True)
    assert "--render-counts" not in capsys.readouterr().out


@pytest.mark.parametrize("command", [give_screen, give])
def test_photos_that_were_dealt_otherwise_are_refused_before_anything_is_opened(
    home: Path, trained: list[str], command: Callable[[Path], int]
) -> None:
    command(home)
    before = snapshot(home / "out")
    table = home / "photos" / "spots.csv"
    table.write_text(table.read_text().replace(",1\n", ",0\n"))
    with pytest.raises(InputError, match=r"split\.json: divides the photos of .*photos differently; put the"):
        command(home)
    assert snapshot(home / "out") == before


@pytest.mark.ci
def test_a_folder_is_of_one_backbone_and_its_first_weights(home: Path, trained: list[str]) -> None:
    give(home)
    before = snapshot(home / "out")
    for other, message in (
        ({"backbone": "vgg16"}, "its runs are of mobilenet_v2 with initial weights none, not of vgg16 with none; give"),
        ({"encoder_weights": "imagenet"}, "not of mobilenet_v2 with imagenet; give `backbone` mobilenet_v2 and"),
        ({"backbone": "mobilenet_v3"}, "backbone 'mobilenet_v3' is unknown; the nearest: "),
    ):
        for command in (give, give_screen):
            with pytest.raises(InputError, match=message) as caught:
                command(home, **other)
            assert "\n" not in str(caught.value)
    assert snapshot(home / "out") == before
    give(home, out=home / "other", backbone="vgg16")
    assert {Path(each).name.rpartition("-")[0].rpartition("-")[2] for each in trained[10:]} == {"vgg16"}
    assert read_json(home / "other" / "claim.json")["configuration"]["backbone"] == "vgg16"


@pytest.mark.ci
def test_renders_that_were_moved_keep_the_size_of_their_draws(home: Path, trained: list[str]) -> None:
    give(home, runs=1, renders_per_run=2)
    (home / "renders").rename(home / "elsewhere")
    trained.clear()
    give(home, runs=1, renders=home / "elsewhere")
    assert trained == []


def test_a_folder_of_the_earlier_protocol_is_refused(home: Path, trained: list[str]) -> None:
    """Its few photos were drawn within folds."""
    give(home)
    claim = read_json(home / "out" / "claim.json")
    del claim["configuration"]["few"]
    write_json(home / "out" / "claim.json", claim)
    before = snapshot(home / "out")
    trained.clear()
    for command in (give, give_screen):
        with pytest.raises(InputError, match="out: an earlier version drew its few photos within folds") as caught:
            command(home)
        assert "\n" not in str(caught.value)
    assert trained == []
    assert snapshot(home / "out") == before
