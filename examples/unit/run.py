"""A unit of 12 circuits and 160 CML over 15 years: which ten places to measure next, and what that is worth.

    python examples/unit/run.py --out out/unit

The unit is made by plant.py, which alone knows its rates, and handed over as a contractor's workbook.
"""

import argparse
from pathlib import Path

import plant

import corrotwin as ct

options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
options.add_argument("--out", type=Path, default=Path("out/unit"))
options.add_argument("--circuits", type=int, default=12)
options.add_argument("--cmls", type=int, default=160, help="of all circuits")
options.add_argument("--years", type=int, default=10, help="to look ahead")
given = options.parse_args()
given.out.mkdir(parents=True, exist_ok=True)
unit, workbook, twins = plant.Unit(given.circuits, given.cmls), given.out / "contractor.xlsx", given.out / "twins"
unit.write(workbook)

# A twin a circuit. The register says what must be left; the workbook is read as it is.
for number, circuit in enumerate(unit.circuits):
    pipe = ct.Asset("pipe", nps=8, schedule=40, run_m=6.0, texel_mm=20.0, seed=number)
    twin = ct.Twin(pipe, built=f"{plant.BUILT}-05-31", years=plant.NOW - plant.BUILT, category="C3", coating_life=12)
    twin.import_register(workbook, asset=circuit)
    twin.import_readings(workbook, asset=circuit, tool="UT")
    twin.save(twins / circuit)
before = ct.fleet(twins, years=given.years, rule="api570-class2")

# Of these ten places it is least certain whether they will be too thin; they are measured once more.
places = ct.measure_next(before, 10)
for place in places:
    twin = ct.Twin.load(twins / place.twin)
    value = unit.read(place.cml, plant.NOW)
    twin.inspect(date=f"{plant.NOW}-05-31", kind="ultrasonic", zone="body", value=value, tool="UT-2", place=place.cml)
    twin.save()
after = ct.fleet(twins, years=given.years, rule="api570-class2")
chances = {place.cml: place.chance for place in ct.measure_next(after, given.cmls)}

print(f"chance of less than {plant.REQUIRED:g} mm in {given.years} years: before, after; what is really left then")
for place in places:
    left = unit.cmls[place.cml].left(plant.NOW + given.years)
    now = chances.get(place.cml, 1.0)  # one that reads too thin already is no place to measure
    print(f"{place.twin} {place.cml}: {place.chance:6.1%}, {now:6.1%}; {left:.2f} mm")
