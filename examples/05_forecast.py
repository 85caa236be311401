"""Forecast the wall thickness of a pipe from its inspections.

    python examples/05_forecast.py --out out/examples

The readings may as well come from a table: twin.inspect("readings.csv").
"""

import argparse
from pathlib import Path

import corrotwin as ct

options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
options.add_argument("--out", type=Path, default=Path("out/examples"))
options.add_argument("--texel-mm", type=float, default=4.0, help="resolution on the surface; coarser is faster")
given = options.parse_args()
given.out.mkdir(parents=True, exist_ok=True)

spool = ct.Asset("pipe", nps=8, schedule=40, run_m=2.0, seed=1, texel_mm=given.texel_mm)
twin = ct.Twin(spool, built="2010-05-31", years=14, category="C4", coating_life=8)  # without years: as it is today

# Thickness at one spot of the pipe's outside, three times by one gauge; and how rusted it looked.
for date, thickness_mm in (("2014-05-20", 8.1), ("2019-05-21", 7.8), ("2024-05-14", 7.4)):
    twin.inspect(date=date, kind="ultrasonic", zone="body", value=thickness_mm, tool="UT-3", place="TML-1")
twin.inspect(date="2024-05-14", kind="grade", zone="body", value=3, tool="eye")

# Six millimetres must be left. P5, P50 and P95: in 5, 50 and 95 of 100 histories that fit the readings it is less.
forecast = twin.forecast(years=10, required={"body": 6.0})
print(forecast)
table = forecast.to_frame()
columns = ["date", "least_left_mm_p5", "least_left_mm_p50", "least_left_mm_p95", "chance_below_required"]
print(table[table["zone"] == "body"][columns].tail(11).to_string(index=False))
forecast.to_csv(given.out / "forecast.csv")
forecast.plot(given.out / "forecast.svg")
