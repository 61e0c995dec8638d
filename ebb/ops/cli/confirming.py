"""What asks before it destroys."""

import sys

import typer

#: Wrong use of a command, as typer's own.
WRONG_USE = 2


def confirm(question: str, yes: bool) -> bool:
    """Whether the user agrees. Without a terminal and without --yes the command ends: wrong use.

    Raises KeyboardInterrupt for Ctrl-C and the end of the input.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        typer.echo(f"{question} There is no terminal to ask on: add --yes.", err=True)
        raise typer.Exit(WRONG_USE)
    try:
        return typer.confirm(question, err=True)  # the output may be JSON
    except typer.Abort:
        raise KeyboardInterrupt from None
