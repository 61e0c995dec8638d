"""The syntax of a Dockerfile: instructions, variables, words (Docker documentation, "Dockerfile reference")."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

#: The directive that makes ` the escape character, among the comments at the top.
_BACKTICK = re.compile(r"(?:\s*#[^\n]*\n)*?\s*#\s*escape\s*=\s*`", re.IGNORECASE)
_HERE_DOCUMENT = re.compile(r"\d*<<-?([\"']?)([\w.]+)\1")
_VARIABLE = re.compile(r"\\\$|\$\{(\w+)(?::?([-+])([^}]*))?\}|\$(\w+)")
_FLAGS = re.compile(r"((?:--[a-z][\w-]*(?:=\S+)?\s+)*)(.*)", re.DOTALL)
_BETWEEN_COMMANDS = ";&|\n"


@dataclass(frozen=True)
class Instruction:
    """`name` in capitals, its flags, the rest of its line, and its here-documents by name."""

    name: str
    flags: list[str]
    rest: str
    documents: list[tuple[str, str]]

    def options(self, flag: str) -> list[str]:
        """The values of a flag, such as `--from`."""
        return [given.partition("=")[2] for given in self.flags if given.partition("=")[0] == flag]

    @property
    def script(self) -> str:
        """What RUN gives to the shell."""
        return "\n".join([self.rest, *(text for _, text in self.documents)])


def instructions(text: str) -> Iterator[Instruction]:
    """The instructions in order. Comments, and instructions without arguments, are left out."""
    escape = "`" if _BACKTICK.match(text) else "\\"
    lines = iter(text.splitlines())
    for line in lines:
        name, *rest = _whole(line, lines, escape).split(None, 1)[:2] or [""]
        if not rest:
            continue
        match = _FLAGS.fullmatch(rest[0].strip())
        assert match  # noqa: S101 - it matches any text
        names = [found[2] for word in match[2].split() if (found := _HERE_DOCUMENT.fullmatch(word))]
        documents = [(one, _document(lines, one)) for one in names if name.upper() in ("RUN", "COPY", "ADD")]
        yield Instruction(name.upper(), match[1].split(), match[2], documents)


def _whole(line: str, lines: Iterator[str], escape: str) -> str:
    """A line and those that continue it. Comments and empty lines between them do not count."""
    parts: list[str] = []
    while True:
        text = line.strip()
        comment = text.startswith("#")
        if not comment:
            parts.append(line.rstrip().removesuffix(escape))
        goes_on = any(parts) if comment or not text else text.endswith(escape)
        following = next(lines, None) if goes_on else None
        if following is None:
            return "".join(parts)
        line = following


def _document(lines: Iterator[str], end: str) -> str:
    found = []
    for line in lines:
        if line.strip() == end:
            break
        found.append(line)
    return "\n".join([*found, ""])


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replaces `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:+other}`. An unknown variable is empty."""

    def value(match: re.Match[str]) -> str:
        if match[0] == "\\$":
            return "$"
        found = variables.get(match[1] or match[4], "")
        if match[2] == "-":
            return found or expand(match[3], variables)
        return expand(match[3], variables) if match[2] and found else found

    return _VARIABLE.sub(value, text)


def words(text: str) -> list[str]:
    """Words as a shell splits them; with unbalanced quotes, at spaces."""
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def pairs(text: str, variables: Mapping[str, str]) -> dict[str, str]:
    """The NAME=VALUE pairs of ARG or ENV. A name without a value is left out."""
    split = (word.partition("=") for word in words(text))
    return {name: expand(value, variables) for name, equals, value in split if equals}


def array(text: str) -> list[str] | None:
    """The words of the exec form, a JSON array of strings. None: Docker reads the text as the shell form."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, list) and all(isinstance(word, str) for word in found) else None


def commands(script: str) -> Iterator[list[str]]:
    """The words of each simple command of a shell script, or of the exec form."""
    if (found := array(script)) is not None:
        yield found
        return
    lexer = shlex.shlex(script, posix=True, punctuation_chars=_BETWEEN_COMMANDS)
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t\r", True, ""
    command: list[str] = []
    try:
        for word in lexer:
            if set(word) <= set(_BETWEEN_COMMANDS):
                yield command
                command = []
            else:
                command.append(word)
    except ValueError:  # unbalanced quotes: the command that has them is not known
        return
    yield command
