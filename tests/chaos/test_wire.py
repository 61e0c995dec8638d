import random
from pathlib import Path

import pytest

from tests.chaos.orders import SHORT, SHORT_FIFO, Size
from tests.chaos.wire import run


@pytest.mark.parametrize("size", [SHORT, SHORT_FIFO], ids=["standard", "fifo"])
def test_workers_keep_their_jobs_through_kills_freezes_and_cuts(tmp_path: Path, size: Size) -> None:
    seed = random.SystemRandom().randrange(10**6)
    findings = run(tmp_path, seed, size)
    assert findings.violations == [], f"seed {seed}"
    assert findings.counts["sent"] == size.messages
    cancelled = findings.counts["state cancelled"]
    assert findings.counts["done"] + findings.counts["dead letters"] + cancelled >= size.messages
    assert cancelled > 0 or not size.table
    assert findings.counts["workers"] > size.workers  # some were killed or stopped, and had successors
