"""Scores of the loop: forecasts and masks beside the hidden truth, as tables."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, field

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin.forecast.projection import levels

Mask = NDArray[np.bool_]
# What is forecast: share, mm, and the logarithm of mm, since what is not known of loss are factors.
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
    """(n,) of each history after the photographs: whether the forecast would have come closer, were that the truth."""

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
        """Return whether P5 to P95 holds the truth."""
        return spread.p5 <= self.truth <= spread.p95


def distances(values: NDArray[np.float64], truths: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean distance of equally likely values (n,) from each of m truths, (m,)."""
    return np.asarray(np.abs(values[:, None] - truths).mean(axis=0))


def crps(values: NDArray[np.float64], truth: float) -> float:
    """Return the continuous ranked probability score of equally likely values (n,); the lower the better.

    Their mean distance from the truth, less half of that from each other (Gneiting & Raftery, J. Am. Stat. Assoc. 102,
    2007, equation 21).
    """
    ordered, count = np.sort(values), len(values)
    apart = 2 * float(((2 * np.arange(count) - count + 1) * ordered).sum()) / count**2
    return float(np.abs(values - truth).mean()) - apart / 2


def rates(found: Sequence[Outcome]) -> Iterator[tuple[str, int, float, float, float, float, float, float]]:
    """Return, for each quantity and for `BOTH`, the seeds and the shares that came closer, narrower, both.

    Then the share that scores better, and that which is expected to come closer if the forecasts after the photographs
    are right.
    """
    seeds = sorted({one.seed for one in found})
    for quantity in (*QUANTITIES, "both"):
        chosen = BOTH if quantity == "both" else (quantity,)
        own = [[one for one in found if one.seed == seed and one.quantity in chosen] for seed in seeds]
        closer = [all(one.closer for one in each) for each in own]
        narrower = [all(one.narrower for one in each) for each in own]
        could = [np.all([one.could for one in each], axis=0).mean() for each in own]
        middle = [all(abs(one.after.p50 - one.truth) < abs(one.before.p50 - one.truth) for one in each) for each in own]
        yield (
            quantity, len(seeds), float(np.mean(closer)), float(np.mean(narrower)),
            float(np.mean(np.logical_and(closer, narrower))), float(np.mean(middle)),
            float(np.mean([all(one.better for one in each) for each in own])), float(np.mean(could)),
        )  # fmt: skip


def report(by_eye: dict[str, list[Outcome]]) -> str:
    """Return rates and mean widths as Markdown."""
    lines = [
        "| masks | forecast of | twins | closer % | narrower % | both % | P50 closer % | CRPS lower % | "
        "closer, expected % |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, found in by_eye.items():
        for quantity, count, *shares in rates(found):
            cells = " | ".join(f"{100 * share:.0f}" for share in shares)
            lines.append(f"| {name} | {quantity} | {count} | {cells} |")
    lines += [
        "",
        "| masks | forecast of | width before, after | distance before, after | CRPS before, after | "
        "truth within before, after % |",
        "|" + "---|" * 6,
    ]
    for name, found in by_eye.items():
        for quantity in QUANTITIES:
            own = [one for one in found if one.quantity == quantity]
            width, distance, score = (
                ", ".join(f"{np.mean([getattr(spread, of) for spread in spreads]):.3f}" for spreads in _sides(own))
                for of in ("width", "distance", "crps")
            )
            within = ", ".join(
                f"{100 * np.mean([one.within(spread) for one, spread in zip(own, spreads, strict=True)]):.0f}"
                for spreads in _sides(own)
            )
            lines.append(f"| {name} | {quantity} | {width} | {distance} | {score} | {within} |")
    return "\n".join(lines) + "\n"


def _sides(found: Sequence[Outcome]) -> tuple[list[Spread], list[Spread]]:
    return [one.before for one in found], [one.after for one in found]


def table(by_eye: dict[str, list[Outcome]]) -> str:
    """Return all outcomes as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    sides = [f"{name}_{when}" for when in ("before", "after") for name in Spread.__dataclass_fields__]
    writer.writerow(["masks", "seed", "kind", "quantity", "truth", *sides])
    for name, found in by_eye.items():
        for one in found:
            numbers = (one.truth, *astuple(one.before), *astuple(one.after))
            writer.writerow([name, one.seed, one.kind, one.quantity, *(f"{value:.5g}" for value in numbers)])
    return text.getvalue()


@dataclass(kw_only=True)
class Seen:
    """Pixels of the assets, counted over all photographs, that measure how good masks are."""

    rusted: dict[str, int] = field(default_factory=dict)  # of each twin
    found: dict[str, int] = field(default_factory=dict)  # of those
    sound: int = 0
    called: int = 0  # of those, rust
    lasting: int = 0  # called so a visit before, and still sound
    again: int = 0  # of those, called so again

    def add(self, twin: str, texel: NDArray[np.int32], true: Mask, mask: Mask) -> None:
        """Count one photograph (h, w): texel of each pixel (-1 off the asset), rust, and what was called rust."""
        inside = texel >= 0
        self.rusted[twin] = self.rusted.get(twin, 0) + int((inside & true).sum())
        self.found[twin] = self.found.get(twin, 0) + int((inside & true & mask).sum())
        self.sound += int((inside & ~true).sum())
        self.called += int((inside & ~true & mask).sum())

    def add_again(self, before: Mask, true: Mask, mask: Mask) -> None:
        """Count what the visit before called rust and was not, in a photograph by the same camera."""
        self.lasting += int((before & ~true).sum())
        self.again += int((before & ~true & mask).sum())

    @property
    def detection(self) -> float:
        """Share of the rusted pixels that were called rust."""
        return sum(self.found.values()) / max(sum(self.rusted.values()), 1)

    @property
    def spread(self) -> float:
        """Standard deviation of that share from twin to twin, of those that showed `FEW` pixels of rust and more."""
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
