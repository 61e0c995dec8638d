"""Small programs of the tests. The path of this interpreter may have spaces: no `#!` line can name it then."""

import shlex
import sys

#: The beginning of an executable Python script: the shell starts this interpreter, for which the lines are a string.
PYTHON = f"#!/bin/sh\n'''exec' {shlex.quote(sys.executable)} \"$0\" \"$@\"\n' '''\n"


def program(*words: object) -> str:
    """A program that runs these words, and then its own arguments."""
    return f'#!/bin/sh\nexec {shlex.join(map(str, words))} "$@"\n'
