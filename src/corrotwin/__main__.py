"""The ``corrotwin`` command: ``corrotwin twin new ...``, ``corrotwin doctor``, ``corrotwin --version``."""

import argparse
import importlib
import sys

import corrotwin
from corrotwin.twin.core import cli

GROUPS = {
    "twin": "digital twins of corroding assets: create, inspect, forecast, report, rank",
    "synth": "rendered datasets with pixel-true masks: render, fit, validate, preview",
    "segmentation": "U-Nets that outline corrosion: split, train, tune, evaluate, review, export",
    "benchmarks": "what renders are worth: studies, statistics and reports",
}


SINGLE = {
    "predict": "outline corrosion on photos, with the built-in model or your own",
    "demo": "a two-minute tour without data: a twin, photographs, masks, a forecast",
    "doctor": "check this installation and print a fix for every problem",
}


def main() -> None:
    """Run one command and exit with its status."""
    words = sys.argv[1:]
    if words[:1] == ["predict"]:
        from corrotwin.segmentation.commands.predict import predict

        cli.run_one("corrotwin predict", predict, words[1:])
    if words[:1] == ["demo"]:
        from corrotwin.benchmarks.demo import demo

        cli.run_one("corrotwin demo", demo, words[1:])
    if words[:1] == ["doctor"]:
        from corrotwin.benchmarks.doctor import doctor

        cli.run_one("corrotwin doctor", doctor, words[1:])
    if words[:1] and words[0] in GROUPS:
        commands = importlib.import_module(f"corrotwin.{words[0]}.commands")
        cli.run(f"corrotwin {words[0]}", commands.DESCRIPTION, commands.COMMANDS, words[1:])
    parser = argparse.ArgumentParser(prog="corrotwin", description=corrotwin.__doc__)
    parser.add_argument("--version", action="version", version=f"corrotwin {corrotwin.__version__}")
    groups = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, summary in {**SINGLE, **GROUPS}.items():
        groups.add_parser(name, help=summary)
    if not words:
        parser.print_help(sys.stderr)
        sys.exit(2)
    cli.leave_with_status("corrotwin", lambda: parser.parse_args(words))


if __name__ == "__main__":
    main()
