"""Breaks the worker in one place at a time, and shows that its tests notice each. `python -m tools.mutants [PATH…]`.

The list is tests/worker/mutants.toml. Each mutation is made in a temporary copy of the project, where the worker's fast
tests run until the first of them fails. PATH limits it to files of the worker that begin with it. The exit code is 1
when the tests notice nothing of a mutation and the list does not say why that is right.
"""

import argparse
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue

from worker.jobs import descendants

ROOT = Path(__file__).parents[1]
LIST = ROOT / "tests/worker/mutants.toml"
#: The fast tests of each folder; those that need no process come first.
TESTS = {
    "worker/core/": (
        *("core/test_core.py", "core/test_settling.py", "core/test_protection.py", "core/test_capacity.py"),
        *(
            "core/test_receiving.py",
            "core/test_lease.py",
            "core/test_backoff.py",
            "core/test_grace.py",
            "core/test_budgets.py",
        ),
        *("core/test_job_states.py", "core/test_simulation.py", "core/test_world.py"),
    ),
    "worker/aws/": (
        *("test_protection.py", "test_sqs.py", "test_sqs_answers.py", "test_dead_letters.py"),
        *("test_table.py", "test_event_bus.py", "test_clients.py"),
    ),
    "worker/__main__.py": ("test_connect.py",),
    "worker/jobs/": (
        *("test_child.py", "test_child_verdicts.py", "test_child_stopping.py", "test_child_bodies.py"),
        *("test_slots.py", "test_slots_starts.py", "test_slots_kills.py", "test_command.py", "test_payload.py"),
        *("test_result.py", "test_followed.py"),
    ),
}
#: Mutations at the same time.
LANES = 2
#: Seconds that a test waits for what it expects, and after which a test or all tests of a mutation hang.
WAIT_SECONDS = 30
TEST_SECONDS = 120
MUTANT_SECONDS = 600
#: pytest's exit code when a test has failed: any other but 0 is an error of the list or of this program.
FAILED = 1
NOT_COPIED = shutil.ignore_patterns(".*", "__pycache__", "node_modules")


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One mutation, and the tests that should notice it first."""

    file: str
    before: str
    after: str
    #: What it breaks: one sentence.
    breaks: str
    tests: tuple[str, ...] = ()
    #: Why no test can notice it.
    equivalent: str = ""

    def mutated(self, text: str) -> str:
        """The file's text with the mutation. Raises ValueError unless `before` is in it once."""
        if (count := text.count(self.before)) != 1:
            raise ValueError(f"{self.file} has this text {count} times, not once: {self.before!r}")
        return text.replace(self.before, self.after)

    @property
    def arguments(self) -> list[list[str]]:
        """The tests, as pytest takes them: first the likely ones, then all. (It would sort those of one file.)"""
        fast = next(tests for folder, tests in TESTS.items() if self.file.startswith(folder))
        return [[f"tests/worker/{test}" for test in tests] for tests in (self.tests, fast) if tests]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the tests said of a mutation. `noticed`: the test that failed, empty when none did."""

    noticed: str
    seconds: float


def read() -> list[Mutant]:
    """The list."""
    entries = tomllib.loads(LIST.read_text(encoding="utf-8"))["mutant"]
    return [Mutant(**(entry | {"tests": tuple(entry.get("tests", ()))})) for entry in entries]


def test(copy: Path, arguments: Iterable[str]) -> Outcome:
    """Run the tests in a copy of the project until one fails. Raises RuntimeError when they cannot run."""
    options = ("-x", "-rfE", "-m", "not slow", "-p", "no:cacheprovider", f"--timeout={TEST_SECONDS}")
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", *options, *arguments],
        cwd=copy,
        env=os.environ | {"COLUMNS": "400", "EBB_TEST_LIMIT": str(WAIT_SECONDS)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        text, _ = process.communicate(timeout=MUTANT_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return Outcome(noticed=f"none ended within {MUTANT_SECONDS} s", seconds=time.monotonic() - began)
    if process.returncode not in {0, FAILED}:
        raise RuntimeError(f"the tests cannot run:\n{text}")
    failed = re.search(r"^(?:FAILED|ERROR) (?:tests/worker/)?(\S+)", text, re.M)
    if process.returncode and not failed:
        raise RuntimeError(f"the tests do not say which of them failed:\n{text}")
    return Outcome(noticed=failed[1] if failed else "", seconds=time.monotonic() - began)


def try_out(copy: Path, mutant: Mutant) -> Outcome:
    """Run the tests on a mutation in the copy, and undo it."""
    path = copy / mutant.file
    text = path.read_text(encoding="utf-8")
    compiled = Path(importlib.util.cache_from_source(str(path)))
    try:
        path.write_text(mutant.mutated(text), encoding="utf-8")
        compiled.unlink(missing_ok=True)  # Python compares whole seconds and the size
        began = time.monotonic()
        for arguments in mutant.arguments:
            if (outcome := test(copy, arguments)).noticed:
                break
        return replace(outcome, seconds=time.monotonic() - began)
    finally:
        path.write_text(text, encoding="utf-8")
        compiled.unlink(missing_ok=True)


def outcomes(mutants: list[Mutant], folder: Path) -> Iterator[tuple[Mutant, Outcome]]:
    """Each mutation's outcome, in the order in which they come."""
    copies: SimpleQueue[Path] = SimpleQueue()
    for lane in range(LANES):
        copies.put(shutil.copytree(ROOT, folder / str(lane), ignore=NOT_COPIED))

    def one(arguments: list[str]) -> Outcome:
        copy = copies.get()
        try:
            return test(copy, arguments)
        finally:
            copies.put(copy)

    def mutated(mutant: Mutant) -> tuple[Mutant, Outcome]:
        copy = copies.get()
        try:
            return mutant, try_out(copy, mutant)
        finally:
            copies.put(copy)

    with ThreadPoolExecutor(LANES) as lanes:
        needed = dict.fromkeys(
            test.partition("::")[0] for mutant in mutants for tests in mutant.arguments for test in tests
        )
        began = time.monotonic()
        for outcome in lanes.map(one, [list(needed)[lane::LANES] for lane in range(min(LANES, len(needed)))]):
            if outcome.noticed:
                raise RuntimeError(f"without any mutation a test fails: {outcome.noticed}")
        print(f"without a mutation {len(needed)} files of tests pass, {time.monotonic() - began:.0f} s", flush=True)
        for future in as_completed([lanes.submit(mutated, mutant) for mutant in mutants]):
            yield future.result()


def summary(found: list[tuple[Mutant, Outcome]]) -> tuple[list[str], int]:
    """The last lines, and the exit code."""
    survivors = [mutant for mutant, outcome in found if not outcome.noticed]
    missed = [mutant for mutant in survivors if not mutant.equivalent]
    wrong = [mutant for mutant, outcome in found if outcome.noticed and mutant.equivalent]
    lines = [f"{len(found)} mutations, {len(found) - len(survivors)} noticed, {len(survivors)} not."]
    for mutant in survivors:
        lines += [f"\nNot noticed: {mutant.file}", f"  - {mutant.before}", f"  + {mutant.after}", f"  {mutant.breaks}"]
        lines.append(f"  Equivalent: {mutant.equivalent}" if mutant.equivalent else "  The tests have a gap.")
    lines += [f"\nNoticed, though the list calls it equivalent: {mutant.file}: {mutant.breaks}" for mutant in wrong]
    return lines, int(bool(missed))


def main() -> int:
    """Try the mutations out and print what the tests noticed."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutants", description=__doc__.partition("\n")[0])
    parser.add_argument("paths", nargs="*", metavar="PATH", help="only mutations of files that begin with it")
    paths = tuple(parser.parse_args().paths) or ("",)
    mutants = [mutant for mutant in read() if mutant.file.startswith(paths)]
    found: list[tuple[Mutant, Outcome]] = []
    descendants.adopt()  # a mutated worker leaves processes behind
    with tempfile.TemporaryDirectory(prefix="ebb-mutants-") as folder:
        for mutant, outcome in outcomes(mutants, Path(folder)):
            found.append((mutant, outcome))
            said = f"noticed by {outcome.noticed}" if outcome.noticed else "NOT NOTICED"
            print(f"{len(found)}/{len(mutants)} {outcome.seconds:.0f} s {mutant.file}: {mutant.breaks}\n    {said}")
            sys.stdout.flush()
        descendants.send(signal.SIGKILL, descendants.of(os.getpid()))
    lines, code = summary(found)
    print(*lines, sep="\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
