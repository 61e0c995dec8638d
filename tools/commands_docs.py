"""Writes docs/commands.md: what each command's --help says. With --check, reports whether that file is current.

Run `python -m tools.commands_docs` in the project's folder.
"""

import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import typer.main

from ebb.cli import app

PAGE = Path(__file__).parents[1] / "docs" / "commands.md"
HEAD = """# Commands

<!-- Written by `make docs` from the commands' help in ebb/. Change it there. -->

```sh
ebb status --stack prod
ebb status --help
```

`ebb` stands in `.venv/bin` after `make venv`; `python -m ebb` is the same. [operations.md](operations.md) says what the
commands for a deployed stack do, with exit codes and credentials. [scaling.md](scaling.md) explains the forecast.
"""
#: Characters of a line.
WIDTH = 120
#: Options that each command has, without their own line.
_EVERYWHERE = {"help", "install_completion", "show_completion"}


def _commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Each command below a group, with its full name; groups are left out."""
    for word, each in sorted(getattr(command, "commands", {}).items()):
        if hasattr(each, "commands"):
            yield from _commands(each, f"{name} {word}")
        else:
            yield f"{name} {word}", each


def _text(text: str) -> Iterator[str]:
    r"""A help text's paragraphs; those that begin with \b are examples or tables, and become blocks."""
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        if not paragraph.startswith("\b"):
            yield textwrap.fill(" ".join(paragraph.split()), WIDTH, break_on_hyphens=False)
            continue
        lines = inspect.cleandoc(paragraph.removeprefix("\b\n")).splitlines()
        # two spaces or more stand between an example and what it does
        shown = [re.sub(r"^(ebb .*?\S) {2,}(\S)", r"\1  # \2", line) for line in lines]
        kind = "sh" if all(line.startswith(("ebb ", " ")) for line in lines) else "text"
        yield "\n".join((f"```{kind}", *shown, "```"))


def _default(param: Any) -> str:
    value = param.default
    if param.required:
        return "required"
    if value is None or callable(value) or value is False or value in ((), []):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _table(command: Any) -> Iterator[str]:
    """A row for each argument and option."""
    params = [
        param for param in command.params if param.name not in _EVERYWHERE and not getattr(param, "hidden", False)
    ]
    if params:
        yield "| option | meaning | default |\n|---|---|---|\n" + "\n".join(map(_row, params))


def _row(param: Any) -> str:
    if param.param_type_name == "argument":
        names = param.metavar or param.name.upper()
    else:
        names = ", ".join((*param.opts, *param.secondary_opts))
    annotation = param.type_descriptor.annotation
    choices = get_args(annotation) if get_origin(annotation) is Literal else ()
    meaning = (param.help or "") + (f" One of {', '.join(f'`{each}`' for each in choices)}." if choices else "")
    return f"| `{names}` | {_cell(meaning)} | {_default(param)} |"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def page() -> str:
    """The whole page."""
    parts = [HEAD.rstrip("\n")]
    for name, command in _commands(typer.main.get_command(app), "ebb"):
        parts += [f"## {name}", *_text(command.callback.__doc__ or command.help), *_table(command)]
    return "\n\n".join(parts) + "\n"


def main(arguments: list[str]) -> int:
    """Writes the page, or with --check says whether it is up to date."""
    if arguments == ["--check"]:
        current = PAGE.exists() and PAGE.read_text(encoding="utf-8") == page()
        if not current:
            sys.stderr.write("docs/commands.md does not match the commands of ebb/: run make docs.\n")
        return not current
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
