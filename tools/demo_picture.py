"""Writes docs/demo.svg, which plays what `make demo` prints: `python -m tools.demo_picture` (`make picture`).

The demo really runs. Each line appears in the order and at the pace of that run; long pauses are shortened. The picture
needs no fonts and no files from elsewhere.
"""

import argparse
import io
import subprocess
import sys
import textwrap
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs/demo.svg"
COMMAND = [sys.executable, "-m", "ebb", "sandbox", "demo"]
#: Columns and rows of the window.
WIDTH, HEIGHT = 100, 26
#: Seconds: the longest pause between two lines, and how long the last ones stay before it starts again.
MAX_PAUSE, HOLD = 0.8, 6.0
#: Rich's template with a window of HEIGHT rows. Inside it the whole text moves up, a row at a time.
FORMAT = """<svg viewBox="0 0 {{width}} {frame}" xmlns="http://www.w3.org/2000/svg">
<style>
.{{unique_id}}-matrix {{{{
  font: {{char_height}}px/{{line_height}}px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
  animation: play {seconds:.2f}s step-end infinite;
}}}}
@keyframes play {{{{
{frames}
}}}}
{{styles}}
</style>
<defs><clipPath id="window"><rect width="{{terminal_width}}" height="{window}"/></clipPath>{{lines}}</defs>
<rect x="1" y="1" width="{{terminal_width}}" height="{panel}" rx="8" fill="#292929"/>
<g fill="#ffffff"><circle cx="22" cy="20" r="6" fill="#ff5f57"/><circle cx="42" cy="20" r="6" fill="#febc2e"/>
<circle cx="62" cy="20" r="6" fill="#28c840"/></g>
<g transform="translate({{terminal_x}}, {{terminal_y}})" clip-path="url(#window)">
<g class="{{unique_id}}-matrix" transform="translate(0 {rest:.1f})">{{backgrounds}}{{matrix}}</g></g>
</svg>
"""
#: Pixels of a row (rich: 1.22 times the letters' 20), and above the first row.
ROW, TITLE = 24.4, 41


@dataclass(frozen=True)
class Line:
    """A printed line, and when it was printed: seconds since the start."""

    seconds: float
    text: str


def record(command: Sequence[str]) -> list[Line]:
    """What a command prints. Raises RuntimeError if it fails."""
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout  # noqa: S101 - a pipe was asked for
        lines = [Line(time.monotonic() - began, shareable(line.rstrip("\n"))) for line in process.stdout]
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with exit code {process.returncode}.")
    return lines


def shareable(text: str) -> str:
    """A line without the names of this machine's folders."""
    return text.replace(str(ROOT), ".").replace(str(Path.home()), "~")


def moments(lines: Sequence[Line]) -> list[float]:
    """When each line appears in the picture, in seconds: as in the run, with pauses of at most MAX_PAUSE."""
    pauses = [min(after.seconds - before.seconds, MAX_PAUSE) for before, after in pairwise(lines)]
    return list(accumulate(pauses, initial=MAX_PAUSE))


def picture(lines: Sequence[Line]) -> str:
    """The animated picture as SVG. At each moment the newest line is the last one in the window."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), highlight=False)
    lines = [Line(line.seconds, part) for line in lines for part in wrapped(line.text)]
    for line in lines:
        console.print(styled(line.text))
    times = moments(lines)
    seconds = times[-1] + HOLD
    shifts = [HEIGHT - shown for shown in range(len(lines) + 1)]  # rows
    frames = []
    for moment, shift in zip([0.0, *times], shifts, strict=True):
        frames.append(f"{moment / seconds:.2%} {{{{ transform: translateY({shift * ROW:.1f}px) }}}}")
    template = FORMAT.format(
        rest=shifts[-1] * ROW,
        seconds=seconds,
        frames="\n".join(frames),
        window=HEIGHT * ROW + 4,
        panel=HEIGHT * ROW + TITLE + 8,
        frame=HEIGHT * ROW + TITLE + 12,
    )
    return console.export_svg(title="", code_format=template, unique_id="demo")


def wrapped(text: str) -> list[str]:
    """A line as the rows that it fills."""
    return textwrap.wrap(text, WIDTH, subsequent_indent="  ", break_on_hyphens=False) if len(text) > WIDTH else [text]


def styled(text: str) -> Text:
    """A line with its colours: headings are bold, what is true is green."""
    line = Text.from_ansi(text)
    line.highlight_regex(r"^── .*", "bold")
    line.highlight_regex(r"[✓✔]", "green")
    return line


if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m tools.demo_picture", description=__doc__).parse_args()
    started = Line(0.0, "$ make demo")
    PICTURE.write_text(picture([started, *record(COMMAND)]), encoding="utf-8")
