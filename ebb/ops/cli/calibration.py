"""`ebb calibrate`."""

from dataclasses import astuple
from typing import TYPE_CHECKING, Annotated

import typer

from ebb.errors import finish
from ebb.ops.cli.common import Json, Stack, run, show_json

if TYPE_CHECKING:
    from ebb.ops.stack import Stack as DeployedStack

Days = Annotated[
    float,
    typer.Option(min=0.01, max=30, help="Days to look back. CloudWatch keeps the history of an alarm for 30."),
]
Forget = Annotated[bool, typer.Option("--forget", help="Delete the calibration: the next forecast assumes the delays.")]


def calibrate(stack: Stack, days: Days = 14, forget: Forget = False, as_json: Json = False) -> None:
    """Fit the forecast's delays to what happened in a deployed stack, and write them for the next forecast.

    There are three delays: of SQS's metrics, from an alarm to the change of the count, and from that to a task's first
    receive. They come from the history of the stack's alarms, its scaling activities and the worker's
    log. It prints what happened next to a forecast of the same jobs. Commit calibration/STACK.json, which it writes
    next to the stack file: then pull requests use it.

    \b
    ebb calibrate --stack prod
    ebb calibrate --stack prod --days 3
    ebb calibrate --stack prod --forget
    """
    if forget:
        finish(lambda: _forget(stack))

    def command(found: "DeployedStack") -> bool:
        from rich.console import Console  # noqa: PLC0415 - help answers without these imports

        from ebb.forecast.calibrate.calibration import FOLDER, save  # noqa: PLC0415
        from ebb.forecast.report.calibration import render  # noqa: PLC0415
        from ebb.ops.calibration import calibrate as calibrated  # noqa: PLC0415

        result = calibrated(found, found.clients(), days)
        file = save(result.calibration)
        if as_json:
            show_json(result)
        else:
            Console().print(render(result.calibration, [astuple(figure) for figure in result.figures]))
        for lack in result.missing:
            typer.echo(f"Too little data: {lack}.", err=True)
        typer.echo(f"Wrote {FOLDER}/{file.name}: the next forecast of {result.calibration.stack} uses it.", err=as_json)
        return True

    run(stack, command)


def _forget(stack: str) -> bool:
    from ebb.forecast.calibrate.calibration import FOLDER, forget  # noqa: PLC0415
    from ebb.ops.settings import short  # noqa: PLC0415

    name = short(stack)
    typer.echo(f"Deleted {FOLDER}/{name}.json." if forget(name) else f"There is no {FOLDER}/{name}.json.")
    return True
