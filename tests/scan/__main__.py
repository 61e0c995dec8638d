"""Deploys stacks to the sandbox and shows what checkov and prowler find in them.

    python -m tests.scan CHECKOV PROWLER [STACK...]

CHECKOV and PROWLER are the programs' paths. It ends with 1 if one finds what docs/security.md does not explain.
"""

import sys
import tempfile
from collections import Counter
from pathlib import Path

from ebb.project import ROOT, configuration
from ebb.sandbox.demo import WORKER
from ebb.sandbox.deploy.engine import in_environment
from ebb.sandbox.deploy.fallback import InProcess
from ebb.sandbox.emulators.images import Images
from ebb.sandbox.emulators.region import Region
from ebb.sandbox.local_account import localize
from ebb.sandbox.provider.aws import Aws
from tests.scan import explained
from tests.scan.plan import plan
from tests.scan.scanners import checkov, prowler

#: The stacks of docs/security.md. `sandbox` has the job table.
STACKS = ("dev", "prod", "sandbox")


def main(programs: tuple[str, str], stacks: tuple[str, ...]) -> int:
    """1 if there is a finding without an explanation."""
    with tempfile.TemporaryDirectory() as folder:
        print("prowler reads the empty account", flush=True)
        with Region() as region:
            empty = prowler(programs[1], region, Path(folder))
        failed = [stack for stack in stacks if not _scan(programs, stack, empty)]
    if failed:
        print(f"\nNot explained in docs/security.md: see {', '.join(failed)} above.")
    return int(bool(failed))


def _scan(programs: tuple[str, str], stack: str, empty: Counter[str]) -> bool:
    """Whether each finding in the stack is explained."""
    with Region() as region, tempfile.TemporaryDirectory() as name, in_environment(region.environment()):
        folder = Path(name)
        images = Images(region, instead=WORKER)
        # no task runs here, so none can check the image
        config = localize(configuration(stack, {"ebb:worker": {"check": False}}), region.region)
        deployment = InProcess(Aws(region.client), images, ROOT, stack, config)
        deployment.up()
        found = {
            "checkov": checkov(programs[0], plan(deployment.resources()), folder),
            "prowler": prowler(programs[1], region, folder) - empty,
        }
    reported = [_report(scanner, stack, failed) for scanner, failed in found.items()]
    return all(reported)


def _report(scanner: str, stack: str, failed: Counter[str]) -> bool:
    """Prints the findings. Returns whether all are explained."""
    known = explained.checks(scanner, stack)
    print(f"\n{stack}: {scanner} finds {failed.total()}, of which {_unexplained(failed, known).total()} unexplained")
    for check, count in sorted(failed.items()):
        print(f"  {check} {count}{'' if check in known else '  NOT EXPLAINED'}")
    for check in sorted(known - failed.keys()):
        print(f"  {check} is explained, but is not found any more")
    return failed.keys() <= known


def _unexplained(failed: Counter[str], known: frozenset[str]) -> Counter[str]:
    return Counter({check: count for check, count in failed.items() if check not in known})


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main((sys.argv[1], sys.argv[2]), tuple(sys.argv[3:]) or STACKS))
