"""The commands of ``corrotwin twin``."""

from corrotwin.twin.commands import assets, creation, forecasts, inspections, views

DESCRIPTION = "Digital twins of corroding assets: make, grow, show, view, export, inspect, forecast and compare one."
COMMANDS = {
    "new": creation.new,
    "grow": assets.grow,
    "show": assets.show,
    "export": assets.export,
    "inspect": inspections.inspect,
    "forecast": forecasts.forecast,
    "view": views.view,
    "compare": views.compare,
    "calibrate": forecasts.calibrate,
}
