"""A unit of 12 circuits and 160 CML over 15 years: which ten places to measure next, and what that is worth.

    python examples/07_unit.py --out out/unit

The unit is made here, with rates that only this script knows, and handed over as a contractor's workbook in inches.
"""

import argparse
import random
from pathlib import Path

import xlsxwriter

import corrotwin as ct

options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
options.add_argument("--out", type=Path, default=Path("out/unit"))
options.add_argument("--circuits", type=int, default=12)
options.add_argument("--cmls", type=int, default=160, help="of all circuits")
given = options.parse_args()
given.out.mkdir(parents=True, exist_ok=True)
chance, MM = random.Random(1), 25.4
NEW, REQUIRED, SURVEYS, NOW, LATER = 8.18, 5.0, (2013, 2017, 2021, 2024), 2025, 2035


def left(cml: dict, year: float) -> float:
    """Return the true wall of a CML in a year, mm: what nobody on the plant knows."""
    return NEW + cml["delivered"] - cml["rate"] * (year - 2010)


def read(cml: dict, year: int, bias: float) -> float:
    """Return what a gauge reads of it, inch."""
    return round((left(cml, year) + bias + chance.gauss(0, 0.1)) / MM, 3)


rates = [chance.lognormvariate(-2.9, 0.8) for _ in range(given.circuits)]  # mm/year by circuit, median 0.055
cmls = [
    {"id": f"CML-{number + 1:03}", "circuit": f"C-{number % given.circuits + 1:02}", "delivered": chance.gauss(0, 0.15),
     "rate": rates[number % given.circuits] * chance.lognormvariate(0, 0.4)}
    for number in range(given.cmls)
]  # fmt: skip

with xlsxwriter.Workbook(given.out / "contractor.xlsx") as book:
    register, surveys = book.add_worksheet("TML list"), book.add_worksheet("Surveys")
    register.write_row(0, 0, ["TML ID", "Line", "Component", "Type", "T nominal (in)", "T min (in)"])
    surveys.write_row(0, 0, ["TML ID", "Line", *(f"{year}-05-31 (in)" for year in SURVEYS)])
    biases = [chance.gauss(0, 0.1) for _ in SURVEYS]
    for row, cml in enumerate(cmls, start=1):
        register.write_row(row, 0, [cml["id"], cml["circuit"], "body", "straight", NEW / MM, REQUIRED / MM])
        readings = [read(cml, year, bias) for year, bias in zip(SURVEYS, biases, strict=True)]
        surveys.write_row(row, 0, [cml["id"], cml["circuit"], *readings])

# A twin a circuit. The register says what must be left; the workbook is read as it is.
plant = given.out / "plant"
for circuit in sorted({cml["circuit"] for cml in cmls}):
    pipe = ct.Asset("pipe", nps=8, schedule=40, run_m=6.0, texel_mm=20.0, seed=int(circuit[2:]))
    twin = ct.Twin(pipe, built="2010-05-31", years=NOW - 2010, category="C3", coating_life=12)
    twin.import_register(given.out / "contractor.xlsx", asset=circuit)
    twin.import_readings(given.out / "contractor.xlsx", asset=circuit, tool="UT")
    twin.save(plant / circuit)
before = ct.fleet(plant, years=LATER - NOW, rule="api570-class2")

# The ten places whose life is shortest, by the codes or by the twin, whichever is shorter.
rows = [row for member in before for row in member.outlook.cmls if row["place"]]
lives = {row["place"]: min(row["api_life_years"], row["twin_life_years_p5"]) for row in rows}
chosen = sorted(lives, key=lives.get)[:10]
truth = {cml["id"]: cml for cml in cmls}
for member in before:
    twin = ct.Twin.load(member.folder)
    for name in (name for name in chosen if truth[name]["circuit"] == member.name):
        value = read(truth[name], NOW, 0.0) * MM
        twin.inspect(date=f"{NOW}-05-31", kind="ultrasonic", zone="body", value=value, tool="UT", place=name)
    twin.save()
after = {member.name: member for member in ct.fleet(plant, years=LATER - NOW, rule="api570-class2")}

print(f"circuit, chance that some place is below {REQUIRED:g} mm by {LATER}: before, after; least that is really left")
for member in before:
    least = min(left(cml, LATER) for cml in cmls if cml["circuit"] == member.name)
    measured = sum(truth[name]["circuit"] == member.name for name in chosen)
    then, now = member.outlook.chance(at_end=True), after[member.name].outlook.chance(at_end=True)
    print(f"{member.name}: {100 * then:5.1f} %, {100 * now:5.1f} % ({measured} measured); {least:.2f} mm")
