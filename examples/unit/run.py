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

# The ten places whose life is shortest, by the codes or by the twin, are measured once more.
places = ct.measure_next(before, 10)
for place in places:
    print(f"measure {place.cml} of {place.twin}: life {place.life_years:.1f} years, least read {place.least_mm:.2f} mm")
    twin = ct.Twin.load(twins / place.twin)
    value = unit.read(place.cml, plant.NOW)
    twin.inspect(date=f"{plant.NOW}-05-31", kind="ultrasonic", zone="body", value=value, tool="UT-2", place=place.cml)
    twin.save()
after = {member.name: member.chance for member in ct.fleet(twins, years=given.years, rule="api570-class2")}

print(
    f"chance that some place is below {plant.REQUIRED:g} mm in {given.years} years; measured; what is really left then"
)
for member in before:
    measured = sum(place.twin == member.name for place in places)
    least = unit.least_left(member.name, plant.NOW + given.years)
    print(f"{member.name}: {member.chance:6.1%}, {after[member.name]:6.1%}; {measured}; {least:.2f} mm")
