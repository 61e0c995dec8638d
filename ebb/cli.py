"""The command `ebb` (`python -m ebb`): its commands and groups of commands."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

import typer

from ebb.forecast.advise.cli import advise
from ebb.forecast.cli import forecast
from ebb.help import Command, Group
from ebb.iam.cli import policy
from ebb.ops.cli.calibration import calibrate
from ebb.ops.cli.dead_letters import dlq
from ebb.ops.cli.jobs import jobs
from ebb.ops.cli.logs import logs
from ebb.ops.cli.moving import move
from ebb.ops.cli.operating import check, cost, destroy_check, drain, exec_, wake
from ebb.ops.cli.scaling import pause, resume
from ebb.ops.cli.sending import send
from ebb.ops.cli.status import status
from ebb.ops.cli.story import why
from ebb.page.cli import page
from ebb.sandbox.cli import sandbox

#: Seconds after which a finalizer has ended.
_AGAIN_SECONDS = 0.1

app = typer.Typer(
    cls=Group,
    help="Ebb on your own machine: forecast a stack, and run it in a sandbox, before you deploy it to an account.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(sandbox, name="sandbox")
app.add_typer(dlq, name="dlq")
COMMANDS: tuple[Callable[..., None], ...] = (
    *(forecast, advise, policy, status, send, jobs, why, logs),
    *(pause, resume, wake, drain, move, cost, check, destroy_check, calibrate, page),
)
for command in COMMANDS:
    app.command(cls=Command)(command)
app.command("exec", cls=Command)(exec_)


@app.callback()
def main() -> None:
    """SIGTERM ends a command as Ctrl-C does: with everything cleaned up."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    # a shell that starts a command in the background has it ignore SIGINT
    signal.signal(signal.SIGINT, stop)
    if sys.unraisablehook is sys.__unraisablehook__:  # pytest has its own
        sys.unraisablehook = _not_lost


def _not_lost(dropped: "sys.UnraisableHookArgs") -> None:
    """Python drops an exception that a finalizer raises. A Ctrl-C in that moment is sent again after it."""
    if dropped.exc_type is KeyboardInterrupt:
        threading.Timer(_AGAIN_SECONDS, os.kill, (os.getpid(), signal.SIGINT)).start()
    else:
        sys.__unraisablehook__(dropped)
