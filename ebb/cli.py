"""The command line of `ebb`: its commands and groups of commands."""

import signal
from collections.abc import Callable
from types import FrameType
from typing import Annotated, Literal

import typer

from ebb.forecast.cli import forecast
from ebb.ops.cli import pause, resume, status

app = typer.Typer(
    help="Ebb on your own machine: know what a stack will do, and see it at work, before any account is touched.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
sandbox = typer.Typer(
    help="A small AWS region on this machine: the real Pulumi engine deploys the real program to it, and it works. "
    "No account, no cost; everything listens on 127.0.0.1 and is gone at the end.",
    no_args_is_help=True,
)
app.add_typer(sandbox, name="sandbox")
app.command()(forecast)
for command in (status, pause, resume):
    app.command()(command)

#: Exit code of a process that Ctrl-C ended (128 + SIGINT).
INTERRUPTED = 130

Stack = Annotated[str, typer.Option(help="Which Pulumi.<stack>.yaml to deploy.")]
Speed = Annotated[
    float,
    typer.Option(min=1, max=600, help="How many times faster than AWS metrics, alarms, cooldowns and task starts run."),
]
Wake = Annotated[
    Literal["metrics", "watch", "direct"],
    typer.Option(help="What wakes the service: alarms, the watcher or the API; by default what the stack says."),
]
InProcess = Annotated[bool, typer.Option(help="Deploy without the Pulumi CLI, through Pulumi's mocks.")]


@app.callback()
def main() -> None:
    """SIGTERM ends a command as Ctrl-C does: with everything cleaned up."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    # a shell that starts a command in the background has it ignore SIGINT
    signal.signal(signal.SIGINT, stop)


def _finish(run: Callable[[], bool]) -> None:
    """Run a command to its exit code; what a user can mend ends in a sentence."""
    from ebb.sandbox.sandbox import USER_ERRORS  # noqa: PLC0415

    try:
        code = 0 if run() else 1
    except USER_ERRORS as error:
        typer.secho(str(error), err=True, fg="red")
        code = 1
    except KeyboardInterrupt:
        code = INTERRUPTED
    raise typer.Exit(code)


@sandbox.command()
def up(stack: Stack = "sandbox", speed: Speed = 60.0, in_process: InProcess = False) -> None:
    """Start the region, deploy, say how to send a job, and show what happens until Ctrl-C.

    \b
    python -m ebb sandbox up                  the sandbox stack, a minute of AWS a second
    python -m ebb sandbox up --speed 10       slower, to watch alarms and cooldowns
    python -m ebb sandbox up --stack dev      what Pulumi.dev.yaml would be
    """
    from ebb.sandbox.live_view import up as run  # noqa: PLC0415 — help answers without loading Pulumi and two emulators

    _finish(lambda: run(stack, speed, in_process))


@sandbox.command()
def demo(
    stack: Stack = "sandbox", speed: Speed = 60.0, in_process: InProcess = False, wake: Wake | None = None
) -> None:
    """The whole story once: deploy, 20 jobs over HTTP, 0 → 4 → 0 tasks, nothing to change, destroy.

    Exits 0 only if every claim that it makes was seen to be true.
    """
    from ebb.sandbox.demo import run  # noqa: PLC0415

    _finish(lambda: run(stack, speed, in_process, wake))


@sandbox.command()
def engine() -> None:
    """Get the Pulumi CLI and print where it is: from PATH, the official installer, or built from its Go modules."""
    from ebb.sandbox.deploy.pulumi_cli import find  # noqa: PLC0415

    def run() -> bool:
        typer.echo(find(lambda line: typer.echo(line, err=True)).command)
        return True

    _finish(run)
