"""The job that every contestant does: nothing, or a pause of BENCH_PAUSE seconds, as I/O would be."""

import os
import time

PAUSE = float(os.environ["BENCH_PAUSE"])


def handle(*_: object) -> None:
    """Do the job; the arguments depend on the contestant."""
    if PAUSE:
        time.sleep(PAUSE)
