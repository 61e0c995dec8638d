"""Writes what commands print into docs/scaling.md; with --check it says whether the quick ones still print that.

A block is

    <!-- python -m ebb forecast …: quick -->
    (what it prints, fenced unless it is a table)
    <!-- end -->

where `: quick` marks what takes a second or two. Forecasts are reproducible by their seed, so that a block is the same
where it is written. Run as `python -m tools.scaling_docs` (`make forecast-report`) from the project's folder.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

from typer.testing import CliRunner

from ebb import project
from ebb.cli import app

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "scaling.md"
#: The stacks as they are delivered: a user's edits of the root's stack files do not change the page.
STACKS = ROOT / "tests" / "stacks"
_BLOCK = re.compile(r"<!-- (python -m [^\n]*?)(: quick)? -->\n.*?<!-- end -->", re.DOTALL)
#: Of the page; a terminal's as wide.
COLUMNS = 100


def commands(page: str) -> list[tuple[str, bool]]:
    """The commands of a page, and whether each is quick."""
    return [(found[1], bool(found[2])) for found in _BLOCK.finditer(page)]


def printed(command: str) -> str:
    """What a command prints, as it stands on the page. Raises CalledProcessError or the error of a forecast."""
    terminal = {"COLUMNS": str(COLUMNS), "NO_COLOR": "1", "TERM": "dumb"}
    module, *arguments = shlex.split(command)[2:]
    if module == "ebb":
        with patch.object(project, "ROOT", STACKS):
            output = CliRunner().invoke(app, arguments, env=terminal, catch_exceptions=False).stdout
    else:
        argv = [sys.executable, "-m", module, *arguments]
        output = subprocess.run(
            argv, env=os.environ | terminal, cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
    text = "\n".join(line.rstrip() for line in output.strip().splitlines())
    return text if text.startswith("|") else f"```text\n{text}\n```"


def rewritten(page: str, quick_only: bool, run: Callable[[str], str] = printed) -> str:
    """The page with what its commands print now, or the quick ones."""

    def block(found: re.Match[str]) -> str:
        command, quick = found[1], found[2] or ""
        return found[0] if quick_only and not quick else f"<!-- {command}{quick} -->\n{run(command)}\n<!-- end -->"

    return _BLOCK.sub(block, page)


def main(arguments: list[str]) -> int:
    """Writes or checks the page; the exit code says whether it is current."""
    page = PAGE.read_text(encoding="utf-8")
    check = arguments == ["--check"]
    new = rewritten(page, quick_only=check)
    if not check:
        PAGE.write_text(new, encoding="utf-8")
    elif new != page:
        print("docs/scaling.md is not what forecasts print: run make forecast-report.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
