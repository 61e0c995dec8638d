"""Where the engine's own lines go: a file, a progress line on a terminal, the screen with --verbose."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from ebb.errors import UserError
from ebb.sandbox.engine_log import LAST_LINES, MAX_FILES, EngineLog

LINES = [f" +  aws:sqs:Queue jobs-{number} creating" for number in range(30)]


class Screen:
    """A console whose output can be read."""

    def __init__(self, *, terminal: bool = False) -> None:
        self._file = io.StringIO()
        self.console = Console(file=self._file, force_terminal=terminal, width=200)

    @property
    def text(self) -> str:
        return self._file.getvalue()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EBB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def follow(screen: Screen, *, verbose: bool = False) -> EngineLog:
    log = EngineLog(screen.console, "demo-dev", verbose=verbose)
    with log.follow("pulumi up") as say:
        for line in LINES:
            say(line)
    with log.follow("pulumi destroy") as say:
        say("Destroying")
    return log


def test_the_lines_of_all_deployments_are_in_one_file_and_not_on_the_screen(cache: Path) -> None:
    screen = Screen()
    log = follow(screen)
    assert log.path.parent == cache / "logs"
    assert log.path.read_text().splitlines() == [*LINES, "Destroying"]
    assert screen.text == ""


def test_verbose_shows_them_as_well() -> None:
    screen = Screen()
    log = follow(screen, verbose=True)
    assert screen.text.splitlines() == [*LINES, "Destroying"] == log.path.read_text().splitlines()


def test_on_a_terminal_a_progress_line_stands_for_them_and_leaves_no_line() -> None:
    screen = Screen(terminal=True)
    follow(screen)
    assert "pulumi up" in screen.text
    assert "pulumi destroy" in screen.text
    assert screen.text.count("\n") == screen.text.count("\x1b[1A"), "each line is gone over again"


def fail(log: EngineLog, lines: list[str]) -> None:
    with log.follow("pulumi up") as say:
        for line in lines:
            say(line)
        raise UserError("refused")


def test_after_a_failure_the_last_lines_are_shown_with_the_name_of_the_file() -> None:
    screen = Screen()
    log = EngineLog(screen.console, "demo-dev", verbose=False)
    with pytest.raises(UserError, match="refused"):
        fail(log, LINES)
    head, *shown = screen.text.splitlines()
    assert head == f"The engine's last lines (all of them are in {log.path}):"
    assert shown == [f"  {line}" for line in LINES[-LAST_LINES:]]


def test_a_failure_after_verbose_lines_shows_nothing_twice() -> None:
    screen = Screen()
    with pytest.raises(UserError, match="refused"):
        fail(EngineLog(screen.console, "demo-dev", verbose=True), ["one"])
    assert screen.text == "one\n"


def test_only_the_newest_files_are_kept(cache: Path) -> None:
    (cache / "logs").mkdir(parents=True)
    for number in range(MAX_FILES + 5):
        (cache / "logs" / f"20200101-0000{number:02}-up-dev-1.log").touch()
    log = follow(Screen())
    kept = sorted((cache / "logs").iterdir())
    assert len(kept) == MAX_FILES
    assert kept[-1] == log.path
