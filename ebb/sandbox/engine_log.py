"""The engine's own lines: in a file, in a progress line on a terminal, and on the screen when the user wants them."""

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

from ebb import cache
from ebb.errors import UserError

#: Lines that are shown when the engine fails.
LAST_LINES = 20
#: Files that are kept.
MAX_FILES = 20
#: Characters of a line in the progress line.
MAX_WIDTH = 80


class EngineLog:
    """The lines of one command's deployments. `verbose`: they go to the screen as well."""

    def __init__(self, console: Console, name: str, *, verbose: bool) -> None:
        self._console, self._verbose = console, verbose
        folder = cache.folder() / "logs"
        folder.mkdir(exist_ok=True)
        for old in sorted(folder.glob("*.log"))[: 1 - MAX_FILES]:
            old.unlink(missing_ok=True)
        self.path = folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{name}-{os.getpid()}.log"
        self._last: deque[str] = deque(maxlen=LAST_LINES)

    @contextmanager
    def follow(self, title: str) -> Iterator[Callable[[str], None]]:
        """Takes the lines of one deployment. After a UserError the last ones are shown."""
        with self.path.open("a", buffering=1, encoding="utf-8") as file, self._console.status(title) as status:

            def take(line: str) -> None:
                file.write(f"{line}\n")
                self._last.append(line)
                if self._verbose:
                    self._console.out(line)
                elif text := " ".join(line.split()):
                    status.update(f"{title}: {text[:MAX_WIDTH]}")

            try:
                yield take
            except UserError:
                self._show_last()
                raise

    def _show_last(self) -> None:
        if not self._verbose:
            self._console.out(f"The engine's last lines (all of them are in {self.path}):")
            for line in self._last:
                self._console.out(f"  {line}")
