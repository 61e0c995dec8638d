"""The findings that docs/security.md explains."""

import tomllib
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("explained.toml")


def checks(scanner: str, stack: str) -> frozenset[str]:
    """The scanner's checks that may fail in the stack. A stack that the file does not know may have all of them."""
    known = listed()[scanner]
    stacks = {name for of in known.values() for name in of}
    return frozenset(check for check, of in known.items() if stack in of or stack not in stacks)


@cache
def listed() -> dict[str, dict[str, list[str]]]:
    """The stacks in which a check fails, by scanner and check."""
    return tomllib.loads(FILE.read_text(encoding="utf-8"))
