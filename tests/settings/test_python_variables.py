"""Variables that Python reads itself: what is refused does break this Python, and what is accepted does not."""

import subprocess
import sys

import pytest

from settings.python_variables import BREAK_PYTHON, VALUES, problem

#: A value that is accepted and one that is refused, where Python 3.11 knows the variable.
EXAMPLES = {
    "PYTHONHASHSEED": ("4294967295", "4294967296"),
    "PYTHONINTMAXSTRDIGITS": ("640", "639"),
    "PYTHONIOENCODING": ("latin-1:replace", "utf-9"),
    "PYTHONMALLOC": ("malloc_debug", "jemalloc"),
    "PYTHONTRACEMALLOC": ("1", "65536"),
    "PYTHONUTF8": ("0", "yes"),
}


def start(**environment: str) -> int:
    """How a Python with this environment ends that should end with 7."""
    program = [sys.executable, "-S", "-c", "raise SystemExit(7)"]
    nowhere = subprocess.DEVNULL
    return subprocess.run(
        program, env=environment, check=False, stdin=nowhere, stdout=nowhere, stderr=nowhere
    ).returncode


@pytest.mark.parametrize("name", EXAMPLES)
def test_python_starts_with_what_is_accepted_and_not_with_what_is_refused(name: str) -> None:
    good, bad = EXAMPLES[name]
    assert (problem(name, good), start(**{name: good})) == (None, 7)
    assert problem(name, bad) == f"must be {VALUES[name].words}: with another value Python does not start"
    assert start(**{name: bad}) != 7


@pytest.mark.parametrize("name", ["PYTHONHOME", "PYTHONINSPECT", "PYTHONPLATLIBDIR"])
def test_with_a_variable_that_is_refused_python_does_not_end_as_it_should(name: str) -> None:
    assert name in BREAK_PYTHON
    assert start(**{name: "/opt"}) != 7


def test_an_empty_variable_and_others_are_accepted() -> None:
    for name, value in {"PYTHONUTF8": "", "PYTHONUNBUFFERED": "x", "PYTHONWARNINGS": "error", "PATH": "/"}.items():
        assert problem(name, value) is None


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("PYTHONUTF8", "0 or 1"),
        ("PYTHON_GIL", "1"),
        ("PYTHON_CPU_COUNT", "default or a whole number from 1 to 2147483647"),
        (
            "PYTHONMALLOC",
            "default, debug, malloc, malloc_debug, mimalloc, mimalloc_debug, pymalloc or pymalloc_debug",
        ),
    ],
)
def test_the_values_are_in_words(name: str, words: str) -> None:
    assert VALUES[name].words == words
    for value in ("", "-1", "٣", "1 ", "x"):
        assert (problem(name, value) is None) == (value == "")
