"""Writes into docs/scaling.md what its commands print. `--check` compares what the quick commands print.

A block is

    <!-- ebb forecast …: quick -->
    (the command and its output, fenced, or a table)
    <!-- end -->

where `: quick` marks a command that takes a few seconds. A command may have several lines. The output depends on the
seed and the stack's file only. Run as `python -m tools.scaling_docs` (`make forecast-report`).
"""

import argparse
import os
import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Callable

from ebb.project import ROOT

PAGE = ROOT / "docs" / "scaling.md"
_BLOCK = re.compile(r"<!-- ((?:ebb|python -m) .*?)(: quick)? -->\n.*?<!-- end -->", re.DOTALL)
#: The terminal's width.
COLUMNS = 100


def commands(page: str) -> list[tuple[str, bool]]:
    """The commands of a page, each in one line, and whether it is quick."""
    return [(_one_line(found[1]), bool(found[2])) for found in _BLOCK.finditer(page)]


def printed(command: str) -> str:
    """The command and its output, as the page shows them. Raises CalledProcessError."""
    environment = {**os.environ, "COLUMNS": str(COLUMNS), "NO_COLOR": "1", "TERM": "dumb"}
    words = shlex.split(command)
    argv = [sys.executable, "-m", *words] if words[0] == "ebb" else [sys.executable, *words[1:]]
    done = subprocess.run(argv, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    text = "\n".join(line.rstrip() for line in done.stdout.strip().splitlines())
    if text.startswith("|"):  # a table of objectives: the exit code is 1 if one is missed
        return text
    done.check_returncode()
    return f"```text\n$ {_wrapped(command)}\n{text}\n```"


def rewritten(page: str, quick_only: bool, run: Callable[[str], str] = printed) -> str:
    """The page with the present output of its commands, or of its quick commands."""

    def block(found: re.Match[str]) -> str:
        command, quick = found[1], found[2] or ""
        if quick_only and not quick:
            return found[0]
        return f"<!-- {command}{quick} -->\n{run(_one_line(command))}\n<!-- end -->"

    return _BLOCK.sub(block, page)


def _wrapped(command: str) -> str:
    """The command in lines of COLUMNS, with each option and its value in one line."""
    options = re.sub(r"(--\S+) (?!--)", "\\1\xa0", command)
    lines = textwrap.wrap(options, COLUMNS - len("$  \\"), break_on_hyphens=False)
    return " \\\n    ".join(lines).replace("\xa0", " ")


def _one_line(command: str) -> str:
    return " ".join(command.split())


def main(arguments: list[str]) -> int:
    """Write or check the page. The exit code is 1 if a check finds a difference."""
    parser = argparse.ArgumentParser(prog="python -m tools.scaling_docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; compare the output of the quick commands")
    check = parser.parse_args(arguments).check
    page = PAGE.read_text(encoding="utf-8")
    new = rewritten(page, quick_only=check)
    if not check:
        PAGE.write_text(new, encoding="utf-8")
    elif new != page:
        print("docs/scaling.md differs from what its commands print: run make forecast-report.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
