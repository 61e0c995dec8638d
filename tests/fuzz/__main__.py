"""Deploys the API with a job table to the sandbox, and lets schemathesis ask what /openapi.json says.

    python -m tests.fuzz SCHEMATHESIS [EXAMPLES]

All of its checks are on but two: no 5xx, no undocumented status, content type, header or body, and no invalid input
that is accepted. It ends with 1 if one of them fails.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from ebb.sandbox.emulators.region import Region
from tests.sandbox.apis import deployed

#: Examples of each operation, by default.
EXAMPLES = 50
#: A fixed seed: a failure can be repeated.
SEED = 7
#: OpenAPI cannot say that two headers exclude each other, or that one of two parameters is needed. And DELETE cancels a
#: job, which can still be read.
LEFT_OUT = "positive_data_acceptance,use_after_free"


def main(schemathesis: str, examples: int) -> int:
    """Schemathesis's exit code."""
    settings = {"open": {"auth": "none", "rate_limit": 1e6}}
    with (
        tempfile.TemporaryDirectory() as folder,
        Region(speed=600) as region,
        deployed(region, Path(folder), settings, keep_days=1) as apis,
    ):
        url = apis.outputs["open"]
        command = (
            *(schemathesis, "run", f"{url}/openapi.json", "--url", url, "--checks", "all"),
            *("--exclude-checks", LEFT_OUT),
            *("--max-examples", str(examples), "--seed", str(SEED), "--no-color"),
        )
        return subprocess.run(command, cwd=folder, check=False).returncode


if __name__ == "__main__":
    # it runs in another folder
    sys.exit(main(str(Path(sys.argv[1]).absolute()), int(sys.argv[2]) if len(sys.argv) > 2 else EXAMPLES))
