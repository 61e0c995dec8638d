"""The commands on the deployed stack of a sandbox."""

from typer.testing import CliRunner

from ebb.cli import app
from ebb.ops.stack import Stack


def test_a_command_finds_the_sandbox_by_its_name_and_says_so(stack: Stack) -> None:
    assert stack.sandbox is not None
    done = CliRunner().invoke(app, ["status", "--stack", "sandbox"])
    assert (done.exit_code, done.stderr) == (
        0,
        (
            f"Stack sandbox of the sandbox on this machine, process {stack.sandbox.process}. One in AWS of this name "
            "is organization/ebb/sandbox.\n"
        ),
    )
    assert "Jobs: 0 waiting, 0 in flight, 0 delayed." in done.stdout
