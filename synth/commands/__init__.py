"""The commands of ``corrotwin synth``. Each imports heavy libraries only when it runs."""

from corrotwin.synth.commands.cameras import locate, uvmap
from corrotwin.synth.commands.datasets import preview, validate
from corrotwin.synth.commands.rendering import fit, render

DESCRIPTION = "Rendered datasets of corroding assets with pixel-true masks."
COMMANDS = {"render": render, "fit": fit, "validate": validate, "preview": preview, "uvmap": uvmap, "locate": locate}

__all__ = ["COMMANDS", "DESCRIPTION", "fit", "locate", "preview", "render", "uvmap", "validate"]
