"""A ranking on disk: scores of all photos as they are computed, the order of labelling, a page, and photos to label.

`scores.jsonl` has a line for each scored photo, so that an interrupted ranking of thousands resumes where it stopped.
"""

import base64
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from corrotwin.segmentation.data import coco, groups, image_io, png_masks
from corrotwin.segmentation.data.perceptual_hash import HASH_SIDE, components, hashes, pairs_alike
from corrotwin.segmentation.labelling import choice, page, pre_drawn
from corrotwin.segmentation.labelling.scores import STORED, Doubt, score
from corrotwin.segmentation.prediction.predictor import Settings
from corrotwin.segmentation.prediction.run_predictor import RunPredictor
from corrotwin.segmentation.prediction.sizes import check_sizes
from corrotwin.twin.core import files, tables
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import writing
from corrotwin.twin.core.locks import hold
from corrotwin.twin.core.text import escape_csv

KIND = "ranking"
SCORES, TABLE, PAGE, TO_LABEL = "scores.jsonl", "ranking.csv", "index.html", "to-label"
COLUMNS = ("rank", "photo", "spot", "value", "disagreement_bits", "entropy_bits", "corroded_percent")
LEAST = 2  # photos


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidate:
    """A photo that may be labelled: its name, file, content hash, scores and perceptual hashes (8, bits)."""

    name: str
    path: Path
    sha256: str
    scores: Doubt
    hashes: npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class Ranking:
    """Photos in the order in which to label them, with the spot and value of each; of copies of a file, only the first.

    `labelled` counts photos that have labels already, `unread` those that could not be read, and `earlier` those that
    earlier rankings left among the photos to label.
    """

    photos: tuple[Candidate, ...]
    spots: tuple[str, ...]
    values: tuple[float, ...]
    labelled: int
    unread: int
    earlier: int = 0

    def lines(self, out: Path) -> list[str]:
        """Return a line on photos of earlier rankings among those to label, or no line if there are none."""
        return pre_drawn.lines(out / TO_LABEL, self.earlier)


def rank(
    predictors: Sequence[RunPredictor],
    photos: Mapping[str, Path],
    out: Path,
    *,
    count: int,
    labelled: Collection[str] = (),
    on_photo: Callable[[InputError | None], None] | None = None,
) -> Ranking:
    """Rank photos into a folder and write the first `count` for labelling tools.

    Parameters
    ----------
    predictors : trained runs; if there are several, their disagreement counts, too. Photos that trained, validated or
        tested one of them are left out.
    photos : photos by name, from `prediction.search.search`.
    out : folder that is absent, empty, or holds a ranking by the same runs and settings, to which photos may be added.
    count : number of photos to label.
    labelled : content hashes of other photos that have labels and are left out, too.
    on_photo : called after each photo, with the error of one that was skipped.

    Raises
    ------
    InputError
        `count` is below 1, photos much larger than those of training need a choice (`prediction.sizes.check_sizes`),
        fewer than `LEAST` photos can be ranked, or the folder holds something else, such as corrected labels.
    """
    if count < 1:
        raise InputError(f"`count` {count} is below 1")
    for predictor in predictors:
        check_sizes(predictor, photos)
    defaults = asdict(Settings())
    changed = {name: value for name, value in asdict(predictors[0].settings).items() if value != defaults[name]}
    claim = {"runs": [predictor.run for predictor in predictors], **changed}
    labelled_hashes = set(labelled).union(*(predictor.labelled for predictor in predictors))
    with writing(out), hold(out, KIND, claim), predictors[0].working():
        pre_drawn.check_uncorrected(out / TO_LABEL)
        by_content: dict[str, Candidate] = {}
        left_out, unread = 0, 0
        for outcome in _scored(predictors, photos, out, labelled_hashes):
            if isinstance(outcome, Candidate):
                by_content.setdefault(outcome.sha256, outcome)  # nobody needs to label a copy
            elif outcome is None:
                left_out += 1
            else:
                unread += 1
            if on_photo is not None:
                on_photo(outcome if isinstance(outcome, InputError) else None)
        candidates = list(by_content.values())
        if len(candidates) < LEAST:
            others = f"; {left_out} have labels already" if left_out else ""
            raise InputError(
                f"`photos`: {len(candidates)} can be ranked, at least {LEAST} are needed{others}; give more"
            )
        ranking = _ordered(candidates, left_out, unread)
        return replace(ranking, earlier=_write(out, ranking, predictors, count))


def _scored(
    predictors: Sequence[RunPredictor], photos: Mapping[str, Path], out: Path, labelled: set[str]
) -> Iterator[Candidate | InputError | None]:
    """Yield each photo with its scores, its error if it cannot be read, or None if it is labelled."""
    scored, length = _known(out / SCORES)
    for name, path in photos.items():
        try:
            png_masks.check_text(name + path.suffix, path)
            content = image_io.header(path)[1][: coco.HASH_DIGITS]
            if content in labelled:
                yield None
                continue
            if content not in scored:
                image = image_io.decoded(path)
                scored[content] = score(predictors, image), hashes(image)
                line = _line(content, *scored[content])
                files.append(out / SCORES, line, whole=length)
                length += len(line)
        except InputError as error:
            yield error
            continue
        scores, bits = scored[content]
        yield Candidate(name=name, path=path, sha256=content, scores=scores, hashes=bits)


def _line(content: str, scores: Doubt, bits: npt.NDArray[np.bool_]) -> bytes:
    """Return a photo's scores as a line of `SCORES`."""
    packed = {
        "features": base64.b64encode(scores.features.astype(STORED).tobytes()).decode(),
        "hashes": base64.b64encode(np.packbits(bits).tobytes()).decode(),
    }
    numbers = {name: getattr(scores, name) for name in ("disagreement", "entropy", "corroded")}
    return (json.dumps({"sha256": content, **numbers, **packed}) + "\n").encode()


def _known(path: Path) -> tuple[dict[str, tuple[Doubt, npt.NDArray[np.bool_]]], int]:
    """Return the photos that an earlier command scored, and the bytes of complete lines: the last may be torn."""
    scored: dict[str, tuple[Doubt, npt.NDArray[np.bool_]]] = {}
    if not path.exists():
        return scored, 0
    content = files.read_bytes(path, inside=path.parent)
    length = content.rfind(b"\n") + 1
    for number, line in enumerate(content[:length].splitlines(), start=1):
        try:
            row = files.parsed(line.decode())
            features, bits = (np.frombuffer(base64.b64decode(row[name]), kind) for name, kind in _PACKED)
            scores = Doubt(
                disagreement=float(row["disagreement"]), entropy=float(row["entropy"]), corroded=float(row["corroded"]),
                features=features.astype(np.float32),
            )  # fmt: skip
            scored[str(row["sha256"])] = scores, np.unpackbits(bits).reshape(-1, HASH_SIDE**2).astype(np.bool_)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path}: line {number} is damaged; delete the file to score the photos again") from error
    return scored, length


_PACKED = (("features", STORED), ("hashes", "u1"))


def _ordered(found: Sequence[Candidate], labelled: int, unread: int) -> Ranking:
    """Return the ranking of photos; those that look alike, or had one name before renaming, share a spot."""
    links = pairs_alike(np.stack([candidate.hashes for candidate in found]))
    alike = components(len(found), links)
    spots = groups.join(
        {candidate.name: found[first].name for candidate, first in zip(found, alike, strict=True)},
        {candidate.name: groups.source_name(candidate.name + candidate.path.suffix) for candidate in found},
    )
    values = choice.values([candidate.scores for candidate in found])
    features = np.stack([candidate.scores.features for candidate in found])
    order = choice.order(values, features, [spots[candidate.name] for candidate in found])
    return Ranking(
        photos=tuple(found[place] for place in order),
        spots=tuple(spots[found[place].name] for place in order),
        values=tuple(float(values[place]) for place in order),
        labelled=labelled,
        unread=unread,
    )


def _write(out: Path, ranking: Ranking, predictors: Sequence[RunPredictor], count: int) -> int:
    """Write the table, the photos to label with masks of the first run, and the page.

    Return the number of photos that earlier rankings left among those to label.
    """
    rows = [
        (
            number, escape_csv(photo.name), escape_csv(spot), round(value, 4), round(photo.scores.disagreement, 5),
            round(photo.scores.entropy, 5), round(100 * photo.scores.corroded, 2),
        )
        for number, (photo, spot, value) in enumerate(
            zip(ranking.photos, ranking.spots, ranking.values, strict=True), start=1
        )
    ]  # fmt: skip
    tables.write_own(out / TABLE, COLUMNS, rows)
    drawn = [_drawn(predictors[0], number, photo) for number, photo in enumerate(ranking.photos[:count], start=1)]
    earlier = pre_drawn.write(out / TO_LABEL, drawn, version=f"corrotwin {predictors[0].run['weights']}")
    page.write(out / PAGE, ranking, drawn)
    return earlier


def _drawn(predictor: RunPredictor, number: int, photo: Candidate) -> pre_drawn.Drawn:
    """Return a photo with the mask that a run predicts, under a name that begins with its rank."""
    probability, _ = predictor.probability(image_io.decoded(photo.path))
    name = groups.name_to_label(number, photo.sha256, photo.name + photo.path.suffix)
    return pre_drawn.Drawn(path=photo.path, name=name, mask=probability > predictor.threshold)
