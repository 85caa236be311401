"""The commands of ``corrotwin twin``."""

from corrotwin.twin.commands import assets, creation, fleets, forecasts, inspections, registers, scans, views, watching

DESCRIPTION = "Digital twins of corroding assets: make, grow, show, export, inspect, watch, forecast and rank them."
COMMANDS = {
    "new": creation.new,
    "grow": assets.grow,
    "show": assets.show,
    "export": assets.export,
    "inspect": inspections.inspect,
    "register": registers.register,
    "sections": registers.sections,
    "scan": scans.scan,
    "watch": watching.watch,
    "forecast": forecasts.forecast,
    "fleet": fleets.fleet,
    "report": fleets.report,
    "view": views.view,
    "compare": views.compare,
    "calibrate": forecasts.calibrate,
}
