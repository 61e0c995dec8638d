"""The words that docs/style.md lists, and the length of sentences and lines."""

import ast
import io
import re
import tokenize
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.docs.pages import CHANGELOG, EXAMPLES, PAGES, ROOT

PAGE = ROOT / "docs/style.md"
#: The list itself, and this file with its examples.
EXCEPTIONS = {PAGE, Path(__file__)}
#: Our files that are not Python, by name: others are the user's, and so are the stack files, except the demo's.
OTHERS = [
    *(str(page.relative_to(ROOT)) for page in (*PAGES, CHANGELOG)),
    *("pyproject.toml", "requirements.txt", "requirements-dev.txt", "constraints.txt", "Makefile", ".gitignore"),
    *("Pulumi.yaml", "Pulumi.sandbox.yaml", "docs/Pulumi.ten-tasks.yaml", ".pre-commit-config.yaml"),
    *(f"examples/{name}/Pulumi.{name}.yaml" for name in EXAMPLES),
    *(f".github/workflows/{name}.yml" for name in ("deploy", "preview", "release", "tests")),
    *(f".github/ISSUE_TEMPLATE/{name}.yml" for name in ("bug", "config", "idea")),
    *(".github/dependabot.yml", ".github/pull_request_template.md", "tests/stacks/*.yaml"),
]
MAX_WORDS = 25
MAX_LINE = 120


def files() -> list[Path]:
    """All files with words of ours. Those in Python are the ones that ruff checks: the others are the user's."""
    ruff = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]
    patterns = [one for pattern in ruff["include"] for one in alternatives(pattern)] + OTHERS
    return sorted({path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file()} - EXCEPTIONS)


def alternatives(pattern: str) -> list[str]:
    """A glob pattern with {one,two} as several patterns."""
    before, opened, rest = pattern.partition("{")
    inside, _, after = rest.partition("}")
    return [f"{before}{word}{after}" for word in inside.split(",")] if opened else [pattern]


def listed() -> dict[str, str]:
    """Each word of the page's table, and what to write."""
    rows = [line.strip("|").split("|") for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    return {word: instead.strip() for words, instead in rows[1:] for word in words.strip().split(", ")}


WORDS = listed()
PATTERN = re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, sorted(WORDS, key=len, reverse=True)))})(?![\w-])", re.I)


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Line number and text of each comment, string or paragraph of a file."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        yield from python_texts(text)
    elif path.suffix == ".md":
        yield from paragraphs(text)
    else:
        for number, line in enumerate(text.splitlines(), 1):
            comment = re.search(r"(?:^|\s)#+ (.*)|description: *(.*)", line)
            if comment:
                yield number, comment[1] or comment[2]


@cache
def nodes(text: str) -> list[ast.AST]:
    return list(ast.walk(ast.parse(text)))


def python_texts(text: str) -> Iterator[tuple[int, str]]:
    for node in nodes(text):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, node.value
    yield from comments(text)


def docstrings(text: str) -> Iterator[tuple[int, str]]:
    """Line number and text of each paragraph, except examples (typer's \\b) and tables, which have wide spaces."""
    for node in nodes(text):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (found := ast.get_docstring(node)):
            for paragraph in found.split("\n\n"):
                if not paragraph.startswith("\b") and not re.search(r"\S {3}", paragraph):
                    yield node.body[0].lineno, paragraph


@cache
def comments(text: str) -> list[tuple[int, str]]:
    found = []
    number, block = 0, list[str]()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type != tokenize.COMMENT:
            continue
        if block and token.start[0] != number + 1:
            found.append((number, " ".join(block)))
            block = []
        number = token.start[0]
        block.append(token.string.lstrip("#: "))
    if block:
        found.append((number, " ".join(block)))
    return found


def paragraphs(text: str) -> Iterator[tuple[int, str]]:
    """Text outside code blocks and HTML comments; a table's row is a paragraph."""
    for pattern in (r"^```.*?^```$", r"<!--.*?-->", r"`[^`]*`"):
        word = "CODE" if pattern.startswith("`") else ""
        text = re.sub(pattern, lambda found, word=word: "\n" * found[0].count("\n") + word, text, flags=re.M | re.S)
    for found in re.finditer(r"^\|.*$|(?:^(?!\|).+\n?)+", text, re.M):
        yield text.count("\n", 0, found.start()) + 1, found[0]


def sentences(paragraph: str) -> Iterator[str]:
    """A paragraph's sentences; an item of a list is one, too."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", paragraph)
    plain = re.sub(r"https?://\S+", "URL", plain)
    plain = re.sub(r"`[^`]*`", "CODE", re.sub(r"\([^()]*\)", "", plain))
    for item in re.split(r"\n\s*(?:[-*>]|\d+\.) |^#+ ", plain, flags=re.M):
        yield from re.split(r"(?<=[.!?])\"?\s+", " ".join(item.split()))


def place(path: Path, number: int) -> str:
    return f"{path.relative_to(ROOT)}:{number}"


@pytest.mark.parametrize("room", sorted({path.relative_to(ROOT).parts[0] for path in files()}))
def test_no_listed_word_is_used(room: str) -> None:
    found = [
        f"{place(path, number + text.count(chr(10), 0, match.start()))}: {match[1]!r}: write {WORDS[match[1].lower()]}"
        for path in files()
        if path.relative_to(ROOT).parts[0] == room
        for number, text in texts(path)
        for match in PATTERN.finditer(re.sub(r"`[^`]*`", lambda code: "x" * len(code[0]), text))
    ]
    assert found == []


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """Line number and text of each paragraph that has sentences."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        yield from ((number, each) for number, each in paragraphs(text) if not each.startswith("|"))
    elif path.suffix == ".py":
        yield from docstrings(text)
        yield from comments(text)


def test_sentences_have_at_most_25_words() -> None:
    long = [
        f"{place(path, number)}: {len(sentence.split())} words: {sentence[:80]}"
        for path in files()
        for number, paragraph in prose(path)
        for sentence in sentences(paragraph)
        if len(sentence.split()) > MAX_WORDS
    ]
    assert long == []


def without_output(text: str) -> str:
    """A page with empty lines for what a program printed."""
    return re.sub(r"^```text$.*?^```$", lambda found: "\n" * found[0].count("\n"), text, flags=re.MULTILINE | re.DOTALL)


def test_lines_of_the_documents_have_at_most_120_characters() -> None:
    long = [
        f"{place(path, number)}: {len(line)} characters"
        for path in files()
        if path.suffix == ".md"
        for number, line in enumerate(without_output(path.read_text(encoding="utf-8")).splitlines(), 1)
        if len(line) > MAX_LINE and not line.startswith("|") and "](http" not in line
    ]
    assert long == []


# the checks themselves


def test_the_user_s_files_are_left_out_and_ours_are_not() -> None:
    names = {str(path.relative_to(ROOT)) for path in files()}
    assert {
        "README.md",
        "Makefile",
        "Pulumi.sandbox.yaml",
        "worker/demo.py",
        "worker/core/core.py",
        "docs/worker.md",
    } <= names
    assert names.isdisjoint({"worker/handler.py", "worker/Dockerfile", "worker/requirements.txt", "Pulumi.dev.yaml"})


def test_the_list_has_words() -> None:
    assert WORDS["at the most"] == "at most N, at least N, maximum, minimum"
    assert len(WORDS) >= 50


def test_a_word_is_found_in_a_comment_and_in_a_string_but_not_inside_another_word() -> None:
    source = 'x = "it tells all"  # told\nstring = "strings are foretold"\n'
    assert [match[1] for _, text in python_texts(source) for match in PATTERN.finditer(text)] == ["tells", "told"]


def test_code_is_no_sentence_and_a_list_s_items_are() -> None:
    page = "One two `a\nb c`.\nThree:\n\n```sh\none two three\n```\n- four\n- five six\n"
    found = [sentence for _, paragraph in paragraphs(page) for sentence in sentences(paragraph) if sentence]
    assert found == ["One two CODE.", "Three:", "- four", "five six"]


def test_a_sentence_ends_at_its_full_stop_and_a_source_does_not_count() -> None:
    text = 'One: two; three (SQS API, "Send and receive"). It says "four. five." Six `x y z`?'
    assert list(sentences(text)) == ["One: two; three .", 'It says "four.', "five.", "Six CODE?"]


def test_docstrings_and_comments_have_sentences_and_examples_have_none() -> None:
    source = '"""One.\n\n\b\ntwo\n\n{}   three\n"""\n# four\n# five\nx = "six"\n'
    assert [text for _, text in (*docstrings(source), *comments(source))] == ["One.", "four five"]
