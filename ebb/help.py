"""How `--help` shows a command: its text in whole lines, flags without a value, arguments without braces."""

import inspect
from typing import Any

from typer.core import TyperCommand, TyperGroup


class _Help:
    def __init__(self, *arguments: Any, help: str | None = None, **more: Any) -> None:
        super().__init__(*arguments, help=help and in_whole_lines(help), **more)  # type: ignore[call-arg]

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters, `--help` included. Typer would show <bool> after a flag."""
        params: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for param in params:
            if getattr(param, "is_flag", False):
                param.metavar = ""
        return params

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The line `Usage:`. Typer would put a required argument into braces."""
        return [piece.strip("{}") for piece in super().collect_usage_pieces(ctx)]  # type: ignore[misc]


class Command(_Help, TyperCommand):
    """A command of `ebb`."""


class Group(_Help, TyperGroup):
    """A group of commands of `ebb`."""


def in_whole_lines(text: str) -> str:
    """Its paragraphs as one line each, except those that begin with \\b. Typer would keep the source's line breaks."""
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(each if each.startswith("\b") else " ".join(each.split()) for each in paragraphs)
