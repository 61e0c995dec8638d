"""What the user's own environment says about AWS, proxies and regions does not reach the sandbox."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOREIGN = {
    "AWS_PROFILE": "not-there",
    "AWS_DEFAULT_PROFILE": "not-there",
    "AWS_REGION": "eu-west-1",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
}
TASKS_IN_A_REGION = """
from ebb.sandbox import sandbox
with sandbox.Region() as region:
    tasks = sandbox.Tasks(region, sandbox.Images(region))
    tasks.start()
    print(region.inventory(), tasks.tasks())
    tasks.stop()
"""


def test_a_profile_that_does_not_exist_and_a_proxy_do_not_stop_it() -> None:
    command = [sys.executable, "-c", TASKS_IN_A_REGION]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **FOREIGN}, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[] []\n", "")
