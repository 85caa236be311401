"""What is in a dataset's folder, at a glance: a contact sheet with mask outlines, and a card in Markdown."""

import io
import json
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from corrotwin.segmentation.data import coco
from corrotwin.synth.labels import label_statistics
from corrotwin.synth.validation.report import BASIS
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import atomic_file, read_json, read_manifest, write_text
from corrotwin.twin.core.markdown import table

COLUMNS = 6
MOST = 24  # images on the contact sheet, evenly spaced
SHEET = "![A sample, masks outlined](preview.jpg)"  # a line of every card
OUTLINE = (255, 0, 200)  # a colour that neither rust nor paint has


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What a dataset holds, for its card.

    `info` is what its json says of itself; `categories`, `sizes` (such as "640x640"), `splits` and `kinds` of asset are
    how often each occurs; `licences` a line each.
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
    """Write preview.jpg and card.md into the folder of any dataset, both or, where it cannot be read, neither.

    The card says what the dataset is, where it comes from, how it is labelled, what it lacks: by its dataset.json, and
    where there is none by the COCO json or the masks. Nothing in it depends on time, on where the folder lies or on who
    rendered it.

    Raises
    ------
    InputError
        The dataset or its dataset.json is damaged, or lists no images; or a card.md is there that we did not write.
    """
    if not _is_ours(folder / "card.md"):
        raise InputError(
            f"{folder / 'card.md'}: not written by this command; rename it, and preview.jpg where you keep one"
        )
    dataset = coco.read(folder, allow_unannotated=True)
    if not dataset.photos:
        raise InputError(f"{folder}: lists no images; there is nothing to show")
    text = _card(folder, _contents(dataset))
    contact_sheet(folder, coco.evenly(dataset.photos, MOST))
    write_text(folder / "card.md", text)


def write_stated(folder: Path, about: Mapping[str, Any], contents: Contents, sample: Sequence[coco.Photo]) -> None:
    """Write preview.jpg and card.md, as `write` would, into a dataset of which all is known.

    Parameters
    ----------
    about : what dataset.json will say.
    sample : the images of the contact sheet: `coco.evenly` of all, `MOST` of them.
    """
    contact_sheet(folder, sample)
    write_text(folder / "card.md", _text(folder, contents, json.loads(json.dumps(about))))


def _is_ours(card: Path) -> bool:
    """Whether a card is one of ours, or absent."""
    try:
        return SHEET in card.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return True


def contact_sheet(folder: Path, chosen: Sequence[coco.Photo], *, tile: int = 220) -> None:
    """Write ``folder/preview.jpg``: these photographs, each in a tile of `tile` pixels a side."""
    rows = -(-len(chosen) // COLUMNS)
    sheet = Image.new("RGB", (min(COLUMNS, len(chosen)) * tile, rows * tile))
    for number, photograph in enumerate(chosen):
        picture = outlined(coco.image(photograph), coco.mask(photograph), tile)
        sheet.paste(picture, (number % COLUMNS * tile, number // COLUMNS * tile))
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=88)
    with atomic_file(folder / "preview.jpg") as stream:
        stream.write(buffer.getvalue())


def outlined(image: NDArray[np.uint8], mask: NDArray[np.bool_], tile: int) -> Image.Image:
    """The photograph, its longer side scaled to `tile` pixels, on a black square with the mask's border drawn on it."""
    from scipy import ndimage

    height, width = mask.shape
    scale = tile / max(height, width)
    size = max(1, round(scale * width)), max(1, round(scale * height))  # unlike `ImageOps.contain`, never 0
    picture = np.array(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))
    small = np.array(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))
    picture[small & ~ndimage.binary_erosion(small, border_value=1)] = OUTLINE
    return ImageOps.pad(Image.fromarray(picture), (tile, tile))


def _card(folder: Path, contents: Contents) -> str:
    """The card by what dataset.json says, and where there is none, the COCO json."""
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
    title = " ".join(str(contents.info.get("description") or folder.resolve().name).split())
    if about:
        origin, licence = _rendered_from(about), [f"{about['licence'][:1].upper()}{about['licence'][1:]}."]
    else:
        origin, licence = dict(contents.info), list(contents.licences)
    sections = {
        "What is in it": _table(_counts(contents)),
        "Where it comes from": _table(origin) or ["Not stated in its files."],
        "Licence": licence or ["Not stated in its files: ask whoever made it before you pass it on."],
        "What was labelled": _label_rule(about["preset"]["labels"]) if about else _UNKNOWN_RULE,
        "The labels in numbers": [*table(headings, rows).splitlines(), "", BASIS],
        "Made again": _command(about) if about else ["Not known: it was not made by this program."],
        "Known limits": [f"- {limit}" for limit in _limits(about, statistics)],
    }  # fmt: skip
    lines = [f"# {title}", "", SHEET]
    for heading, content in sections.items():
        lines += ["", f"## {heading}", "", *content]
    return "\n".join(lines) + "\n"


def _contents(dataset: coco.CocoDataset) -> Contents:
    """What a dataset of somebody's holds."""
    photos, masks = dataset.photos, coco.from_masks(dataset.folder)
    documents = [] if masks else [read_json(source) for source, _ in coco.sources(dataset.folder)]
    kinds = (each["asset_kind"] for document in documents for each in document["images"] if "asset_kind" in each)
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
    "The files do not say by which rule. All categories that carry annotations are read as one class, corrosion."
]


def _table(facts: Mapping[str, object]) -> list[str]:
    return table(("", ""), [(name, str(fact)) for name, fact in facts.items()]).splitlines() if facts else []


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
    """What there is and how often, most frequent first."""
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    rest = [f"{len(ordered) - most} more"] if len(ordered) > most else []
    return ", ".join([*(f"{name}: {count}" for name, count in ordered[:most]), *rest])


def _info(document: Mapping[str, Any]) -> dict[str, object]:
    """What a COCO json says of itself, but for dates of its export."""
    info = document.get("info")
    names = ("description", "version", "year", "contributor", "url")
    return {name: info[name] for name in names if info.get(name)} if isinstance(info, dict) else {}


def _rendered_from(about: Mapping[str, Any]) -> dict[str, object]:
    chosen, twin = about["configuration"], about.get("twin", {})
    facts = {
        "made by": "`corrotwin synth render`: rendered, no photographs",
        "shows": about["shows"],
        "twin": ", ".join(f"{name} {twin[name]}" for name in ("kind", "content", "fields") if name in twin),
        "preset": f"{chosen['preset']}{', changed' if chosen.get('changes') else ''}: {about['preset']['description']}",
        "picture side": f"{chosen['size']} px",
        "seed": about["seed"],
        "versions": ", ".join(f"{name} {version}" for name, version in about["versions"].items()),
        "device": about["device"],
    }
    return {name: fact for name, fact in facts.items() if fact != ""}


def _licences(documents: Sequence[Mapping[str, Any]]) -> list[str]:
    found: dict[str, None] = {}
    for document in documents:
        licences = document.get("licenses")
        for each in licences if isinstance(licences, list) else ():
            if isinstance(each, dict):
                found[" ".join(str(each[key]) for key in ("name", "url") if each.get(key))] = None
    return [text for text in found if text]


def _label_rule(rule: Mapping[str, Any]) -> list[str]:
    exact = "Corrosion is where rust cover, read through each pixel's centre, is above the threshold."
    habit = " Then as people outline: gaps up to twice the closing radius are bridged, smaller regions are skipped."
    return [
        exact + (habit if rule["policy"] == "annotator" else ""), "",
        *_table({name.replace("_", " "): value for name, value in rule.items()}), "",
        "Radii are shares of the picture's side, areas of its area.",
    ]  # fmt: skip


def _command(about: Mapping[str, Any]) -> list[str]:
    options = {**about["configuration"], **({"only": about["only"]} if "only" in about else {"count": about["images"]})}
    before = []
    if changes := options.pop("changes", ""):
        from corrotwin.synth.presets import custom  # needs much that a card of other pictures does not

        content = custom.written(options["preset"], changes)
        before, options["preset"] = [f"printf '%s\\n' {shlex.quote(content)} > own.json"], "own.json"
    if about.get("device", "CPU") != "CPU":
        options["device"] = about["device"].lower()
    words: list[str] = []
    for name, value in options.items():
        if (name, value) == ("labels", "annotator"):  # as without
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
    text = "With the versions above this gives the same files on the same type of processor"
    return [
        "```sh", *before, f"corrotwin synth render {shlex.join(words)}", "```", "",
        f"{text}, from the twin with the digests above and its cameras in dataset.json." if twin else f"{text}.",
    ]  # fmt: skip


def _limits(about: Mapping[str, Any] | None, statistics: label_statistics.Statistics) -> list[str]:
    limits = []
    if about:
        limits += [
            "Rendered: what a model learns here must be measured on photographs.",
            "Labels follow a rule, not a person; compare them with those of your photographs: "
            "`corrotwin synth validate . --against photos`.",
            "What scenes lack is listed in docs/synth.md of the program.",
        ]
    else:
        limits.append("Neither the rule of the labels nor the choice of the pictures is known from the files.")
    if about and "twin" in about:
        limits.append("One twin only: views of it are not independent, and no measure of other assets.")
    if not statistics.empty_images:
        limits.append("No picture is free of corrosion: nothing can be said about false alarms on clean steel.")
    if statistics.images < 100:
        limits.append(f"{statistics.images} pictures are few: scores on so many are uncertain.")
    return limits
