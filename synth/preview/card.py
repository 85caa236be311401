"""The card of a dataset, card.md: contents, origin, licence, label rule, label statistics and limits."""

import json
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from corrotwin.segmentation.data import coco
from corrotwin.synth.config import BOTH, EXACT
from corrotwin.synth.labels import label_statistics
from corrotwin.synth.presets.schema import title
from corrotwin.synth.preview import contact_sheet
from corrotwin.synth.preview.look_alikes import look_alikes
from corrotwin.synth.validation.report import BASIS
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_json, read_manifest, read_text, write_text
from corrotwin.twin.core.text import Markdown, escape_markdown, markdown_code, markdown_table

# A line of every card, by which `write` recognises its own.
SHEET = f"![A sample, masks outlined]({contact_sheet.NAME})"


@dataclass(frozen=True, kw_only=True)
class Contents:
    """Contents of a dataset, as its card lists them.

    `info` describes the dataset, as in its COCO json; `categories`, `sizes` (such as "640x640"), `splits` and `kinds`
    (of assets) map names to counts; `licences` holds one line for each licence.
    """

    info: Mapping[str, object]
    images: int
    annotations: int
    unannotated: int
    categories: Mapping[str, int]
    sizes: Mapping[str, int]
    kinds: Mapping[str, int]
    statistics: label_statistics.Statistics
    splits: Mapping[str, int] = field(default_factory=dict)
    licences: Sequence[str] = ()


def write(folder: Path) -> None:
    """Write preview.jpg and card.md into the folder of a dataset of any origin; write neither if it cannot be read.

    The card describes the dataset, its origin, its labels and its limits, from dataset.json or, if there is none, from
    the COCO json or the masks. Its text depends neither on the time nor on the machine or the location of the folder.

    Raises
    ------
    InputError
        The dataset or its dataset.json is damaged or lists no images, or the folder holds a card.md or preview.jpg
        that this function did not write.
    """
    dataset = coco.read(folder, allow_unannotated=True)
    _check_destination(folder, dataset.photos)
    if not dataset.photos:
        raise InputError(f"{folder}: lists no images; there is nothing to show")
    text = _card(folder, _contents(dataset))
    write_text(folder / "card.md", text)
    contact_sheet.write(folder, coco.evenly(dataset.photos, contact_sheet.MOST_IMAGES))


def write_rendered(folder: Path, about: Mapping[str, Any], contents: Contents, sample: Sequence[coco.Photo]) -> None:
    """Write the same preview.jpg and card.md as `write`, for a rendered dataset whose contents are known.

    Parameters
    ----------
    about : content that dataset.json will have.
    sample : images of the contact sheet: at most `contact_sheet.MOST_IMAGES`, chosen by `coco.evenly` from all.
    """
    write_text(folder / "card.md", _text(folder, contents, json.loads(json.dumps(about))))
    contact_sheet.write(folder, sample)


def _check_destination(folder: Path, photos: Sequence[coco.Photo]) -> None:
    """Raise InputError if card.md or preview.jpg would replace a file of another origin or a photo of the dataset."""
    card, sheet = folder / "card.md", folder / contact_sheet.NAME
    if card.exists() and SHEET not in read_text(card, errors="replace").splitlines():
        raise InputError(f"{card}: was not written by this command; rename it, and {sheet.name} if there is one")
    if not sheet.exists():
        return
    if any(photo.path.resolve() == sheet.resolve() for photo in photos):
        raise InputError(f"{sheet}: is a photo of this dataset; rename it, also in the dataset's json files")
    if not card.exists() and not contact_sheet.is_ours(sheet):
        raise InputError(f"{sheet}: was not written by this command, which also writes card.md; rename it")


def _card(folder: Path, contents: Contents) -> str:
    """Return the text of the card, from dataset.json or, without one, from the COCO json."""
    about = read_manifest(folder, "dataset")
    try:
        return _text(folder, contents, about)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        if about is None:
            raise
        raise InputError(
            f"{folder / 'dataset.json'}: damaged ({error!r:.80}); put back the one that came with the images, "
            "or delete it"
        ) from error


def _text(folder: Path, contents: Contents, about: Mapping[str, Any] | None) -> str:
    statistics = contents.statistics
    headings, *rows = label_statistics.table(label_statistics.compare(statistics, None), beside_reference=False)
    heading = escape_markdown(str(contents.info.get("description") or folder.resolve().name))
    if about:
        licence_text = escape_markdown(about["licence"])  # it may contain names of the user's files
        origin, licence = _rendered_from(about), [f"{licence_text[:1].upper()}{licence_text[1:]}."]
    else:
        origin, licence = dict(contents.info), list(map(escape_markdown, contents.licences))
    sections = {
        "Contents": _table(_counts(contents)),
        "Origin": _table(origin) or ["Not stated in the files."],
        "Licence": licence or ["Not stated in the files: ask the author of the dataset before you share it."],
        "Labelling rule": _label_rule(about) if about else _UNKNOWN_RULE,
        **({"Looks like rust, but is not labelled": _like_rust(about)} if about else {}),
        "Label statistics": [*markdown_table(headings, rows).splitlines(), "", BASIS],
        "How to reproduce it": _command(about) if about else ["Unknown: this program did not make the dataset."],
        "Known limits": [f"- {limit}" for limit in _limits(about, statistics)],
    }  # fmt: skip
    lines = [f"# {heading}", "", SHEET]
    for section, content in sections.items():
        lines += ["", f"## {section}", "", *content]
    return "\n".join(lines) + "\n"


def _contents(dataset: coco.CocoDataset) -> Contents:
    """Return the contents of a dataset of any origin."""
    photos, masks = dataset.photos, coco.from_masks(dataset.folder)
    documents = [
        read_json(source, inside=coco.root(source)) for source, _ in (() if masks else coco.sources(dataset.folder))
    ]
    images = [image for document in documents for image in document["images"] if "asset_kind" in image]
    kinds = [image.get("asset", image["asset_kind"]) for image in images]
    return Contents(
        info=_info(documents[0]) if documents else {},
        images=len(photos),
        annotations=sum(len(photo.annotations) for photo in photos),
        unannotated=sum(not photo.annotations for photo in photos),
        categories=dataset.categories,
        sizes=Counter(f"{photo.width}x{photo.height}" for photo in photos),
        splits=Counter(photo.split for photo in photos if photo.split),
        kinds=Counter(map(str, kinds)),
        statistics=label_statistics.summarise([label_statistics.measure(coco.mask(photo)) for photo in photos]),
        licences=_licences(documents),
    )


_UNKNOWN_RULE = [
    "The files do not state the labelling rule. All categories that carry annotations are read as one class, corrosion."
]


def _table(facts: Mapping[str, object]) -> list[str]:
    rows = [(name, fact if isinstance(fact, str) else str(fact)) for name, fact in facts.items()]
    return markdown_table(("", ""), rows).splitlines() if rows else []


def _counts(contents: Contents) -> dict[str, object]:
    facts: dict[str, object] = {
        "images": contents.images,
        "images without annotations": contents.unannotated,
        "annotations": contents.annotations,
        "annotations by category": _listed(contents.categories),
        "sizes in pixels": _listed(contents.sizes),
        "splits": _listed(contents.splits),
        "kinds of asset": _listed(contents.kinds),
    }
    return {name: fact for name, fact in facts.items() if fact != ""}


def _listed(counts: Mapping[str, int], most: int = 12) -> str:
    """Return names with their counts as text, most frequent first, at most `most` of them."""
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    rest = [f"{len(ordered) - most} more"] if len(ordered) > most else []
    return ", ".join([*(f"{name}: {count}" for name, count in ordered[:most]), *rest])


def _info(document: Mapping[str, Any]) -> dict[str, object]:
    """Return the `info` of a COCO json without its export date, which says nothing about the content."""
    info = document.get("info")
    names = ("description", "version", "year", "contributor", "url")
    return {name: info[name] for name in names if info.get(name)} if isinstance(info, dict) else {}


def _rendered_from(about: Mapping[str, Any]) -> dict[str, object]:
    configuration, twin = about["configuration"], about.get("twin", {})
    facts = {
        "made by": Markdown("`corrotwin synth render`: rendered, no photographs"),
        "shows": about["shows"],
        "twin": ", ".join(f"{name} {twin[name]}" for name in ("kind", "content", "fields") if name in twin),
        "preset": f"{title(configuration['preset'], changed=bool(configuration.get('changes')))}: "
        f"{about['preset']['description']}",
        "picture": "" if twin.get("cameras") else _size(configuration["size"]) + " px",
        "seed": about["seed"],
        "versions": ", ".join(f"{name} {version}" for name, version in about["versions"].items()),
        "device": about["device"],
    }
    return {name: fact for name, fact in facts.items() if fact != ""}


def _licences(documents: Sequence[Mapping[str, Any]]) -> list[str]:
    texts: dict[str, None] = {}
    for document in documents:
        licences = document.get("licenses")
        for licence in licences if isinstance(licences, list) else ():
            if isinstance(licence, dict):
                texts[" ".join(str(licence[key]) for key in ("name", "url") if licence.get(key))] = None
    return [text for text in texts if text]


def _label_rule(about: Mapping[str, Any]) -> list[str]:
    rule = about["preset"]["labels"]
    exact = "Corrosion is where rust cover at the pixel's centre is above the threshold."
    drawn = (
        " Masks are then drawn as people draw them: gaps of up to twice the closing radius are bridged, and regions "
        "below the smallest region are left out."
    )
    return [
        exact + (drawn if rule["policy"] == "annotator" else ""), "",
        *_table({name.replace("_", " "): value for name, value in rule.items()}), "",
        "Radii are shares of the picture's side, areas of its area."
        + (f" {EXACT} has the exact masks." if about["configuration"].get("labels") == BOTH else ""),
    ]  # fmt: skip


def _like_rust(about: Mapping[str, Any]) -> list[str]:
    return [
        "Included on purpose, so that a model learns to ignore them:", "",
        *(f"- {sentence}" for sentence in look_alikes(about["preset"], alone="twin" in about)),
    ]  # fmt: skip


def _size(size: Any) -> str:
    """Return the size of a picture as `--size` takes it."""
    return "x".join(map(str, size)) if isinstance(size, list | tuple) else str(size)


def _command(about: Mapping[str, Any]) -> list[str]:
    options = {**about["configuration"], **({"only": about["only"]} if "only" in about else {"count": about["images"]})}
    preparation = []
    if changes := options.pop("changes", ""):
        content = json.dumps({"like": options["preset"], **json.loads(changes)})
        preparation, options["preset"] = [f"printf '%s\\n' {shlex.quote(content)} > own.json"], "own.json"
    if about.get("device", "CPU") != "CPU":
        options["device"] = about["device"].lower()
    words: list[str] = []
    options["size"] = _size(options["size"])
    for name, value in options.items():
        if (name, value) == ("labels", "annotator"):  # the default
            continue
        if value is True:
            words.append(f"--{name}")
        elif isinstance(value, list) and value:
            words += [f"--{name}", *map(str, value)]
        elif value is not False and value is not None and value != []:
            words += [f"--{name}", str(value)]
    twin = about.get("twin")
    if twin:
        words += ["--twin", str(twin["id"]), *(["--cameras", "cameras.json"] if twin.get("cameras") else [])]
    text = "With the versions above, this gives the same files on the same type of processor"
    return [
        "```sh", *map(markdown_code, [*preparation, f"corrotwin synth render {shlex.join(words)}"]), "```", "",
        f"{text}, from the twin with the digests above and its cameras in dataset.json." if twin else f"{text}.",
    ]  # fmt: skip


def _limits(about: Mapping[str, Any] | None, statistics: label_statistics.Statistics) -> list[str]:
    limits = []
    if about:
        limits += [
            "Rendered: measure on photographs what a model has learned from these images.",
            "Labels follow a rule, not a person; compare them with those of your photographs: "
            "`corrotwin synth validate . --against photos`.",
            "docs/synth.md of the program lists what the scenes lack.",
        ]
    else:
        limits.append("The files state neither the labelling rule nor how the pictures were chosen.")
    if about and "twin" in about:
        limits.append("One twin only: its views are not independent and say nothing about other assets.")
    if not statistics.empty_images:
        limits.append("No picture is free of corrosion, so nothing can be said about false alarms on clean steel.")
    if statistics.images < 100:
        limits.append(f"{statistics.images} pictures are few: scores on them are uncertain.")
    return limits
