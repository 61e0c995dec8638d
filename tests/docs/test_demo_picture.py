"""The picture of the demo: every line in its order and at its time, and nothing from elsewhere."""

import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tools import demo_picture
from tools.demo_picture import HEIGHT, HOLD, MAX_PAUSE, ROW, Line

LINES = [Line(0.0, "$ make demo"), Line(0.5, "── chapter"), Line(9.5, "3 < 4 & ✓")]


def words(svg: str) -> list[str]:
    """The text of each row of a picture."""
    rows: dict[str, str] = {}
    for text in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text"):
        rows[text.attrib["y"]] = rows.get(text.attrib["y"], "") + (text.text or "")
    return [row.replace("\N{NO-BREAK SPACE}", " ").rstrip() for row in rows.values()]


def shifts(svg: str) -> list[float]:
    """Pixels by which the text is moved at each keyframe."""
    return [float(pixels) for pixels in re.findall(r"translateY\((-?[\d.]+)px\)", svg)]


def test_a_line_appears_when_it_was_printed_and_a_long_pause_is_shortened() -> None:
    assert demo_picture.moments(LINES) == [MAX_PAUSE, MAX_PAUSE + 0.5, 2 * MAX_PAUSE + 0.5]


def test_the_picture_has_each_line() -> None:
    assert words(demo_picture.picture(LINES)) == ["$ make demo", "── chapter", "3 < 4 & ✓"]


def test_a_line_that_is_too_wide_fills_several_rows() -> None:
    wide = Line(10.0, " ".join(["word"] * 30))
    svg = demo_picture.picture([*LINES, wide])
    assert [row.split() for row in words(svg)[3:]] == [["word"] * 20, ["word"] * 10]
    assert len(shifts(svg)) == 1 + len(words(svg))


def test_the_newest_line_is_always_the_last_one_in_the_window() -> None:
    svg = demo_picture.picture(LINES)
    assert shifts(svg) == [round((HEIGHT - shown) * ROW, 1) for shown in range(4)]
    assert f"play {2 * MAX_PAUSE + 0.5 + HOLD:.2f}s" in svg


def test_the_picture_needs_nothing_from_elsewhere() -> None:
    for svg in (demo_picture.picture(LINES), demo_picture.PICTURE.read_text(encoding="utf-8")):
        assert re.findall(r"href=|url\((?!#)|@import|@font-face|<(?:image|script|foreignObject)", svg) == []


def test_the_lines_of_a_command_are_recorded_as_they_are_printed() -> None:
    code = "import sys; print('one'); print('two', file=sys.stderr)"
    lines = demo_picture.record([sys.executable, "-u", "-c", code])
    assert [line.text for line in lines] == ["one", "two"]
    assert 0 < lines[0].seconds <= lines[1].seconds


def test_a_demo_that_fails_makes_no_picture() -> None:
    with pytest.raises(RuntimeError, match=r"ended with exit code 3\.$"):
        demo_picture.record([sys.executable, "-c", "raise SystemExit(3)"])


def test_the_picture_does_not_name_the_folders_of_a_machine() -> None:
    lines = demo_picture.record([sys.executable, "-c", f"print('{Path.home()}/x {demo_picture.ROOT}/y')"])
    assert [line.text for line in lines] == ["~/x ./y"]
    assert str(Path.home()) not in demo_picture.PICTURE.read_text(encoding="utf-8")
