"""The commands of ``corrotwin twin``."""

from corrotwin.twin.commands import assets, creation, forecasts, inspections, watching

DESCRIPTION = "Digital twins of corroding assets: make, grow, show, export, inspect, watch and forecast them."
COMMANDS = {
    "new": creation.new,
    "grow": assets.grow,
    "show": assets.show,
    "export": assets.export,
    "inspect": inspections.inspect,
    "watch": watching.watch,
    "forecast": forecasts.forecast,
    "calibrate": forecasts.calibrate,
}
