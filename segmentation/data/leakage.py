"""Leakage of a split: photos of validation and test that share a group with training photos."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import mean

from corrotwin.segmentation.data import groups, splits
from corrotwin.segmentation.data.coco import SPLITS, CocoDataset
from corrotwin.segmentation.data.splits import Split
from corrotwin.twin.core.text import escape_markdown

SEEDS = range(20)  # seeds of the published splits with which a report compares
EXAMPLES = 5  # leaked photos that a report names


@dataclass(frozen=True, kw_only=True)
class PartLeak:
    """Leakage into one part of a split: its number of photos, and the pairs of a leaked and a training photo."""

    photos: int
    leaked: tuple[tuple[str, str], ...]

    @property
    def share(self) -> float:
        """Leaked fraction of the photos, 0 to 1."""
        return len(self.leaked) / self.photos


@dataclass(frozen=True, kw_only=True)
class Leaks:
    """Leakage of a split by one grouping. `split_groups` counts the groups with photos in more than one part."""

    valid: PartLeak
    test: PartLeak
    split_groups: int


@dataclass(frozen=True, kw_only=True)
class LeakageReport:
    """Leakage of a split by its groups, compared with other ways to split the same photos.

    `copies` is the leakage by identical files, `names` that by `groups.by_source_name`. `published` holds the leakage
    of the published split for each of several seeds. `own` is None if the export has no split of its own.
    """

    split: Split
    leaks: Leaks
    copies: Leaks
    names: Leaks
    published: tuple[Leaks, ...]
    own: Leaks | None


def leaks(split: Split, grouping: Mapping[str, str]) -> Leaks:
    """Return the leakage of a split: the photos of validation and test whose group has a photo in training.

    Parameters
    ----------
    split : a split of photos that `grouping` covers.
    grouping : the group of each photo; it may differ from the split's own.
    """
    in_training: dict[str, str] = {}
    for name in split.train:
        in_training.setdefault(grouping[name], name)

    def part(names: Sequence[str]) -> PartLeak:
        pairs = ((name, in_training.get(grouping[name])) for name in names)
        return PartLeak(photos=len(names), leaked=tuple((name, other) for name, other in pairs if other is not None))

    part_counts = Counter(group for key in SPLITS for group in {grouping[name] for name in getattr(split, key)})
    return Leaks(
        valid=part(split.valid), test=part(split.test), split_groups=sum(count > 1 for count in part_counts.values())
    )


def report(dataset: CocoDataset, split: Split, *, seeds: Sequence[int] = SEEDS) -> LeakageReport:
    """Compare the leakage of a split of `dataset` with that of published splits and of the export's own split.

    Parameters
    ----------
    dataset : the photos, all of which `split` contains.
    split : their split; its groups decide what counts as leakage.
    seeds : seeds of the published splits, at least one.

    Raises
    ------
    InputError
        The dataset has photos that the split lacks, or too few for a published split.
    """
    has_own = {photo.split for photo in dataset.photos} == set(SPLITS)
    published = (splits.split(dataset, how="published", seed=seed, groups=split.group) for seed in seeds)
    own = splits.split(dataset, how="own", seed=0, groups=split.group) if has_own else None
    return LeakageReport(
        split=split,
        leaks=leaks(split, split.group),
        copies=leaks(split, {photo.file_name: photo.sha256 or photo.file_name for photo in dataset.photos}),
        names=leaks(split, groups.by_source_name(dataset)),
        published=tuple(leaks(published_split, split.group) for published_split in published),
        own=leaks(own, split.group) if own is not None else None,
    )


def copies_warning(split: Split, dataset: CocoDataset) -> str:
    """Return a warning if validation or test photos are, judged by name, copies of training photos; else ""."""

    def explain(name: str, other: str) -> str:
        return (
            f"are, by their names, copies of training photos ({name} of {other}), which inflates the scores; a split "
            "of `corrotwin segmentation split --by names` keeps copies together"
        )

    return _warning(dataset, leaks(split, groups.by_source_name(dataset)), explain)


def contents_warning(split: Split, dataset: CocoDataset) -> str:
    """Return a warning if files of validation or test photos equal those of training photos; else ""."""

    def explain(name: str, other: str) -> str:
        return (
            f"are training photos under other names ({name} is {other}, byte for byte), which inflates the scores; "
            "leave the copies out, or give them one spot and split again"
        )

    contents = {photo.file_name: photo.sha256 or photo.file_name for photo in dataset.photos}
    return _warning(dataset, leaks(split, contents), explain)


def spots_warning(split: Split, dataset: CocoDataset) -> str:
    """Return a warning if training photos show the spot of a validation or test photo, by the table there; else "".

    Raises
    ------
    InputError
        See `segmentation.data.groups.beside`.
    """

    def explain(name: str, other: str) -> str:
        return (
            f"show, by {groups.SPOTS}, a spot of the training photos ({name}, like {other}), which inflates scores; "
            "`corrotwin segmentation split` keeps spots together"
        )

    spots = groups.beside(dataset)
    return "" if spots is None else _warning(dataset, leaks(split, spots), explain)


def _warning(dataset: CocoDataset, leaks_found: Leaks, explain: Callable[[str, str], str]) -> str:
    """Return a line with the number of leaked photos and `explain` of the first pair; "" without leaks."""
    leaked = (*leaks_found.valid.leaked, *leaks_found.test.leaked)
    if not leaked:
        return ""
    count = leaks_found.valid.photos + leaks_found.test.photos
    return f"{dataset.folder}: {len(leaked)} of {count} photos of validation and test {explain(*leaked[0])}"


def markdown(value: LeakageReport) -> str:
    """Return the report as Markdown: a sentence on the groups, a table of the leakage and the first examples."""
    sizes = Counter(value.split.group.values())
    in_shared_groups = sum(size for size in sizes.values() if size > 1)
    seed_count = len(value.published)
    lines = [
        f"{sizes.total()} photos in {len(sizes)} groups, the largest of {max(sizes.values())}; "
        f"{in_shared_groups} photos are in groups of several.",
        "",
        "| split | validation photos with their group in training | test photos with theirs | groups divided |",
        "|---|---|---|---|",
        _row(f"{value.split.how}, seed {value.split.seed}", [value.leaks]),
        _row("the same, by files equal byte for byte", [value.copies]),
        _row("the same, by names of copies", [value.names]),
        *([_row("the export's own", [value.own])] if value.own is not None else []),
        _row(f"published, {seed_count} seed{'s' if seed_count > 1 else ''}: mean (range)", value.published),
    ]
    leaked = [pair for part in (value.leaks.test, value.leaks.valid) for pair in part.leaked]
    if leaked:
        examples = "; ".join(
            f"{escape_markdown(name)} with {escape_markdown(other)}" for name, other in leaked[:EXAMPLES]
        )
        lines += ["", f"Leaks of this split, first {min(EXAMPLES, len(leaked))} of {len(leaked)}: {examples}."]
    return "\n".join(lines) + "\n"


def agreement(groupings: Mapping[str, Mapping[str, str]]) -> str:
    """Return a sentence with the number of pairs of photos joined by each grouping, and by both of any two."""
    by_one = ", ".join(f"{name} {groups.pairs(grouping)}" for name, grouping in groupings.items())
    by_both = "".join(
        f"; by {first} and by {second} {groups.pairs(groupings[first], groupings[second])}"
        for first, second in combinations(groupings, 2)
    )
    return f"Pairs of photos in one group: {by_one}{by_both}."


def _row(title: str, measured: Sequence[Leaks]) -> str:
    cells = [_cell([entry.valid for entry in measured]), _cell([entry.test for entry in measured])]
    counts = [entry.split_groups for entry in measured]
    shown = f"{counts[0]}" if len(counts) == 1 else f"{mean(counts):.1f} ({min(counts)} to {max(counts)})"
    return f"| {' | '.join([title, *cells, shown])} |"


def _cell(parts: Sequence[PartLeak]) -> str:
    if len(parts) == 1:
        return f"{len(parts[0].leaked)} of {parts[0].photos} ({parts[0].share:.1%})"
    shares = [part.share for part in parts]
    counts = mean(len(part.leaked) for part in parts)
    return f"{counts:.1f} of {parts[0].photos}, {mean(shares):.1%} ({min(shares):.1%} to {max(shares):.1%})"
