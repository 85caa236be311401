"""The two errors that a command turns into one line and an exit status."""

import re


class InputError(ValueError):
    """Something the user gave is wrong. The message says what, where, and what to do, in one line; exit status 2."""


class WorkError(Exception):
    """The input was right and the work failed all the same, after retries; the same command may succeed. Status 1."""


def as_read(error: Exception) -> str:
    """Return the message of an error about values of a file, which are not arguments: their names without backticks."""
    return re.sub(r"`([a-z][a-z0-9_]*)`", r"\1", str(error))
