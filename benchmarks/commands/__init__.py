"""The commands of ``corrotwin benchmarks``."""

from corrotwin.benchmarks.commands import printed_tables, screen, study, transfer

DESCRIPTION = "Reproduce the published benchmark, and measure what renders add to real photos."
COMMANDS = {
    "run": study.run,
    "report": study.report,
    "screen": screen.screen,
    "transfer": transfer.transfer,
    "from-summary": printed_tables.from_summary,
}
