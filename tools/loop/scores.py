"""Scores of the loop: forecasts and masks compared with the hidden truth, as tables."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, field

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin.forecast.projection import levels

Mask = NDArray[np.bool_]
# Forecast quantities: share, mm, and the logarithm of mm, since loss is uncertain by factors.
QUANTITIES = ("rusted area", "worst loss", "worst loss, log")


BOTH = ("rusted area", "worst loss, log")


FEW = 200  # pixels of rust, in all photographs of a twin


@dataclass(frozen=True, kw_only=True)
class Spread:
    """A forecast: its levels, the mean distance of its histories from the truth, and its score (`crps`)."""

    p5: float
    p50: float
    p95: float
    distance: float
    crps: float

    @property
    def width(self) -> float:
        """The width from P5 to P95."""
        return self.p95 - self.p5

    @classmethod
    def of(cls, values: NDArray[np.float64], truth: float) -> "Spread":
        """Return the spread of equally likely values (n,)."""
        low, middle, high = levels(values)
        return cls(
            p5=low, p50=middle, p95=high, distance=float(distances(values, np.array([truth]))[0]),
            crps=crps(values, truth),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A forecast of the year 20 before and after the photographs, beside the hidden truth."""

    seed: int
    kind: str
    quantity: str
    truth: float
    before: Spread
    after: Spread
    could: Mask
    """(n,) for each history after the photographs, whether the forecast would have come closer if it were the truth."""

    @property
    def closer(self) -> bool:
        """True if the forecast's histories lie nearer to the truth, on average, than before."""
        return self.after.distance < self.before.distance

    @property
    def better(self) -> bool:
        """True if the forecast scores better than before, which a band that is merely narrower does not."""
        return self.after.crps < self.before.crps

    @property
    def narrower(self) -> bool:
        """True if P5 to P95 is narrower than before."""
        return self.after.width < self.before.width

    def within(self, spread: Spread) -> bool:
        """Return whether P5 to P95 contains the truth."""
        return spread.p5 <= self.truth <= spread.p95


def distances(values: NDArray[np.float64], truths: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean distance of equally likely values (n,) from each of m truths, (m,)."""
    return np.asarray(np.abs(values[:, None] - truths).mean(axis=0))


def crps(values: NDArray[np.float64], truth: float) -> float:
    """Return the continuous ranked probability score of equally likely values (n,); the lower the better.

    It is their mean distance from the truth, less half of their mean distance from each other (Gneiting & Raftery,
    J. Am. Stat. Assoc. 102, 2007, equation 21).
    """
    ordered, count = np.sort(values), len(values)
    apart = 2 * float(((2 * np.arange(count) - count + 1) * ordered).sum()) / count**2
    return float(np.abs(values - truth).mean()) - apart / 2


def rates(found: Sequence[Outcome]) -> Iterator[tuple[str, int, float, float, float, float, float, float]]:
    """Yield, for each quantity and for `BOTH`, the number of seeds and the shares that came closer, narrower, both.

    Then follow the shares whose P50 came closer, that score better, and that are expected to come closer if the
    forecasts after the photographs are right.
    """
    seeds = sorted({outcome.seed for outcome in found})
    for quantity in (*QUANTITIES, "both"):
        chosen = BOTH if quantity == "both" else (quantity,)
        by_seed = [
            [outcome for outcome in found if outcome.seed == seed and outcome.quantity in chosen] for seed in seeds
        ]
        closer = [all(outcome.closer for outcome in group) for group in by_seed]
        narrower = [all(outcome.narrower for outcome in group) for group in by_seed]
        expected = [np.all([outcome.could for outcome in group], axis=0).mean() for group in by_seed]
        middle = [
            all(abs(outcome.after.p50 - outcome.truth) < abs(outcome.before.p50 - outcome.truth) for outcome in group)
            for group in by_seed
        ]
        yield (
            quantity, len(seeds), float(np.mean(closer)), float(np.mean(narrower)),
            float(np.mean(np.logical_and(closer, narrower))), float(np.mean(middle)),
            float(np.mean([all(outcome.better for outcome in group) for group in by_seed])), float(np.mean(expected)),
        )  # fmt: skip


def report(by_eye: dict[str, list[Outcome]]) -> str:
    """Return rates and mean widths as Markdown."""
    lines = [
        "| masks | forecast of | twins | closer % | narrower % | both % | P50 closer % | CRPS lower % | "
        "closer, expected % |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, outcomes in by_eye.items():
        for quantity, count, *shares in rates(outcomes):
            cells = " | ".join(f"{100 * share:.0f}" for share in shares)
            lines.append(f"| {name} | {quantity} | {count} | {cells} |")
    lines += [
        "",
        "| masks | forecast of | width before, after | distance before, after | CRPS before, after | "
        "truth within before, after % |",
        "|" + "---|" * 6,
    ]
    for name, outcomes in by_eye.items():
        for quantity in QUANTITIES:
            chosen = [outcome for outcome in outcomes if outcome.quantity == quantity]
            width, distance, score = (
                ", ".join(f"{np.mean([getattr(spread, attribute) for spread in side]):.3f}" for side in _sides(chosen))
                for attribute in ("width", "distance", "crps")
            )
            within = ", ".join(
                f"{100 * np.mean([outcome.within(spread) for outcome, spread in zip(chosen, side, strict=True)]):.0f}"
                for side in _sides(chosen)
            )
            lines.append(f"| {name} | {quantity} | {width} | {distance} | {score} | {within} |")
    return "\n".join(lines) + "\n"


def _sides(found: Sequence[Outcome]) -> tuple[list[Spread], list[Spread]]:
    return [outcome.before for outcome in found], [outcome.after for outcome in found]


def table(by_eye: dict[str, list[Outcome]]) -> str:
    """Return all outcomes as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    sides = [f"{name}_{moment}" for moment in ("before", "after") for name in Spread.__dataclass_fields__]
    writer.writerow(["masks", "seed", "kind", "quantity", "truth", *sides])
    for name, outcomes in by_eye.items():
        for outcome in outcomes:
            numbers = (outcome.truth, *astuple(outcome.before), *astuple(outcome.after))
            writer.writerow(
                [name, outcome.seed, outcome.kind, outcome.quantity, *(f"{value:.5g}" for value in numbers)]
            )
    return text.getvalue()


@dataclass(kw_only=True)
class Seen:
    """Pixels of the assets, counted over all photographs, that measure how good masks are."""

    rusted: dict[str, int] = field(default_factory=dict)  # pixels of each twin
    found: dict[str, int] = field(default_factory=dict)  # of those, called rust
    sound: int = 0
    called: int = 0  # of those, called rust
    lasting: int = 0  # called rust a visit before, and still sound
    again: int = 0  # of those, called rust again

    def add(self, twin: str, texel: NDArray[np.int32], true: Mask, mask: Mask) -> None:
        """Count one photograph (h, w): texel of each pixel (-1 off the asset), rust, and what was called rust."""
        inside = texel >= 0
        self.rusted[twin] = self.rusted.get(twin, 0) + int((inside & true).sum())
        self.found[twin] = self.found.get(twin, 0) + int((inside & true & mask).sum())
        self.sound += int((inside & ~true).sum())
        self.called += int((inside & ~true & mask).sum())

    def add_again(self, before: Mask, true: Mask, mask: Mask) -> None:
        """Count the pixels wrongly called rust a visit before, in a photograph by the same camera."""
        self.lasting += int((before & ~true).sum())
        self.again += int((before & ~true & mask).sum())

    @property
    def detection(self) -> float:
        """Share of the rusted pixels that were called rust."""
        return sum(self.found.values()) / max(sum(self.rusted.values()), 1)

    @property
    def spread(self) -> float:
        """Standard deviation of that share between twins that showed at least `FEW` pixels of rust."""
        shares = [self.found[twin] / rusted for twin, rusted in self.rusted.items() if rusted >= FEW]
        return float(np.std(shares, ddof=1)) if len(shares) > 1 else 0.0

    @property
    def false_calls(self) -> float:
        """Share of the sound pixels that were called rust."""
        return self.called / max(self.sound, 1)

    def __str__(self) -> str:
        """Return a line of Markdown."""
        return (
            f"Of the rusted pixels {self.detection:.3f} were called rust (standard deviation from twin to twin "
            f"{self.spread:.2f}), of the sound ones {self.false_calls:.4f}; of those still sound a visit later "
            f"{self.again / max(self.lasting, 1):.2f} were called rust again."
        )
