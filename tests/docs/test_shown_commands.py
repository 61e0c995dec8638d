"""Each `ebb …` that a page or a message shows exists: the command, its options with their values, its arguments.

The commands' own parsers read the lines. No command runs.
"""

import re
import shlex
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import typer

from ebb.cli import app
from tests.docs.pages import ROOT

EBB: Any = typer.main.get_command(app)
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
PAGES += sorted(page for folder in ("docs", "examples") for page in (ROOT / folder).rglob("*.md"))
#: Rooms whose sentences name commands.
ROOMS = ("components", "ebb", "policy", "settings", "worker")
#: Each inline command of these pages is a step that is copied, so it has all that it needs.
PROCEDURES = (ROOT / "docs/runbook.md",)

_BLOCK = re.compile(r"^( *)```\w*\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(ebb\s[^`]+)`")
#: What ends a simple command of a shell, and what names a file behind it.
_ENDS, _FILES = {"|", "||", "&", "&&", ";", "(", ")"}, {"<", ">", ">>", ">&"}
#: A part of a sentence that the program fills in, and a word for any command.
_FILLED, _ANY = re.compile(r"\{[^}]*\}"), {"COMMAND", "…"}


def simple_commands(line: str) -> Iterator[list[str]]:
    """The words of each command of a line of shell, without files of redirections and a comment."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    tokens = iter(lexer)
    for token in tokens:
        if token in _ENDS:
            yield words
            words = []
        elif token in _FILES:
            next(tokens)
        else:
            words.append(token)
    yield words


def of_ebb(line: str) -> Iterator[list[str]]:
    """The words behind `ebb` of each such command in a line of shell."""
    if not re.search(r"\bebb ", line):
        return
    try:
        found = list(simple_commands(line.strip().removeprefix("$ ")))
    except ValueError:  # what a command printed
        return
    for words in found:
        left = words[words.index("do") + 1 :] if "do" in words else words
        if left[:1] and Path(left[0]).name == "ebb":
            yield left[1:]
        elif left[1:3] == ["-m", "ebb"]:
            yield left[3:]


def problem(words: list[str], *, whole: bool) -> str:
    """What is wrong with a command line. `whole`: what is required must be there."""
    path, command = "ebb", EBB
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        path, command, words = f"{path} {words[0]}", command.commands.get(words[0]), words[1:]
        if command is None:
            return f"there is no {path}"
    context = command.context_class(command, info_name=path)
    try:
        with context:
            given, left, _ = command.make_parser(context).parse_args(list(words))
            if left and not hasattr(command, "commands"):
                return f"{path} takes no {left[0]}"
            for param in command.get_params(context):
                value = given.get(param.name)
                missing = value is None or value == ()
                if missing and param.required and whole and "--help" not in words:
                    return f"{path} needs {param.opts[0]}"
                kind = getattr(param, "type_descriptor", None)
                a_file = kind is None or kind.is_path or kind.is_file
                # an example's file does not exist, the shell fills in a variable, and a callback would run
                if not (missing or a_file or param.callback or "$" in str(value)):
                    param.process_value(context, value)
    except Exception as error:  # the library has one class for each kind of wrong use
        return f"{path}: {getattr(error, 'message', error)}"
    return ""


def of_page(page: Path) -> Iterator[tuple[str, bool]]:
    """The lines of commands of a page, and whether each is whole."""
    text = page.read_text(encoding="utf-8")
    for _, block in _BLOCK.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            yield line, True
    for inline in _INLINE.findall(_BLOCK.sub("", text)):
        yield " ".join(inline.split()), page in PROCEDURES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_command_of_a_page_exists_with_its_options_and_arguments(page: Path) -> None:
    lines = [(words, whole) for line, whole in of_page(page) for words in of_ebb(line) if words[0] not in _ANY]
    wrong = {" ".join(words): problem(words, whole=whole) for words, whole in lines}
    assert {line: said for line, said in wrong.items() if said} == {}


def test_each_command_that_a_message_names_exists() -> None:
    wrong = {}
    for source in (path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        for inline in _INLINE.findall(source.read_text(encoding="utf-8")):
            for words in of_ebb(_FILLED.sub("filled", inline)):
                if words[0] not in _ANY and (said := problem(words, whole=False)):
                    wrong[f"{source.name}: {inline}"] = said
    assert wrong == {}


def test_a_command_line_that_is_wrong_is_found() -> None:
    whole = partial(problem, whole=True)
    assert whole(["status", "--stack", "prod", "--json"]) == ""
    assert whole(["states"]) == "there is no ebb states"
    assert whole(["dlq", "move", "--stack", "prod"]) == "there is no ebb dlq move"
    assert whole(["status"]) == "ebb status needs --stack"
    assert whole(["why", "--stack", "prod"]) == "ebb why needs job"
    assert whole(["status", "--stack", "prod", "now"]) == "ebb status takes no now"
    assert "--every" in whole(["status", "--stack", "prod", "--every"])
    assert "valid integer" in whole(["wake", "--stack", "prod", "--tasks", "eleven"])
    assert problem(["status"], whole=False) == ""


def test_the_commands_of_a_line_of_shell_are_found() -> None:
    assert list(of_ebb("$ ebb send --key a < jobs.jsonl && ebb dlq list --json | jq '.[0]' > x  # first")) == [
        ["send", "--key", "a"],
        ["dlq", "list", "--json"],
    ]
    assert list(of_ebb(".venv/bin/ebb status; python -m ebb logs")) == [["status"], ["logs"]]
    assert list(of_ebb("Stack ebb says so")) == []
