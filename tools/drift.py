"""Shows what differs between a deployed stack's state and AWS: `python -m tools.drift STACK`. It changes nothing.

Ends with 1 if there is a difference. In a GitHub workflow the job's summary has what Pulumi printed.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from ebb.project import ROOT

#: To read an API key, or the keys of a usage plan, shows values that the role may not see (`ebb policy --role drift`).
LEFT_OUT = ("apiKey:ApiKey", "usagePlan:UsagePlan", "usagePlanKey:UsagePlanKey")
OPTIONS = (
    *("--preview-only", "--expect-no-changes", "--diff", "--non-interactive", "--color=never"),
    *(f"--exclude=**aws:apigateway/{kind}::**" for kind in LEFT_OUT),
)
#: Characters: a job's summary takes 1 MiB (GitHub documentation, "Workflow commands", job summaries).
MAX_SUMMARY = 900_000


def drift(
    stack: str, *, pulumi: str = "pulumi", folder: Path = ROOT, environment: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Pulumi's exit code, which is not 0 if something differs, and what it printed."""
    command = [pulumi, "refresh", "--stack", stack, *OPTIONS]
    done = subprocess.run(
        command, cwd=folder, env=environment, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return done.returncode, done.stdout


def summary(stack: str, code: int, printed: str) -> str:
    """The job's summary, in Markdown."""
    said = "as its state says" if code == 0 else "not as its state says, or could not be read"
    return f"## {stack} is {said}\n\n```diff\n{printed.strip()[-MAX_SUMMARY:]}\n```\n"


def main() -> int:
    """Print what differs. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.drift", description=__doc__)
    parser.add_argument("stack")
    stack = parser.parse_args().stack
    code, printed = drift(stack)
    sys.stdout.write(printed)
    if page := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(page).open("a", encoding="utf-8") as file:
            file.write(summary(stack, code, printed))
    return 1 if code else 0


if __name__ == "__main__":
    sys.exit(main())
