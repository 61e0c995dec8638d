"""Variables that Python itself reads, with values with which the worker or its processes do not work.

They are from the Python documentation, "Environment variables", for 3.11 to 3.14. Others are accepted: they change what
the job sees, or how fast it is.
"""

import codecs
from collections.abc import Callable
from dataclasses import dataclass

#: They move Python's library, the worker or the interpreter to another place. PYTHONINSPECT replaces the exit code.
BREAK_PYTHON = ("PYTHONEXECUTABLE", "PYTHONHOME", "PYTHONINSPECT", "PYTHONPLATLIBDIR", "PYTHONSAFEPATH")
_MALLOCS = ["default", "debug", "malloc", "malloc_debug", "mimalloc", "mimalloc_debug", "pymalloc", "pymalloc_debug"]


@dataclass(frozen=True)
class Values:
    """The values with which Python starts, in words and as a check."""

    words: str
    accepted: Callable[[str], bool]


def _one_of(*values: str) -> Values:
    return Values(" or ".join((", ".join(values[:-1]), values[-1]) if len(values) > 1 else values), values.__contains__)


def _whole(low: int, high: int, *more: str) -> Values:
    def accepted(text: str) -> bool:
        return text in more or (text.isascii() and text.isdecimal() and len(text) <= 10 and low <= int(text) <= high)

    words = "".join(f"{value} or " for value in more)
    return Values(f"{words}a whole number from {low} to {high}", accepted)


def _encoding(text: str) -> bool:
    try:
        codecs.lookup(text.partition(":")[0] or "utf-8")
    except (LookupError, ValueError):
        return False
    return True


VALUES = {
    "PYTHONHASHSEED": _whole(0, 4_294_967_295, "random"),
    "PYTHONINTMAXSTRDIGITS": _whole(640, 2_147_483_647, "0"),
    "PYTHONIOENCODING": Values("an encoding of Python, such as utf-8 or utf-8:replace", _encoding),
    "PYTHONMALLOC": _one_of(*_MALLOCS),
    "PYTHONTRACEMALLOC": _whole(0, 65_535),
    "PYTHONUTF8": _one_of("0", "1"),
    "PYTHON_CONTEXT_AWARE_WARNINGS": _one_of("0", "1"),
    "PYTHON_CPU_COUNT": _whole(1, 2_147_483_647, "default"),
    "PYTHON_FROZEN_MODULES": _one_of("on", "off"),
    "PYTHON_GIL": _one_of("1"),  # 0 is for builds without the lock alone, where it is the default
    "PYTHON_THREAD_INHERIT_CONTEXT": _one_of("0", "1"),
    "PYTHON_TLBC": _one_of("0", "1"),
}


def problem(name: str, value: str) -> str | None:
    """The rule that this value breaks. Python ignores a variable that is empty."""
    values = VALUES.get(name)
    if not value or values is None or values.accepted(value):
        return None
    return f"must be {values.words}: with another value Python does not start"
