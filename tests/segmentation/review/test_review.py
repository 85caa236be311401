"""Predictions reviewed: the page that is written, decisions on it, and the dataset that accepted masks make."""

import csv
import io
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import compare_look, shown
from PIL import Image
from predicted import HOSTILE, NAMES, predict, write_photos, write_truth

from corrotwin.segmentation.data import coco, image_io
from corrotwin.segmentation.evaluation.evaluate import scores
from corrotwin.segmentation.prediction import parts
from corrotwin.segmentation.review import predictions
from corrotwin.twin.pages import pictures

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    write_photos(tmp_path / "photos")
    return tmp_path / "photos"


@pytest.fixture
def masks(photos: Path, tmp_path: Path) -> Path:
    return predict(photos, tmp_path / "masks")


def content(page: Path) -> dict[str, Any]:
    """The data inside a page."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text(), re.DOTALL)
    assert found is not None
    return dict(json.loads(found[1]))


def values(page: Path, label: str) -> dict[str, float | None]:
    """The numbers of a measure by the names of photos."""
    data = content(page)
    place = [measure["label"] for measure in data["measures"]].index(label)
    return {each["identity"]["photo"]: each["values"][place] for each in data["pictures"]}


def decided(masks: Path, path: Path, verdicts: dict[str, str], **changes: object) -> Path:
    """A file of decisions as the page writes them; `changes` replace what stands in each entry or at the top."""
    predicted = predictions.read(masks)
    entries = [
        {**photo.identity, "decision": verdicts[photo.name], "note": f"of {photo.name}"}
        | {name: value for name, value in changes.items() if name in (*predictions.IDENTITY, "decision", "note")}
        for photo in predicted.photos
        if photo.name in verdicts
    ]
    top = {"format_version": 1, "kind": "review", "predictions": predicted.source, "decisions": entries}
    path.write_text(json.dumps(top | {name: value for name, value in changes.items() if name in top}))
    return path


def test_confidence_is_the_f1_that_probabilities_lead_to_expect() -> None:
    probability = np.array([[0.9, 0.8, 0.3], [0.2, 0.1, 0.0]], np.float32)
    sure = parts.confidence(probability, probability > 0.5)
    assert sure == pytest.approx(2 * 1.7 / (2.3 + 2))
    assert parts.confidence(probability, probability > 0.95) == pytest.approx(0.1)  # empty
    rng = np.random.default_rng(0)
    drawn = rng.random((20_000, 2, 3)) < probability
    mask = np.broadcast_to(probability > 0.5, drawn.shape)
    tp, fp, fn = ((one & other).sum(axis=(1, 2)) for one, other in ((mask, drawn), (mask, ~drawn), (~mask, drawn)))
    f1, _ = scores(tp, fp, fn, np.zeros_like(tp))
    assert sure == pytest.approx(f1.mean(), abs=0.05)


def test_a_page_has_measures_layers_and_pictures_of_each_photo(photos: Path, masks: Path, run_module: Command) -> None:
    true = write_truth(photos, write_photos(photos))
    done = run_module("segmentation", "review", masks, "--data", true)
    assert done.returncode == 0, done.stderr
    page = masks / "review" / "index.html"
    data = content(page)
    assert [each["identity"]["photo"] for each in data["pictures"]] == sorted(NAMES, key=lambda name: name[:-4])
    assert [layer["label"] for layer in data["layers"]] == ["prediction", "truth", "difference"]
    document = {photo.file_name: photo for photo in coco.read(true).photos}
    f1, corroded = values(page, "F1"), values(page, "corroded")
    assert f1[NAMES[-1]] is None  # without a true mask
    assert f1["clean.png"] == 1
    for photo in predictions.read(masks).photos:
        mask = photo.read_mask(masks)
        assert corroded[photo.name] == pytest.approx(100 * mask.mean())
        if photo.name in document:
            both, either = mask & (other := coco.mask(document[photo.name])), mask.sum() + other.sum()
            assert f1[photo.name] == pytest.approx(2 * both.sum() / either if either else 1)
    assert all(0 < value < 100 for value in values(page, "brightness").values() if value is not None)
    assert all(0 <= value <= 1 for value in values(page, "confidence").values() if value is not None)
    first = next(each for each in data["pictures"] if each["name"] == "a.png")
    layers = np.asarray(Image.open(page.parent / first["small"][1]).convert("RGBA"))
    assert layers.shape == (3 * 60, 80, 4)
    mask = image_io.decoded_mask(masks / "masks" / "a.png")
    np.testing.assert_array_equal(layers[:60, :, 3] > 0, mask)
    np.testing.assert_array_equal(layers[60:120, :, 3] > 0, coco.mask(document["a.png"]))
    np.testing.assert_array_equal(layers[120:, :, 3] > 0, mask | coco.mask(document["a.png"]))
    used = {address for each in data["pictures"] for address in (*each["small"], *each["large"])}
    (page.parent / "pictures" / "old.jpeg").touch()
    assert run_module("segmentation", "review", masks).returncode == 0  # again, without true masks: others go
    there = {f"pictures/{path.name}" for path in (page.parent / "pictures").iterdir()}
    assert there == {address for each in content(page)["pictures"] for address in (*each["small"], *each["large"])}
    assert not there >= used


def test_one_file_holds_all(masks: Path, tmp_path: Path, run_module: Command) -> None:
    done = run_module("segmentation", "review", masks, "--single", "--out", tmp_path / "page.html")
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir() if path.name not in ("photos", "masks")] == ["page.html"]
    shown_here = content(tmp_path / "page.html")["pictures"]
    assert all(each["small"][0].startswith("data:image/jpeg;base64,") for each in shown_here)


def test_names_of_files_are_text(masks: Path, tmp_path: Path, run_module: Command) -> None:
    run_module("segmentation", "review", masks, "--single", "--out", tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert "<img src=x" not in text
    assert HOSTILE in [each["name"] for each in content(tmp_path / "page.html")["pictures"]]


def test_layers_of_few_colours_keep_what_is_transparent() -> None:
    maps = [np.array([[0, 1], [2, 3]], np.uint8), np.array([[3, 0], [0, 0]], np.uint8)]
    encoded = pictures.flat_layers(maps, ((255, 0, 0), (0, 255, 0), (0, 0, 255)), 320)
    drawn = np.asarray(Image.open(io.BytesIO(encoded.content)).convert("RGBA"))
    assert drawn[..., 3].tolist() == [[0, 255], [255, 255], [255, 0], [0, 0]]
    assert drawn[1, 1].tolist() == [0, 0, 255, 255]


def test_accepted_masks_are_the_labels_of_a_dataset(masks: Path, tmp_path: Path, run_module: Command) -> None:
    verdicts = {"a.png": "accept", "north/c.png": "accept", "clean.png": "accept", HOSTILE: "reject", "b.png": ""}
    path = decided(masks, tmp_path / "decisions.json", verdicts)
    done = run_module("segmentation", "accept", masks, path, "--out", tmp_path / "labels")
    assert done.returncode == 0, done.stderr
    assert "3 photos with accepted masks, 1 of them without corrosion, 1 to correct" in done.stdout
    dataset = coco.read(tmp_path / "labels")
    names = {photo.file_name.removeprefix("images/"): photo for photo in dataset.photos}
    assert set(names) == {"a.png", "north/c.png", "clean.png"}
    for name, photo in names.items():
        drawn = image_io.decoded_mask(masks / "masks" / name)
        np.testing.assert_array_equal(coco.mask(photo), drawn)
    rows = list(csv.reader((tmp_path / "labels" / "review.csv").read_text().splitlines()))
    assert sorted(rows[1:]) == sorted([name, verdict, f"of {name}"] for name, verdict in verdicts.items())
    to_label = coco.read(tmp_path / "labels" / "to-label" / "annotations" / "instances_default.json")
    digest = next(photo.sha256[:8] for photo in predictions.read(masks).photos if photo.name == HOSTILE)
    assert [photo.file_name for photo in to_label.photos] == [f"001-{digest}-{HOSTILE}"]
    images = tmp_path / "labels" / "to-label" / "images"
    (images / "0001-a.png").write_bytes((masks / "masks" / "a.png").read_bytes())  # as an earlier version called one
    assert "CVAT" not in done.stderr
    again = run_module("segmentation", "accept", masks, path, "--out", tmp_path / "labels")
    assert again.returncode == 0, again.stderr
    assert f"{images}: also holds 1 photo of earlier commands, which CVAT would return as clean" in again.stderr
    labels = tmp_path / "labels" / "to-label" / "annotations" / "instances_default.json"
    labels.write_text(json.dumps(json.loads(labels.read_text()) | {"annotations": []}))
    again = run_module("segmentation", "accept", masks, path, "--out", tmp_path / "labels")
    refused(again, "instances_default.json: has other labels than were drawn, .* or choose another --out")
    assert coco.read(tmp_path / "labels").digest == dataset.digest
    other = decided(masks, tmp_path / "other.json", {"b.png": "accept"})
    done = run_module("segmentation", "accept", masks, other, "--out", tmp_path / "labels")
    assert "was started with other" in done.stderr
    together = run_module("segmentation", "accept", masks, path, other, "--out", tmp_path / "both")
    refused(together, "b.png has two different decisions", tmp_path / "both")


def test_photos_in_a_folder_called_images_are_photos_of_their_own(tmp_path: Path, run_module: Command) -> None:
    write_photos(tmp_path / "photos")
    (tmp_path / "photos" / "images").mkdir()
    (tmp_path / "photos" / "b.png").rename(tmp_path / "photos" / "images" / "a.png")
    masks = predict(tmp_path / "photos", tmp_path / "masks")
    path = decided(masks, tmp_path / "decisions.json", {"a.png": "accept", "images/a.png": "accept"})
    done = run_module("segmentation", "accept", masks, path, "--out", tmp_path / "labels")
    assert done.returncode == 0, done.stderr
    dataset = coco.read(tmp_path / "labels")
    for photo in dataset.photos:
        name = photo.file_name.removeprefix("images/")
        assert photo.path.read_bytes() == (tmp_path / "photos" / name).read_bytes()
        np.testing.assert_array_equal(coco.mask(photo), image_io.decoded_mask(masks / "masks" / name))
    assert len({photo.sha256 for photo in dataset.photos}) == 2


def refused(done: subprocess.CompletedProcess[str], says: str, *absent: Path) -> None:
    """One clear line, status 2, and nothing written."""
    assert done.returncode == 2, done.stdout
    assert re.search(says, done.stderr), done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert [path for path in absent if path.exists()] == []


@pytest.mark.ci
@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"decisions": [1]}, "decision 1: damaged"),
        ({"decisions": [{"photo": "a.png"}]}, "decision 1: damaged"),
        ({"decisions": {}}, "damaged"),
        ({"kind": "study"}, "no decisions"),
        ({"format_version": 9}, "format_version 9 is not 1"),
        ({"predictions": "0123"}, "of another model or other settings"),
        ({"decision": "maybe"}, "'maybe' is neither accept nor reject"),
        ({"note": 3}, "decision 1: damaged"),
        ({"mask": "../../photos/a"}, "has no photo a.png"),
        ({"photo": "z.png"}, "has no photo z.png"),
        ({"photo_sha256": "0"}, "is another photo than the one decided on"),
        ({"mask_sha256": "0"}, "the mask of a.png has changed"),
        ({"decision": "reject"}, "no mask is accepted"),
    ],
)
def test_decisions_that_do_not_fit_are_refused(
    masks: Path, tmp_path: Path, run_module: Command, changes: dict[str, object], says: str
) -> None:
    path = decided(masks, tmp_path / "decisions.json", {"a.png": "accept"}, **changes)
    refused(run_module("segmentation", "accept", masks, path, "--out", tmp_path / "out"), says, tmp_path / "out")


def test_changed_and_absent_files_are_refused(masks: Path, photos: Path, tmp_path: Path, run_module: Command) -> None:
    path, out = decided(masks, tmp_path / "decisions.json", {"b.png": "accept", "a.png": "accept"}), tmp_path / "out"
    page = ("segmentation", "review", masks, "--out", out)
    accept = ("segmentation", "accept", masks, path, "--out", out)
    whole = (photos / "b.png").read_bytes()
    (photos / "b.png").write_bytes(whole + b" ")
    for words in (page, accept):
        refused(run_module(*words), r"b\.png: has changed since its mask was drawn", out)
    (photos / "b.png").unlink()
    for words in (page, accept):
        refused(run_module(*words), r"b\.png: this photo has a mask but is missing", out)
    (photos / "b.png").write_bytes(whole)
    drawn = masks / "masks" / "b.png"
    mask = np.asarray(Image.open(drawn))
    Image.fromarray(255 - mask).save(drawn)
    refused(run_module(*accept), r"the mask of b\.png has changed", out)
    Image.fromarray(mask[1:]).save(drawn)
    refused(run_module(*page), r"80x59 pixels, its photo 80x60", out / "index.html")
    drawn.unlink()
    shutil.rmtree(out)
    for words in (page, accept):
        refused(run_module(*words), r"b\.png: cannot be read", out)
    part = masks / "parts" / "b.json"
    part.write_text(json.dumps(json.loads(part.read_text()) | {"source": None}))
    refused(run_module(*page), r"b\.json: damaged", out)


def test_a_name_that_leaves_the_folder_is_refused(masks: Path, tmp_path: Path, run_module: Command) -> None:
    """A folder of predictions may come from a stranger."""
    part = masks / "parts" / "a.json"
    part.write_text(json.dumps(json.loads(part.read_text()) | {"photo": "../../stolen.png"}))
    path, out = decided(masks, tmp_path / "decisions.json", {"../../stolen.png": "accept"}), tmp_path / "out"
    refused(
        run_module("segmentation", "accept", masks, path, "--out", out),
        "a dataset cannot hold a file of this name",
        out,
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("review", "none"), "none: no such folder"),
        (("review", "photos"), "photos: no folder of predictions"),
        (("review", "masks", "--classes", "rust"), "--classes: selects categories of --data"),
        (("review", "masks", "--data", "others"), "has none of the photos of masks, by content"),
        (("review", "masks", "--single", "--out", "out"), "--out out: give a file that ends in .html"),
        (("review", "masks", "--out", "out.html"), "--out out.html: give a folder"),
        (("review", "masks", "--out", "photos"), "photos: holds something else"),
        (("accept", "masks", "--out", "out"), "no decisions; give the file"),
        (("accept", "masks", "none.json", "--out", "out"), "none.json: cannot be read"),
        (("accept", "masks", "torn.json", "--out", "out"), "torn.json: not valid JSON"),
    ],
)
def test_wrong_words_are_refused(
    masks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_module: Command, words: tuple[str, ...], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "torn.json").write_text('{"kind": "review", "deci')
    (tmp_path / "others").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "others" / "o.png")
    image = {"id": 1, "file_name": "o.png", "width": 8, "height": 8}
    (tmp_path / "others" / "annotations.json").write_text(json.dumps(coco.document([image], [], description="")))
    refused(run_module("segmentation", *words), says, Path("out"), Path("out.html"), masks / "review")


@pytest.mark.ci
def test_a_person_goes_through_the_photos_and_trains_on_what_is_right(
    masks: Path, photos: Path, tmp_path: Path, run_module: Command
) -> None:
    """In a browser: sort, filter, overlay, accept, reject, note, undo, reload, download; then the next training."""
    true = write_truth(photos, write_photos(photos))
    assert run_module("segmentation", "review", masks, "--data", true).returncode == 0
    page_file = masks / "review" / "index.html"
    corroded = values(page_file, "corroded")
    largest = sorted(corroded, key=lambda name: -(corroded[name] or 0))
    with shown(page_file) as page:
        chosen = page.locator("#name")
        assert chosen.inner_text() == largest[0]
        page.keyboard.press("a")
        assert chosen.inner_text() == largest[1]
        page.keyboard.press("n")
        page.keyboard.type("a <b>bad</b> one")
        page.keyboard.press("Escape")
        page.keyboard.press("r")
        page.keyboard.press("a")
        page.keyboard.press("u")  # undone
        assert chosen.inner_text() == largest[2]
        assert "1 accepted, 1 rejected" in page.locator("#status").inner_text()
        card = page.get_by_role("option", name=largest[1])
        assert "rejected, note" in (card.get_attribute("aria-label") or "")
        page.keyboard.press("3")
        assert page.get_by_label("difference").is_checked()
        assert page.locator("#legend").inner_text().split("\n") == ["both", "predicted only", "missed"]
        page.get_by_label("Opacity").fill("20")
        opacity = "element => getComputedStyle(element).opacity"
        assert page.locator("#stack .layer").evaluate(opacity) == "0.2"
        assert page.locator(".card .layer").first.evaluate(opacity) == "0.2"
        page.get_by_label("Sort by").select_option("F1")
        page.get_by_role("button", name="largest first").click()
        f1 = {name: value for name, value in values(page_file, "F1").items() if value is not None}
        page.get_by_role("listbox").focus()
        page.keyboard.press("Home")
        assert chosen.inner_text() == min(f1, key=lambda name: (f1[name], name))
        page.get_by_text("Filter by numbers").click()
        page.get_by_label("F1, at most").fill("0.9")
        below = sum(value <= 0.9 for value in f1.values())
        assert f"{below} of {len(NAMES)} pictures" in page.locator("#status").inner_text()
        page.get_by_label("F1, at most").fill("")
        page.get_by_label("Name").fill("ONERROR")
        assert chosen.inner_text() == HOSTILE
        page.get_by_label("Name").fill("")
        page.reload()  # what was decided stays in the browser
        assert "1 accepted, 1 rejected" in page.locator("#status").inner_text()
        page.get_by_label("Show").select_option("undecided")
        page.get_by_role("listbox").focus()
        for _ in range(len(NAMES) - 2):
            page.keyboard.press("a")
        assert chosen.inner_text() == "No picture matches the filter"
        with page.expect_download() as waiting:
            page.get_by_role("button", name="Download decisions").click()
        waiting.value.save_as(tmp_path / "decisions.json")
        page.evaluate("localStorage.clear()")
        page.reload()
        assert "0 accepted" in page.locator("#status").inner_text()
        page.locator("#load").set_input_files(tmp_path / "decisions.json")
        page.get_by_text(f"{len(NAMES)} decisions loaded").wait_for()
        page.locator("#load").set_input_files(decided(masks, tmp_path / "other.json", {}, predictions="else"))
        page.get_by_text("not loaded: its decisions are about other photos").wait_for()
    found = json.loads((tmp_path / "decisions.json").read_text())["decisions"]
    by_photo = {each["photo"]: (each["decision"], each["note"]) for each in found}
    rest = dict.fromkeys(NAMES, ("accept", ""))
    assert by_photo == rest | {largest[0]: ("accept", ""), largest[1]: ("reject", "a <b>bad</b> one")}
    labels = tmp_path / "labels"
    done = run_module("segmentation", "accept", masks, tmp_path / "decisions.json", "--out", labels)
    assert done.returncode == 0, done.stderr
    assert len(coco.read(labels).photos) == len(NAMES) - 1
    settings = ("--profile", "quick", "--size", 32, "--epochs", 1, "--threads", 1)
    trained = run_module("segmentation", "train", "--data", labels, "--out", tmp_path / "run", *settings)
    assert trained.returncode == 0, trained.stderr


@pytest.mark.ci
def test_decisions_of_other_folders_tabs_and_files_are_kept(
    masks: Path, photos: Path, tmp_path: Path, run_module: Command
) -> None:
    """In a browser: two folders by one model, two tabs of one page, a file that differs, undo, a key held down."""
    (tmp_path / "more").mkdir()
    Image.open(photos / "a.png").rotate(90).save(tmp_path / "more" / "a.png")
    assert run_module("segmentation", "review", masks).returncode == 0
    others = predict(tmp_path / "more", tmp_path / "others")
    assert predictions.read(others).source == predictions.read(masks).source
    assert run_module("segmentation", "review", others).returncode == 0
    verdicts = dict.fromkeys(NAMES, "reject")
    file = decided(masks, tmp_path / "file.json", verdicts)
    new = decided(masks, tmp_path / "new.json", verdicts, format_version=99)
    with shown(masks / "review" / "index.html") as page:
        status, name = page.locator("#status"), page.locator("#name")
        first = name.inner_text()
        page.keyboard.down("a")
        page.keyboard.down("a")  # held: the browser repeats it
        page.keyboard.up("a")
        page.get_by_text("1 accepted, 0 rejected").wait_for()
        other = page.context.new_page()
        other.goto((others / "review" / "index.html").as_uri())
        assert "0 accepted" in other.locator("#status").inner_text()
        other.keyboard.press("a")
        other.goto(page.url)  # now a second tab of the same page
        assert "1 accepted" in other.locator("#status").inner_text()
        other.keyboard.press("End")
        other.keyboard.press("r")
        page.get_by_text("1 accepted, 1 rejected").wait_for()
        page.keyboard.press("a")
        other.get_by_text("2 accepted, 1 rejected").wait_for()
        page.reload()
        assert "2 accepted, 1 rejected" in status.inner_text()
        other.close()
        page.keyboard.press("Home")
        page.keyboard.press("a")  # again: undecided
        page.keyboard.press("a")
        page.get_by_label("Show").select_option("accept")
        page.get_by_role("listbox").focus()
        page.keyboard.press("u")
        assert name.inner_text() == first
        assert f"1 accepted, 1 rejected; {first} is shown although the filter excludes it" in status.inner_text()
        page.get_by_label("Show").select_option("all")
        kept = "JSON.stringify(Object.entries(localStorage).sort())"
        before = page.evaluate(kept)
        page.evaluate("() => { window.confirm = text => { window.asked = text; return window.agrees; }; }")
        page.locator("#load").set_input_files(new)
        page.get_by_text("not loaded: format_version 99 is not 1").wait_for()
        page.locator("#load").set_input_files(file)
        page.get_by_text("not loaded: your decisions and notes are unchanged").wait_for()
        assert re.fullmatch(r"The file differs .* on \d photos?\. Replace yours\?", page.evaluate("asked"))
        assert page.evaluate(kept) == before
        page.evaluate("agrees = true")
        page.locator("#load").set_input_files(file)
        page.get_by_text(f"{len(NAMES)} decisions loaded").wait_for()
        assert page.evaluate(kept) != before
        page.get_by_role("button", name="Undo").click()
        page.get_by_text(f"{len(NAMES)} loaded decisions undone").wait_for()
        assert page.evaluate(kept) == before
        page.locator("#frame").focus()
        page.keyboard.press("k")
        page.keyboard.press("j")  # outside the list, too, the chosen photo is announced
        assert re.match(rf"\d+ of {len(NAMES)}: {re.escape(name.inner_text())}", page.locator("#said").inner_text())
        page.set_viewport_size({"width": 1000, "height": 300})
        page.evaluate("() => { window.printed = new Promise(done => { window.print = done; }); }")
        page.get_by_role("button", name="Print the list").click()
        page.evaluate("() => window.printed.then(() => true)")
        assert page.locator(".card").count() == len(NAMES)
        page.pdf()
        page.wait_for_timeout(100)
        assert page.locator(".card").count() < len(NAMES)


@pytest.mark.ci
@pytest.mark.parametrize("width", [400, pytest.param(1200, marks=pytest.mark.slow)])
def test_the_page_fits_a_phone_and_a_screen(masks: Path, run_module: Command, width: int) -> None:
    assert run_module("segmentation", "review", masks).returncode == 0
    if width == 1200:
        compare_look(masks / "review" / "index.html", Path(__file__).with_name("review.png"))
    with shown(masks / "review" / "index.html", width=width, height=800) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        is_phone = width < 900
        assert page.locator("#detail").is_visible() != is_phone
        page.locator(".card").nth(1).click()
        assert page.locator("#detail").is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.get_by_role("button", name="Accept").click()
        assert "1 accepted" in page.locator("#status").text_content()
        if is_phone:
            page.get_by_role("button", name="Back to the list").click()
            assert not page.locator("#detail").is_visible()
            assert page.evaluate("document.activeElement.id") == "list"
        unnamed = """[...document.querySelectorAll("button, input, select, textarea, [role]")].filter(each =>
            !(each.labels?.length || each.textContent.trim() || each.getAttribute("aria-label"))
            && each.getAttribute("role") !== "presentation" && each.id !== "status").map(each => each.outerHTML)"""
        assert page.evaluate(unnamed) == []
