import random
from pathlib import Path

import pytest

from tests.chaos.wire import SHORT, SHORT_FIFO, Size, run


@pytest.mark.parametrize("size", [SHORT, SHORT_FIFO], ids=["standard", "fifo"])
def test_workers_keep_their_jobs_through_kills_freezes_and_cuts(tmp_path: Path, size: Size) -> None:
    seed = random.SystemRandom().randrange(10**6)
    findings = run(tmp_path, seed, size)
    assert findings.violations == [], f"seed {seed}"
    assert findings.counts["sent"] == size.messages
    assert findings.counts["done"] + findings.counts["dead letters"] >= size.messages
    assert findings.counts["workers"] > size.workers  # some were killed or stopped, and had successors
