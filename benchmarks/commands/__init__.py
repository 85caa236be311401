"""The commands of ``corrotwin benchmarks``."""

from corrotwin.benchmarks.commands import printed_tables, screen, study, transfer

DESCRIPTION = "The published benchmark reproduced, and what rendered images are worth beside real photos."
COMMANDS = {
    "run": study.run,
    "report": study.report,
    "screen": screen.screen,
    "transfer": transfer.transfer,
    "from-summary": printed_tables.from_summary,
}
