"""Writes the state of a release into tests/releases/: its own program deploys a stack to its own sandbox.

`python -m tools.release_state 0.2.0 v0.2.0` takes the tag's files, deploys tests/releases/Pulumi.0.2.0.yaml there, and
writes tests/releases/0.2.0.json: what `pulumi stack export` gives, without times, secrets and paths of this machine.
"""

import argparse
import io
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from ebb import project
from ebb.project import ROOT

FOLDER = ROOT / "tests" / "releases"
#: Runs in the release's files, with their sandbox. Prints the address of the region and the state.
DEPLOY = """
import json
import sys
from ebb.project import ROOT
from ebb.sandbox.deploy.engine import Deployment
from ebb.sandbox.deploy.pulumi_cli import find
from ebb.sandbox.emulators.images import Images
from ebb.sandbox.emulators.region import Region
from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.server import serve

with Region() as region:
    provider = serve(Aws(region.client), Images(region), ROOT)
    config = json.loads(sys.argv[1])
    deployment = Deployment(region, provider.port, "upgrade", find(lambda line: None), config)
    deployment.up()
    address = region.environment()["AWS_ENDPOINT_URL"]
    print(json.dumps({"address": address, "resources": deployment._stack.export_stack().deployment["resources"]}))
    provider.stop()
"""
#: What stands for the region's address.
ADDRESS = "http://region"
#: Of a resource in the state: when and where it was registered.
LEFT_OUT = {"created", "modified", "sourcePosition", "stackTrace"}


def state(revision: str, config: dict[str, Any]) -> list[dict[str, Any]]:
    """The resources of this configuration's stack as the revision of the repository deploys them."""
    archive = subprocess.run(
        ["git", "archive", revision],  # noqa: S607
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(folder, filter="data")
        command = [sys.executable, "-c", DEPLOY, json.dumps(config)]
        done = subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    resources = [_without(each) for each in found["resources"]]
    text = json.dumps(resources).replace(found["address"], ADDRESS)
    if "ciphertext" in text:
        raise ValueError("the state has an encrypted value: leave the setting that makes it out of the stack")
    if str(Path.home()) in text or folder in text:
        raise ValueError("the state has a path of this machine")
    written: list[dict[str, Any]] = json.loads(text)
    return written


def _without(resource: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in resource.items() if name not in LEFT_OUT}


def main() -> None:
    """Write the state of a release."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("version", help="of tests/releases/Pulumi.VERSION.yaml")
    parser.add_argument("revision", help="the release's tag or commit")
    given = parser.parse_args()
    resources = state(given.revision, project.configuration(given.version, folder=FOLDER))
    file = FOLDER / f"{given.version}.json"
    file.write_text(json.dumps(resources, indent=1) + "\n", encoding="utf-8")
    print(f"{file.relative_to(ROOT)}: {len(resources)} resources")


if __name__ == "__main__":
    main()
