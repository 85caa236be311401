"""The first paragraph of a report: what the numbers say, in plain words."""

from collections.abc import Sequence

from benchmarks import paper
from benchmarks.results import Results
from benchmarks.statistics import Pair, Summary, gains, run_means, summary, tukey
from benchmarks.table import write


def answer(results: Results) -> list[str]:
    """Sentences derived from the scores, for someone who reads nothing else."""
    sentences = []
    if results.smoke:
        sentences.append(
            "This is a smoke run of the quick profile: it shows that every step works; its numbers are not results and "
            "say nothing about backbones or renders."
        )
    if results.missing:
        total = len(results.grid)
        sentences.append(f"{len(results.missing)} of {total} runs are missing; what follows is from the others.")
    if not results.scores:
        return [*sentences, "There is nothing to compare: no run is complete."]
    base = results.arms[0].name
    cells = {backbone: summary(means) for backbone, means in run_means(results.scores, arm=base, score="f1").items()}
    ranked = sorted((name for name in cells if cells[name].mean is not None), key=lambda name: -(cells[name].mean or 0))
    if ranked:
        sentences.append(_ranking(results, base, ranked, cells))
        sentences.append(_tests(tukey(run_means(results.scores, arm=base, score="f1"))))
    sentences += [_gain(results, arm.name, base) for arm in results.arms[1:]]
    sentences.append(_published(ranked))
    return [sentence for sentence in sentences if sentence]


def _ranking(results: Results, arm: str, ranked: Sequence[str], cells: dict[str, Summary]) -> str:
    def value(name: str) -> str:
        cell = cells[name]
        return f"{cell.mean:.3f}" + ("" if cell.sd is None else f" ± {cell.sd:.3f}")

    first, last = cells[ranked[0]], ranked[-1]
    over = "a single run" if first.n == 1 else f"mean ± SD over {first.n} runs"
    text = (
        f"On {len(results.test_images)} test photos, {results.data_label}, trained on the arm “{arm}”, {ranked[0]} "
        f"has the highest mean F1, {value(ranked[0])} ({over})"
    )
    return f"{text}, and {last} the lowest, {value(last)}." if len(ranked) > 1 else f"{text}."


def _tests(pairs: Sequence[Pair]) -> str:
    if not pairs:
        return ""
    tested = [pair for pair in pairs if pair.p is not None]
    if not tested:
        return f"There are no p-values: {pairs[0].reason}."
    apart = [f"{pair.first} and {pair.second}" for pair in tested if pair.significant]
    start = "Tukey's HSD on the means of the runs, at the 5 % level, tells"
    if len(apart) == len(tested):
        return f"{start} all {len(tested)} pairs of backbones apart in F1."
    which = f": {'; '.join(apart)}" if apart else ""
    return f"{start} {len(apart) or 'none'} of the {len(tested)} pairs of backbones apart in F1{which}."


def _gain(results: Results, arm: str, base: str) -> str:
    found = {
        backbone: summary(gains(results.scores, backbone=backbone, arm=arm, base=base, score="f1")).mean
        for backbone in results.config.backbones
    }
    known = {name: mean for name, mean in found.items() if mean is not None}
    if not known:
        return f"No run of the arm “{arm}” can be set against one of “{base}”."
    low, high = min(known, key=lambda name: known[name]), max(known, key=lambda name: known[name])
    span = f"by {write(known[low], '+.3f')} ({low})"
    if high != low:
        span = f"by between {write(known[low], '+.3f')} ({low}) and {write(known[high], '+.3f')} ({high})"
    return (
        f"Training on the arm “{arm}” (renders mixed in) instead of “{base}” changed the mean F1 {span}. "
        "Whether that is more than chance is not tested here."
    )


def _published(ranked: Sequence[str]) -> str:
    theirs = sorted(paper.TABLE_II, key=lambda name: -paper.TABLE_II[name].f1.mean)
    best = paper.TABLE_II[theirs[0]].f1
    text = (
        f"The paper, on its own 4,949 photos, has {theirs[0]} first ({best.mean:.3f} ± {best.sd:.3f}), not told apart "
        f"from {theirs[1]} (p = {paper.TABLE_III['inceptionv4', 'mobilenet_v2']})"
    )
    if len(ranked) < len(theirs):
        return f"{text}."
    if list(ranked) == theirs:
        return f"{text}; the order of the four is the same here."
    return f"{text}; its order is {', '.join(theirs)}, the order here {', '.join(ranked)}."
