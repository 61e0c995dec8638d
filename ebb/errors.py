"""Errors that are sentences for the user, and how a command of `ebb` ends."""

import atexit
import gc
from collections.abc import Callable
from typing import NoReturn

import typer

#: Exit codes: a failure, and Ctrl-C (128 + SIGINT).
FAILED = 1
INTERRUPTED = 130


class UserError(Exception):
    """Something that the user can correct. Its text is printed without a traceback: one sentence for each problem."""


def finish(command: Callable[[], bool]) -> NoReturn:
    """Run a command and exit: 0 if it returns True, 1 after False or a UserError, 130 after Ctrl-C.

    Every other exception is a defect of ours and keeps its traceback.
    """
    try:
        code = 0 if command() else FAILED
    except UserError as error:
        typer.secho(str(error), err=True, fg="red")
        code = FAILED
    except KeyboardInterrupt:
        code = INTERRUPTED
    # Python looks for garbage before it ends: more than a second for the objects that the sandbox imports
    atexit.register(gc.freeze)
    raise typer.Exit(code)
