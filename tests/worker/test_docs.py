"""docs/worker.md: its example of a handler with a unit test runs, and its table of exit codes is complete."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.helpers.waiting import LIMIT
from worker import config, run_once
from worker.core.endings import Ending
from worker.metrics import COUNTERS

ROOT = Path(run_once.__file__).parents[1]
PAGE = (ROOT / "docs/worker.md").read_text()


def test_the_example_of_a_handler_passes_its_unit_test(tmp_path: Path) -> None:
    examples = re.findall(r"<!-- example: (\S+) -->\n```python\n(.*?)```", PAGE, re.DOTALL)
    assert [name for name, _ in examples] == ["resize.py", "test_resize.py"]
    for name, text in examples:
        (tmp_path / name).write_text(text)
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error", "--rootdir", str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    done = subprocess.run(
        [*argv, str(tmp_path)],
        check=False,
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


def test_every_exit_code_of_once_is_documented() -> None:
    _, _, section = PAGE.partition("## Try a job without a queue")
    documented = {int(code) for code in re.findall(r"^\| (\d+) ", section.partition("\n## ")[0], re.MULTILINE)}
    assert documented == {*run_once.EXIT_CODES.values(), os.EX_USAGE, os.EX_CONFIG}


def test_every_log_event_of_an_ending_and_every_metric_is_documented() -> None:
    assert [ending for ending in Ending if f"| `{ending}` |" not in PAGE] == []
    assert [metric for metric in COUNTERS.values() if f"`{metric}`" not in PAGE] == []


def test_every_variable_of_a_worker_is_documented() -> None:
    names = set(re.findall(r'"((?:EBB|AWS)_[A-Z0-9_]+)"', Path(config.__file__).read_text()))
    assert len(names) >= 17
    assert [name for name in sorted(names) if f"`{name}`" not in PAGE] == []
