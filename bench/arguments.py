"""The command lines of the benches: one number, which the user may leave out."""

import argparse
from collections.abc import Sequence


def number(given: Sequence[str] | None, name: str, default: int, what: str, *, program: str, about: str | None) -> int:
    """The number in the arguments, of 1 or more; its default if there is none. Ends the program after --help."""
    parser = argparse.ArgumentParser(
        prog=program, description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(name, nargs="?", type=_positive, default=default, help=f"{what}; default: {default}")
    found: int = getattr(parser.parse_args(given), name)
    return found


def _positive(text: str) -> int:
    try:
        found = int(text)
    except ValueError:
        found = 0
    if found < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 on, not {text!r}.")
    return found
