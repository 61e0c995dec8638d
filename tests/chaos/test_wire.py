import random
from pathlib import Path

from tests.chaos.wire import SHORT, run


def test_workers_keep_their_jobs_through_kills_freezes_and_cuts(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(10**6)
    findings = run(tmp_path, seed, SHORT)
    assert findings.violations == [], f"seed {seed}"
    assert findings.counts["sent"] == SHORT.messages
    assert findings.counts["done"] + findings.counts["dead letters"] >= SHORT.messages
    assert findings.counts["workers"] > SHORT.workers  # some were killed or stopped, and had successors
