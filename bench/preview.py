"""The cost of a preview: wall time, CPU time and peak memory of the program and of the engine.

Compares three new processes with the same imports. `packages` imports the packages of requirements.txt that the program
uses, and ends. `empty preview` also previews a program without resources. `preview` previews the real program. The
sandbox (emulators and provider) runs in this process and is not measured.

Run as `python -m bench.preview [rounds]` (`make bench`) on Linux. Figures are medians.
"""

import importlib
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from bench import arguments

PROJECT = Path(__file__).resolve().parents[1]
STACK = "dev"
KINDS = ("packages", "empty preview", "preview")
ROUNDS = 5
#: Seconds between two reads of a process's peak memory (VmHWM in /proc/PID/status, proc(5)). getrusage is no
#: alternative, because its peak begins with that of the parent process.
POLL_SECONDS = 0.01
KIB_IN_MIB = 1024


@dataclass(frozen=True)
class Cost:
    """Wall seconds, CPU seconds of the Python process, and peak MiB of the Python process and the engine."""

    seconds: float
    cpu: float
    python: float
    engine: float


def main(given: Sequence[str] | None = None) -> None:
    """Starts a region, measures, prints the table."""
    what = "how often each is measured"
    rounds = arguments.number(given, "rounds", ROUNDS, what, program="python -m bench.preview", about=__doc__)
    from ebb.project import configuration  # noqa: PLC0415
    from ebb.sandbox.deploy.engine import Deployment  # noqa: PLC0415
    from ebb.sandbox.deploy.pulumi_cli import find  # noqa: PLC0415
    from ebb.sandbox.emulators.images import Images  # noqa: PLC0415
    from ebb.sandbox.emulators.region import Region  # noqa: PLC0415
    from ebb.sandbox.provider.aws import Aws  # noqa: PLC0415 — the measured processes must not import the sandbox
    from ebb.sandbox.provider.server import serve  # noqa: PLC0415

    command = find(lambda line: print(line, file=sys.stderr))
    with Region() as region:
        provider = serve(Aws(region.client), Images(region), PROJECT)
        try:
            stack = Deployment(region, provider.port, STACK, command, configuration(STACK))
            workspace = stack._stack.workspace
            where = {"folder": workspace.work_dir, "environment": workspace.env_vars, "command": command.command}
            changes = len(stack.preview())
            measured = {kind: [measure(kind, where) for _ in range(rounds)] for kind in KINDS}
        finally:
            provider.stop()
    print(table({kind: median(costs) for kind, costs in measured.items()}, rounds, changes))


def measure(kind: str, where: dict[str, Any]) -> Cost:
    """The cost of one process of this kind."""
    environment = {**os.environ, "BENCH": json.dumps(where), "PYTHONPATH": str(PROJECT)}
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys; from bench.preview import measured; measured(sys.argv[1])", kind],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    python = engine = 0.0
    while process.poll() is None:
        python = max(python, peak(process.pid))
        engine = max([engine, *map(peak, children(process.pid))])
        time.sleep(POLL_SECONDS)
    seconds = time.perf_counter() - began
    output, _ = process.communicate()
    if process.returncode:
        sys.exit(f"{kind} failed:\n{output}")
    return Cost(seconds, float(output.splitlines()[-1]), python, engine)


def children(pid: int) -> list[int]:
    """The running child processes."""
    try:
        lists = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:  # the process has ended
        return []
    return [int(child) for text in lists for child in text.split()]


def peak(pid: int) -> float:
    """Peak resident memory so far in MiB; 0 if the process has ended."""
    try:
        found = re.search(r"^VmHWM:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) / KIB_IN_MIB if found else 0


def median(costs: list[Cost]) -> Cost:
    """The median of each figure."""
    return Cost(
        **{figure.name: statistics.median(getattr(cost, figure.name) for cost in costs) for figure in fields(Cost)}
    )


def table(costs: dict[str, Cost], rounds: int, changes: int) -> str:
    """The figures, and how much the real preview adds to the imports and to an empty preview."""
    lines = ["| process | wall time, s | CPU of Python, s | peak of Python, MiB | peak of the engine, MiB |"]
    lines += ["|---|---|---|---|---|"]
    lines += [
        f"| {kind} | {c.seconds:.2f} | {c.cpu:.2f} | {c.python:.0f} | {c.engine:.0f} |" for kind, c in costs.items()
    ]
    preview = costs["preview"]
    for base in ("packages", "empty preview"):
        other = costs[base]
        seconds = f"{preview.seconds - other.seconds:+.2f} ({preview.seconds / other.seconds:.2f} times)"
        cpu = f"{preview.cpu - other.cpu:+.2f} ({preview.cpu / other.cpu:.2f} times)"
        python = f"{preview.python - other.python:+.0f} ({preview.python / other.python:.2f} times)"
        engine = f"{preview.engine - other.engine:+.0f}" if other.engine else ""
        lines.append(f"| preview beyond {base} | {seconds} | {cpu} | {python} | {engine} |")
    machine = f"Python {platform.python_version()}, {os.cpu_count()} CPUs, {platform.system()} {platform.machine()}"
    return "\n".join([*lines, "", f"Medians of {rounds}; {STACK} with {changes} resources to create; {machine}."])


def measured(kind: str) -> None:
    """Runs in a measured process. Its last line of output is its CPU seconds."""
    import_packages()
    if kind != "packages":
        preview(json.loads(os.environ["BENCH"]), program if kind == "preview" else nothing)
    print(f"\n{time.process_time()}")


def import_packages() -> None:
    """Imports the program's packages, and the modules of pulumi_aws that it uses (they load at first use)."""
    for name in ("pulumi.automation", "pulumi_aws", "pulumi_awsx.ecr", "pydantic"):
        importlib.import_module(name)
    sources = "".join(path.read_text() for path in (PROJECT / "components").rglob("*.py"))
    for module, name in sorted(set(re.findall(r"\baws\.([a-z0-9]+)\.(\w+)", sources))):
        getattr(importlib.import_module(f"pulumi_aws.{module}"), name)


def preview(where: dict[str, Any], inline: Any) -> None:
    """Previews this program with the engine, like the sandbox."""
    from pulumi import automation as auto  # noqa: PLC0415

    stack = auto.select_stack(
        STACK,
        project_name="ebb",
        program=inline,
        opts=auto.LocalWorkspaceOptions(
            work_dir=where["folder"],
            env_vars=where["environment"],
            pulumi_command=auto.PulumiCommand(root=engine_root(where["command"]), skip_version_check=True),
        ),
    )
    stack.preview()


def engine_root(command: str) -> str | None:
    """The folder of the CLI for the SDK; None for the CLI on PATH."""
    return str(Path(command).parents[1]) if os.sep in command else None


def nothing() -> None:
    """A program without resources."""


def program() -> None:
    """The real program."""
    import runpy  # noqa: PLC0415

    runpy.run_path(str(PROJECT / "__main__.py"), run_name="__main__")


if __name__ == "__main__":
    main()
