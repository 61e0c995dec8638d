"""How a command ends: an error of the user's in one sentence, a defect of ours with its traceback."""

import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from ebb.errors import UserError, finish
from ebb.ops.stack import OpsError
from ebb.project import StackError
from ebb.sandbox.client import NotAcceptedError
from ebb.sandbox.deploy.engine import DeploymentError
from ebb.sandbox.deploy.pulumi_cli import NoEngineError
from ebb.sandbox.emulators.contracts import ContractError
from ebb.sandbox.emulators.ministack.server import MiniStackError
from ebb.sandbox.emulators.region import RegionError
from ebb.sandbox.emulators.stages import ImageError
from tests.helpers.waiting import LIMIT

ROOT = Path(__file__).resolve().parents[1]
EXPECTED = [
    UserError,
    StackError,
    OpsError,
    RegionError,
    ContractError,
    MiniStackError,
    ImageError,
    DeploymentError,
    NoEngineError,
    NotAcceptedError,
]


def ended(command: object) -> tuple[int, str]:
    app = typer.Typer()

    @app.command()
    def main() -> None:
        def run() -> bool:
            if isinstance(command, BaseException):
                raise command
            return bool(command)

        finish(run)

    result = CliRunner().invoke(app, [], catch_exceptions=False)
    return result.exit_code, result.output


@pytest.mark.parametrize("kind", EXPECTED)
def test_each_error_of_the_users_ends_in_its_sentence(kind: type[UserError]) -> None:
    assert ended(kind("There is no such thing.")) == (1, "There is no such thing.\n")


@pytest.mark.parametrize(("outcome", "code"), [(True, 0), (False, 1), (KeyboardInterrupt(), 130)])
def test_a_command_without_an_error_prints_nothing_and_says_by_its_code_how_it_ended(
    outcome: object, code: int
) -> None:
    assert ended(outcome) == (code, "")


@pytest.mark.parametrize("error", [ValueError("inside"), OSError("inside"), KeyError("inside")])
def test_an_error_from_inside_is_not_caught(error: Exception) -> None:
    with pytest.raises(type(error), match="inside"):
        ended(error)


BROKEN = """
import sys, {module}
def broken(*_args, **_kwargs):
    raise ValueError("a defect of ours")
{module}.{name} = broken
sys.argv[1:] = {words!r}
from ebb.cli import app
app()
"""


@pytest.mark.parametrize(
    ("module", "name", "words"),
    [
        ("ebb.forecast.run", "simulate", ["forecast", "--stack", "sandbox", "--runs", "1"]),
        ("ebb.sandbox.sandbox", "Region", ["sandbox", "demo", "--in-process"]),
        ("ebb.sandbox.deploy.pulumi_cli", "find", ["sandbox", "engine"]),
        ("ebb.ops.stack", "read", ["status", "--stack", "dev"]),
    ],
)
def test_a_value_error_from_inside_a_command_keeps_its_traceback(module: str, name: str, words: list[str]) -> None:
    code = BROKEN.format(module=module, name=name, words=words)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 1
    assert "Traceback (most recent call last)" in done.stderr
    assert done.stderr.splitlines()[-1] == "ValueError: a defect of ours"


def test_a_ctrl_c_in_the_moment_of_a_finalizer_ends_a_command_too() -> None:
    program = """
import signal, time
from ebb.cli import main

class Finalized:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)
        for _ in range(1000):
            pass

main()
Finalized()
try:
    while True:
        time.sleep(1)
except KeyboardInterrupt:
    print("ended")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("ended\n", "", 0)
