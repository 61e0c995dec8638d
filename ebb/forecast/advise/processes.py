"""Trials of `ebb advise` in several processes, which end with the command, also after Ctrl-C."""

import os
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.pool import AsyncResult

from ebb.forecast.advise.search import Run, Trial, tried
from ebb.forecast.results.findings import Option

#: Each process needs some 80 MiB.
MAX_PROCESSES = 4


@contextmanager
def processes() -> Iterator[Run]:
    """A function that runs trials in one process for each processor, while the block runs."""
    number = min(os.cpu_count() or 1, MAX_PROCESSES)
    ours = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group: only this process acts on it
    try:
        pool = get_context("spawn").Pool(number)
    finally:
        signal.signal(signal.SIGINT, ours)
    with pool:

        def run(trials: Iterable[Trial]) -> Iterator[tuple[Trial, Option | None]]:
            pending: deque[tuple[Trial, AsyncResult[Option | None]]] = deque()
            for trial in trials:  # an iterator that can end early: few trials are handed out before they run
                pending.append((trial, pool.apply_async(tried, (trial,))))
                if len(pending) > number:
                    first, result = pending.popleft()
                    yield first, result.get()
            for first, result in pending:
                yield first, result.get()

        yield run
