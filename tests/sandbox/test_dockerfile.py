"""The syntax of Dockerfiles, from examples of Docker's reference."""

import pytest

from ebb.sandbox.emulators.dockerfile import commands, expand, instructions


def parsed(text: str) -> list[tuple[str, str]]:
    return [(found.name, found.rest) for found in instructions(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM a\nrun b", [("FROM", "a"), ("RUN", "b")]),
        ("\ufeffFROM a".lstrip("\ufeff"), [("FROM", "a")]),
        ("FROM a\r\nENV\tB c\r\n", [("FROM", "a"), ("ENV", "B c")]),
        ("# comment\n  # another\n\nFROM a", [("FROM", "a")]),
        ("RUN a && \\\n    b", [("RUN", "a &&     b")]),
        ("RUN a \\\n# why\n  \\\n\n  b\nUSER c", [("RUN", "a     b"), ("USER", "c")]),
        ("# syntax=x\n# escape=`\nCOPY a `\n  c:\\\nUSER b", [("COPY", "a   c:\\"), ("USER", "b")]),
        ("RUN a \\", [("RUN", "a")]),
        ("RUN\nUSER b", [("USER", "b")]),
        ("RUN echo 'a#b' # c", [("RUN", "echo 'a#b' # c")]),
    ],
)
def test_instructions_are_joined_lines_without_comments(text: str, expected: list[tuple[str, str]]) -> None:
    assert parsed(text) == expected


def test_flags_come_before_the_rest() -> None:
    (copy, run) = instructions("COPY --from=build --chown=1:1 --link /a /b\nRUN --mount=type=cache,target=/x a --b=c")
    assert (copy.flags, copy.rest) == (["--from=build", "--chown=1:1", "--link"], "/a /b")
    assert (run.options("--mount"), run.rest) == (["type=cache,target=/x"], "a --b=c")


def test_here_documents_belong_to_their_instruction() -> None:
    text = (
        'RUN <<EOF\nFROM x\nEOF\nCOPY <<a.txt <<-"B" /d/\n1\na.txt\n\t2\n\tB\nRUN cat <<< word && x=$((1<<2))\nUSER b'
    )
    run, copy, here_string, user = instructions(text)
    assert (run.documents, run.script) == ([("EOF", "FROM x\n")], "<<EOF\nFROM x\n")
    assert copy.documents == [("a.txt", "1\n"), ("B", "\t2\n")]
    assert here_string.documents == []
    assert (user.name, user.rest) == ("USER", "b")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$A/${A}/$B/${B}", "1/1//"),
        ("${B:-x}/${A:-x}/${B-$A}", "x/1/1"),
        ("${A:+y}/${B:+y}", "y/"),
        (r"\$A", "$A"),
        ("$AB ${A#1}", " ${A#1}"),
    ],
)
def test_variables_are_replaced_as_docker_does(text: str, expected: str) -> None:
    assert expand(text, {"A": "1"}) == expected


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("apt-get update && apt-get install -y 'a b'", [["apt-get", "update"], ["apt-get", "install", "-y", "a b"]]),
        ("a; b | c\nd || e", [["a"], ["b"], ["c"], ["d"], ["e"]]),
        ("pip install \"x; python_version < '3.12'\"", [["pip", "install", "x; python_version < '3.12'"]]),
        ('["a", "b c"]', [["a", "b c"]]),
        ("a; b it's; c", [["a"]]),
    ],
)
def test_a_script_is_split_into_commands(script: str, expected: list[list[str]]) -> None:
    assert list(commands(script)) == expected
