"""What `ebb … --help` shows."""

import re
from collections.abc import Iterator

import pytest
import typer
from typer.testing import CliRunner

from ebb.cli import app
from ebb.help import Group, in_whole_lines


def commands(group: Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of each command and group."""
    yield path
    for name, command in group.commands.items():
        if isinstance(command, Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


ROOT = typer.main.get_command(app)
assert isinstance(ROOT, Group)


@pytest.mark.parametrize("command", list(commands(ROOT)), ids=" ".join)
def test_help_has_no_type_after_a_flag_no_braces_and_nothing_cut_off(command: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "80"})
    assert shown.exit_code == 0
    assert "--help" in shown.output
    for unwanted in ("<bool>", r"\{\w", "… "):  # an example may have a job's JSON
        assert not re.search(unwanted, shown.output), shown.output


def test_an_argument_that_is_needed_stands_in_the_usage_without_braces() -> None:
    shown = CliRunner().invoke(app, ["move", "--help"], env={"COLUMNS": "80"}).output
    assert "Usage: root move [OPTIONS] SOURCE_URL " in shown


def test_a_paragraph_is_one_line_and_examples_keep_theirs() -> None:
    assert in_whole_lines("One\n    two.\n\n    Three\n    four.\n\n    \b\n    a\n    b") == (
        "One two.\n\nThree four.\n\n\b\na\nb"
    )
