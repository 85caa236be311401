"""A unit whose corrosion rates only this module knows, and a contractor's workbook of it, in inches."""

import random
from dataclasses import dataclass
from pathlib import Path

import xlsxwriter

MM = 25.4  # of an inch
NEW, REQUIRED = 8.18, 5.0  # mm, of pipes of NPS 8, schedule 40
BUILT, SURVEYS, NOW = 2010, (2013, 2017, 2021, 2024), 2025
SCATTER, BIAS = 0.1, 0.1  # standard deviations of a reading and of a visit, mm


@dataclass(frozen=True)
class TrueCml:
    """A CML as it really is: how much thicker than nominal it was delivered, mm, and its rate, mm a year."""

    name: str
    circuit: str
    delivered: float
    rate: float

    def left(self, year: int) -> float:
        """Return the wall that is left in a year, mm."""
        return max(NEW + self.delivered - self.rate * (year - BUILT), 0.1)


class Unit:
    """Circuits with rates of their own (median 0.04 mm a year), and CML that differ from their circuit's."""

    def __init__(self, circuits: int, cmls: int, seed: int = 1) -> None:
        self._chance = random.Random(seed)
        rates = [self._chance.lognormvariate(-3.2, 0.6) for _ in range(circuits)]
        self.cmls = {
            f"CML-{number + 1:03}": TrueCml(
                name=f"CML-{number + 1:03}", circuit=f"C-{number % circuits + 1:02}",
                delivered=self._chance.gauss(0, 0.15),
                rate=rates[number % circuits] * self._chance.lognormvariate(0, 0.4),
            )
            for number in range(cmls)
        }  # fmt: skip
        self.circuits = sorted({cml.circuit for cml in self.cmls.values()})

    def read(self, name: str, year: int, bias: float = 0.0) -> float:
        """Return what a gauge shows of a CML in a year, mm."""
        return self.cmls[name].left(year) + bias + self._chance.gauss(0, SCATTER)

    def least_left(self, circuit: str, year: int) -> float:
        """Return the least wall that is really left at a CML of a circuit, mm."""
        return min(cml.left(year) for cml in self.cmls.values() if cml.circuit == circuit)

    def write(self, path: Path) -> None:
        """Write the contractor's workbook: a list of locations, and surveys as columns."""
        biases = [self._chance.gauss(0, BIAS) for _ in SURVEYS]
        with xlsxwriter.Workbook(path) as book:
            listed, surveys = book.add_worksheet("TML list"), book.add_worksheet("Surveys")
            listed.write_row(0, 0, ["TML ID", "Line", "Component", "Type", "T nominal (in)", "T min (in)"])
            surveys.write_row(0, 0, ["TML ID", "Line", *(f"{year}-05-31 (in)" for year in SURVEYS)])
            for row, (name, cml) in enumerate(self.cmls.items(), start=1):
                listed.write_row(row, 0, [name, cml.circuit, "body", "straight", NEW / MM, REQUIRED / MM])
                read = [round(self.read(name, *visit) / MM, 3) for visit in zip(SURVEYS, biases, strict=True)]
                surveys.write_row(row, 0, [name, cml.circuit, *read])
