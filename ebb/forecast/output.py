"""A page's file, and the progress bar on stderr."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ebb.errors import UserError

if TYPE_CHECKING:
    from ebb.forecast.run import Progress


@contextmanager
def progress_bar() -> Iterator["Progress"]:
    """A bar on a terminal's stderr, while the block runs."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    errors = Console(stderr=True)
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task("")
        yield lambda name, done, of: bar.update(task, description=name, completed=done, total=of)


def write_page(path: Path, text: str) -> None:
    """Write an HTML page. Raises UserError."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from error
