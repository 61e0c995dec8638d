"""checkov on a plan of the deployed resources, and prowler against the region in which they are."""

import json
import os
import subprocess
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ebb.sandbox.emulators.region import Region

#: Prowler's names of the services that have resources of a stack. What it says of others is the account's.
SERVICES = (
    *("apigateway", "cloudwatch", "dynamodb", "ec2", "ecr", "ecs", "eventbridge", "iam", "kms", "secretsmanager"),
    *("sns", "sqs", "ssm", "stepfunctions", "vpc", "wafv2"),
)
#: Seconds in which a scanner must end.
LIMIT = 1800


class ScannerError(Exception):
    """A scanner ended without findings to read."""


def checkov(program: str, plan: Mapping[str, Any], folder: Path) -> Counter[str]:
    """How often each check failed."""
    file = folder / "plan.json"
    file.write_text(json.dumps(plan))
    options = ("--framework", "terraform_plan", "--output", "json", "--compact", "--quiet", "--skip-download")
    report = json.loads(_run((program, "--file", str(file), *options), folder, "checkov", codes=(0, 1)))
    summary = report["summary"]
    if summary["parsing_errors"] or not summary["passed"]:
        raise ScannerError(f"checkov read no resources: {summary}")
    return Counter(failed["check_id"] for failed in report["results"]["failed_checks"])


def prowler(program: str, region: Region, folder: Path) -> Counter[str]:
    """How often each check failed.

    boto3 reads the address of the region from AWS_ENDPOINT_URL (AWS SDKs and tools reference guide, "Service-specific
    endpoints"). Resources that are not in use count too: nothing runs in the sandbox.
    """
    options = ("--region", region.region, "--services", *SERVICES, "--scan-unused-services")
    output = ("--output-formats", "json-ocsf", "--output-directory", str(folder), "--output-filename", "found")
    quiet = ("--no-banner", "--ignore-exit-code-3", "--aws-retries-max-attempts", "1")
    _run((program, "aws", *options, *output, *quiet), folder, "prowler", region.environment())
    found = json.loads((folder / "found.ocsf.json").read_text())
    return Counter(finding["metadata"]["event_code"] for finding in found if finding["status_code"] == "FAIL")


def _run(
    command: tuple[str, ...],
    folder: Path,
    name: str,
    environment: Mapping[str, str] | None = None,
    codes: tuple[int, ...] = (0,),
) -> str:
    """What the scanner prints. Raises ScannerError with its last lines if it fails."""
    command = (str(Path(command[0]).absolute()), *command[1:])  # it runs in another folder
    variables = {**os.environ, **(environment or {})}
    done = subprocess.run(
        command, cwd=folder, env=variables, capture_output=True, text=True, timeout=LIMIT, check=False
    )
    if done.returncode not in codes:
        raise ScannerError(f"{name} ended with {done.returncode}:\n" + (done.stderr or done.stdout)[-2000:])
    return done.stdout
