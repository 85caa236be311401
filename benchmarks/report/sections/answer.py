"""Section 1, the answer in five sentences, for someone who reads nothing else."""

from collections.abc import Sequence

from corrotwin.benchmarks import paper
from corrotwin.benchmarks.formatting.table import write
from corrotwin.benchmarks.formatting.wording import count, in_arm, interval, listed, of_photos, percent, training
from corrotwin.benchmarks.report.context import Material
from corrotwin.benchmarks.report.document import Block, Bullets, ReportSection, Text, Tile, Tiles
from corrotwin.benchmarks.report.sections.verdicts import tally
from corrotwin.benchmarks.stats.comparison import Comparison
from corrotwin.benchmarks.stats.crossed_effects import GREATEST
from corrotwin.benchmarks.stats.equivalence import MARGIN
from corrotwin.benchmarks.stats.tukey import summary
from corrotwin.benchmarks.stats.verdict import VERDICTS, number_of

CONTROLS = ("copy-paste", "strong", "shuffled")  # what renders are held against, the baselines first


def section(material: Material) -> ReportSection:
    """Return warnings, then numbers, then five sentences."""
    blocks: list[Block] = [Text(text=text, warning=True) for text in warnings(material)]
    if not material.results.scores:
        blocks.append(Text(text="There is nothing to compare: no run is complete."))
    else:
        blocks += [
            Tiles(tiles=tuple(tiles(material))),
            Bullets(items=tuple(sentences(material).items()), numbered=True),
        ]
    return ReportSection(key="answer", title="The answer", short="Answer", blocks=tuple(blocks))


def warnings(material: Material) -> list[str]:
    """List what limits the meaning of all numbers."""
    results, found = material.results, []
    if results.smoke:
        found.append(
            "This is a smoke run of the quick profile: it shows that every step works; its numbers are not results and "
            "say nothing about backbones or renders."
        )
    if not results.photographs:
        found.append("The test images are rendered, not photographs.")
    if results.missing:
        found.append(
            f"{len(results.missing)} of {len(results.grid)} runs are missing; what follows is from the others."
        )
    return found


def tiles(material: Material) -> list[Tile]:
    """Return the gain of renders at each part of the photos, and the best score, as large numbers."""
    found = [
        Tile(
            label=f"Renders, at {of_photos(material.f1.real_fraction(each))}",
            number=f"{write(each.difference, '+.3f')} F1",
            detail=f"{interval(each.low, each.high)} · {VERDICTS[each.verdict]}"
            if each.low is not None
            else "not tested",
            verdict=each.verdict,
        )
        for each in _of_lead(material, "real", "mixed")
        if each.difference is not None
    ]
    means = _ranked(material)
    if means:
        name, mean, sd, runs = means[0]
        spread = "" if sd is None else f" ± {sd:.3f}"
        found.append(
            Tile(
                label="Highest mean, " + ("photos alone" if material.on_photos_alone else f"arm {material.reference}"),
                number=f"{mean:.3f} F1",
                detail=f"{name}{spread}, {count(runs, 'run')}",
                verdict="",
            )
        )
    return found


def sentences(material: Material) -> dict[str, str]:
    """Return five sentences, each under a word that names its subject."""
    return {
        "Renders": _renders(material),
        "All comparisons": _all_comparisons(material),
        "Against the control": _control(material),
        "Backbones": _backbones(material),
        "How sure": _trust(material),
    }


def _of_lead(material: Material, base: str, kind: str) -> list[Comparison]:
    """Return the comparisons of the leading backbone that have runs on both sides."""
    found = material.f1.contrast(base, kind)
    return [each for each in found if each.backbone == material.lead and each.known]


def _renders(material: Material) -> str:
    """Describe the leading backbone at the fewest photos, where renders should help most."""
    found = _of_lead(material, "real", "mixed")
    if not found:
        return "What renders change is not known: no backbone has runs both with and without them."
    return material.f1.sentence(found[0])


def _all_comparisons(material: Material) -> str:
    known = [each for each in material.f1.contrast("real", "mixed") if each.known]
    if not known:
        return "Renders are compared with photos alone nowhere here."
    if len(known) < 2:
        return f"That is the only comparison of renders with photos alone here ({tally(known)})."
    low, high = (side(known, key=lambda each: each.difference or 0.0) for side in (min, max))

    def said(each: Comparison) -> str:
        tested = f", 95 % interval {interval(each.low, each.high)}" if each.low is not None else ""
        at = percent(material.f1.real_fraction(each))
        return f"{write(each.difference or 0.0, '+.3f')} ({each.backbone} at {at}{tested})"

    return (
        f"The {len(known)} comparisons of renders with photos alone, adjusted together, come out as {tally(known)}; "
        f"the changes of F1 go from {said(low)} to {said(high)}."
    )


def _control(material: Material) -> str:
    """Compare renders with copy-paste first, then with the other controls in short."""
    found = {base: _of_lead(material, base, "mixed") for base in CONTROLS}
    known = [base for base in CONTROLS if found[base]]
    fraction = None
    if found["copy-paste"] or found["strong"]:
        first = found[known.pop(0)][0]
        start, fraction = material.f1.sentence(first).removesuffix("."), material.f1.real_fraction(first)
    else:
        others = [kind for kind in material.results.kinds if kind not in ("real", "mixed")]
        trained = f" (trained: {listed(others)})" if others else ""
        start = (
            "Whether renders beat the cheapest use of the same photos, copy-paste of their corrosion, is not known: no "
            f"such pair of runs is complete{trained}"
        )
    return "; ".join([start, *(_beside(material, base, found[base], fraction) for base in known)]) + "."


def _beside(material: Material, base: str, found: Sequence[Comparison], fraction: float | None) -> str:
    """Compare renders with one more control, at the sentence's part of the photos if it is there."""
    each = next((each for each in found if material.f1.real_fraction(each) == fraction), found[0])
    part = material.f1.real_fraction(each)
    at = "" if part == fraction else f" {'and' if part == 1 else 'at'} {of_photos(part)}"
    return f"against {training(base)}{at} F1 {number_of(each)}, {VERDICTS[each.verdict]}"


def _ranked(material: Material) -> list[tuple[str, float, float | None, int]]:
    """Return backbones of the reference arm with mean, SD and number of runs, best first."""
    found = []
    for backbone in material.results.config.backbones:
        value = summary([each.mean("f1") for each in material.cell(material.reference, backbone)])
        if value.mean is not None:
            found.append((backbone, value.mean, value.sd, value.n))
    return sorted(found, key=lambda row: -row[1])


def _backbones(material: Material) -> str:
    ranked = _ranked(material)
    theirs = sorted(paper.TABLE_II, key=lambda name: -paper.TABLE_II[name].f1.mean)
    first, second = (f"{name} ({paper.TABLE_II[name].f1.mean:.3f})" for name in theirs[:2])
    printed = f"the paper, on its own photos, has {first} before {second}"
    trained = "On photos alone" if material.on_photos_alone else in_arm(*material.f1.place(material.reference))
    if not ranked:
        return f"{trained} no run is complete; {printed}."
    name, mean, sd, runs = ranked[0]
    spread = "a single run" if sd is None else f"± {sd:.3f}, {count(runs, 'run')}"
    start = f"{trained} {name} has the highest mean F1, {mean:.3f} ({spread}"
    if len(ranked) == 1:
        return f"{start}; no other backbone has a complete run there); {printed}."
    last, low, _, _ = ranked[-1]
    pairs = material.f1.backbones.get(material.reference, [])
    tested = [each for each in pairs if each.p is not None]
    apart = [
        f"{each.second} is {each.verdict} than {each.first}" for each in tested if each.verdict in ("better", "worse")
    ]
    if not tested:
        verdict = f"no pair is tested: {pairs[0].reason}" if pairs else "no pair is tested"
    elif apart:
        verdict = f"{len(apart)} of {len(tested)} pairs are told apart ({'; '.join(apart)})"
    else:
        could = _seen(tested) or "with so few runs, no difference"
        verdict = f"of {count(len(tested), 'pair')} tested none is told apart ({could} would be)"
    return f"{start}), {last} the lowest, {low:.3f}; {verdict}; {printed}."


def _trust(material: Material) -> str:
    found = [each for each in material.f1.contrast("real", "mixed") if each.detectable is not None]
    results = material.results
    start = (
        f"The numbers rest on {material.units}, {results.data_label}, one split and {count(len(results.scores), 'run')}"
    )
    if not found:
        return f"{start}: no gain of renders is tested, for that takes two runs with and without them."
    seen = _seen(found)
    gains = f"of true gains of F1 by renders, {seen} would be found four times in five, smaller ones less often"
    if not seen:
        gains = "with so few runs, any true gain by renders would be missed more than once in five times"
    return f"{start}; {gains}, and “equal” is said only where the difference is shown to be within {MARGIN:g}."


def _seen(found: Sequence[Comparison]) -> str:
    """Format the detectable differences: one number, or a range; empty where no score can differ so much."""
    detected = [each.detectable for each in found if each.detectable is not None and each.detectable < GREATEST]
    if not detected:
        return ""
    low, high = min(detected), max(detected)
    if len(detected) < len(found):
        return f"{low:.3f} at best"
    return f"{low:.3f}" if f"{low:.3f}" == f"{high:.3f}" else f"{low:.3f} to {high:.3f}"
