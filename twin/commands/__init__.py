"""The commands of ``corrotwin twin``."""

from corrotwin.twin.commands import assets, creation, fleets, forecasts, inspections, registers, scans, watching

DESCRIPTION = "Digital twins of corroding assets: make, grow, show, export, inspect, watch, forecast and rank them."
COMMANDS = {
    "new": creation.new,
    "grow": assets.grow,
    "show": assets.show,
    "export": assets.export,
    "inspect": inspections.inspect,
    "watch": watching.watch,
    "register": registers.register,
    "sections": registers.sections,
    "scan": scans.scan,
    "forecast": forecasts.forecast,
    "fleet": fleets.fleet,
    "report": fleets.report,
    "calibrate": forecasts.calibrate,
}
