"""Section 1, the answer on one screen, for someone who reads nothing else."""

from corrotwin.benchmarks.formatting.table import write
from corrotwin.benchmarks.formatting.wording import count, interval, listed, of_photos, percent
from corrotwin.benchmarks.report.context import Material
from corrotwin.benchmarks.report.document import Block, Bullets, ReportSection, Text, Tile, Tiles
from corrotwin.benchmarks.report.sections.verdicts import tally, tested
from corrotwin.benchmarks.stats.comparison import Comparison
from corrotwin.benchmarks.stats.equivalence import MARGIN
from corrotwin.benchmarks.stats.power import FEWEST_RUNS, TARGET
from corrotwin.benchmarks.stats.tukey import summary
from corrotwin.benchmarks.stats.verdict import VERDICTS, recommendation

APART = ("better", "worse")
CONTROLS = ("copy-paste", "strong", "shuffled")  # what renders are held against, the baselines first


def section(material: Material) -> ReportSection:
    """Return warnings, then large numbers, then what they do not say, in short."""
    blocks: list[Block] = [Text(text=text, warning=True) for text in warnings(material)]
    if not material.results.scores:
        blocks.append(Text(text="There is nothing to compare: no run is complete."))
    else:
        found = tiles(material)
        blocks += [Tiles(tiles=tuple(found))] if found else []
        blocks.append(Bullets(items=tuple(sentences(material).items())))
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
    """Return large numbers: what renders change at each part of the photos, or means where nothing is tested.

    Of a smoke run only what a pretrained network scores, since nothing else means anything.
    """
    if material.results.smoke:
        return [
            _mean_tile(f"{name}, {_alone(material)}", mean, sd, runs)
            for name, mean, sd, runs in _ranked(material)
            if name not in material.results.smoke_backbones
        ]
    gains = _of_lead(material, "real", "mixed")
    found = [_gain_tile(material, each) for each in gains] if tested(gains) else _means(material)
    means = _ranked(material)
    if len(means) > 1:
        name, mean, sd, runs = means[0]
        found.append(_mean_tile(f"Highest mean, {_alone(material)}: {name}", mean, sd, runs))
    return found


def _gain_tile(material: Material, each: Comparison) -> Tile:
    verdict = VERDICTS[each.verdict]
    return Tile(
        label=f"Renders, at {of_photos(material.f1.real_fraction(each))}",
        number=f"{write(each.difference or 0.0, '+.3f')} F1",
        detail=verdict if each.low is None else f"{interval(each.low, each.high)} · {verdict}",
        verdict=each.verdict,
    )


def _mean_tile(label: str, mean: float, sd: float | None, runs: int) -> Tile:
    spread = "" if sd is None else f"± {sd:.3f}, "
    return Tile(label=label, number=f"{mean:.3f} F1", detail=f"{spread}{count(runs, 'run')}", verdict="")


def _means(material: Material) -> list[Tile]:
    """Return the mean of each arm of the leading backbone."""
    found = []
    for cell in material.results.cells:
        value = summary([each.mean("f1") for each in material.cell(cell.arm.name, cell.backbone)])
        if cell.backbone == material.lead and value.mean is not None:
            label = f"{material.lead}, {cell.kind} at {of_photos(cell.real_fraction)}"
            found.append(_mean_tile(label, value.mean, value.sd, value.n))
    return found


def _alone(material: Material) -> str:
    return "photos alone" if material.on_photos_alone else f"arm {material.reference}"


def sentences(material: Material) -> dict[str, str]:
    """Return short sentences, each under words that name its subject; none repeats a tile."""
    if material.results.smoke:
        return {"Next": "Profile small gives an answer. Part 2 has the scores of this run; they are no results."}
    found = {
        "Renders": _renders(material),
        "All comparisons": _all_comparisons(material),
        "Against the controls": _controls(material),
        "Backbones": _backbones(material),
        "Rests on": _basis(material),
    }
    return {subject: text for subject, text in found.items() if text}


def _of_lead(material: Material, base: str, kind: str) -> list[Comparison]:
    """Return the comparisons of the leading backbone that have runs on both sides, at the fewest photos first."""
    found = material.f1.contrast(base, kind)
    return [each for each in found if each.backbone == material.lead and each.known]


def _renders(material: Material) -> str:
    """Recommend what would settle the gain of renders."""
    gains = _of_lead(material, "real", "mixed")
    if not tested(gains):
        return f"No difference is tested: it takes {FEWEST_RUNS} complete runs of each arm; ten tell a good deal more."
    places: dict[str, list[str]] = {}
    for each in gains:
        if each.verdict == "unsettled":
            places.setdefault(recommendation(each), []).append(of_photos(material.f1.real_fraction(each)))
    return " ".join(f"No difference is shown at {listed(at, 'or at')}; {advice}." for advice, at in places.items())


def _all_comparisons(material: Material) -> str:
    """Count the verdicts on renders of all backbones, where there are others than the leading one."""
    known = [each for each in material.f1.contrast("real", "mixed") if each.known]
    if not tested(known) or len({each.backbone for each in known}) < 2:
        return ""
    low, high = (side(known, key=lambda each: each.difference or 0.0) for side in (min, max))

    def said(each: Comparison) -> str:
        at = percent(material.f1.real_fraction(each))
        return f"{write(each.difference or 0.0, '+.3f')} ({each.backbone} at {at})"

    return (
        f"Renders against photos alone, {len(known)} comparisons adjusted together: {tally(known)}; from {said(low)} "
        f"to {said(high)}."
    )


def _controls(material: Material) -> str:
    """Compare renders with each control at the fewest photos that both have."""
    parts = []
    for base in CONTROLS:
        found = _of_lead(material, base, "mixed")
        if tested(found):
            each = found[0]
            within = "" if each.low is None else f" ({interval(each.low, each.high)})"
            at = of_photos(material.f1.real_fraction(each))
            change = write(each.difference or 0.0, "+.3f")
            parts.append(f"renders minus {base} at {at}: {change}{within}, {VERDICTS[each.verdict]}")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _ranked(material: Material) -> list[tuple[str, float, float | None, int]]:
    """Return the ranked backbones of the reference arm with mean, SD and number of runs, best first."""
    found = []
    for backbone in material.backbones:
        value = summary([each.mean("f1") for each in material.cell(material.reference, backbone)])
        if value.mean is not None:
            found.append((backbone, value.mean, value.sd, value.n))
    return sorted(found, key=lambda row: -row[1])


def _backbones(material: Material) -> str:
    """Say which backbones are told apart in the reference arm; empty where no pair is tested."""
    found = [each for each in material.f1.backbones.get(material.reference, []) if each.p is not None]
    if not found:
        return ""
    apart = [f"{each.second} is {each.verdict} than {each.first}" for each in found if each.verdict in APART]
    if apart:
        return f"{len(apart)} of {count(len(found), 'pair')} are told apart: {'; '.join(apart)}."
    wanted = [each.more_runs for each in found]
    known = [runs for runs in wanted if runs is not None]
    advice = ""
    if known and len(known) == len(wanted) and max(known):
        advice = f"; {count(max(known), 'more run')} of each would find {TARGET:g} in every pair"
    return f"Of {count(len(found), 'pair')} none is told apart{advice}."


def _basis(material: Material) -> str:
    groups = material.results.groups
    spots = "test photos that each count as a spot" if groups is None else count(
        len({groups[name] for name in material.results.test_images}), "test spot"
    )  # fmt: skip
    return f"One split and {spots}. “Equal” is said where a difference is shown to be within {MARGIN:g}."
